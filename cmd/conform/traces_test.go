package main

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/scripts"
	"github.com/insightconform/conform/targets/embedded"
)

// conformIn runs the command in a folder of its own and returns its exit code and output.
func conformIn(t *testing.T, folder string, args ...string) (int, string, string) {
	t.Helper()
	t.Chdir(folder)
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, nil)
	return code, stdout.String(), stderr.String()
}

// quick keeps a run short; the systematic suite finds these faults early.
var quick = []string{"--suite", "systematic", "--requests", "3000", "--seed", "1", "--workers", "1"}

func TestTracesOfARun(t *testing.T) {
	folder := t.TempDir()
	code, out, _ := conformIn(t, folder, append([]string{"run", "--fault", "appends-selectors"}, quick...)...)
	require.Equal(t, reports.ExitDiverges, code, out)
	kept := filepath.Join("conform-traces", "embedded-appends-selectors")
	files, err := filepath.Glob(filepath.Join(kept, "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)

	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	assert.False(t, strings.Contains(string(data), "7000000000"), "account ids are replaced by pseudonyms")
	assert.False(t, strings.Contains(string(data), "Authorization"), "Authorization")

	t.Run("replayed on the wrong server, it diverges", func(t *testing.T) {
		code, out, _ := conformIn(t, folder, "replay", kept, "--fault", "appends-selectors")
		assert.Equal(t, reports.ExitDiverges, code)
		assert.Contains(t, out, "still diverges")
	})
	t.Run("on the right one, it is fixed", func(t *testing.T) {
		code, out, _ := conformIn(t, folder, "replay", files[0])
		assert.Equal(t, reports.ExitConforms, code)
		assert.Contains(t, out, "fixed")
	})
	t.Run("on one that is wrong in another way, it is different", func(t *testing.T) {
		code, out, _ := conformIn(t, folder, "replay", files[0], "--fault", "trail-arn-missing")
		assert.Equal(t, reports.ExitDiverges, code)
		assert.Contains(t, out, "now different")
	})
	t.Run("a run keeps the trace of what is fixed, unless it prunes", func(t *testing.T) {
		code, _, _ := conformIn(t, folder, append([]string{"run", "--traces", kept}, quick...)...)
		assert.Equal(t, reports.ExitConforms, code)
		assert.FileExists(t, files[0])
		code, _, _ = conformIn(t, folder, append([]string{"run", "--traces", kept, "--prune"}, quick...)...)
		assert.Equal(t, reports.ExitConforms, code)
		assert.NoFileExists(t, files[0])
	})
}

// TestExportByName: a name, a rule, a file or a folder, without the flags of the target, from the folder of traces.
func TestExportByName(t *testing.T) {
	folder, url := t.TempDir(), emulator(t)
	code, out, stderr := conformIn(t, folder, append([]string{"run", "--fault", "appends-selectors"}, quick...)...)
	require.Equal(t, reports.ExitDiverges, code, out+stderr)
	files, err := filepath.Glob(filepath.Join("conform-traces", "*", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	trace, err := reports.ReadTraceFiles(t.Context(), files[0])
	require.NoError(t, err)
	name := trace[0].Name()
	for _, form := range scripts.ShortForms {
		code, script, stderr := conformIn(t, folder, "export", name, "--as", form)
		require.Equal(t, 0, code, stderr)
		assert.Empty(t, stderr)
		assert.LessOrEqual(t, strings.Count(script, "\n"), 25, script)
		assert.Contains(t, script, trace[0].Target.Endpoint[:len(trace[0].Target.Endpoint)-1])
		for _, same := range []string{"put/replaces-list", files[0], filepath.Dir(files[0]), "conform-traces"} {
			_, again, stderr := conformIn(t, folder, "export", same, "--as", form)
			assert.Equal(t, script, again, stderr)
		}
		code, long, _ := conformIn(t, folder, "export", name, "--as", form, "--full")
		assert.Equal(t, form == "pytest", code == reports.ExitUsage)
		assert.True(t, form == "pytest" || strings.Count(long, "\n") > 100)
	}
	_, script, _ := conformIn(t, folder, "export", name, "--as", "curl", "--traces", "conform-traces")
	shell := exec.CommandContext(t.Context(), "bash", "-c", script)
	shell.Env = append(os.Environ(), "ENDPOINT_URL="+url)
	shown, err := shell.Output()
	require.NoError(t, err, "on a right server: %s", shown)

	copied, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NoError(t, os.Mkdir("conform-traces/other", 0o755))
	require.NoError(t, os.WriteFile("conform-traces/other/x.json", copied, 0o644))
	code, _, stderr = conformIn(t, folder, "export", name, "--as", "curl")
	assert.Equal(t, reports.ExitUsage, code)
	assert.Regexp(t, "^conform: "+name+` means 2 traces; name one of them: [^\n]*conform-traces/other/x.json\n$`, stderr)
	code, _, stderr = conformIn(t, folder, "export", "put/stores", "--as", "curl")
	assert.Equal(t, reports.ExitUsage, code)
	assert.Regexp(t, `^conform: put/stores is no file, and conform-traces has no trace of it; [^\n]*\n$`, stderr)

	code, script, stderr = conformIn(t, folder, "export", storedTraces[0], "--as", "curl")
	assert.Equal(t, 0, code, stderr)
	assert.Equal(t, "conform: this trace has no short form; this is the long one\n", stderr, "an older trace says not what was expected in values")
	assert.Contains(t, script, "#!/usr/bin/env bash")
}

// TestReplayCommand runs the command that a report gives for a divergence in a shell, where it stands alone.
func TestReplayCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	binary := build(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "k")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	folder := t.TempDir()
	t.Chdir(folder)
	require.NoError(t, os.WriteFile("order.json", anOrder(), 0o666))
	wrong, err := embedded.NewServer(embedded.ServerOptions{Fault: "appends-selectors"})
	require.NoError(t, err)
	server := httptest.NewServer(wrong)
	t.Cleanup(server.Close)
	for name, flags := range map[string][]string{
		"a fault":            {"--fault", "appends-selectors"},
		"two faults":         {"--fault", "appends-selectors", "--fault", "trail-arn-missing"},
		"traces":             {"--fault", "appends-selectors", "--traces", "mine"},
		"traces, quoted":     {"--fault", "appends-selectors", "--traces", "it's mine"},
		"settling":           {"--fault", "appends-selectors", "--settle", "10ms"},
		"eventual":           {"--fault", "appends-selectors", "--eventual", "--settle", "10ms", "--regions", "us-west-2,eu-west-1"},
		"an order, timeouts": {"--fault", "appends-selectors", "--order", "order.json", "--timeout", "3s", "--pace", "writes=1000,reads=1000"},
		"an endpoint":        {"--endpoint", server.URL, "--timeout", "3s", "--use-environment-credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"run", "--report", "json=r.json", "--report", "html=r.html", "--report", "junit=r.xml", "--report", "markdown=r.md"}, quick...)
			code, _, problem := conformIn(t, folder, append(args, flags...)...)
			require.Equal(t, reports.ExitDiverges, code, problem)
			report := readJSONReport(t, "r.json")
			command := report.Divergences[0].Replay
			assert.Regexp(t, `^conform replay [0-9a-f]{6} `, command)
			for _, word := range flags {
				if strings.HasPrefix(word, "--") {
					assert.Contains(t, command+" ", " "+word+" ")
				}
			}
			for _, file := range []string{"r.html", "r.xml", "r.md"} {
				page, err := os.ReadFile(file)
				require.NoError(t, err)
				assert.True(t, strings.Contains(html.UnescapeString(string(page)), command), file)
			}
			shell := exec.CommandContext(t.Context(), "sh", "-c", command)
			shell.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
			out, err := shell.CombinedOutput()
			var ended *exec.ExitError
			require.ErrorAs(t, err, &ended, string(out))
			assert.Equal(t, reports.ExitDiverges, ended.ExitCode(), string(out))
			assert.Contains(t, string(out), "still diverges")
		})
	}
}

// TestReplayCommandOfAnAccount: all that decides which account is asked, and how, stands there; which one it is does
// not, unless ids are to be kept.
func TestReplayCommandOfAnAccount(t *testing.T) {
	s := defaultSettings()
	for _, given := range [][2]string{{"target", "account"}, {"account", "123456789012"}, {"regions", "us-east-1,eu-west-1"}, {"ledger", "my ledger"},
		{"prefix", "conform-night1"}, {"allow-logging", "true"}, {"stores", "true"}, {"allow-unknown-alias", "true"}, {"allow-management-account", "true"},
		{"settle", "90s"}, {"traces", "kept"}} {
		require.NoError(t, s.byName()[given[0]].at.set(given[1]))
		s.from[given[0]] = fromFlag
	}
	const flags = " --ledger 'my ledger' --prefix conform-night1 --allow-logging --stores --allow-unknown-alias --allow-management-account --regions us-east-1,eu-west-1 --settle 1m30s"
	trace := &reports.Trace{Signature: "s"}
	assert.Equal(t, "conform replay "+trace.Name()+` --traces kept --target account --account "$CONFORM_ACCOUNT"`+flags, s.replaying(trace))
	s.account.KeepAccountIDs = true
	assert.Equal(t, "conform replay "+trace.Name()+" --traces kept --target account --account 123456789012"+flags, s.replaying(trace))
}

func TestNoTraces(t *testing.T) {
	folder := t.TempDir()
	conformIn(t, folder, append([]string{"run", "--fault", "appends-selectors", "--traces", "none"}, quick...)...)
	assert.NoDirExists(t, filepath.Join(folder, "conform-traces"))
}

// TestStoredTraces: traces of this format that were written long ago are read, valid and replay.
func TestStoredTraces(t *testing.T) {
	for _, file := range storedTraces {
		fault, _, _ := strings.Cut(filepath.Base(file), "@") // the name of the fault that it shows
		fault = strings.ReplaceAll(fault, "%", "/")
		for _, args := range [][]string{{}, {"--fault", fault}} {
			t.Run(strings.Join(append([]string{fault}, args...), " "), func(t *testing.T) {
				code, out, stderr := conformIn(t, t.TempDir(), append([]string{"replay", file}, args...)...)
				want := reports.ExitConforms
				if len(args) > 0 {
					want = reports.ExitDiverges
				}
				assert.Equal(t, want, code, out+stderr)
			})
		}
	}
}

func TestBaseline(t *testing.T) {
	for _, name := range []string{"known.yaml", "known.json"} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			with := func(fault string, more ...string) (int, string, string) {
				args := append([]string{"run", "--baseline", name, "--traces", "none"}, quick...)
				if fault != "" {
					args = append(args, "--fault", fault)
				}
				return conformIn(t, folder, append(args, more...)...)
			}
			code, _, stderr := with("appends-selectors")
			require.Equal(t, reports.ExitUsage, code, "a baseline that is not there")
			require.Contains(t, stderr, name)

			code, _, _ = with("appends-selectors", "--update-baseline")
			require.Equal(t, reports.ExitDiverges, code)
			data, err := os.ReadFile(name)
			require.NoError(t, err)
			require.True(t, strings.Contains(string(data), "not yet explained"), "not yet explained")

			// A reason is given; from then on the divergence is known.
			explained := strings.Replace(string(data), "not yet explained", "issue 12 of the emulator", 1)
			require.NoError(t, os.WriteFile(name, []byte(explained), 0o644))
			code, out, _ := with("appends-selectors")
			assert.Equal(t, reports.ExitConforms, code, out)
			assert.Contains(t, out, "issue 12 of the emulator")

			// A new one fails the run.
			code, out, _ = with("unions-categories")
			assert.Equal(t, reports.ExitDiverges, code, out)

			// What is fixed is stale, and the run says how to mend it.
			code, out, _ = with("")
			assert.Equal(t, reports.ExitDiverges, code)
			assert.Contains(t, out, "--update-baseline")

			// Updating keeps the reason of what is still there, and drops what is not.
			with("appends-selectors", "--update-baseline")
			data, err = os.ReadFile(name)
			require.NoError(t, err)
			assert.True(t, strings.Contains(string(data), "issue 12 of the emulator"), "issue 12 of the emulator")
			with("", "--update-baseline")
			data, err = os.ReadFile(name)
			require.NoError(t, err)
			assert.False(t, strings.Contains(string(data), "issue 12"), "issue 12")

			// An expired entry is stale though it still diverges.
			expired := strings.Replace(explained, "issue 12 of the emulator", "soon", 1)
			key := "\"reason\": \"soon\","
			if name == "known.yaml" {
				key = "reason: soon"
			}
			require.Contains(t, expired, key)
			value := strings.Replace(key, "reason", "expires", 1)
			value = strings.Replace(value, "soon", "2020-01-31", 1)
			if name == "known.yaml" {
				value = `expires: "2020-01-31"`
			}
			require.NoError(t, os.WriteFile(name, []byte(strings.Replace(expired, key, key+"\n    "+value, 1)), 0o644))
			code, out, _ = with("appends-selectors")
			assert.Equal(t, reports.ExitDiverges, code, out)
			assert.Contains(t, out, "expired")
		})
	}
}

