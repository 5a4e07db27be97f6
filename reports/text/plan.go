package text

import (
	"fmt"
	"io"
	"strings"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// plannedLines bounds how many lines a text of a plan takes.
const plannedLines = 8

// The quota of the real service, per Region and second.
const (
	quotaWrites = 1.0
	quotaReads  = 10.0
)

// Plan renders a plan for people.
func Plan(w io.Writer, plan *reports.Plan, o Options) error {
	p := &page{options: o, most: plannedLines}
	p.line(span{"plan for " + plain.Text(strings.TrimSpace(plan.Target.Name+" "+plan.Target.Endpoint)), bold})
	p.say("shard", plan.Shard)
	rate := "not measured"
	if plan.Rate > 0 {
		rate = fmt.Sprintf("%s requests a second, with %s", plain.Grouped(int(plan.Rate)), plain.Counted(plan.Workers, "worker"))
	}
	p.say("measured", rate)
	for _, s := range plan.Suites {
		p.section(s.Name)
		if s.NotCovered != "" {
			p.entry("  not covered", yellow, p.most, "", s.NotCovered)
			continue
		}
		what := sent(s.Writes, s.Reads)
		if s.Estimated {
			what = "about " + what
		}
		if s.Tests > 0 {
			what = plain.Counted(s.Tests, "test") + ", " + what
		}
		p.say("  sends", what)
		p.say("  takes", planDurations(plan, s.Writes, s.Reads))
		if c := s.Certificate; c != nil {
			p.say("  machine", describe.Machine(c))
			p.say("  tells apart", plain.Shown(c.Abstraction, 3*plain.MaxShown))
			p.say("  by", strings.Join(c.Reads, ", "))
			p.say("  catches", "every fault with at most "+plain.Counted(c.Depth, "extra state"))
			p.say("  provided", "that "+strings.Join(c.Hypotheses, "; that "))
			if o.Verbose {
				p.say("  inputs", plain.Shown(strings.Join(c.Inputs, "; "), 100*plain.MaxShown))
			}
		}
	}
	p.blank()
	_, writes, reads := plan.Totals()
	p.say("in all", sent(writes, reads)+": "+planDurations(plan, writes, reads))
	p.entry("beside", dim, p.most, "", "what confirming and shortening a divergence takes, and cleaning up")
	for _, section := range plan.Sections {
		p.section(section.Title)
		for _, e := range section.Entries {
			p.say("  "+e[0], plain.Shown(e[1], 10*plain.MaxShown))
		}
	}
	return p.end(w)
}

func sent(writes, reads int) string {
	return fmt.Sprintf("%s writes, %s reads", plain.Grouped(writes), plain.Grouped(reads))
}

// planDurations says how long requests take, at the quota with reads of one world beside the writes of others.
func planDurations(p *reports.Plan, writes, reads int) string {
	atQuota := max(float64(writes)/quotaWrites, float64(reads)/quotaReads) / 60
	text := shownMinutes(atQuota) + " at 1 write and 10 reads a second"
	if p.Rate > 0 {
		text = shownMinutes(float64(writes+reads)/max(p.Rate, 1e-9)/60) + " at the measured rate, " + text
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

// maxDifferences is how many differences of a section are listed for people.
const maxDifferences = 20

// Diff writes a section for each kind of difference. A line starts with - where something is in A
// only, with + where in B only, and with ~ where it differs.
func Diff(w io.Writer, d *reports.Diff, options Options) error {
	p := &page{options: options}
	p.line(span{"A  ", bold}, span{plain.Text(d.A), normal})
	p.line(span{"B  ", bold}, span{plain.Text(d.B), normal})
	section, listed := "", 0
	for i, x := range d.Differences {
		if x.Section != section {
			section, listed = x.Section, 0
			p.section(section)
		}
		if listed++; listed > maxDifferences {
			if i+1 == len(d.Differences) || d.Differences[i+1].Section != section {
				p.line(span{fmt.Sprintf("  … and %d more; --json lists them all", listed-maxDifferences), dim})
			}
			continue
		}
		mark, s, text := "~ ", yellow, plain.Text(x.A)+" → "+plain.Text(x.B)
		switch {
		case x.B == "":
			mark, s, text = "- ", red, plain.Text(x.A)
		case x.A == "":
			mark, s, text = "+ ", green, plain.Text(x.B)
		}
		if text == "seen" { // a deviation says all in its name
			text = ""
		}
		p.line(span{"  " + mark, s}, span{plain.Text(x.Name), normal}, span{strings.TrimRight("  "+text, " "), dim})
	}
	p.blank()
	if len(d.Differences) == 0 {
		p.line(span{"the same", green})
	} else {
		p.line(span{plain.Counted(len(d.Differences), "difference"), yellow}, span{": - in A only, + in B only, ~ changed from A to B", dim})
	}
	return p.end(w)
}
