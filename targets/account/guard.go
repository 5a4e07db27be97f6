package account

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// The guards. Each refusal names the one that spoke.
const (
	guardEndpoint     = "endpoint"           // requests go to the service itself
	guardAccount      = "account"            // the account is one of --account
	guardAlias        = "alias"              // and does not look like production
	guardOrganization = "management-account" // nor manages an organization
	guardRegion       = "region"             // Regions are named
	guardQuota        = "quota"              // trails leave room
	guardLedger       = "ledger"             // the ledger is this account's
	guardOperation    = "operation"          // the operation is one that a run needs
	guardPrefix       = "prefix"             // names bear the prefix
	guardOwner        = "ownership"          // only what the ledger's runs created is changed
	guardTag          = "tag"                // and bears their tag
	guardLogging      = "logging"            // nothing logs without --allow-logging
)

var errUsage = targets.ErrUsage

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %w", targets.ErrUsage, fmt.Errorf(format, args...))
}

func refuse(guard, format string, args ...any) error {
	return fmt.Errorf("%w by the guard %s: %s", targets.ErrRefused, guard, fmt.Sprintf(format, args...))
}

func unreachable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", targets.ErrUnreachable, fmt.Sprintf(format, args...))
}

func inconclusive(format string, args ...any) error {
	return fmt.Errorf("%w: %s", targets.ErrInconclusive, fmt.Sprintf(format, args...))
}

// otherAccount stands for an account that is not the caller's: AWS keeps this number for examples, so
// that it is nobody's.
const otherAccount = "111122223333"

// standing is what the gate knows of a resource.
type standing uint8

const (
	unknown  standing = iota
	intended          // the ledger has the intention to create it
	owned             // it exists, and its tag was checked
	foreign           // it exists, and bears another tag or none
)

// gate is the one point that every request to the service passes before it is signed. It reads what
// would be sent, not what was meant: a request that changes anything must be of a known operation, in
// a Region that was named, about a resource that the ledger's runs have created.
type gate struct {
	prefix           string
	regions          []string
	bases            map[base]*url.URL
	logging, storing bool

	mu      sync.RWMutex
	account string // empty until the account was found to be the right one
	known   map[Resource]standing
	stores  map[string]Resource // by ID
	tags    map[string]bool     // of the names that this process makes up
	missing map[string]bool     // how the IDs of stores begin that this process makes up
}

// base names an endpoint.
type base struct{ service, region string }

// The services, as the gate and the policy name them.
const (
	serviceCloudTrail    = "cloudtrail"
	serviceSTS           = "sts"
	serviceIAM           = "iam"
	serviceOrganizations = "organizations"
	serviceS3            = "s3"
)

func newGate(regions []string) *gate {
	return &gate{regions: regions, bases: map[base]*url.URL{}, known: map[Resource]standing{}, stores: map[string]Resource{},
		tags: map[string]bool{}, missing: map[string]bool{}}
}

// open lets requests of the account through whose names bear the prefix.
func (g *gate) open(account, prefix string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.account, g.prefix = account, prefix
}

func (g *gate) set(r Resource, s standing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s == unknown {
		delete(g.known, r)
		return
	}
	g.known[r] = s
}

func (g *gate) setStore(id string, r Resource) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stores[id] = r
}

func (g *gate) issue(tag string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tags[tag], g.missing[naming.MissingStores(tag)] = true, true
}

// madeUp reports whether this process has made up the ID of a store.
func (g *gate) madeUp(id string) bool {
	for begins := range g.missing {
		if strings.HasPrefix(id, begins) {
			return true
		}
	}
	return false
}

// tagLength is that of the letters that make a name unique.
const tagLength = 10

// at returns the check for requests of one service in one Region.
func (g *gate) at(service, region string) endpoint.Admit {
	return func(req *http.Request, body []byte) error { return g.admit(service, region, req, body) }
}

