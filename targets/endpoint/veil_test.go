package endpoint

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

const (
	veiledKey   = "AKIAIOSFODNN7EXAMPLE"
	veiledToken = "/oJb3JpZ2luX2VjEPT//wEaCXVz-TFhc3QtMSJH+MEUCIQDx/y4z5Kq8_Q=="
	signature   = "8b2c196de072cc544d7023d1b238571ca54364e5e09a63ed2596ec10ee7c3919"
)

func TestStrike(t *testing.T) {
	v := veilOf(http.Header{"X-Amz-Security-Token": {veiledToken}, "Authorization": {"AWS4-HMAC-SHA256 Credential=" + veiledKey +
		"/20260101/us-east-1/cloudtrail/aws4_request, SignedHeaders=host, Signature=" + signature}}, "hush-hush")
	for given, want := range map[string]string{
		"":                        "",
		`{"__type":"X"}`:          `{"__type":"X"}`,
		`{"a":"%41\u0041\\&#65"}`: `{"a":"%41\u0041\\&#65"}`, // as it was
		`"key ` + veiledKey + `"`: `"key [hidden]"`,
		`"\"` + veiledKey + `\""`: `"\"[hidden]\""`,
		`{"\\` + veiledKey + `\\":"` + strings.ToLower(veiledKey) + veiledKey + `,"}`: `{"[hidden]\\":"[hidden],"}`,
		"Signature=" + signature[:63] + "\r\n" + signature[63:] + "\r\n":              "Signature=[hidden]\r\n",
		signature[:63]:    signature[:63], // this is none
		"hush-hush":       "[hidden]",
		"hush hush":       "hush hush",
		"hus%2568-hu%73h": "[hidden]",
		`{"in":"{\"in\":\"{\\\"h\\\\u0075sh-hush\\\"}\"}"}`:           `{"in":"{\"in\":\"{\\\"[hidden]\\\"}\"}"}`,
		`"` + strings.ReplaceAll(veiledToken, "/", `\/`) + `"`:        `"[hidden]"`,
		`"` + strings.ReplaceAll(veiledToken, "/", `\\\/`) + `\/"`:    `"[hidden]\/"`,
		"token=" + url.QueryEscape(veiledToken) + "&":                 "token=[hidden]&",
		html.EscapeString(html.EscapeString("'" + veiledToken + "'")): "&amp;#39;[hidden]&amp;#39;",
	} {
		assert.Equal(t, want, string(v.strike([]byte(given))), given)
		assert.Equal(t, json.Valid([]byte(given)), json.Valid(v.strike([]byte(given))), given)
	}
	// Whatever stands around a secret in what is encoded as a whole, no more is left of it than a character.
	for _, secret := range []string{veiledKey, veiledToken, signature, "hush-hush"} {
		for before := range 7 {
			for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
				encoded := encoding.EncodeToString([]byte(strings.Repeat("<", before) + secret + ">>>>"))
				assert.Contains(t, string(v.strike([]byte(encoded))), "[hidden]")
				assert.Less(t, len(v.strike([]byte(encoded))), (before+4)/3*4+len("[hidden]")+9)
			}
		}
	}
}

// TestStrikeOfLargeAnswers does not end where it takes a time that grows with the square of what a hostile target sends.
func TestStrikeOfLargeAnswers(t *testing.T) {
	v := veilOf(http.Header{"Authorization": {"Signature=" + signature}}, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")
	for _, piece := range []string{"%25", `\`, "&amp;", "a", `\u005c`, signature, "%2" + signature[:60], "&#x26;#x26;"} {
		v.strike(bytes.Repeat([]byte(piece), maxAnswer/len(piece)))
	}
}

// TestMostAnswersNeedNoMemory: what has no piece as long as a secret is looked through as it is.
func TestMostAnswersNeedNoMemory(t *testing.T) {
	v := veil{signature, veiledKey}
	assert.Zero(t, testing.AllocsPerRun(100, func() { in("Mon, 02 Jan 2006 15:04:05 GMT", v) }))
	assert.Less(t, testing.AllocsPerRun(100, func() { in(veiledKey[1:]+"ABC", v) }), // which may be the key, but not the signature
		testing.AllocsPerRun(100, func() { v.spellings() }))
}

// TestKeysThatAnswersNeed: some emulators take any word for a key, and a number for the account.
func TestKeysThatAnswersNeed(t *testing.T) {
	for _, key := range []string{"000000000000", "00000000", "12345678", "cloudtrail", "CloudTrail", "InsightSelectors", "test", "TrailARN", "us-east-1"} {
		f := newFake()
		f.account = "000000000000"
		target, info := open(t, f, func(o *Options) { o.Credentials = credentials.NewStaticCredentialsProvider(key, key, "") })
		assert.Equal(t, []string{"the endpoint has no S3 that makes buckets"}, info.Notes, key)
		assert.Equal(t, "000000000000", target.names.Account, key)
	}
}

// TestNoHTTPIsVeiled: what comes instead of HTTP is quoted, but for what was sent.
func TestNoHTTPIsVeiled(t *testing.T) {
	keys := credentials.NewStaticCredentialsProvider(veiledKey, "hush-hush", veiledToken)
	for name, answer := range map[string]string{
		"a line":    "%s\r\n\r\n",
		"a header":  "HTTP/1.1 400 Bad\r\n%s\r\n\r\n",
		"a trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n%s\r\n\r\n",
		"a chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n",
		"a status":  "HTTP/1.1 %s\r\n\r\n",
		"a length":  "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"a coding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			to, err := url.Parse(listener(t, func(c net.Conn) {
				head := make([]byte, 8<<10)
				n, _ := c.Read(head)
				_, authorization, _ := strings.Cut(string(head[:n]), "Authorization: ")
				authorization, _, _ = strings.Cut(authorization, "\r\n")
				fmt.Fprintf(c, answer, strings.ReplaceAll(authorization, " ", "")+veiledToken)
				c.Close()
			}))
			require.NoError(t, err)
			caller := NewCaller(to, Options{Timeout: 2 * time.Second, Credentials: keys}, nil)
			reply := caller.Send(t.Context(), "us-east-1", model.Request{Op: model.OpGet, Input: value.Obj("TrailName", "alpha")})
			assert.NotEmpty(t, reply.Problem)
			for _, secret := range []string{veiledKey, veiledToken, "hush-hush"} {
				assert.NotContains(t, fmt.Sprintf("%s %q", reply.Problem, reply.Received), secret)
			}
			assert.NotRegexp(t, `[0-9a-f]{64}`, reply.Problem+string(reply.Received))
		})
	}
}
