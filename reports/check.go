package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/reports/plain"
)

// nonsense says what of a report no run has written, so that nothing is concluded from it; empty where it may be whole.
func (r *Report) nonsense() string {
	code, known := exitCodes[r.Verdict]
	index, count, _ := strings.Cut(r.Shard, "/")
	_, share := ShardOf(index, count, 1)
	numbers := []int{r.Requests, r.ConfirmRequests, r.Cases, r.Workers, int(r.DurationSeconds)}
	for _, c := range []Count{r.Coverage.Transitions, r.Coverage.Pairs} {
		numbers = append(numbers, c.Covered, c.Total-c.Covered)
	}
	for i := range r.Divergences {
		numbers = append(numbers, r.Divergences[i].Count)
	}
	switch {
	case !known, r.ExitCode != code && (r.Verdict != Failed || r.ExitCode != ExitUsage):
		return fmt.Sprintf("the verdict %q does not go with exit code %d", r.Verdict, r.ExitCode)
	case r.Target.Name == "", r.Started.IsZero(), !r.Probed() && (r.Verdict == Conforms || len(r.Divergences)+len(r.Certificates) > 0):
		return "it does not say what was tested, when, or what that can do"
	case r.Shard != "" && !share:
		return fmt.Sprintf("%q is no share", r.Shard)
	case slices.Min(numbers) < 0:
		return "a count is negative, or more is covered than there is"
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