func (g *gate) admit(service, region string, req *http.Request, body []byte) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if err := g.where(service, region, req.URL); err != nil {
		return err
	}
	if req.Host != "" && req.Host != req.URL.Host {
		return refuse(guardEndpoint, "the request names the host %s", wire.Printable(req.Host))
	}
	name := operationOf(service, g.bases[base{service, region}], req, body)
	op, ok := operations[service+":"+name]
	if !ok {
		return refuse(guardOperation, "%s of %s is nothing that a run sends", wire.Printable(name), service)
	}
	switch {
	case op.identifies:
		return nil
	case g.account == "":
		return refuse(guardAccount, "%s before the account was found to be the right one", name)
	case service == serviceCloudTrail && !slices.Contains(g.regions, region):
		return refuse(guardRegion, "%s is not one of --regions", wire.Printable(region))
	case op.needs == needsLogging && !g.logging:
		return refuse(guardLogging, "%s needs --allow-logging, because a trail that logs costs money", name)
	case op.needs == needsStores && !g.storing:
		return refuse(guardOperation, "%s needs --stores, because event data stores cost money", name)
	case !op.writes:
		return nil
	case service == serviceS3:
		return g.bucket(name, region, req)
	}
	return g.cloudTrail(name, region, body)
}

// where keeps requests on the endpoints that were fixed at the start.
func (g *gate) where(service, region string, to *url.URL) error {
	fixed := g.bases[base{service, region}]
	if fixed == nil {
		return refuse(guardRegion, "%s in %s is not what this run was told to use", service, wire.Printable(region))
	}
	if to == nil || to.Scheme != fixed.Scheme || to.Host != fixed.Host || to.User != nil {
		return refuse(guardEndpoint, "a request of %s would go elsewhere than to %s", service, fixed.Host)
	}
	return nil
}

// operationOf reads from a request what it asks for.
func operationOf(service string, at *url.URL, req *http.Request, body []byte) string {
	switch service {
	case serviceSTS, serviceIAM:
		values, err := url.ParseQuery(string(body))
		if err != nil || len(values["Action"]) != 1 || req.URL.RawQuery != "" {
			return "?"
		}
		return values.Get("Action")
	case serviceS3:
		return bucketOperation(at, req)
	}
	values := req.Header.Values(wire.TargetHeader)
	if len(values) != 1 || req.URL.RawQuery != "" {
		return "?"
	}
	target := values[0]
	for _, prefix := range []string{wire.LongPrefix, wire.ShortPrefix, "AWSOrganizationsV20161128."} {
		if name, ok := strings.CutPrefix(target, prefix); ok && (service == serviceOrganizations) == (prefix == "AWSOrganizationsV20161128.") {
			return name
		}
	}
	return "?"
}

// bucketPath splits the path of a request to S3.
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
	case bucket == "" && req.Method == http.MethodGet && sub == "":
		return "ListBuckets"
	case key != "":
		if req.Method == http.MethodDelete && sub == "" {
			return "DeleteObject"
		}
	case bucket != "":
		return bucketOperations[req.Method+" "+sub]
	}
	return "?"
}

var bucketOperations = map[string]string{
	"PUT ": "CreateBucket", "HEAD ": "HeadBucket", "DELETE ": "DeleteBucket", "GET ": "ListObjectsV2",
	"GET tagging": "GetBucketTagging", "PUT tagging": "PutBucketTagging",
	"PUT publicAccessBlock": "PutPublicAccessBlock", "PUT policy": "PutBucketPolicy",
}

// bucket checks a request that changes a bucket.
func (g *gate) bucket(op, region string, req *http.Request) error {
	name, _ := bucketPath(g.bases[base{serviceS3, region}], req)
	if !strings.HasPrefix(name, g.prefix+"-") {
		return refuse(guardPrefix, "the bucket %s does not bear the prefix %s", wire.Printable(name), g.prefix)
	}
	switch standing := g.known[Resource{Bucket, region, name}]; {
	case standing == owned, standing == intended && (op == "CreateBucket" || op == "PutBucketTagging"):
		return nil
	}
	return refuse(guardOwner, "the ledger has no bucket %s in %s whose tag was checked", wire.Printable(name), region)
}

