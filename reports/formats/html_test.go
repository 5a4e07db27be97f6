package formats_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/html"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
)

func htmlOf(t *testing.T, list ...*reports.Report) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, html.Write(&b, list...))
	return b.String()
}

// everything is a report in which each part of a page has something to show.
func everything() *reports.Report {
	r := diverging()
	for i := range r.Divergences {
		addStates(&r.Divergences[i])
	}
	for i := range model.Rules {
		id := model.Rules[i].ID
		if _, given := r.Coverage.Rules[id]; !given {
			r.Coverage.Rules[id] = reports.RuleCoverage{Exercised: i%7 != 3, Applicable: i%5 != 2, Why: "no request put it to the test"}
		}
	}
	r.Coverage.Transitions, r.Coverage.Walk = reports.Count{Covered: 2400, Total: 3072}, walk()
	r.Certificates = []reports.Certificate{
		{Machine: "trail", Abstraction: "the selectors that are on, and what the trail logs", Fingerprint: "5f0c1a", States: 128, Inputs: []string{"Put off", "Put on"},
			Transitions: 3072, Reads: []string{"GetInsightSelectors"}, Depth: 1, Tests: 4096, Requests: 28000, Done: [][2]int{{0, 4096}}, Holds: true,
			Hypotheses: []string{"the target has at most one state more than the model for each that the model has", "requests of one class are answered alike"},
			Result:     "Every faulty machine with up to one extra state would have been caught."},
		{Machine: "store", Tests: 100, Done: [][2]int{{0, 40}}, Failed: 2, Unstable: 1, Shard: "1/2", Result: "40 of 100 tests were executed."},
	}
	r.Deviations = append(r.Deviations, reports.Deviation{Rule: model.PutStores, Level: model.Inferred, Operation: string(model.OpPut), Reference: "success", Actual: "success with another accepted result", Count: 3})
	r.Precedence, r.Timeline = precedence(), nil
	for i := range 90 {
		r.Timeline = append(r.Timeline, reports.Interval{Seconds: float64(i) / 2, Requests: 60 + 25*((i*7)%5), MeanMS: 3 + float64((i*3)%7), SlowMS: 9 + float64((i*i*31)%400)})
	}
	r.Divergences[3].Trace = "kept/d.json"
	r.Settling = &reports.Settling{Waits: 12, MedianSeconds: 1.5, LongestSeconds: 22, TimedOut: 1}
	r.Replays = []reports.Replay{{Signature: "put/stores|PutInsightSelectors|success|5xx", File: "conform-traces/a.json", Outcome: reports.ReplayFixed}, {Signature: "s", Outcome: reports.ReplayDifferent, Why: "now a 400"}}
	r.Baseline = []reports.Replay{{Signature: "get/not-enabled|GetInsightSelectors|InsightNotEnabledException|success", Outcome: reports.ReplayExpired, Stale: true, Mend: "remove it with --update-baseline"}}
	tolerated := r.Divergences[0]
	tolerated.Signature += ", twice"
	r.Divergences = append(r.Divergences, tolerated)
	r.Divergences[0].Known, r.Divergences[0].Reason = true, "issue 17"
	return r
}

func addStates(d *reports.Divergence) {
	for i := range d.Steps {
		on := map[string][]string{}
		if i > 1 {
			on["ApiCallRateInsight"] = []string{"Management", "Data"}
		}
		d.States = append(d.States, []reports.ResourceState{{Resource: "trail/us-east-1/alpha", On: on, Logs: "WRD", Logging: i > 0}})
	}
}

// walk is the machine on which the picture of it is tested.
func walk() *reports.Walk {
	data, err := os.ReadFile("../html/testdata/walk.json")
	w := &reports.Walk{}
	if err = errors.Join(err, json.Unmarshal(data, w)); err != nil {
		panic(err)
	}
	return w
}

