package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/scripts"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// run is the command as its users have it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	return production.run(ctx, args, stdin, stdout, stderr, environ)
}

// fakeRun stands in for everything behind the command and keeps what it was given.
type fakeRun struct {
	report   *reports.Report
	err      error
	during   func(context.Context, conform.Options)
	settings settings
	options  conform.Options
	ran      bool
}

func (f *fakeRun) wiring() wiring {
	open := func(s settings) (targets.Target, error) {
		f.settings = s
		return nil, nil
	}
	return wiring{
		target: open,
		conform: func(ctx context.Context, _ targets.Target, o conform.Options) (*reports.Report, error) {
			f.ran, f.options = true, o
			if f.during != nil {
				f.during(ctx, o)
			}
			return f.report, f.err
		},
	}
}

type result struct {
	code           int
	stdout, stderr string
}

func (f *fakeRun) run(ctx context.Context, environ []string, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := f.wiring().run(ctx, args, strings.NewReader(""), &stdout, &stderr, environ)
	return result{code, stdout.String(), stderr.String()}
}

func passing() *fakeRun {
	return &fakeRun{report: &reports.Report{Schema: reports.Schema, Verdict: reports.Conforms, Workers: 2, Seed: 7, Started: time.Now(),
		Target: targets.Info{Name: "embedded"}, Capabilities: map[string]reports.CapabilityStatus{string(model.CanPut): reports.Covered}}}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o666))
	return path
}