// cloudTrail checks a request that changes trails or stores, or would if its names were others.
func (g *gate) cloudTrail(op, region string, body []byte) error {
	if g.harmless(body) {
		return nil
	}
	input, err := strictObject(body)
	if err != nil {
		return refuse(guardOperation, "a body of %s that no run sends: %s", op, err)
	}
	creates := op == string(model.OpCreate) || op == string(model.OpCreateStore)
	if known, limited := membersOf[op]; limited {
		for _, m := range input.Members() {
			if !slices.Contains(known, m.Name) {
				return refuse(guardOperation, "%s with %s is nothing that a run sends", op, wire.Printable(m.Name))
			}
		}
	}
	if creates {
		if err := g.creation(op, region, input.Get("Name")); err != nil {
			return err
		}
	}
	for _, m := range input.Members() {
		var err error
		switch folded := naming.FoldedName(m.Name); {
		case op == string(model.OpCreateStore) && m.Name == "Name":
		case folded == "eventdatastore" || folded == "insightsdestination" || folded == "eventdatastorearn" || folded == "insightsdestinationarn":
			err = eachString(m.Value, func(s string) error { return g.storeString(region, s) })
		case folded == "s3bucketname":
			err = eachString(m.Value, func(s string) error { return g.bucketString(s) })
		case folded == "eventselectors" || folded == "advancedeventselectors" || folded == "tagslist":
		case folded == "trailname" || folded == "name" || folded == "trailarn":
			err = eachString(m.Value, func(s string) error { return g.trailString(region, s) })
		default:
			err = eachString(m.Value, func(s string) error {
				if naming.IsARN(s) {
					return g.trailString(region, s)
				}
				return nil
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// membersOf lists what the operations that create or change resources for good may be given.
var membersOf = map[string][]string{
	string(model.OpCreate):      {"Name", "S3BucketName", "IncludeGlobalServiceEvents", "IsMultiRegionTrail", "TagsList"},
	string(model.OpUpdate):      {"Name", "IncludeGlobalServiceEvents", "IsMultiRegionTrail", "EnableLogFileValidation"},
	string(model.OpDelete):      {"Name"},
	string(model.OpStart):       {"Name"},
	string(model.OpStop):        {"Name"},
	string(model.OpPutEvents):   {"TrailName", "EventSelectors", "AdvancedEventSelectors"},
	string(model.OpCreateStore): {"Name", "AdvancedEventSelectors", "MultiRegionEnabled", "RetentionPeriod", "TerminationProtectionEnabled", "StartIngestion", "TagsList"},
	string(model.OpUpdateStore): {"EventDataStore", "AdvancedEventSelectors", "RetentionPeriod", "TerminationProtectionEnabled"},
	string(model.OpDeleteStore): {"EventDataStore"},
}

func (g *gate) creation(op, region string, name model.Value) error {
	kind := Trail
	if op == string(model.OpCreateStore) {
		kind = Store
	}
	if name.Kind() != model.String || !strings.HasPrefix(name.Text(), g.prefix+"-") {
		return refuse(guardPrefix, "the name of a new %s does not bear the prefix %s", kind, g.prefix)
	}
	if g.known[Resource{kind, region, name.Text()}] == unknown {
		return refuse(guardLedger, "a %s would be created that is not in the ledger", kind)
	}
	return nil
}

// trailString checks a string that names a trail, in every way in which a service might read it.
func (g *gate) trailString(region, s string) error {
	if naming.IsARN(s) {
		parts := strings.SplitN(s, ":", 6)
		if len(parts) > 4 && parts[4] != "" && parts[4] != g.account && parts[4] != otherAccount {
			return refuse(guardAccount, "an ARN of an account that is not the caller's")
		}
		if len(parts) > 4 && parts[3] != "" {
			region = parts[3]
		}
		if len(parts) > 4 && parts[4] == otherAccount {
			region = "" // nothing of ours is there
		}
	}
	for _, name := range readings(s) {
		if err := g.trailName(region, name); err != nil {
			return err
		}
	}
	return nil
}

// trailName admits a trail of the ledger's, and names that this process made up, which nothing else
// can bear.
func (g *gate) trailName(region, name string) error {
	rest, ok := strings.CutPrefix(name, g.prefix+"-")
	if !ok {
		return refuse(guardPrefix, "the trail name %s does not bear the prefix %s", wire.Printable(name), g.prefix)
	}
	standing := g.known[Resource{Trail, region, name}]
	if standing == foreign {
		return refuse(guardTag, "the trail %s bears another tag than the ledger's", wire.Printable(name))
	}
	if standing == owned || len(rest) > tagLength && rest[tagLength] == '-' && g.tags[rest[:tagLength]] {
		return nil
	}
	return refuse(guardOwner, "the ledger has no trail %s in %s whose tag was checked", wire.Printable(name), wire.Printable(region))
}

// storeString checks a string that names an event data store: all IDs in it must be known.
func (g *gate) storeString(region, s string) error {
	if naming.IsARN(s) {
		parts := strings.SplitN(s, ":", 6)
		if len(parts) > 4 && parts[4] != "" && parts[4] != g.account && parts[4] != otherAccount {
			return refuse(guardAccount, "an ARN of an account that is not the caller's")
		}
	}
	for _, id := range naming.StoreIDs.FindAllString(s, -1) {
		if r, ok := g.stores[strings.ToLower(id)]; ok && g.known[r] == owned || g.madeUp(strings.ToLower(id)) {
			continue
		}
		return refuse(guardOwner, "the ledger has no event data store %s whose tag was checked", id)
	}
	return nil
}

func (g *gate) bucketString(s string) error {
	for r, standing := range g.known {
		if r.Kind == Bucket && r.Name == s && standing == owned {
			return nil
		}
	}
	return refuse(guardOwner, "the ledger has no bucket %s whose tag was checked", wire.Printable(s))
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

func eachString(v model.Value, check func(string) error) error {
	switch v.Kind() {
	case model.String:
		return check(v.Text())
	case model.List:
		for _, item := range v.Items() {
			if err := eachString(item, check); err != nil {
				return err
			}
		}
	case model.Object:
		for _, m := range v.Members() {
			if err := eachString(m.Value, check); err != nil {
				return err
			}
		}
	}
	return nil
}

// harmlessBodies are the malformed bodies that the suites send.
var harmlessBodies = func() (bodies []string) {
	for _, whole := range generators.Wholes() {
		if r := whole.Apply(model.Request{Op: model.OpPut}); r.Raw != nil {
			bodies = append(bodies, *r.Raw)
		}
	}
	return bodies
}()

// harmless reports whether a body is the beginning of one of the malformed ones of the suites, with
// this run's names in place of theirs.
func (g *gate) harmless(body []byte) bool {
	text := string(body)
	for _, bad := range harmlessBodies {
		if strings.HasPrefix(bad, text) && !strings.Contains(text, generators.NameAlpha) {
			return true
		}
		before, after, named := strings.Cut(bad, generators.NameAlpha)
		rest, ok := strings.CutPrefix(text, before+g.prefix+"-")
		if !named || !ok || len(rest) < tagLength || !g.tags[rest[:tagLength]] {
			continue
		}
		rest, ok = strings.CutPrefix(rest[tagLength:], "-"+generators.NameAlpha)
		if ok && strings.HasPrefix(after, rest) {
			return true
		}
	}
	return false
}

// strictObject reads a JSON object that there is only one way to read: valid UTF-8, nothing after it,
// no member twice in any letter case.
func strictObject(body []byte) (model.Value, error) {
	if !utf8.Valid(body) || bytes.HasPrefix(body, []byte("\ufeff")) {
		return model.Value{}, errors.New("it is no UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := oneReading(decoder); err != nil {
		return model.Value{}, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return model.Value{}, errors.New("something stands after it")
	}
	v, err := model.ParseValue(body)
	if err != nil || v.Kind() != model.Object {
		return v, errors.New("it is no JSON object")
	}
	return v, nil
}

func oneReading(decoder *json.Decoder) error {
	token, err := decoder.Token()
	if err != nil {
		return errors.New("it is no JSON")
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for decoder.More() {
			name, err := decoder.Token()
			if err != nil {
				return errors.New("it is no JSON")
			}
			if seen[fmt.Sprint(name)] {
				return fmt.Errorf("%s stands twice", wire.Printable(fmt.Sprint(name)))
			}
			seen[fmt.Sprint(name)] = true
			if err := oneReading(decoder); err != nil {
				return err
			}
		}
		_, err = decoder.Token()
	case json.Delim('['):
		for decoder.More() {
			if err := oneReading(decoder); err != nil {
				return err
			}
		}
		_, err = decoder.Token()
	}
	return err
}

// fence is the transport of all requests: whatever a client was made to believe, nothing leaves for
// another host.
type fence struct {
	inner http.RoundTripper
	gate  *gate
}

func (f fence) RoundTrip(req *http.Request) (*http.Response, error) {
	for _, fixed := range f.gate.bases {
		if req.URL.Scheme == fixed.Scheme && req.URL.Host == fixed.Host {
			return f.inner.RoundTrip(req)
		}
	}
	return nil, refuse(guardEndpoint, "a request would go to %s", wire.Printable(req.URL.Host))
}
