package vectors

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

var search = flag.Bool("search", false, "look for the vectors anew, which takes minutes")

// The files that a search leaves: what vectors are made from, and under which rules runs report faults beside those that the
// faults name.
const (
	chosenFile  = "testdata/chosen.json"
	besidesFile = "testdata/besides.json"
)

// found is a divergence that a run against a wrong server has reported.
type found struct {
	Fault    string
	Rule     model.ID
	Level    model.Level
	Also     []string
	Requests []model.Request
}

// searchAll runs conform against each wrong server, and lists what it reports.
func searchAll(t *testing.T) (all []found) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	work := make(chan string)
	for range 2 {
		wait.Go(func() {
			for fault := range work {
				report, err := conform.Run(t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: fault}), conform.Options{Workers: 1,
					FailOn: model.Inferred, Suites: []string{conform.Systematic, conform.Random}, Requests: 12000})
				require.NoError(t, err)
				mu.Lock()
				for _, d := range report.Divergences {
					x := found{Fault: fault, Rule: d.Rule, Level: d.Level, Also: d.Also, Requests: requestsOf(d.Steps)}
					all = append(all, x)
				}
				mu.Unlock()
			}
		})
	}
	for _, f := range embedded.Faults {
		work <- f.Name
	}
	close(work)
	wait.Wait()
	place := func(x found) int {
		return slices.IndexFunc(embedded.Faults, func(f embedded.Fault) bool { return f.Name == x.Fault })
	}
	slices.SortStableFunc(all, func(a, b found) int { return place(a) - place(b) })
	return all
}

// reported lists the rules under which a run may report a fault.
type reported map[string][]model.ID

func reportedRules(all []found) reported {
	out := reported{}
	for _, f := range embedded.Faults {
		out[f.Name] = []model.ID{f.Rule}
	}
	for _, x := range all {
		out[x.Fault] = append(out[x.Fault], x.Rule)
		for _, signature := range x.Also {
			rule, _, _ := strings.Cut(signature, "|")
			out[x.Fault] = append(out[x.Fault], model.ID(rule))
		}
	}
	return out
}

// anything says that a fault shows now and then, wherever it is, so that any rule may be reported.
func anything(fault int) bool {
	return fault < len(embedded.Faults) && embedded.Faults[fault].Name == "one-get-in-25-is-wrong"
}

func newServer(o embedded.ServerOptions) http.Handler {
	server, err := embedded.NewServer(o)
	if err != nil {
		panic(err)
	}
	return server
}

// setOf renders what was chosen.
func setOf(list []chosen) *Set {
	set := &Set{}
	for _, c := range list {
		set.Vectors = append(set.Vectors, c.vector())
	}
	set.Vectors = append(set.Vectors, concurrentVectors()...)
	set.Index = index(set.Vectors)
	return set
}

// fails reports whether a vector by itself fails on a server with a fault, and where it ended if it did.
func fails(c chosen, fault string) (failing bool, ended, group int) {
	v := c.vector()
	set := &Set{Index: Index{Capabilities: capabilities(), Codes: Codes{Listed: listedCodes()}}, Vectors: []Vector{v}}
	r := newRunner(set, handled(newServer(embedded.ServerOptions{Fault: fault}), "123456789012"))
	r.alone = true
	for name := range set.Index.Capabilities {
		r.known[name] = ""
	}
	out := r.result(v.ID)
	if out.what != skipped {
		return out.what == failed, -1, 0
	}
	// Which way was it?
	states := c.worlds()
	for i := range r.reached {
		_, states = (&naming{}).follow(c.groups(states, c.Requests[i], false), c.Follow[i])
	}
	for i, g := range c.groups(states, c.Requests[r.reached], false) {
		if r.fits((&naming{stores: 9}).patterns([]Pattern{g.pattern})[0], v.Steps[r.reached], r.last) {
			return false, r.reached, i
		}
	}
	return false, -1, 0
}

