package wire

import (
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
)

// parse reads a body that is a JSON object. Usual bodies are read in one
// pass here, since an answer is read for every request; all others are left to model.ParseValue.
func parse(body []byte) (model.Value, bool) {
	p := parser{text: string(body)}
	if v, ok := p.value(0); ok {
		if p.space(); p.at == len(p.text) {
			return v, v.Kind() == model.Object
		}
	}
	v, err := model.ParseValue(body)
	if err != nil || v.Kind() != model.Object {
		return model.Value{}, false
	}
	return v, true
}

// parser reads JSON of printable ASCII without escapes, duplicate members or unusual numbers. It
// gives up on anything else.
type parser struct {
	text string
	at   int
}

// maxDepth is far above what an answer has, and far below what hurts.
const maxDepth = 32

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\n', '\r', '\t':
			p.at++
		default:
			return
		}
	}
}

// next skips white space and returns the byte there, 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) value(depth int) (model.Value, bool) {
	if depth > maxDepth {
		return model.Value{}, false
	}
	switch c := p.next(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.list(depth)
	case c == '"':
		s, ok := p.string()
		return model.Str(s), ok
	case c >= '0' && c <= '9':
		return p.number()
	case p.word("true"):
		return model.Boolean(true), true
	case p.word("false"):
		return model.Boolean(false), true
	case p.word("null"):
		return model.NullValue, true
	}
	return model.Value{}, false
}

func (p *parser) word(word string) bool {
	if !strings.HasPrefix(p.text[p.at:], word) {
		return false
	}
	p.at += len(word)
	return true
}

func (p *parser) string() (string, bool) {
	start := p.at + 1
	for i := start; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			return p.text[start:i], true
		case c < ' ' || c == '\\' || c > '~':
			return "", false
		}
	}
	return "", false
}

func (p *parser) number() (model.Value, bool) {
	start := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	literal := p.text[start:p.at]
	if literal[0] == '0' && len(literal) > 1 {
		return model.Value{}, false
	}
	return model.Num(literal), true // a fraction or an exponent fails at what follows
}

func (p *parser) list(depth int) (model.Value, bool) {
	p.at++
	if p.next() == ']' {
		p.at++
		return model.ListOf(), true
	}
	var items []model.Value
	for {
		item, ok := p.value(depth + 1)
		if !ok {
			return model.Value{}, false
		}
		items = append(items, item)
		switch p.next() {
		case ',':
			p.at++
		case ']':
			p.at++
			return model.ListOf(items...), true
		default:
			return model.Value{}, false
		}
	}
}

func (p *parser) object(depth int) (model.Value, bool) {
	p.at++
	if p.next() == '}' {
		p.at++
		return model.Obj(), true
	}
	var buffer [8]model.Member
	members := buffer[:0]
	for {
		if p.next() != '"' {
			return model.Value{}, false
		}
		name, ok := p.string()
		if !ok || p.next() != ':' {
			return model.Value{}, false
		}
		p.at++
		value, ok := p.value(depth + 1)
		if !ok {
			return model.Value{}, false
		}
		members = append(members, model.Member{Name: name, Value: value})
		switch p.next() {
		case ',':
			p.at++
			continue
		case '}':
			p.at++
		default:
			return model.Value{}, false
		}
		break
	}
	slices.SortFunc(members, func(a, b model.Member) int { return strings.Compare(a.Name, b.Name) })
	pairs := make([]any, 0, 2*len(members))
	for i, m := range members {
		if i > 0 && m.Name == members[i-1].Name {
			return model.Value{}, false
		}
		pairs = append(pairs, m.Name, m.Value)
	}
	return model.Obj(pairs...), true
}
