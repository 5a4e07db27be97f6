package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// Join makes one report of those of the shards of a run, or of a run and its continuations, in any order:
// divergences, coverage, and the executed tests of the complete suites, so that a certificate which no
// part could give may hold for the whole. What the whole comes to is for Judge to say. Errors say which
// reports do not belong together. No part is changed.
func Join(parts ...*Report) (*Report, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("there is nothing to merge")
	}
	out, err := join(parts)
	if err != nil {
		return nil, err
	}
	if missing := missingShards(parts); len(missing) > 0 {
		end := out.ending()
		end.MissingShards = missing
		out.End = &end
	}
	return out, nil
}

// Continue joins a report with that of the run that went on from it.
func Continue(earlier, later *Report) (*Report, error) {
	kept := *earlier // without what the later run began anew
	kept.Certificates = slices.DeleteFunc(slices.Clone(earlier.Certificates), func(c Certificate) bool {
		return slices.ContainsFunc(later.Certificates, func(d Certificate) bool { return c.Machine == d.Machine && !c.Same(&d) })
	})
	out, err := join([]*Report{&kept, later})
	if err != nil {
		return nil, err
	}
	end := later.ending()
	end.Resumed, end.Joined, end.PutSucceeded = true, true, end.PutSucceeded || earlier.ending().PutSucceeded
	out.End, out.Command, out.Seed = &end, later.Command, later.Seed
	return out, nil
}

func join(parts []*Report) (*Report, error) {
	first := parts[0]
	if i := slices.IndexFunc(parts, (*Report).Probed); i >= 0 {
		first = parts[i] // with which all can be compared
	}
	for _, p := range parts {
		if what := unlike(first, p, false); what != "" {
			return nil, fmt.Errorf("the reports are of different runs: %s", what)
		}
	}
	if len(parts) == 1 {
		return new(*first), nil
	}
	out := Report{Schema: first.Schema, Version: first.Version, Target: first.Target, Seed: first.Seed, Suites: first.Suites,
		FailOn: first.FailOn, LeftOut: first.LeftOut, Command: first.Command, Started: first.Started, RequestsPerSecond: first.RequestsPerSecond,
		TimedOut: map[string]int{}, RuleSeconds: map[model.ID]float64{}, Coverage: Coverage{Rules: map[model.ID]RuleCoverage{}}}
	whole := slices.ContainsFunc(parts, func(p *Report) bool { return p.Shard != first.Shard })
	if out.Shard = first.Shard; whole {
		out.Shard, out.Command = "", strings.Replace(first.Command, " --shard "+first.Shard, "", 1)
	}
	for _, p := range parts {
		out.add(p)
	}
	if out.DurationSeconds > 0 {
		out.RequestsPerSecond = float64(out.Requests) / out.DurationSeconds
	}
	same := oneServer(parts)
	out.Notes = append(out.Notes, same...)
	for i := range out.Certificates {
		c := &out.Certificates[i]
		c.Shard, c.Hypotheses = out.Shard, slices.Concat(c.Hypotheses, same)
		c.Conclude()
	}
	out.End, out.CutShort = joinedEnd(parts), stillCut(parts)
	out.sort()
	return &out, nil
}

