package scripts

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/insightconform/conform/model"
)

// exportJSON appends a value as JSON in ASCII; translate says what each of its strings becomes. The
// variables stand for names and identifiers, which need no escapes.
func exportJSON(dst exportText, v model.Value, member string, translate func(member, s string) exportText) exportText {
	literal := func(s string) { dst = append(dst, exportPart{literal: s}) }
	switch v.Kind() {
	case model.String:
		literal(`"`)
		for _, part := range translate(member, v.Text()) {
			if part.variable == "" {
				part.literal = jsonASCII(part.literal)
			}
			dst = append(dst, part)
		}
		literal(`"`)
	case model.List:
		literal("[")
		for i, item := range v.Items() {
			if i > 0 {
				literal(", ")
			}
			dst = exportJSON(dst, item, member, translate)
		}
		literal("]")
	case model.Object:
		literal("{")
		for i, m := range v.Members() {
			if i > 0 {
				literal(", ")
			}
			literal(`"` + jsonASCII(m.Name) + `": `)
			dst = exportJSON(dst, m.Value, m.Name, translate)
		}
		literal("}")
	default:
		literal(v.String())
	}
	return dst
}

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

// merged joins neighbouring literals.
func merged(t exportText) exportText {
	var out exportText
	for _, part := range t {
		if last := len(out) - 1; last >= 0 && part.variable == "" && out[last].variable == "" {
			out[last].literal += part.literal
		} else {
			out = append(out, part)
		}
	}
	return out
}

// readable reports whether a literal may stand in a source file as it is.
func readable(s string) bool {
	for _, r := range s {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return true
}

func bashVariable(name string) string { return `"$` + name + `"` }

func bashQuote(t exportText) string {
	var b strings.Builder
	for _, part := range merged(t) {
		switch {
		case part.variable != "":
			b.WriteString(bashVariable(part.variable))
		case part.literal == "" && len(t) > 1:
		default:
			b.WriteString(bashLiteral(part.literal))
		}
	}
	if b.Len() == 0 {
		return "''"
	}
	return b.String()
}

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
	text, literal := t.allLiteral()
	if literal {
		return `"` + pythonEscape(text) + `"`
	}
	braces := strings.NewReplacer("{", "{{", "}", "}}")
	var b strings.Builder
	b.WriteString(`f"`)
	for _, part := range t {
		if part.variable != "" {
			b.WriteString("{" + pythonVariable(part.variable) + "}")
		} else {
			b.WriteString(pythonEscape(braces.Replace(part.literal)))
		}
	}
	return b.String() + `"`
}

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
	return pythonValue(s.Input, "", s.translate)
}

func pythonValue(v model.Value, member string, translate func(member, s string) exportText) string {
	var parts []string
	switch v.Kind() {
	case model.Absent:
		return "{}"
	case model.Null:
		return "None"
	case model.Bool:
		if v.True() {
			return "True"
		}
		return "False"
	case model.String:
		return pythonQuote(translate(member, v.Text()))
	case model.List:
		for _, item := range v.Items() {
			parts = append(parts, pythonValue(item, member, translate))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case model.Object:
		for _, m := range v.Members() {
			parts = append(parts, `"`+pythonEscape(m.Name)+`": `+pythonValue(m.Value, m.Name, translate))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return v.Text() // only numbers that are integers get here
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

func goQuote(t exportText) string {
	var parts []string
	for _, part := range merged(t) {
		switch {
		case part.variable != "":
			parts = append(parts, goVariable(part.variable))
		case part.literal == "" && len(t) > 1:
		case readable(part.literal) && strings.ContainsAny(part.literal, `"\`) && !strings.Contains(part.literal, "`"):
			parts = append(parts, "`"+part.literal+"`")
		default:
			parts = append(parts, strconv.QuoteToASCII(part.literal))
		}
	}
	if len(parts) == 0 {
		return `""`
	}
	return strings.Join(parts, " + ")
}

func goBody(s exportStep) string { return goQuote(s.JSON) }
