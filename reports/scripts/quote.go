package scripts

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/insightconform/conform/model/value"
)

// syntax says how a language writes JSON values.
type syntax struct {
	str  func(exportText) exportText // a string
	name func(string) string         // that of a member
	word func(value.Value) string    // anything that is neither a string, a list nor an object
}

// jsonSyntax is JSON in ASCII. The variables stand for names and identifiers, which need no escapes.
var jsonSyntax = syntax{name: jsonString, word: value.Value.String, str: func(t exportText) exportText {
	out := literalText(`"`)
	for _, part := range t {
		part.literal = jsonASCII(part.literal)
		out = append(out, part)
	}
	return append(out, exportPart{literal: `"`})
}}

var pythonSyntax = syntax{name: pythonString, word: pythonWord, str: func(t exportText) exportText { return literalText(pythonQuote(t)) }}

// render writes a value; translate says what each of its strings becomes.
func (x syntax) render(v value.Value, member string, translate func(member, s string) exportText) exportText {
	var out exportText
	literal := func(s string) { out = append(out, exportPart{literal: s}) }
	switch v.Kind() {
	case value.String:
		return x.str(translate(member, v.Text()))
	case value.List:
		literal("[")
		for i, item := range v.Items() {
			if i > 0 {
				literal(", ")
			}
			out = append(out, x.render(item, member, translate)...)
		}
		literal("]")
	case value.Object:
		literal("{")
		for i, m := range v.Members() {
			if i > 0 {
				literal(", ")
			}
			literal(x.name(m.Name) + ": ")
			out = append(out, x.render(m.Value, m.Name, translate)...)
		}
		literal("}")
	default:
		literal(x.word(v))
	}
	return out
}

func jsonString(s string) string { return `"` + jsonASCII(s) + `"` }

// jsonASCII is the inside of a JSON string.
func jsonASCII(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// quoted quotes the literals of a text, neighbouring ones together, and names its variables.
func quoted(t exportText, literal, variable func(string) string) []string {
	var out []string
	text := ""
	flush := func() {
		if text != "" {
			out = append(out, literal(text))
		}
		text = ""
	}
	for _, part := range t {
		text += part.literal
		if part.variable != "" {
			flush()
			out = append(out, variable(part.variable))
		}
	}
	flush()
	if len(out) == 0 {
		return []string{literal("")}
	}
	return out
}

// readable reports whether a literal may stand in a source file as it is.
func readable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func bashVariable(name string) string { return `"$` + name + `"` }

func bashQuote(t exportText) string { return strings.Join(quoted(t, bashLiteral, bashVariable), "") }

// bashLiteral is '…', or $'…' where a character has to be escaped. Bytes are given in octal, so that
// no locale matters. NUL, which a shell cannot hold, must not be there.
func bashLiteral(s string) string {
	if readable(s) && !strings.Contains(s, "'") {
		return "'" + s + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}

// standIn is a byte, as tr(1) reads it, that stands for NUL in a body until it is sent; a shell cannot
// hold NUL itself. It is empty where there is no need.
func standIn(body string) string {
	if !strings.Contains(body, "\x00") {
		return ""
	}
	for c := byte(1); c < utf8.RuneSelf; c++ {
		if !strings.Contains(body, string(rune(c))) {
			return fmt.Sprintf(`\%03o`, c)
		}
	}
	return "" // a body with all of ASCII in it is sent without its NUL
}

func bashBody(s exportStep) string {
	text, _ := s.JSON.allLiteral()
	if !strings.Contains(text, "\x00") {
		return bashQuote(s.JSON)
	}
	stand, _ := strconv.ParseUint(strings.TrimPrefix(s.StandIn, `\`), 8, 8)
	replacement := ""
	if stand != 0 {
		replacement = string(rune(stand))
	}
	return bashLiteral(strings.ReplaceAll(text, "\x00", replacement))
}

func pythonVariable(name string) string {
	if number, ok := strings.CutPrefix(name, varStore); ok {
		return "STORES[" + number + "]"
	}
	return name
}

// pythonQuote is "…", or f"…" where there are variables.
func pythonQuote(t exportText) string {
	if text, literal := t.allLiteral(); literal {
		return pythonString(text)
	}
	braces := strings.NewReplacer("{", "{{", "}", "}}")
	parts := quoted(t, func(s string) string { return pythonEscape(braces.Replace(s)) },
		func(name string) string { return "{" + pythonVariable(name) + "}" })
	return `f"` + strings.Join(parts, "") + `"`
}

func pythonString(s string) string { return `"` + pythonEscape(s) + `"` }

// pythonEscape is the inside of a literal: Go and Python have the same escapes.
func pythonEscape(s string) string {
	quoted := strconv.QuoteToASCII(strings.ToValidUTF8(s, "\ufffd"))
	return quoted[1 : len(quoted)-1]
}

// pythonBody is a dictionary, or the text of a body that is none.
func pythonBody(s exportStep) string {
	if s.Raw {
		return pythonQuote(s.JSON)
	}
	text, _ := pythonSyntax.render(s.Input, "", s.translate).allLiteral()
	return text
}

// pythonWord is a value without parts. Only numbers that are integers get here.
func pythonWord(v value.Value) string {
	switch {
	case v.Kind() == value.Absent:
		return "{}"
	case v.Kind() == value.Null:
		return "None"
	case v.Kind() == value.Number:
		return v.Text()
	case v.True():
		return "True"
	}
	return "False"
}

func goVariable(name string) string {
	if number, ok := strings.CutPrefix(name, varStore); ok {
		return "r.stores[" + number + "]"
	}
	switch name {
	case varRun, varRegion, varAway, varAccount:
		return "r." + strings.ToLower(name)
	}
	return `r.made["` + name + `"]` // buckets and keys
}

func goQuote(t exportText) string { return strings.Join(quoted(t, goLiteral, goVariable), " + ") }

// goLiteral is between backquotes where that saves escapes.
func goLiteral(s string) string {
	if readable(s) && strings.ContainsAny(s, `"\`) && !strings.Contains(s, "`") {
		return "`" + s + "`"
	}
	return strconv.QuoteToASCII(s)
}

func goBody(s exportStep) string { return goQuote(s.JSON) }
