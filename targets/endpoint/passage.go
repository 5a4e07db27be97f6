package endpoint

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/insightconform/conform/targets/wire"
)

// NewPassage returns a transport for requests that others have made. It asks no proxy, follows no redirect, adds no header,
// and connects to no address where instance metadata is served. What it waits for is up to the one who asks.
func NewPassage(conns int, roots *x509.CertPool) *http.Transport {
	// A connection is kept shorter than servers keep it, so that none is used while it is being closed.
	t := NewTransport(&net.Dialer{Timeout: 10 * time.Second, Control: guardDial}, conns, time.Second)
	t.TLSClientConfig.RootCAs = roots
	t.MaxResponseHeaderBytes = 1 << 20
	t.ExpectContinueTimeout = time.Second
	return t
}

// presigned are the members of a query that prove who has signed a request.
var presigned = []string{"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token"}

// Hide takes out of a text what a request, with its query, has shown of its caller's credentials.
func Hide(request http.Header, query string, text []byte) []byte {
	v := veilOf(request, "").with(request.Get("Authorization")).with(request.Get("Cookie"))
	if query != "" {
		members, _ := url.ParseQuery(query) // what can be read of it
		for _, name := range presigned {
			v = v.with(members.Get(name))
		}
		key, _, _ := strings.Cut(members.Get("X-Amz-Credential"), "/")
		v = v.with(key)
	}
	return v.strike(text)
}

// IsSigned reports whether a request, with its query, is one to an API of AWS: signed, or with a header that only those have.
func IsSigned(request http.Header, query string) bool {
	members, _ := url.ParseQuery(query)
	return wire.Signed(request).Region != "" || request.Get(wire.TargetHeader) != "" || members.Has("X-Amz-Signature") || members.Has("Signature")
}
