package describe

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// Recorded says how much of recordings was judged, and of what files.
func Recorded(r *reports.Report) string {
	files := plain.Texts(slices.Sorted(maps.Keys(r.Recorded.Files)), func(format string) string {
		return fmt.Sprintf("%s %d", format, r.Recorded.Files[format])
	})
	return r.Recorded.Summary() + plain.When(len(files) > 0, "; files: "+strings.Join(files, ", ")) +
		plain.When(r.Recorded.Others > 0, "; "+plain.Counted(r.Recorded.Others, "other record")) +
		plain.When(r.Recorded.Doubled > 0, "; "+plain.Grouped(r.Recorded.Doubled)+" there twice") +
		plain.When(r.Recorded.Gaps > 0, "; "+plain.Counted(r.Recorded.Gaps, "gap"))
}

// PassedOver says of the calls that were not judged how many they are, and why.
func PassedOver(r *reports.Report) []string {
	return plain.Texts(r.Recorded.Reasons(), func(why string) string {
		return fmt.Sprintf("%s: %s", plain.Grouped(r.Recorded.NotJudged[why]), plain.Text(why))
	})
}

// Unreadable says what could not be read, how often, and where first.
func Unreadable(r *reports.Report) []string {
	return plain.Texts(r.Recorded.Skipped, func(s reports.RecordedSkip) string {
		return fmt.Sprintf("%s (%s, first in %s)", plain.Text(s.Reason), plain.Counted(s.Count, "time"), plain.Text(s.At))
	})
}

// Found says where a recording shows a divergence; empty of what was seen in a run.
func Found(d reports.Divergence) string {
	if len(d.Steps) == 0 || d.Steps[len(d.Steps)-1].Recorded == "" {
		return ""
	}
	return plain.Counted(d.Count, "time") + ", here in " + d.Steps[len(d.Steps)-1].Recorded
}
