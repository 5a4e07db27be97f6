package formats_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/events"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/html"
	"github.com/insightconform/conform/reports/junit"
	"github.com/insightconform/conform/reports/markdown"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
)

// wicked are texts that a target may answer to take over who reads them.
var wicked = map[string]string{
	"markup":        `<script>alert(1)</script><img src=x onerror=alert(1)>&lt;b&gt;</pre></code></details></summary><!--`,
	"XML":           `]]></failure><testcase name="x"/><![CDATA[ &amp; &#0; <?xml version="1.0"?>`,
	"Markdown":      "``` `code` **bold** _it_ ~~x~~ | a | b |\\| \\` [link](http://evil.example) ![i](http://evil.example/i.png) @someone #1 www.evil.example https://evil.example/ $x$ x@evil.example mailto:x@evil.example",
	"headings":      "\n\n# heading\n\n- [ ] task\n\n---\n\n    code\n> quote\n| a |\n|---|\n<details>",
	"commands":      "::set-output name=x::y",
	"later command": "x\n::stop-commands::t\r\n  ::error::e\r::warning::w\n\t::add-mask::m",
	"old commands":  "##[set-env name=PATH;]x ##vso[task.setvariable variable=x]y ##teamcity[testFailed name='x'] ###[group]",
	"encoded":       "%0A::error::e%0D%0A, title=x: %25",
	"ANSI":          "\x1b[2J\x1b]0;owned\a\x1b[31mred\x9b31m\u009b31m",
	"control":       "a\x00b\x01c\bd\x7fe\u0085f\u2028g\u2029h\ufffe\uffff\r\n\t",
	"bidi":          "\u202eevil\u202c\u2066x\u2069\u200f\u200b\ufeff\U000e0041",
	"invalid UTF-8": "\xff\xfe\xc3\x28\xed\xa0\x80",
	"megabytes":     strings.Repeat("::error::x|`<b>\n", 70_000),
}

// The limits of GitHub in bytes, and the least that a summary needs.
const markdownLimit, summaryLimit, leastRoom = 65_000, 1 << 20, 16 << 10

// filledWith has a text in each place of a report that a target has a say in, and its beginning in
// those that a file may have replaced.
func filledWith(evil string) *reports.Report {
	whole := evil
	evil = plain.Shorten(evil, 500)
	r := evidenced()
	step := reports.NewStep(1, model.Request{Op: model.OpTrail, Region: evil, Input: value.Obj("TrailName", evil)},
		targets.Reply{Answer: model.Refusal(whole), Body: value.Obj("InsightSelectors", whole), Sent: []byte(evil), Received: []byte(whole), Status: 400, Problem: whole}, []string{evil})
	step.Diverges = true
	r.Verdict, r.Reason, r.Version, r.Command = reports.Diverges, evil, evil, "conform run "+evil
	r.Target = targets.Info{Name: evil, Endpoint: evil, Region: evil, Notes: []string{whole}}
	r.Notes, r.Suites, r.CutShort = []string{whole}, []string{evil}, []string{evil}
	r.SetCapability(model.CanStores, false, whole)
	r.Divergences = nil
	for i, status := range []string{reports.Confirmed, reports.Confirmed, reports.Unrepeated, reports.Confirmed} {
		r.Divergences = append(r.Divergences, reports.Divergence{Signature: whole + fmt.Sprint(i), Rule: model.ID(evil), Level: model.Documented, Fails: i == 0, Statement: evil, Source: evil,
			Operation: evil, Expected: []string{evil, evil}, Actual: "other " + whole, Count: 1, Status: status, Seen: evil, Also: []string{whole}, Trace: evil, Known: i == 3, Reason: evil, Steps: []reports.Step{step, step}})
	}
	r.Deviations = []reports.Deviation{{Rule: model.ID(evil), Operation: evil, Reference: evil, Actual: whole, Count: 1}}
	r.Replays = []reports.Replay{{Signature: evil, Outcome: evil, Why: evil}}
	r.Baseline = []reports.Replay{{Signature: evil, Outcome: evil, Stale: true, Mend: evil}, {Signature: evil, Outcome: reports.ReplayNotCovered, Why: evil}}
	r.Coverage.Rules[model.TrailHomeRegion] = reports.RuleCoverage{Why: evil}
	r.Coverage.Rules[model.ID(evil)] = reports.RuleCoverage{Why: evil, Applicable: true}
	for i := range r.Certificates {
		r.Certificates[i].Machine, r.Certificates[i].Result = evil, evil
	}
	return r
}