func precedence() *reports.Precedence {
	p := &reports.Precedence{Schema: reports.PrecedenceSchema, Codes: map[model.ID]string{}}
	ids := model.ErrorRules()
	p.Rules = slices.Clone(ids)
	p.Rules[3], p.Rules[7] = p.Rules[7], p.Rules[3]
	statuses := []string{reports.CellFirst, reports.CellFirst, reports.CellFirst, reports.CellSecond, reports.CellIndistinguishable, reports.CellOther, reports.CellUnstable, reports.CellImpossible, reports.CellNotCovered, reports.CellFirst}
	for i, a := range ids {
		p.Codes[a] = model.RuleOf(a).Code
		for k := i + 1; k < len(ids); k++ {
			cell := reports.PrecedenceCell{First: a, Second: ids[k], Status: statuses[(i*i+k*3)%len(statuses)]}
			switch cell.Status {
			case reports.CellImpossible, reports.CellNotCovered:
				cell.Why = "there is no such request"
			default:
				cell.Answer = model.RuleOf(a).Code
				cell.Steps = []reports.Step{reports.NewStep(1, put(selector("ApiCallRateInsight")), targets.Reply{Answer: model.Refusal(cell.Answer), Status: 400}, []string{cell.Answer})}
			}
			p.Cells = append(p.Cells, cell)
		}
	}
	p.Cycles = [][]model.ID{{ids[1], ids[4], ids[9]}}
	return p
}

// large is a report of as many requests and divergences as the size of a page is promised for, with
// steps as real ones are.
func large() *reports.Report {
	r := everything()
	r.Requests, r.Divergences = 10_000, nil
	stored := success(value.Obj("TrailARN", model.DefaultWorld.TrailARN("us-east-1", "alpha"), "InsightSelectors",
		value.ListOf(selector("ApiCallRateInsight", "Management", "Data"), selector("ApiErrorRateInsight", "Management"))))
	for i := range 40 {
		d := reports.Divergence{Rule: model.Rules[i].ID, Level: model.Rules[i].Level, Statement: model.Rules[i].Statement, Source: model.Rules[i].Source, Operation: string(model.OpGet),
			Signature: fmt.Sprintf("%s|GetInsightSelectors|the selectors last stored|other selectors %d", model.Rules[i].ID, i),
			Expected:  []string{"the selectors last stored", "InsightNotEnabledException"}, Actual: "other selectors", Count: 100 + i, Status: reports.Confirmed, Seen: "1 of 1", Fails: true}
		for n := range 8 {
			request := put(selector("ApiCallRateInsight", "Management"), selector("ApiErrorRateInsight"))
			if n == 7 {
				request = model.Request{Op: model.OpGet, Input: value.Obj("TrailName", "alpha")}
			}
			reply := stored
			reply.Sent = request.Input.AppendJSON(nil)
			d.Steps = append(d.Steps, reports.NewStep(n+1, request, reply, []string{"success", "InvalidInsightSelectorsException"}))
		}
		d.Steps[7].Diverges = true
		addStates(&d)
		r.Divergences = append(r.Divergences, d)
	}
	return r
}

var (
	anyTag        = regexp.MustCompile(`<[^>]*>`)
	quotedValue   = regexp.MustCompile(`"[^"]*"`)
	betweenTags   = regexp.MustCompile(`>[^<]*<`)
	namedURL      = regexp.MustCompile(`https?://[^ ]*["']`)
	styleElement  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	scriptElement = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
)

