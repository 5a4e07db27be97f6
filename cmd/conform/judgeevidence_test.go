package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
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
	"github.com/insightconform/conform/internal/testing/choices"
	"github.com/insightconform/conform/internal/testing/recording"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/evidence"
	"github.com/insightconform/conform/targets/embedded"
)

// secret marks what must not be told: names, ids, accounts, Regions, texts, and codes that a target makes up.
var secrets = strings.NewReplacer("conform-", "secretname-", "us-east-1", "ap-southeast-2", "700000000000", "987654321098", "tester", "secretuser",
	"The request was refused.", "secretmessage", "aws-sdk-go-v2/", "secretagent/", "192.0.2.7", "192.0.2.99", "AIDACKCEVSQ6C2EXAMPLE", "AIDASECRET",
	"InsightNotEnabledException", "SecretcodeException", "logs-of-a-test", "secretbucket")

var marked = regexp.MustCompile(`(?i)secret|ap-southeast|987654321098|[0-9]{5}|arn:|192\.0|AKIA|[0-9a-f]{8}-|[0-9]:[0-9]|amazonaws`)

// TestEvidenceTellsNobody: of what is recorded of the real service, nothing but rules, outcomes, partition and month is told.
func TestEvidenceTellsNobody(t *testing.T) {
	t.Parallel()
	var recorder recording.Recorder
	target := embedded.NewTarget(embedded.Options{ServerOptions: embedded.ServerOptions{Chooser: choices.Random(3, 0.3)},
		Wrap: func(s *embedded.Server) http.Handler { return recorder.Handler(s) }})
	_, err := conform.Run(t.Context(), target, conform.Options{Seed: 3, Requests: 800, Workers: 1})
	require.NoError(t, err)
	calls := recording.Timed(recorder.Calls(), time.Date(2026, 10, 2, 8, 0, 0, 0, time.UTC), 90*time.Second)
	folder := t.TempDir()
	keep := func(name string, data []byte) string {
		data = []byte(secrets.Replace(string(data)))
		require.Regexp(t, marked, string(data), name)
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	delivered := t.TempDir()
	require.NoError(t, recording.Logs(delivered, calls, recording.LogOptions{Seed: 3, Shuffle: true, Double: true, Noise: true, PerFile: 100_000}))
	var logs []string
	require.NoError(t, filepath.WalkDir(delivered, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := os.Open(path)
		require.NoError(t, err)
		defer file.Close()
		unpacked, err := gzip.NewReader(file)
		require.NoError(t, err)
		data, err := io.ReadAll(unpacked)
		require.NoError(t, err)
		logs = append(logs, keep(strings.TrimSuffix(secrets.Replace(filepath.Base(path)), ".gz"), data))
		return nil
	}))
	for i := range calls {
		calls[i].URL = "https://cloudtrail.us-east-1.amazonaws.com/"
	}
	har := bytes.ReplaceAll(recording.HAR(calls, recording.HTTPOptions{}), []byte(`"127.0.0.1"`), []byte(`"192.0.2.7"`))
	for name, files := range map[string][]string{
		"logs": logs, "lookup": {keep("lookup.json", recording.Lookup(calls, 3, "700000000000", "us-east-1"))}, "har": {keep("a.har", har)},
	} {
		out := filepath.Join(folder, name+".seen")
		got := runJudge(t, append(files, "--quiet", "--report", "json="+filepath.Join(folder, name+".report"), "--evidence", out)...)
		require.Contains(t, []int{0, 1}, got.code, "%s: %s", name, got.stderr)
		data, err := os.ReadFile(out)
		require.NoError(t, err, name)
		assert.NotRegexp(t, marked, string(data), name)
		f, err := evidence.Read(out, data)
		require.NoError(t, err, name)
		kinds := map[string]int{}
		for _, e := range f.Entries {
			assert.Equal(t, "aws", e.Partition)
			assert.Contains(t, []string{"2026-10"}, e.Month)
			assert.Empty(t, e.Source)
			kinds[e.Outcome] += e.Count
		}
		assert.Positive(t, kinds[evidence.Reference], name)
		assert.Positive(t, kinds[evidence.Neither], "%s: a code that is made up contradicts a rule", name)
		assert.Greater(t, len(kinds), 2, "%s: an alternative was taken", name)
	}
}

func runJudge(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append([]string{"judge"}, args...), strings.NewReader(""), &stdout, &stderr, []string{"CONFORM_DEBUG=1"})
	return result{code, stdout.String(), stderr.String()}
}

// TestEvidenceFile: it is written whole, though nothing was settled, and not at all where the input cannot be used.
func TestEvidenceFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	out := filepath.Join(folder, "seen.json")
	none := filepath.Join(folder, "none.json")
	require.NoError(t, os.WriteFile(none, []byte("{\"Records\":["), 0o600))
	require.NoError(t, os.WriteFile(out, []byte("earlier"), 0o600))
	assert.Equal(t, 2, runJudge(t, none+"-that-is-missing", "--evidence", out).code)
	kept, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Equal(t, "earlier", string(kept))

	assert.Equal(t, 2, runJudge(t, none, "--evidence", filepath.Join(folder, "missing", "seen.json")).code)

	record := `{"eventVersion":"1.11","eventTime":"2026-11-02T08:00:00Z","eventSource":"sts.amazonaws.com","eventName":"GetCallerIdentity","awsRegion":"us-east-1","eventID":"e","recipientAccountId":"700000000000"}`
	require.NoError(t, os.WriteFile(none, []byte(`{"Records":[`+record+`]}`), 0o600))
	got := runJudge(t, none, "--evidence", out)
	assert.Equal(t, 3, got.code, got.stderr)
	data, err := os.ReadFile(out)
	require.NoError(t, err)
	f, err := evidence.Read(out, data)
	require.NoError(t, err)
	assert.Empty(t, f.Entries)
}

// TestRulesTellEvidence: the rules say what was seen of them.
func TestRulesTellEvidence(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"rules"}, {"rules", "put"}, {"rules", "put/replaces-list"}} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 0, run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, nil), stderr.String())
		assert.Contains(t, stdout.String(), "observed 1 time, last in 2024-07", args)
	}
	text, err := explainRule(t.Context(), model.RuleOf(model.OrgMemberAccount), evidence.Seen{Count: 2, Last: "2026-11", Alternatives: []string{"CloudTrailARNInvalidException"}, Contradicted: 1})
	require.NoError(t, err)
	assert.Contains(t, text, "observed 2 times, last in 2026-11; contradicted 1 time")
	assert.Contains(t, text, "alternatives that were seen: CloudTrailARNInvalidException")
}
