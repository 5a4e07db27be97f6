package text

import (
	"fmt"
	"io"
	"strings"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// plannedLines bounds how many lines a text of a plan takes.
const plannedLines = 8

// The quota of the real service, per Region and second.
const (
	quotaWrites = 1.0
	quotaReads  = 10.0
)

// minutes is how long requests take at the measured rate; ok is false where none was measured.
func planMinutes(p *reports.Plan, writes, reads int) (minutes float64, ok bool) {
	return float64(writes+reads) / max(p.Rate, 1e-9) / 60, p.Rate > 0
}

// quotaMinutes is how long requests take at the quota of the service, where reads of one world go on
// beside the writes of others.
func quotaMinutes(writes, reads int) float64 {
	return max(float64(writes)/quotaWrites, float64(reads)/quotaReads) / 60
}

// Plan renders a plan for people.
func Plan(w io.Writer, p *reports.Plan, o Options) error {
	page := &page{options: o}
	name := p.Target.Name
	if p.Target.Endpoint != "" {
		name += " " + p.Target.Endpoint
	}
	page.line(span{"plan for " + plain.Text(name), bold})
	if p.Shard != "" {
		page.entry("shard", normal, plannedLines, "", p.Shard)
	}
	rate := "not measured"
	if p.Rate > 0 {
		rate = fmt.Sprintf("%s requests a second, with %s", plain.Grouped(int(p.Rate)), plain.Counted(p.Workers, "worker"))
	}
	page.entry("measured", normal, plannedLines, "", rate)
	writes, reads := 0, 0
	for _, s := range p.Suites {
		page.blank()
		page.line(span{s.Name, bold})
		if s.NotCovered != "" {
			page.entry("  not covered", yellow, plannedLines, "", s.NotCovered)
			continue
		}
		writes, reads = writes+s.Writes, reads+s.Reads
		about := ""
		if s.Estimated {
			about = "about "
		}
		what := fmt.Sprintf("%s%s writes, %s reads", about, plain.Grouped(s.Writes), plain.Grouped(s.Reads))
		if s.Tests > 0 {
			what = plain.Counted(s.Tests, "test") + ", " + what
		}
		page.entry("  sends", normal, plannedLines, "", what)
		page.entry("  takes", normal, plannedLines, "", planDurations(p, s.Writes, s.Reads))
		if c := s.Certificate; c != nil {
			page.entry("  machine", normal, plannedLines, "", fmt.Sprintf("%s, %s, %s", plain.Counted(c.States, "state"), plain.Counted(len(c.Inputs), "input"), plain.Counted(c.Transitions, "transition")))
			page.entry("  tells apart", normal, plannedLines, "", plain.Shown(c.Abstraction, 3*plain.MaxShown))
			page.entry("  by", normal, plannedLines, "", strings.Join(c.Reads, ", "))
			page.entry("  catches", normal, plannedLines, "", fmt.Sprintf("every fault with at most %s", plain.Counted(c.Depth, "extra state")))
			page.entry("  provided", normal, plannedLines, "", "that "+strings.Join(c.Hypotheses, "; that "))
			if o.Verbose {
				page.entry("  inputs", normal, plannedLines, "", plain.Shown(strings.Join(c.Inputs, "; "), 100*plain.MaxShown))
			}
		}
	}
	page.blank()
	page.entry("in all", normal, plannedLines, "", fmt.Sprintf("%s writes, %s reads: %s", plain.Grouped(writes), plain.Grouped(reads), planDurations(p, writes, reads)))
	page.entry("beside", dim, plannedLines, "", "what confirming and shortening a divergence takes, and cleaning up")
	for _, section := range p.Sections {
		page.blank()
		page.line(span{section.Title, bold})
		for _, e := range section.Entries {
			page.entry("  "+e[0], normal, plannedLines, "", plain.Shown(e[1], 10*plain.MaxShown))
		}
	}
	_, err := w.Write(page.buffer.Bytes())
	return err
}

func planDurations(p *reports.Plan, writes, reads int) string {
	text := shownMinutes(quotaMinutes(writes, reads)) + " at 1 write and 10 reads a second"
	if minutes, ok := planMinutes(p, writes, reads); ok {
		text = shownMinutes(minutes) + " at the measured rate, " + text
	}
	return text
}

func shownMinutes(m float64) string {
	switch {
	case m < 1:
		return fmt.Sprintf("%.0f s", m*60)
	case m < 120:
		return fmt.Sprintf("%.1f min", m)
	case m < 48*60:
		return fmt.Sprintf("%.1f h", m/60)
	}
	return fmt.Sprintf("%.0f days", m/60/24)
}
