package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/insightconform/conform/internal/selftest"
	"github.com/insightconform/conform/targets/embedded"
)

// page is docs/comparison.md.
type page struct {
	settings   *settings
	hypothesis string // its version
	seeds      int    // that were run
	outcomes   map[string]map[string]*outcome
}

// outcome is what one tool made of one fault with all seeds.
type outcome struct {
	caught                       int
	requests                     float64 // median, with the budget for what was not found
	executions, reducing, length float64 // of what was reduced; NaN where nothing was
	all                          []result
}

func (p *page) add(results []result) {
	p.outcomes = map[string]map[string]*outcome{}
	for _, r := range results {
		if p.outcomes[r.fault] == nil {
			p.outcomes[r.fault] = map[string]*outcome{}
		}
		o := p.outcomes[r.fault][r.tool]
		if o == nil {
			o = &outcome{}
			p.outcomes[r.fault][r.tool] = o
		}
		o.all = append(o.all, r)
		p.seeds = max(p.seeds, len(o.all))
	}
	for _, byTool := range p.outcomes {
		for _, o := range byTool {
			o.summarize(float64(p.settings.budget))
		}
	}
}

func (o *outcome) summarize(budget float64) {
	var requests, executions, reducing, length []float64
	for _, r := range o.all {
		if !r.found {
			requests = append(requests, budget)
			continue
		}
		o.caught++
		requests = append(requests, float64(r.requests))
		if !r.reduced {
			continue
		}
		executions, reducing, length = append(executions, float64(r.executions)), append(reducing, float64(r.reducing)), append(length, float64(r.length))
	}
	o.requests, o.executions, o.reducing, o.length = median(requests), median(executions), median(reducing), median(length)
}

// note says why a tool has missed a fault, where it said so itself.
func (o *outcome) note() string {
	for _, r := range o.all {
		if r.note != "" {
			return "; it says: " + r.note
		}
	}
	return ""
}

// median of numbers, NaN where there are none.
func median(numbers []float64) float64 {
	if len(numbers) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(numbers))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// geometricMean of positive numbers.
func geometricMean(numbers []float64) float64 {
	sum := 0.0
	for _, x := range numbers {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(numbers)))
}

// number writes a count without decimals, a missing one as a dash.
func number(x float64) string {
	if math.IsNaN(x) {
		return "–"
	}
	return fmt.Sprintf("%.0f", x)
}

// summary is one tool over some faults.
type summary struct {
	caught, runs                 int
	mean                         float64 // geometric, of requests
	ratio                        float64 // of this mean to conform's
	executions, reducing, length float64 // medians
}

func (p *page) summarize(tool string, faults []embedded.Fault) summary {
	var s summary
	var requests, own, executions, reducing, length []float64
	for _, f := range faults {
		o := p.outcomes[f.Name][tool]
		s.caught += o.caught
		s.runs += len(o.all)
		requests = append(requests, o.requests)
		if c := p.outcomes[f.Name][toolConform]; c != nil {
			own = append(own, c.requests)
		}
		if p.comparable(f) {
			executions, reducing, length = append(executions, o.executions), append(reducing, o.reducing), append(length, o.length)
		}
	}
	s.mean = geometricMean(requests)
	s.ratio = s.mean / geometricMean(own)
	s.executions, s.reducing, s.length = median(executions), median(reducing), median(length)
	return s
}

// comparable reports whether all tools have found and reduced a fault.
func (p *page) comparable(f embedded.Fault) bool {
	for _, tool := range p.settings.tools {
		if math.IsNaN(p.outcomes[f.Name][tool].length) {
			return false
		}
	}
	return true
}

// aimed is how many times conform's requests the others should need at least.
const aimed = 3