// wellFormed holds a page to more than HTML asks for: each element is closed, in order, each attribute is
// quoted or bare, each id is there once, and each link within the page leads somewhere.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	text = strings.TrimPrefix(text, "<!doctype html>\n")
	text = styleElement.ReplaceAllString(text, "")
	text = scriptElement.ReplaceAllString(text, "")
	decoder := xml.NewDecoder(strings.NewReader(text))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, []string{"meta", "br", "input"}, xml.HTMLEntity
	ids, links, open := map[string]bool{}, []string{}, []string{}
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			open = append(open, e.Name.Local)
			for _, a := range e.Attr {
				name := a.Name.Local
				assert.False(t, strings.HasPrefix(name, "on") || name == "style" || name == "src" || name == "srcset", "%s has the attribute %s", e.Name.Local, name)
				switch name {
				case "id":
					assert.False(t, ids[a.Value], "the id %s is there twice", a.Value)
					ids[a.Value] = true
				case "href":
					require.True(t, strings.HasPrefix(a.Value, "#"), "%s leads out of the page", a.Value)
					links = append(links, a.Value[1:])
				case "aria-labelledby":
					links = append(links, a.Value)
				}
			}
		case xml.EndElement:
			require.NotEmpty(t, open)
			require.Equal(t, open[len(open)-1], e.Name.Local, "an element is closed out of order")
			open = open[:len(open)-1]
		}
	}
	assert.Empty(t, open, "elements are left open")
	for _, link := range links {
		assert.True(t, ids[link], "nothing has the id %s", link)
	}
	assert.Empty(t, namedURL.FindAllString(betweenTags.ReplaceAllString(text, "><"), -1), "an attribute names a URL")
}

func TestHTMLIsWellFormed(t *testing.T) {
	for name, list := range map[string][]*reports.Report{
		"conforming":   {conforming()},
		"diverging":    {diverging()},
		"inconclusive": {inconclusive()},
		"interrupted":  {interrupted()},
		"empty":        {{}},
		"everything":   {everything()},
		"hostile":      {hostile()},
		"large":        {large()},
		"several":      {conforming(), everything(), hostile(), {}},
	} {
		t.Run(name, func(t *testing.T) { wellFormed(t, htmlOf(t, list...)) })
	}
}

func TestHTMLNeedsAReport(t *testing.T) {
	assert.EqualError(t, html.Write(io.Discard), "there is no report to show")
}

func TestHTMLLeavesTheReportAlone(t *testing.T) {
	r := everything()
	htmlOf(t, r)
	assert.Empty(t, cmp.Diff(everything(), r))
}

// The policy of the page names the very style and script that it has, and nothing else.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestHTMLPolicy(t *testing.T) {
	text := htmlOf(t, everything())
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(text)
	require.Len(t, policy, 2)
	got := strings.NewReplacer("&#39;", "'", "&#43;", "+").Replace(policy[1])
	style, script := styleElement.FindAllStringSubmatch(text, -1), scriptElement.FindAllStringSubmatch(text, -1)
	require.Len(t, style, 1)
	require.Len(t, script, 1)
	assert.Equal(t, "default-src 'none'; style-src '"+digest(style[0][1])+"'; script-src '"+digest(script[0][1])+"'; base-uri 'none'; form-action 'none'", got)
	assert.Less(t, strings.Index(text, "Content-Security-Policy"), strings.Index(text, "<style>"))
	assert.Empty(t, regexp.MustCompile(`url\(|@import`).FindString(style[0][1]))
	assert.Empty(t, regexp.MustCompile(`fetch\(|XMLHttpRequest|innerHTML|insertAdjacentHTML|eval\(|import|Storage`).FindString(script[0][1]))
}

// A page of as much as is promised stays small.
func TestHTMLSize(t *testing.T) {
	text := htmlOf(t, large())
	t.Logf("%d bytes", len(text))
	assert.Less(t, len(text), 2_000_000)
	assert.Equal(t, 40, strings.Count(text, `<ol class="ladder">`), "a divergence is without its steps")
}

// However much a report has, the page stays small; what has no room is said to be missing.
func TestHTMLHasABound(t *testing.T) {
	r := large()
	huge := strings.Repeat(`"<&'`, 1000)
	for i := range r.Divergences {
		d := &r.Divergences[i]
		for len(d.Steps) < 60 {
			d.Steps = append(d.Steps, d.Steps[1])
		}
		for k := range d.Steps {
			d.Steps[k].Sent, d.Steps[k].Received, d.Steps[k].Answer.Code, d.Steps[k].Answer.Outcome = huge, huge, huge, "refused"
			d.Steps[k].Request = value.Obj("TrailName", huge)
		}
		d.States = nil
		addStates(d)
	}
	for i := range 5000 {
		r.Notes = append(r.Notes, fmt.Sprint(huge, i))
		r.Deviations = append(r.Deviations, reports.Deviation{Rule: model.ID(fmt.Sprintf("%s/%d", huge, i)), Actual: huge})
		r.Replays = append(r.Replays, reports.Replay{Signature: huge})
		r.Timeline = append(r.Timeline, reports.Interval{Seconds: float64(i)})
	}
	text := htmlOf(t, r)
	t.Logf("%d bytes", len(text))
	assert.Less(t, len(text), 3_500_000)
	assert.True(t, strings.Contains(text, "The page has no room for the steps of this one"), "The page has no room for the steps of this one")
	wellFormed(t, text)
}

