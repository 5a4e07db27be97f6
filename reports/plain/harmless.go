// Package plain makes plain, harmless text of what a target answered, which is hostile input: control characters,
// terminal sequences, invisible characters and invalid UTF-8 are escaped, and what is long is shortened. It
// also has the words for numbers and lists that all formats share.
package plain

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxShown is how many characters of one text a person is shown.
const MaxShown = 200

// Visible makes one line of harmless text: what is not shown as itself is written as an escape.
func Visible(s string) string { return escaped(s, strconv.IsPrint) }

// EscapeInvalid writes the bytes that are no UTF-8 as \xNN and leaves the rest alone.
func EscapeInvalid(s string) string { return escaped(s, func(rune) bool { return true }) }

// escaped writes what is no UTF-8, or no character to keep, as Go would in quotes.
func escaped(s string, keep func(rune) bool) string {
	var b strings.Builder
	start := 0 // of what is kept
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if invalid := r == utf8.RuneError && size == 1; invalid || !keep(r) {
			b.WriteString(s[start:i])
			quoted := strconv.QuoteRune(r)
			if invalid {
				quoted = fmt.Sprintf(`'\x%02x'`, s[i])
			}
			b.WriteString(quoted[1 : len(quoted)-1])
			start = i + size
		}
		i += size
	}
	return b.String() + s[start:]
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

// Shown is the form in which any text of a target reaches a person. It is cut first, so that megabytes cost nothing.
func Shown(s string, limit int) string {
	return Shorten(Visible(Shorten(s, limit+1)), limit)
}

// Text is the form in which most texts of a target reach a person.
func Text[T ~string](s T) string { return Shown(string(s), MaxShown) }

// Message is Text with room for a message.
func Message[T ~string](s T) string { return Shown(string(s), MaxMessage) }

// MaxMessage is how many characters an error message may have.
const MaxMessage = 1000

// OneLine makes any text fit for a line of a person's terminal: escaped and shortened.
func OneLine(s string) string { return string(WithoutCommands([]byte(Message(s)))) }

// Commands that continuous integration reads from output: lines that begin with "::", and "##vso[…]" in any.
var (
	lineCommand   = regexp.MustCompile(`(?m)^([ \t]*):`)
	InlineCommand = regexp.MustCompile(`##([A-Za-z]*\[)`)
)

// WithoutCommands makes printed lines free of such commands.
func WithoutCommands(lines []byte) []byte {
	lines = lineCommand.ReplaceAll(lines, []byte(`${1}\u003a`))
	return InlineCommand.ReplaceAll(lines, []byte(`#\u0023${1}`))
}
