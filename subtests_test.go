package conform_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
)

// inChild says in which form TestInChild tests a mock. It is run by TestSubtests in a process of its own, for its tests fail.
const inChild = "CONFORM_TEST_CHILD"

func TestInChild(t *testing.T) {
	quick := conform.Options{Suites: []string{conform.Systematic}}
	switch os.Getenv(inChild) {
	case "":
		t.Skip("TestSubtests runs it")
	case "appends":
		mock := &AppendingMock{Mock{trails: []string{"orders", "payments", "audit"}}}
		conform.Test(t, conform.Mock(mock, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset}), quick)
	case "shares":
		conform.Test(t, altered{Mock: newMock(), get: reading(answered)}.target(), quick)
	case "shares, which fails":
		quick.FailOn = model.Inferred
		conform.Test(t, altered{Mock: newMock(), get: reading(answered)}.target(), quick)
	case "ends too early":
		conform.Test(t, altered{Mock: newMock()}.target(), conform.Options{Requests: 20})
	case "no trails":
		conform.Test(t, conform.Mock(newMock(), conform.MockOptions{}))
	case "reads":
		conform.Test(t, conform.Mock(&ReadOnlyFake{fakeContents()}, conform.MockOptions{Contents: fakeContents()}), quick)
	case "check":
		mock := &AppendingMock{Mock{trails: []string{"orders", "payments", "audit"}}}
		conform.Check(t, conform.Mock(mock, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset}), quick)
	}
}

// TestSubtests: each rule is a test of its own, which passes, fails or is skipped with the reason, and can be chosen by its
// name; what is no rule's fault fails the test around them.
func TestSubtests(t *testing.T) {
	outcome := regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): TestInChild(?:/(\S+))? \(`)
	for name, x := range map[string]struct {
		child, run string
		flags      []string
		failed     []string // subtests, sorted
		passes     bool     // all of it
		shows      []string
		hides      string
	}{
		"a wrong mock": {child: "appends", failed: []string{"put/empty-disables", "put/idempotent", "put/replaces-list"},
			shows: []string{"PASS: TestInChild/get/reflects-put ", "SKIP: TestInChild/kms/policy ", "not covered: needs key-conditions (the target has no KMS",
				"SKIP: TestInChild/put/overwrites-categories ", "sequence  Put orders [", "not judged: hidden behind put/replaces-list", "PASS: TestInChild/mock/no-alias",
				"'go test -artifacts' keeps the traces of what diverges", "sequence  ", "diverges (exit 1)"}, hides: "CreateTrail alpha"},
		"one rule that is broken": {child: "appends", run: "/put/replaces-list", failed: []string{"put/replaces-list"},
			hides: "TestInChild/put/idempotent"},
		"one rule that is kept": {child: "appends", run: "/get/reflects-put", passes: true, hides: "FAIL"},
		"a rule that fails nothing": {child: "shares", passes: true,
			shows: []string{"PASS: TestInChild/mock/no-alias", "inferred, which does not fail this run", "got from GetInsightSelectors"}},
		"a rule that is made to fail": {child: "shares, which fails", failed: []string{"mock/no-alias"}},
		"a fake that only reads": {child: "reads", passes: true, hides: "CreateTrail alpha",
			shows: []string{"PASS: TestInChild/get/reflects-put ", "PASS: TestInChild/get/not-enabled ", "PASS: TestInChild/trail/has-insight-selectors ",
				"SKIP: TestInChild/put/replaces-list ", "not covered: needs put-insight-selectors (PutInsightSelectors: the mock has no such method)"}},
		"inconclusive":   {child: "ends too early", shows: []string{"inconclusive (exit 3"}},
		"wrong usage":    {child: "no trails", shows: []string{"name trails that exist beforehand in Trails"}, hides: "TestInChild/"},
		"with artifacts": {child: "appends", flags: []string{"-test.artifacts", "-test.outputdir=" + t.TempDir()}, failed: []string{"put/empty-disables", "put/idempotent", "put/replaces-list"}, shows: []string{"3 traces in "}},
		"Check":          {child: "check", shows: []string{"'go test -artifacts' keeps the traces of what diverges"}, hides: "TestInChild/"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"-test.v", "-test.run=^TestInChild$" + x.run}, x.flags...)...)
			cmd.Env = append(os.Environ(), inChild+"="+x.child)
			out, err := cmd.CombinedOutput()
			text := string(out)
			assert.Equal(t, x.passes, err == nil, text)
			var failed []string
			for _, m := range outcome.FindAllStringSubmatch(text, -1) {
				if m[1] == "FAIL" && m[2] != "" && model.RuleOf(model.ID(m[2])) != nil {
					failed = append(failed, m[2])
				}
			}
			slices.Sort(failed)
			assert.Equal(t, x.failed, failed)
			for _, part := range x.shows {
				assert.Contains(t, text, part)
			}
			if x.hides != "" {
				assert.NotContains(t, text, x.hides)
			}
			require.NotContains(t, text, "panic:")
		})
	}
}
