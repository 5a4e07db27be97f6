// Package accounttest is a small cloud for tests of the account target: CloudTrail by the embedded
// server, and just as much of STS, IAM, Organizations and S3 as the target asks for.
package accounttest

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/account"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/wire"
)

// The credentials that ForTest options carry. They look like real ones, so that a scan can find them.
const (
	KeyID  = "AKIAZZZZZZZZTESTKEY1"
	Secret = "s3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr"
	Token  = "t0kenT0kenT0kenT0kenT0kenT0kenT0kenT0ken"
)

// Account is that of a new cloud.
const Account = "404142434445"

// Fault is what a request gets instead of its answer.
type Fault struct {
	Status  int // 0 is 400
	Code    string
	Message string
	Drop    bool // the connection is cut
	Applied bool // only after the request was carried out
}

// Seen is one request that has arrived.
type Seen struct {
	Service, Op, Region string
	Body                string
}

// Cloud is an account. Its fields may be changed before requests come.
type Cloud struct {
	URL          string
	Account      string
	Aliases      []string
	Organization string // the account id of the management account; empty is none
	// Fault, where not nil, is asked about each request; n counts those of the same operation from 1.
	Fault func(s Seen, n int) *Fault

	mu      sync.Mutex
	server  *embedded.Server
	seen    []Seen
	counts  map[string]int
	trails  map[string]string            // ARN → home Region
	tags    map[string]map[string]string // by ARN or bucket
	buckets map[string]map[string]string // by name: objects
	made    map[string]string            // stores: ARN → name
	extra   map[string]string            // policies and access blocks, by bucket and kind
}

// Start runs a cloud until the test is over.
func Start(t testing.TB, o embedded.ServerOptions) *Cloud {
	t.Helper()
	server, err := embedded.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &Cloud{Account: Account, server: server, counts: map[string]int{}, trails: map[string]string{},
		tags: map[string]map[string]string{}, buckets: map[string]map[string]string{}, made: map[string]string{}, extra: map[string]string{}}
	listening := httptest.NewServer(c)
	t.Cleanup(listening.Close)
	c.URL = listening.URL
	return c
}

// Endpoints has one URL for all services.
func Endpoints(url string) map[string]string {
	return map[string]string{"cloudtrail": url, "sts": url, "iam": url, "organizations": url, "s3": url}
}

// Options are those of a run in the cloud.
func (c *Cloud) Options(t testing.TB, o account.Options) account.Options {
	if o.Accounts == nil {
		o.Accounts = []string{c.Account}
	}
	if o.Regions == nil {
		o.Regions = []string{"us-east-1"}
	}
	return account.ForTest(t, o, Endpoints(c.URL), credentials.NewStaticCredentialsProvider(KeyID, Secret, Token))
}

// Requests lists what has arrived.
func (c *Cloud) Requests() []Seen {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

// Left lists the trails, buckets and stores that there are, by ARN or name.
func (c *Cloud) Left() (left []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left = slices.AppendSeq(left, maps.Keys(c.trails))
	left = slices.AppendSeq(left, maps.Keys(c.buckets))
	left = slices.AppendSeq(left, maps.Keys(c.made))
	slices.Sort(left)
	return left
}

// AddTrail makes a trail that is not the target's.
func (c *Cloud) AddTrail(region, name string, tags map[string]string) string {
	in := value.Obj("Name", name, "S3BucketName", "other", "TagsList", tagsList(tags))
	c.serve(Seen{"cloudtrail", "CreateTrail", region, in.String()}, nil)
	return c.trailARN(region, name)
}

// AddBucket makes a bucket with objects.
func (c *Cloud) AddBucket(name string, tags, objects map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if objects == nil {
		objects = map[string]string{}
	}
	c.buckets[name], c.tags[name] = objects, tags
}

// Objects puts objects into the bucket whose name has the prefix.
func (c *Cloud) Objects(prefix string, keys ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, objects := range c.buckets {
		if strings.HasPrefix(name, prefix) {
			for _, key := range keys {
				objects[key] = "{}"
			}
		}
	}
}

// Extra is the policy or publicAccessBlock that a bucket was given.
func (c *Cloud) Extra(bucket, kind string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.extra[bucket+"?"+kind]
}

func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	seen := Seen{Body: string(body), Region: wire.SignedRegion(r.Header)}
	if _, scope, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		if parts := strings.Split(strings.Split(scope, ",")[0], "/"); len(parts) == 5 {
			seen.Service = parts[3]
		}
	}
	switch target := r.Header.Get(wire.TargetHeader); {
	case target != "":
		seen.Op = target[strings.LastIndexByte(target, '.')+1:]
	case seen.Service == "s3":
		seen.Op = r.Method + " " + r.URL.RequestURI()
	default:
		values, _ := url.ParseQuery(string(body))
		seen.Op = values.Get("Action")
	}
	c.mu.Lock()
	c.seen = append(c.seen, seen)
	c.counts[seen.Op]++
	n, ask := c.counts[seen.Op], c.Fault
	c.mu.Unlock()
	var fault *Fault
	if ask != nil {
		fault = ask(seen, n)
	}
	var answer *httptest.ResponseRecorder
	if fault == nil || fault.Applied {
		answer = c.serve(seen, r)
	}
	switch {
	case fault == nil:
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	case fault.Drop:
		panic(http.ErrAbortHandler)
	default:
		refuse(w, seen.Service, *fault)
	}
}

