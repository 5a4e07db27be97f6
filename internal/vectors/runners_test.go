package vectors

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/testing/choices"
	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/embedded"
)

// shown is what a runner in another language has shown of a set: exit code, output, and by vector what came of it.
type shown struct {
	code    int
	output  string
	vectors map[string]string // passed, failed, expected (a failure that fails nothing), skipped
	reasons map[string]string // what is said of those that did not pass
}

func (p shown) with(what string) (ids []string) {
	for id, w := range p.vectors {
		if w == what {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// rules lists the rules of which some vector failed, whatever that means for the exit code.
func (p shown) rules() []string {
	found := map[string]bool{}
	for _, id := range append(p.with("failed"), p.with("expected")...) {
		found[id[:strings.LastIndexByte(id, '-')]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// language is a runner, and how it is told to play only some vectors.
type language struct {
	name string
	play func(t *testing.T, dir, only string, env ...string) shown
}

var languages = []language{{"python", playPython}, {"javascript", playJavaScript}}

// component finds a program that a runner needs. Where it is missing the test is skipped, or fails where the environment has CI.
func component(t *testing.T, name, install string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed: %s", name, install)
		}
		t.Skipf("%s is not installed: %s", name, install)
	}
	return path
}

func playPython(t *testing.T, dir, only string, env ...string) (p shown) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.xml")
	args := []string{"-q", "-rsx", "-p", "no:cacheprovider", "--junitxml", report, "runners/python/test_vectors.py"}
	if only != "" {
		args = append(args, "-k", only)
	}
	p.output, p.code = start(t, dir, component(t, "pytest", "pip install pytest"), args, env)
	var parsed struct {
		Cases []struct {
			Name    string `xml:"name,attr"`
			Failure []told `xml:"failure"`
			Error   []told `xml:"error"`
			Skipped []told `xml:"skipped"`
		} `xml:"testsuite>testcase"`
	}
	data, err := os.ReadFile(report)
	require.NoError(t, err, p.output)
	require.NoError(t, xml.Unmarshal(data, &parsed))
	p.vectors, p.reasons = map[string]string{}, map[string]string{}
	for _, c := range parsed.Cases {
		id := strings.TrimSuffix(strings.TrimPrefix(c.Name, "test_vector["), "]")
		if _, again := p.vectors[id]; again || id == c.Name { // the end of the session, or the file as a whole
			continue
		}
		switch {
		case len(c.Failure) > 0:
			p.vectors[id], p.reasons[id] = "failed", c.Failure[0].Message+"\n"+c.Failure[0].Text
		case len(c.Skipped) > 0 && c.Skipped[0].Type == "pytest.xfail":
			p.vectors[id], p.reasons[id] = "expected", c.Skipped[0].Message
		case len(c.Skipped) > 0:
			p.vectors[id], p.reasons[id] = "skipped", c.Skipped[0].Message
		default:
			p.vectors[id] = "passed"
		}
	}
	return p
}

type told struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

var tapLine = regexp.MustCompile(`(?m)^(not )?ok \d+ - (\S+)(?: # (SKIP|TODO) (.*))?$`)

func playJavaScript(t *testing.T, dir, only string, env ...string) (p shown) {
	t.Helper()
	args := []string{"--test", "--test-reporter=tap"}
	if only != "" {
		args = append(args, "--test-name-pattern="+only)
	}
	p.output, p.code = start(t, dir, component(t, "node", "https://nodejs.org, 18 or later"), append(args, "runners/javascript/vectors.test.mjs"), env)
	p.vectors, p.reasons = map[string]string{}, map[string]string{}
	lines := tapLine.FindAllStringSubmatchIndex(p.output, -1)
	for i, at := range lines {
		group := func(n int) string {
			if at[2*n] < 0 {
				return ""
			}
			return p.output[at[2*n]:at[2*n+1]]
		}
		end := len(p.output)
		if i+1 < len(lines) {
			end = lines[i+1][0]
		}
		id, what := group(2), "passed"
		switch {
		case group(4) == "test name does not match pattern" || strings.HasSuffix(id, ".mjs"): // the file as a whole, after its end
			continue
		case group(3) == "SKIP":
			what = "skipped"
		case group(3) == "TODO":
			what = "expected"
		case group(1) != "":
			what = "failed"
		}
		p.vectors[id] = what
		if what != "passed" {
			p.reasons[id] = group(4) + "\n" + p.output[at[1]:end]
		}
	}
	p.output = regexp.MustCompile(`(?m)^# `).ReplaceAllString(p.output, "") // with which TAP begins what a program writes
	return p
}

// start runs a program in a folder to its end. The environment is that of the test, without what would tell a runner
// something else.
func start(t *testing.T, dir, path string, args, env []string) (output string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	for _, setting := range os.Environ() {
		if name, _, _ := strings.Cut(setting, "="); !strings.HasPrefix(name, "CONFORM_") && name != "NODE_TEST_CONTEXT" && name != "PYTEST_ADDOPTS" {
			cmd.Env = append(cmd.Env, setting)
		}
	}
	cmd.Env = append(append(cmd.Env, "PYTHONDONTWRITEBYTECODE=1", "COLUMNS=200"), env...)
	out, err := cmd.CombinedOutput()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// written is the set in a folder of its own.
func written(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, Write(dir))
	return dir
}

// served runs a server until the test is over.
func listening(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

func reference(t *testing.T, o embedded.ServerOptions) http.Handler {
	t.Helper()
	server, err := embedded.NewServer(o)
	require.NoError(t, err)
	return server
}

// both plays a set with both runners, each against a server of its own, and holds that they agree.
func both(t *testing.T, dir string, server func() string, env ...string) shown {
	t.Helper()
	all := make([]shown, len(languages))
	var group sync.WaitGroup
	for i, l := range languages {
		env := append(slices.Clone(env), "CONFORM_ENDPOINT="+server())
		group.Go(func() { all[i] = l.play(t, dir, "", env...) })
	}
	group.Wait()
	require.NotEmpty(t, all[0].vectors, "%s\n%s", all[0].output, all[1].output)
	says := func(s shown) map[string]string {
		out := maps.Clone(s.vectors)
		for id, what := range out { // whether those of several clients end early is up to chance
			if strings.HasPrefix(id, "concurrent/") && what == "skipped" && strings.Contains(s.reasons[id], "ended: ") {
				out[id] = "passed"
			}
		}
		return out
	}
	assert.Equal(t, says(all[0]), says(all[1]), "what %s and %s say", languages[0].name, languages[1].name)
	assert.Equal(t, all[0].code, all[1].code)
	return all[0]
}

// TestRunnersPass: against the reference, each vector is played, and passes.
func TestRunnersPass(t *testing.T) {
	t.Parallel()
	set, err := Read(Files())
	require.NoError(t, err)
	url := listening(t, reference(t, embedded.ServerOptions{}))
	got := both(t, written(t), func() string { return url }, "CONFORM_FAIL_ON=inferred")
	assert.Zero(t, got.code, got.output)
	assert.Len(t, got.vectors, len(set.Vectors))
	assert.Greater(t, len(got.with("passed")), len(set.Vectors)*98/100)
	for _, id := range got.with("skipped") { // those that follow another accepted way
		assert.Contains(t, got.reasons[id], "ended: ", id)
	}
}

// TestRunnersWait: what is throttled is sent again, conditions too.
func TestRunnersWait(t *testing.T) {
	t.Parallel()
	server := reference(t, embedded.ServerOptions{})
	var requests atomic.Int64
	url := listening(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1)%3 == 0 {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"__type": "ThrottlingException", "Message": "slowly"}`)
			return
		}
		server.ServeHTTP(w, r)
	}))
	for _, l := range languages {
		got := l.play(t, written(t), "kms/", "CONFORM_ENDPOINT="+url)
		assert.Zero(t, got.code, got.output)
		assert.NotEmpty(t, got.with("passed"))
		assert.Empty(t, got.with("failed"))
	}
}

// TestRunnersFail: against a wrong server, the vectors of the rule that it breaks fail, and no others.
func TestRunnersFail(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"appends-selectors", "stop-drops-one-type", "error-code-nested"} {
		fault, ok := embedded.FaultNamed(name)
		if !assert.True(t, ok, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := listening(t, reference(t, embedded.ServerOptions{Fault: name}))
			got := both(t, written(t), func() string { return url }, "CONFORM_FAIL_ON=inferred")
			assert.Equal(t, 1, got.code)
			assert.Equal(t, []string{string(fault.Rule)}, got.rules())
			assert.Empty(t, got.with("expected"))
			for _, id := range got.with("skipped") {
				assert.Regexp(t, "blocked: |ended: ", got.reasons[id], id)
			}
		})
	}
}

// TestRunnersAcceptAlternatives: a server that takes what the rules leave open fails nothing, and blocks nothing.
func TestRunnersAcceptAlternatives(t *testing.T) {
	t.Parallel()
	for i, x := range []struct {
		name    string
		chooser choices.Chooser
	}{
		{"any", choices.Random(1, 0)},
		{"any others", choices.Random(2, 0)},
		{"another order", choices.Always(model.Order, 1)},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			url := listening(t, reference(t, embedded.ServerOptions{Chooser: x.chooser}))
			got := languages[i%2].play(t, written(t), "", "CONFORM_ENDPOINT="+url, "CONFORM_FAIL_ON=inferred")
			assert.Zero(t, got.code, got.output)
			assert.Empty(t, got.with("failed"))
			assert.Greater(t, len(got.with("passed")), len(got.vectors)*3/4)
		})
	}
}

// TestRunnersAgainstMoto: the rules of which vectors fail are those that moto is known to diverge in, by runs of conform;
// another test holds that list against the moto that is installed. One runner starts moto itself.
func TestRunnersAgainstMoto(t *testing.T) {
	t.Parallel()
	dir := written(t)
	url := mototest.Start(t)
	python := playPython(t, dir, "", "CONFORM_FAIL_ON=inferred")
	javascript := playJavaScript(t, dir, "", "CONFORM_FAIL_ON=inferred", "CONFORM_ENDPOINT="+url)
	assert.Equal(t, python.vectors, javascript.vectors)
	assert.Equal(t, []int{1, 1}, []int{python.code, javascript.code})

	data, err := os.ReadFile("../../docs/emulators/moto-5.2.5.json")
	require.NoError(t, err)
	var report struct{ Divergences []struct{ Rule string } }
	require.NoError(t, json.Unmarshal(data, &report))
	found := map[string]bool{}
	for _, d := range report.Divergences {
		found[d.Rule] = true
	}
	assert.Equal(t, slices.Sorted(maps.Keys(found)), python.rules())
}

// TestRunnersSayWhatKeepsThem: where nothing can be played, one test fails, with one line.
func TestRunnersSayWhatKeepsThem(t *testing.T) {
	t.Parallel()
	hanging := listening(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else net/http does not notice that a caller is gone
		<-r.Context().Done()
	}))
	refusing := listening(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(403)
		fmt.Fprint(w, `{"__type": "UnrecognizedClientException", "Message": "no"}`)
	}))
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, x := range map[string]struct {
		env  []string
		says string
	}{
		"hangs":       {[]string{"CONFORM_ENDPOINT=" + hanging}, "no answer within 10 s"},
		"gone":        {[]string{"CONFORM_ENDPOINT=" + gone.URL}, "no answer: .*(refused|REFUSED)"},
		"credentials": {[]string{"CONFORM_ENDPOINT=" + refusing}, "refuses the credentials: UnrecognizedClientException"},
		"AWS":         {[]string{"CONFORM_ENDPOINT=https://cloudtrail.us-east-1.amazonaws.com"}, "amazonaws.com belongs to AWS"},
		"China":       {[]string{"CONFORM_ENDPOINT=https://cloudtrail.cn-north-1.AMAZONAWS.com.cn."}, "amazonaws.com.cn belongs to AWS"},
		"metadata":    {[]string{"CONFORM_ENDPOINT=http://169.254.169.254"}, "link-local"},
		"password":    {[]string{"CONFORM_ENDPOINT=http://me:hunter2@127.0.0.1:1"}, "must not carry a user name or password"},
		"no URL":      {[]string{"CONFORM_ENDPOINT=localhost:5000"}, "is no URL"},
		"level":       {[]string{"CONFORM_ENDPOINT=" + gone.URL, "CONFORM_FAIL_ON=all"}, "CONFORM_FAIL_ON is all, which is none of documented, observed, inferred"},
		"no file":     {[]string{"CONFORM_ENDPOINT=" + gone.URL, "CONFORM_KNOWN=none.txt"}, "none.txt"},
		"no vector":   {[]string{"CONFORM_ENDPOINT=" + gone.URL, "CONFORM_KNOWN=known.txt"}, "CONFORM_KNOWN has put/nonsense: no vector and no rule"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := written(t)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "known.txt"), []byte("put/nonsense # no such thing\n"), 0o600))
			for _, l := range languages {
				got := l.play(t, dir, "", x.env...)
				assert.Equal(t, 1, got.code, got.output)
				assert.Regexp(t, x.says, got.output)
				assert.Len(t, got.with("failed"), 1, l.name)
				assert.Empty(t, got.with("passed"))
				assert.NotContains(t, got.output, "hunter2")
				assert.NotRegexp(t, `Traceback|\.mjs:\d+:\d+\)`, got.output)
			}
		})
	}
	t.Run("crashes", func(t *testing.T) {
		t.Parallel()
		url := listening(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
		for _, l := range languages {
			got := l.play(t, written(t), "", "CONFORM_ENDPOINT="+url)
			assert.Equal(t, 1, got.code, got.output)
			assert.Empty(t, got.with("passed"))
			assert.Regexp(t, `(?s)nothing was judged:\n.*create-trail: CreateTrail .*: 500`, got.output)
		}
	})
	t.Run("lost", func(t *testing.T) {
		t.Parallel()
		for _, l := range languages {
			server := reference(t, embedded.ServerOptions{})
			var requests atomic.Int64
			url := listening(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if requests.Add(1) > 400 {
					panic(http.ErrAbortHandler)
				}
				server.ServeHTTP(w, r)
			}))
			got := l.play(t, written(t), "", "CONFORM_ENDPOINT="+url)
			assert.Equal(t, 1, got.code, got.output)
			require.Len(t, got.with("failed"), 1)
			assert.Contains(t, got.reasons[got.with("failed")[0]], url+": no answer: ")
			assert.NotEmpty(t, got.with("passed"))
			assert.Greater(t, len(got.with("skipped")), len(got.with("passed")))
		}
	})
	t.Run("a pattern that fits nothing", func(t *testing.T) {
		t.Parallel()
		for _, url := range []string{gone.URL, listening(t, reference(t, embedded.ServerOptions{}))} {
			for _, l := range languages {
				got := l.play(t, written(t), "nonsense", "CONFORM_ENDPOINT="+url)
				assert.NotZero(t, got.code, got.output)
				assert.Regexp(t, "no vector was asked for|no answer: |[0-9]+ deselected", got.output)
			}
		}
	})
	t.Run("javascript without an endpoint", func(t *testing.T) {
		t.Parallel()
		got := playJavaScript(t, written(t), "")
		assert.Equal(t, 1, got.code)
		assert.Contains(t, got.output, "CONFORM_ENDPOINT is not set")
	})
	t.Run("python without moto", func(t *testing.T) {
		t.Parallel()
		dir := written(t)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "lib/moto"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "lib/moto/__init__.py"), nil, 0o600))
		got := playPython(t, dir, "", "PYTHONPATH=lib", "CI=")
		assert.Zero(t, got.code)
		assert.Len(t, got.with("skipped"), len(got.vectors))
		assert.Contains(t, got.output, "moto is not installed (pip install 'moto[server]')")
		got = playPython(t, dir, "", "PYTHONPATH=lib", "CI=true")
		assert.Equal(t, 1, got.code)
		assert.Len(t, got.with("failed"), 1)
	})
	t.Run("another schema", func(t *testing.T) {
		t.Parallel()
		dir := written(t)
		index, err := os.ReadFile(filepath.Join(dir, IndexFile))
		require.NoError(t, err)
		changed := strings.Replace(string(index), IndexSchema, "conform/vectors-index/9", 1)
		require.NoError(t, os.WriteFile(filepath.Join(dir, IndexFile), []byte(changed), 0o600))
		for _, l := range languages {
			got := l.play(t, dir, "", "CONFORM_ENDPOINT="+gone.URL)
			assert.NotZero(t, got.code)
			assert.Contains(t, got.output, "is conform/vectors-index/9, and this runner reads "+IndexSchema)
			assert.Empty(t, got.with("passed"))
		}
	})
}

// TestRunnersTakeNoUnearnedGreen: a run that judges nothing, or in which something is blocked for no reason that it shows,
// fails at its end.
func TestRunnersTakeNoUnearnedGreen(t *testing.T) {
	t.Parallel()
	success, refused := []Pattern{{Outcome: Success}}, []Pattern{{Outcome: Refused}}
	ends := []Pattern{{Outcome: Answer, Ends: "far away"}}
	never := []Pattern{{Outcome: Refused, Codes: []string{"NeverException"}}}
	get := func(allowed []Pattern) Step {
		return Step{Operation: "GetInsightSelectors", Allowed: allowed}
	}
	vector := func(id string, v Vector) Vector {
		v.ID, v.Rule, v.Level = id, model.ID(id[:strings.LastIndexByte(id, '-')]), model.Documented
		v.Needs, v.Requires = append([]string{}, v.Needs...), append([]string{}, v.Requires...)
		return v
	}
	for name, x := range map[string]struct {
		vectors []Vector
		only    string
		says    string
	}{
		"nothing is covered": {[]Vector{vector("get/not-enabled-1", Vector{Needs: []string{"nothing"}, Steps: []Step{get(success)}})},
			"", "nothing was judged:\n  nothing: there is nothing"},
		"all ends": {[]Vector{vector("get/not-enabled-1", Vector{Steps: []Step{get(ends)}})}, "", "nothing was judged:\n  far away"},
		"most ends": {[]Vector{vector("get/not-enabled-1", Vector{Steps: []Step{get(ends)}}), vector("get/not-enabled-2", Vector{Steps: []Step{get(ends)}}),
			vector("get/reflects-put-3", Vector{Steps: []Step{get(refused)}})}, "", "2 of 3 vectors ended before they judged anything"},
		"blocked": {[]Vector{vector("get/not-enabled-1", Vector{Steps: []Step{get(never), get(never)}}),
			vector("get/reflects-put-2", Vector{Steps: []Step{get(refused)}})}, "", "blocked, though nothing failed: get/not-enabled-1"},
		"a failure that is not shown": {[]Vector{vector("get/not-enabled-1", Vector{Steps: []Step{get(never)}}),
			vector("get/reflects-put-2", Vector{Requires: []string{"get/not-enabled-1"}, Steps: []Step{get(success)}})},
			"get/reflects-put", "failed, and was played only since others need it: get/not-enabled-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, err := Read(Files())
			require.NoError(t, err)
			set.Vectors = x.vectors
			set.Index.Capabilities["nothing"] = Capability{Why: "there is nothing", Probes: [][]Step{{get(never)}}}
			dir := written(t)
			files, err := set.Render()
			require.NoError(t, err)
			for name, data := range files {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
			}
			url := listening(t, reference(t, embedded.ServerOptions{}))
			for _, l := range languages {
				got := l.play(t, dir, x.only, "CONFORM_ENDPOINT="+url)
				assert.Equal(t, 1, got.code, got.output)
				assert.Empty(t, got.with("failed"), l.name)
				assert.Contains(t, got.output, x.says)
			}
		})
	}
}

// TestRunnersKnow: failures that are known or below the level are shown and fail nothing; what is known and does not fail
// is stale, and fails.
func TestRunnersKnow(t *testing.T) {
	t.Parallel()
	wrong := listening(t, reference(t, embedded.ServerOptions{Fault: "appends-selectors"}))
	right := listening(t, reference(t, embedded.ServerOptions{}))
	const only = "put/replaces-list"
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			dir := written(t)
			failing := l.play(t, dir, only, "CONFORM_ENDPOINT="+wrong)
			require.Equal(t, 1, failing.code, failing.output)
			ids := failing.with("failed")
			require.NotEmpty(t, ids)
			for id := range failing.vectors {
				assert.True(t, strings.HasPrefix(id, only), "%s was not asked for", id)
			}
			for _, list := range []string{only + " # all of them\n", "# one by one\n\n" + strings.Join(ids, "\n")} {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "known.txt"), []byte(list), 0o600))
				got := l.play(t, dir, only, "CONFORM_ENDPOINT="+wrong, "CONFORM_KNOWN=known.txt")
				assert.Zero(t, got.code, got.output)
				assert.Equal(t, ids, got.with("expected"))
				assert.Contains(t, got.reasons[ids[0]], "known: step ")
				got = l.play(t, dir, only, "CONFORM_ENDPOINT="+right, "CONFORM_KNOWN=known.txt")
				assert.Equal(t, 1, got.code, got.output)
				assert.Contains(t, got.output, "stale: ")
			}
			got := l.play(t, dir, only, "CONFORM_ENDPOINT="+wrong, "CONFORM_FAIL_ON=documented")
			assert.Zero(t, got.code, "an observed rule: %s", got.output)
			assert.Equal(t, ids, got.with("expected"))
			assert.Contains(t, got.reasons[ids[0]], "observed: step ")
		})
	}
}

// TestRunnersExplain: a failure says what is wrong and how to see it again, which works, and nothing shows credentials.
func TestRunnersExplain(t *testing.T) {
	t.Parallel()
	const key = "KEYTHATMUSTNOTBESHOWN"
	server := reference(t, embedded.ServerOptions{Fault: "appends-selectors"})
	var mu sync.Mutex
	signed := map[string]bool{}
	url := listening(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		credential, _, _ := strings.Cut(r.Header.Get("Authorization"), "/")
		signed[credential] = true
		mu.Unlock()
		server.ServeHTTP(w, r)
	}))
	rule := model.RuleOf(model.PutReplacesList)
	t.Run("runners", func(t *testing.T) {
		for _, l := range languages {
			t.Run(l.name, func(t *testing.T) {
				t.Parallel()
				dir := written(t)
				got := l.play(t, dir, string(rule.ID), "CONFORM_ENDPOINT="+url, "CONFORM_ACCESS_KEY_ID="+key)
				require.NotEmpty(t, got.with("failed"), got.output)
				assert.NotContains(t, got.output, key)
				assert.NotContains(t, got.output, "Credential=")
				id := got.with("failed")[0]
				text := got.reasons[id]
				assert.Contains(t, text, string(rule.ID)+": "+rule.Statement)
				assert.Contains(t, text, "observed, by ")
				assert.Regexp(t, `  1  CreateTrail \{"Name":"alpha-t\w{7}".*\}  → 200\n`, text)
				assert.Regexp(t, `\n *allowed  success .*\n( *or       .*\n)* *came     200 \{`, text)
				alone := regexp.MustCompile(`(?m)^ *alone: (.*)$`).FindStringSubmatch(text)
				require.NotNil(t, alone, text)
				again, code := start(t, dir, "sh", []string{"-c", alone[1]}, nil)
				assert.Equal(t, 1, code, again)
				assert.Regexp(t, "1 failed|fail 1", again)
			})
		}
	})
	assert.Contains(t, signed, "AWS4-HMAC-SHA256 Credential="+key)
}
