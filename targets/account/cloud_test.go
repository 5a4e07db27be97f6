package account_test

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"iter"
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

// The credentials of tests. They look like real ones, so that a scan can find them.
const (
	testKeyID  = "AKIAZZZZZZZZTESTKEY1"
	testSecret = "s3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr"
	testToken  = "t0kenT0kenT0kenT0kenT0kenT0kenT0kenT0ken"
)

// testAccount is that of a new cloud.
const testAccount = "404142434445"

// cloudFault is what a request gets instead of its answer.
type cloudFault struct {
	Status  int // 0 is 400
	Code    string
	Message string
	Drop    bool // the connection is cut
	Applied bool // only after the request was carried out
}

// seenRequest is one request that has arrived.
type seenRequest struct {
	Service, Op, Region string
	Body                string
}

// cloud is a small one that answers for an account: CloudTrail by the embedded server, and just as much of
// STS, IAM, Organizations and S3 as the target asks for. Its fields may be changed before the first request.
type cloud struct {
	URL          string
	Account      string
	Aliases      []string
	Organization string // the account id of the management account; empty is none
	// Fault, where not nil, is asked about each request; n counts those of the same operation from 1.
	Fault   func(s seenRequest, n int) *cloudFault
	Buckets map[string]map[string]string // by name: objects
	Tags    map[string]map[string]string // by ARN or bucket
	Extra   map[string]string            // policies and access blocks, by bucket, question mark and kind

	mu     sync.Mutex
	server *embedded.Server
	seen   []seenRequest
	made   map[string]string // trails and stores: ARN → name
}

// startCloud runs a cloud until the test is over.
func startCloud(t testing.TB, o embedded.ServerOptions) *cloud {
	t.Helper()
	server, err := embedded.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{Account: testAccount, server: server, Buckets: map[string]map[string]string{}, Tags: map[string]map[string]string{},
		Extra: map[string]string{}, made: map[string]string{}}
	listening := httptest.NewServer(c)
	t.Cleanup(listening.Close)
	c.URL = listening.URL
	return c
}

// Options are those of a run in the cloud.
func (c *cloud) Options(t testing.TB, o account.Options) account.Options {
	if o.Accounts == nil {
		o.Accounts = []string{c.Account}
	}
	if o.Regions == nil {
		o.Regions = []string{"us-east-1"}
	}
	return account.ForTest(t, o, c.URL, credentials.NewStaticCredentialsProvider(testKeyID, testSecret, testToken))
}

// Requests lists what has arrived.
func (c *cloud) Requests() []seenRequest {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seen)
}

// Heal ends the fault, though a request that nobody waits for any more may still be on its way.
func (c *cloud) Heal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Fault = nil
}

// Left lists the trails, buckets and stores that there are, by ARN or name.
func (c *cloud) Left() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := slices.AppendSeq(slices.Collect(maps.Keys(c.Buckets)), maps.Keys(c.made))
	slices.Sort(left)
	return left
}

// AddTrail makes a trail that is not the target's.
func (c *cloud) AddTrail(region, name string, tags map[string]string) string {
	in := value.Obj("Name", name, "S3BucketName", "other", "TagsList", tagsList(tags))
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set(wire.TargetHeader, wire.ShortPrefix+"CreateTrail")
	c.serve(httptest.NewRecorder(), r, seenRequest{"cloudtrail", "CreateTrail", region, in.String()})
	return c.trailARN(region, name)
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	signed := wire.Signed(r.Header)
	seen := seenRequest{Service: signed.Service, Region: signed.Region, Body: string(body)}
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
	n, ask := 0, c.Fault
	for _, s := range c.seen {
		if s.Op == seen.Op {
			n++
		}
	}
	c.mu.Unlock()
	var fault *cloudFault
	if ask != nil {
		fault = ask(seen, n)
	}
	if fault == nil {
		c.serve(w, r, seen)
		return
	}
	if fault.Applied {
		c.serve(httptest.NewRecorder(), r, seen)
	}
	if fault.Drop {
		panic(http.ErrAbortHandler)
	}
	refuse(w, seen.Service, *fault)
}