func rendered(t *testing.T, render func(io.Writer, *reports.Report) error, r *reports.Report) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, render(&b, r))
	return b.String()
}

// TestWickedTexts renders each wicked text in each format.
func TestWickedTexts(t *testing.T) {
	oldCommand := regexp.MustCompile(`##[A-Za-z]*\[`)
	for name, evil := range wicked {
		t.Run(name, func(t *testing.T) {
			r := filledWith(evil)
			outputs := map[string]string{
				"shown": string(textOf(t, r, text.Options{})), "verbose": string(textOf(t, r, text.Options{Verbose: true, Width: 80})),
				"annotations": rendered(t, markdown.Annotations, r)}
			for _, format := range formats.Names()[1:] {
				outputs[format] = rendered(t, func(w io.Writer, r *reports.Report) error {
					return formats.Sink{Format: format}.Write(w, r, text.Options{})
				}, r)
			}
			for format, output := range outputs {
				for _, c := range output {
					if c != '\n' && (c == unicode.ReplacementChar || !unicode.IsPrint(c)) {
						t.Errorf("%s: %U reaches the reader", format, c)
						break
					}
				}
				if format == "annotations" {
					continue
				}
				assert.False(t, oldCommand.MatchString(output), "%s: a command in a line", format)
				for line := range strings.Lines(output) {
					if !assert.False(t, strings.HasPrefix(strings.TrimSpace(line), "::"), "%s: a command: %.60q", format, line) {
						break
					}
				}
			}
			for _, format := range []string{"shown", "verbose", "markdown", "junit", "annotations"} {
				assert.Less(t, len(outputs[format]), 400_000, format)
			}
			assert.Less(t, len(outputs[formats.NDJSON]), 2_000_000)

			assert.Empty(t, junitProblems(outputs["junit"]))
			assertMarkdownHarmless(t, outputs["markdown"])
			assertAnnotations(t, outputs["annotations"], 10)
			for line := range strings.Lines(outputs[formats.NDJSON]) {
				assert.True(t, json.Valid([]byte(line)))
			}
		})
	}
}

// assertMarkdownHarmless takes away the markup that is conform's own and finds none in what is left.
func assertMarkdownHarmless(t *testing.T, output string) {
	t.Helper()
	assert.LessOrEqual(t, len(output), markdownLimit)
	for line := range strings.Lines(output) {
		line = strings.TrimSuffix(line, "\n")
		switch line {
		case "<details>", "</details>", "<pre>", "</pre>", "|---|---|---|---|", "| rule | level | answer | |", "| | |", "|---|---|":
			continue
		}
		for _, own := range []string{"## ❌ conform: ", "**", "<summary>", "</summary>", "<code>", "</code>", "<span>", "</span>"} {
			line = strings.ReplaceAll(line, own, "")
		}
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| ") {
			assert.Contains(t, []int{2, 4}, len(cells), line)
			line = strings.Join(cells, "")
			line = strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |")
		}
		line = regexp.MustCompile(`&(#[0-9]+|amp|lt|gt);`).ReplaceAllString(line, "")
		if !assert.NotRegexp(t, "[<>&]", line) {
			return
		}
	}
	// Within <pre> nothing but HTML has a meaning; everywhere else Markdown has.
	outside := regexp.MustCompile(`(?s)<pre>.*?</pre>`).ReplaceAllString(output, "")
	for _, markup := range []string{"`", "](", "![", "~~", "_it_", "@", "://", "www.", "$x$", "\\"} {
		assert.NotContains(t, outside, markup)
	}
	assert.Equal(t, strings.Count(output, "<details>"), strings.Count(output, "</details>"))
	assert.Equal(t, strings.Count(output, "<pre>"), strings.Count(output, "</pre>"))
}