// joinedEnd says how the whole ended: as any part did, unless a later one went on from there.
func joinedEnd(parts []*Report) *End {
	out := &End{Joined: true}
	for i, p := range parts {
		e := p.ending()
		out.PutSucceeded, out.NoTrails = out.PutSucceeded || e.PutSucceeded, cmp.Or(out.NoTrails, e.NoTrails)
		out.ReadOnly = out.ReadOnly || e.ReadOnly
		out.LastRequests = append(out.LastRequests, e.LastRequests...)
		if i == 0 {
			out.Unusable = e.Unusable
		}
		out.Unusable = slices.DeleteFunc(slices.Clone(out.Unusable), func(what string) bool { return !slices.Contains(e.Unusable, what) })
		out.Resumed, out.RanOut = out.Resumed || e.Resumed, united(out.RanOut, e.RanOut, itself, keepFirst)
		if slices.ContainsFunc(parts, func(o *Report) bool { return o != p && o.Shard == p.Shard && o.ending().Resumed && o.after(p) }) {
			continue
		}
		out.Interrupted, out.Failed, out.Refused = cmp.Or(out.Interrupted, e.Interrupted), cmp.Or(out.Failed, e.Failed), cmp.Or(out.Refused, e.Refused)
		out.Budget, out.Needed = cmp.Or(out.Budget, e.Budget), out.Needed+e.Needed
		out.Misused, out.Lost, out.Stopped = cmp.Or(out.Misused, e.Misused), cmp.Or(out.Lost, e.Lost), cmp.Or(out.Stopped, e.Stopped)
	}
	return out
}

// after reports whether a report tells more than another of the same shard: its run began later, or has that in it.
func (r *Report) after(o *Report) bool {
	if r.Started.Equal(o.Started) {
		return r.Requests > o.Requests
	}
	return r.Started.After(o.Started)
}

// Probed reports whether the run found out what its target can do. One that did not has tested nothing.
func (r *Report) Probed() bool { return len(r.Capabilities) > 0 }

// Follows says why a run cannot go on from an earlier one, if any: it is of another target, or does something else.
func (r *Report) Follows(earlier *Report) error {
	if earlier == nil {
		return nil
	}
	if what := unlike(earlier, r, true); what != "" {
		return fmt.Errorf("%w: the earlier report is of another run: %s; go on from one of this target, or begin anew", targets.ErrUsage, what)
	}
	return nil
}

// unlike says in what two reports differ that parts of one run have in common. Shards may be run at different URLs.
func unlike(a, b *Report, oneURL bool) string {
	type row struct{ name, a, b string }
	rows := []row{{"version", a.Version, b.Version}, {"target", a.Target.Name, b.Target.Name},
		{"name", a.Target.Label, b.Target.Label}, {"version of the target", a.Target.Version, b.Target.Version}, {"number of shards", shards(a.Shard), shards(b.Shard)},
		{"level that fails", a.FailOn.String(), b.FailOn.String()}}
	if a.Probed() && b.Probed() {
		rows = append(rows, row{"list of suites", strings.Join(a.Suites, ","), strings.Join(b.Suites, ",")},
			row{"list of what is left out", a.leftOut(), b.leftOut()},
			row{"Region", a.Target.Region, b.Target.Region}, row{"fault", a.Target.Fault, b.Target.Fault})
		if oneURL && a.Target.Name != "embedded" {
			rows = append(rows, row{"URL", a.Target.Endpoint, b.Target.Endpoint})
		}
		if oneURL {
			rows = append(rows, row{"shard", a.Shard, b.Shard})
		}
		for _, c := range model.Capabilities {
			rows = append(rows, row{"capability " + string(c), string(a.Capabilities[string(c)]), string(b.Capabilities[string(c)])})
		}
		rows = append(rows, row{"fingerprint of what the target answered", a.Fingerprint, b.Fingerprint})
	}
	for _, x := range rows {
		if x.a != x.b {
			return fmt.Sprintf("the %s is %q in one and %q in another", x.name, plain.Text(x.a), plain.Text(x.b))
		}
	}
	for _, c := range a.Certificates {
		for _, d := range b.Certificates {
			if c.Machine == d.Machine && !oneURL && !c.Same(&d) {
				return fmt.Sprintf("the machine %s is not the same, or its depth", plain.Text(c.Machine))
			}
		}
	}
	return ""
}

func (r *Report) leftOut() string {
	return strings.Join(plain.Texts(r.LeftOut, func(l LeftOut) string { return l.By }), ", ")
}