// TestWhatWasThereHasGone: a run fails where the target lacks what it had when its baseline was written, or what
// --expect names, and says which answer shows it. An older baseline expects nothing.
func TestWhatWasThereHasGone(t *testing.T) {
	without := func(operation string) string {
		return emulator(t, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+operation) {
					next.ServeHTTP(w, r)
					return
				}
				w.WriteHeader(http.StatusBadRequest)
				io.WriteString(w, `{"__type":"UnsupportedOperationException"}`)
			})
		})
	}
	whole, noStop, noGet, noPut := emulator(t), without("StopLogging"), without("GetInsightSelectors"), without("PutInsightSelectors")
	folder := t.TempDir()
	known, older := filepath.Join(folder, "known.yaml"), filepath.Join(folder, "older.yaml")
	first := append([]string{"run", "--endpoint", whole, "--baseline", known, "--update-baseline"}, quick...)
	require.Equal(t, reports.ExitConforms, command(t, first...).code)
	data, err := os.ReadFile(known)
	require.NoError(t, err)
	require.Contains(t, string(data), "\n  - stop-logging\n")
	require.NoError(t, os.WriteFile(older, []byte("schema: conform/baseline/1\nentries: []\n"), 0o666))
	const gone = "what was expected of the target has gone: "
	for _, test := range []struct {
		url    string
		args   []string
		code   int
		reason string
	}{
		{whole, []string{"--baseline", known}, 0, "no divergence was found"},
		{whole, []string{"--baseline", known, "--expect", "stop-logging"}, 0, "no divergence was found"},
		{noStop, []string{"--baseline", known}, 1, gone + "stop-logging (StopLogging answered UnsupportedOperationException)"},
		{noStop, []string{"--baseline", older}, 0, "no divergence was found"},
		{noStop, nil, 0, "no divergence was found"},
		{noStop, []string{"--expect", "stop-logging,get-trail"}, 1, gone + "stop-logging (StopLogging answered UnsupportedOperationException)"},
		{noStop, []string{"--expect", "get-trail"}, 0, "no divergence was found"},
		{noGet, []string{"--baseline", known}, 1, gone + "get-insight-selectors (GetInsightSelectors answered UnsupportedOperationException)"},
		{noPut, []string{"--baseline", known}, 1, gone + "put-insight-selectors (PutInsightSelectors answered UnsupportedOperationException)"},
	} {
		xml := filepath.Join(t.TempDir(), "r.xml")
		got, report := reported(t, append(append(test.args, "--endpoint", test.url, "--report", "junit="+xml), quick...)...)
		assert.Equal(t, test.code, got.code, "%v\n%s", test.args, got.stdout)
		require.NotNil(t, report)
		assert.Contains(t, report.Reason, test.reason, test.args)
		failures, _, _ := junitResult(t, xml)
		assert.Equal(t, test.code > 0, failures > 0, "in the tests of continuous integration")
	}

	// An entry that cannot be checked, because what it needs has gone, does not make the run pass.
	code, _, stderr := conformIn(t, t.TempDir(), append([]string{"run", "--fault", "stop-drops-one-type", "--traces", "none", "--baseline", known, "--update-baseline"}, quick...)...)
	require.LessOrEqual(t, code, 1, stderr)
	got, report := reported(t, append([]string{"--endpoint", noStop, "--baseline", known}, quick...)...)
	assert.Equal(t, reports.ExitDiverges, got.code, got.stdout)
	assert.Contains(t, report.Reason, gone)

	got = command(t, "run", "--expect", "stop-loging")
	assert.Equal(t, reports.ExitUsage, got.code)
	assert.Regexp(t, `^conform: --expect "stop-loging": "stop-loging" is no capability; use one or several of put-insight-selectors, [^\n]+\n$`, got.stderr)
	got = command(t, "run", "--baseline", write(t, "b.yaml", "schema: conform/baseline/1\ncapabilities: [logging]\nentries: []\n"))
	assert.Equal(t, reports.ExitUsage, got.code)
	assert.Regexp(t, `^conform: there is no capability "logging"; use one or several of [^\n]+\n$`, got.stderr)
}