var annotation = regexp.MustCompile(`^::(error|warning) title=conform%3A [^:,\r\n]*::[^\r\n]*$`)

func assertAnnotations(t *testing.T, output string, atMost int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(output, "\n"), "\n")
	assert.LessOrEqual(t, len(lines), atMost)
	for _, line := range lines {
		assert.Regexp(t, annotation, line)
		assert.NotRegexp(t, `%(?:[^02]|0[^AD]|2[^5C]|$)`, strings.ReplaceAll(line, "%3A", ""), "a percent sign that is no escape")
	}
}

// junitElements says of each element of a JUnit report which attributes it must and may have, and which
// elements, in this order.
var junitElements = map[string]struct{ must, may, inside string }{
	"testsuites": {"name tests failures errors time", "", "testsuite*"},
	"testsuite":  {"id name package hostname timestamp tests failures errors skipped time", "", "properties testcase* system-out system-err"},
	"properties": {"", "", "property*"},
	"property":   {"name value", "", ""},
	"testcase":   {"name classname time", "", "skipped? error? failure?"},
	"skipped":    {"message", "", ""},
	"error":      {"message type", "", ""},
	"failure":    {"message type", "", ""},
	"system-out": {"", "", ""},
	"system-err": {"", "", ""},
}

type junitNode struct {
	name       string
	attributes map[string]string
	children   []*junitNode
	text       string
}

func parseXML(document string) (*junitNode, error) {
	decoder := xml.NewDecoder(strings.NewReader(document))
	decoder.Strict = true
	root := &junitNode{}
	open := []*junitNode{root}
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		top := open[len(open)-1]
		switch x := token.(type) {
		case xml.StartElement:
			node := &junitNode{name: x.Name.Local, attributes: map[string]string{}}
			for _, a := range x.Attr {
				node.attributes[a.Name.Local] = a.Value
			}
			top.children = append(top.children, node)
			open = append(open, node)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.text += string(x)
		}
	}
	if len(root.children) != 1 {
		return nil, fmt.Errorf("%d roots", len(root.children))
	}
	return root.children[0], nil
}