// oneServer is what the whole of shards rests on that were run at different URLs.
func oneServer(parts []*Report) []string {
	var urls []string
	for _, p := range parts {
		if p.Probed() && p.Target.Name != "embedded" { // whose port is another one in each run
			urls = append(urls, p.Target.Endpoint)
		}
	}
	slices.Sort(urls)
	if urls = slices.Compact(urls); len(urls) < 2 {
		return nil
	}
	return []string{"the same server listens at " + strings.Join(urls, " and ") + ", as the like answers to the probe suggest"}
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
	for id, seconds := range p.RuleSeconds {
		r.RuleSeconds[id] += seconds
	}
	for kind, n := range p.TimedOut {
		r.TimedOut[kind] += n
	}
	r.Fingerprint = cmp.Or(r.Fingerprint, p.Fingerprint)
	r.Expected = united(r.Expected, p.Expected, itself, keepFirst)
	if p.Started.Before(r.Started) {
		r.Started = p.Started
	}
	for name, status := range p.Capabilities {
		r.SetCapability(model.Capability(name), status == Covered || r.Capabilities[name] == Covered, p.NotCovered[name])
	}
	r.Divergences = united(r.Divergences, p.Divergences, func(d Divergence) string { return d.Signature }, joinDivergence)
	r.Deviations = united(r.Deviations, p.Deviations, func(d Deviation) Deviation {
		d.Level, d.Count = 0, 0
		return d
	}, func(known *Deviation, d Deviation) { known.Count += d.Count })
	one := func(e Replay) [4]string { return [4]string{e.Signature, e.File, e.Outcome, e.Why} }
	r.Replays = united(r.Replays, p.Replays, one, keepFirst)
	r.Notes = united(r.Notes, p.Notes, itself, keepFirst)
	r.Baseline = united(r.Baseline, p.Baseline, func(e Replay) string { return e.Signature },
		func(known *Replay, e Replay) {
			if e.Stale && !known.Stale { // what is stale anywhere is stale
				*known = e
			}
		})
	for id, c := range p.Coverage.Rules {
		known := r.Coverage.Rules[id]
		joined := RuleCoverage{Exercised: known.Exercised || c.Exercised, Violated: known.Violated || c.Violated,
			Applicable: known.Applicable || c.Applicable}
		if !joined.Exercised {
			joined.Why = c.Why
			if known.Applicable && !c.Applicable || !p.Probed() && known.Why != "" || strings.HasPrefix(known.Why, HiddenBehind) {
				joined.Why = known.Why
			}
		}
		r.Coverage.Rules[id] = joined
	}
	r.Coverage.Pairs.Covered += p.Coverage.Pairs.Covered
	r.Coverage.Pairs.Total += p.Coverage.Pairs.Total
	r.Coverage.addWalk(p.Coverage)
	r.Certificates = united(r.Certificates, p.Certificates, func(c Certificate) string { return c.Machine },
		func(known *Certificate, c Certificate) {
			known.Done = JoinRanges(slices.Concat(known.Done, c.Done))
			known.Failed += c.Failed
			known.Unstable += c.Unstable
		})
	if s := p.Settling; s != nil {
		r.Settling = cmp.Or(r.Settling, &Settling{})
		// Medians cannot be joined; the larger one promises less.
		r.Settling.Waits += s.Waits
		r.Settling.TimedOut += s.TimedOut
		r.Settling.MedianSeconds = max(r.Settling.MedianSeconds, s.MedianSeconds)
		r.Settling.LongestSeconds = max(r.Settling.LongestSeconds, s.LongestSeconds)
	}
}

// joinDivergence keeps of two that are the same the one that tells more, with the count of both.
func joinDivergence(known *Divergence, d Divergence) {
	count := known.Count + d.Count
	if known.Status != Confirmed && d.Status == Confirmed || known.Status == d.Status && len(d.Steps) < len(known.Steps) {
		*known = d
	}
	known.Count = count
}

