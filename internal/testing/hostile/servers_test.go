// Package hostile has servers that misbehave in every way that is known, and the table of what a run against each of
// them may come to: its exit codes, its time and its memory. It has tests alone.
package hostile

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/targets/embedded"
)

const contentType = "application/x-amz-json-1.1"

// fault answers a request wrongly. next is the reference, should it want to.
type fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// reference is a server that answers rightly.
func reference(t *testing.T) *embedded.Server {
	server, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	return server
}

// serve runs a handler until the test is over.
func serve(t *testing.T, handler http.Handler) string {
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = silent
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// spoilt is a right server but for each n-th request after the first ones.
func spoilt(t *testing.T, first, each int64, wrong fault) http.Handler {
	right := reference(t)
	var count atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := count.Add(1) - first; n > 0 && n%each == 0 {
			body, _ := io.ReadAll(r.Body) // else net/http does not notice that a caller is gone
			r.Body = io.NopCloser(bytes.NewReader(body))
			wrong(w, r, right)
			return
		}
		right.ServeHTTP(w, r)
	})
}

// says answers one thing.
func says(status int, media, body string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if media != "" {
			w.Header().Set("Content-Type", media)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// refuses answers an error with a code that is made for each request.
func refuses(status int, code func(n int64) string) fault {
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		says(status, contentType, text(map[string]any{"__type": code(count.Add(1)), "Message": "no"}))(w, r, next)
	}
}

func always(code string) func(int64) string { return func(int64) string { return code } }

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// changes lets the reference answer, and changes the bytes of its successes.
func changes(change func(body []byte) []byte) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		if answer.Code == http.StatusOK {
			body = change(body)
		}
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(answer.Code)
		w.Write(body)
	}
}

// adds puts a member before those of a success.
func adds(member string) fault {
	return changes(func(body []byte) []byte {
		if len(body) < 3 {
			return []byte("{" + member + "}")
		}
		return []byte("{" + member + "," + string(body[1:]))
	})
}

// instead replaces a member of the successes of Put and Get.
func instead(name, value string) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "InsightSelectors") {
			next.ServeHTTP(w, r)
			return
		}
		changes(func(body []byte) []byte {
			var members map[string]json.RawMessage
			if json.Unmarshal(body, &members) != nil {
				return body
			}
			members[name] = json.RawMessage(value)
			return []byte(text(members))
		})(w, r, next)
	}
}

// raw writes bytes in place of an answer, and closes.
func raw(pieces ...string) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer connection.Close()
		for _, piece := range pieces {
			if _, err := io.WriteString(connection, piece); err != nil {
				return
			}
		}
	}
}

// endless writes a beginning, and then the same for as long as anyone listens.
func endless(beginning, more string, pause time.Duration) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer connection.Close()
		connection.SetDeadline(time.Now().Add(20 * time.Second)) // a test that hangs ends all the same
		for _, err = io.WriteString(connection, beginning); err == nil; _, err = io.WriteString(connection, more) {
			time.Sleep(pause)
		}
	}
}

// reset ends the connection with a reset, after so many bytes of an answer.
func reset(some string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		io.WriteString(connection, some)
		connection.(*net.TCPConn).SetLinger(0)
		connection.Close()
	}
}

// head is the beginning of a raw answer.
func head(status string, more ...string) string {
	return "HTTP/1.1 " + status + "\r\nContent-Type: " + contentType + "\r\n" + strings.Join(append(more, "\r\n"), "\r\n")
}

func late(by time.Duration) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		select {
		case <-time.After(by):
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

func hangs(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	select {
	case <-r.Context().Done():
	case <-time.After(20 * time.Second):
	}
}

// bomb is a small answer that unpacks to a hundred megabytes.
var bomb = sync.OnceValue(func() string {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	zeros := make([]byte, 1<<20)
	for range 100 {
		w.Write(zeros)
	}
	w.Close()
	return packed.String()
})

func gzipped(w http.ResponseWriter, r *http.Request, next http.Handler) {
	w.Header().Set("Content-Encoding", "gzip")
	says(200, contentType, bomb())(w, r, next)
}

// headers answers rightly, with more header fields than anyone needs.
func headers(n, size int) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		for i := range n {
			w.Header().Set(fmt.Sprintf("X-More-%d", i), strings.Repeat("x", size))
		}
		next.ServeHTTP(w, r)
	}
}

// informs sends answers of class 1xx before the right one.
func informs(n int) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		for range n {
			w.WriteHeader(http.StatusEarlyHints)
		}
		next.ServeHTTP(w, r)
	}
}

// echoes repeats in its errors what it was sent.
func echoes(w http.ResponseWriter, r *http.Request, next http.Handler) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	if answer.Code == http.StatusOK {
		w.Write(answer.Body.Bytes())
		return
	}
	says(400, contentType, text(map[string]any{"__type": r.Header.Get("Authorization"), "Message": r.Header}))(w, r, next)
}

// noise answers bytes by chance.
func noise(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	data := make([]byte, 2000)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	w.Write(data)
}

// forgetful begins anew after every so many requests.
func forgetful(t *testing.T, each int64) http.Handler {
	var mu sync.Mutex
	var current http.Handler = reference(t)
	count := int64(0)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if count++; count%each == 0 {
			current, _ = embedded.NewServer(embedded.ServerOptions{})
		}
		now := current
		mu.Unlock()
		now.ServeHTTP(w, r)
	})
}

// away resets every connection for some time after the first requests.
func away(t *testing.T, first int64, during time.Duration) http.Handler {
	right, until := reference(t), atomic.Int64{}
	var count atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if count.Add(1) == first {
			until.Store(time.Now().Add(during).UnixNano())
		}
		if time.Now().UnixNano() < until.Load() {
			reset("")(w, r, nil)
			return
		}
		right.ServeHTTP(w, r)
	})
}

// accepting serves bare connections and returns the URL that leads to them.
func accepting(t *testing.T, answer func(net.Conn)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				connection.SetDeadline(time.Now().Add(20 * time.Second))
				answer(connection)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// faulty is a server with one of the faults of the embedded one.
func faulty(t *testing.T, name string) http.Handler {
	server, err := embedded.NewServer(embedded.ServerOptions{Fault: name})
	require.NoError(t, err)
	return server
}
