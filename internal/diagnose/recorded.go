package diagnose

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// Recorded is a divergence of an earlier run, as a trace or a baseline has it.
type Recorded struct {
	Signature string
	Raw       string // the signature that a replay shows, where it is another one
	Needs     []model.Capability
	Requests  []model.Request
	Tries     int // how often it may run without diverging
}

// OfTrace is what a trace records.
func OfTrace(t *reports.Trace) Recorded {
	r := Recorded{Signature: t.Signature, Raw: t.Raw, Needs: t.Needs, Tries: 1}
	if t.Status == reports.Unrepeated {
		r.Tries = maxTries
	}
	for _, s := range t.Steps {
		r.Requests = append(r.Requests, s.ModelRequest())
	}
	return r
}

// OfBaseline is what an entry of a baseline records.
func OfBaseline(e *reports.BaselineEntry) Recorded {
	r := Recorded{Signature: e.Signature, Raw: e.Raw, Needs: e.Needs, Requests: e.Steps, Tries: 1}
	if e.Seen != "" {
		r.Tries = 3 * maxTries // it comes and goes: only a long silence says that it is gone
	}
	return r
}

// Replay plays a recorded divergence until it shows, or as often as it may hide, and says what became of it.
func (p *Player) Replay(ctx context.Context, r Recorded) reports.Replay {
	out := reports.Replay{Signature: r.Signature, Outcome: reports.ReplayFixed}
	for _, need := range r.Needs {
		if !p.Client.Can(need) {
			out.Outcome, out.Why = reports.ReplayNotCovered, "the target has no "+string(need)
			return out
		}
	}
	raw := r.Raw
	if raw == "" {
		raw = r.Signature
	}
	for range r.Tries {
		s, err := p.Play(ctx, r.Requests, nil)
		switch {
		case err != nil:
			out.Outcome, out.Why = reports.ReplayNotCovered, err.Error()
			return out
		case slices.ContainsFunc(s.Found, signed(raw)):
			out.Outcome, out.Why = reports.ReplayDiverges, ""
			return out
		case len(s.Found) > 0:
			f := s.Found[len(s.Found)-1]
			out.Outcome, out.Why = reports.ReplayDifferent, fmt.Sprintf("%s: %s instead of %s", f.Rule, f.Actual, strings.Join(f.Expected[:min(1, len(f.Expected))], ""))
		case s.Lost != "" || len(s.Steps) < len(r.Requests):
			out.Outcome, out.Why = reports.ReplayNotCovered, "the steps could not be played to the end: "+s.Lost
		}
	}
	return out
}
