package reports

import (
	"cmp"
	"slices"
	"strings"
)

// Change is what became of a divergence between two runs against a target that its author works on.
type Change struct {
	What       string // one of the following
	Divergence Divergence
	Why        string // what else there is to say, such as what it answers now
}

// What may become of a divergence, in the order in which it is shown.
const (
	ChangeFixed   = "fixed"       // its steps were played again and do not show it any more
	ChangeNew     = "new"         // it was not known
	ChangeOther   = "changed"     // its steps show something else, which may be new
	ChangeUnclear = "not tried"   // it was not seen, and nothing says that it is fixed
	ChangeStill   = "still there" // it shows as before
)

var changeOrder = []string{ChangeFixed, ChangeNew, ChangeOther, ChangeUnclear, ChangeStill}

// Known reports whether the divergence is there, as far as is known.
func (c Change) Known() bool { return c.What != ChangeFixed && c.What != ChangeOther }

// Changes says what became of the divergences that were known, whose traces the run has replayed, and which are new to it.
// Only what was replayed and does not show any more is fixed: that no suite has met it says nothing.
func Changes(known []Divergence, now *Report) (out []Change) {
	for _, d := range known {
		out = append(out, now.became(d))
	}
	for _, d := range now.Divergences {
		if !slices.ContainsFunc(known, func(o Divergence) bool { return o.Signature == d.Signature }) {
			out = append(out, Change{What: ChangeNew, Divergence: d})
		}
	}
	slices.SortStableFunc(out, func(a, b Change) int {
		return cmp.Or(slices.Index(changeOrder, a.What)-slices.Index(changeOrder, b.What),
			cmp.Compare(b.Divergence.Level, a.Divergence.Level), strings.Compare(a.Divergence.Signature, b.Divergence.Signature))
	})
	return out
}

// became says what has become of a divergence in a run.
func (r *Report) became(d Divergence) Change {
	for _, o := range r.Divergences {
		switch {
		case o.Signature == d.Signature:
			return Change{What: ChangeStill, Divergence: o}
		case slices.Contains(o.Also, d.Signature):
			return Change{What: ChangeStill, Divergence: d, Why: "it follows from " + string(o.Rule)}
		}
	}
	change := Change{What: ChangeUnclear, Divergence: d, Why: "its steps were not played again"}
	i := slices.IndexFunc(r.Replays, func(p Replay) bool { return p.Signature == d.Signature })
	if i < 0 {
		return change
	}
	switch replay := r.Replays[i]; {
	case replay.Outcome == ReplayDiverges:
		change = Change{What: ChangeStill, Divergence: d}
	case replay.Outcome == ReplayDifferent:
		change = Change{What: ChangeOther, Divergence: d, Why: replay.Why}
	case replay.Outcome == ReplayFixed && d.Status == Confirmed && d.Rate == "" && !OfClients(d.Signature):
		change = Change{What: ChangeFixed, Divergence: d}
	case replay.Outcome == ReplayFixed:
		change.Why = "it comes and goes, and was not seen this time"
	default:
		change.Why = replay.Why
	}
	return change
}
