package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/insightconform/conform/model"
)

// Merge joins the reports of the shards of one run, or those of a run and its continuations, in any
// order: divergences, coverage, and the executed tests of the complete suites, so that a certificate
// which no part could give may hold for the whole. Errors say which reports do not belong together.
// The report of the first is changed in no way.
func Merge(parts ...*Report) (*Report, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("there is nothing to merge")
	}
	first := parts[0]
	for _, p := range parts[1:] {
		if what := unlike(first, p); what != "" {
			return nil, fmt.Errorf("the reports are of different runs: %s", what)
		}
	}
	out := *first
	out.Requests, out.ConfirmRequests, out.Cases, out.DurationSeconds, out.Workers = 0, 0, 0, 0, 0
	out.Divergences, out.Deviations, out.Replays, out.Baseline, out.Notes, out.Timeline = nil, nil, nil, nil, nil, nil
	out.Coverage = Coverage{Rules: map[model.ID]RuleCoverage{}}
	out.Certificates, out.Precedence, out.Settling = nil, nil, nil
	out.Capabilities, out.NotCovered = map[string]CapabilityStatus{}, nil
	for _, p := range parts {
		out.add(p)
	}
	if len(parts) > 1 {
		out.Timeline = nil // of one run alone
	}
	if out.DurationSeconds > 0 {
		out.RequestsPerSecond = float64(out.Requests) / out.DurationSeconds
	}
	for i := range out.Certificates {
		out.Certificates[i].Conclude()
	}
	missing := out.missingShards(parts)
	out.CutShort = stillCut(parts)
	out.judge(parts, missing)
	out.Sort()
	return &out, nil
}

// unlike says in what two reports differ that parts of one run have in common.
func unlike(a, b *Report) string {
	for _, x := range []struct{ name, a, b string }{
		{"version", a.Version, b.Version},
		{"target", a.Target.Name + " in " + a.Target.Region, b.Target.Name + " in " + b.Target.Region},
		{"number of shards", shards(a.Shard), shards(b.Shard)},
		{"suites", strings.Join(a.Suites, ","), strings.Join(b.Suites, ",")},
		{"level that fails", a.FailOn.String(), b.FailOn.String()},
	} {
		if x.a != x.b {
			return fmt.Sprintf("the %s is %q in one and %q in another", x.name, shown(x.a, maxShown), shown(x.b, maxShown))
		}
	}
	for _, c := range a.Certificates {
		for _, d := range b.Certificates {
			if c.Machine == d.Machine && (c.Depth != d.Depth || c.Fingerprint != d.Fingerprint) {
				return fmt.Sprintf("the machine %s is not the same, or its depth", shown(c.Machine, maxShown))
			}
		}
	}
	return ""
}

func shards(shard string) string {
	_, n, _ := strings.Cut(shard, "/")
	return n
}

// add takes in what one part found.
func (r *Report) add(p *Report) {
	r.Requests += p.Requests
	r.ConfirmRequests += p.ConfirmRequests
	r.Cases += p.Cases
	r.DurationSeconds += p.DurationSeconds
	r.Workers = max(r.Workers, p.Workers)
	if p.Started.Before(r.Started) {
		r.Started = p.Started
	}
	for name, status := range p.Capabilities {
		r.SetCapability(model.Capability(name), status == Covered || r.Capabilities[name] == Covered, p.NotCovered[name])
	}
	for _, d := range p.Divergences {
		r.addDivergence(d)
	}
	for _, d := range p.Deviations {
		r.addDeviation(d)
	}
	r.Replays = append(r.Replays, p.Replays...)
	r.Baseline = append(r.Baseline, p.Baseline...)
	for _, note := range p.Notes {
		if !slices.Contains(r.Notes, note) {
			r.Notes = append(r.Notes, note)
		}
	}
	for id, c := range p.Coverage.Rules {
		known := r.Coverage.Rules[id]
		joined := RuleCoverage{Exercised: known.Exercised || c.Exercised, Violated: known.Violated || c.Violated, Applicable: known.Applicable || c.Applicable}
		if !joined.Exercised {
			joined.Why = c.Why
		}
		r.Coverage.Rules[id] = joined
	}
	r.Coverage.Pairs.Covered += p.Coverage.Pairs.Covered
	r.Coverage.Pairs.Total += p.Coverage.Pairs.Total
	r.Coverage.addWalk(p.Coverage)
	for _, c := range p.Certificates {
		r.addCertificate(c)
	}
	if s := p.Settling; s != nil {
		if r.Settling == nil {
			r.Settling = &Settling{}
		}
		// Medians cannot be joined; the larger one promises less.
		r.Settling.Waits += s.Waits
		r.Settling.TimedOut += s.TimedOut
		r.Settling.MedianSeconds = max(r.Settling.MedianSeconds, s.MedianSeconds)
		r.Settling.LongestSeconds = max(r.Settling.LongestSeconds, s.LongestSeconds)
	}
}

func (r *Report) addDivergence(d Divergence) {
	i := slices.IndexFunc(r.Divergences, func(k Divergence) bool { return k.Signature == d.Signature })
	if i < 0 {
		r.Divergences = append(r.Divergences, d)
		return
	}
	known := &r.Divergences[i]
	count := known.Count + d.Count
	if known.Status == Unrepeated && d.Status != Unrepeated || known.Status == d.Status && len(d.Steps) < len(known.Steps) {
		*known = d
	}
	known.Count = count
}

func (r *Report) addDeviation(d Deviation) {
	for i := range r.Deviations {
		k := &r.Deviations[i]
		if k.Rule == d.Rule && k.Operation == d.Operation && k.Reference == d.Reference && k.Actual == d.Actual {
			k.Count += d.Count
			return
		}
	}
	r.Deviations = append(r.Deviations, d)
}