// junitProblems holds a document to the structure that the common JUnit schemas agree on, and its counts
// to its cases.
func junitProblems(document string) (problems []string) {
	say := func(format string, arguments ...any) { problems = append(problems, fmt.Sprintf(format, arguments...)) }
	root, err := parseXML(document)
	if err != nil {
		return []string{err.Error()}
	}
	if root.name != "testsuites" {
		say("the root is %s", root.name)
	}
	var check func(n *junitNode)
	check = func(n *junitNode) {
		rule, known := junitElements[n.name]
		if !known {
			say("an element %s", n.name)
			return
		}
		for _, name := range strings.Fields(rule.must) {
			if _, ok := n.attributes[name]; !ok {
				say("%s has no %s", n.name, name)
			}
		}
		for name := range n.attributes {
			if !slices.Contains(strings.Fields(rule.must+" "+rule.may), name) {
				say("%s has a %s", n.name, name)
			}
		}
		var order []string
		for _, child := range n.children {
			order = append(order, child.name)
			check(child)
		}
		pattern := "^"
		for _, item := range strings.Fields(rule.inside) {
			name := strings.TrimRight(item, "*?")
			pattern += "(" + name + ";)" + strings.TrimPrefix(item, name)
		}
		sequence := ""
		for _, name := range order {
			sequence += name + ";"
		}
		if !regexp.MustCompile(pattern + "$").MatchString(sequence) {
			say("%s has %s", n.name, sequence)
		}
		for name, value := range n.attributes {
			switch name {
			case "tests", "failures", "errors", "skipped", "id":
				if _, err := strconv.ParseUint(value, 10, 32); err != nil {
					say("%s %s=%q", n.name, name, value)
				}
			case "time":
				if f, err := strconv.ParseFloat(value, 64); err != nil || f < 0 || math.IsInf(f, 0) {
					say("%s %s=%q", n.name, name, value)
				}
			case "timestamp":
				if _, err := time.Parse("2006-01-02T15:04:05", value); err != nil {
					say("%v", err)
				}
			case "name":
				if value == "" {
					say("%s without a name", n.name)
				}
			}
		}
	}
	check(root)

	total := map[string]int{}
	var took float64
	for _, suite := range root.children {
		counts := map[string]int{}
		seen := map[string]bool{}
		for _, c := range suite.children {
			if c.name != "testcase" {
				continue
			}
			counts["tests"]++
			if seen[c.attributes["name"]] {
				say("the case %s stands twice", c.attributes["name"])
			}
			seen[c.attributes["name"]] = true
			if len(c.children) > 1 {
				say("%s has several results", c.attributes["name"])
			}
			for _, result := range c.children {
				counts[map[string]string{"skipped": "skipped", "error": "errors", "failure": "failures"}[result.name]]++
			}
		}
		for _, name := range []string{"tests", "failures", "errors", "skipped"} {
			if suite.attributes[name] != fmt.Sprint(counts[name]) {
				say("suite %s says %s=%s and has %d", suite.attributes["name"], name, suite.attributes[name], counts[name])
			}
			total[name] += counts[name]
		}
		f, _ := strconv.ParseFloat(suite.attributes["time"], 64)
		took += f
	}
	for _, name := range []string{"tests", "failures", "errors"} {
		if root.attributes[name] != fmt.Sprint(total[name]) {
			say("all say %s=%s and have %d", name, root.attributes[name], total[name])
		}
	}
	if root.attributes["time"] != strconv.FormatFloat(took, 'f', 3, 64) {
		say("the suites took %v, all %s", took, root.attributes["time"])
	}
	return problems
}

// junitCases returns the result element of each case, nil of those that passed.
func junitCases(t *testing.T, r *reports.Report) map[string]*junitNode {
	t.Helper()
	document := rendered(t, junit.Write, r)
	require.Empty(t, junitProblems(document))
	root, err := parseXML(document)
	require.NoError(t, err)
	cases := map[string]*junitNode{}
	for _, suite := range root.children {
		for _, c := range suite.children {
			if c.name != "testcase" {
				continue
			}
			assert.Equal(t, "conform."+suite.attributes["name"], c.attributes["classname"])
			var result *junitNode
			if len(c.children) > 0 {
				result = c.children[0]
			}
			cases[c.attributes["name"]] = result
		}
	}
	return cases
}

func TestJUnit(t *testing.T) {
	for name, report := range map[string]*reports.Report{"conforming": conforming(), "diverging": diverging(), "inconclusive": inconclusive(), "interrupted": interrupted()} {
		document := rendered(t, junit.Write, report)
		assert.Empty(t, junitProblems(document))
		golden.Check(t, "testdata/"+name+".junit.xml", document)
	}
	assert.Empty(t, junitProblems(rendered(t, junit.Write, &reports.Report{Verdict: reports.Failed, ExitCode: reports.ExitFailed})))
	assert.Empty(t, junitProblems(rendered(t, junit.Write, evidenced())))
}

