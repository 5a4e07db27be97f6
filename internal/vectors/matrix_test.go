package vectors

import (
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
)

// played is what became of each vector on one server, each played alone, whatever it requires.
type played map[string]result

// play plays all vectors of a set against a server, each in an account by itself.
func play(set *Set, h http.Handler, alone, all bool) played {
	r := newRunner(set, nil)
	r.alone = alone
	if all {
		for name := range set.Index.Capabilities {
			r.known[name] = ""
		}
	}
	account := 700_000_000_000
	r.begin = func() {
		account++
		r.symbols["account"] = fmt.Sprint(account)
		r.send = handled(h, r.symbols["account"])
	}
	out := played{}
	for _, v := range set.Vectors {
		out[v.ID] = r.result(v.ID)
	}
	return out
}

// playAll plays a set against many servers.
func playAll(set *Set, alone bool, servers []http.Handler) []played {
	out := make([]played, len(servers))
	var next atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(servers); i = int(next.Add(1)) - 1 {
				out[i] = play(set, servers[i], alone, true)
			}
		})
	}
	wait.Wait()
	return out
}
