// Package value holds JSON that may be wrong: null, values of the wrong type, unknown members.
package value

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Kind is the JSON type of a Value. Absent, the zero value, is a member that is not there at all.
type Kind uint8

// The kinds of a Value.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	List
	Object
)

// Value is one immutable JSON value, be it null, of a wrong type or with unknown members.
type Value struct {
	kind    Kind
	text    string // a string's content, a number's or boolean's literal
	list    []Value
	members []Member
}

// Member is one name and value of a JSON object.
type Member struct {
	Name  string
	Value Value
}

// NullValue is the JSON null.
var NullValue = Value{kind: Null, text: "null"}

// Str returns a JSON string.
func Str(s string) Value { return Value{kind: String, text: s} }

// Num returns a JSON number from its literal.
func Num(literal string) Value { return Value{kind: Number, text: literal} }

// Boolean returns a JSON boolean.
func Boolean(b bool) Value { return Value{kind: Bool, text: fmt.Sprint(b)} }

// ListOf returns a JSON array; with no items it is the empty array.
func ListOf(items ...Value) Value { return Value{kind: List, list: items} }

// Strs returns a JSON array of strings.
func Strs(items ...string) Value {
	list := make([]Value, len(items))
	for i, s := range items {
		list[i] = Str(s)
	}
	return ListOf(list...)
}

// ObjectOf returns an object of members whose names differ and whose values are there.
func ObjectOf(members ...Member) Value { return Value{kind: Object, members: members} }

// Obj returns an object of alternating member names and values (Value, string or bool), without absent values.
func Obj(pairs ...any) Value {
	v := Value{kind: Object, members: make([]Member, 0, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		var item Value
		switch x := pairs[i+1].(type) {
		case Value:
			item = x
		case string:
			item = Str(x)
		case bool:
			item = Boolean(x)
		default:
			panic(fmt.Sprintf("value.Obj: a member of type %T", x))
		}
		if item.kind != Absent {
			v.members = append(v.members, Member{pairs[i].(string), item})
		}
	}
	return v
}

// Kind tells the JSON type.
func (v Value) Kind() Kind { return v.kind }

// Given reports whether the value is there and not null.
func (v Value) Given() bool { return v.kind != Absent && v.kind != Null }

// Text is a string's content or a number's literal; it is empty for the other kinds.
func (v Value) Text() string {
	if v.kind == String || v.kind == Number {
		return v.text
	}
	return ""
}

// True reports whether the value is the boolean true.
func (v Value) True() bool { return v.kind == Bool && v.text == "true" }

// Items returns an array's items, which the caller must not change.
func (v Value) Items() []Value { return v.list }

// Members returns an object's members, which the caller must not change.
func (v Value) Members() []Member { return v.members }

// Get returns an object's member, Absent where there is none.
func (v Value) Get(name string) Value {
	for i := range v.members {
		if v.members[i].Name == name {
			return v.members[i].Value
		}
	}
	return Value{}
}

// With returns the object with one member set, or removed where the new value is Absent.
func (v Value) With(name string, item Value) Value {
	members := append(make([]Member, 0, len(v.members)+1), v.members...)
	i := slices.IndexFunc(members, func(m Member) bool { return m.Name == name })
	switch {
	case i >= 0 && item.kind == Absent:
		members = slices.Delete(members, i, i+1)
	case i >= 0:
		members[i].Value = item
	case item.kind != Absent:
		members = append(members, Member{name, item})
	}
	return Value{kind: Object, members: members}
}

// Equal compares two values; the order of an object's members carries no meaning.
func (v Value) Equal(w Value) bool {
	differs := func(m Member) bool { return !m.Value.Equal(w.Get(m.Name)) }
	return v.kind == w.kind && v.text == w.text && slices.EqualFunc(v.list, w.list, Value.Equal) &&
		len(v.members) == len(w.members) && !slices.ContainsFunc(v.members, differs)
}

// AppendJSON appends the value as JSON; Absent appends nothing.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case Null, Bool, Number:
		return append(dst, v.text...)
	case String:
		return appendString(dst, v.text)
	case List:
		dst = append(dst, '[')
		for _, item := range v.list {
			dst = append(item.AppendJSON(dst), ',')
		}
		return append(bytes.TrimSuffix(dst, []byte{','}), ']')
	case Object:
		dst = append(dst, '{')
		for _, m := range v.members {
			dst = append(m.Value.AppendJSON(append(appendString(dst, m.Name), ':')), ',')
		}
		return append(bytes.TrimSuffix(dst, []byte{','}), '}')
	}
	return dst
}

func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) // a string cannot fail
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

// String renders the value as JSON.
func (v Value) String() string { return string(v.AppendJSON(nil)) }

// MarshalJSON implements json.Marshaler; an Absent value becomes null.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.kind == Absent {
		return []byte("null"), nil
	}
	return v.AppendJSON(nil), nil
}

// UnmarshalJSON implements json.Unmarshaler. Unlike with Parse, members keep the order that was recorded.
func (v *Value) UnmarshalJSON(data []byte) (err error) {
	*v, err = read(data)
	return err
}

var decoders = sync.Pool{New: func() any { return new(jsontext.Decoder) }}

// read reads what encoding/json reads: members given twice, and bytes that are no UTF-8, which become U+FFFD.
func read(data []byte) (Value, error) {
	decoder := decoders.Get().(*jsontext.Decoder)
	defer decoders.Put(decoder)
	decoder.Reset(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	v, err := readValue(decoder)
	if _, end := decoder.ReadToken(); err == nil && end != io.EOF {
		return Value{}, fmt.Errorf("more than one JSON value")
	}
	return v, err
}

func readValue(decoder *jsontext.Decoder) (Value, error) {
	token, err := decoder.ReadToken()
	if err != nil {
		return Value{}, err
	}
	switch token.Kind() {
	case 'n':
		return NullValue, nil
	case 't', 'f':
		return Boolean(token.Bool()), nil
	case '0':
		return Num(token.String()), nil
	case '"':
		return Str(token.String()), nil
	}
	v := Value{kind: List, list: []Value{}}
	var at map[string]int // the places of the members
	if token.Kind() == '{' {
		v, at = Value{kind: Object, members: []Member{}}, map[string]int{}
	}
	for kind := decoder.PeekKind(); kind != ']' && kind != '}'; kind = decoder.PeekKind() {
		name := ""
		if v.kind == Object {
			token, err := decoder.ReadToken()
			if err != nil {
				return Value{}, err
			}
			name = token.String() // before the next token, which this one would turn into
		}
		item, err := readValue(decoder)
		if err != nil {
			return Value{}, err
		}
		i, twice := at[name]
		switch {
		case v.kind == List && len(v.list) == cap(v.list): // of a long one append would make more garbage
			v.list = append(slices.Grow(v.list, 1+len(v.list)), item)
		case v.kind == List:
			v.list = append(v.list, item)
		case twice:
			v.members[i].Value = item
		default:
			at[name] = len(v.members)
			v.members = append(v.members, Member{name, item})
		}
	}
	_, err = decoder.ReadToken()
	return v, err
}

// Parse reads one JSON value. The last of members of the same name counts; they come back sorted by name.
func Parse(data []byte) (Value, error) {
	v, err := read(data)
	v.sort()
	return v, err
}

// sort brings the members of all objects within a new value into the order of their names.
func (v Value) sort() {
	slices.SortFunc(v.members, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	for _, m := range v.members {
		m.Value.sort()
	}
	for _, item := range v.list {
		item.sort()
	}
}
