package recorded_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/internal/testing/recording"
)

// shown is an exchange on one line.
func shown(x recorded.Exchange) string {
	end := "open"
	if !x.End.IsZero() {
		end = x.End.Sub(x.Start).String()
	}
	start := x.Start.Format("15:04:05.999")
	if x.Untimed {
		start, end = "untimed", ""
	}
	a := x.Reply.Answer
	text := fmt.Sprintf("%s %s %s %s %s → %s", start, end, x.Account, x.Request.Region, strings.TrimPrefix(x.Request.GoString(), "x"), a.Kind())
	for _, more := range []string{a.TrailARN, a.StoreARN, a.Destination} {
		if more != "" {
			text += " " + more
		}
	}
	if a.Selectors != 0 {
		text += " " + a.Selectors.Value().String()
	}
	if x.Bare {
		text += " bare"
	}
	if x.Service {
		text += " of the service"
	}
	return text
}

func lines(got told) string {
	var b strings.Builder
	for _, x := range got.exchanges {
		fmt.Fprintln(&b, shown(x))
	}
	for _, g := range got.gaps {
		fmt.Fprintf(&b, "gap %s %s %s–%s: %s\n", g.Account, g.Region, clock(g.From), clock(g.To), g.Why)
	}
	for _, s := range got.sum.Skipped {
		fmt.Fprintf(&b, "skipped %d: %s\n", s.Count, s.Reason)
	}
	fmt.Fprintf(&b, "%d read, %d others, %d doubled\n", got.sum.Read, got.sum.Others, got.sum.Doubled)
	return b.String()
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "*"
	}
	return t.UTC().Format("15:04:05.999")
}

// TestRealShapes: what is read of files as others write them.
func TestRealShapes(t *testing.T) {
	for _, name := range []string{"log.json", "lookup.json", "browser.har", "mitmproxy.har", "vcrpy.yaml", "boto3-vcrpy.yaml", "go-vcr-v1.yaml", "go-vcr-v4.yaml"} {
		t.Run(name, func(t *testing.T) {
			got := read(t, recorded.Options{}, filepath.Join("testdata", name))
			golden.Check(t, filepath.Join("testdata", "golden", name+".txt"), lines(got))
			all, err := json.Marshal([]any{got.exchanges, got.gaps, got.sum})
			require.NoError(t, err)
			for _, x := range got.exchanges {
				all = append(append(all, x.Reply.Sent...), x.Reply.Received...)
			}
			assert.NotContains(t, strings.ToLower(string(all)), "secret", "credentials are kept")
			assert.NotContains(t, string(all), "AKIA")
		})
	}
}

// logFile is what a log file has of some records.
func logFile(records ...string) []byte {
	return []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
}

// logged is a record at a second after five o'clock.
func logged(id string, second int, name, request, response string) string {
	at := time.Date(2026, 3, 4, 5, 0, second, 0, time.UTC).Format(time.RFC3339)
	return fmt.Sprintf(`{"eventVersion":"1.11","eventTime":%q,"eventSource":"cloudtrail.amazonaws.com","eventName":%q,"awsRegion":"us-east-1",`+
		`"requestParameters":%s,"responseElements":%s,"eventID":%q,"eventType":"AwsApiCall","recipientAccountId":"123456789012"}`,
		at, name, request, response, id)
}

func noise(second int) string {
	return strings.Replace(logged(fmt.Sprint("noise", second), second, "GetCallerIdentity", "null", "null"), "cloudtrail.", "sts.", 1)
}

const (
	onAudit  = `{"name":"audit"}`
	getAudit = `{"trailName":"audit"}`
	putAudit = `{"trailName":"audit","insightSelectors":[{"insightType":"ApiCallRateInsight"}]}`
)

func packed(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// folder has files by their names.
func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, content, 0o600))
	}
	return root
}

const day = "AWSLogs/123456789012/CloudTrail/us-east-1/2026/03/04/"

func nameOf(minute, id string) string {
	return day + "123456789012_CloudTrail_us-east-1_20260304T" + minute + "Z_" + id + ".json.gz"
}

