package recorded_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/wire"
)

// TestCallsAreReadAlike: what is said of calls as they are made is what is read of them later, in HAR files and in events.
func TestCallsAreReadAlike(t *testing.T) {
	t.Parallel()
	at := time.Now().Add(-time.Hour)
	call := func(op, body string, status int, answer string, change func(*recorded.Call)) recorded.Call {
		at = at.Add(time.Second)
		c := recorded.Call{Start: at, End: at.Add(time.Millisecond), Host: "http://127.0.0.1:5000", Method: "POST", Caller: "caller 1", Sent: []byte(body), SentAll: true,
			Request: http.Header{wire.TargetHeader: {wire.ShortPrefix + op}, "Authorization": {"AWS4-HMAC-SHA256 Credential=AKIAHIDDEN/20261101/eu-west-1/cloudtrail/aws4_request"}},
			Status:  status, Response: http.Header{"X-Amzn-Errortype": {"InsightNotEnabledException"}}, Received: []byte(answer), Size: int64(len(answer)), Whole: true}
		if status == 200 {
			c.Response = http.Header{}
		}
		if change != nil {
			change(&c)
		}
		return c
	}
	const made = `{"TrailARN":"arn:aws:cloudtrail:eu-west-1:999988887777:trail/abc"}`
	calls := []recorded.Call{
		call("GetInsightSelectors", `{"TrailName":"abc"}`, 400, `{}`, nil),
		call("CreateTrail", `{"Name":"abc"}`, 200, made, nil), // which tells the account
		call("GetInsightSelectors", `{"TrailName":"abc"}`, 400, `{"__type":"InsightNotEnabledException"}`, nil),
		call("GetInsightSelectors", `{"TrailName":"abc"}`, 400, `{}`, func(c *recorded.Call) { c.Caller = "caller 2" }),
		call("PutInsightSelectors", "\xff\x00 not JSON \u2028", 400, "\xfe\x00", nil),
		call("PutInsightSelectors", "", 500, "", nil),
		call("PutInsightSelectors", "{}", 200, `{}`, func(c *recorded.Call) { c.Status, c.End = 0, time.Time{} }),
		call("PutInsightSelectors", "{}", 200, `{}`, func(c *recorded.Call) { c.Sent, c.SentAll = nil, false }),
		call("GetTrail", "{}", 200, `{}`, func(c *recorded.Call) { c.Whole, c.Size = false, 5<<20 }),
		call("", "", 0, "", func(c *recorded.Call) { c.Gap, c.Method, c.Request = "why not", "POST", nil }),
		call("GetTrail", `{"Name":"abc"}`, 200, `{"Trail":`+made+`}`, func(c *recorded.Call) { c.Caller = "111122223333" }),
		call("GetTrail", `{"Name":"abc"}`, 404, `{}`, func(c *recorded.Call) {
			c.Caller, c.Request = "", http.Header{wire.TargetHeader: {wire.LongPrefix + "GetTrail"}}
		}),
	}
	for _, format := range []string{recorded.FormatHAR, recorded.FormatEvents} {
		path := filepath.Join(t.TempDir(), "x")
		live := recorded.NewLive(path, format)
		type given struct {
			X []recorded.Exchange
			G []recorded.Gap
		}
		var want, got given
		head, before, after, tail := "{\"log\":{\"version\":\"1.2\",\"entries\":[\n", "", "\n", "]}}"
		if format == recorded.FormatEvents {
			head, before, after, tail = `{"event":"start","time":"2026-11-01T00:00:00Z","schema":"conform/events/1","target":{"name":"x"}}`+"\n", `{"event":"exchange","exchange":`, "}\n", `{"event":"end"}`
		}
		file := bytes.NewBufferString(head)
		for i := range calls {
			line := calls[i].HAR()
			assert.NotContains(t, string(line), "AKIAHIDDEN")
			if i > 0 && format == recorded.FormatHAR {
				file.WriteString(",")
			}
			fmt.Fprintf(file, "%s%s%s", before, line, after)
			require.NoError(t, live.Entry(line, func(x recorded.Exchange) { want.X = append(want.X, x) }, func(g recorded.Gap) { want.G = append(want.G, g) }))
		}
		file.WriteString(tail)
		require.NoError(t, os.WriteFile(path, file.Bytes(), 0o600))
		sniffed, err := recorded.Sniff(path)
		require.NoError(t, err)
		assert.Equal(t, format, sniffed)
		_, err = recorded.Read(t.Context(), []string{path}, recorded.Options{}, func(x recorded.Exchange) error { got.X = append(got.X, x); return nil },
			func(g recorded.Gap) error { got.G = append(got.G, g); return nil })
		require.NoError(t, err)
		assert.Empty(t, cmp.Diff(want, got, cmpopts.IgnoreFields(recorded.Exchange{}, "Caller"), cmp.AllowUnexported(value.Value{}), cmpopts.EquateEmpty()), format)
		assert.Len(t, want.G, 2)
		var accounts []string
		for _, x := range got.X {
			accounts = append(accounts, x.Account)
		}
		assert.Equal(t, []string{"", "999988887777", "999988887777", "", "999988887777", "999988887777", "999988887777", "999988887777", "111122223333", ""}, accounts)
		assert.Equal(t, "eu-west-1", got.X[0].Request.Region)
	}
}
