package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
)

// End says how a run ended: what its verdict rests on beside what was found and covered. A text says
// why; an empty one, that it did not happen.
type End struct {
	Interrupted string `json:"interrupted,omitempty"`
	Failed      string `json:"failed,omitempty"`  // the harness itself
	Refused     string `json:"refused,omitempty"` // for safety
	Misused     string `json:"misused,omitempty"` // wrong usage or configuration
	Lost        string `json:"lost,omitempty"`    // the target, or access to it
	// PutSucceeded says that a PutInsightSelectors succeeded.
	PutSucceeded bool `json:"put_succeeded"`
	// Resumed says that the run went on from an earlier report, and Joined that this is the report of several
	// runs. One that is resumed and not joined covers only what was left.
	Resumed bool `json:"resumed,omitempty"`
	Joined  bool `json:"joined,omitempty"`
	// MissingShards are the shares of the whole of which no report was joined.
	MissingShards []string `json:"missing_shards,omitempty"`
}

// The reasons of an interrupted run.
const (
	ReasonInterrupted = "interrupted before the end; run it again without interruption for a verdict"
	ReasonGoesOn      = "the run goes on, or was ended by force"
)

// Judge fills in Verdict, Reason, ExitCode and Partial from all else that a report holds. The report of
// a version that did not record how the run ended keeps what it has.
func Judge(r *Report) {
	if r.End == nil {
		return
	}
	f := factsOf(r)
	for _, row := range verdicts {
		if !row.holds(f) {
			continue
		}
		r.Verdict, r.Reason, r.ExitCode = row.verdict, row.reason(f), row.verdict.ExitCode()
		if row.exit != 0 {
			r.ExitCode = row.exit
		}
		e := r.End
		r.Partial = e.Interrupted+e.Failed+e.Refused+e.Misused+e.Lost != "" || len(e.MissingShards) > 0
		return
	}
}

// facts are what the verdict of a report depends on.
type facts struct {
	r                                 *Report
	failing, unrepeated, known, below int      // divergences
	stale                             []string // entries of the baseline
	applicable, exercised             int      // rules
}

func factsOf(r *Report) *facts {
	f := &facts{r: r}
	for _, d := range r.Divergences {
		switch {
		case r.FailsRun(d):
			f.failing++
		case d.Fails:
			f.unrepeated++
		}
		if d.Known {
			f.known++
		} else {
			f.below++
		}
	}
	for _, entry := range r.Baseline {
		if entry.Stale {
			f.stale = append(f.stale, fmt.Sprintf("%s (%s)", entry.Signature, entry.Mend))
		}
	}
	f.applicable, f.exercised, _ = r.Coverage.Counts()
	return f
}