// TestDamage: what cannot be read is skipped, counted and named, and a gap says when calls may be missing.
func TestDamage(t *testing.T) {
	whole := packed(t, logFile(logged("a", 1, "PutInsightSelectors", putAudit, "null"), noise(2)))
	damaged := packed(t, logFile(logged("b", 3, "GetTrailStatus", onAudit, "null"), logged("c", 4, "DeleteTrail", onAudit, "null")))
	tests := map[string]struct {
		files map[string][]byte
		want  string
	}{
		"cut off": {map[string][]byte{nameOf("0505", "aaaa"): whole, nameOf("0510", "bbbb"): damaged[:len(damaged)-30]},
			"gap 123456789012 us-east-1 04:56:00–05:11:00: a file that is cut off"},
		"no JSON": {map[string][]byte{nameOf("0505", "aaaa"): whole, nameOf("0510", "bbbb"): packed(t, []byte(`{"Records":[{"eventVersion":"1.11","x":]}`))},
			"gap 123456789012 us-east-1 04:56:00–05:11:00: a file that is damaged; what follows the damage was not read"},
		"nothing like it": {map[string][]byte{nameOf("0505", "aaaa"): whole, nameOf("0510", "bbbb"): []byte("<html>")},
			"gap 123456789012 us-east-1 04:56:00–05:11:00: a file that is damaged; what follows the damage was not read"},
		"no name": {map[string][]byte{nameOf("0505", "aaaa"): whole, "more.json": []byte(`{"Records":[{"eventVersion":"1.11","x":]}`)},
			"gap   *–*: a file that is damaged; what follows the damage was not read"},
		"another shape": {map[string][]byte{"one.json": logFile(logged("a", 1, "PutInsightSelectors", putAudit, "null"), `{"eventTime":"2026-03-04T05:00:00Z"}`)},
			"gap   05:00:00–05:00:00.999: a record of another shape"},
		"a write without its request": {map[string][]byte{"one.json": logFile(logged("a", 1, "GetTrail", onAudit, "null"), logged("b", 1, "DeleteTrail", "null", "null"))},
			"gap 123456789012 us-east-1 05:00:01–05:00:01.999: a record without requestParameters"},
		"a Put without its list": {map[string][]byte{"one.json": logFile(logged("a", 1, "GetTrail", onAudit, "null"), logged("b", 1, "PutInsightSelectors", getAudit, "null"))},
			"gap 123456789012 us-east-1 05:00:01–05:00:01.999: a record of PutInsightSelectors without insightSelectors"},
		"a clock that is wrong": {map[string][]byte{"one.json": logFile(logged("a", 1, "GetTrail", onAudit, "null"),
			strings.Replace(logged("b", 1, "DeleteTrail", onAudit, "null"), "2026-", "2096-", 1))},
			"gap 123456789012 us-east-1 *–*: a record whose time cannot be right"},
		"a file that a digest lists": {map[string][]byte{nameOf("0505", "aaaa"): whole,
			"AWSLogs/123456789012/CloudTrail-Digest/us-east-1/2026/03/04/x.json.gz": packed(t, []byte(`{"awsAccountId":"123456789012","logFiles":[{"s3Object":"`+
				nameOf("0505", "aaaa")+`"},{"s3Object":"`+nameOf("0505", "cccc")+`","newestEventTime":"2026-03-04T05:01:00Z","oldestEventTime":"2026-03-04T05:00:00Z"}]}`))},
			"gap 123456789012 us-east-1 05:00:00–05:01:00.999: a log file that a digest lists is missing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := read(t, recorded.Options{}, folder(t, test.files))
			assert.Contains(t, lines(got), test.want+"\n")
			assert.NotEmpty(t, got.exchanges)
			assert.NotEmpty(t, got.sum.Skipped)
			for _, s := range got.sum.Skipped {
				assert.NotEmpty(t, s.At)
			}
		})
	}

	t.Run("what changes nothing leaves no gap", func(t *testing.T) {
		got := read(t, recorded.Options{}, file(t, logFile(logged("a", 1, "GetTrail", onAudit, "null"), logged("b", 1, "GetTrail", "null", "null"),
			strings.Replace(logged("c", 1, "DeleteTrail", "null", "null"), `"eventID"`, `"errorCode":"AccessDenied","eventID"`, 1))))
		assert.Empty(t, got.gaps)
		assert.Equal(t, 2, got.sum.Skipped[0].Count)
	})
	t.Run("before a HAR file is cut off, nothing is missing", func(t *testing.T) {
		whole := recording.HAR(callsOfRun(t)[:30], recording.HTTPOptions{})
		got := read(t, recorded.Options{}, file(t, whole[:len(whole)*9/10]))
		assert.Greater(t, len(got.exchanges), 20)
		assert.NotEmpty(t, got.sum.Skipped)
		for _, g := range got.gaps {
			assert.False(t, g.From.Before(got.exchanges[20].Start))
		}
	})
	t.Run("after what is left of lookup-events, nothing is missing", func(t *testing.T) {
		whole, err := os.ReadFile("testdata/lookup.json")
		require.NoError(t, err)
		got := read(t, recorded.Options{}, file(t, whole[:len(whole)-3000]))
		require.Len(t, got.gaps, 1)
		assert.False(t, got.gaps[0].To.After(got.exchanges[0].Start))
		assert.Len(t, got.exchanges, 5)
	})
	t.Run("a cassette that is cut off", func(t *testing.T) {
		whole := recording.VCRPy(callsOfRun(t)[:30], recording.HTTPOptions{}, true)
		got := read(t, recorded.Options{}, file(t, whole[:len(whole)-100]), "testdata/go-vcr-v4.yaml")
		assert.Empty(t, got.gaps)
		assert.Len(t, got.exchanges, 4)
		assert.Equal(t, "a file that is cut off", got.sum.Skipped[0].Reason)
	})
	t.Run("an answer that does not say what is stored", func(t *testing.T) {
		got := read(t, recorded.Options{}, file(t, logFile(logged("a", 1, "PutInsightSelectors", putAudit, `{"trailARN":"arn:x"}`))))
		assert.True(t, got.exchanges[0].Bare)
	})
	t.Run("all files of a digest are elsewhere", func(t *testing.T) {
		got := read(t, recorded.Options{}, folder(t, map[string][]byte{nameOf("0505", "aaaa"): whole,
			"x.json.gz": packed(t, []byte(`{"awsAccountId":"123456789012","logFiles":[{"s3Object":"`+nameOf("0705", "cccc")+`"}]}`))}))
		assert.Empty(t, got.gaps)
	})
}