func TestJUnitResults(t *testing.T) {
	r := diverging()
	r.Coverage.Rules[model.PutStores] = reports.RuleCoverage{Applicable: true, Why: "no request put it to the test"}
	r.Coverage.Rules[model.PutOrderFree] = reports.RuleCoverage{Applicable: true, Exercised: true}
	r.Coverage.Rules["throttled"] = reports.RuleCoverage{Why: "it makes no claim"}
	cases := junitCases(t, r)
	assert.Nil(t, cases["run"])
	assert.Nil(t, cases["put/order-free"])
	for name, want := range map[string][2]string{
		"put/empty-disables": {"failure", "GetInsightSelectors: HTTP 200 with [ApiCallRateInsight] instead of InsightNotEnabledException"},
		"wire/no-crash":      {"failure", "HTTP 500 with HTML instead of InvalidParameterException"},
		"get/reflects-put":   {"failure", "[] instead of [ApiCallRateInsight]"},
		"put/empty-when-off": {"skipped", "below --fail-on observed: PutInsightSelectors: TrailNotFoundException instead of HTTP 200 with []"},
		"trail/home-region":  {"skipped", "not covered: one Region"},
		"put/stores":         {"skipped", "not judged: no request put it to the test"},
		string("throttled"):  {"skipped", "not judged: it makes no claim"},
	} {
		require.NotNil(t, cases[name], name)
		assert.Equal(t, want[0], cases[name].name, name)
		assert.Contains(t, cases[name].attributes["message"], want[1])
	}
	body := cases["put/empty-disables"].text
	for _, part := range []string{"sequence      1. CreateTrail alpha", "✗ 5. Get → HTTP 200", "expected    InsightNotEnabledException", "actual      HTTP 200 with [ApiCallRateInsight]", "reproduce   conform replay d3e4f5 --endpoint http://127.0.0.1:5000", "or          conform run --target endpoint", "API reference page"} {
		assert.True(t, strings.Contains(body, part), part)
	}
	document := rendered(t, junit.Write, r)
	for _, property := range []string{`name="seed" value="42"`, `name="workers" value="2"`, `name="target" value="endpoint http://127.0.0.1:5000"`, `name="suites" value="systematic,random"`, `name="version" value="v0.1.0"`, `name="command" value="conform run `} {
		assert.Contains(t, document, property)
	}

	known := diverging()
	known.Divergences[3].Known, known.Divergences[3].Fails, known.Divergences[3].Reason = true, false, "fixed in the next release"
	known.Target.Eventual = true
	known.Divergences[3].Replay = ""
	known.Baseline = []reports.Replay{{Signature: "old", Outcome: reports.ReplayFixed, Stale: true, Mend: "take the entry out"}}
	cases = junitCases(t, known)
	assert.Equal(t, "skipped", cases["put/empty-disables"].name)
	assert.Contains(t, cases["put/empty-disables"].attributes["message"], "known to the baseline (fixed in the next release)")
	assert.Contains(t, cases["put/empty-disables"].text, "reproduce   conform run --target endpoint")
	assert.Equal(t, "skipped", cases["get/reflects-put"].name, "unrepeated, on a target that may answer late")
	assert.Equal(t, "failure", cases["old"].name)

	partial := inconclusive()
	partial.Partial = true
	for verdict, want := range map[reports.Verdict]string{reports.Interrupted: "skipped", reports.Inconclusive: "error", reports.Failed: "error", reports.RefusedRun: "error", reports.Diverges: "error"} {
		partial.Verdict = verdict
		assert.Equal(t, want, junitCases(t, partial)["run"].name, verdict)
	}
}

func TestMarkdown(t *testing.T) {
	for name, report := range map[string]*reports.Report{"conforming": conforming(), "diverging": diverging(), "interrupted": interrupted()} {
		golden.Check(t, "testdata/"+name+".md", rendered(t, markdown.Write, report))
	}
	output := rendered(t, markdown.Write, diverging())
	order := []string{"| <code>wire/no-crash", "| <code>put/empty-disables", "| <code>get/reflects-put", "| <code>put/empty-when-off"}
	for _, row := range order {
		at := strings.Index(output, row)
		require.GreaterOrEqual(t, at, 0, "worst first: %s", row)
		output = output[at:]
	}
}