// spoilingTexts has one of each kind of what a target may answer to harm a reader.
var spoilingTexts = map[string]string{
	"markup":        `<img src=x onerror=alert(1)><a href="javascript:alert(1)">x</a>`,
	"script":        `</script><script>alert(1)</script>`,
	"style":         `</style><style>*{display:none}</style>`,
	"attribute":     `" onmouseover="alert(1)" x="`,
	"apostrophe":    `' autofocus onfocus='alert(1)`,
	"comment":       `--><!-- <![CDATA[ ]]>`,
	"template":      `{{.Command}} ${alert(1)} &lt;script&gt;`,
	"link":          `javascript:alert(1)//`,
	"ansi":          "\x1b[31mred\x1b[0m\x1b]0;owned\a",
	"control":       "a\x00b\x08c\x7fd\u0085e\u009bf",
	"lines":         "one\r\ntwo\u2028three\u2029",
	"invalid utf-8": "a\xff\xfe\xc3(b",
	"bidi":          "\u202eabc\u2066def\u2069\u200f",
	"invisible":     "a\u200b\u00ad\ufeff\U000e0041b",
	"length":        strings.Repeat("long <b>", 5_000),
}

// spoil sets every text of a value, however deep, and the keys of maps, and makes empty lists have an
// element, so that no place where a text of a target can appear is forgotten.
func spoil(v reflect.Value, text string, depth int) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(text)
		}
	case reflect.Pointer:
		if v.IsNil() && v.CanSet() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		if v.Type() == reflect.TypeFor[*string]() {
			v.Elem().SetString(text)
		} else {
			spoil(v.Elem(), text, depth+1)
		}
	case reflect.Slice:
		if v.Len() == 0 && depth < 8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			spoil(v.Index(i), text, depth+1)
		}
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		keys := v.MapKeys()
		if len(keys) == 0 {
			key := reflect.New(v.Type().Key()).Elem()
			spoil(key, text, depth+1)
			keys = append(keys, key)
		}
		for i, key := range keys {
			value := reflect.New(v.Type().Elem()).Elem()
			if old := v.MapIndex(key); old.IsValid() {
				value.Set(old)
			}
			spoil(value, text, depth+1)
			m.SetMapIndex(key, value)
			if i == 0 && key.Kind() == reflect.String {
				own := reflect.New(key.Type()).Elem()
				own.SetString(text)
				m.SetMapIndex(own, value)
			}
		}
		v.Set(m)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[value.Value]() {
			text := strings.ToValidUTF8(text, "?") // JSON has no other
			v.Set(reflect.ValueOf(value.Obj("TrailName", text, text, value.Strs(text, text), "InsightSelectors", value.ListOf(value.Obj("InsightType", text, "EventCategories", value.Strs(text)), value.Str(text)))))
			return
		}
		if v.Type().PkgPath() == "time" {
			return
		}
		for i := range v.NumField() {
			spoil(v.Field(i), text, depth+1)
		}
	}
}

