// Package badge draws what a run came to as a small picture for a README.
package badge

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

const label = "PutInsightSelectors"

// looks are the colours, on each of which white text has enough contrast, and the signs of the standings.
var looks = map[string]struct{ color, sign string }{
	reports.StandsGood:   {"#1a6a4d", "M3 8.5l3.2 3.3L13 4.6"},
	reports.StandsBad:    {"#a62e1c", "M4 4l8 8M12 4l-8 8"},
	reports.StandsUnsure: {"#6b5a2b", "M5.5 6a2.5 2.5 0 1 1 3.4 2.4c-.6.3-.9.7-.9 1.4M8 12.6v.1"},
}

const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="20" viewBox="0 0 %[1]d 20" role="img"
  aria-label="%[2]s">
<title>%[2]s</title>
<rect width="%[1]d" height="20" rx="3" fill="%[3]s"/>
<path d="M3 0h%[4]dv20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#3b3f46"/>
<path transform="translate(%[5]d 3) scale(.875)" d="%[6]s" fill="none" stroke="#fff" stroke-width="2"
  stroke-linecap="round" stroke-linejoin="round"/>
<g fill="#fff" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11" aria-hidden="true">
<text x="7" y="14" textLength="%[7]d" lengthAdjust="spacingAndGlyphs">%[8]s</text>
<text x="%[9]d" y="14" textLength="%[10]d" lengthAdjust="spacingAndGlyphs">%[11]s</text>
</g>
</svg>
`

// Write writes an SVG picture of a target: the verdict, and how many of the rules that were judged are kept. The texts
// are stretched to the width that they were measured to have, whatever the font.
func Write(w io.Writer, c *reports.MatrixColumn) error {
	says, look := c.Outcome()+": "+c.InWords(), looks[c.Standing()]
	left, right := width(label), width(says)
	title := html.EscapeString(plain.OneLine(fmt.Sprintf("%s of %s: %s", label, c.Name, says)))
	_, err := fmt.Fprintf(w, picture, left+right+44, title, look.color, left+11, left+19, look.sign,
		left, label, left+37, right, html.EscapeString(says))
	return err
}

// width is about how wide a text is in Verdana of 11 pixels.
func width(text string) int {
	tenths := 0
	for _, r := range text {
		switch {
		case strings.ContainsRune("ijltfrI.,: ", r):
			tenths += 42
		case strings.ContainsRune("mwMW", r):
			tenths += 101
		default:
			tenths += 69
		}
	}
	return tenths / 10
}
