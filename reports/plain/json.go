package plain

import (
	"errors"
	"fmt"
	"io"
	"math"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	v1 "github.com/go-json-experiment/json/v1"
)

// EscapeJSON writes control, format and other invisible characters beyond ASCII as \uNNNN, and the
// second of two # that might begin a command to continuous integration. In JSON they can only stand
// within strings.
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

// jsonOptions are those of encoding/json, but for nil lists and maps, which are empty ones, and numbers that JSON cannot
// say, which are 0.
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
	options := []json.Options{jsonOptions}
	if indent != "" {
		options = append(options, jsontext.WithIndent(indent))
	}
	data, err := json.Marshal(v, options...)
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
