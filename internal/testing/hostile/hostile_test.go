package hostile

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
)

// TestMain lets more modes run side by side than there are cores: most of them wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

var folder string // of the command, once it is built

var silent = log.New(io.Discard, "", 0)

// The limits of every mode. A run ends with --time and the ten seconds that are stated; the rest is for a busy machine.
const (
	runTime   = 2 * time.Second
	grace     = 10 * time.Second
	slack     = 20 * time.Second
	maxMemory = 200 << 20
	maxReport = 12 << 20
)

// mode is a server and what a run against it may come to.
type mode struct {
	first, each int64 // requests that are answered well first, and which of the others are not; 0 is each
	wrong       fault
	server      func(t *testing.T) string // instead
	codes       []int
	args        []string
}

var (
	inconclusive = []int{reports.ExitInconclusive}
	diverges     = []int{reports.ExitDiverges}
	either       = []int{reports.ExitInconclusive, reports.ExitDiverges}
	conforms     = []int{reports.ExitConforms}
	notJudged    = []int{reports.ExitConforms, reports.ExitInconclusive}                       // nothing may be said against it
	anything     = []int{reports.ExitConforms, reports.ExitInconclusive, reports.ExitDiverges} // what is found depends on how fast it is
)

// probed is after how many requests the suites have begun.
const probed = 200

const kilobytes900 = 900 << 10