func TestWrongUsage(t *testing.T) {
	dir := t.TempDir()
	const url = "http://127.0.0.1:5000"
	for _, test := range []struct {
		args    []string
		environ []string
		want    string // the whole line
	}{
		{args: []string{"rum"}, want: `there is no command "rum"; did you mean run?`},
		{args: []string{"xyzzy"}, want: `there is no command "xyzzy"; see 'conform --help'`},
		{args: []string{"help", "rum"}, want: `there is no command "rum"; did you mean run?`},
		{args: []string{"completion", "csh"}, want: `there is no completion for "csh"; use bash, fish, powershell or zsh`},
		{args: []string{"--endpoint", url}, want: `there is no flag --endpoint; 'conform run' has one`},
		{args: []string{"run", "--sede", "1"}, want: `there is no flag --sede; did you mean --seed?`},
		{args: []string{"run", "--frobnicate"}, want: `there is no flag --frobnicate; see 'conform run --help'`},
		{args: []string{"run", "-x"}, want: `there is no flag -x; see 'conform run --help'`},
		{args: []string{"run", "--addr", ":1"}, want: `there is no flag --addr; 'conform proxy' has one`},
		{args: []string{"run", "--seed"}, want: `--seed needs a value: --seed N`},
		{args: []string{"run", url}, want: `'conform run' takes no argument "http://127.0.0.1:5000"; did you mean --endpoint http://127.0.0.1:5000?`},
		{args: []string{"run", "fast"}, want: `'conform run' takes no argument "fast"; see 'conform run --help'`},

		{args: []string{"run"}, environ: []string{"CONFORM_FIAL_ON=observed"}, want: `CONFORM_FIAL_ON is no variable of conform; did you mean CONFORM_FAIL_ON?`},
		{args: []string{"run", "--regions", "us-est-1"}, want: `--regions "us-est-1": us-est-1 is no Region; did you mean us-east-1 or us-west-1?`},
		{args: []string{"run", "--header", "Authorization: x"}, want: `--header "Authorization: x": each request sets Authorization itself; leave it out`},
		{args: []string{"run", "--ca-file", "/dev/null", "--endpoint", url}, want: `--ca-file: /dev/null is a device; give the path of a file`},
		{args: []string{"run", "--only", "putt/*"}, want: `--only "putt/*": names no rule, family such as put/*, operation or capability; 'conform rules' and 'conform plan' list them`},
		{args: []string{"run", "--target", "cloud"}, want: `--target "cloud": is no target; use embedded, endpoint or account`},
		{args: []string{"run", "--target", "embedded", "--endpoint", url}, want: `--target embedded and --endpoint contradict each other; leave one of them out`},
		{args: []string{"run", "--target", "endpoint"}, want: `--target endpoint needs --endpoint URL, or one of the variables AWS_ENDPOINT_URL_CLOUDTRAIL and AWS_ENDPOINT_URL`},
		{args: []string{"run", "--target", "endpoint"}, environ: []string{"AWS_ENDPOINT_URL=localhost:4566"}, want: `AWS_ENDPOINT_URL "localhost:4566": the endpoint URL must start with http:// or https://; write one such as http://127.0.0.1:5000`},
		{args: []string{"run", "--endpoint", ""}, want: `--endpoint "": the endpoint URL must start with http:// or https://; write one such as http://127.0.0.1:5000`},
		{args: []string{"run", "--endpoint", "127.0.0.1:5000"}, want: `--endpoint "127.0.0.1:5000": 127.0.0.1:5000 is no URL; write one such as http://127.0.0.1:5000`},
		{args: []string{"run", "--endpoint", "http://\x1b[31m"}, want: `--endpoint "http://\x1b[31m": .*; write one such as http://127.0.0.1:5000`},
		{args: []string{"run", "--endpoint", "http://user:secret@h:1/"}, want: `--endpoint "http://…@h:1/": the endpoint URL must not carry a user name or password; .*`},
		{args: []string{"run", "http://user:secret@h:1/"}, want: `'conform run' takes no argument "http://…@h:1/"; did you mean --endpoint http://…@h:1/?`},

		{args: []string{"run", "--seed", "-1"}, want: `--seed "-1": must be a whole number from 1 to 18446744073709551615`},
		{args: []string{"run", "--seed", "0"}, want: `--seed "0": must be a whole number from 1 to 18446744073709551615`},
		{args: []string{"run", "--budget", "fast"}, want: `--budget "fast": is no budget; use quick, default or nightly`},
		{args: []string{"plan"}, environ: []string{"CONFORM_BUDGET=night"}, want: `CONFORM_BUDGET "night": is no budget; use quick, default or nightly`},
		{args: []string{"run", "--requests", "-5"}, want: `--requests "-5": must be a whole number from 1 to 1000000000`},
		{args: []string{"run", "--requests", "1e3"}, want: `--requests "1e3": must be a whole number from 1 to 1000000000`},
		{args: []string{"run", "--workers", "-2"}, want: `--workers "-2": must be a whole number from 1 to 256`},
		{args: []string{"run", "--workers", "100000"}, want: `--workers "100000": must be a whole number from 1 to 256`},
		{args: []string{"run", "--time", "30"}, want: `--time "30": has no unit; write 30s for seconds`},
		{args: []string{"run", "--time", "-3s"}, want: `--time "-3s": is too short; the least is 1ms`},
		{args: []string{"run", "--time", "soon"}, want: `--time "soon": is no duration; write it like 30s, 5m or 1h30m`},
		{args: []string{"run", "--timeout", "0s"}, want: `--timeout "0s": is too short; the least is 1ms`},
		{args: []string{"run", "--suite", "systematic,chaos"}, want: `--suite "systematic,chaos": "chaos" is no suite; use one or several of systematic, complete, random, concurrent, with commas between`},
		{args: []string{"run", "--suite", "random,random"}, want: `--suite "random,random": names "random" twice; once is enough`},
		{args: []string{"run", "--settle", "60"}, want: `--settle "60": has no unit; write 60s for seconds`},
		{args: []string{"run", "--pace", "fast"}, want: `--pace "fast": must be requests a second in each Region, above 0 and up to 100000, like writes=1,reads=10`},
		{args: []string{"run", "--suite", ""}, want: `--suite "": has an empty item; write a list like A,B`},
		{args: []string{"run", "--regions", "a,b,c"}, want: `--regions "a,b,c": are more than two Regions; give the home Region and at most one more`},
		{args: []string{"run", "--regions", "US_EAST"}, want: `--regions "US_EAST": "US_EAST" is no Region; write it like us-east-1,eu-west-1`},
		{args: []string{"run", "--bucket", "a b"}, want: `--bucket "a b": is no name of a bucket; write it like my-bucket`},
		{args: []string{"run", "--fail-on", "rumoured"}, want: `--fail-on "rumoured": is no level; use documented, observed or inferred`},
		{args: []string{"run", "--use-environment-credentials=maybe"}, want: `--use-environment-credentials "maybe": must be true or false`},

		{args: []string{"run", "--order", "/nowhere/order.json"}, want: `--order: open /nowhere/order.json: no such file or directory; give the path of a readable file`},
		{args: []string{"run", "--order", dir}, want: `--order: ` + dir + ` is a directory; give the path of a file`},
		{args: []string{"run", "--order", write(t, "order.json", "[]")}, want: `--order .*: not an error order: json: .*; 'conform rules order' lists what it must hold`},
		{args: []string{"run", "--order", write(t, "big", strings.Repeat(" ", maxFile+1))}, want: `--order: .* is larger than 1 MiB, the most that is read of it; give the file that was meant`},
		{args: []string{"run", "--config", "/nowhere.yaml"}, want: `--config: open /nowhere.yaml: no such file or directory; give the path of a readable file`},
		{args: []string{"run", "--report", "yaml=x"}, want: `--report "yaml=x": "yaml" is no report format; use text, json, .* or one of them with =PATH`},
		{args: []string{"run", "--report", "json="}, want: `--report "json=": a path is missing after json=; write it like json=report.txt`},
		{args: []string{"run", "--report", "json", "--report", "text"}, want: `--report "text": a second report for standard output; write one of them to a file with =PATH`},
		{args: []string{"run", "--report", "json=x", "--report", "text=x"}, want: `--report "text=x": two reports for the same file x; give each one of its own`},
		{args: []string{"run", "--report", "json=/nowhere/r.json"}, want: `--report json=/nowhere/r.json: write /nowhere/r.json: no such file or directory; give a path that can be written`},
		{args: []string{"run", "--report", "json=" + dir}, want: `--report json=` + dir + `: write ` + dir + `: is a directory; give a path that can be written`},
		{args: []string{"run", "--order", ""}, want: `--order "": is no path; give that of a file`},
		{args: []string{"run", "--quiet", "--verbose"}, want: `--quiet and --verbose contradict each other; leave one of them out`},
		{args: []string{"run", "--fault", "append-selectors"}, want: `--fault "append-selectors": is no fault; did you mean appends-selectors?`},
		{args: []string{"run", "--fault", "nothing-like-it"}, want: `--fault "nothing-like-it": is no fault; see 'conform serve --fault list'`},
		{args: []string{"run", "--fault", "appends-selectors", "--fault", "append-selectors"}, want: `--fault "append-selectors": "append-selectors" is no fault; did you mean appends-selectors?`},
		{args: []string{"run", "--fault", "appends-selectors+x"}, want: `--fault "appends-selectors+x": "x" is no fault; see 'conform serve --fault list'`},
		{args: []string{"run", "--fault", "appends-selectors", "--fault", "appends-selectors"}, want: `--fault "appends-selectors": names "appends-selectors" twice; once is enough`},
		{args: []string{"run", "--fault", "race-union,race-deadlock"}, want: `--fault "race-union,race-deadlock": has two races; only one can be there at a time, so use one`},
		{args: []string{"run", "--fault", ""}, want: `--fault "": has an empty item; write a list like A,B`},
		{args: []string{"run", "--seed", "1", "--seed", "2"}, want: `--seed "2": is the second value, after "1"; give one`},
		{args: []string{"run", "--endpoint", url, "--endpoint", url}, want: `--endpoint "http://127.0.0.1:5000": is the second value, after "http://127.0.0.1:5000"; give one`},
		{args: []string{"run", "--eventual", "--eventual=false"}, want: `--eventual "false": is the second value, after "true"; give one`},
		{args: []string{"export", "x.json", "--as", "curl", "--as", "go"}, want: `--as "go": is the second value, after "curl"; give one`},
		{args: []string{"run", "--suite", "random", "--suite", "systematic,random"}, want: `--suite "systematic,random": names "random" twice; once is enough`},
		{args: []string{"run", "--update-baseline"}, want: `--update-baseline needs --baseline FILE`},
		{args: []string{"run", "--baseline", write(t, "b.yaml", "schema: conform/baseline/0")}, want: `--baseline .*: its schema is "conform/baseline/0", not "conform/baseline/1"; mend the file, or remove it and write it anew with --update-baseline`},
		{args: []string{"run", "--baseline", dir, "--update-baseline"}, want: `--baseline .*: is a directory; give a path that can be written`},
		{args: []string{"run", "--traces", write(t, "traces", "")}, want: `--traces .*: not a directory; give a folder that can be written, or none`},
		{args: []string{"replay"}, want: `'conform replay' needs a trace, a folder of traces, or a rule; 'conform run' writes traces to conform-traces`},
		{args: []string{"replay", "nowhere.json"}, want: `lstat nowhere.json: no such file or directory; give a trace, or a folder of traces, that 'conform run' has written`},
		{args: []string{"replay", write(t, "t.json", "{}")}, want: `.*t.json: no trace of schema conform/trace/1, but ""; .*`},
		{args: []string{"replay", "put/stores"}, want: `put/stores is no file, and conform-traces/embedded has no trace of it; .*`},
		{args: []string{"export"}, want: `'conform export' takes one trace; give its name, its rule, or the path of its file`},
		{args: []string{"export", "nowhere.json"}, want: `--as is missing; use one of curl, awscli, boto3, go, pytest`},
		{args: []string{"export", "nowhere.json", "--as", "curl"}, want: `lstat nowhere.json: no such file or directory; give a trace, or a folder of traces, that 'conform run' has written`},
		{args: []string{"export", storedTraces[0], "--as", "perl"}, want: `--as "perl": there is no form perl; use one of curl, awscli, boto3, go, pytest`},
		{args: []string{"run", "--endpoint", "http://h:99999"}, want: `--endpoint "http://h:99999": 99999 is no port; use a number from 1 to 65535`},

		{args: []string{"run"}, environ: []string{"CONFORM_SEED=x"}, want: `CONFORM_SEED "x": must be a whole number from 1 to 18446744073709551615`},
		{args: []string{"run"}, environ: []string{"CONFORM_FAIL_ON=all"}, want: `CONFORM_FAIL_ON "all": is no level; use documented, observed or inferred`},
		{args: []string{"run"}, environ: []string{"CONFORM_REPORT=text,xml=a"}, want: `CONFORM_REPORT "xml=a": "xml" is no report format; use text, json, .* or one of them with =PATH`},

		{args: []string{"serve", "--addr", "nonsense"}, want: `--addr "nonsense": is no HOST:PORT; write it like 127.0.0.1:8080`},
		{args: []string{"serve", "--addr", "127.0.0.1:99999"}, want: `--addr 127.0.0.1:99999: cannot listen there .*; choose another, or port 0 for a free one`},
		{args: []string{"serve", "--fault", "none-such"}, want: `--fault "none-such": is no fault; see 'conform serve --fault list'`},
		{args: []string{"serve", "--fault", "list", "--fault", "appends-selectors"}, want: `--fault "appends-selectors": "list" is no fault; did you mean .*?`},
		{args: []string{"serve", "--addr", "127.0.0.1:1", "--addr", "127.0.0.1:2"}, want: `--addr "127.0.0.1:2": is the second value, after "127.0.0.1:1"; give one`},
		{args: []string{"selftest", "--fault", "appends-selectors", "--fault", "appends-selectors"}, want: `--fault "appends-selectors": names "appends-selectors" twice; once is enough`},
		{args: []string{"selftest", "--fault", "none-such"}, want: `--fault "none-such": is no fault; see 'conform serve --fault list'`},
		{args: []string{"selftest", "--seed", "0"}, want: `--seed "0": must be a whole number from 1 to 18446744073709551615`},
		{args: []string{"selftest", "--json", dir}, want: `--json .*: write .*: is a directory; give a path that can be written`},
		{args: []string{"selftest", "--json", ""}, want: `--json "": .*`},
		{args: []string{"selftest", "all"}, want: `'conform selftest' takes no argument "all"; see 'conform selftest --help'`},
		{args: []string{"serve", "now"}, want: `'conform serve' takes no argument "now"; see 'conform serve --help'`},
		{args: []string{"rules", "put/replace-list"}, want: `there is no rule "put/replace-list"; did you mean put/replaces-list?`},
		{args: []string{"rules", "replaces"}, want: `there is no rule "replaces"; did you mean put/replaces-list?`},
		{args: []string{"rules", "nothing/like/it"}, want: `there is no rule "nothing/like/it"; see 'conform rules'`},
		{args: []string{"rules", "put/stores", "get/not-enabled"}, want: `'conform rules' explains one rule at a time; leave out "get/not-enabled"`},
	} {
		t.Run(strings.Join(append(test.environ, test.args...), " "), func(t *testing.T) {
			f := passing()
			got := f.run(t.Context(), test.environ, test.args...)
			assert.Equal(t, reports.ExitUsage, got.code)
			assert.Empty(t, got.stdout)
			pattern := regexp.QuoteMeta(test.want)
			pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta(".*"), ".*")
			assert.Regexp(t, `^conform: `+pattern+`\n$`, got.stderr)
			assert.Regexp(t, `; .|must be|needs`, got.stderr, "the remedy")
			assert.False(t, f.ran, "nothing is sent")
		})
	}
}