func TestBadTracesAndBaselines(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
		return name
	}
	require.NoError(t, os.Mkdir(filepath.Join(folder, "empty"), 0o755))
	valid, err := os.ReadFile(storedTraces[0])
	require.NoError(t, err)
	var trace map[string]any
	require.NoError(t, json.Unmarshal(valid, &trace))
	trace["schema"] = "conform/trace/9"
	other, err := json.Marshal(trace)
	require.NoError(t, err)

	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"replay"}, "needs a trace"},
		{[]string{"replay", "nowhere"}, "nowhere"},
		{[]string{"replay", "empty"}, "has no traces"},
		{[]string{"replay", write("damaged.json", `{"schema":`)}, "damaged.json"},
		{[]string{"replay", write("other.json", string(other))}, "conform/trace/9"},
		{[]string{"replay", write("nosteps.json", `{"schema":"conform/trace/1","signature":"x"}`)}, "no steps"},
		{[]string{"run", "--traces", "damaged.json"}, "--traces"},
		{[]string{"export"}, "one trace"},
		{[]string{"export", "other.json"}, "--as"},
		{[]string{"export", storedTraces[0], "--as", "perl"}, "perl"},
		{[]string{"run", "--update-baseline"}, "--baseline"},
		{[]string{"run", "--baseline", write("b1.json", `{"schema":"conform/baseline/2","entries":[]}`)}, "conform/baseline/2"},
		{[]string{"run", "--baseline", write("b2.yaml", "schema: [")}, "b2.yaml"},
		{[]string{"run", "--baseline", write("b3.json", `{"schema":"conform/baseline/1","entries":[{"signature":"x","reason":" "}]}`)}, "no reason"},
		{[]string{"run", "--baseline", write("b4.json", `{"schema":"conform/baseline/1","entries":[],"x":1}`)}, "unknown field"},
		{[]string{"run", "--fault", "no-such-fault"}, "no-such-fault"},
	} {
		code, stdout, stderr := conformIn(t, folder, c.args...)
		assert.Equal(t, reports.ExitUsage, code, "%v", c.args)
		assert.Contains(t, stderr, c.says, "%v", c.args)
		assert.Equal(t, 1, strings.Count(strings.TrimSpace(stderr), "\n")+1, "one line: %s", stderr)
		assert.Empty(t, stdout)
	}
}