// errorXML is how services that do not speak JSON refuse.
var errorXML = map[string]string{
	"sts": "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>",
	"iam": "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>",
	"s3":  "<Error><Code>%s</Code><Message>%s</Message></Error>",
}

func refuse(w http.ResponseWriter, service string, f cloudFault) {
	media, body := wire.ContentType, value.Obj("__type", f.Code, "Message", f.Message).String()
	if form, isXML := errorXML[service]; isXML {
		media, body = "application/xml", fmt.Sprintf(form, f.Code, f.Message)
	}
	w.Header().Set("Content-Type", media)
	w.WriteHeader(cmp.Or(f.Status, http.StatusBadRequest))
	io.WriteString(w, body)
}

func (c *cloud) serve(w http.ResponseWriter, r *http.Request, seen seenRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch seen.Service {
	case "sts":
		fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult>`+
			`<Arn>arn:aws:sts::%[1]s:assumed-role/sandbox/night</Arn><UserId>AROAX:night</UserId><Account>%[1]s</Account>`+
			`</GetCallerIdentityResult></GetCallerIdentityResponse>`, c.Account)
	case "iam":
		fmt.Fprintf(w, `<ListAccountAliasesResponse><ListAccountAliasesResult><IsTruncated>false</IsTruncated>`+
			`<AccountAliases>%s</AccountAliases></ListAccountAliasesResult></ListAccountAliasesResponse>`,
			each("<member>%s</member>", slices.Values(c.Aliases)))
	case "organizations":
		if c.Organization == "" {
			refuse(w, seen.Service, cloudFault{Code: "AWSOrganizationsNotInUseException", Message: "Your account is not a member of an organization."})
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
}

// each writes a text for each of some names.
func each(form string, names iter.Seq[string]) (out string) {
	for name := range names {
		out += fmt.Sprintf(form, name)
	}
	return out
}

// maxTrails is the quota of a Region.
const maxTrails = 5

// cloudTrail answers what the embedded server has no operation for, and has it answer the rest.
func (c *cloud) cloudTrail(w http.ResponseWriter, r *http.Request, seen seenRequest) {
	w.Header().Set("Content-Type", wire.ContentType)
	in, _ := value.Parse([]byte(seen.Body))
	var trails, stores, tagged []value.Value
	for arn, name := range c.made {
		switch {
		case strings.Contains(arn, ":eventdatastore/"):
			stores = append(stores, value.Obj("Name", name, "EventDataStoreArn", arn, "Status", "ENABLED"))
		case strings.Contains(arn, ":"+seen.Region+":"):
			trails = append(trails, value.Obj("Name", name, "TrailARN", arn, "HomeRegion", seen.Region))
		}
	}
	switch seen.Op {
	case "DescribeTrails":
		fmt.Fprint(w, value.Obj("trailList", value.ListOf(trails...)))
	case "ListEventDataStores":
		fmt.Fprint(w, value.Obj("EventDataStores", value.ListOf(stores...)))
	case "ListTags":
		for _, id := range in.Get("ResourceIdList").Items() {
			tags, ok := c.Tags[id.Text()]
			if !ok {
				refuse(w, seen.Service, cloudFault{Code: "ResourceNotFoundException", Message: "no " + id.Text()})
				return
			}
			tagged = append(tagged, value.Obj("ResourceId", id, "TagsList", tagsList(tags)))
		}
		fmt.Fprint(w, value.Obj("ResourceTagList", value.ListOf(tagged...)))
	case "CreateTrail":
		if len(trails) >= maxTrails {
			refuse(w, seen.Service, cloudFault{Code: "MaximumNumberOfTrailsExceededException", Message: "five"})
			return
		}
		fallthrough
	default:
		c.forward(w, r, seen, in)
	}
}

// forward has the embedded server answer, and notes what a request that succeeds has made or deleted.
func (c *cloud) forward(w http.ResponseWriter, r *http.Request, seen seenRequest, in value.Value) {
	inner, answer := r.Clone(r.Context()), httptest.NewRecorder()
	inner.Body = io.NopCloser(strings.NewReader(seen.Body))
	inner.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.Account+"/20260101/"+seen.Region+
		"/cloudtrail/aws4_request, SignedHeaders=host, Signature=x")
	c.server.ServeHTTP(answer, inner)
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
	if answer.Code != http.StatusOK {
		return
	}
	out, _ := value.Parse(answer.Body.Bytes())
	switch seen.Op {
	case "CreateTrail", "CreateEventDataStore":
		arn := out.Get("TrailARN").Text() + out.Get("EventDataStoreArn").Text()
		c.made[arn], c.Tags[arn] = in.Get("Name").Text(), map[string]string{}
		for _, tag := range in.Get("TagsList").Items() {
			c.Tags[arn][tag.Get("Key").Text()] = tag.Get("Value").Text()
		}
	case "DeleteTrail":
		name := in.Get("Name").Text()
		delete(c.made, c.trailARN(seen.Region, name[strings.LastIndexByte(name, '/')+1:]))
	case "DeleteEventDataStore":
		id := in.Get("EventDataStore").Text()
		maps.DeleteFunc(c.made, func(arn, _ string) bool { return strings.HasSuffix(arn, id) })
	}
}

func (c *cloud) trailARN(region, name string) string {
	return "arn:aws:cloudtrail:" + region + ":" + c.Account + ":trail/" + name
}

func tagsList(tags map[string]string) value.Value {
	var list []value.Value
	for key, item := range tags {
		list = append(list, value.Obj("Key", key, "Value", item))
	}
	return value.ListOf(list...)
}

func (c *cloud) bucket(w http.ResponseWriter, r *http.Request, seen seenRequest) {
	w.Header().Set("Content-Type", "application/xml")
	no := func(status int, code string) { refuse(w, "s3", cloudFault{Status: status, Code: code, Message: "no"}) }
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	objects, there := c.Buckets[name]
	query := r.URL.Query()
	switch {
	case name == "":
		fmt.Fprintf(w, "<ListAllMyBucketsResult><Buckets>%s</Buckets></ListAllMyBucketsResult>",
			each("<Bucket><Name>%s</Name></Bucket>", maps.Keys(c.Buckets)))
	case r.Method == http.MethodPut && r.URL.RawQuery == "" || query.Get("x-id") == "CreateBucket":
		c.Buckets[name], c.Tags[name] = map[string]string{}, nil
	case !there:
		no(http.StatusNotFound, "NoSuchBucket")
	case query.Has("tagging") && r.Method == http.MethodPut:
		var tagging struct {
			TagSet struct{ Tag []struct{ Key, Value string } }
		}
		_ = xml.Unmarshal([]byte(seen.Body), &tagging)
		c.Tags[name] = map[string]string{}
		for _, tag := range tagging.TagSet.Tag {
			c.Tags[name][tag.Key] = tag.Value
		}
	case query.Has("tagging") && c.Tags[name] == nil:
		no(http.StatusNotFound, "NoSuchTagSet")
	case query.Has("tagging"):
		fmt.Fprint(w, "<Tagging><TagSet>")
		for k, v := range c.Tags[name] {
			fmt.Fprintf(w, "<Tag><Key>%s</Key><Value>%s</Value></Tag>", k, v)
		}
		fmt.Fprint(w, "</TagSet></Tagging>")
	case r.Method == http.MethodPut:
		for kind := range query {
			c.Extra[name+"?"+kind] = seen.Body
		}
	case r.Method == http.MethodDelete && key != "":
		delete(objects, key)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete && len(objects) > 0:
		no(http.StatusConflict, "BucketNotEmpty")
	case r.Method == http.MethodDelete:
		delete(c.Buckets, name)
		delete(c.Tags, name)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet:
		fmt.Fprintf(w, "<ListBucketResult><Name>%s</Name>%s</ListBucketResult>", name,
			each("<Contents><Key>%s</Key></Contents>", maps.Keys(objects)))
	}
}