// shaped gives a candidate the form in which it fails on its fault: what of the answer it is about, and which way it goes.
func shaped(c chosen, fault string) (chosen, bool) {
	forms := []about{aboutOf(c)}
	if forms[0] == aboutNames {
		forms = []about{"", aboutNames}
	}
	for i := range 2 * len(forms) {
		c.About, c.Whole, c.Follow = forms[i/2], i%2 == 1, nil
		for range 4 {
			ok, ended, group := fails(c, fault)
			if ok {
				return c, true
			} else if ended < 0 {
				break
			}
			follow := map[int]int{ended: group}
			for i, g := range c.Follow {
				follow[i] = g
			}
			c.Follow = follow
		}
	}
	return c, false
}

// candidates are what the search found, what judges the earlier steps of that, and what asks for an answer of any kind.
func candidates(all []found) (list []chosen) {
	seen, asked := map[string]bool{}, map[string]bool{}
	add := func(c chosen) {
		if key := c.key(); !seen[key] {
			seen[key], asked[requestsKey(c)] = true, true
			list = append(list, c)
		}
	}
	for _, x := range all {
		f, _ := embedded.FaultNamed(x.Fault)
		plain := chosen{Rule: x.Rule, Level: x.Level, Requests: x.Requests, Comment: "Fails where: " + f.Describe}
		c, ok := shaped(started(plain), x.Fault)
		if !ok {
			c, ok = shaped(plain, x.Fault)
		}
		if text, _ := json.Marshal(c.Requests); !ok || strings.Contains(string(text), "\ufffd") {
			continue
		}
		add(c)
	}
	for _, c := range inTheField() {
		add(c)
	}
	for _, c := range slices.Clone(list) {
		last := c.Requests[len(c.Requests)-1]
		if last.Op.Insights() && c.Rule == model.WireWrongType || c.Rule == model.WireUnknownMembers {
			c.Rule, c.About, c.Comment = model.WireNoCrash, aboutAnything, "Fails where this request gets a 5xx, no answer, or one that is no JSON."
			c.Level = model.RuleOf(c.Rule).LevelFor(model.NewState(&model.DefaultWorld), last)
			add(c)
		}
	}
	for _, c := range slices.Clone(list) {
		for n := 1; n < len(c.Requests); n++ {
			if p, ok := prefix(c, n); ok && !asked[requestsKey(p)] {
				add(p)
			}
		}
	}
	for _, c := range slices.Clone(list) { // who is to blame for what another one leaves
		v := c.vector()
		for _, p := range v.Steps[len(v.Steps)-1].Others {
			if len(c.Requests) <= mostTwins {
				twin := c
				twin.Rule, twin.Level, twin.About = p.Belongs, model.RuleOf(p.Belongs).Level, ""
				twin.Comment = "Fails where the last step is answered in a way that breaks this rule."
				add(twin)
			}
		}
	}
	order := func(c chosen) int {
		return slices.IndexFunc(model.Rules, func(r model.Rule) bool { return r.ID == c.Rule })
	}
	slices.SortStableFunc(list, func(a, b chosen) int {
		if order(a) != order(b) {
			return order(a) - order(b)
		}
		return len(a.Requests) - len(b.Requests)
	})
	return list
}

// mostTwins is how many steps a vector has at most that is made for what another one leaves.
const mostTwins = 3

func requestsKey(c chosen) string {
	c.Rule, c.About, c.Level = "", "", model.Documented
	return c.key()
}

