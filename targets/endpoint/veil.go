package endpoint

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
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
			plain, _ := plainly([]byte(spelling), false)
			v = append(v, plain)
		}
	}
	return v
}

// words are those of the protocol. Some emulators take any word for a key.
var words = sync.OnceValue(func() string { return strings.ToLower(fmt.Sprint(model.Rules, model.Ops, model.DefaultWorld)) })

// error is an error without it: some quote what came instead of HTTP.
func (v veil) error(err error) error {
	if err != nil {
		if said := string(v.strike([]byte(err.Error()))); said != err.Error() {
			return errors.New(said)
		}
	}
	return err
}

// strike takes out of a text what it should not repeat.
func (v veil) strike(text []byte) []byte {
	plain, _ := plainly(text, false)
	var struck []bool // of what is plain
	for _, secret := range v {
		for at := 0; ; at++ {
			next := bytes.Index(plain[at:], secret)
			if next < 0 {
				break
			}
			if at += next; struck == nil {
				struck = make([]bool, len(plain))
			}
			for i := range secret {
				struck[at+i] = true
			}
		}
	}
	if struck == nil {
		return text
	}
	_, where := plainly(text, true)
	var out []byte
	copied := int32(0)
	for i, at := range where {
		if struck[i] {
			if i == 0 || !struck[i-1] {
				out = append(append(out, text[copied:at.from]...), hidden...)
			}
			copied = at.to
		}
	}
	return append(out, text[copied:]...)
}

// span is where in a text something stands.
type span struct{ from, to int32 }

// plainly reads a text that may be escaped as JSON, URL or HTML, several times over, or broken into lines: it is in lower
// case then, without spaces, in the usual alphabet of base64. where says, if wanted, where each byte comes from.
func plainly(text []byte, wanted bool) (plain []byte, where []span) {
	plain = bytes.Clone(text)
	if wanted {
		where = make([]span, len(text))
		for i := range where {
			where[i] = span{int32(i), int32(i + 1)}
		}
	}
	const deepest = 8
	for deep, again := 0, true; again && deep < deepest; deep++ {
		n := 0
		again = false
		for from, size := 0, 0; from < len(plain); from += size {
			var b byte
			if b, size = read(plain[from:]); b == 0 {
				continue
			}
			if wanted {
				where[n] = span{where[from].from, where[from+size-1].to}
			}
			plain[n] = b
			n++
			again = again || size > 1
		}
		if plain = plain[:n]; wanted {
			where = where[:n]
		}
	}
	return plain, where
}

var escape = regexp.MustCompile(`(?i)^(?:%|\\x|\\u00|&#x0*)([0-9a-f]{2});?|^&#0*([0-9]{2,3});?|^&(amp);|^\\(.)`)

// read reads one character, or what stands for one, 0 where that is nothing.
func read(text []byte) (b byte, size int) {
	b, size = text[0], 1
	if b == '\\' || b == '%' || b == '&' {
		for size < len(text) && text[size-1] == '\\' && text[size] == '\\' {
			size++
		}
		if m := escape.FindSubmatch(text[size-1 : min(len(text), size+16)]); m != nil {
			code, _ := strconv.ParseUint(string(m[1]), 16, 8)
			switch size += len(m[0]) - 1; {
			case m[2] != nil:
				code, _ = strconv.ParseUint(string(m[2]), 10, 8)
			case m[3] != nil:
				code = '&'
			case m[4] != nil && !bytes.Contains([]byte("nrt"), m[4]):
				code = uint64(m[4][0])
			}
			b = byte(code)
		}
	}
	switch {
	case b == ' ' || b == '\t' || b == '\r' || b == '\n':
		return 0, size
	case b >= 'A' && b <= 'Z':
		return b + 'a' - 'A', size
	case b == '-':
		return '+', size
	case b == '_':
		return '/', size
	}
	return b, size
}
