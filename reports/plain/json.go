package plain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// EscapeJSON writes control, format and other invisible characters beyond ASCII as \uNNNN, and the
// second of two # that might begin a command to continuous integration. In JSON they can only stand
// within strings.
func EscapeJSON(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == '#' && len(out) > 0 && out[len(out)-1] == '#', r == 0x7f, r > 0x7f && !unicode.IsPrint(r):
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

// Marshal renders JSON with a line feed behind it. Each level has an indent, and is on one line where that is empty.
func Marshal(v any, indent string) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	err := encoder.Encode(v)
	return buffer.Bytes(), err
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

// WithoutNil copies a value for JSON: nil lists and maps that would be null become empty, and numbers finite.
func WithoutNil[T any](v T) T {
	return withoutNil(reflect.ValueOf(&v).Elem(), true).Interface().(T)
}

var marshaler = reflect.TypeFor[json.Marshaler]()

func withoutNil(v reflect.Value, written bool) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch {
	case v.Type().Implements(marshaler):
	case v.Kind() == reflect.Float64:
		out.SetFloat(Finite(v.Float()))
	case v.Kind() == reflect.Map && v.IsNil() && written:
		out.Set(reflect.MakeMap(v.Type()))
	case v.Kind() == reflect.Pointer && !v.IsNil():
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(withoutNil(v.Elem(), true))
	case v.Kind() == reflect.Slice && (written || !v.IsNil()):
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(withoutNil(v.Index(i), true))
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			tag := v.Type().Field(i).Tag.Get("json")
			out.Field(i).Set(withoutNil(v.Field(i), !strings.Contains(tag, ",omit")))
		}
	}
	return out
}