// prefix is the vector that judges the n-th step of another one; ok is false where no rule speaks of that.
func prefix(c chosen, n int) (p chosen, ok bool) {
	last := c.Requests[n-1]
	if !last.Op.Insights() {
		return p, false
	}
	p = chosen{Requests: c.Requests[:n], Comment: "Fails where a request that longer vectors begin with is answered wrongly."}
	for i, g := range c.Follow {
		if i < n-1 {
			if p.Follow == nil {
				p.Follow = map[int]int{}
			}
			p.Follow[i] = g
		}
	}
	tracker := model.NewTracker(&model.DefaultWorld)
	var history []model.Exchange
	for i, r := range p.Requests {
		before := tracker.State()
		b := model.Step(before, r)[0]
		if i == n-1 {
			wrong := model.Refusal("ResourceNotFoundException")
			if b.Answer.Outcome == model.AnyRefusal || b.Answer.Outcome == model.AnyAnswer {
				return p, false
			}
			x := model.Exchange{Before: before, After: before, Request: r, Answer: wrong}
			f := model.Blame(append(history, x), tracker.Allowed(r))
			p.Rule, p.Level = f.Rule, f.Level
			return p, true
		}
		a := b.Answer
		switch a.Outcome {
		case model.AnySuccess, model.AnyAnswer:
			a.Outcome = model.Succeeded
		case model.AnyRefusal:
			a.Outcome = model.Refused
		}
		tracker.Follow(b.Next)
		history = append(history, model.Exchange{Before: before, After: b.Next, Request: r, Answer: a, Allowed: true})
	}
	return p, false
}

// matrix says what each vector comes to at each wrong server.
type matrix struct {
	t    *testing.T
	list []chosen
	ids  []string
	what [][]string   // by server, by vector
	may  [][]model.ID // the rules that a server may break
	each []bool       // whether each of these is to be shown, and not just one
}

func newMatrix(t *testing.T, list []chosen, may reported) *matrix {
	m := &matrix{t: t, list: list}
	for _, f := range embedded.Faults {
		m.may, m.each = append(m.may, may[f.Name]), append(m.each, false)
	}
	set := ofOneClient(setOf(list))
	var servers []http.Handler
	for _, f := range embedded.Faults {
		servers = append(servers, newServer(embedded.ServerOptions{Fault: f.Name}))
	}
	for _, p := range playAll(set, true, servers) {
		var row []string
		for _, v := range set.Vectors {
			row = append(row, p[v.ID].what)
		}
		m.what = append(m.what, row)
	}
	for _, v := range set.Vectors {
		m.ids = append(m.ids, v.ID)
	}
	return m
}

// own reports whether a vector's rule is one under which a fault may be reported.
func (m *matrix) own(fault, vector int) bool {
	return slices.Contains(m.may[fault], m.list[vector].Rule)
}

func stops(what string) bool { return what == failed || what == blocked }

// require finds out which vectors each one requires, so that it fails for its own rule alone, and no fault goes unnoticed.
func (m *matrix) require() {
	requires := make([][]int, len(m.list))
	var reaches func(from, to int) bool
	reaches = func(from, to int) bool {
		return from == to || slices.ContainsFunc(requires[from], func(next int) bool { return reaches(next, to) })
	}
	before := make([]int, len(m.what))
	for f := range m.what {
		before[f] = m.caught(f, requires)
	}
	unchanged := func(v int, good []int) bool { // where nothing requires v, only what it finds itself can be lost
		if slices.ContainsFunc(requires, func(list []int) bool { return slices.Contains(list, v) }) {
			good = make([]int, len(m.what))
			for f := range good {
				good[f] = f
			}
		}
		return !slices.ContainsFunc(good, func(f int) bool { return m.caught(f, requires) != before[f] })
	}
	for v := range m.list {
		var bad, good []int
		for f := range m.what {
			if m.what[f][v] == failed && m.own(f, v) {
				good = append(good, f)
			} else if m.what[f][v] == failed && !anything(f) {
				bad = append(bad, f)
			}
		}
		for len(bad) > 0 {
			w := -1
			for _, longer := range []int{0, 2, 100} {
				if w = m.best(v, bad, good, longer, reaches, func(w int) bool {
					requires[v] = append(requires[v], w)
					ok := unchanged(v, good)
					requires[v] = requires[v][:len(requires[v])-1]
					return ok
				}); w >= 0 {
					break
				}
			}
			if w < 0 {
				needed := slices.ContainsFunc(requires, func(list []int) bool { return slices.Contains(list, v) })
				rule := m.list[v].Rule
				m.list[v].Rule = dropped
				if needed || !unchanged(v, good) {
					m.list[v].Rule = rule
					m.t.Errorf("%s fails for faults of other rules: %v", m.ids[v], bad)
				}
				break
			}
			requires[v] = append(requires[v], w)
			bad = slices.DeleteFunc(bad, func(f int) bool { return stops(m.what[f][w]) })
		}
	}
	for v, list := range requires {
		m.list[v].Requires = nil
		slices.Sort(list)
		for _, w := range list {
			m.list[v].Requires = append(m.list[v].Requires, m.ids[w])
		}
	}
	m.list = slices.DeleteFunc(m.list, func(c chosen) bool { return c.Rule == dropped })
}