func modes() map[string]mode {
	long := strings.Repeat("x", kilobytes900)
	full := func(item string) string {
		return "[" + strings.Repeat(item+",", kilobytes900/(len(item)+1)) + item + "]"
	}
	return map[string]mode{
		// Time.
		"slow head":               {wrong: late(150 * time.Millisecond), codes: notJudged},
		"slow body":               {wrong: endless(head("200 OK", "Content-Length: 1000"), " ", 20*time.Millisecond), codes: inconclusive},
		"slow body on the way":    {first: probed, wrong: endless(head("200 OK", "Content-Length: 1000"), " ", 20*time.Millisecond), codes: inconclusive},
		"hangs":                   {wrong: hangs, codes: inconclusive},
		"hangs on the way":        {first: probed, wrong: hangs, codes: inconclusive},
		"hangs at times":          {first: probed, each: 100, wrong: hangs, codes: notJudged},
		"never accepts a request": {server: silentPort, codes: inconclusive},
		"throttles":               {wrong: refuses(400, always("ThrottlingException")), codes: inconclusive},
		"throttles on the way":    {first: probed, wrong: refuses(400, always("ThrottlingException")), codes: notJudged},
		"throttles every second":  {each: 2, wrong: refuses(400, always("ThrottlingException")), codes: notJudged},
		"throttles a fault":       {server: throttledFault, codes: either},
		"429":                     {wrong: refuses(429, always("TooManyRequestsException")), codes: inconclusive},
		"429 on the way":          {first: probed, wrong: refuses(429, always("TooManyRequestsException")), codes: notJudged},
		"503":                     {wrong: refuses(503, always("ServiceUnavailableException")), codes: inconclusive},
		"503 on the way":          {first: probed, wrong: refuses(503, always("ServiceUnavailableException")), codes: notJudged},
		"503 at times":            {first: probed, each: 20, wrong: says(503, "text/html", "later"), codes: notJudged},
		"outage":                  {server: func(t *testing.T) string { return serve(t, away(t, probed, time.Second)) }, codes: notJudged},
		"amnesia":                 {server: func(t *testing.T) string { return serve(t, forgetful(t, 60)) }, codes: anything},

		// Size.
		"infinite body":            {wrong: endless(head("200 OK"), strings.Repeat(" ", 32<<10), 0), codes: inconclusive},
		"infinite body on the way": {first: probed, wrong: endless(head("200 OK"), strings.Repeat(" ", 32<<10), 0), codes: inconclusive},
		"gzip bomb":                {wrong: gzipped, codes: inconclusive},
		"gzip bomb on the way":     {first: probed, wrong: gzipped, codes: inconclusive},
		"900 kB more":              {wrong: adds(`"More":` + text(long)), codes: notJudged},
		"900 kB of members":        {wrong: changes(manyMembers), codes: notJudged},
		"900 kB of small values":   {wrong: adds(`"More":` + full(`{"a":1}`)), codes: notJudged},
		"900 kB of empty values":   {wrong: adds(`"More":` + full(`[]`)), codes: notJudged},
		"error codes of 900 kB":    {first: probed, wrong: refuses(400, func(n int64) string { return fmt.Sprint(n) + long }), codes: anything},
		"one code of 900 kB":       {first: probed, wrong: refuses(400, always(long)), codes: anything},
		"codes of 900 kB at times": {first: probed, each: 7, wrong: refuses(400, func(n int64) string { return fmt.Sprint(n) + long }), codes: anything},
		"ARNs of 900 kB":           {first: probed, wrong: instead("TrailARN", text("arn:aws:cloudtrail:us-east-1:123456789012:trail/"+long)), codes: anything},
		"150,000 selectors":        {first: probed, wrong: instead("InsightSelectors", full(`"abc"`)), codes: anything},
		"300,000 selectors":        {first: probed, wrong: instead("InsightSelectors", full(`{}`)), codes: anything},
		"misspelt selectors":       {first: probed, wrong: instead("InsightSelectors", full(`{"insight_type":"ApiCallRateInsight"}`)), codes: anything},
		"right selectors often":    {first: probed, wrong: instead("InsightSelectors", full(`{"InsightType":"ApiCallRateInsight"}`)), codes: anything},
		"messages of 900 kB":       {first: probed, wrong: says(400, contentType, text(map[string]string{"__type": "OddException", "Message": long})), codes: anything},
		"answers of 60 kB":         {wrong: adds(`"More":` + text(long[:60<<10])), codes: notJudged},
		"answers of 15 kB":         {wrong: adds(`"More":` + full(`{"a":1}`)[:15<<10] + `]`), codes: anything},
		"many headers":             {wrong: headers(200, 200), codes: notJudged},
		"header flood":             {wrong: headers(1000, 1000), codes: inconclusive},
		"a header without end":     {wrong: endless("HTTP/1.1 200 OK\r\n", "X-A: "+strings.Repeat("x", 2000)+"\r\n", 0), codes: inconclusive},
		"trailers":                 {wrong: raw(head("200 OK", "Transfer-Encoding: chunked"), "2\r\n{}\r\n0\r\n", strings.Repeat("X-A: b\r\n", 200_000), "\r\n"), codes: inconclusive},

		// JSON.
		"deep lists":         {wrong: adds(`"More":` + strings.Repeat("[", 400_000) + strings.Repeat("]", 400_000)), codes: inconclusive},
		"deep objects":       {first: probed, wrong: adds(`"More":` + strings.Repeat(`{"a":`, 9_000) + "1" + strings.Repeat("}", 9_000)), codes: notJudged},
		"never closed":       {wrong: says(200, contentType, strings.Repeat(`{"a":[`, 100_000)), codes: inconclusive},
		"odd numbers":        {wrong: adds(`"A":1e999,"B":-0,"C":1e-999,"D":0.1e+1,"E":123456789012345678901234567890`), codes: notJudged},
		"no numbers":         {wrong: adds(`"A":NaN,"B":0x1`), codes: inconclusive},
		"doubled keys":       {wrong: changes(func(body []byte) []byte { return []byte(`{"TrailARN":"x","InsightSelectors":[],` + string(body[1:])) }), codes: anything},
		"nulls":              {first: probed, wrong: says(200, contentType, `{"TrailARN":null,"InsightSelectors":null,"EventDataStoreArn":null}`), codes: diverges, args: []string{"--time", "30s", "--timeout", "10s", "--requests", "600"}},
		"a list":             {wrong: says(200, contentType, `[{}]`), codes: inconclusive},
		"control characters": {first: probed, wrong: refuses(400, always("Odd\x1b[31m\u202e\x00Exception\r\n")), codes: anything},
		"UTF-16": {wrong: changes(func(body []byte) []byte {
			return []byte(strings.Join(strings.Split("\ufeff"+string(body), ""), "\x00"))
		}), codes: inconclusive},
		"no UTF-8":           {wrong: adds("\"More\":\"\xff\xfe\xc0\x80\""), codes: notJudged},
		"byte order mark":    {wrong: changes(func(body []byte) []byte { return append([]byte("\xef\xbb\xbf"), body...) }), codes: inconclusive},
		"garbage":            {wrong: noise, codes: inconclusive},
		"garbage on the way": {first: probed, wrong: noise, codes: inconclusive},
		"echo":               {wrong: echoes, codes: anything},

		// HTTP.
		"HTTP/0.9":        {wrong: raw(`{"TrailARN":"x"}`), codes: inconclusive},
		"HTTP/1.0":        {server: oldServer, codes: notJudged},
		"HTTP/2":          {wrong: raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), codes: inconclusive},
		"odd status line": {wrong: raw("HTTP/1.1 2x0 OK\r\n\r\n{}"), codes: inconclusive},
		"status 999":      {first: probed, wrong: raw(head("999 Odd", "Content-Length: 2"), "{}"), codes: notJudged},
		"status 600":      {first: probed, wrong: says(600, contentType, "{}"), codes: notJudged},
		"status 204":      {first: probed, wrong: says(204, "", ""), codes: either},
		"status 418":      {first: probed, wrong: says(418, "text/html", "<h1>teapot</h1>"), codes: anything},
		"redirects": {first: probed, wrong: func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}, codes: inconclusive},
		"1xx":                {wrong: informs(5), codes: notJudged},
		"1xx without end":    {wrong: endless("", "HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n", 0), codes: inconclusive},
		"length too great":   {wrong: raw(head("200 OK", "Content-Length: 1000"), "{}"), codes: inconclusive},
		"length too small":   {wrong: raw(head("200 OK", "Content-Length: 1"), `{"TrailARN":"x"}`), codes: inconclusive},
		"two lengths":        {wrong: raw(head("200 OK", "Content-Length: 2", "Content-Length: 3"), "{}"), codes: inconclusive},
		"length below 0":     {wrong: raw(head("200 OK", "Content-Length: -1"), "{}"), codes: inconclusive},
		"bad chunk":          {wrong: raw(head("200 OK", "Transfer-Encoding: chunked"), "zz\r\n{}\r\n"), codes: inconclusive},
		"huge chunk":         {wrong: raw(head("200 OK", "Transfer-Encoding: chunked"), "7fffffffffffffff\r\n{}"), codes: inconclusive},
		"chunks without end": {wrong: endless(head("200 OK", "Transfer-Encoding: chunked"), "1\r\n \r\n", 0), codes: inconclusive},
		"unsolicited":        {wrong: raw(head("200 OK", "Content-Length: 2"), "{}", head("200 OK", "Content-Length: 2"), "{}"), codes: anything},
		"resets":             {wrong: reset(""), codes: inconclusive},
		"resets on the way":  {first: probed, wrong: reset(""), codes: inconclusive},
		"resets within":      {first: probed, wrong: reset(head("200 OK", "Content-Length: 100") + `{"Trail`), codes: inconclusive},
		"resets at times":    {first: probed, each: 50, wrong: reset(""), codes: notJudged},
		"closes after head":  {wrong: raw(head("200 OK")), codes: anything},
		"TLS":                {server: tlsServer, codes: inconclusive},
		"no TLS":             {server: func(t *testing.T) string { return strings.Replace(serve(t, reference(t)), "http:", "https:", 1) }, codes: inconclusive},
		"TLS in plain HTTP":  {server: func(t *testing.T) string { return strings.Replace(tlsServer(t), "https:", "http:", 1) }, codes: inconclusive},
		"another protocol": {server: func(t *testing.T) string {
			return accepting(t, func(c net.Conn) { io.WriteString(c, "SSH-2.0-x\r\n"); time.Sleep(time.Second) })
		}, codes: inconclusive},
		"right, for a measure": {each: 1 << 40, wrong: hangs, codes: conforms, args: []string{"--time", "60s", "--timeout", "10s"}},
	}
}