func TestWrongConfigurationFile(t *testing.T) {
	for content, want := range map[string]string{
		"seed: 1\nsede: 2\n":                      `FILE line 2: "sede" is no setting; did you mean seed?`,
		"config: other.yaml\n":                    `FILE line 1: "config" is no setting; see 'conform run --help'`,
		"seed: 1\nworkers: 2\nseed: 3\n":          `FILE line 3: seed stands twice, first on line 1; remove one of them`,
		"seed: many\n":                            `FILE line 1: seed must be a whole number`,
		"\n\nrequests: -5\n":                      `FILE line 3: requests "-5": must be a whole number from 1 to 1000000000`,
		"requests: 1.5\n":                         `FILE line 1: requests must be a whole number`,
		"seed: \"7\"\n":                           `FILE line 1: seed must be a whole number`,
		"time: 30\n":                              `FILE line 1: time must be a duration with a unit, such as 30s or 5m`,
		"time: soon\n":                            `FILE line 1: time "soon": is no duration; write it like 30s, 5m or 1h30m`,
		"suite: 5\n":                              `FILE line 1: suite must be a list of texts, such as [A, B]`,
		"suite: [random, 5]\n":                    `FILE line 1: suite must be a list of texts, such as [A, B]`,
		"suite: []\n":                             `FILE line 1: suite must be a list of texts, such as [A, B]`,
		"suite: [chaos]\n":                        `FILE line 1: suite "chaos": "chaos" is no suite; use one or several of systematic, complete, random, concurrent, with commas between`,
		"bucket: 123\n":                           `FILE line 1: bucket must be a text; put quotes around it`,
		"bucket:\n":                               `FILE line 1: bucket must be a text; put quotes around it`,
		"use-environment-credentials: \"true\"\n": `FILE line 1: use-environment-credentials must be true or false`,
		"- seed\n":                                `FILE line 1: the file must hold settings like 'seed: 42'`,
		"just text\n":                             `FILE line 1: the file must hold settings like 'seed: 42'`,
		"seed: 1\n---\nseed: 2\n":                 `FILE: line 2: a second document; one is enough; write settings like 'seed: 42'`,
		"a: b: c\n":                               `FILE: yaml: .*`,
		"? [a]\n: 1\n":                            `FILE line 1: "" is no setting; .*`,
		"seed: *none\n":                           `FILE: yaml: .*`,
		"\x00":                                    `FILE: yaml: .*`,
		"target: embedded\nendpoint: http://h\n":  `--target embedded and --endpoint contradict each other; leave one of them out`,
	} {
		path := write(t, "conform.yaml", content)
		f := passing()
		// A flag that overrides a wrong setting does not excuse it.
		for _, args := range [][]string{{"run", "--config", path}, {"run", "--config", path, "--suite", "random", "--fail-on", "inferred"}} {
			got := f.run(t.Context(), nil, args...)
			assert.Equal(t, reports.ExitUsage, got.code, content)
			pattern := strings.ReplaceAll(regexp.QuoteMeta(want), regexp.QuoteMeta(".*"), ".*")
			pattern = strings.ReplaceAll(pattern, "FILE", regexp.QuoteMeta(path))
			assert.Regexp(t, `^conform: `+pattern+`\n$`, got.stderr)
			assert.False(t, f.ran)
		}
	}
}

