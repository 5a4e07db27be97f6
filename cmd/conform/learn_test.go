package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// serveOrder serves the reference with an error order of its own.
func serveOrder(t *testing.T, order *model.Profile) string {
	t.Helper()
	handler, err := embedded.NewServer(embedded.ServerOptions{Order: order})
	require.NoError(t, err)
	return served(t, handler)
}

// TestLearnCommand learns over HTTP, holds the server to what was learned, and then another one.
func TestLearnCommand(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	profile, out := filepath.Join(folder, "order.json"), filepath.Join(folder, "precedence.json")
	reversed := model.ErrorRules()
	for i, j := 0, len(reversed)-1; i < j; i, j = i+1, j-1 {
		reversed[i], reversed[j] = reversed[j], reversed[i]
	}
	order, err := model.NewProfile("reversed", reversed, nil)
	require.NoError(t, err)
	url := serveOrder(t, order)

	got := command(t, "learn", "--endpoint", url, "--profile", profile, "--out", out)
	require.Equal(t, reports.ExitConforms, got.code, got.stderr)
	assert.Contains(t, got.stdout, "· endpoint "+url)
	assert.Contains(t, got.stdout, "put/duplicate-type-differing → ")
	for line := range strings.Lines(got.stdout) {
		assert.LessOrEqual(t, len([]rune(line)), 112)
	}
	data, err := os.ReadFile(out)
	require.NoError(t, err)
	learned, err := reports.ReadPrecedence(data)
	require.NoError(t, err)
	assert.Empty(t, learned.Cycles)
	assert.NotContains(t, string(data), "Authorization")
	data, err = os.ReadFile(profile)
	require.NoError(t, err)
	held, err := reports.ReadOrder(data)
	require.NoError(t, err)
	assert.Equal(t, learned.Holds, held.Holds)
	assert.Equal(t, "learned from endpoint "+url+"/", held.Name)
	for _, pair := range held.Holds {
		assert.True(t, indexOf(reversed, pair[0]) < indexOf(reversed, pair[1]), pair)
	}

	budget := []string{"--suite", "systematic", "--requests", "6000", "--seed", "1", "--shrink-requests", "1", "--order", profile}
	same := command(t, append([]string{"run", "--endpoint", url}, budget...)...)
	assert.Equal(t, reports.ExitConforms, same.code, same.stdout)
	other := command(t, append([]string{"run"}, budget...)...)
	assert.Equal(t, reports.ExitDiverges, other.code, other.stdout)
	assert.Contains(t, other.stdout, "\n  order  Of several broken rules")

	reference := filepath.Join(folder, "reference.json")
	got = command(t, "learn", "--out", reference, "--verbose")
	require.Equal(t, reports.ExitConforms, got.code, got.stderr)
	assert.Contains(t, got.stdout, "answered in the reference's order\n  wire/wrong-type → ")
	assert.NotContains(t, got.stdout, "answered in the other order")
	asked := regexp.MustCompile(`asked +([\d,]+) requests`).FindStringSubmatch(got.stdout)
	require.NotNil(t, asked, got.stdout)
	n, err := strconv.Atoi(strings.ReplaceAll(asked[1], ",", ""))
	require.NoError(t, err)
	assert.Contains(t, page(t, "docs/error-order.md"), "this takes about\n"+thousands(n)+" requests")
	got = command(t, "diff", reference, out)
	assert.Equal(t, reports.ExitDiverges, got.code)
	assert.Contains(t, got.stdout, "pairs in another order")
	got = command(t, "diff", profile, out)
	assert.Equal(t, reports.ExitConforms, got.code, got.stdout)
	assert.Contains(t, got.stdout, "the same")
	got = command(t, "diff", "--json", reference, out)
	assert.Equal(t, reports.ExitDiverges, got.code)
	assert.Contains(t, got.stdout, `"schema": "conform/diff/1"`)
}

func indexOf(ids []model.ID, id model.ID) int {
	for i := range ids {
		if ids[i] == id {
			return i
		}
	}
	return -1
}

