package plain

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxShown is how many characters of one text a person is shown.
const MaxShown = 200

// Visible makes one line of harmless text: what a terminal or an eye would not show as itself is
// written as an escape.
func Visible(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + string(hexDigits[s[0]>>4]) + string(hexDigits[s[0]&0xf]))
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	return b.String()
}

const hexDigits = "0123456789abcdef"

// EscapeInvalid writes the bytes that are no UTF-8 as \xNN and leaves the rest alone.
func EscapeInvalid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			b.WriteString(`\x` + string(hexDigits[s[0]>>4]) + string(hexDigits[s[0]&0xf]))
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// Shorten cuts a text to at most limit characters, the last of them an ellipsis.
func Shorten(s string, limit int) string {
	if len(s) <= limit || limit < 1 {
		return s
	}
	count := 0
	cut := 0
	for i := range s {
		if count == limit-1 {
			cut = i
		}
		if count++; count > limit {
			return s[:cut] + "…"
		}
	}
	return s
}

// Shown is the form in which any text of a target reaches a person. The text is cut before it is
// escaped as well, so that megabytes cost nothing.
func Shown(s string, limit int) string {
	return Shorten(Visible(Shorten(s, limit+1)), limit)
}

// MaxMessage is how many characters an error message may have.
const MaxMessage = 1000

// OneLine makes any text fit for a line of a person's terminal: escaped and shortened.
func OneLine(s string) string { return string(WithoutCommands([]byte(Shown(s, MaxMessage)))) }

// Continuous integration reads commands from the output of what it runs: lines that begin with "::",
// and "##[…]", "##vso[…]" or "##teamcity[…]" anywhere in a line.
var (
	lineCommand   = regexp.MustCompile(`(?m)^([ \t]*):`)
	InlineCommand = regexp.MustCompile(`##([A-Za-z]*\[)`)
)

// WithoutCommands makes printed lines free of such commands.
func WithoutCommands(lines []byte) []byte {
	lines = lineCommand.ReplaceAll(lines, []byte(`${1}\u003a`))
	return InlineCommand.ReplaceAll(lines, []byte(`#\u0023${1}`))
}