func TestPrecedence(t *testing.T) {
	file := write(t, "conform.yaml", `
# every setting once
target: endpoint
endpoint: http://file:1
regions: [us-west-2, eu-north-1]
bucket: from-file
use-environment-credentials: true
suite: random
requests: 1_000
time: 2m
timeout: 3s
workers: 4
seed: 18446744073709551615
fail-on: inferred
report: [text, json=`+filepath.Join(t.TempDir(), "r.json")+`]
`)
	f := passing()
	require.Equal(t, 0, f.run(t.Context(), []string{"CONFORM_CONFIG=" + file}, "run").code)
	s := f.settings
	assert.Equal(t, targetEndpoint, s.target)
	assert.Equal(t, "http://file:1", s.endpoint.URL)
	assert.Equal(t, []string{"us-west-2", "eu-north-1"}, s.endpoint.Regions)
	assert.Equal(t, "from-file", s.endpoint.Bucket)
	assert.True(t, s.endpoint.UseEnvironmentCredentials)
	assert.Equal(t, 3*time.Second, s.endpoint.Timeout)
	assert.Len(t, s.sinks, 2)
	o := f.options
	o.Progress, o.Events, o.Version = nil, nil, ""
	assert.Equal(t, conform.Options{
		Seed: 18446744073709551615, Requests: 1000, Time: 2 * time.Minute, Workers: 4, Suites: []string{"random"}, FailOn: model.Inferred,
		Histories: "conform-traces/endpoint-file-1",
		Command: "conform run --endpoint http://file:1 --regions us-west-2,eu-north-1 --bucket from-file --use-environment-credentials" +
			" --suite random --requests 1000 --time 2m0s --timeout 3s --workers 4 --seed 18446744073709551615 --fail-on inferred",
	}, o)

	environ := []string{"CONFORM_CONFIG=/nowhere", "CONFORM_BUCKET=from-environment", "CONFORM_SEED=5", "CONFORM_WORKERS=", "CONFORM_USE_ENVIRONMENT_CREDENTIALS=false", "CONFORM_REPORT=text"}
	require.Equal(t, 0, f.run(t.Context(), environ, "run", "--config", file, "--seed", "6").code)
	assert.Equal(t, uint64(6), f.options.Seed, "flag before variable before file")
	assert.Equal(t, "from-environment", f.settings.endpoint.Bucket)
	assert.False(t, f.settings.endpoint.UseEnvironmentCredentials)
	assert.Equal(t, 4, f.options.Workers, "an empty variable is not set")
	assert.Len(t, f.settings.sinks, 1)

	for _, test := range []struct {
		args           []string
		environ        []string
		target, server string
	}{
		{[]string{"run"}, nil, targetEmbedded, ""},
		{[]string{"run", "--endpoint", "http://flag:1"}, nil, targetEndpoint, "http://flag:1"},
		{[]string{"run", "--endpoint", "http://flag:1"}, []string{"CONFORM_TARGET=embedded"}, targetEndpoint, "http://flag:1"},
		{[]string{"run", "--target", "embedded"}, []string{"CONFORM_ENDPOINT=http://variable:1"}, targetEmbedded, ""},
		{[]string{"run", "--target", "embedded", "--config", file}, nil, targetEmbedded, ""},
		{[]string{"run", "--target", "endpoint"}, []string{"AWS_ENDPOINT_URL=http://general:1", "AWS_ENDPOINT_URL_CLOUDTRAIL=http://special:1"}, targetEndpoint, "http://special:1"},
		{[]string{"run", "--target", "endpoint"}, []string{"AWS_ENDPOINT_URL=http://general:1"}, targetEndpoint, "http://general:1"},
		{[]string{"run", "--target", "endpoint", "--endpoint", "http://flag:1"}, []string{"AWS_ENDPOINT_URL=http://general:1"}, targetEndpoint, "http://flag:1"},
		{[]string{"run"}, []string{"AWS_ENDPOINT_URL=http://general:1"}, targetEmbedded, ""},
	} {
		require.Equal(t, 0, f.run(t.Context(), test.environ, test.args...).code)
		assert.Equal(t, test.target, f.settings.target, test.args)
		assert.Equal(t, test.server, f.settings.endpoint.URL, test.args)
	}
}

