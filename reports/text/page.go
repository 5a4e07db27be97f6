package text

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/reports/plain"
)

// page collects the lines of a text report. All text passes through line, where it is made harmless.
type page struct {
	options Options
	buffer  bytes.Buffer
}

type style string

const (
	normal style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

type span struct {
	text  string
	style style
}

func (p *page) blank() { p.buffer.WriteByte('\n') }

// line writes spans side by side, cut at the page's width.
func (p *page) line(spans ...span) { p.write(true, spans) }

// whole writes a line that must not be cut, such as a command to copy.
func (p *page) whole(spans ...span) { p.write(false, spans) }

func (p *page) write(cut bool, spans []span) {
	room := p.options.Width
	for _, s := range spans {
		text := plain.Visible(s.text)
		if cut && p.options.Width > 0 && !p.options.Verbose {
			if room <= 0 {
				break
			}
			text = plain.Shorten(text, room)
			room -= plain.Length(text)
		}
		if p.options.Color && s.style != normal && text != "" {
			text = "\x1b[" + string(s.style) + "m" + text + "\x1b[0m"
		}
		p.buffer.WriteString(text)
	}
	p.buffer.WriteByte('\n')
}

// proseWidth is where running text is broken.
func (p *page) proseWidth() int {
	if p.options.Width > 0 {
		return p.options.Width
	}
	return 110
}

// How wide the labels of a summary and of a divergence are.
const (
	labelWidth = 12
	blockLabel = 10
)

// labelled writes "label       text".
func (p *page) labelled(label, text string, s style) {
	p.line(span{fmt.Sprintf("%-*s", labelWidth, label), dim}, span{text, s})
}

// field is labelled with the labels of a divergence.
func (p *page) field(indent, label, text string, s style) {
	p.line(span{fmt.Sprintf("%s%-*s", indent, blockLabel, label), dim}, span{text, s})
}

// entry writes a label with a text that goes on over several lines, and returns how many. Of parts that
// do not fit in so many lines the last ones are counted; with --verbose, all are written.
func (p *page) entry(label string, s style, lines int, separator string, parts ...string) int {
	room := max(p.proseWidth()-labelWidth, 20)
	wrapped := plain.Wrap(strings.Fields(strings.Join(parts, separator)), " ", room)
	for kept := len(parts) - 1; len(wrapped) > lines && kept > 0 && !p.options.Verbose; kept-- {
		left := fmt.Sprintf("and %d more", len(parts)-kept)
		wrapped = plain.Wrap(strings.Fields(strings.Join(append(slices.Clone(parts[:kept]), left), separator)), " ", room)
	}
	if len(wrapped) > lines && !p.options.Verbose {
		wrapped[lines-1] = plain.Shorten(wrapped[lines-1]+" "+wrapped[lines], room)
		wrapped = wrapped[:lines]
	}
	for i, line := range wrapped {
		if i > 0 {
			label = ""
		}
		p.labelled(label, line, s)
	}
	return len(wrapped)
}