// errorXML is how services that do not speak JSON refuse.
var errorXML = map[string]string{
	"sts": "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>",
	"iam": "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>",
	"s3":  "<Error><Code>%s</Code><Message>%s</Message></Error>",
}

func refuse(w http.ResponseWriter, service string, f Fault) {
	form, isXML := errorXML[service]
	if isXML {
		w.Header().Set("Content-Type", "application/xml")
	} else {
		w.Header().Set("Content-Type", wire.ContentType)
	}
	w.WriteHeader(cmp.Or(f.Status, http.StatusBadRequest))
	if isXML {
		fmt.Fprintf(w, form, f.Code, f.Message)
	} else {
		w.Write(wire.EncodeRefusal(f.Code, f.Message))
	}
}

func (c *Cloud) serve(seen Seen, r *http.Request) *httptest.ResponseRecorder {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := httptest.NewRecorder()
	switch seen.Service {
	case "sts":
		fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult>`+
			`<Arn>arn:aws:sts::%[1]s:assumed-role/sandbox/night</Arn><UserId>AROAX:night</UserId><Account>%[1]s</Account>`+
			`</GetCallerIdentityResult></GetCallerIdentityResponse>`, c.Account)
	case "iam":
		members := ""
		for _, alias := range c.Aliases {
			members += "<member>" + alias + "</member>"
		}
		fmt.Fprintf(w, `<ListAccountAliasesResponse><ListAccountAliasesResult><IsTruncated>false</IsTruncated>`+
			`<AccountAliases>%s</AccountAliases></ListAccountAliasesResult></ListAccountAliasesResponse>`, members)
	case "organizations":
		if c.Organization == "" {
			refuse(w, seen.Service, Fault{Code: "AWSOrganizationsNotInUseException", Message: "Your account is not a member of an organization."})
			break
		}
		w.Header().Set("Content-Type", wire.ContentType)
		fmt.Fprint(w, value.Obj("Organization", value.Obj("Id", "o-example", "MasterAccountId", c.Organization)))
	case "s3":
		c.bucket(w, r, seen)
	case "cloudtrail":
		c.cloudTrail(w, r, seen)
	default:
		w.WriteHeader(http.StatusForbidden)
	}
	return w
}

// maxTrails is the quota of a Region.
const maxTrails = 5

// cloudTrail answers what the embedded server has no operation for, and has it answer the rest.
func (c *Cloud) cloudTrail(w *httptest.ResponseRecorder, r *http.Request, seen Seen) {
	w.Header().Set("Content-Type", wire.ContentType)
	in, _ := value.Parse([]byte(seen.Body))
	var list []value.Value
	switch seen.Op {
	case "DescribeTrails":
		for arn, home := range c.trails {
			if home == seen.Region {
				list = append(list, value.Obj("Name", arn[strings.LastIndexByte(arn, '/')+1:], "TrailARN", arn, "HomeRegion", home))
			}
		}
		fmt.Fprint(w, value.Obj("trailList", value.ListOf(list...)))
		return
	case "ListTags":
		for _, id := range in.Get("ResourceIdList").Items() {
			tags, ok := c.tags[id.Text()]
			if !ok {
				refuse(w, seen.Service, Fault{Code: "ResourceNotFoundException", Message: "no " + id.Text()})
				return
			}
			list = append(list, value.Obj("ResourceId", id, "TagsList", tagsList(tags)))
		}
		fmt.Fprint(w, value.Obj("ResourceTagList", value.ListOf(list...)))
		return
	case "ListEventDataStores":
		for arn, name := range c.made {
			list = append(list, value.Obj("Name", name, "EventDataStoreArn", arn, "Status", "ENABLED"))
		}
		fmt.Fprint(w, value.Obj("EventDataStores", value.ListOf(list...)))
		return
	case "CreateTrail":
		inRegion := 0
		for _, home := range c.trails {
			if home == seen.Region {
				inRegion++
			}
		}
		if inRegion >= maxTrails {
			refuse(w, seen.Service, Fault{Code: "MaximumNumberOfTrailsExceededException", Message: "five"})
			return
		}
	}
	c.forward(w, r, seen)
	if w.Code == http.StatusOK {
		out, _ := value.Parse(w.Body.Bytes())
		c.keep(seen, in, out)
	}
}

// forward has the embedded server answer; r is nil for a request that did not arrive over the network.
func (c *Cloud) forward(w http.ResponseWriter, r *http.Request, seen Seen) {
	inner := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(seen.Body))
	inner.Header.Set(wire.TargetHeader, wire.ShortPrefix+seen.Op)
	if r != nil {
		inner.Method = r.Method
		inner.Header.Set(wire.TargetHeader, r.Header.Get(wire.TargetHeader))
	}
	inner.Header.Set("Content-Type", wire.ContentType)
	inner.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.Account+"/20260101/"+seen.Region+
		"/cloudtrail/aws4_request, SignedHeaders=host, Signature=x")
	c.server.ServeHTTP(w, inner)
}

// keep notes what a request that succeeded has made or deleted.
func (c *Cloud) keep(seen Seen, in, out value.Value) {
	switch seen.Op {
	case "CreateTrail":
		arn := out.Get("TrailARN").Text()
		c.trails[arn] = seen.Region
		c.tag(arn, in)
	case "CreateEventDataStore":
		arn := out.Get("EventDataStoreArn").Text()
		c.made[arn] = in.Get("Name").Text()
		c.tag(arn, in)
	case "DeleteTrail":
		delete(c.trails, c.trailARN(seen.Region, in.Get("Name").Text()))
	case "DeleteEventDataStore":
		id := in.Get("EventDataStore").Text()
		maps.DeleteFunc(c.made, func(arn, _ string) bool { return strings.HasSuffix(arn, id) })
	}
}

func (c *Cloud) trailARN(region, name string) string {
	return "arn:aws:cloudtrail:" + region + ":" + c.Account + ":trail/" + name
}

func tagsList(tags map[string]string) value.Value {
	var list []value.Value
	for key, item := range tags {
		list = append(list, value.Obj("Key", key, "Value", item))
	}
	return value.ListOf(list...)
}

func (c *Cloud) tag(arn string, in value.Value) {
	c.tags[arn] = map[string]string{}
	for _, tag := range in.Get("TagsList").Items() {
		c.tags[arn][tag.Get("Key").Text()] = tag.Get("Value").Text()
	}
}

func (c *Cloud) bucket(w *httptest.ResponseRecorder, r *http.Request, seen Seen) {
	w.Header().Set("Content-Type", "application/xml")
	no := func(status int, code string) { refuse(w, "s3", Fault{Status: status, Code: code, Message: "no"}) }
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	objects, there := c.buckets[name]
	query := r.URL.Query()
	switch {
	case name == "":
		fmt.Fprint(w, "<ListAllMyBucketsResult><Buckets>")
		for bucket := range c.buckets {
			fmt.Fprintf(w, "<Bucket><Name>%s</Name></Bucket>", bucket)
		}
		fmt.Fprint(w, "</Buckets></ListAllMyBucketsResult>")
	case r.Method == http.MethodPut && r.URL.RawQuery == "" || query.Get("x-id") == "CreateBucket":
		c.buckets[name], c.tags[name] = map[string]string{}, nil
	case !there:
		no(http.StatusNotFound, "NoSuchBucket")
	case query.Has("tagging") && r.Method == http.MethodPut:
		var tagging struct {
			TagSet struct{ Tag []struct{ Key, Value string } }
		}
		_ = xml.Unmarshal([]byte(seen.Body), &tagging)
		c.tags[name] = map[string]string{}
		for _, tag := range tagging.TagSet.Tag {
			c.tags[name][tag.Key] = tag.Value
		}
	case query.Has("tagging"):
		if c.tags[name] == nil {
			no(http.StatusNotFound, "NoSuchTagSet")
			return
		}
		fmt.Fprint(w, "<Tagging><TagSet>")
		for k, v := range c.tags[name] {
			fmt.Fprintf(w, "<Tag><Key>%s</Key><Value>%s</Value></Tag>", k, v)
		}
		fmt.Fprint(w, "</TagSet></Tagging>")
	case r.Method == http.MethodPut:
		for _, kind := range []string{"policy", "publicAccessBlock"} {
			if query.Has(kind) {
				c.extra[name+"?"+kind] = seen.Body
			}
		}
	case r.Method == http.MethodDelete && key != "":
		delete(objects, key)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete && len(objects) > 0:
		no(http.StatusConflict, "BucketNotEmpty")
	case r.Method == http.MethodDelete:
		delete(c.buckets, name)
		delete(c.tags, name)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet:
		fmt.Fprintf(w, "<ListBucketResult><Name>%s</Name>", name)
		for object := range objects {
			fmt.Fprintf(w, "<Contents><Key>%s</Key></Contents>", object)
		}
		fmt.Fprint(w, "</ListBucketResult>")
	}
}