// TestGivenTwice: lists may be repeated, and several faults hold at once, wherever they are given.
func TestGivenTwice(t *testing.T) {
	const both = "appends-selectors+trail-arn-missing"
	file := write(t, "conform.yaml", "fault: [appends-selectors, trail-arn-missing]\n")
	for _, test := range []struct{ environ, args []string }{
		{nil, []string{"--fault", "appends-selectors", "--fault", "trail-arn-missing"}},
		{nil, []string{"--fault", "appends-selectors, trail-arn-missing"}},
		{nil, []string{"--fault", both}},
		{nil, []string{"--config", file}},
		{[]string{"CONFORM_FAULT=appends-selectors,trail-arn-missing"}, nil},
		{[]string{"CONFORM_FAULT=" + both, "CONFORM_CONFIG=" + file}, nil},
		{[]string{"CONFORM_FAULT=get-empty"}, []string{"--fault", both}},
	} {
		f := passing()
		got := f.run(t.Context(), test.environ, append([]string{"run"}, test.args...)...)
		assert.Equal(t, 0, got.code, got.stderr)
		assert.Equal(t, both, f.settings.server.Fault)
		assert.Contains(t, got.stdout, "repeat: conform run --fault "+both+" ")
	}
	f := passing()
	got := f.run(t.Context(), nil, "run", "--suite", "random", "--suite", "systematic", "--quiet", "--quiet",
		"--regions", "eu-west-1", "--regions", "us-west-2", "--report", "json="+filepath.Join(t.TempDir(), "r.json"), "--report", "text")
	assert.Equal(t, 0, got.code, got.stderr)
	assert.Equal(t, []string{"random", "systematic"}, f.options.Suites)
	assert.Equal(t, []string{"eu-west-1", "us-west-2"}, f.settings.endpoint.Regions)
	assert.Len(t, f.settings.sinks, 2)
}

func TestEmptyConfiguration(t *testing.T) {
	for _, content := range []string{"", "# nothing\n", "---\n", "{}\n"} {
		assert.Equal(t, 0, passing().run(t.Context(), nil, "run", "--config", write(t, "c.yaml", content)).code, content)
	}
}

func TestDefaults(t *testing.T) {
	f := passing()
	got := f.run(t.Context(), nil, "run")
	assert.Equal(t, 0, got.code)
	assert.Empty(t, got.stderr)
	assert.NotZero(t, f.options.Seed)
	assert.Nil(t, f.options.Suites, "the target decides")
	assert.Equal(t, model.Observed, f.options.FailOn)
	assert.Contains(t, got.stdout, "repeat: conform run --workers 2 --seed 7\n")
}

// TestNext: a run that tested what comes with conform ends with the command for a real target.
func TestNext(t *testing.T) {
	const usual = "next:   conform run --endpoint http://127.0.0.1:5000   # or where your emulator listens\n"
	for _, test := range []struct {
		environ, args []string
		want          string // at the end; empty for none
	}{
		{nil, []string{"run"}, usual},
		{[]string{"AWS_ENDPOINT_URL=http://h:4566"}, []string{"run"}, "next:   conform run --endpoint http://h:4566\n"},
		{[]string{"AWS_ENDPOINT_URL=https://cloudtrail.us-east-1.amazonaws.com"}, []string{"run"}, usual},
		{nil, []string{"run", "--endpoint", "http://h:1"}, ""},
		{nil, []string{"run", "--fault", "appends-selectors"}, ""},
		{nil, []string{"run", "--quiet"}, ""},
	} {
		got := passing().run(t.Context(), test.environ, test.args...)
		if test.want == "" {
			assert.NotContains(t, got.stdout, "next:", test.args)
		} else {
			assert.True(t, strings.HasSuffix(got.stdout, test.want), got.stdout)
		}
	}
	f := passing()
	f.report.Verdict = reports.Inconclusive
	assert.NotContains(t, f.run(t.Context(), nil, "run").stdout, "next:")
}

func TestNotesAboutWhatHasNoEffect(t *testing.T) {
	got := passing().run(t.Context(), []string{"AWS_ENDPOINT_URL=http://h"}, "run", "--bucket", "b")
	assert.Equal(t, "conform: testing the embedded server; AWS_ENDPOINT_URL is set, and '--target endpoint' would test what it names\n"+
		"conform: --bucket has no effect on the embedded server; --endpoint URL tests another\n", got.stderr)
	got = passing().run(t.Context(), []string{"AWS_ENDPOINT_URL=http://h"}, "run", "--target", "embedded")
	assert.Empty(t, got.stderr)
	got = passing().run(t.Context(), nil, "run", "--endpoint", "http://127.0.0.1:1", "--weather", "lost", "--quota-trails", "5")
	assert.Equal(t, "conform: --quota-trails has an effect on the embedded server alone\n"+
		"conform: --weather has an effect on the embedded server alone\n", got.stderr)
}

