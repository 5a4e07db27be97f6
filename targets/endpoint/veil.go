package endpoint

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// hidden stands in answers for what a request has shown of the caller's credentials.
const hidden = "[hidden]"

// veil has the spellings of what an answer must not repeat.
type veil [][]byte

// veilOf covers what proves to a target who has signed a request, and the key that signed it.
func veilOf(header http.Header, key string) (v veil) {
	_, signature, _ := strings.Cut(header.Get("Authorization"), "Signature=")
	for _, secret := range []string{signature, wire.Signed(header).Key, header.Get("X-Amz-Security-Token"), key} {
		if len(secret) < 8 || naming.IsAccount(secret) || len(secret) < 20 && strings.Contains(words(), strings.ToLower(secret)) {
			continue // nobody's secret, and an answer may need it
		}
		spellings := []string{secret, hex.EncodeToString([]byte(secret))}
		for before := range 3 { // bytes of what was encoded together with it
			text := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), secret...))
			spellings = append(spellings, text[(8*before+5)/6:8*(before+len(secret))/6])
		}
		for _, spelling := range spellings {
			plain, _ := plainly([]byte(spelling))
			v = append(v, plain)
		}
	}
	return v
}

// words are those of the protocol. Some emulators take any word for a key.
var words = sync.OnceValue(func() string { return strings.ToLower(fmt.Sprint(model.Rules, model.Ops, model.DefaultWorld)) })

// error is an error without it: some quote what came instead of HTTP.
func (v veil) error(err error) error {
	if err == nil || string(v.strike([]byte(err.Error()))) == err.Error() {
		return err
	}
	return errors.New(string(v.strike([]byte(err.Error()))))
}

// strike takes out of a text what it should not repeat.
func (v veil) strike(text []byte) (out []byte) {
	plain, where := plainly(text)
	struck := make([]bool, len(text))
	for _, secret := range v {
		for at := 0; bytes.Contains(plain[at:], secret); at++ {
			at += bytes.Index(plain[at:], secret)
			for i := where[at][0]; i < where[at+len(secret)-1][1]; i++ {
				struck[i] = true
			}
		}
	}
	for i, b := range text {
		if !struck[i] {
			out = append(out, b)
		} else if i == 0 || !struck[i-1] {
			out = append(out, hidden...)
		}
	}
	return out
}

// plainly reads a text that may be escaped as JSON, URL or HTML, several times over, or broken into lines: where says
// from where to where each byte of what it means stands.
func plainly(text []byte) (plain []byte, where [][2]int32) {
	plain, where = bytes.Clone(text), make([][2]int32, len(text))
	for i := range where {
		where[i] = [2]int32{int32(i), int32(i + 1)}
	}
	const deepest = 8
	for deep, before := 0, -1; deep < deepest && len(plain) != before; deep++ {
		before = len(plain)
		n := 0
		for from, size := 0, 0; from < before; from += size {
			var b byte
			if b, size = read(plain[from:]); b != 0 {
				plain[n], where[n] = b, [2]int32{where[from][0], where[from+size-1][1]}
				n++
			}
		}
		plain = plain[:n]
	}
	return plain, where
}

var escape = regexp.MustCompile(`(?i)^(?:%|\\x|\\u00)([0-9a-f]{2})|^\\[nrt]|^\\(.)|^&#?\w{2,6};`)

// Without letter case, in one of the alphabets of base64, and without white space.
const (
	spelt = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_ \t\r\n"
	meant = "abcdefghijklmnopqrstuvwxyz+/\x00\x00\x00\x00"
)

// read reads one character, or what stands for one, 0 where that is nothing.
func read(text []byte) (b byte, size int) {
	b, size = text[0], 1
	if b == '\\' || b == '%' || b == '&' {
		for size < len(text) && text[size-1] == '\\' && text[size] == '\\' {
			size++
		}
		if m := escape.FindSubmatch(text[size-1 : min(len(text), size+8)]); m != nil {
			size += len(m[0]) - 1
			code, _ := hex.DecodeString(string(m[1]))
			if b = append(append(code, m[2]...), 0)[0]; m[0][0] == '&' {
				b = html.UnescapeString(string(m[0]))[0]
			}
		}
	}
	if i := strings.IndexByte(spelt, b); i >= 0 {
		b = meant[i]
	}
	return b, size
}