// addWalk joins what was covered of the transitions; without a picture of it the counts are all there is.
func (c *Coverage) addWalk(o Coverage) {
	switch {
	case o.Walk == nil:
		return
	case c.Walk == nil:
		c.Walk = &Walk{Inputs: o.Walk.Inputs, States: slices.Clone(o.Walk.States)}
	case len(c.Walk.States) == len(o.Walk.States):
		for i, s := range o.Walk.States {
			row := []byte(c.Walk.States[i].Row)
			for k := range row {
				if k < len(s.Row) && (row[k] == ' ' || s.Row[k] == '+') {
					row[k] = s.Row[k]
				}
			}
			c.Walk.States[i].Row = string(row)
		}
	}
	c.Transitions = Count{}
	for _, s := range c.Walk.States {
		covered := strings.Count(s.Row, "+")
		c.Transitions.Covered += covered
		c.Transitions.Total += covered + strings.Count(s.Row, "-")
	}
}

func (r *Report) addCertificate(c Certificate) {
	for i := range r.Certificates {
		k := &r.Certificates[i]
		if k.Machine != c.Machine {
			continue
		}
		k.Done = JoinRanges(append(slices.Clone(k.Done), c.Done...))
		k.Failed += c.Failed
		k.Unstable += c.Unstable
		return
	}
	c.Done, c.Shard = slices.Clone(c.Done), ""
	r.Certificates = append(r.Certificates, c)
}

// JoinRanges puts ranges [from, to) in order and joins those that touch.
func JoinRanges(ranges [][2]int) [][2]int {
	slices.SortFunc(ranges, func(a, b [2]int) int { return a[0] - b[0] })
	var out [][2]int
	for _, x := range ranges {
		if n := len(out); n > 0 && out[n-1][1] >= x[0] {
			out[n-1][1] = max(out[n-1][1], x[1])
		} else {
			out = append(out, x)
		}
	}
	return out
}

// missingShards lists the shards of which there is no report, and takes the mark of one off where
// none is missing.
func (r *Report) missingShards(parts []*Report) []string {
	n, err := strconv.Atoi(shards(r.Shard))
	if err != nil || n < 2 {
		return nil
	}
	var missing []string
	for i := 1; i <= n; i++ {
		shard := fmt.Sprintf("%d/%d", i, n)
		if !slices.ContainsFunc(parts, func(p *Report) bool { return p.Shard == shard }) {
			missing = append(missing, shard)
		}
	}
	if len(missing) == 0 || len(parts) > 1 {
		r.Shard = ""
	}
	return missing
}

// stillCut lists the suites that some share did not finish in any of its parts.
func stillCut(parts []*Report) []string {
	var cut []string
	for _, p := range parts {
		for _, suite := range p.CutShort {
			finished := slices.ContainsFunc(parts, func(o *Report) bool {
				return o != p && o.Shard == p.Shard && !slices.Contains(o.CutShort, suite)
			})
			if !finished && !slices.Contains(cut, suite) {
				cut = append(cut, suite)
			}
		}
	}
	return cut
}

// judge decides how the whole ends, by the rules that hold for a run.
func (r *Report) judge(parts []*Report, missing []string) {
	failing, unrepeated := 0, 0
	for _, d := range r.Divergences {
		if d.Fails && d.Status != Unrepeated {
			failing++
		} else if d.Fails {
			unrepeated++
		}
	}
	if !r.Target.Eventual {
		failing, unrepeated = failing+unrepeated, 0
	}
	stale := 0
	for _, entry := range r.Baseline {
		if entry.Stale {
			stale++
		}
	}
	unfinished := ""
	for i := range r.Certificates {
		if c := &r.Certificates[i]; !c.Complete() && unfinished == "" {
			unfinished = fmt.Sprintf("%s of %s of the machine %s executed; go on with --resume", grouped(c.Executed()), counted(c.Tests, "test"), c.Machine)
		}
	}
	lost := ""
	for _, p := range parts {
		switch p.Verdict {
		case Failed, RefusedRun:
			r.set(p.Verdict, p.Reason, true)
			return
		case Inconclusive:
			if p.Partial {
				lost = p.Reason
			}
		}
	}
	applicable, exercised, _ := r.Coverage.ruleCounts()
	switch {
	case failing > 0:
		r.set(Diverges, fmt.Sprintf("%s at or above level %s", counted(failing, "divergence"), r.FailOn), lost != "" || len(missing) > 0)
	case stale > 0:
		r.set(Diverges, fmt.Sprintf("the baseline has %d stale", stale), false)
	case len(missing) > 0:
		r.set(Inconclusive, "no report of shard "+strings.Join(missing, ", ")+" was given", true)
	case unfinished != "":
		r.set(Inconclusive, unfinished, true)
	case len(r.CutShort) > 0 && lost != "":
		r.set(Inconclusive, lost, true)
	case unrepeated > 0:
		r.set(Inconclusive, "divergences that did not repeat, on a target that may answer late; run it again", false)
	case 2*exercised < applicable && len(r.Certificates) == 0:
		r.set(Inconclusive, fmt.Sprintf("only %d of %d applicable rules were exercised", exercised, applicable), false)
	case len(r.Certificates) > 0:
		r.set(Conforms, "no divergence was found; the certificates say what that guarantees", false)
	default:
		r.set(Conforms, "no divergence was found among the requests that were tried", false)
	}
}

func (r *Report) set(v Verdict, reason string, partial bool) {
	r.Verdict, r.ExitCode, r.Reason, r.Partial = v, v.ExitCode(), reason, partial
}