// anOrder is an error order that holds nobody to anything.
func anOrder() []byte {
	order := &bytes.Buffer{}
	fmt.Fprintf(order, `{"schema":%q,"name":"mine","order":[`, model.ProfileSchema)
	for i, id := range model.ErrorRules() {
		if i > 0 {
			order.WriteByte(',')
		}
		fmt.Fprintf(order, "%q", id)
	}
	order.WriteString(`],"holds":[]}`)
	return order.Bytes()
}

func TestOrder(t *testing.T) {
	f := passing()
	got := f.run(t.Context(), nil, "run", "--order", write(t, "my order.json", string(anOrder())))
	require.Equal(t, 0, got.code, got.stderr)
	assert.Equal(t, "mine", f.options.Order.Name)
	assert.Regexp(t, `--order '.*/my order.json'$`, f.options.Command)
}

func TestExitCodes(t *testing.T) {
	report := func(code int) *reports.Report { return &reports.Report{Verdict: reports.Diverges, ExitCode: code} }
	for _, test := range []struct {
		report *reports.Report
		err    error
		want   int
		stderr string
	}{
		{report(0), nil, 0, ""},
		{report(1), nil, 1, ""},
		{report(3), nil, 3, ""},
		{report(130), nil, 130, ""},
		{report(1), fmt.Errorf("lost: %w", targets.ErrUnreachable), 1, "conform: lost: not reachable\n"},
		{report(0), fmt.Errorf("lost: %w", targets.ErrUnreachable), 3, "conform: lost: not reachable\n"},
		{report(1), errors.New("bug"), 4, "conform: bug\n"},
		{nil, fmt.Errorf("x: %w", targets.ErrUsage), 2, "conform: x: wrong usage\n"},
		{nil, fmt.Errorf("x: %w", targets.ErrUnreachable), 3, "conform: x: not reachable\n"},
		{nil, fmt.Errorf("x: %w", targets.ErrRefused), 5, "conform: x: refused\n"},
		{nil, errors.New("two\nlines\x1b[31m"), 4, "conform: two\\nlines\\x1b[31m\n"},
		{nil, nil, 4, "conform: internal error: a run without a report\n"},
	} {
		got := (&fakeRun{report: test.report, err: test.err}).run(t.Context(), nil, "run")
		assert.Equal(t, test.want, got.code)
		assert.Equal(t, test.stderr, got.stderr)
		if test.report != nil {
			assert.Contains(t, got.stdout, fmt.Sprintf("(exit %d)", test.want))
		}
	}
}

func TestTheRealServiceIsRefusedFromEverySource(t *testing.T) {
	const url = "https://cloudtrail.us-east-1.amazonaws.com"
	file := write(t, "c.yaml", "endpoint: "+url+"\n")
	for _, test := range []struct{ environ, args []string }{
		{nil, []string{"run", "--endpoint", url}},
		{nil, []string{"run", "--endpoint", "cloudtrail.us-east-1.amazonaws.com"}},
		{[]string{"CONFORM_ENDPOINT=" + url}, []string{"run"}},
		{nil, []string{"run", "--config", file}},
		{[]string{"AWS_ENDPOINT_URL=" + url}, []string{"run", "--target", "endpoint"}},
	} {
		f := passing()
		got := f.run(t.Context(), test.environ, test.args...)
		assert.Equal(t, reports.ExitRefused, got.code, test.args)
		assert.Regexp(t, `^conform: .*refused.*amazonaws.*\n$`, got.stderr)
		assert.False(t, f.ran)
	}
	// A variable for other tools neither chooses nor stops a run that does not ask for it.
	assert.Equal(t, 0, passing().run(t.Context(), []string{"AWS_ENDPOINT_URL=" + url}, "run").code)
}

func TestTargetErrors(t *testing.T) {
	parts := passing().wiring()
	parts.target = func(settings) (targets.Target, error) {
		return nil, fmt.Errorf("%w: name one Region or two different ones", targets.ErrUsage)
	}
	var stdout, stderr bytes.Buffer
	code := parts.run(t.Context(), []string{"run", "--endpoint", "http://h"}, nil, &stdout, &stderr, nil)
	assert.Equal(t, reports.ExitUsage, code)
	assert.Equal(t, "conform: name one Region or two different ones\n", stderr.String())
}

func TestInterruption(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	path := filepath.Join(t.TempDir(), "report.json")
	f := &fakeRun{
		report: &reports.Report{Verdict: reports.Interrupted, ExitCode: reports.ExitInterrupted, Partial: true, Started: time.Now(),
			Target: targets.Info{Name: "embedded"}},
		during: func(ctx context.Context, _ conform.Options) {
			cancel()
			<-ctx.Done()
			time.Sleep(50 * time.Millisecond) // the note is written beside the run
		},
	}
	got := f.run(ctx, nil, "run", "--report", "text", "--report", "json="+path)
	assert.Equal(t, 130, got.code)
	assert.Equal(t, "conform: interrupted; writing the report of what was found (once more ends at once)\n", got.stderr)
	assert.Contains(t, got.stdout, "interrupted (exit 130, partial)")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	read, err := reports.ReadJSON(data)
	require.NoError(t, err)
	assert.True(t, read.Partial)

	f = &fakeRun{err: context.Canceled}
	assert.Equal(t, 130, f.run(ctx, nil, "run").code, "interrupted before anything was sent")
	over, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	f = &fakeRun{err: fmt.Errorf("probing: %w", context.DeadlineExceeded)}
	assert.Equal(t, 130, f.run(over, nil, "run").code, "by a caller's deadline as well")
}

