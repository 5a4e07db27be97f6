package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/wire"
)

// operationOf reads from a request what it asks for.
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
	target := values[0]
	for _, prefix := range []string{wire.LongPrefix, wire.ShortPrefix, "AWSOrganizationsV20161128."} {
		if name, ok := strings.CutPrefix(target, prefix); ok && (service == Organizations) == (prefix == "AWSOrganizationsV20161128.") {
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
func (g *Gate) harmless(body []byte) bool {
	text := string(body)
	for _, bad := range harmlessBodies {
		if strings.HasPrefix(bad, text) && !strings.Contains(text, generators.NameAlpha) {
			return true
		}
		before, after, named := strings.Cut(bad, generators.NameAlpha)
		rest, ok := strings.CutPrefix(text, before+g.prefix+"-")
		if !named || !ok || len(rest) < TagLength || !g.tags[rest[:TagLength]] {
			continue
		}
		rest, ok = strings.CutPrefix(rest[TagLength:], "-"+generators.NameAlpha)
		if ok && strings.HasPrefix(after, rest) {
			return true
		}
	}
	return false
}

// strictObject reads a JSON object that there is only one way to read: valid UTF-8, nothing after it,
// no member twice in any letter case.
func strictObject(body []byte) (value.Value, error) {
	if !utf8.Valid(body) || bytes.HasPrefix(body, []byte("\ufeff")) {
		return value.Value{}, errors.New("it is no UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := oneReading(decoder); err != nil {
		return value.Value{}, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return value.Value{}, errors.New("something stands after it")
	}
	v, err := value.Parse(body)
	if err != nil || v.Kind() != value.Object {
		return v, errors.New("it is no JSON object")
	}
	return v, nil
}

func oneReading(decoder *json.Decoder) error {
	broken := errors.New("it is no JSON")
	token, err := decoder.Token()
	if err != nil {
		return broken
	}
	if token != json.Delim('{') && token != json.Delim('[') {
		return nil
	}
	seen := map[string]bool{}
	for decoder.More() {
		if token == json.Delim('{') {
			name, err := decoder.Token()
			if err != nil {
				return broken
			}
			text := fmt.Sprint(name)
			if seen[text] {
				return fmt.Errorf("%s stands twice", wire.Printable(text))
			}
			seen[text] = true
		}
		if err := oneReading(decoder); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}