// many is a report with more divergences than any page has room for.
func many(n int) *reports.Report {
	r := diverging()
	d := r.Divergences[3]
	r.Divergences = nil
	for i := range n {
		d.Signature = fmt.Sprint(i)
		r.Divergences = append(r.Divergences, d)
	}
	return r
}

// TestMarkdownFitsAComment: however much there is, the page has room for it, its beginning is a screen, the rest is
// folded, and it says how much it lacks.
func TestMarkdownFitsAComment(t *testing.T) {
	for _, n := range []int{1, 50, 500, 5000} {
		long := many(n)
		for i := range long.Divergences {
			d := &long.Divergences[i]
			d.Rule, d.Steps = model.Rules[i%40].ID, slices.Repeat(d.Steps, 30)
		}
		for name, r := range map[string]*reports.Report{"of one rule": many(n), "long, of many rules": long} {
			output := rendered(t, markdown.Write, r)
			assert.LessOrEqual(t, len(output), markdownLimit)
			seen, _, _ := strings.Cut(output, "<details>")
			assert.Less(t, strings.Count(seen, "\n"), 40, name)
			assert.Less(t, len(seen), 8000, name)
			left := n - strings.Count(output, "<pre>")
			told := fmt.Sprintf("\n%s of %s had no room on this page; the JSON report (--report json=FILE) has them all.\n",
				plain.Grouped(left), plain.Counted(n, "divergence"))
			assert.Equal(t, left > 0, strings.Contains(output, told), "%s, %d", name, n)
			if n == 1 || n > 100 {
				assert.Equal(t, n > 1, left > 0, "%s, %d", name, n)
			}
			unfolded := regexp.MustCompile(`(?s)<details>.*?</details>`).ReplaceAllString(output, "")
			assert.NotContains(t, unfolded, "<pre>")
		}
	}
}

// TestMarkdownSaysSentencesPlainly: code is what is code.
func TestMarkdownSaysSentencesPlainly(t *testing.T) {
	r := diverging()
	r.Notes = []string{"a note of several words"}
	output := rendered(t, markdown.Write, r)
	assert.Contains(t, output, "\n- a note of several words\n")
	for _, sentence := range []string{r.Reason, r.Divergences[0].Statement} {
		assert.Contains(t, output, sentence)
		assert.NotContains(t, output, "<code>"+sentence)
	}
}

func TestStepSummary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.md")
	require.NoError(t, markdown.AppendSummary(path, diverging()))
	once, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, rendered(t, markdown.Write, diverging()), string(once))
	require.NoError(t, markdown.AppendSummary(path, conforming()))
	twice, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(twice, once), "appended")

	for _, before := range []int{0, 300_000, summaryLimit - leastRoom} {
		require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("x"), before), 0o666))
		require.NoError(t, markdown.AppendSummary(path, many(5000)))
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(after), min(summaryLimit, before+markdownLimit+1))
		assert.Contains(t, string(after), " had no room on this page")
	}
	full := bytes.Repeat([]byte("x"), summaryLimit-leastRoom+1)
	require.NoError(t, os.WriteFile(path, full, 0o666))
	assert.ErrorContains(t, markdown.AppendSummary(path, diverging()), "there is no room left")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Len(t, after, len(full))
	assert.Error(t, markdown.AppendSummary(t.TempDir(), diverging()), "a directory")
}

func TestAnnotations(t *testing.T) {
	golden.Check(t, "testdata/diverging.annotations.txt", rendered(t, markdown.Annotations, diverging()))
	output := rendered(t, markdown.Annotations, many(40))
	assert.Equal(t, 10, strings.Count(output, "\n"))
	assertAnnotations(t, output, 10)
	assert.Empty(t, rendered(t, markdown.Annotations, conforming()))
	assert.Contains(t, rendered(t, markdown.Annotations, inconclusive()), "::error title=conform%3A inconclusive::No PutInsightSelectors succeeded, so nothing")
	r := diverging()
	r.Baseline = []reports.Replay{{Signature: "a,b:c%d", Outcome: reports.ReplayFixed, Stale: true, Mend: "100% gone"}}
	r.Divergences[0].Known = true
	output = rendered(t, markdown.Annotations, r)
	assert.Contains(t, output, "::error title=conform%3A stale in the baseline::a,b:c%25d%0A100%25 gone\n")
	assert.NotContains(t, output, "put/empty-when-off", "known")
	assert.Equal(t, 4, strings.Count(output, "::error "))
}