func TestReportThatCannotBeWrittenInTheEnd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "reports")
	require.NoError(t, os.Mkdir(dir, 0o777))
	f := passing()
	f.during = func(context.Context, conform.Options) { os.RemoveAll(dir) }
	got := f.run(t.Context(), nil, "run", "--report", "json="+dir+"/r.json", "--report", "text")
	assert.Equal(t, reports.ExitFailed, got.code)
	assert.Equal(t, "conform: --report json="+dir+"/r.json: write "+dir+"/r.json: no such file or directory\n", got.stderr)
	assert.Contains(t, got.stdout, "conforms", "the other report is written all the same")
}

func TestPanic(t *testing.T) {
	f := passing()
	f.during = func(context.Context, conform.Options) { panic("oops") }
	got := f.run(t.Context(), nil, "run")
	assert.Equal(t, reports.ExitFailed, got.code)
	assert.Equal(t, "conform: internal error: oops; please report it (CONFORM_DEBUG=1 shows where)\n", got.stderr)
	got = f.run(t.Context(), []string{"CONFORM_DEBUG=1"}, "run")
	assert.Contains(t, got.stderr, "main_test.go")
}

func TestHelp(t *testing.T) {
	for name, args := range map[string][]string{
		"help.txt":            {"--help"},
		"help-run.txt":        {"run", "--help"},
		"help-serve.txt":      {"help", "serve"},
		"help-rules.txt":      {"rules", "-h"},
		"help-report.txt":     {"report", "--help"},
		"help-proxy.txt":      {"proxy", "--help"},
		"help-history.txt":    {"history", "--help"},
		"help-matrix.txt":     {"matrix", "--help"},
		"help-vectors.txt":    {"vectors", "--help"},
		"help-selftest.txt":   {"selftest", "--help"},
		"help-completion.txt": {"completion"},
		"help-plan.txt":       {"plan", "--help"},
		"help-merge.txt":      {"merge", "--help"},
		"help-learn.txt":      {"learn", "--help"},
		"help-diff.txt":       {"diff", "--help"},
		"help-sweep.txt":      {"sweep", "--help"},
		"help-policy.txt":     {"iam-policy", "--help"},
		"help-version.txt":    {"version", "--help"},
	} {
		got := passing().run(t.Context(), nil, args...)
		assert.Equal(t, 0, got.code)
		assert.Empty(t, got.stderr)
		golden.Check(t, "testdata/"+name, got.stdout)
		wide := passing().run(t.Context(), []string{"COLUMNS=120"}, args...)
		golden.Check(t, "testdata/help-120/"+name, wide.stdout)
	}
	assert.Equal(t, passing().run(t.Context(), nil, "--help"), passing().run(t.Context(), nil))
}

func TestRulesAtTwoWidths(t *testing.T) {
	for _, width := range []int{80, 120} {
		for name, about := range map[string]string{"rules-put": "put", "rule-wrapped": "put/replaces-list"} {
			got := passing().run(t.Context(), []string{fmt.Sprint("COLUMNS=", width)}, "rules", about)
			golden.Check(t, fmt.Sprintf("testdata/%s-%d.txt", name, width), got.stdout)
		}
	}
}

// TestTextsForPeopleFitAnyWidth: help, rules and faults wrap, and say the same at any width.
func TestTextsForPeopleFitAnyWidth(t *testing.T) {
	list := [][]string{{"--help"}, {"rules"}, {"rules", "put"}, {"rules", "put/replaces-list"}, {"rules", "order"}, {"serve", "--fault", "list"}}
	for _, c := range (&process{}).commands(defaultSettings()) {
		name, _, _ := strings.Cut(c.use, " ")
		list = append(list, []string{name, "--help"})
	}
	for _, args := range list {
		words := strings.Fields(command(t, args...).stdout)
		for _, width := range []int{40, 60, 80, 120, 200} {
			got := passing().run(t.Context(), []string{fmt.Sprint("COLUMNS=", width)}, args...)
			assert.Equal(t, words, strings.Fields(got.stdout), "%s at %d", args, width)
			for line := range strings.Lines(got.stdout) {
				fits := plain.Length(strings.TrimSuffix(line, "\n")) <= width
				assert.True(t, fits || len(strings.Fields(line)) == 1, "%s at %d: %s", args, width, line)
			}
		}
	}
}

// TestHelpNamesEveryFlag keeps the help, which is written by hand, complete.
func TestHelpNamesEveryFlag(t *testing.T) {
	help := passing().run(t.Context(), nil, "run", "--help").stdout
	defaults := defaultSettings()
	for name := range defaults.byName() {
		assert.Contains(t, help, "--"+name)
	}
}

func TestVersion(t *testing.T) {
	got := passing().run(t.Context(), nil, "--version")
	assert.Equal(t, 0, got.code)
	assert.Regexp(t, `^conform .*, go1\.\d+`, got.stdout)
	assert.Equal(t, got.stdout, passing().run(t.Context(), []string{"CONFORM_ROLE=of another tool"}, "version").stdout)
	quiet := command(t, "run", "-q", "--requests", "20")
	assert.Equal(t, quiet.stdout, command(t, "run", "--quiet", "--requests", "20").stdout)
}

