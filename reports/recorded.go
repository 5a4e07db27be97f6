package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/insightconform/conform/reports/plain"
)

// Recorded says, of a report for which nothing was sent, what was judged.
type Recorded struct {
	Files     map[string]int `json:"files"`     // of each format
	Exchanges int            `json:"exchanges"` // calls of the operations that conform knows
	Judged    int            `json:"judged"`    // of them, those whose answer was held against the model
	// NotJudged counts the others, by the reason.
	NotJudged map[string]int `json:"not_judged,omitempty"`
	Others    int            `json:"others"`            // calls of other operations or services
	Doubled   int            `json:"doubled,omitempty"` // that were there twice
	Gaps      int            `json:"gaps,omitempty"`    // times in which calls may be missing
	// Skipped is what could not be read, by the reason.
	Skipped []RecordedSkip `json:"skipped,omitempty"`
}

// RecordedSkip is what could not be read of recordings, for one reason.
type RecordedSkip struct {
	Reason string `json:"reason"`
	Count  int    `json:"count"`
	At     string `json:"at"` // the first place
}

// Skip notes what could not be read, or judged, for a reason.
func (r *Recorded) Skip(why string, count int) {
	if r.NotJudged == nil {
		r.NotJudged = map[string]int{}
	}
	r.NotJudged[why] += count
}

// Reasons lists why exchanges were not judged, the most frequent first.
func (r *Recorded) Reasons() []string {
	return slices.SortedFunc(maps.Keys(r.NotJudged), func(a, b string) int {
		return cmp.Or(r.NotJudged[b]-r.NotJudged[a], cmp.Compare(a, b))
	})
}

// nothing says why nothing was judged; empty where something was.
func (r *Recorded) nothing() string {
	if r == nil || r.Judged > 0 {
		return ""
	}
	switch reasons := r.Reasons(); {
	case len(reasons) > 0:
		return "nothing could be judged: " + reasons[0]
	case len(r.Skipped) > 0:
		return fmt.Sprintf("nothing could be judged: %s (%s)", r.Skipped[0].Reason, r.Skipped[0].At)
	}
	return "nothing could be judged: there is no call of PutInsightSelectors, or of what concerns it, in what was read"
}

// Summary says how much was judged.
func (r *Recorded) Summary() string {
	return fmt.Sprintf("%s of %s judged", plain.Grouped(r.Judged), plain.Counted(r.Exchanges, "call"))
}

// agrees says that nothing that was judged contradicts a rule.
func (r *Recorded) agrees() string {
	if r == nil {
		return ""
	}
	return r.Summary() + ", and none contradicts a rule"
}

// AddRecorded adds a divergence that was found in what was recorded; one that is there already is counted.
func (r *Report) AddRecorded(d Divergence) {
	d.Fails = d.Level >= r.FailOn
	if i := slices.IndexFunc(r.Divergences, func(o Divergence) bool { return o.Signature == d.Signature }); i >= 0 {
		r.Divergences[i].Count += d.Count
	} else {
		r.Divergences = append(r.Divergences, d)
	}
	r.Coverage.Rules[d.Rule] = RuleCoverage{Applicable: true, Exercised: true, Violated: true}
}
