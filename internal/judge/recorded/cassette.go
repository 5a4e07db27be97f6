package recorded

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/insightconform/conform/model/value"
)

const (
	maxCassette = 32 << 20 // bytes; a cassette is read as a whole
	maxNodes    = 2 << 20  // values, aliases followed
	maxDepth    = 100
)

// cassette reads a cassette of vcrpy or go-vcr. It has no times: those that its calls get are made up, and say in which
// order they stand.
func (r *reader) cassette(file int, in io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(in, maxCassette+1))
	var v value.Value
	switch {
	case err == nil && len(data) > maxCassette:
		err = errTooLarge
	case err == nil:
		v, err = parseCassette(data)
	}
	if err != nil { // nothing was known before it that it could have changed
		r.skip(damage(err), r.files[file].path)
		return nil
	}
	r.cassettes++
	begin := int64(r.cassettes) * int64(24*time.Hour)
	list := v.Get("interactions")
	if list.Kind() != value.List {
		r.skip("a cassette of another shape", r.files[file].path)
		return nil
	}
	const step = int64(10 * time.Millisecond)
	last := begin
	for i, x := range list.Items() {
		r.sum.Read++
		m := &message{format: FormatCassette, untimed: true, file: file, number: i + 1, start: begin + int64(i)*step}
		m.end = m.start + step/2
		last = m.end
		m.readInteraction(x)
		if m.method == "" && m.url == "" {
			r.lacks(m, "an interaction of another shape")
			continue
		}
		if err := r.call(m); err != nil {
			return err
		}
	}
	r.traffic = append(r.traffic, span{begin, last, r.files[file].path})
	return nil
}

// readInteraction reads one call as vcrpy or go-vcr keeps it.
func (m *message) readInteraction(x value.Value) {
	request, response := x.Get("request"), x.Get("response")
	m.method = strings.ToUpper(request.Get("method").Text())
	m.url = request.Get("uri").Text() + request.Get("url").Text() // the former is vcrpy's
	m.request, m.response = headerMap(request.Get("headers")), headerMap(response.Get("headers"))
	body := request.Get("body")
	var ok bool
	m.sent, ok = bodyOf(body)
	m.requestLacks = !ok || !body.Given()                                           // that it was taken out is likelier than that there was none
	code := response.Get("code").Text() + response.Get("status").Get("code").Text() // the latter is vcrpy's
	status, err := strconv.Atoi(code)
	if err != nil || status < 100 || status > 999 {
		m.unanswered = "no answer"
		return
	}
	m.status = status
	m.received, ok = bodyOf(response.Get("body"))
	m.unknown = !ok
}

// bodyOf is a text, or an object that has it; nothing recorded is an empty body.
func bodyOf(v value.Value) (body []byte, ok bool) {
	if v.Kind() == value.Object {
		if packed := v.Get("base64_string"); packed.Kind() == value.String {
			return plainBody(packed.Text(), "base64")
		}
		v = v.Get("string")
	}
	switch v.Kind() {
	case value.String, value.Number:
		return plainBody(v.Text(), "")
	case value.Absent, value.Null:
		return nil, true
	}
	return nil, false
}

// headerMap reads headers with a value or a list of them.
func headerMap(v value.Value) http.Header {
	h := http.Header{}
	for _, m := range v.Members() {
		values := m.Value.Items()
		if m.Value.Kind() != value.List {
			values = []value.Value{m.Value}
		}
		for _, x := range values {
			if m.Name != "" && m.Name[0] != ':' {
				h.Add(m.Name, x.Text())
			}
		}
	}
	return h
}

// parseCassette reads JSON, or YAML.
func parseCassette(data []byte) (v value.Value, err error) {
	data = bytes.TrimSpace(bytes.TrimPrefix(data, byteOrderMark))
	if bytes.HasPrefix(data, []byte("{")) {
		return value.Parse(data)
	}
	defer func() {
		if problem := recover(); problem != nil { // of the parser, which reads what others wrote
			v, err = value.Value{}, fmt.Errorf("no YAML: %v", problem)
		}
	}()
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return value.Value{}, err
	}
	c := conversion{left: maxNodes}
	v = c.value(&root, 0)
	if c.left <= 0 {
		return value.Value{}, errTooLarge
	}
	return v, c.err
}

// conversion turns YAML into values, within bounds: aliases may stand for more than any memory holds.
type conversion struct {
	left int
	err  error
}

func (c *conversion) value(n *yaml.Node, depth int) value.Value {
	if c.left--; c.left <= 0 || depth > maxDepth {
		c.err = errors.New("a cassette with too much in it")
		return value.NullValue
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) > 0 {
			return c.value(n.Content[0], depth+1)
		}
	case yaml.AliasNode:
		return c.value(n.Alias, depth+1)
	case yaml.SequenceNode:
		items := make([]value.Value, 0, len(n.Content))
		for _, x := range n.Content {
			items = append(items, c.value(x, depth+1))
		}
		return value.ListOf(items...)
	case yaml.MappingNode:
		members := make([]value.Member, 0, len(n.Content)/2)
		names := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if name := n.Content[i].Value; !names[name] {
				names[name] = true
				members = append(members, value.Member{Name: name, Value: c.value(n.Content[i+1], depth+1)})
			}
		}
		return value.ObjectOf(members...)
	case yaml.ScalarNode:
		return scalar(n)
	}
	return value.NullValue
}

func scalar(n *yaml.Node) value.Value {
	switch n.ShortTag() {
	case "!!null":
		return value.NullValue
	case "!!int", "!!float":
		return value.Num(n.Value)
	case "!!binary":
		packed := strings.Map(func(c rune) rune {
			if strings.ContainsRune(" \t\r\n", c) {
				return -1
			}
			return c
		}, n.Value)
		if data, err := base64.StdEncoding.DecodeString(packed); err == nil {
			return value.Str(string(data))
		}
	}
	return value.Str(n.Value)
}