func TestCompletion(t *testing.T) {
	got := passing().run(t.Context(), nil, "completion", "bash")
	assert.Equal(t, 0, got.code)
	assert.Contains(t, got.stdout, "bash completion")
	for _, shell := range []string{"fish", "zsh", "powershell"} {
		assert.NotEmpty(t, passing().run(t.Context(), nil, "completion", shell).stdout)
	}
	const (
		noFiles       = ":4"
		noFilesOrGaps = ":6"
		filesOfType   = ":8"
		onlyFolders   = ":16"
		files         = ":0"
	)
	for _, test := range []struct {
		words string // the last one is being typed
		want  []string
		then  string
	}{
		{"run --fail-on ", []string{"documented", "observed", "inferred"}, noFiles},
		{"run --target e", []string{"embedded", "endpoint"}, noFiles},
		{"run --suite ", []string{"systematic", "random"}, noFilesOrGaps},
		{"run --suite random,", []string{"random,systematic"}, noFilesOrGaps},
		{"run --fault appends", []string{"appends-selectors"}, noFiles},
		{"serve --fault appends", []string{"appends-selectors"}, noFiles},
		{"run --report ", []string{"text", "json="}, noFilesOrGaps},
		{"run --report json=", nil, files},
		{"matrix --to ", []string{"badge", "markdown="}, noFilesOrGaps},
		{"run --baseline ", []string{"yaml", "json"}, filesOfType},
		{"run --config ", []string{"yaml"}, filesOfType},
		{"run --traces ", nil, onlyFolders},
		{"run --seed ", nil, noFiles},
		{"run --endpoint ", nil, noFiles},
		{"run --qu", []string{"--quiet"}, noFiles},
		{"replay ", []string{"json"}, filesOfType},
		{"replay --target ", []string{"embedded", "endpoint"}, noFiles},
		{"export ", []string{"json"}, filesOfType},
		{"export x --as ", scripts.ShortForms, noFiles},
		{"rules put/r", []string{"put/replaces-list"}, noFiles},
		{"rules ord", []string{"order"}, noFiles},
		{"rules put/stores ", nil, noFiles},
		{"ru", []string{"run", "rules"}, noFiles},
	} {
		words := strings.Split(test.words, " ")
		got := passing().run(t.Context(), nil, append([]string{"__completeNoDesc"}, words...)...)
		lines := strings.Split(got.stdout, "\n")
		for _, want := range test.want {
			assert.Contains(t, lines, want, test.words)
		}
		assert.Contains(t, lines, test.then, test.words)
		if test.want == nil {
			assert.Equal(t, test.then, lines[0], test.words)
		}
	}
	got = passing().run(t.Context(), nil, "__complete", "rules", "put/r")
	assert.Contains(t, got.stdout, "put/replaces-list\t"+model.RuleOf(model.PutReplacesList).Statement)
}

func TestRules(t *testing.T) {
	table := passing().run(t.Context(), nil, "rules")
	assert.Equal(t, 0, table.code)
	for _, rule := range model.Rules {
		assert.Equal(t, 1, strings.Count(table.stdout, " "+string(rule.ID)+" "), rule.ID)
		one := passing().run(t.Context(), nil, "rules", string(rule.ID))
		assert.Equal(t, 0, one.code)
		assert.Contains(t, one.stdout, rule.Statement)
		assert.Contains(t, one.stdout, rule.Level.String())
		if rule.Silent {
			assert.NotContains(t, one.stdout, "Example")
			continue
		}
		assert.Equal(t, !rule.OfClients(), regexp.MustCompile(`\nExample: .*\n  \S.*\n  → \S`).MatchString(one.stdout), rule.ID)
		if rule.OfMocks() {
			assert.Contains(t, one.stdout, "No server can break it. docs/testing-a-go-mock.md")
			continue
		}
		assert.Regexp(t, `\nBroken on purpose by\n  \S+\n    \S.*\n`, one.stdout, rule.ID)
		command := regexp.MustCompile(`\n  conform run (?:--suite concurrent )?--fault (\S+)\n$`).FindStringSubmatch(one.stdout)
		if assert.NotNil(t, command, rule.ID) {
			fault, ok := embedded.FaultNamed(command[1])
			assert.True(t, ok)
			assert.Equal(t, rule.ID, fault.Rule)
			assert.False(t, fault.Deep)
		}
	}
	golden.Check(t, "testdata/rule-replaces-list.txt", passing().run(t.Context(), nil, "rules", "put/replaces-list").stdout)
	family := passing().run(t.Context(), nil, "rules", "kms").stdout
	assert.True(t, strings.HasPrefix(family, "kms\n  kms/policy"), family)
	golden.Check(t, "testdata/rule.txt", passing().run(t.Context(), nil, "rules", "logs/call-rate-needs-write").stdout)
	order := passing().run(t.Context(), nil, "rules", "order").stdout
	assert.Contains(t, order, "  1  wire/wrong-type ")
}

func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan int)
	go func() {
		ended <- passing().wiring().run(ctx, []string{"serve", "--addr", "127.0.0.1:0"}, nil, writer, io.Discard, nil)
	}()
	line, err := bufio.NewReader(reader).ReadString('\n')
	require.NoError(t, err)
	url := strings.TrimSpace(strings.TrimPrefix(line, "serving the reference on "))
	response, err := http.Get(url)
	require.NoError(t, err)
	response.Body.Close()
	assert.Equal(t, http.StatusOK, response.StatusCode, "the page of the reference")
	cancel()
	select {
	case code := <-ended:
		assert.Equal(t, 0, code)
	case <-time.After(5 * time.Second):
		t.Fatal("still serving")
	}

	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer occupied.Close()
	got := passing().run(t.Context(), []string{"CONFORM_ADDR=" + occupied.Addr().String()}, "serve")
	assert.Equal(t, reports.ExitUsage, got.code)
	assert.Contains(t, got.stderr, "address already in use")
}

func TestNearest(t *testing.T) {
	known := []string{"run", "rules", "serve", "completion", "help"}
	assert.Equal(t, []string{"run"}, nearest("rnu", known))
	assert.Equal(t, []string{"rules"}, nearest("rule", known))
	assert.Equal(t, []string{"serve"}, nearest("SERVER", known))
	assert.Empty(t, nearest("launch", known))
	assert.Empty(t, nearest("", known))
}

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{"a-b_c": "a-b_c", "http://h:1/": "http://h:1/", "a b": "'a b'", "it's": `'it'\''s'`, "": "''", "$x": "'$x'"} {
		assert.Equal(t, want, plain.ShellWord(word))
	}
}
