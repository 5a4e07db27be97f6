package endpoint

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/insightconform/conform/targets/wire"
)

// Proxy says which proxy a request goes through, nil for none.
type Proxy func(*http.Request) (*url.URL, error)

// guarded goes through a proxy, but not to hosts that resolve to where instance metadata is served: the proxy might connect
// there. What does not resolve here may be known to the proxy.
func (ask Proxy) guarded() func(*http.Request) (*url.URL, error) {
	var known sync.Map // the error by host
	return func(req *http.Request) (*url.URL, error) {
		proxy, err := ask(req)
		if proxy == nil || err != nil {
			return nil, err
		}
		host := req.URL.Hostname()
		refusal, seen := known.Load(host)
		if !seen {
			ctx, cancel := context.WithTimeout(req.Context(), 2*time.Second)
			defer cancel()
			addresses, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
			refusal = slices.ContainsFunc(addresses, func(a netip.Addr) bool { return metadataAddr(a) })
			known.Store(host, refusal)
		}
		if refusal.(bool) {
			return nil, errMetadata
		}
		return proxy, nil
	}
}

// note says that a proxy stands before the URL; empty where none does.
func (ask Proxy) note(to *url.URL) string {
	if ask != nil {
		if proxy, err := ask(&http.Request{URL: to}); proxy != nil && err == nil {
			return "requests go through the proxy " + wire.Printable(proxy.Host) + ", whose answers count as the target's"
		}
	}
	return ""
}

// refusedByProxy says that a proxy makes no connection.
func refusedByProxy(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return &proxyError{fmt.Sprintf("the proxy %s makes no connection: it answers %s", proxy.Host, wire.Printable(answer.Status))}
	}
	return nil
}

type proxyError struct{ text string }

func (e *proxyError) Error() string { return e.text }