// spoiled is a report in which every text is hostile; what the values of the page hang on is kept once,
// so that each branch is taken.
func spoiled(text string) []*reports.Report {
	whole := everything()
	spoil(reflect.ValueOf(whole).Elem(), text, 0)
	partly := everything()
	spoil(reflect.ValueOf(partly).Elem(), text, 0)
	partly.Verdict, partly.Command = reports.Diverges, "conform run --fault "+text+" --endpoint '"+text+"'"
	partly.Target.Name = "endpoint"
	partly.Coverage.Walk.Inputs = walk().Inputs
	for i := range partly.Coverage.Walk.States {
		partly.Coverage.Walk.States[i].Row = walk().States[i].Row
	}
	statuses, outcomes := []string{reports.Confirmed, reports.Unrepeated, text}, []string{"success", "refused", "crashed"}
	for i := range partly.Divergences {
		d := &partly.Divergences[i]
		d.Status, d.Known, d.Actual = statuses[i%3], i == 1, "other "+text
		for k := range d.Steps {
			d.Steps[k].Operation, d.Steps[k].Answer.Outcome, d.Steps[k].Diverges = string(model.OpGet), outcomes[(i+k)%3], k == len(d.Steps)-1
			d.Steps[k].Method, d.Steps[k].Region = "", ""
			if k > 0 {
				d.Steps[k].Raw = nil
			}
		}
	}
	for i, cell := range precedence().Cells {
		partly.Precedence.Cells[i].First, partly.Precedence.Cells[i].Second, partly.Precedence.Cells[i].Status = cell.First, cell.Second, cell.Status
	}
	partly.Precedence.Rules = precedence().Rules
	return []*reports.Report{whole, partly}
}

func TestNothingHostileReachesThePage(t *testing.T) {
	known := shapeOf(htmlOf(t, everything()) + htmlOf(t, conforming(), everything()))
	for name, text := range spoilingTexts {
		t.Run(name, func(t *testing.T) {
			for _, r := range spoiled(text) {
				got := htmlOf(t, r)
				assertHarmless(t, got, known)
				assertHarmless(t, htmlOf(t, conforming(), r), known)
			}
		})
	}
}

func assertHarmless(t *testing.T, got string, known map[string]bool) {
	t.Helper()
	require.True(t, utf8.ValidString(got))
	for _, r := range got {
		if r != '\n' && r != '\t' && (r == unicode.ReplacementChar || !unicode.IsPrint(r)) {
			t.Fatalf("%U reaches the reader", r)
		}
	}
	assert.Less(t, len(got), 2_500_000)
	wellFormed(t, got)
	// Elements and attributes are those that a harmless report has too.
	for word := range shapeOf(got) {
		if !known[word] {
			t.Errorf("the page has %s", word)
		}
	}
}

// shapeOf has the names of the elements and attributes of a page.
func shapeOf(text string) map[string]bool {
	found := map[string]bool{}
	text = scriptElement.ReplaceAllString(styleElement.ReplaceAllString(text, ""), "")
	for _, tag := range anyTag.FindAllString(text, -1) {
		for _, word := range strings.FieldsFunc(quotedValue.ReplaceAllString(tag, ""), func(c rune) bool { return strings.ContainsRune(" =<>/\n", c) }) {
			found[word] = true
		}
	}
	return found
}

// TestHTMLCountsAsTheText: divergences and rules have the same numbers wherever they are counted.
func TestHTMLCountsAsTheText(t *testing.T) {
	r := diverging()
	for i := range model.Rules { // those that claim nothing as well
		id := model.Rules[i].ID
		if _, known := r.Coverage.Rules[id]; !known {
			r.Coverage.Rules[id] = reports.RuleCoverage{Applicable: model.Rules[i].Everywhere(), Why: "not tried"}
		}
	}
	reports.Judge(r)
	shown := string(textOf(t, r, text.Options{}))
	output := rendered(t, func(w io.Writer, r *reports.Report) error { return html.Write(w, r) }, r)
	states, applicable, judged := r.Normalized().Coverage.Counts()
	for state, n := range states {
		assert.Contains(t, shown, fmt.Sprintf("%s %d", state, n))
		assert.Contains(t, output, fmt.Sprintf("%s <b>%d</b>", state, n))
	}
	assert.Contains(t, output, fmt.Sprintf("<b>%d</b> <span>rules judged</span> <small>of %d that apply</small>", judged, applicable))
	assert.Contains(t, shown, ": 4 divergences from 4 rules")
	assert.Contains(t, output, ">It diverges: 4 divergences from 4 rules</h1>")
}

