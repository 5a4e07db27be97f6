package endpoint

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// awsSuffixes are the domains of all AWS partitions and of what AWS serves beside them; all of aws is Amazon's.
var awsSuffixes = []string{"aws", "aws.dev", "aws.amazon.com", "amazonaws-us-gov.com", "ic.gov", "sgov.gov", "adc-e.uk", "scloud"}

// awsLabels are refused wherever they stand in a host name: no emulator needs them.
var awsLabels = []string{"amazonaws", "amazonwebservices"}

// CheckURL reads the URL of an endpoint. It refuses every host of AWS, in whatever spelling, and
// addresses that serve instance metadata: the real service is another target's business.
func CheckURL(text string) (*url.URL, error) {
	// Refusals come first: a spelling that net/url rejects must still not pass for a mere typing error.
	if host := looseHost(text); isAWS(host) {
		return nil, refused("%s belongs to AWS; the endpoint target is for emulators", wire.Printable(host))
	} else if isMetadata(host) {
		return nil, refused("%s is a link-local address, where instance metadata is served", wire.Printable(host))
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, usage("%s is no URL; write one such as http://127.0.0.1:5000", wire.Printable(wire.WithoutUser(text)))
	}
	switch {
	case u.User != nil:
		return nil, usage("the endpoint URL must not carry a user name or password; leave out what stands before the @")
	case u.Scheme != "http" && u.Scheme != "https", u.Opaque != "":
		return nil, usage("the endpoint URL must start with http:// or https://; write one such as http://127.0.0.1:5000")
	case u.Hostname() == "":
		return nil, usage("the endpoint URL names no host; write one such as http://127.0.0.1:5000")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return nil, usage("the endpoint URL must have no query and no fragment; leave out what stands after the ? or #")
	case strings.ContainsFunc(u.Host, func(c rune) bool { return c > 0x7e || c <= ' ' || c == '%' }):
		return nil, usage("the host of the endpoint URL must be written in ASCII, such as xn--bcher-kva.example")
	}
	if n, err := strconv.ParseUint(cmp.Or(u.Port(), "80"), 10, 16); err != nil || n == 0 {
		return nil, usage("%s is no port; use a number from 1 to 65535", wire.Printable(u.Port()))
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: cmp.Or(u.Path, "/")}, nil
}

var (
	usage   = targets.Class(targets.ErrUsage)
	refused = targets.Class(targets.ErrRefused)
)

// looseHost finds the host that a careless client might see: percent-encoded, in full-width characters, after user@.
func looseHost(text string) string {
	for range 4 {
		text = unescape(text)
	}
	text = fold(text)
	if _, rest, ok := strings.Cut(text, "://"); ok {
		text = rest
	}
	text = strings.TrimLeft(text, "/")
	if i := strings.IndexAny(text, "/?#"); i >= 0 {
		text = text[:i]
	}
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		text = text[i+1:]
	}
	if strings.HasPrefix(text, "[") {
		host, _, _ := strings.Cut(text[1:], "]")
		return host
	}
	if strings.Count(text, ":") == 1 {
		text, _, _ = strings.Cut(text, ":")
	}
	return strings.TrimRight(text, ".")
}

var escaped = regexp.MustCompile(`%[0-9a-fA-F]{2}`)

func unescape(s string) string {
	return escaped.ReplaceAllStringFunc(s, func(code string) string {
		n, _ := strconv.ParseUint(code[1:], 16, 8)
		return string([]byte{byte(n)})
	})
}

// fold lowers letters, maps full-width forms and full stops to ASCII, and drops what takes no room.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0xff01 && r <= 0xff5e:
			r -= 0xfee0
		case r == 0x3002 || r == 0xff61 || r == 0x2024:
			r = '.'
		case r == '\\':
			r = '/'
		case r <= ' ' || r == 0x7f || r == 0xad || r == 0x34f || r == 0x2060 || r == 0xfeff || r >= 0x200b &&
			r <= 0x200f || r >= 0xfe00 && r <= 0xfe0f:
			return -1
		case r == 0x17f:
			r = 's'
		case r >= 0x24b6 && r <= 0x24e9: // circled letters, large and small ones, which IDNA maps too
			r = 'a' + (r-0x24b6)%26
		}
		return []rune(strings.ToLower(string(r)))[0]
	}, s)
}

func isAWS(host string) bool {
	return slices.ContainsFunc(awsSuffixes, func(suffix string) bool { return host == suffix || strings.HasSuffix(host, "."+suffix) }) ||
		slices.ContainsFunc(strings.Split(host, "."), func(label string) bool { return slices.Contains(awsLabels, label) })
}

func isMetadata(host string) bool {
	host, _, _ = strings.Cut(host, "%") // an IPv6 zone
	if addr, err := netip.ParseAddr(host); err == nil {
		return metadataAddr(addr)
	}
	addr, ok := parseLooseIPv4(host)
	return ok && metadataAddr(addr)
}