func TestNDJSON(t *testing.T) {
	for _, r := range []*reports.Report{conforming(), evidenced(), interrupted(), hostile(), {Verdict: reports.Failed}} {
		var names []string
		for line := range strings.Lines(rendered(t, events.Write, r)) {
			var e reports.Event
			require.NoError(t, json.Unmarshal([]byte(line), &e))
			names = append(names, e.Event)
		}
		assert.Equal(t, []string{reports.EventStart, reports.EventProbed}, names[:2])
		assert.Equal(t, reports.EventEnd, names[len(names)-1])
		assert.Len(t, r.Divergences, strings.Count(strings.Join(names, " "), reports.EventDivergence))
	}
}

// writes counts the writes and keeps what each wrote.
type writes struct{ list [][]byte }

func (w *writes) Write(data []byte) (int, error) {
	w.list = append(w.list, slices.Clone(data))
	return len(data), nil
}

func TestEventStream(t *testing.T) {
	var out writes
	stream, err := events.Open("", &out)
	require.NoError(t, err)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for n := range 50 {
				d := diverging().Divergences[3]
				stream.Add(reports.Event{Event: reports.EventSuspicion, Divergence: &d})
				stream.Add(reports.Event{Event: reports.EventNote, Note: fmt.Sprintf("%d %d\n", i, n)})
			}
		})
	}
	wait.Wait()
	require.NoError(t, stream.Close())
	require.Len(t, out.list, 800)
	withSteps := 0
	for _, line := range out.list {
		assert.Equal(t, 1, bytes.Count(line, []byte("\n")), "one line, one write")
		var e reports.Event
		require.NoError(t, json.Unmarshal(line, &e))
		assert.False(t, e.Time.IsZero())
		if e.Divergence != nil && len(e.Divergence.Steps) > 0 {
			withSteps++
		}
	}
	assert.Equal(t, 200, withSteps)
}

func TestEventStreamsThatCannotBeWritten(t *testing.T) {
	_, err := events.Open(filepath.Join(t.TempDir(), "none", "e.ndjson"), nil)
	assert.Error(t, err)
	_, err = events.Open(t.TempDir(), nil)
	assert.Error(t, err)
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	stream, err := events.Open("/dev/full", nil)
	require.NoError(t, err)
	stream.Add(reports.Event{Event: reports.EventNote, Note: "a"})
	stream.Add(reports.Event{Event: reports.EventNote, Note: "b"})
	assert.ErrorContains(t, stream.Close(), "no space left")
}

func TestEventFileIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.ndjson")
	for range 2 {
		stream, err := events.Open(path, nil)
		require.NoError(t, err)
		stream.Add(reports.StartEvent(conforming()))
		stream.Add(reports.EndEvent(conforming()))
		require.NoError(t, stream.Close())
	}
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	lines := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); lines++ {
	}
	assert.Equal(t, 2, lines)
}

