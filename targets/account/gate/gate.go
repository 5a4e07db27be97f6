// Package gate decides which requests of the account target may be sent: every one passes here before it is signed.
package gate

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/wire"
)

// The guards. Each refusal names the one that spoke.
const (
	GuardEndpoint     = "endpoint"           // requests go to the service itself
	GuardAccount      = "account"            // the account is one of --account
	GuardAlias        = "alias"              // and does not look like production
	GuardOrganization = "management-account" // nor manages an organization
	GuardRegion       = "region"             // Regions are named
	GuardQuota        = "quota"              // trails leave room
	guardLedger       = "ledger"             // the ledger is this account's
	guardOperation    = "operation"          // the operation is one that a run needs
	GuardPrefix       = "prefix"             // names bear the prefix
	guardOwner        = "ownership"          // only what the ledger's runs created is changed
	GuardTag          = "tag"                // and bears their tag
	guardLogging      = "logging"            // nothing logs without --allow-logging
)

// Refuse is the refusal by a guard.
func Refuse(guard, format string, args ...any) error {
	return fmt.Errorf("%w by the guard %s: %s", targets.ErrRefused, guard, fmt.Sprintf(format, args...))
}

// OtherAccount stands for another account than the caller's: AWS keeps it for examples, so it is nobody's.
const OtherAccount = "111122223333"

// standing is what the gate knows of a resource.
type standing uint8

const (
	Unknown  standing = iota
	Intended          // the ledger has the intention to create it
	Owned             // it exists, and its tag was checked
	Foreign           // it exists, and bears another tag or none
)

// Gate is the one point that every request to the service passes before it is signed. It reads what
// would be sent, not what was meant: a request that changes anything must be of a known operation, in
// a Region that was named, about a resource that the ledger's runs have created.
type Gate struct {
	prefix           string
	regions          []string
	bases            map[base]*url.URL
	logging, storing bool

	mu      sync.RWMutex
	account string // empty until the account was found to be the right one
	known   map[ledger.Resource]standing
	stores  map[string]ledger.Resource // by ID
	tags    map[string]bool            // of the names that this process makes up
}

type base struct{ service, region string }

// The services, as the gate and the policy name them.
const (
	CloudTrail    = "cloudtrail"
	STS           = "sts"
	IAM           = "iam"
	Organizations = "organizations"
	S3            = "s3"
)

// New returns a gate for some Regions that lets nothing through yet but the questions who the caller is.
// logging and storing let operations through that cost money.
func New(regions []string, logging, storing bool) *Gate {
	return &Gate{regions: regions, logging: logging, storing: storing, bases: map[base]*url.URL{},
		known: map[ledger.Resource]standing{}, stores: map[string]ledger.Resource{},
		tags: map[string]bool{}}
}

// Fix has requests of a service in a Region go to a URL, and nowhere else.
func (g *Gate) Fix(service, region string, to *url.URL) { g.bases[base{service, region}] = to }

// Base is where requests of a service in a Region go.
func (g *Gate) Base(service, region string) *url.URL { return g.bases[base{service, region}] }

func (g *Gate) tell(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
}

// Open lets requests of the account through whose names bear the prefix.
func (g *Gate) Open(account, prefix string) { g.tell(func() { g.account, g.prefix = account, prefix }) }

// Set tells what is known of a resource.
func (g *Gate) Set(r ledger.Resource, s standing) { g.tell(func() { g.known[r] = s }) }

// SetStore tells the ID of an event data store.
func (g *Gate) SetStore(id string, r ledger.Resource) { g.tell(func() { g.stores[id] = r }) }

// Issue admits names that have a tag of ten letters, which the caller makes up.
func (g *Gate) Issue(tag string) { g.tell(func() { g.tags[tag] = true }) }

// At returns the check for requests of one service in one Region.
func (g *Gate) At(service, region string) endpoint.Admit {
	return func(req *http.Request, body []byte) error { return g.admit(service, region, req, body) }
}

func (g *Gate) admit(service, region string, req *http.Request, body []byte) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	fixed := g.bases[base{service, region}]
	switch to := req.URL; {
	case fixed == nil:
		return Refuse(GuardRegion, "%s in %s is not what this run was told to use", service, wire.Printable(region))
	case to == nil || to.Scheme != fixed.Scheme || to.Host != fixed.Host || to.User != nil:
		return Refuse(GuardEndpoint, "a request of %s would go elsewhere than to %s", service, fixed.Host)
	case req.Host != "" && req.Host != to.Host:
		return Refuse(GuardEndpoint, "the request names the host %s", wire.Printable(req.Host))
	}
	name := operationOf(service, fixed, req, body)
	op, ok := operations[service+":"+name]
	if !ok {
		return Refuse(guardOperation, "%s of %s is nothing that a run sends", wire.Printable(name), service)
	}
	switch {
	case op.identifies:
		return nil
	case g.account == "":
		return Refuse(GuardAccount, "%s before the account was found to be the right one", name)
	case service == CloudTrail && !slices.Contains(g.regions, region):
		return Refuse(GuardRegion, "%s is not one of --regions", wire.Printable(region))
	case op.logging && !g.logging:
		return Refuse(guardLogging, "%s needs --allow-logging, because a trail that logs costs money", name)
	case op.stores && !g.storing:
		return Refuse(guardOperation, "%s needs --stores, because event data stores cost money", name)
	case !op.writes:
		return nil
	case service == S3:
		return g.bucket(name, region, req)
	}
	return g.cloudTrail(name, op, region, body)
}

// Transport is that of all requests: whatever a client believes, nothing leaves for another host.
func (g *Gate) Transport(inner http.RoundTripper) http.RoundTripper {
	return fence(func(req *http.Request) (*http.Response, error) {
		for _, fixed := range g.bases {
			if req.URL.Scheme == fixed.Scheme && req.URL.Host == fixed.Host {
				return inner.RoundTrip(req)
			}
		}
		return nil, Refuse(GuardEndpoint, "a request would go to %s", wire.Printable(req.URL.Host))
	})
}

type fence func(*http.Request) (*http.Response, error)

func (f fence) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