// TestSilence: where logs may not have been delivered, or nothing was logged, there is a gap.
func TestSilence(t *testing.T) {
	put, get := logged("a", 0, "PutInsightSelectors", putAudit, "null"), func(second int) string {
		return logged(fmt.Sprint("get", second), second, "GetInsightSelectors", getAudit, "null")
	}
	stop, start := logged("b", 10, "StopLogging", onAudit, "null"), logged("c", 20, "StartLogging", onAudit, "null")
	const quiet, off = "no record of any kind for more than 15 minutes", "nothing was logged"
	for name, test := range map[string]struct {
		records []string
		why     string
	}{
		"records all the time":     {[]string{put, get(800), noise(1600), noise(2400), get(3200)}, ""},
		"none for 15 minutes":      {[]string{put, get(901)}, quiet},
		"none, out of order":       {[]string{get(4000), noise(1600), noise(800), put}, quiet},
		"none, and nothing known":  {[]string{noise(0), get(1000)}, ""},
		"none, told once":          {[]string{put, noise(1000), noise(2000), noise(3000), get(3001)}, quiet},
		"logging was off":          {[]string{put, stop, start, get(21)}, off},
		"logging of another trail": {[]string{put, stop, noise(15), start, get(21)}, ""},
		"a call shows it was on":   {[]string{put, stop, get(12), start, get(21)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, recorded.Options{}, file(t, logFile(test.records...)))
			if test.why == "" {
				assert.Empty(t, got.gaps)
				return
			}
			require.Len(t, got.gaps, 1)
			assert.Contains(t, got.gaps[0].Why, test.why)
			assert.Equal(t, "123456789012", got.gaps[0].Account)
		})
	}
}