// TestLearnMoto: moto has few codes of its own, and what was learned of it does not add a divergence.
func TestLearnMoto(t *testing.T) {
	url, folder := mototest.Start(t), t.TempDir()
	profile, out := filepath.Join(folder, "order.json"), filepath.Join(folder, "precedence.json")
	got := command(t, "learn", "--endpoint", url, "--profile", profile, "--out", out)
	require.Equal(t, reports.ExitConforms, got.code, got.stderr)
	data, err := os.ReadFile(out)
	require.NoError(t, err)
	learned, err := reports.ReadPrecedence(data)
	require.NoError(t, err)
	assert.Equal(t, "InvalidTrailNameException", learned.Codes[model.TrailNameSyntax])
	assert.Equal(t, "TrailNotFoundException", learned.Codes[model.TrailNotFound])
	assert.Contains(t, learned.Unmeasured[model.SelectorTypeInvalid], "not enforced")
	assert.Contains(t, learned.Unmeasured[model.InputNoResource], "5xx")
	assert.Contains(t, learned.Unmeasured[model.StoreSame], "needs event-data-stores")
	got = command(t, "run", "--endpoint", url, "--order", profile, "--suite", "systematic", "--requests", "3000", "--shrink-requests", "1")
	assert.NotContains(t, got.stdout, "\n  order  ")
	for _, c := range learned.Cells {
		assert.NotEqual(t, reports.CellUnstable, c.Status, "%s, %s: %s", c.First, c.Second, c.Why)
	}
}

func TestLearnBadInput(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	empty := served(t, saying(400, "application/x-amz-json-1.1", `{"__type": "AccessDenied\u001b[31mException"}`))
	existing := write(t, "keep.json", "keep me")
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"learn", "--endpoint", closed.URL, "--profile", existing}, reports.ExitInconclusive, "nothing listens at " + closed.URL},
		{[]string{"learn", "--endpoint", empty, "--profile", existing, "--out", existing + "2"}, reports.ExitInconclusive, "no trail could be made to ask about: CreateTrail answered AccessDenied"},
		{[]string{"learn", "--profile", filepath.Join(t.TempDir(), "no", "such")}, reports.ExitUsage, "--profile "},
		{[]string{"learn", "--out", t.TempDir()}, reports.ExitUsage, "is a directory"},
		{[]string{"learn", "--out", existing, "--profile", existing}, reports.ExitUsage, "--profile and --out name the same file"},
		{[]string{"learn", "--fault", "nonsense"}, reports.ExitUsage, "is no fault"},
		{[]string{"learn", "--requests", "5"}, reports.ExitUsage, "there is no flag --requests; 'conform run' has one"},
		{[]string{"learn", "there"}, reports.ExitUsage, "takes no argument"},
		{[]string{"learn", "--endpoint", "http://cloudtrail.us-east-1.amazonaws.com"}, reports.ExitRefused, "AWS"},
	} {
		got := command(t, test.args...)
		assert.Equal(t, test.code, got.code, "%v: %s", test.args, got.stderr)
		assert.Contains(t, got.stderr, test.says)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
		assert.NotContains(t, got.stderr, "\x1b")
	}
	data, err := os.ReadFile(existing)
	require.NoError(t, err)
	assert.Equal(t, "keep me", string(data), "what is there is not lost")
	assert.NoFileExists(t, existing+"2")
}

// TestLearnInterrupted: what was learned is shown, and no file is touched.
func TestLearnInterrupted(t *testing.T) {
	handler, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	asked := 0
	url := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 400 {
			stop()
		}
		handler.ServeHTTP(w, r)
	}))
	profile := write(t, "order.json", "keep me")
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"learn", "--endpoint", url, "--profile", profile}, strings.NewReader(""), &stdout, &stderr, nil)
	assert.Equal(t, reports.ExitInterrupted, code)
	assert.Contains(t, stdout.String(), " not covered")
	assert.Contains(t, stderr.String(), "conform: interrupted; what is not covered was not asked, and no file is written\n")
	data, err := os.ReadFile(profile)
	require.NoError(t, err)
	assert.Equal(t, "keep me", string(data))
}

func TestDiffBadInput(t *testing.T) {
	report := write(t, "report.json", `{"schema": "conform/report/1", "verdict": "inconclusive", "exit_code": 3, "target": {"name": "embedded"}, "started": "2026-07-01T12:00:00Z"}`)
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"diff"}, "takes two files, not 0; see 'conform diff --help'"},
		{[]string{"diff", report}, "takes two files, not 1"},
		{[]string{"diff", report, report, report}, "takes two files, not 3"},
		{[]string{"diff", report, "missing.json"}, "missing.json: no such file or directory; give the path of a readable file"},
		{[]string{"diff", report, t.TempDir()}, "is a directory; give the path of a file"},
		{[]string{"diff", report, write(t, "x.json", "{")}, "x.json: not JSON"},
		{[]string{"diff", report, write(t, "order.json", `{"schema": "conform/order/1"}`)}, `order: "wire/wrong-type" is missing`},
		{[]string{"diff", report, "--jsn"}, "there is no flag --jsn; did you mean --json?"},
	} {
		got := command(t, test.args...)
		assert.Equal(t, reports.ExitUsage, got.code, "%v", test.args)
		assert.Empty(t, got.stdout)
		assert.Contains(t, got.stderr, test.says)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
	}
	got := command(t, "diff", report, report)
	assert.Equal(t, reports.ExitConforms, got.code)
}
