// Package plain makes plain, harmless text of what a target answered, which is hostile input: control characters,
// terminal sequences, invisible characters and invalid UTF-8 are escaped, and what is long is shortened. It
// also has the words for numbers and lists that all formats share.
package plain

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	v1 "github.com/go-json-experiment/json/v1"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

const (
	MaxShown   = 200  // how many characters of one text a person is shown
	MaxMessage = 1000 // how many characters an error message may have
)

// Visible makes one line of harmless text: what is not shown as itself is written as an escape.
func Visible(s string) string { return escaped(s, strconv.IsPrint) }

// VisibleLines is Visible for several lines.
func VisibleLines(s string) string {
	return escaped(s, func(r rune) bool { return r == '\n' || strconv.IsPrint(r) })
}

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
			quoted := cmp.Or(When(invalid, fmt.Sprintf(`'\x%02x'`, s[i])), strconv.QuoteRune(r))
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
	count, cut := 0, 0
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

// Target names what was asked: "endpoint http://127.0.0.1:5000 in us-east-1".
func Target(t targets.Info) string {
	text := strings.TrimSuffix(Address(t)+" in "+Text(t.Region), " in ")
	if name := Named(t); name != Text(t.Name) {
		return name + " · " + text
	}
	return text
}

// Named is what a target is called: by its user, with its version, or by conform.
func Named(t targets.Info) string {
	return strings.TrimSpace(Text(cmp.Or(t.Label, t.Name)) + " " + Text(t.Version))
}

// Address is a kind of target and where it listens.
func Address(t targets.Info) string {
	return strings.TrimSuffix(Text(t.Name)+" "+Text(t.Endpoint), " ")
}

func Length(s string) int { return utf8.RuneCountInString(s) }

// Folded is the part of a text that stands on one line, and how far it is indented.
type Folded struct{ From, To, Indent int }

// Fold breaks a line at its spaces into lines of at most width characters, 0 for any number, where no word is longer. It
// is the one place that wraps. The lines after the first hang by so much, or where that is 0 below the text that stands
// behind a label or a column. Where that leaves less than half of the width, that text begins on a line of its own.
func Fold(line string, width, hang int) (lines []Folded) {
	column := -1 // behind which a text has no room
	if hang == 0 {
		hang, column = hanging(line)
	}
	if hang > width/2 {
		hang = leastHang
	} else {
		column = -1
	}
	at, filled, now, begun := 0, 0, Folded{To: len(line)}, false
	if text := len(line) - len(strings.TrimLeft(line, " ")); width > 0 && text > width/2 { // it goes on with the line before
		at, filled, now = text, leastHang, Folded{text, len(line), leastHang}
	}
	for ; width > 0 && at < len(line) && Length(line) > width; begun = true {
		word := at + len(line[at:]) - len(strings.TrimLeft(line[at:], " "))
		end := wordEnd(line, word)
		room, length := Length(line[at:end]), Length(line[word:end])
		if begun && length > 0 && (filled+room > width || word == column) {
			now.To = at
			lines = append(lines, now)
			now = Folded{word, len(line), hang}
			if hang+length > width {
				now.Indent = max(0, min(leastHang, width-length))
			}
			filled, room = now.Indent, length
		}
		filled, at = filled+room, end
	}
	return append(lines, now)
}

// wordEnd is where the word that begins at a place ends; an arrow goes with what it leads to.
func wordEnd(line string, word int) int {
	length := strings.IndexByte(line[word:], ' ')
	switch {
	case length < 0:
		return len(line)
	case line[word:word+length] == "→" && strings.Trim(line[word+length:], " ") != "":
		return wordEnd(line, word+length+1)
	}
	return word + length
}

// What lines hang by that have no better place, and the most that a line is indented for its own sake.
const leastHang, ownIndent = 4, 6

// hanging is where the last text begins that two spaces set off from what is before it, and its place in the line, else a
// bit beyond the line's own indent.
func hanging(line string) (hang, place int) {
	text := strings.TrimLeft(line, " ")
	own := len(line) - len(text)
	if at := strings.LastIndex(text, "  "); at >= 0 {
		return own + Length(text[:at]) + 2, own + at + 2
	}
	if own > 0 && own <= ownIndent {
		return own + 2, -1
	}
	return own, -1
}