// TestBetweenRecordings: what one recording leaves is not what the next one begins with.
func TestBetweenRecordings(t *testing.T) {
	calls := slices.Clone(callsOfRun(t)[:40])
	later := recording.Timed(calls, calls[0].Start.Add(time.Hour), time.Second)
	o := recording.HTTPOptions{}
	got := read(t, recorded.Options{}, folder(t, map[string][]byte{"a": recording.HAR(calls, o), "b": recording.HAR(later, o)}))
	require.Len(t, got.gaps, 1)
	assert.Equal(t, "a recording ends", got.gaps[0].Why)

	for i := range calls {
		calls[i].Response = calls[i].Response.Clone()
		calls[i].Response.Del("X-Amzn-Requestid")
	}
	alone := read(t, recorded.Options{}, file(t, recording.HAR(calls, o)))
	got = read(t, recorded.Options{}, folder(t, map[string][]byte{"a": recording.HAR(calls[:20], o), "b": recording.HAR(calls, o)}))
	assert.Empty(t, got.gaps, "they were recorded at the same time")
	assert.Len(t, got.exchanges, len(alone.exchanges))
	assert.Positive(t, got.sum.Doubled)

	got = read(t, recorded.Options{}, folder(t, map[string][]byte{"a": recording.VCRPy(calls, o, false), "b": recording.GoVCR(calls, o, 2)}))
	assert.NotEmpty(t, got.gaps)
	assert.Equal(t, map[string]int{recorded.FormatCassette: 2}, got.sum.Formats)
}

// TestBodiesBeside: Playwright may keep bodies in files beside a HAR file; no other file is read.
func TestBodiesBeside(t *testing.T) {
	calls := callsOfRun(t)
	first := slices.IndexFunc(calls, func(c recording.Call) bool { _, _, ok := expected(c); return ok })
	har := recording.HAR(calls[first:first+1], recording.HTTPOptions{})
	want := read(t, recorded.Options{}, file(t, har))
	require.Len(t, want.exchanges, 1)
	for name, known := range map[string]bool{"x.json": true, "../x.json": false, "y.json": false} {
		beside := regexp.MustCompile(`"text": "(\\.|[^"\\])*"`).ReplaceAll(har, []byte(`"_file": "`+name+`"`))
		got := read(t, recorded.Options{}, filepath.Join(folder(t, map[string][]byte{"all.har": beside, "x.json": []byte("{}")}), "all.har"))
		if known {
			require.Len(t, got.exchanges, 1)
			assert.Equal(t, "{}", string(got.exchanges[0].Reply.Sent))
			assert.Equal(t, "{}", string(got.exchanges[0].Reply.Received))
		} else {
			assert.Empty(t, got.exchanges, name)
		}
	}
}

// TestLookupOfSomeCalls: what was not asked for is missing everywhere.
func TestLookupOfSomeCalls(t *testing.T) {
	event := func(name, resource string, second int) string {
		record, err := json.Marshal(logged(fmt.Sprint(name, second), second, name, getAudit, "null"))
		require.NoError(t, err)
		return fmt.Sprintf(`{"EventId":"x","EventName":%q,"Resources":[{"ResourceName":%q}],"CloudTrailEvent":%s}`, name, resource, record)
	}
	for name, test := range map[string]struct {
		events []string
		gaps   int
	}{
		"all":          {[]string{event("GetInsightSelectors", "audit", 2), event("StopLogging", "other", 1)}, 0},
		"one name":     {[]string{event("GetInsightSelectors", "audit", 2), event("GetInsightSelectors", "other", 1)}, 1},
		"one resource": {[]string{event("GetInsightSelectors", "audit", 2), event("StopLogging", "audit", 1)}, 1},
	} {
		pages := `{"Events":[` + test.events[0] + `],"NextToken":"x"}` + "\n" + `{"Events":[` + test.events[1] + `]}`
		got := read(t, recorded.Options{}, file(t, []byte(pages)))
		assert.Len(t, got.gaps, test.gaps, name)
		assert.Len(t, got.exchanges, 2, name)
	}
}

