package recorded_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/internal/testing/recording"
)

// fuzz reads what is derived from recordings. Whatever it is, it is read, or is none; what is given is in order.
func fuzz(f *testing.F, seeds ...[]byte) {
	folder := f.TempDir()
	for _, seed := range seeds {
		f.Add(seed)
		f.Add(seed[:len(seed)/2])
	}
	path := filepath.Join(folder, "recording")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var last recorded.Exchange
		exchanges, gaps := 0, 0
		sum, err := recorded.Read(t.Context(), []string{path}, recorded.Options{Memory: 2000, TempDir: folder}, func(x recorded.Exchange) error {
			if _, known := x.Request.Op.Needs(); !known || x.At == "" || x.Start.Before(last.Start) || !x.End.IsZero() && x.End.Before(x.Start) {
				t.Errorf("%+v after %+v", x, last)
			}
			last = x
			exchanges++
			return nil
		}, func(g recorded.Gap) error {
			if g.To.Before(g.From) || g.Why == "" {
				t.Errorf("%+v", g)
			}
			gaps++
			return nil
		})
		if err != nil && !errors.Is(err, recorded.ErrInput) {
			t.Fatal(err)
		}
		if sum.Exchanges != exchanges || sum.Gaps != gaps || sum.Read < exchanges {
			t.Errorf("%+v, but %d exchanges and %d gaps", sum, exchanges, gaps)
		}
	})
}

func testdata(f *testing.F, name string) []byte {
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		f.Fatal(err)
	}
	return content
}

func FuzzHAR(f *testing.F) {
	calls := callsOfRun(f)[:20]
	fuzz(f, testdata(f, "browser.har"), recording.HAR(calls, recording.HTTPOptions{}),
		recording.HAR(calls[:3], recording.HTTPOptions{Gzip: true, HTTP2: true}),
		bytes.ReplaceAll(testdata(f, "browser.har"), []byte("CloudTrail_"), []byte("no CloudTrail_")), []byte(`{"log":{"entries":[{},null,{"time":-1}]}}`))
}

func FuzzCassette(f *testing.F) {
	calls := callsOfRun(f)[:20]
	fuzz(f, testdata(f, "vcrpy.yaml"), testdata(f, "go-vcr-v4.yaml"), recording.VCRPy(calls, recording.HTTPOptions{}, true),
		recording.VCRPy(calls[:3], recording.HTTPOptions{Gzip: true}, false), recording.GoVCR(calls[:3], recording.HTTPOptions{}, 1),
		[]byte("interactions: &a\n- request: *a\n  response: {body: *a}\n"))
}

func FuzzLog(f *testing.F) {
	fuzz(f, testdata(f, "log.json"), logFile(logged("a", 1, "PutInsightSelectors", putAudit, "null"), noise(2), "null", "{}"),
		[]byte(logged("a", 1, "PutInsightSelectors", putAudit, "null")+"\n"+noise(3)), []byte("["+noise(1)+"]"),
		[]byte(`{"awsAccountId":"1","logFiles":[{"s3Object":"/"}]}`))
}

func FuzzLookup(f *testing.F) {
	fuzz(f, testdata(f, "lookup.json"), []byte(`{"Events":[{"CloudTrailEvent":"{}"},{"EventSource":"x"},1],"NextToken":null}`),
		[]byte(`{"EventId":"1","CloudTrailEvent":"{\"eventSource\":\"cloudtrail.amazonaws.com\",\"eventTime\":\"2026-03-04T05:06:07Z\"}"}`))
}