func manyMembers([]byte) []byte {
	var b bytes.Buffer
	b.WriteString(`{"TrailARN":"x"`)
	for i := 0; b.Len() < kilobytes900; i++ {
		fmt.Fprintf(&b, `,"m%d":%d`, i, i)
	}
	return append(b.Bytes(), '}')
}

func silentPort(t *testing.T) string {
	return accepting(t, func(c net.Conn) { io.Copy(io.Discard, c) })
}

func tlsServer(t *testing.T) string {
	server := httptest.NewUnstartedServer(reference(t))
	server.Config.ErrorLog = silent
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// throttledFault refuses nine of ten requests, so that confirming what it does wrong takes long.
func throttledFault(t *testing.T) string {
	wrong := faulty(t, "appends-selectors")
	var count atomic.Int64
	busy := refuses(400, always("ThrottlingException"))
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := count.Add(1); n > 3*probed && n%10 != 0 {
			busy(w, r, nil)
			return
		}
		wrong.ServeHTTP(w, r)
	}))
}

// oldServer answers as HTTP/1.0 and closes each connection.
func oldServer(t *testing.T) string {
	right := reference(t)
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		right.ServeHTTP(answer, r)
		status := fmt.Sprintf("HTTP/1.0 %d x\r\nContent-Type: %s\r\n\r\n", answer.Code, contentType)
		raw(status, answer.Body.String())(w, r, nil)
	}))
}

