package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/insightconform/conform/targets"
)

// PlanSchema identifies the JSON form of a Plan.
const PlanSchema = "conform/plan/1"

// Plan says what a run would do.
type Plan struct {
	Schema       string          `json:"schema"`
	Target       targets.Info    `json:"target"`
	Shard        string          `json:"shard,omitempty"`
	Workers      int             `json:"workers"`
	Rate         float64         `json:"requests_per_second"` // measured; 0 where it could not be
	Capabilities map[string]bool `json:"capabilities"`
	Suites       []PlannedSuite  `json:"suites"`
	// Sections say what else there is to know before a run, and Details has it for machines.
	Sections []PlanSection `json:"-"`
	Details  any           `json:"details,omitempty"`
}

// PlanSection is a titled list of labels with texts.
type PlanSection struct {
	Title   string
	Entries [][2]string
}

// Totals counts the tests and requests of all suites.
func (p *Plan) Totals() (tests, writes, reads int) {
	for _, s := range p.Suites {
		tests, writes, reads = tests+s.Tests, writes+s.Writes, reads+s.Reads
	}
	return tests, writes, reads
}

// PlannedSuite is what a suite would send. Set-up requests count as writes; what confirming and
// cleaning up take is not known beforehand.
type PlannedSuite struct {
	Name        string       `json:"name"`
	Tests       int          `json:"tests,omitempty"` // or cases
	Writes      int          `json:"writes"`
	Reads       int          `json:"reads"`
	Estimated   bool         `json:"estimated,omitempty"`
	NotCovered  string       `json:"not_covered,omitempty"` // why nothing can be sent
	Certificate *Certificate `json:"certificate,omitempty"` // what a whole run of it would guarantee
}

// plannedLines bounds how many lines a text of a plan takes.
const plannedLines = 8

// The quota of the real service, per Region and second.
const (
	quotaWrites = 1.0
	quotaReads  = 10.0
)

// minutes is how long requests take at the measured rate; ok is false where none was measured.
func (p *Plan) minutes(writes, reads int) (minutes float64, ok bool) {
	return float64(writes+reads) / max(p.Rate, 1e-9) / 60, p.Rate > 0
}

// quotaMinutes is how long requests take at the quota of the service, where reads of one world go on
// beside the writes of others.
func quotaMinutes(writes, reads int) float64 {
	return max(float64(writes)/quotaWrites, float64(reads)/quotaReads) / 60
}

// WritePlan renders a plan for people.
func WritePlan(w io.Writer, p *Plan, o TextOptions) error {
	page := &page{TextOptions: o}
	name := p.Target.Name
	if p.Target.Endpoint != "" {
		name += " " + p.Target.Endpoint
	}
	page.line(span{"plan for " + shown(name, maxShown), bold})
	if p.Shard != "" {
		page.entry("shard", plain, plannedLines, "", p.Shard)
	}
	rate := "not measured"
	if p.Rate > 0 {
		rate = fmt.Sprintf("%s requests a second, with %s", grouped(int(p.Rate)), counted(p.Workers, "worker"))
	}
	page.entry("measured", plain, plannedLines, "", rate)
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
		what := fmt.Sprintf("%s%s writes, %s reads", about, grouped(s.Writes), grouped(s.Reads))
		if s.Tests > 0 {
			what = counted(s.Tests, "test") + ", " + what
		}
		page.entry("  sends", plain, plannedLines, "", what)
		page.entry("  takes", plain, plannedLines, "", p.durations(s.Writes, s.Reads))
		if c := s.Certificate; c != nil {
			page.entry("  machine", plain, plannedLines, "", fmt.Sprintf("%s, %s, %s", counted(c.States, "state"), counted(len(c.Inputs), "input"), counted(c.Transitions, "transition")))
			page.entry("  tells apart", plain, plannedLines, "", shown(c.Abstraction, 3*maxShown))
			page.entry("  by", plain, plannedLines, "", strings.Join(c.Reads, ", "))
			page.entry("  catches", plain, plannedLines, "", fmt.Sprintf("every fault with at most %s", counted(c.Depth, "extra state")))
			page.entry("  provided", plain, plannedLines, "", "that "+strings.Join(c.Hypotheses, "; that "))
			if o.Verbose {
				page.entry("  inputs", plain, plannedLines, "", shown(strings.Join(c.Inputs, "; "), 100*maxShown))
			}
		}
	}
	page.blank()
	page.entry("in all", plain, plannedLines, "", fmt.Sprintf("%s writes, %s reads: %s", grouped(writes), grouped(reads), p.durations(writes, reads)))
	page.entry("beside", dim, plannedLines, "", "what confirming and shortening a divergence takes, and cleaning up")
	for _, section := range p.Sections {
		page.blank()
		page.line(span{section.Title, bold})
		for _, e := range section.Entries {
			page.entry("  "+e[0], plain, plannedLines, "", shown(e[1], 10*maxShown))
		}
	}
	_, err := w.Write(page.buffer.Bytes())
	return err
}

func (p *Plan) durations(writes, reads int) string {
	text := shownMinutes(quotaMinutes(writes, reads)) + " at 1 write and 10 reads a second"
	if minutes, ok := p.minutes(writes, reads); ok {
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

// PlanJSON writes a plan as indented JSON.
func PlanJSON(w io.Writer, p *Plan) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(escapeJSON(data), '\n'))
	return err
}
