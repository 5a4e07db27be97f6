// Package gate decides which requests of the account target may be sent: every one passes here before it is signed.
package gate

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/naming"
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

func (g *Gate) bucket(op, region string, req *http.Request) error {
	name, _ := bucketPath(g.bases[base{S3, region}], req)
	if !strings.HasPrefix(name, g.prefix+"-") {
		return Refuse(GuardPrefix, "the bucket %s does not bear the prefix %s", wire.Printable(name), g.prefix)
	}
	is := g.known[ledger.Bucket.In(region, name)]
	if is == Owned || is == Intended && (op == "CreateBucket" || op == "PutBucketTagging") {
		return nil
	}
	return Refuse(guardOwner, "the ledger has no bucket %s in %s whose tag was checked", wire.Printable(name), region)
}

// cloudTrail checks a request that changes trails or stores, or would if its names were others.
func (g *Gate) cloudTrail(name string, op operation, region string, body []byte) error {
	if g.harmless(body) {
		return nil
	}
	input, err := strictObject(body)
	if err != nil {
		return Refuse(guardOperation, "a body of %s that no run sends: %s", name, err)
	}
	for _, m := range input.Members() {
		if op.lacks(m) {
			return Refuse(guardOperation, "%s with %s is nothing that a run sends", name, wire.Printable(m.Name))
		}
	}
	if op.creates != "" {
		called := input.Get("Name")
		if called.Kind() != value.String || !strings.HasPrefix(called.Text(), g.prefix+"-") {
			return Refuse(GuardPrefix, "the name of a new %s does not bear the prefix %s", op.creates, g.prefix)
		}
		if g.known[op.creates.In(region, called.Text())] == Unknown {
			return Refuse(guardLedger, "a %s would be created that is not in the ledger", op.creates)
		}
	}
	for _, m := range input.Members() {
		check := func(s string) error { return g.trailString(region, s) }
		switch naming.FoldedName(m.Name) {
		case "eventdatastore", "insightsdestination", "eventdatastorearn", "insightsdestinationarn":
			check = g.storeString
		case "s3bucketname":
			check = g.bucketString
		case "eventselectors", "advancedeventselectors", "tagslist":
			continue
		case "trailname", "name", "trailarn":
			if op.creates == ledger.Store && m.Name == "Name" {
				continue
			}
		default:
			check = func(s string) error {
				if naming.IsARN(s) {
					return g.trailString(region, s)
				}
				return nil
			}
		}
		generators.MapStrings(m.Value, func(s string) string {
			err = cmp.Or(err, check(s)) // the first objection
			return s
		})
	}
	return err
}

// trailString checks a string that names a trail, in every way in which a service might read it.
func (g *Gate) trailString(region, s string) error {
	named, account, err := g.accountOf(s)
	switch {
	case err != nil:
		return err
	case account == OtherAccount:
		region = "" // nothing of ours is there
	case named != "":
		region = named
	}
	for _, name := range readings(s) {
		if err := g.trailName(region, name); err != nil {
			return err
		}
	}
	return nil
}

// accountOf reads what might be taken for an ARN, and refuses accounts neither the caller's nor nobody's.
func (g *Gate) accountOf(s string) (region, account string, err error) {
	parts := strings.SplitN(s, ":", 6)
	if !naming.IsARN(s) || len(parts) < 5 {
		return "", "", nil
	}
	region, account = parts[3], parts[4]
	if account != "" && account != g.account && account != OtherAccount {
		err = Refuse(GuardAccount, "an ARN of an account that is not the caller's")
	}
	return region, account, err
}

// trailName admits a trail of the ledger's, and names that this process made up, which nothing else bears.
func (g *Gate) trailName(region, name string) error {
	rest, ok := strings.CutPrefix(name, g.prefix+"-")
	if !ok {
		return Refuse(GuardPrefix, "the trail name %s does not bear the prefix %s", wire.Printable(name), g.prefix)
	}
	is := g.known[ledger.Trail.In(region, name)]
	if is == Foreign {
		return Refuse(GuardTag, "the trail %s bears another tag than the ledger's", wire.Printable(name))
	}
	if is == Owned || len(rest) > naming.TagLength && rest[naming.TagLength] == '-' && g.tags[rest[:naming.TagLength]] {
		return nil
	}
	return Refuse(guardOwner, "the ledger has no trail %s in %s whose tag was checked", wire.Printable(name), wire.Printable(region))
}