// TestOtherShapesOfLogs: records as jq and Athena give them.
func TestOtherShapesOfLogs(t *testing.T) {
	put, get := logged("a", 1, "PutInsightSelectors", putAudit, "null"), logged("b", 2, "GetInsightSelectors", getAudit, "null")
	quoted, err := json.Marshal(putAudit)
	require.NoError(t, err)
	athena := strings.NewReplacer("eventVersion", "eventversion", "eventTime", "eventtime", "eventSource", "eventsource", "eventName", "eventname",
		"awsRegion", "awsregion", putAudit, string(quoted), "requestParameters", "requestparameters", "recipientAccountId", "recipientaccountid").Replace(put)
	want := read(t, recorded.Options{}, file(t, logFile(put, get)))
	for name, content := range map[string]string{
		"lines":      put + "\n" + get + "\n",
		"a list":     "[" + put + "," + get + "]",
		"files":      string(logFile(put)) + string(logFile(get)),
		"Athena":     athena + "\n" + get,
		"with a BOM": "\ufeff" + string(logFile(put, get)),
		"keys first": `{"Records":[` + put + "," + get + `],"more":{"x":[1,2]}}`,
	} {
		assert.Equal(t, lines(want), lines(read(t, recorded.Options{}, file(t, []byte(content)))), name)
	}
}

func TestWhatIsNoRecording(t *testing.T) {
	nothing := func(recorded.Exchange) error { return nil }
	noGap := func(recorded.Gap) error { return nil }
	for name, path := range map[string]string{
		"there is no such file": "/nowhere/x.json", "is empty": file(t, nil), "is neither": file(t, []byte("# Title\n")),
		"neither a HAR file": file(t, []byte(`{"schema":"conform/trace/v1","Records":[]}`)), "neither a VCR": file(t, []byte{0x1f, 0x8b, 8, 0}),
		"nor the output": file(t, []byte(`{"a":{"log":{}}}`)), "a file nor a folder": os.DevNull,
	} {
		_, err := recorded.Read(t.Context(), []string{path}, recorded.Options{}, nothing, noGap)
		require.ErrorIs(t, err, recorded.ErrInput, name)
		assert.Contains(t, err.Error(), path)
		assert.NotContains(t, err.Error(), "\n")
	}
	got := read(t, recorded.Options{}, folder(t, map[string][]byte{"README": []byte("x"), "x.json": logFile(noise(1))}))
	assert.Empty(t, got.gaps)
	assert.Equal(t, "a file of another kind", got.sum.Skipped[0].Reason)
}

func TestSniff(t *testing.T) {
	for name, want := range map[string]string{"log.json": recorded.FormatLog, "lookup.json": recorded.FormatLookup, "browser.har": recorded.FormatHAR,
		"vcrpy.yaml": recorded.FormatCassette, "go-vcr-v4.yaml": recorded.FormatCassette, "golden/log.json.txt": ""} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		for _, content := range [][]byte{content, packed(t, content)} {
			format, err := recorded.Sniff(file(t, content))
			require.NoError(t, err)
			assert.Equal(t, want, format, name)
		}
	}
	_, err := recorded.Sniff("/nowhere/x.json")
	assert.ErrorIs(t, err, recorded.ErrInput)
}

// TestErrorsOfTheCallerEndIt: and leave no temporary file behind.
func TestErrorsOfTheCallerEndIt(t *testing.T) {
	temporary := t.TempDir()
	path := file(t, recording.HAR(callsOfRun(t), recording.HTTPOptions{}))
	_, err := recorded.Read(t.Context(), []string{path}, recorded.Options{Memory: 10_000, TempDir: temporary},
		func(recorded.Exchange) error { return io.ErrShortWrite }, nil)
	require.ErrorIs(t, err, io.ErrShortWrite)
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	assert.Empty(t, left)

	_, err = recorded.Read(t.Context(), []string{path}, recorded.Options{Memory: 10_000, TempDir: "/nowhere"}, nil, nil)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestProgress(t *testing.T) {
	path := filepath.Join("testdata", "log.json")
	info, err := os.Stat(path)
	require.NoError(t, err)
	var last [2]int64
	read(t, recorded.Options{Progress: func(read, total int64) { last = [2]int64{read, total} }}, path)
	assert.Equal(t, [2]int64{info.Size(), info.Size()}, last)
}