// FoldLines folds each line of a text.
func FoldLines(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, feed := strings.CutSuffix(line, "\n")
		for i, part := range Fold(line, width, 0) {
			b.WriteString(When(i > 0, "\n") + strings.Repeat(" ", part.Indent) + line[part.From:part.To])
		}
		b.WriteString(When(feed, "\n"))
	}
	return b.String()
}

// When is a text where something holds, else an empty one.
func When[T ~string](holds bool, text T) T {
	if holds {
		return text
	}
	return ""
}

// Counted renders "1 request", "5,000 requests".
func Counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Grouped(n) + " " + noun + "s"
}

// Grouped renders a number with a comma between thousands.
func Grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", Grouped(n/1000), n%1000)
}

func Duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < 10*time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// Alternatives joins what is allowed: "A", "A, B or C"; where that is longer than limit, "A, B or 3 more".
func Alternatives(list []string, limit int) string {
	if len(list) == 0 {
		return "nothing else"
	}
	for more := 0; ; more++ {
		last := cmp.Or(When(more > 0, fmt.Sprintf("%d more", more)), list[len(list)-1])
		text := strings.TrimPrefix(strings.Join(list[:len(list)-max(more, 1)], ", ")+" or "+last, " or ")
		if Length(text) <= limit || more >= len(list)-1 {
			return Shown(text, limit)
		}
	}
}

// Operation shortens the names of the two operations under test.
func Operation(operation string) string {
	return cmp.Or(map[string]string{string(model.OpPut): "Put", string(model.OpGet): "Get"}[operation], operation)
}

// plainWord matches what a shell takes as it stands.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:,=@%+-]+$`)

// ShellWord quotes a word for a shell where it needs it.
func ShellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Group is what of a list has the same key.
type Group[K, T any] struct {
	Key   K
	Items []T
}

// GroupBy puts what has the same key together, groups in the order of their first items, items in that of the list.
func GroupBy[K comparable, T any](list []T, key func(T) K) []Group[K, T] {
	var out []Group[K, T]
	places := map[K]int{}
	for _, item := range list {
		k := key(item)
		i, known := places[k]
		if !known {
			i = len(out)
			places[k] = i
			out = append(out, Group[K, T]{Key: k})
		}
		out[i].Items = append(out[i].Items, item)
	}
	return out
}

// Texts renders each item of a list.
func Texts[T any](list []T, render func(T) string) []string {
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = render(item)
	}
	return out
}

// Tally renders the counts that are not 0, in the order of their names, each by a format of name and number.
func Tally(format string, counts map[string]int, names ...string) (parts []string) {
	for _, name := range names {
		if counts[name] > 0 {
			parts = append(parts, fmt.Sprintf(format, name, counts[name]))
		}
	}
	return parts
}

// EscapeJSON writes control, format and other invisible characters beyond ASCII as \uNNNN, and the second of two #
// that might begin a command to continuous integration. In JSON they can only stand within strings.
func EscapeJSON(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == '#' && len(out) > 0 && out[len(out)-1] == '#', r == 0x7f, r == utf8.RuneError, r > 0x7f && !unicode.IsPrint(r):
			for _, unit := range utf16.Encode([]rune{r}) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		default:
			out = append(out, data[:size]...)
		}
		data = data[size:]
	}
	return out
}

// jsonOptions are those of encoding/json, but that nil lists and maps are empty ones, and what is no JSON number is 0.
var jsonOptions = json.JoinOptions(v1.DefaultOptionsV1(), json.FormatNilSliceAsNull(false), json.FormatNilMapAsNull(false),
	jsontext.EscapeForHTML(false), json.WithMarshalers(json.MarshalToFunc(func(out *jsontext.Encoder, f float64) error {
		if f == Finite(f) {
			return errors.ErrUnsupported
		}
		return out.WriteToken(jsontext.Int(0))
	})))

// Marshal renders JSON with a line feed behind it. Each level has an indent, and is on one line where that is empty.
// Nil lists and maps are written as empty ones, and infinite numbers as 0.
func Marshal(v any, indent string) ([]byte, error) {
	data, err := json.Marshal(v, jsonOptions, jsontext.WithIndent(indent), jsontext.Multiline(indent != ""))
	return append(data, '\n'), err
}

// WriteJSON writes indented JSON that can be looked at safely.
func WriteJSON(w io.Writer, v any) error {
	data, err := Marshal(v, "  ")
	if err == nil {
		_, err = w.Write(EscapeJSON(data))
	}
	return err
}

// Finite replaces what JSON cannot say, such as a rate over no time at all.
func Finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}