// command is the built command.
var command = sync.OnceValues(func() (string, error) {
	var err error
	if folder, err = os.MkdirTemp("", "conform"); err != nil {
		return "", err
	}
	binary := filepath.Join(folder, "conform")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/insightconform/conform/cmd/conform").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return binary, err
})

// ended is how a process ended.
type ended struct {
	code           int
	took           time.Duration
	memory         int64 // the most that was resident, in bytes
	stdout, stderr string
	report         *reports.Report // nil where none was written
	size           int             // of it
}

// play runs the command against a URL.
func play(t *testing.T, url string, environ []string, args ...string) ended {
	binary, err := command()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "report.json")
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"run", "--endpoint", url, "--seed", "3", "--workers", "2",
		"--report", "text", "--report", "json=" + path}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(environ, "CONFORM_TIMEOUT=300ms", "CONFORM_REQUESTS=900", "CONFORM_TIME="+runTime.String(), "HOME="+t.TempDir(), "CONFORM_TRACES="+filepath.Join(t.TempDir(), "traces"))
	began := time.Now()
	require.NoError(t, cmd.Start())
	late := time.AfterFunc(time.Minute+grace+slack, func() { cmd.Process.Kill() })
	err = cmd.Wait()
	out := ended{took: time.Since(began), code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	require.True(t, late.Stop(), "still running after %v\n%s", out.took, out.stderr)
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		out.memory = usage.Maxrss << 10
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return out
	}
	out.size = len(data)
	out.report, err = reports.ReadJSON(data)
	require.NoError(t, err)
	return out
}

// TestHostileServers runs the command against each of them, as a process of its own.
func TestHostileServers(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	all := modes()
	names := []string{}
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		mode := all[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := ""
			if mode.server != nil {
				url = mode.server(t)
			} else {
				url = serve(t, spoilt(t, mode.first, max(1, mode.each), mode.wrong))
			}
			got := play(t, url, nil, mode.args...)
			assert.Contains(t, mode.codes, got.code, "%.3000s\n%.3000s", got.stdout, got.stderr)
			if len(mode.args) == 0 {
				assert.LessOrEqual(t, got.took, runTime+grace+slack)
			}
			assert.LessOrEqual(t, got.memory, int64(maxMemory))
			assert.LessOrEqual(t, got.size, maxReport)
			assert.NotContains(t, got.stderr, "goroutine ")
			assert.NotContains(t, got.stderr, "internal error")
			require.NotNil(t, got.report, got.stderr)
			assert.Equal(t, got.code, got.report.ExitCode)
			assert.Less(t, len(got.stdout), 200<<10)
			t.Logf("%s: exit %d, %v, %d MB, report of %d kB: %.200s", name, got.code, got.took.Round(100*time.Millisecond), got.memory>>20, got.size>>10, got.report.Reason)
		})
	}
}

// TestMemoryRunsShort: a run that comes near its limit of memory says so, where else it would thrash or die.
func TestMemoryRunsShort(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	url := serve(t, spoilt(t, probed, 1, instead("InsightSelectors", "["+strings.Repeat("{},", 200_000)+"{}]")))
	got := play(t, url, []string{"GOMEMLIMIT=24MiB"}, "--time", "30s", "--timeout", "10s")
	assert.Contains(t, []int{reports.ExitInconclusive, reports.ExitDiverges}, got.code, got.stderr)
	require.NotNil(t, got.report, got.stderr)
	assert.True(t, got.report.Partial)
	assert.Contains(t, got.report.Reason, "memory ran short; raise GOMEMLIMIT")
	assert.Contains(t, got.stdout, "memory ran short")
	assert.NotEmpty(t, got.report.End.Stopped)
}

// TestPlanIsBounded: a plan asks the target too.
func TestPlanIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	binary, err := command()
	require.NoError(t, err)
	url := serve(t, spoilt(t, 0, 1, refuses(400, always("ThrottlingException"))))
	began := time.Now()
	out, _ := exec.CommandContext(t.Context(), binary, "plan", "--endpoint", url, "--time", "1s").CombinedOutput()
	assert.Contains(t, string(out), "the time was over before there was a plan; raise --time")
	assert.LessOrEqual(t, time.Since(began), time.Second+grace+slack)
}
