package text

import (
	"fmt"
	"io"
	"strings"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// Replays writes one line for each replay and a line that sums them up. Quiet leaves out what does not
// diverge, and Verbose names the file of each.
func Replays(w io.Writer, replays []reports.Replay, options Options) error {
	for _, r := range replays {
		if options.Quiet && !r.Diverges() {
			continue
		}
		line := fmt.Sprintf("%-15s %s", r.Outcome, plain.OneLine(r.Signature))
		if r.Why != "" {
			line += " (" + plain.OneLine(r.Why) + ")"
		}
		if options.Verbose && r.File != "" {
			line += " in " + plain.OneLine(r.File)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, "replayed", summary(replays))
	return err
}

// summary counts replays by outcome: "3 traces: 1 still diverges, 2 fixed".
func summary(replays []reports.Replay) string {
	counts := map[string]int{}
	for _, r := range replays {
		counts[r.Outcome]++
	}
	var parts []string
	for _, outcome := range []string{reports.ReplayDiverges, reports.ReplayDifferent, reports.ReplayFixed, reports.ReplayNotCovered} {
		if counts[outcome] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[outcome], outcome))
		}
	}
	return plain.Counted(len(replays), "trace") + ": " + strings.Join(parts, ", ")
}
