package recorded

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// errTooLarge says that one value is larger than any that a recording of these has.
var errTooLarge = errors.New("a value is too large")

// budget bounds how much is read for one value, so that a decoder's buffer cannot fill the memory.
type budget struct {
	in   io.Reader
	most int
	left int
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// stream reads JSON value by value.
type stream struct {
	*jsontext.Decoder
	budget *budget
}

func newStream(in io.Reader, most int) *stream {
	b := &budget{in: in, most: most, left: most}
	return &stream{jsontext.NewDecoder(b, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)), b}
}

// value reads the next value. It stands until the next is read.
func (s *stream) value() (jsontext.Value, error) {
	s.budget.left = s.budget.most
	return s.ReadValue()
}

// skip reads past the next value, however large it is.
func (s *stream) skip() error {
	depth := s.StackDepth()
	for {
		s.budget.left = s.budget.most
		if _, err := s.ReadToken(); err != nil || s.StackDepth() <= depth {
			return err
		}
	}
}

// list calls each for the items of an array that comes next.
func (s *stream) list(each func() error) error {
	if _, err := s.ReadToken(); err != nil {
		return err
	}
	for s.PeekKind() != ']' {
		s.budget.left = s.budget.most
		if kind := s.PeekKind(); kind == 0 {
			_, err := s.ReadToken()
			return err
		} else if kind == ']' {
			break
		}
		if err := each(); err != nil {
			return err
		}
	}
	_, err := s.ReadToken()
	return err
}

// members calls each for the members of an object that comes next, with the value still to be read.
func (s *stream) members(each func(name string) error) error {
	if _, err := s.ReadToken(); err != nil {
		return err
	}
	for s.PeekKind() != '}' {
		s.budget.left = s.budget.most
		name, err := s.ReadToken()
		if err != nil {
			return err
		}
		if err := each(name.String()); err != nil {
			return err
		}
	}
	_, err := s.ReadToken()
	return err
}

// fields calls each for the members of a JSON object that was read. The values are parts of raw.
func fields(raw []byte, each func(name string, v jsontext.Value)) bool {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != '{' {
		return false
	}
	_, _ = d.ReadToken()
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return false
		}
		spelt := name.String()
		v, err := d.ReadValue()
		if err != nil {
			return false
		}
		each(spelt, v)
	}
	_, err := d.ReadToken()
	return err == nil
}

// textOf is the content of a JSON string, empty for other values.
func textOf(v jsontext.Value) string {
	if v.Kind() != '"' {
		return ""
	}
	text, _ := jsontext.AppendUnquote(nil, v) // what of it is no UTF-8 is replaced
	return string(text)
}