// best is the vector that covers the most of what is bad and hides the least of what is good, of those no more than so many
// steps longer; -1 where there is none.
func (m *matrix) best(v int, bad, good []int, longer int, reaches func(from, to int) bool, lossless func(w int) bool) int {
	type option struct {
		w     int
		score float64
	}
	var options []option
	for w := range m.list {
		count := func(faults []int) (n float64) {
			for _, f := range faults {
				if stops(m.what[f][w]) {
					n++
				}
			}
			return n
		}
		if len(m.list[w].Requests) > len(m.list[v].Requests)+longer || m.list[w].Rule == dropped {
			continue
		}
		if covers := count(bad); covers > 0 && !reaches(w, v) {
			options = append(options, option{w, covers - 0.9*count(good) - 0.01*float64(len(m.list[w].Requests))})
		}
	}
	slices.SortStableFunc(options, func(a, b option) int { return cmp.Compare(b.score, a.score) })
	if i := slices.IndexFunc(options, func(o option) bool { return lossless(o.w) }); i >= 0 {
		return options[i].w
	}
	return -1
}

// dropped is the rule of a vector that cannot be kept apart from other rules, and that nothing needs.
const dropped = "dropped"

// caught counts the rules that are shown to be broken, as they are to be, with what the vectors require.
func (m *matrix) caught(f int, requires [][]int) int {
	rules := map[model.ID]bool{}
	known := make([]int, len(m.list)) // 1 goes on, 2 stops
	var stopped func(v int) bool
	stopped = func(v int) bool {
		if known[v] == 0 {
			known[v] = 1
			if stops(m.what[f][v]) || slices.ContainsFunc(requires[v], stopped) {
				known[v] = 2
			}
		}
		return known[v] == 2
	}
	for v := range m.list {
		if m.what[f][v] == failed && m.own(f, v) && !slices.ContainsFunc(requires[v], stopped) {
			rules[m.list[v].Rule] = true
		}
	}
	if m.each[f] {
		return len(rules)
	}
	return min(1, len(rules))
}

func readChosen(t *testing.T) (list []chosen) {
	data, err := os.ReadFile(chosenFile)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &list))
	return list
}

func write(t *testing.T, list []chosen) {
	lines := make([]string, len(list))
	for i, c := range list {
		line, err := encode(c)
		require.NoError(t, err)
		lines[i] = string(line)
	}
	require.NoError(t, os.MkdirAll("testdata", 0o777))
	require.NoError(t, os.WriteFile(chosenFile, []byte("[\n"+strings.Join(lines, ",\n")+"\n]\n"), 0o666))
	files, err := setOf(list).Render()
	require.NoError(t, err)
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join("set", name), text, 0o666))
	}
}