func (p *page) render(w io.Writer) error {
	var b strings.Builder
	p.intro(&b)
	p.summary(&b)
	p.families(&b)
	p.shortcomings(&b)
	p.limits(&b)
	p.everyFault(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *page) intro(b *strings.Builder) {
	s := p.settings
	versions := "rapid as in go.mod"
	if p.hypothesis != "" {
		versions = "Hypothesis " + p.hypothesis + ", " + versions
	}
	left := ""
	if len(s.excluded) > 0 {
		left = fmt.Sprintf("; %d cannot, and are left out:\n%s", len(s.excluded), s.why())
	}
	fmt.Fprintf(b, `# Comparison with Hypothesis and rapid

How soon does conform notice that an implementation is wrong, beside what one would use instead? This
page is written by a program; it ran with %s and %s.

    %s

## What is compared

- **conform** with its default options, one world at a time, until its first divergence, which it then
  confirms and reduces.
- **Hypothesis**: a RuleBasedStateMachine, [state_machine.py](../bench/hypothesis/state_machine.py).
- **rapid**: a state machine for T.Repeat, [rapid.go](../bench/rapid.go).

All three talk over HTTP on loopback to the same server, the embedded one with one of its seeded faults
(`+"`conform serve --fault list`"+` lists them). A counter in front of the server counts their requests alike,
those with which conform finds out what the server can do included. Each case starts in an empty
account, which costs no tool a request.

The alphabet is the same: CreateTrail, UpdateTrail, DeleteTrail, StartLogging, StopLogging, PutEventSelectors
(every class of what a trail logs, basic and advanced), PutInsightSelectors, GetInsightSelectors and the
other reads on up to %d trails in one Region, by name and by ARN, with the values of conform's own
generators: sets of selectors, their variants, malformed ones, wrong names and ARNs, malformed requests.
The state machines choose from the very lists that the generators have. Event data stores, other Regions and
the conditions of buckets, keys and accounts are hidden from conform, too.
%s can show within this alphabet%s.

The oracle is the same: the model behind conform judges each answer to the state machines in a header, at
every level, so that what is compared is exploration and reduction alone. Without that, whoever writes a
state machine writes the rules, too.

The state machines are as a user who knows the library would write them. There is one rule or action for
each thing that can be done, a good third of them Puts; a new trail is started at once; nothing is tried on
trails that are not there, except where that is the point; each write is followed by a Get. Hypothesis has
its default settings but for these: as many examples as the budget allows; no deadline, database or health
checks; no looking for further bugs, as there is but one assertion. rapid has its defaults but for the number
of checks. The budget is %d requests until the first detection, and %d more for reducing. What is not found
within the budget counts with the budget, which flatters the tool that has missed it. For each fault the
median of the seeds counts; what was found is reduced with the first seed alone.

`, plural(p.seeds, "seed"), versions, s.command, maxTrails, plural(len(s.faults), "fault"), left, s.budget, s.reduce)
}

func bracketed(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return " [" + number(x) + "]"
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func (p *page) summary(b *strings.Builder) {
	b.WriteString("## Result\n\n")
	b.WriteString("| tool | caught | requests to first detection | against conform | reduced case | executions to reduce | requests to reduce |\n|---|---|---|---|---|---|---|\n")
	var falls []string
	for _, tool := range p.settings.tools {
		s := p.summarize(tool, p.settings.faults)
		fmt.Fprintf(b, "| %s | %d of %d | %s | %s | %s | %s | %s |\n", tool, s.caught, s.runs, number(s.mean), times(s.ratio), number(s.length), number(s.executions), number(s.reducing))
		if tool != toolConform && s.ratio < aimed {
			falls = append(falls, fmt.Sprintf("%s needs %.1f times as many", tool, s.ratio))
		}
	}
	compared := 0
	for _, f := range p.settings.faults {
		if p.comparable(f) {
			compared++
		}
	}
	fmt.Fprintf(b, "\nRequests to first detection are geometric means over the faults. The other columns are medians over the %s that\n"+
		"every tool has found and had the time to reduce; the length of a reduced case is its number of requests, reads included.\n\n", plural(compared, "fault"))
	if !slices.Contains(p.settings.tools, toolConform) {
		return
	}
	p.halves(b)
	if len(falls) > 0 {
		fmt.Fprintf(b, "The aim was that conform needs at most a third of the requests. **It is missed**: %s.\n\n", strings.Join(falls, ", "))
	} else {
		b.WriteString("The aim, that conform needs at most a third of the requests, is met.\n\n")
	}
}

// halves tells how much sooner conform meets those faults from which its early histories are made.
func (p *page) halves(b *strings.Builder) {
	making, _ := selftest.Halves()
	var seen, unseen []embedded.Fault
	for _, f := range p.settings.faults {
		if slices.ContainsFunc(making, func(o embedded.Fault) bool { return o.Name == f.Name }) {
			seen = append(seen, f)
		} else if !f.Computed {
			unseen = append(unseen, f)
		}
	}
	if len(seen) == 0 || len(unseen) == 0 {
		return
	}
	x, y := p.summarize(toolConform, seen).mean, p.summarize(toolConform, unseen).mean
	fmt.Fprintf(b, "conform's early histories are made from half of the faults. %d of that half are here: they take conform %s requests in the\n"+
		"geometric mean, and the %d of the other half %s, %.1f times as many.\n\n", len(seen), number(x), len(unseen), number(y), y/x)
}

func times(x float64) string {
	if math.IsNaN(x) {
		return "–"
	}
	return fmt.Sprintf("%.1f ×", x)
}

func (p *page) familiesOf() (names []string, faults map[string][]embedded.Fault) {
	faults = map[string][]embedded.Fault{}
	for _, f := range p.settings.faults {
		name := family(f)
		if faults[name] == nil {
			names = append(names, name)
		}
		faults[name] = append(faults[name], f)
	}
	return names, faults
}

func (p *page) families(b *strings.Builder) {
	b.WriteString("## By family\n\nFaults by the family of the rule that they break; *deep* ones show only after some history.\nEach cell: geometric mean of requests to first detection, and how many runs caught the fault where not all did.\n\n| family | faults |")
	for _, tool := range p.settings.tools {
		fmt.Fprintf(b, " %s |", tool)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(p.settings.tools)) + "\n")
	names, faults := p.familiesOf()
	for _, name := range names {
		fmt.Fprintf(b, "| %s | %d |", name, len(faults[name]))
		for _, tool := range p.settings.tools {
			s := p.summarize(tool, faults[name])
			fmt.Fprintf(b, " %s%s |", number(s.mean), unlessAll(s.caught, s.runs))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

func unlessAll(caught, runs int) string {
	if caught == runs {
		return ""
	}
	return fmt.Sprintf(" (%d of %d)", caught, runs)
}

// shortcomings says where conform is no better than the others.
func (p *page) shortcomings(b *strings.Builder) {
	if !slices.Contains(p.settings.tools, toolConform) || len(p.settings.tools) < 2 {
		return
	}
	b.WriteString("## Where conform is worse\n\n")
	for _, tool := range p.settings.tools {
		if tool == toolConform {
			continue
		}
		var slower []string
		type lag struct {
			name  string
			ratio float64
		}
		var lags []lag
		for _, f := range p.settings.faults {
			if ratio := p.outcomes[f.Name][toolConform].requests / p.outcomes[f.Name][tool].requests; ratio > 1 {
				lags = append(lags, lag{f.Name, ratio})
			}
		}
		slices.SortStableFunc(lags, func(x, y lag) int { return cmp.Compare(y.ratio, x.ratio) })
		for _, l := range lags[:min(5, len(lags))] {
			slower = append(slower, fmt.Sprintf("%s (%.1f times)", l.name, l.ratio))
		}
		fmt.Fprintf(b, "- %s is the first to notice %d of the %d faults", tool, len(lags), len(p.settings.faults))
		if len(slower) > 0 {
			fmt.Fprintf(b, ", by most: %s", strings.Join(slower, ", "))
		}
		b.WriteString(".\n")
	}
	for _, tool := range p.settings.tools {
		var missed []string
		for _, f := range p.settings.faults {
			if o := p.outcomes[f.Name][tool]; o.caught < len(o.all) {
				missed = append(missed, fmt.Sprintf("%s (%d of %d%s)", f.Name, o.caught, len(o.all), o.note()))
			}
		}
		if len(missed) > 0 {
			fmt.Fprintf(b, "- %s does not always catch within the budget: %s.\n", tool, strings.Join(missed, ", "))
		} else {
			fmt.Fprintf(b, "- %s catches every fault with every seed.\n", tool)
		}
	}
	b.WriteString(`
conform begins in the same order every time: with early histories, of which each request was chosen for what it newly
tells of half of the faults, and what it asks to find out what the server can do is between them. Then it breaks each error
rule by itself, plays short histories, goes through classes of values and pairs of broken rules, and walks the transitions
of a trail; random exploration comes last. A fault that any of many requests shows is met sooner by chance, and one that only
a late part shows costs all that comes before. In return, what the systematic suite finds it finds every time.

`)
}

func (p *page) limits(b *strings.Builder) {
	b.WriteString(`## Limits

- The faults are this project's own, and conform was made with them in view. Faults that nobody thought of may
  rank the tools otherwise.
- The faults are not independent: many follow from the table of rules, and with one seed a tool sends the same
  requests to each until it notices. A few seeds leave much to chance.
- The state machines get conform's values and its model for nothing. Without the model they would need an oracle of
  their own, and without the values many faults would not show at all.
- conform's systematic suite depends on no seed: where it finds the fault, its seeds agree.
- Executions after the first detection: for Hypothesis and rapid, all attempts at reducing it and the final
  replay; for conform, confirming, the control experiments that find the rule to blame, and shrinking.
- An execution is one case from an empty account. Where the budget for reducing ended before the tool did, the
  length is that of the shortest failing case so far.
- Requests are what a real account or a slow emulator is short of; time is not measured.

`)
}

func (p *page) everyFault(b *strings.Builder) {
	b.WriteString("## Every fault\n\nMedian requests to first detection, and how many runs caught the fault where not all did; in brackets\nthe length of the reduced case.\n\n| fault | rule |")
	for _, tool := range p.settings.tools {
		fmt.Fprintf(b, " %s |", tool)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(p.settings.tools)) + "\n")
	for _, f := range p.settings.faults {
		fmt.Fprintf(b, "| %s | `%s` |", f.Name, f.Rule)
		for _, tool := range p.settings.tools {
			o := p.outcomes[f.Name][tool]
			if o.caught == 0 {
				b.WriteString(" – |")
				continue
			}
			fmt.Fprintf(b, " %s%s%s |", number(o.requests), unlessAll(o.caught, len(o.all)), bracketed(o.length))
		}
		b.WriteString("\n")
	}
}