// storeString checks a string that names an event data store: all IDs in it must be known.
func (g *Gate) storeString(s string) error {
	if _, _, err := g.accountOf(s); err != nil {
		return err
	}
	for _, id := range naming.StoreIDs.FindAllString(s, -1) {
		lower, madeUp := strings.ToLower(id), false // by this process, as the ID of a store that there is not
		for tag := range g.tags {
			madeUp = madeUp || strings.HasPrefix(lower, naming.MissingStores(tag))
		}
		if r, ok := g.stores[lower]; !madeUp && !(ok && g.known[r] == Owned) {
			return Refuse(guardOwner, "the ledger has no event data store %s whose tag was checked", id)
		}
	}
	return nil
}

func (g *Gate) bucketString(s string) error {
	for r, is := range g.known {
		if r.Kind == ledger.Bucket && r.Name == s && is == Owned {
			return nil
		}
	}
	return Refuse(guardOwner, "the ledger has no bucket %s whose tag was checked", wire.Printable(s))
}

// readings lists the trail names that a string may be taken for, however carelessly.
func readings(s string) (names []string) {
	if naming.IsARN(s) {
		parts := strings.SplitN(s, ":", 6)
		if len(parts) < 6 {
			return nil
		}
		s = parts[5]
	}
	naming.MapNames(s, func(name string) string {
		if model.ValidTrailName(name) {
			names = append(names, name)
		}
		return name
	})
	return names
}

func operationOf(service string, at *url.URL, req *http.Request, body []byte) string {
	switch service {
	case STS, IAM:
		values, err := url.ParseQuery(string(body))
		if err != nil || len(values["Action"]) != 1 || req.URL.RawQuery != "" {
			return "?"
		}
		return values.Get("Action")
	case S3:
		return bucketOperation(at, req)
	}
	values := req.Header.Values(wire.TargetHeader)
	if len(values) != 1 || req.URL.RawQuery != "" {
		return "?"
	}
	prefixes := []string{wire.LongPrefix, wire.ShortPrefix}
	if service == Organizations {
		prefixes = []string{"AWSOrganizationsV20161128."}
	}
	for _, prefix := range prefixes {
		if name, ok := strings.CutPrefix(values[0], prefix); ok {
			return name
		}
	}
	return "?"
}

func bucketPath(at *url.URL, req *http.Request) (bucket, key string) {
	path := strings.TrimPrefix(req.URL.EscapedPath(), strings.TrimSuffix(at.EscapedPath(), "/"))
	bucket, key, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return bucket, key
}

// bucketOperation names an operation of S3 by the method and the subresource that it uses.
func bucketOperation(at *url.URL, req *http.Request) string {
	bucket, key := bucketPath(at, req)
	query := req.URL.Query()
	sub := ""
	for name := range query {
		switch name {
		case "tagging", "publicAccessBlock", "policy":
			sub += name
		case "list-type", "x-id", "max-keys", "continuation-token", "max-buckets", "prefix", "bucket-region":
		default:
			return "?"
		}
	}
	switch {
	case bucket == "":
		sub += "/"
	case key != "":
		sub += "/key"
	}
	return cmp.Or(bucketOperations[req.Method+" "+sub], "?")
}

var bucketOperations = map[string]string{
	"PUT ": "CreateBucket", "HEAD ": "HeadBucket", "DELETE ": "DeleteBucket", "GET ": "ListObjectsV2",
	"GET tagging": "GetBucketTagging", "PUT tagging": "PutBucketTagging",
	"PUT publicAccessBlock": "PutPublicAccessBlock", "PUT policy": "PutBucketPolicy",
	"GET /": "ListBuckets", "DELETE /key": "DeleteObject",
}

// harmless reports whether a body begins a malformed one of the suites, with this run's names in place of theirs.
func (g *Gate) harmless(body []byte) bool {
	text := string(body)
	for _, whole := range generators.Wholes() {
		r := whole(model.Request{Op: model.OpPut})
		if r.Raw == nil {
			continue
		}
		bad := *r.Raw
		if strings.HasPrefix(bad, text) && !strings.Contains(text, generators.NameAlpha) {
			return true
		}
		before, after, named := strings.Cut(bad, generators.NameAlpha)
		rest, ok := strings.CutPrefix(text, before+g.prefix+"-")
		if !named || !ok || len(rest) < naming.TagLength || !g.tags[rest[:naming.TagLength]] {
			continue
		}
		rest, ok = strings.CutPrefix(rest[naming.TagLength:], "-"+generators.NameAlpha)
		if ok && strings.HasPrefix(after, rest) {
			return true
		}
	}
	return false
}

// strictObject reads a JSON object that can be read in one way: UTF-8, nothing after it, no member twice.
func strictObject(body []byte) (value.Value, error) {
	if err := json.Unmarshal(body, new(jsontext.Value)); err != nil {
		return value.Value{}, errors.New(wire.Printable(err.Error()))
	}
	v, err := value.Parse(body)
	if err != nil || v.Kind() != value.Object {
		return v, errors.New("it is no JSON object")
	}
	return v, nil
}
