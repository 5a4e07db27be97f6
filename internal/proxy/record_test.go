package proxy_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/proxy"
	"github.com/insightconform/conform/internal/run"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/wire"
)

// server is the embedded one.
func server(t testing.TB, o embedded.ServerOptions) string {
	t.Helper()
	handler, err := embedded.NewServer(o)
	require.NoError(t, err)
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// test runs against a URL.
func test(t testing.TB, url string, o conform.Options) *reports.Report {
	t.Helper()
	target, err := endpoint.New(endpoint.Options{URL: url, Timeout: 10 * time.Second})
	require.NoError(t, err)
	r, err := conform.Run(t.Context(), target, o)
	require.NoError(t, err)
	return r
}

func recordTo(path string) func(*proxy.Options) { return func(o *proxy.Options) { o.Record = path } }

// TestTheRecordIsJudgedAlike: what is read again of a record comes to what the proxy reports, in either format, of right
// servers and wrong ones, and of clients that overlap.
func TestTheRecordIsJudgedAlike(t *testing.T) {
	t.Parallel()
	for _, ending := range []string{"x.har", "x.ndjson", "x.json"} {
		for _, fault := range []string{"", "appends-selectors", "trail/not-found/wrong-code"} {
			t.Run(ending+" "+fault, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), ending)
				require.NoError(t, os.WriteFile(path, []byte("before"), 0o600))
				p := start(t, server(t, embedded.ServerOptions{Fault: fault}), recordTo(path))
				test(t, p.URL(), conform.Options{Seed: 1, Requests: 400, Workers: 3})
				before, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, "before", string(before), "it is replaced when it is whole")
				assert.FileExists(t, path+".partial")
				want := p.end()
				assert.NoFileExists(t, path+".partial")
				assert.Equal(t, fault != "", want.ExitCode == reports.ExitDiverges, want.Reason)

				got, _, err := run.JudgeFiles(t.Context(), []string{path}, run.Options{Version: "test"}, nil)
				require.NoError(t, err)
				assert.Len(t, got.Recorded.Files, 1)
				assert.Empty(t, cmp.Diff(want.Normalized(), got.Normalized(), cmpopts.IgnoreFields(reports.Report{}, "Started", "DurationSeconds", "Target"),
					cmpopts.IgnoreFields(reports.Divergence{}, "Steps", "Expected"), // of several examples, any is shown
					cmpopts.IgnoreFields(reports.Recorded{}, "Files", "Others"), cmpopts.EquateEmpty(), cmp.AllowUnexported(reports.Report{})))
			})
		}
	}
}

// TestCallersAreToldApartAlike: of callers whose account is not known at first, a record says what was known when they called.
func TestCallersAreToldApartAlike(t *testing.T) {
	t.Parallel()
	url := server(t, embedded.ServerOptions{})
	for _, ending := range []string{"x.har", "x.ndjson"} {
		path := filepath.Join(t.TempDir(), ending)
		p := start(t, url, recordTo(path))
		as := func(key, op, body string) {
			r, err := http.NewRequest("POST", p.URL(), strings.NewReader(body))
			require.NoError(t, err)
			r.Header.Set(wire.TargetHeader, wire.ShortPrefix+op)
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20261101/us-east-1/cloudtrail/aws4_request, Signature=0")
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			answer.Body.Close()
		}
		for range 3 {
			for _, key := range []string{"first", "second", "999988887777", "third"} {
				as(key, "GetInsightSelectors", `{"TrailName":"abc"}`)
				as("first", "CreateTrail", `{"Name":"abc","S3BucketName":"bucket-name"}`)
				as(key, "StartLogging", `{"Name":"abc"}`)
				as(key, "PutInsightSelectors", put)
				as("second", "GetInsightSelectors", `{"TrailName":"abc"}`)
				as(key, "StopLogging", `{"Name":"abc"}`)
				as("third", "DeleteTrail", `{"Name":"abc"}`)
			}
		}
		want := p.end()
		assert.Empty(t, want.Divergences)
		assert.Greater(t, want.Recorded.Judged, 20)
		got, _, err := run.JudgeFiles(t.Context(), []string{path}, run.Options{Version: "test"}, nil)
		require.NoError(t, err)
		assert.Empty(t, cmp.Diff(want.Normalized(), got.Normalized(), cmpopts.IgnoreFields(reports.Report{}, "Started", "DurationSeconds", "Target"),
			cmpopts.IgnoreFields(reports.Recorded{}, "Files", "Others"), cmpopts.EquateEmpty(), cmp.AllowUnexported(reports.Report{})))
	}
}

