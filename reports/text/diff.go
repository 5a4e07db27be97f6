package text

import (
	"fmt"
	"io"
	"strings"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

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
