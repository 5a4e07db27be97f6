package gate

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

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

// harmlessBodies are the malformed bodies that the suites send.
var harmlessBodies = func() (bodies []string) {
	for _, whole := range generators.Wholes() {
		if r := whole(model.Request{Op: model.OpPut}); r.Raw != nil {
			bodies = append(bodies, *r.Raw)
		}
	}
	return bodies
}()

// harmless reports whether a body begins a malformed one of the suites, with this run's names in place of theirs.
func (g *Gate) harmless(body []byte) bool {
	text := string(body)
	for _, bad := range harmlessBodies {
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
	decoder := jsontext.NewDecoder(bytes.NewReader(body))
	if _, err := decoder.ReadValue(); err != nil {
		return value.Value{}, errors.New(wire.Printable(err.Error()))
	}
	if _, err := decoder.ReadToken(); err != io.EOF {
		return value.Value{}, errors.New("something stands after it")
	}
	v, err := value.Parse(body)
	if err != nil || v.Kind() != value.Object {
		return v, errors.New("it is no JSON object")
	}
	return v, nil
}