// TestSearch looks for the vectors anew: what runs find at wrong servers and in released emulators, what judges the steps on the
// way there, and what each of them requires. It is for after a rule or a fault was added; the other tests need no search.
func TestSearch(t *testing.T) {
	if !*search {
		t.Skip("it takes minutes; -search asks for it")
	}
	var all []found
	if cache := os.Getenv("VECTORS_FOUND"); cache != "" {
		data, err := os.ReadFile(cache)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &all))
	} else {
		all = searchAll(t)
	}
	list := candidates(all)
	may := reportedRules(all)
	m := newMatrix(t, list, may)
	set := ofOneClient(setOf(list))
	addMoto(t, m, set)
	m.require()
	write(t, m.list)
	besides := reported{}
	for _, f := range embedded.Faults {
		for _, rule := range may[f.Name] {
			if rule != f.Rule && !slices.Contains(f.AlsoRules, rule) && !slices.Contains(besides[f.Name], rule) {
				besides[f.Name] = append(besides[f.Name], rule)
			}
		}
	}
	text, err := json.MarshalIndent(besides, "", " ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(besidesFile, append(text, '\n'), 0o666))
}

// fieldReport is the report of a run against a released emulator.
type fieldReport struct {
	Target      struct{ Label, Version string }
	Divergences []reports.Divergence
}

func readReport(path string) (report fieldReport) {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &report)
	}
	if err != nil {
		panic(err)
	}
	return report
}

// inTheField is what runs have found in released emulators.
func inTheField() (list []chosen) {
	paths, _ := filepath.Glob("../../docs/emulators/*.json")
	for _, path := range paths {
		report := readReport(path)
		for _, d := range report.Divergences {
			if rule := model.RuleOf(d.Rule); rule == nil || !rule.Everywhere() || d.Status != reports.Confirmed || strings.Contains(fmt.Sprint(d.Steps), "\ufffd") {
				continue
			}
			c := chosen{Rule: d.Rule, Level: d.Level, Requests: requestsOf(d.Steps),
				Comment: "Fails on " + report.Target.Label + " " + report.Target.Version + "."}
			c.About = aboutOf(c)
			if c.About == aboutNames {
				c.About = ""
			}
			list = append(list, started(c))
		}
	}
	return list
}

// started has every trail that is put to the test log from the start: what rules accept of a stopped one, many of them, would
// leave a vector nothing to say.
func started(c chosen) chosen {
	logs := func(r model.Request) bool { return r.Op == model.OpStart || r.Op == model.OpStop }
	puts := func(r model.Request) bool { return r.Op == model.OpPut && r.Input.Get("TrailName").Given() }
	if c.Rule == model.LogsPutStopped || slices.ContainsFunc(c.Requests, logs) || !slices.ContainsFunc(c.Requests, puts) {
		return c
	}
	made := map[string]bool{}
	var out []model.Request
	for _, r := range c.Requests {
		name := r.Input.Get("Name").Text()
		out = append(out, r)
		if key := r.Region + "/" + name; r.Op == model.OpCreate && model.ValidTrailName(name) && !made[key] {
			made[key] = true
			out = append(out, generators.In(r.Region, generators.Start(name)))
		} else if r.Op == model.OpDelete {
			delete(made, key)
		}
	}
	c.Requests = out
	return c
}

func requestsOf(steps []reports.Step) (out []model.Request) {
	for _, s := range steps {
		out = append(out, model.Request{Op: model.Op(s.Operation), Region: s.Region, Input: s.Request, Raw: s.Raw, Method: s.Method, OtherTarget: s.OtherTarget})
	}
	return out
}

// addMoto adds a real emulator, of which a run has reported rules.
func addMoto(t *testing.T, m *matrix, set *Set) {
	report := readReport("../../docs/emulators/moto-5.2.5.json")
	var rules []model.ID
	for _, d := range report.Divergences {
		rules = append(rules, d.Rule)
	}
	r := newRunner(set, served(mototest.Start(t)))
	r.s3, r.alone = true, true
	r.makeBucket("/conform-bucket")
	var row []string
	for _, v := range set.Vectors {
		row = append(row, r.result(v.ID).what)
	}
	m.what, m.may, m.each = append(m.what, row), append(m.may, rules), append(m.each, true)
	shown := map[model.ID]int{}
	for v := range m.list {
		if row[v] == failed {
			shown[m.list[v].Rule]++
		}
	}
	for _, id := range rules {
		if shown[id] == 0 {
			t.Errorf("no vector shows %s on moto", id)
		}
	}
}