var (
	linkLocal4 = netip.MustParsePrefix("169.254.0.0/16")
	// AWS serves instance metadata, task credentials and time within this range.
	ec2Metadata6 = netip.MustParsePrefix("fd00:ec2::/32")
	// Under these a gateway or the host itself reaches an IPv4 address, in the four bytes from one on.
	embedding6 = map[netip.Prefix]int{netip.MustParsePrefix("64:ff9b::/96"): 12, netip.MustParsePrefix("64:ff9b:1::/48"): 12,
		netip.MustParsePrefix("::/96"): 12, netip.MustParsePrefix("2002::/16"): 2}
)

func metadataAddr(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return linkLocal4.Contains(addr)
	}
	if ec2Metadata6.Contains(addr) {
		return true
	}
	b := addr.As16()
	for prefix, at := range embedding6 {
		if prefix.Contains(addr) && linkLocal4.Contains(netip.AddrFrom4([4]byte(b[at:at+4]))) {
			return true
		}
	}
	return false
}

// parseLooseIPv4 reads what a C resolver accepts: one to four numbers of any base, the last of which fills what is left.
func parseLooseIPv4(s string) (netip.Addr, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var ip uint64
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 0, 32)
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		if err != nil || n >= 1<<bits {
			return netip.Addr{}, false
		}
		ip = ip<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}), true
}

// guardDial refuses a connection by its address, whatever name it was resolved from.
func guardDial(_, address string, _ syscall.RawConn) error {
	if at, err := netip.ParseAddrPort(address); err == nil && metadataAddr(at.Addr()) {
		return errMetadata
	}
	return nil
}

var errMetadata = fmt.Errorf("%w: the host resolves to a link-local address, where instance metadata is served", targets.ErrRefused)

// hidden stands in answers for what a request has shown of the caller's credentials.
const hidden = "[hidden]"

// veil has what an answer must not repeat, in whatever spelling.
type veil []string

// veilOf covers what proves to a target who has signed a request, and the key that signed it.
func veilOf(header http.Header, key string) (v veil) {
	_, signature, _ := strings.Cut(header.Get("Authorization"), "Signature=")
	for _, secret := range []string{signature, wire.Signed(header).Key, header.Get("X-Amz-Security-Token"), key} {
		v = v.with(secret)
	}
	return v
}

// with covers a text too, unless it is nobody's secret, and an answer may need it.
func (v veil) with(secret string) veil {
	number := strings.Trim(secret, "0123456789") == ""
	if len(secret) < 8 || len(secret) < 20 && (number || strings.Contains(words(), strings.ToLower(secret))) {
		return v
	}
	return append(v, secret)
}

func (v veil) spellings() (all [][]byte) {
	for _, secret := range v {
		all = append(all, plainly([]byte(secret), nil), []byte(hex.EncodeToString([]byte(secret))))
		for before := range 3 { // bytes of what was encoded together with it
			text := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), secret...))
			all = append(all, bytes.ToLower([]byte(text[(8*before+5)/6:8*(before+len(secret))/6])))
		}
	}
	return all
}

// spells tells what a secret, encoded and escaped, may be spelt with.
var spells = func() (table [256]bool) {
	for _, b := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=-_\\%&#; \t\r\n") {
		table[b] = true
	}
	return table
}()

// odd reports whether a secret may be spelt with other bytes, or with fewer than it has.
func odd(secret string) bool {
	for i := range len(secret) {
		if b := secret[i]; !spells[b] || b == '\\' || b == '%' || b == '&' {
			return true
		}
	}
	return false
}

// in reports whether a text repeats some of it. Most have no piece that is long enough, which is soon seen.
func in[T string | []byte](text T, v veil) bool {
	run, longest := 0, 0
	for i := range len(text) {
		if run++; !spells[text[i]] {
			run = 0
		}
		longest = max(longest, run)
	}
	var fit veil
	for _, secret := range v {
		if len(secret) <= longest || odd(secret) {
			fit = append(fit, secret)
		}
	}
	if len(fit) == 0 {
		return false
	}
	plain := plainly([]byte(text), nil)
	return slices.ContainsFunc(fit.spellings(), func(secret []byte) bool { return bytes.Contains(plain, secret) })
}

// words are those of the protocol. Some emulators take any word for a key.
var words = sync.OnceValue(func() string { return strings.ToLower(fmt.Sprint(model.Rules, model.Ops, model.DefaultWorld)) })

// error is an error without it: some quote what came instead of HTTP.
func (v veil) error(err error) error {
	if err == nil || !in(err.Error(), v) {
		return err
	}
	return errors.New(string(v.strike([]byte(err.Error()))))
}

// strike takes out of a text what it should not repeat.
func (v veil) strike(text []byte) []byte {
	if !in(text, v) {
		return text
	}
	where := make([][2]int32, len(text))
	plain := plainly(text, where)
	struck, out := make([]bool, len(text)), make([]byte, 0, len(text))
	for _, secret := range v.spellings() {
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

// plainly reads a text that may be escaped as JSON, URL or HTML, several times over, or broken into lines. If not nil,
// where is filled in with from where to where each byte of what it means stands.
func plainly(text []byte, where [][2]int32) (plain []byte) {
	plain = bytes.Clone(text)
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
				if plain[n] = b; where != nil {
					where[n] = [2]int32{where[from][0], where[from+size-1][1]}
				}
				n++
			}
		}
		plain = plain[:n]
	}
	return plain
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