// TestDamagedReports reads reports in which something is missing or of another kind, and renders what
// can be read.
func TestDamagedReports(t *testing.T) {
	var whole any
	sound := evidenced()
	sound.Shard = "1/2"
	for i := range sound.Certificates {
		c := &sound.Certificates[i]
		c.Shard, c.Tests = "1/2", 10
		c.Conclude()
	}
	require.NoError(t, json.Unmarshal([]byte(rendered(t, reports.JSON, sound)), &whole))
	readable := 0
	try := func() {
		data, err := json.Marshal(whole)
		require.NoError(t, err)
		r, err := reports.ReadJSON(data)
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		readable++
		for _, format := range formats.Names() {
			assert.NotPanics(t, func() {
				assert.NoError(t, formats.Sink{Format: format}.Write(io.Discard, r, text.Options{Verbose: true}), format)
			}, format)
		}
		assert.NotPanics(t, func() { markdown.Annotations(io.Discard, r) })
	}
	var damage func(node any, put func(any))
	damage = func(node any, put func(any)) {
		switch x := node.(type) {
		case map[string]any:
			for name, old := range x {
				delete(x, name)
				try()
				x[name] = old
				damage(old, func(v any) { x[name] = v })
			}
		case []any:
			for i, old := range x[:min(len(x), 1)] {
				damage(old, func(v any) { x[i] = v })
			}
		}
		for _, other := range []any{nil, "", -1.0, []any{nil}} {
			put(other)
			try()
		}
		put(node)
	}
	for name, old := range whole.(map[string]any) {
		damage(old, func(v any) { whole.(map[string]any)[name] = v })
	}
	assert.Greater(t, readable, 300)
}

// TestGroupedByRule: a rule has one heading, with all its divergences below it, also where they count for different things.
func TestGroupedByRule(t *testing.T) {
	of := func(rule model.ID, op model.Op, level model.Level, actual, status string) reports.Divergence {
		return reports.Divergence{Signature: fmt.Sprint(rule, op, actual), Rule: rule, Level: level, Fails: level >= model.Observed, Statement: model.RuleOf(rule).Statement,
			Operation: string(op), Expected: []string{"SerializationException"}, Actual: actual, Count: 1, Status: status}
	}
	r := diverging()
	r.Divergences = []reports.Divergence{
		of(model.WireWrongType, model.OpPut, model.Inferred, "HTTP 200 with [5]", reports.Confirmed),
		of(model.PutReplacesList, model.OpPut, model.Observed, "[]", reports.Confirmed),
		of(model.WireWrongType, model.OpGet, model.Documented, "TrailNotFoundException", reports.Confirmed),
		of(model.WireWrongType, model.OpGet, model.Documented, "AccessDeniedException", reports.Unrepeated),
	}
	var out, page, md, quiet bytes.Buffer
	require.NoError(t, text.Report(&out, r, text.Options{}))
	assert.Contains(t, out.String(), `
documented
  wire/wrong-type  `+model.RuleOf(model.WireWrongType).Statement+`
    operation Get
    expected  SerializationException
    actual    TrailNotFoundException
    operation Put, inferred, which does not fail this run
    expected  SerializationException
    actual    HTTP 200 with [5]
    operation Get, unrepeated: seen, but not again on a fresh world
    expected  SerializationException
    actual    AccessDeniedException

observed
  put/replaces-list  A second Put`)
	assert.Contains(t, out.String(), "4 divergences from 2 rules")
	require.NoError(t, text.Report(&quiet, r, text.Options{Quiet: true}))
	assert.Equal(t, 1, strings.Count(quiet.String(), "wire/wrong-type"))
	require.NoError(t, markdown.Write(&md, r))
	assert.Equal(t, 1, strings.Count(md.String(), "\n<summary><code>wire/wrong-type</code> "))
	assert.Equal(t, 1, strings.Count(md.String(), "\n| <code>wire/wrong-type</code> | "))
	assert.Less(t, strings.LastIndex(md.String(), "AccessDeniedException"), strings.Index(md.String(), "<summary><code>put/replaces-list</code>"))
	require.NoError(t, html.Write(&page, r))
	assert.Equal(t, 2, strings.Count(page.String(), `<div class="violated-rule">`))
	assert.Regexp(t, `(?s)<div class="violated-rule">\s*<h3>[^<]*</h3>(\s*<article.*?</article>){3}\s*</div>`, page.String())
}
