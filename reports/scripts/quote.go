package scripts

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports/plain"
)

// syntax says how a language writes JSON values.
type syntax struct {
	str  func(exportText) exportText // a string
	word func(value.Value) string    // anything that is neither a string, a list nor an object
}

// jsonSyntax is JSON in ASCII. The variables stand for names and identifiers, which need no escapes.
var jsonSyntax = syntax{word: value.Value.String, str: func(t exportText) exportText {
	out := literalText(`"`)
	for _, part := range t {
		part.literal = jsonASCII(part.literal)
		out = append(out, part)
	}
	return append(out, exportPart{literal: `"`})
}}

var pythonSyntax = syntax{word: pythonWord, str: func(t exportText) exportText { return literalText(pythonQuote(t)) }}

// render writes a value; translate says what each of its strings becomes.
func (x syntax) render(v value.Value, member string, translate func(member, s string) exportText) exportText {
	switch v.Kind() {
	case value.String:
		return x.str(translate(member, v.Text()))
	case value.List:
		return enclosed("[", v.Items(), "]", func(item value.Value) exportText { return x.render(item, member, translate) })
	case value.Object:
		return enclosed("{", v.Members(), "}", func(m value.Member) exportText {
			return slices.Concat(x.str(literalText(m.Name)), literalText(": "), x.render(m.Value, m.Name, translate))
		})
	}
	return literalText(x.word(v))
}

func enclosed[T any](begin string, list []T, end string, render func(T) exportText) exportText {
	out := literalText(begin)
	for i, item := range list {
		if i > 0 {
			out = append(out, exportPart{literal: ", "})
		}
		out = append(out, render(item)...)
	}
	return append(out, exportPart{literal: end})
}

// jsonASCII is the inside of a JSON string.
func jsonASCII(s string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(s)) {
		switch {
		case unit == '"' || unit == '\\':
			b.WriteString(`\` + string(rune(unit)))
		case unit >= ' ' && unit < 0x7f:
			b.WriteByte(byte(unit))
		default:
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// quoted quotes the literals of a text, neighbouring ones together, and names its variables.
func quoted(t exportText, literal, variable func(string) string) (out []string) {
	for i := 0; i < len(t); i++ {
		var text strings.Builder
		for ; i < len(t) && t[i].variable == ""; i++ {
			text.WriteString(t[i].literal)
		}
		if text.Len() > 0 {
			out = append(out, literal(text.String()))
		}
		if i < len(t) {
			out = append(out, variable(t[i].variable))
		}
	}
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

// bashLiteral is '…', or $'…' with the bytes of other characters in octal, so that no locale matters.
func bashLiteral(s string) string {
	if readable(s) && !strings.Contains(s, "'") {
		return "'" + s + "'"
	}
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c == '\'' || c == '\\':
			b.Write([]byte{'\\', c})
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return "$'" + b.String() + "'"
}

// withoutNUL replaces NUL, which no shell can hold, by a byte that is free, if any is, and names it for tr(1).
func withoutNUL(body string) (text, standIn string) {
	for c := range utf8.RuneSelf {
		if strings.Contains(body, "\x00") && !strings.ContainsRune(body, rune(c)) {
			return strings.ReplaceAll(body, "\x00", string(rune(c))), fmt.Sprintf(`\%03o`, c)
		}
	}
	return strings.ReplaceAll(body, "\x00", ""), ""
}

func pythonVariable(name string) string {
	number, store := strings.CutPrefix(name, varStore)
	return cmp.Or(plain.When(store, "STORES["+number+"]"), name)
}

// pythonQuote is "…", or f"…" where there are variables.
func pythonQuote(t exportText) string {
	if text, literal := t.allLiteral(); literal {
		return `"` + pythonEscape(text) + `"`
	}
	braces := strings.NewReplacer("{", "{{", "}", "}}")
	parts := quoted(t, func(s string) string { return pythonEscape(braces.Replace(s)) },
		func(name string) string { return "{" + pythonVariable(name) + "}" })
	return `f"` + strings.Join(parts, "") + `"`
}

// pythonEscape is the inside of a literal: Go and Python have the same escapes.
func pythonEscape(s string) string {
	quoted := strconv.QuoteToASCII(strings.ToValidUTF8(s, "\ufffd"))
	return quoted[1 : len(quoted)-1]
}

// pythonWord is a value without parts. Only numbers that are integers get here.
func pythonWord(v value.Value) string {
	switch v.Kind() {
	case value.Absent:
		return "{}"
	case value.Null:
		return "None"
	case value.Number:
		return v.Text()
	}
	return map[bool]string{true: "True", false: "False"}[v.True()]
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

// required has the members without which a client refuses to send, by the name of their type.
var required = map[string][]string{
	"PutInsightSelectorsInput": {"InsightSelectors"}, "CreateTrailInput": {"Name", "S3BucketName"}, "UpdateTrailInput": {"Name"},
	"DeleteTrailInput": {"Name"}, "GetTrailInput": {"Name"}, "GetTrailStatusInput": {"Name"}, "StartLoggingInput": {"Name"},
	"StopLoggingInput": {"Name"}, "PutEventSelectorsInput": {"TrailName"}, "GetEventSelectorsInput": {"TrailName"},
	"CreateEventDataStoreInput": {"Name"}, "GetEventDataStoreInput": {"EventDataStore"}, "UpdateEventDataStoreInput": {"EventDataStore"},
	"DeleteEventDataStoreInput": {"EventDataStore"}, "RestoreEventDataStoreInput": {"EventDataStore"},
	"AdvancedEventSelector": {"FieldSelectors"}, "AdvancedFieldSelector": {"Field"},
}

// expressible reports whether a form's typed client sends just this input. boto3 has the members of the SDK for Go.
func expressible(op model.Op, input value.Value, form string) bool {
	if input.Kind() == value.Absent {
		input = value.Obj()
	}
	method, ok := reflect.TypeFor[*cloudtrail.Client]().MethodByName(string(op))
	return ok && fits(input, method.Type.In(2), form)
}

func fits(v value.Value, t reflect.Type, form string) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return v.Kind() == value.String &&
			!(t.PkgPath() != "" && v.Text() == "" && form == "go") // which leaves out an empty enum
	case reflect.Bool:
		return v.Kind() == value.Bool
	case reflect.Int32:
		return v.Kind() == value.Number && len(v.Text()) <= 9 && strings.Trim(v.Text(), "0123456789") == ""
	case reflect.Slice:
		return v.Kind() == value.List &&
			!slices.ContainsFunc(v.Items(), func(item value.Value) bool { return !fits(item, t.Elem(), form) })
	case reflect.Struct:
		seen := map[string]bool{}
		for _, m := range v.Members() {
			field, known := t.FieldByName(m.Name)
			if !known || !field.IsExported() || seen[m.Name] || !fits(m.Value, field.Type, form) {
				return false
			}
			seen[m.Name] = true
		}
		return v.Kind() == value.Object && !slices.ContainsFunc(required[t.Name()], func(name string) bool { return !seen[name] })
	}
	return false
}