// storedTraces are named before any test changes the folder.
var storedTraces = func() []string {
	files, err := filepath.Glob("testdata/traces-1/*.json")
	if err != nil || len(files) == 0 {
		panic("no stored traces")
	}
	for i := range files {
		files[i], _ = filepath.Abs(files[i])
	}
	return files
}()

// TestATraceThatCannotBeWritten: the folder may go while a run lasts; the verdict is that of the run, and a note says so.
func TestATraceThatCannotBeWritten(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "traces")
	f := passing()
	f.report.Verdict, f.report.FailOn, f.report.ExitCode = reports.Diverges, model.Observed, reports.ExitDiverges
	f.report.Divergences = []reports.Divergence{{Signature: "put/replaces-list|x", Rule: "put/replaces-list", Level: model.Documented, Status: reports.Confirmed}}
	f.during = func(context.Context, conform.Options) { require.NoError(t, os.WriteFile(folder, nil, 0o644)) }
	got := f.run(t.Context(), nil, "run", "--traces", folder)
	assert.Equal(t, reports.ExitDiverges, got.code, got.stderr)
	assert.Contains(t, strings.Join(strings.Fields(got.stdout), " "), "traces could not be written, and replay finds none: --traces "+folder)
	assert.NotContains(t, got.stdout, "conform replay")
}