// verdicts lists what a run may come to. The first row that holds decides; the last one always does.
var verdicts = []struct {
	verdict Verdict
	exit    int // where it is not that of the verdict
	holds   func(*facts) bool
	reason  func(*facts) string
}{
	{Interrupted, 0, func(f *facts) bool { return f.r.End.Interrupted != "" }, func(f *facts) string { return f.r.End.Interrupted }},
	{Failed, 0, func(f *facts) bool { return f.r.End.Failed != "" }, func(f *facts) string { return f.r.End.Failed }},
	{RefusedRun, 0, func(f *facts) bool { return f.r.End.Refused != "" }, func(f *facts) string { return f.r.End.Refused }},
	{Failed, ExitUsage, func(f *facts) bool { return f.r.End.Misused != "" }, func(f *facts) string { return f.r.End.Misused }},
	{Diverges, 0, func(f *facts) bool { return f.failing > 0 }, func(f *facts) string {
		return f.thenLost(fmt.Sprintf("%s at or above level %s", plain.Counted(f.failing, "divergence"), f.r.FailOn))
	}},
	{Diverges, 0, func(f *facts) bool { return len(f.stale) > 0 }, func(f *facts) string {
		entries := "1 stale entry"
		if n := len(f.stale); n > 1 {
			entries = fmt.Sprintf("%d stale entries", n)
		}
		return f.thenLost(fmt.Sprintf("the baseline has %s: %s", entries, strings.Join(f.stale, "; ")))
	}},
	{Inconclusive, 0, func(f *facts) bool { return f.r.End.Lost != "" }, func(f *facts) string { return f.r.End.Lost }},
	{Inconclusive, 0, func(f *facts) bool { return len(f.r.End.MissingShards) > 0 }, func(f *facts) string {
		return "no report of shard " + strings.Join(f.r.End.MissingShards, ", ") + " was given"
	}},
	{Inconclusive, 0, func(f *facts) bool { return f.unrepeated > 0 }, func(*facts) string {
		return "divergences that did not repeat, on a target that may answer late; run it again"
	}},
	{Inconclusive, 0, func(f *facts) bool { return !f.can(model.CanPut) }, func(f *facts) string {
		return "the target does not offer PutInsightSelectors: " + f.whyNot(model.CanPut)
	}},
	{Inconclusive, 0, func(f *facts) bool { return !f.can(model.CanCreate) && !f.can(model.CanStores) }, func(f *facts) string {
		return "no trail could be made to test on: " + f.whyNot(model.CanCreate)
	}},
	{Inconclusive, 0, func(f *facts) bool { return !f.r.End.PutSucceeded }, func(*facts) string {
		return "no PutInsightSelectors ever succeeded; see what the target answers with --report json=PATH, and whether it needs --bucket or credentials"
	}},
	{Inconclusive, 0, (*facts).unfinished, func(f *facts) string {
		executed, tests := f.completeTests()
		return fmt.Sprintf("%d of %s of the complete suites executed; go on with --resume", executed, plain.Counted(tests, "test"))
	}},
	{Inconclusive, 0, (*facts).fewRules, func(f *facts) string {
		return fmt.Sprintf("only %d of %d applicable rules were exercised; raise --requests or --time, and keep the systematic suite", f.exercised, f.applicable)
	}},
	{Conforms, 0, func(f *facts) bool { return f.known > 0 && f.below > 0 }, func(f *facts) string {
		return fmt.Sprintf("nothing new at or above level %s; the baseline knows %s, and %d stand below that level", f.r.FailOn, plain.Counted(f.known, "divergence"), f.below)
	}},
	{Conforms, 0, func(f *facts) bool { return f.known > 0 }, func(f *facts) string {
		return "nothing new; the baseline knows " + plain.Counted(f.known, "divergence")
	}},
	{Conforms, 0, func(f *facts) bool { return f.below > 0 }, func(f *facts) string {
		return fmt.Sprintf("no divergence at or above level %s; %s below it", f.r.FailOn, plain.Counted(f.below, "divergence"))
	}},
	{Conforms, 0, func(f *facts) bool { return f.r.Shard != "" }, func(f *facts) string {
		return fmt.Sprintf("no divergence was found in shard %s; 'conform merge' joins the reports of all", f.r.Shard)
	}},
	{Conforms, 0, func(f *facts) bool { return len(f.r.Certificates) > 0 }, func(*facts) string {
		return "no divergence was found; the certificates say what that guarantees"
	}},
	{Conforms, 0, func(*facts) bool { return true }, func(*facts) string {
		return "no divergence was found among the requests that were tried"
	}},
}

// thenLost adds to a reason that the target was lost afterwards.
func (f *facts) thenLost(reason string) string {
	if f.r.End.Lost != "" {
		reason += "; then " + f.r.End.Lost
	}
	return reason
}

func (f *facts) can(c model.Capability) bool { return f.r.Capabilities[string(c)] == Covered }

func (f *facts) whyNot(c model.Capability) string {
	if len(f.r.Capabilities) == 0 {
		return "nothing could be tried"
	}
	return f.r.NotCovered[string(c)]
}

// suiteComplete is the name of the complete suites.
const suiteComplete = "complete"

// unfinished reports whether the complete suites were cut short, where nothing else was to be run.
func (f *facts) unfinished() bool {
	return slices.Contains(f.r.CutShort, suiteComplete) && len(f.r.Suites) == 1
}

// completeTests counts the executed tests of the complete suites, and all that were to be executed.
func (f *facts) completeTests() (executed, tests int) {
	for i := range f.r.Certificates {
		c := &f.r.Certificates[i]
		executed, tests = executed+c.Executed(), tests+c.share()
	}
	return executed, tests
}

// fewRules reports whether too little was covered to say anything. A share of a run and what was left of
// an earlier one are not asked to cover much; complete suites say for themselves what they cover.
func (f *facts) fewRules() bool {
	return 2*f.exercised < f.applicable && len(f.r.Certificates) == 0 && f.r.Shard == "" && (!f.r.End.Resumed || f.r.End.Joined)
}

// ending is how a run ended. Of a report that does not say so, it is what the verdict shows.
func (r *Report) ending() End {
	if r.End != nil {
		return *r.End
	}
	e := End{PutSucceeded: !strings.HasPrefix(r.Reason, "no PutInsightSelectors")}
	switch {
	case r.Verdict == Interrupted:
		e.Interrupted = r.Reason
	case r.ExitCode == ExitUsage:
		e.Misused = r.Reason
	case r.Verdict == Failed, r.ExitCode == ExitFailed:
		e.Failed = r.Reason
	case r.Verdict == RefusedRun:
		e.Refused = r.Reason
	case r.Partial:
		e.Lost = r.Reason
		if _, then, ok := strings.Cut(r.Reason, "; then "); ok {
			e.Lost = then
		}
	}
	return e
}