// TestHTMLTellsDivergencesOfARuleApart: its list of contents has what each is about.
func TestHTMLTellsDivergencesOfARuleApart(t *testing.T) {
	r := diverging()
	d := r.Divergences[0]
	d.Rule, r.Divergences = model.WireWrongType, nil
	for _, member := range []string{"EventDataStore", "InsightType"} {
		d.Signature = "wire/wrong-type|PutInsightSelectors|A|B|" + member
		r.Divergences = append(r.Divergences, d)
	}
	output := rendered(t, func(w io.Writer, r *reports.Report) error { return html.Write(w, r) }, r)
	assert.Contains(t, output, "wire/wrong-type <small>Put: EventDataStore</small>")
	assert.Contains(t, output, "wire/wrong-type <small>Put: InsightType</small>")
}

func TestHTMLShowsWhatTheReportSays(t *testing.T) {
	text := htmlOf(t, everything())
	for _, want := range []string{
		"It diverges: 5 divergences from 4 rules", "Every faulty machine with up to one extra state would have been caught.", "known to the baseline: issue 17",
		"seen, but not again on a fresh world", "confirmed; does not fail the run", "2,400 of 3,072", "reads that never matched",
		"<code>conform replay d3e4f5 --endpoint http://127.0.0.1:5000</code>", "<code>conform export kept/d.json --as awscli</code>", "--as boto3", "#!/usr/bin/env bash", "import boto3", "API reference page of PutInsightSelectors", "the target has one Region",
		"expired, stale", "there is no such request", "answers carry no request id",
	} {
		assert.True(t, strings.Contains(text, want), want)
	}
	for _, state := range []string{"violated", "deviates", "kept", "not judged", "not covered"} {
		assert.True(t, strings.Contains(text, ": "+state+", "), "no rule is %s", state)
	}
}

func BenchmarkHTML(b *testing.B) {
	r := large()
	for b.Loop() {
		if err := html.Write(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}

func TestChartsOfOddRuns(t *testing.T) {
	for _, timeline := range [][]reports.Interval{
		nil, {{}}, {{Requests: 1}}, {{Seconds: 0}, {Seconds: 0}}, {{Seconds: 0, Requests: 5, MeanMS: 0.2, SlowMS: 0.2}, {Seconds: 0.1}},
		{{Seconds: 0, Requests: 1 << 40, MeanMS: 1e300, SlowMS: 1e301}, {Seconds: 3600}}, {{Seconds: 0, MeanMS: -4}, {Seconds: -1}},
	} {
		r := conforming()
		r.Timeline = timeline
		text := htmlOf(t, r)
		assert.Empty(t, regexp.MustCompile(`NaN|Inf[^o]|%!`).FindString(scriptElement.ReplaceAllString(text, "")))
		wellFormed(t, text)
	}
}

func TestPicturesOfOddWalks(t *testing.T) {
	for _, odd := range []*reports.Walk{nil, {}, {States: []reports.WalkState{{Row: "++++"}}, Inputs: []string{"a"}}, {States: make([]reports.WalkState, 10_000), Inputs: []string{"a"}},
		{States: []reports.WalkState{{On: "ApiCallRateInsight", Logs: "?", Row: "+"}}, Inputs: []string{"Put x", "y"}}} {
		r := conforming()
		r.Coverage.Walk = odd
		wellFormed(t, htmlOf(t, r))
	}
}

func TestComparison(t *testing.T) {
	text := htmlOf(t, conforming(), everything(), everything())
	assert.True(t, strings.Contains(text, "3 reports"), "3 reports")
	assert.True(t, strings.Contains(text, `<a href="#r2-d`), `<a href="#r2-d`)
	assert.True(t, strings.Contains(text, `<a href="#r3-d`), `<a href="#r3-d`)
	assert.True(t, strings.Contains(text, "conform: 3 reports compared"), "conform: 3 reports compared")
	same := htmlOf(t, conforming(), conforming())
	assert.True(t, strings.Contains(same, "They agree on all"), "They agree on all")
}