// TestAKilledProxyLeavesARecord: what had passed can be judged.
func TestAKilledProxyLeavesARecord(t *testing.T) {
	t.Parallel()
	for _, ending := range []string{"x.har", "x.ndjson"} {
		path := filepath.Join(t.TempDir(), ending)
		p := start(t, server(t, embedded.ServerOptions{Fault: "appends-selectors"}), recordTo(path))
		test(t, p.URL(), conform.Options{Seed: 1, Requests: 300, Workers: 1})
		var whole []byte
		require.Eventually(t, func() bool { // what is judged beside is soon written
			last := len(whole)
			whole, _ = os.ReadFile(path + ".partial")
			time.Sleep(50 * time.Millisecond)
			return len(whole) > 0 && len(whole) == last
		}, time.Minute, time.Millisecond)
		for _, cut := range []int{0, 100} {
			left := filepath.Join(t.TempDir(), "left")
			require.NoError(t, os.WriteFile(left, whole[:len(whole)-cut], 0o600))
			got, _, err := run.JudgeFiles(t.Context(), []string{left}, run.Options{}, nil)
			require.NoError(t, err)
			assert.Equal(t, reports.ExitDiverges, got.ExitCode, "%s: %s", ending, got.Reason)
		}
	}
}

// TestCredentialsStayWhereTheyAre: whatever a request shows of its caller, and an emulator repeats, is in no file and in no
// text, and reaches the emulator all the same.
func TestCredentialsStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	const key, signature, token, cookie, bearer = "AKIAMARKERMARKER0001", "5e5e5e5e0badcafe5e5e5e5e0badcafe", "tokenMARKERtokenMARKER+/==", "session=markerMARKERmarker", "bearerMARKERbearerMARKER"
	secrets := []string{key, signature, token, "markerMARKERmarker", bearer}
	reached := 0
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		echo := fmt.Sprint(r.Header, r.URL.RawQuery)
		reached++
		message, _ := json.Marshal(map[string]string{"__type": "TrailNotFoundException", "Message": echo,
			"encoded": base64.StdEncoding.EncodeToString([]byte(echo)), "TrailARN": r.Header.Get("Authorization")})
		w.Header().Set("X-Amzn-Requestid", r.Header.Get("X-Amz-Security-Token"))
		w.Header().Set("X-Amzn-Errortype", "E"+r.Header.Get("Authorization"))
		w.Header().Set("Set-Cookie", r.Header.Get("Cookie"))
		switch {
		case strings.Contains(string(body), "zipped"):
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(message)
			z.Close()
		case strings.Contains(string(body), "garbage"):
			c, _, _ := w.(http.Hijacker).Hijack()
			fmt.Fprintf(c, "HTTP/9 %s\r\n\r\n", echo)
			c.Close()
		default:
			w.WriteHeader([]int{200, 400, 500}[reached%3])
			w.Write(message)
		}
	}))
	t.Cleanup(upstream.Close)
	for _, ending := range []string{"x.har", "x.ndjson"} {
		folder := t.TempDir()
		var told []byte
		p := start(t, upstream.URL, recordTo(filepath.Join(folder, ending)), func(o *proxy.Options) {
			o.Found = func(d *reports.Divergence) {
				line, _ := json.Marshal(d)
				told = append(told, line...)
			}
		})
		gone := start(t, "http://127.0.0.1:1", recordTo(filepath.Join(folder, "gone-"+ending)))
		var answers []byte
		for _, op := range []string{"GetInsightSelectors", "PutInsightSelectors", "CreateTrail", "DeleteTrail", "GetTrail"} {
			for _, body := range []string{`{"TrailName":"abc","Name":"abc"}`, `{"TrailName":"zipped"}`, `{"TrailName":"garbage"}`, "nonsense"} {
				for i := range 3 {
					for _, url := range []string{p.URL(), gone.URL()} {
						query := []string{"", "?X-Amz-Signature=" + signature + "&X-Amz-Credential=" + key + "%2F20261101%2Fus-east-1%2Fcloudtrail%2Faws4_request&X-Amz-Security-Token=tokenMARKERtokenMARKER%2B%2F%3D%3D", ""}[i]
						r, err := http.NewRequest("POST", url+"/"+query, strings.NewReader(body))
						require.NoError(t, err)
						r.Header.Set(wire.TargetHeader, wire.ShortPrefix+op)
						r.Header.Set("Cookie", cookie)
						switch i {
						case 0:
							r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20261101/us-east-1/cloudtrail/aws4_request, SignedHeaders=host, Signature="+signature)
							r.Header.Set("X-Amz-Security-Token", token)
						case 2:
							r.Header.Set("Authorization", "Bearer "+bearer)
						}
						answer, err := http.DefaultClient.Do(r)
						require.NoError(t, err)
						if answer.StatusCode == http.StatusBadGateway { // which is the proxy's own
							text, _ := io.ReadAll(answer.Body)
							answers = append(answers, text...)
						}
						answer.Body.Close()
					}
				}
			}
		}
		assert.Contains(t, string(answers), "conform proxy: ")
		r := p.end()
		gone.end()
		assert.NotEmpty(t, told)
		for _, format := range formats.Names() {
			sink, err := formats.Parse(format + "=" + filepath.Join(folder, "report."+format))
			require.NoError(t, err)
			require.NoError(t, sink.Write(io.Discard, r, text.Options{Verbose: true}))
		}
		files, err := os.ReadDir(folder)
		require.NoError(t, err)
		assert.Greater(t, len(files), 5)
		written := map[string][]byte{"told": told, "answers": answers}
		for _, f := range files {
			written[f.Name()], err = os.ReadFile(filepath.Join(folder, f.Name()))
			require.NoError(t, err)
		}
		for name, data := range written {
			for _, secret := range secrets {
				encoded := base64.RawStdEncoding.EncodeToString([]byte(secret))
				for _, spelt := range []string{secret, encoded[2 : len(encoded)-2], fmt.Sprintf("%x", secret)} {
					at := bytes.Index(bytes.ToLower(data), bytes.ToLower([]byte(spelt)))
					if at >= 0 {
						assert.Fail(t, name+" has "+secret, "%s", data[max(0, at-300):min(len(data), at+100)])
					}
				}
			}
			assert.NotContains(t, string(data), `"Authorization"`, name)
			assert.NotContains(t, strings.ToLower(string(data)), "set-cookie", name)
		}
	}
	assert.Positive(t, reached)
}

// TestARecordThatCannotBeWritten: the requests pass all the same, and the end tells of it.
func TestARecordThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	for _, name := range []string{"x.har", "x.ndjson"} {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.Symlink("/dev/full", path))
		p, err := proxy.New(proxy.Options{Upstream: server(t, embedded.ServerOptions{}), Address: "127.0.0.1:0", Record: path})
		require.NoError(t, err)
		passes := ended(t, p, func() { test(t, p.URL(), conform.Options{Seed: 1, Requests: 300, Workers: 1}) })
		assert.ErrorContains(t, passes.err, "no space left")
		assert.Equal(t, reports.Conforms, passes.report.Verdict)
	}
}
