package text

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// page collects the lines of a text report. All text passes through line, where it is made harmless.
type page struct {
	options Options
	most    int // lines of an entry
	titled  string
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

func (p *page) end(w io.Writer) error {
	_, err := w.Write(plain.WithoutCommands(p.buffer.Bytes()))
	return err
}

func (p *page) blank() { p.buffer.WriteByte('\n') }

// section writes a title, unless it is the one that was written last.
func (p *page) section(title string) {
	if title == p.titled {
		return
	}
	p.titled = title
	p.blank()
	p.line(span{title, bold})
}

// heading begins a page with the version of conform.
func (p *page) heading(version, about string) {
	p.line(span{strings.TrimSuffix("conform "+version, " "), bold}, span{" · " + about, normal})
}

var verdictStyles = map[reports.Verdict]style{reports.Conforms: green, reports.Passed: green,
	reports.Inconclusive: yellow, reports.Interrupted: yellow, reports.RefusedRun: yellow}

// verdict writes a verdict with what follows it.
func (p *page) verdict(v reports.Verdict, rest string) {
	p.line(span{string(v), cmp.Or(verdictStyles[v], red)}, span{rest, normal})
}

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
	p.blank()
}

// proseWidth is where running text is broken.
func (p *page) proseWidth() int {
	return cmp.Or(p.options.Width, 110)
}

// labelWidth is how wide the labels of a summary are.
const labelWidth = 12

// field writes a label of a width with a text.
func (p *page) field(width int, label, text string, s style) {
	p.line(span{fmt.Sprintf("%-*s", width, label), dim}, span{text, s})
}

// say is an entry of one part.
func (p *page) say(label, text string) { p.entry(label, normal, p.most, "", text) }

// entry writes a label with a wrapped text and returns its lines. Parts that do not fit are counted, unless verbose.
func (p *page) entry(label string, s style, lines int, separator string, parts ...string) int {
	room := max(p.proseWidth()-labelWidth, 20)
	wrapped := plain.Wrap(strings.Fields(strings.Join(parts, separator)), room)
	for kept := len(parts) - 1; len(wrapped) > lines && kept > 0 && !p.options.Verbose; kept-- {
		left := fmt.Sprintf("and %d more", len(parts)-kept)
		wrapped = plain.Wrap(strings.Fields(strings.Join(append(slices.Clone(parts[:kept]), left), separator)), room)
	}
	if len(wrapped) > lines && !p.options.Verbose {
		wrapped[lines-1] = plain.Shorten(wrapped[lines-1]+" "+wrapped[lines], room)
		wrapped = wrapped[:lines]
	}
	p.lines(label, wrapped, s)
	return len(wrapped)
}

// parts writes a label with parts that each stay whole where that can be.
func (p *page) parts(label string, parts []string) {
	p.lines(label, plain.Wrap(parts, p.proseWidth()-labelWidth), normal)
}

// lines writes lines with a label before the first.
func (p *page) lines(label string, lines []string, s style) {
	for _, line := range lines {
		p.field(labelWidth, label, line, s)
		label = ""
	}
}
