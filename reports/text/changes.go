package text

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// changeLabel is the width of what became of a divergence.
const changeLabel = 13

// Changes writes what became of each divergence since the run before, of a new one with the requests that show it.
func Changes(w io.Writer, changes []reports.Change, options Options) error {
	p := &page{options: options}
	for _, c := range changes {
		d := c.Divergence
		s := map[string]style{reports.ChangeFixed: green, reports.ChangeNew: red}[c.What]
		why := plain.When(c.Why != "", " ("+plain.Shown(c.Why, plain.MaxShown)+")")
		p.line(span{fmt.Sprintf("%-*s", changeLabel, c.What), s}, span{plain.Text(d.Rule) + " [" + describe.Cause(d) + "]", normal},
			span{"  " + plain.Text(d.Statement) + why, dim})
		if c.What == reports.ChangeNew && !options.Quiet {
			p.line(span{"             " + standing(d) + plain.When(d.Known, ", known to the baseline"), normal})
			p.divergence(d)
		}
	}
	return p.end(w)
}

// Watched writes one line on a run, at the time that it ended: its verdict, and how many divergences changed.
func Watched(w io.Writer, r *reports.Report, changes []reports.Change, at time.Time, options Options) error {
	p := &page{options: options}
	var counts []string
	for _, c := range changes {
		if slices.ContainsFunc(counts, func(s string) bool { return strings.HasSuffix(s, " "+c.What) }) {
			continue
		}
		n := 0
		for _, o := range changes {
			if o.What == c.What {
				n++
			}
		}
		counts = append(counts, plain.Grouped(n)+" "+c.What)
	}
	said := strings.Join(counts, ", ")
	if said == "" {
		said = "no divergence"
	}
	verdict := map[reports.Verdict]style{reports.Conforms: green, reports.Diverges: red}[r.Verdict]
	p.line(span{at.Format(time.TimeOnly) + "  ", bold}, span{string(r.Verdict), verdict},
		span{fmt.Sprintf(" (exit %d%s): %s, after %s in %s", r.ExitCode, plain.When(r.Partial, ", partial"), said,
			plain.Counted(r.Requests+r.ConfirmRequests, "request"), plain.Duration(time.Since(r.Started).Seconds())), normal})
	return p.end(w)
}