// united is a list with another one: what has a key that is known already is joined to that.
func united[T any, K comparable](list, more []T, key func(T) K, join func(known *T, x T)) []T {
	list = slices.Clone(list)
	for _, x := range more {
		if i := slices.IndexFunc(list, func(known T) bool { return key(known) == key(x) }); i >= 0 {
			join(&list[i], x)
		} else {
			list = append(list, x)
		}
	}
	return list
}

func itself[T any](x T) T { return x }

func keepFirst[T any](*T, T) {}

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

// missingShards lists the shards of the whole of which there is no report.
func missingShards(parts []*Report) []string {
	var missing []string
	n, _ := strconv.Atoi(shards(parts[0].Shard))
	for i := 1; i <= n; i++ {
		shard := fmt.Sprintf("%d/%d", i, n)
		if !slices.ContainsFunc(parts, func(p *Report) bool { return p.Shard == shard }) {
			missing = append(missing, shard)
		}
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

// nonsense says what of a report no run has written, so that nothing is concluded from it; empty where it may be whole.
func (r *Report) nonsense() string {
	code, known := exitCodes[r.Verdict]
	index, count, _ := strings.Cut(r.Shard, "/")
	_, share := ShardOf(index, count, 1)
	numbers := []int{r.Requests, r.ConfirmRequests, r.Cases, r.Workers, int(r.DurationSeconds)}
	for _, c := range []Count{r.Coverage.Transitions, r.Coverage.Pairs} {
		numbers = append(numbers, c.Covered, c.Total-c.Covered)
	}
	steps, listed := 0, []int{len(r.Divergences), len(r.Deviations), len(r.Replays), len(r.Baseline), len(r.Notes),
		len(r.Certificates), len(r.CutShort), len(r.Coverage.Rules), len(r.ending().RanOut), len(r.ending().Unusable)}
	for i := range r.Divergences {
		numbers, steps = append(numbers, r.Divergences[i].Count), max(steps, len(r.Divergences[i].Steps))
	}
	for _, e := range r.Replays {
		steps = max(steps, len(e.Steps))
	}
	switch {
	case !known, r.ExitCode != code && (r.Verdict != Failed || r.ExitCode != ExitUsage):
		return fmt.Sprintf("the verdict %q does not go with exit code %d", r.Verdict, r.ExitCode)
	case r.Target.Name == "", r.Started.IsZero(), r.Recorded == nil && !r.Probed() && (r.Verdict == Conforms || len(r.Divergences)+len(r.Certificates) > 0):
		return "it does not say what was tested, when, or what that can do"
	case r.Shard != "" && !share:
		return fmt.Sprintf("%q is no share", r.Shard)
	case slices.Min(numbers) < 0:
		return "a count is negative, or more is covered than there is"
	case slices.Max(listed) > maxListed, steps > maxSteps:
		return fmt.Sprintf("it has a list of more than %d entries, or a case of more than %d steps", maxListed, maxSteps)
	}
	for i, c := range r.Certificates {
		wrong, end := slices.ContainsFunc(r.Certificates[:i], func(o Certificate) bool { return o.Machine == c.Machine }), 0
		for _, d := range c.Done {
			wrong = wrong || d[0] < end || d[0] >= d[1] || d[1] > c.Tests
			end = d[1]
		}
		if wrong || c.Tests < 1 || min(c.Failed, c.Unstable) < 0 || c.Shard != r.Shard ||
			c.Holds && (!c.Complete() || c.Failed+c.Unstable > 0) {
			return fmt.Sprintf("the certificate %q stands twice, or cannot be: holds %t, tests %s of %d, %d failed, %d unstable, shard %q",
				c.Machine, c.Holds, plain.Shown(fmt.Sprint(c.Done), plain.MaxShown), c.Tests, c.Failed, c.Unstable, c.Shard)
		}
	}
	return ""
}
