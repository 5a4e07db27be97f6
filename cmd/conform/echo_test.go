package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/scripts"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/wire"
)

// echo repeats what it is sent, in every place of an answer and in many spellings.
type echo struct {
	http.Handler
	also string // what it knows of the caller beside that

	mu         sync.Mutex
	signatures map[string]bool
}

// spelt writes a text in one of many ways.
func spelt(way int, text string) string {
	spell := func(format string) string {
		var b strings.Builder
		for _, c := range []byte(text) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
	switch way {
	case 1:
		return url.QueryEscape(text)
	case 2:
		return url.QueryEscape(url.QueryEscape(text))
	case 3:
		return spell(`\u%04x`)
	case 4:
		return spell("%%%02x")
	case 5:
		return strings.ToUpper(text)
	case 6:
		return base64.StdEncoding.EncodeToString([]byte(text))
	case 7:
		return base64.URLEncoding.EncodeToString([]byte(" " + text))
	case 8:
		return base64.RawStdEncoding.EncodeToString([]byte("> " + text))
	case 9:
		return hex.EncodeToString([]byte(text))
	case 10:
		return strings.ReplaceAll(text, "/", `\/`)
	case 11:
		return spell("&#%d;")
	case 12:
		return spell("&#x%x;")
	case 13: // as MIME breaks lines
		return regexp.MustCompile(`.{40}`).ReplaceAllString(base64.StdEncoding.EncodeToString([]byte(text)), "$0\r\n")
	case 14:
		inner, _ := json.Marshal(map[string]string{"headers": strings.ReplaceAll(text, "+", `\u002b`)})
		return string(inner)
	}
	return text
}

const ways = 15

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	e.mu.Lock()
	e.signatures[signature] = true
	n := len(e.signatures)
	e.mu.Unlock()
	var head strings.Builder
	r.Header.Write(&head)
	everything := spelt(n%ways, head.String()+e.also)

	right := httptest.NewRecorder()
	e.Handler.ServeHTTP(right, r)
	var body map[string]any
	_ = json.Unmarshal(right.Body.Bytes(), &body)
	refused := right.Code >= 400 && body != nil
	w.Header().Set("Content-Type", wire.ContentType)
	w.Header().Set("X-Echo", url.QueryEscape(everything))
	switch op := r.Header.Get(wire.TargetHeader); {
	case refused && strings.HasSuffix(op, ".GetInsightSelectors"):
		body["__type"], body["Message"] = "Echo"+r.Header.Get("X-Amz-Security-Token")+signature+"Exception", everything
	case refused && strings.HasSuffix(op, ".PutInsightSelectors"):
		w.Header().Set("X-Amzn-ErrorType", wire.Signed(r.Header).Key+"Exception")
		body["headers"] = everything
	case strings.HasSuffix(op, ".GetInsightSelectors"):
		body[signature], body["Echo"+everything] = e.also, everything
		body["TrailARN"] = "arn:aws:cloudtrail:us-east-1:123456789012:trail/" + r.Header.Get("Authorization")
	case strings.HasSuffix(op, ".GetTrail"):
		w.Header().Set("Content-Type", wire.Signed(r.Header).Key+"/"+signature)
		w.WriteHeader(500)
		fmt.Fprintf(w, "<pre>%s</pre>%s", html.EscapeString(everything), head.String())
		return
	case refused:
		body["message"], body["__type"] = everything, fmt.Sprint(body["__type"])+"#"+e.also
	case body != nil:
		body["Echo"] = everything
	}
	w.WriteHeader(right.Code)
	if body == nil {
		w.Write(right.Body.Bytes())
		return
	}
	var plain bytes.Buffer
	out := json.NewEncoder(&plain)
	out.SetEscapeHTML(n%2 == 0)
	_ = out.Encode(body)
	if n%ways == 3 { // the escapes are those of JSON itself
		plain = *bytes.NewBuffer(bytes.ReplaceAll(plain.Bytes(), []byte(`\\u00`), []byte(`\u00`)))
	}
	w.Write(plain.Bytes())
}

// readable undoes what spelt does, as often as it was done, so that a search finds what anybody could find.
func readable(text string) string {
	var b strings.Builder
	unescaped := func(s string) string {
		s = html.UnescapeString(s)
		s = regexp.MustCompile(`%[0-9a-fA-F]{2}|\\+u00[0-9a-fA-F]{2}`).ReplaceAllStringFunc(s, func(code string) string {
			c, _ := hex.DecodeString(code[len(code)-2:])
			return string(c)
		})
		return strings.NewReplacer(`\/`, "/", `\n`, "", `\r`, "", "\n", "", "\r", "").Replace(s)
	}
	for range 4 {
		b.WriteString(text + "\n")
		text = unescaped(text)
	}
	for _, run := range regexp.MustCompile(`[A-Za-z0-9+/_-]{11,}`).FindAllString(text, -1) {
		run = strings.NewReplacer("-", "+", "_", "/").Replace(run)
		for from := range 4 {
			data, _ := base64.RawStdEncoding.DecodeString(run[from:])
			b.Write(data)
			data, _ = base64.RawStdEncoding.DecodeString(run[from : len(run)-1])
			b.Write(data)
		}
		data, _ := hex.DecodeString(run[:len(run)/2*2])
		b.Write(data)
	}
	return strings.ToLower(b.String())
}

// TestNothingThatWasSentIsWritten looks through all that is written about a server that repeats what it is sent.
func TestNothingThatWasSentIsWritten(t *testing.T) {
	const key, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	const token = "IQoJb3JpZ2luX2VjEPT//////////wEaCXVzLWVhc3QtMSJH+MEUCIQDx/y4z5Kq8+Q=="
	assert.Contains(t, readable("Basic "+spelt(7, secret)), strings.ToLower(secret), "the search finds what is there")
	t.Setenv("AWS_ACCESS_KEY_ID", key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("AWS_SESSION_TOKEN", token)
	wrong, err := embedded.NewServer(embedded.ServerOptions{Fault: "appends-selectors"})
	require.NoError(t, err)
	e := &echo{Handler: wrong, also: secret, signatures: map[string]bool{}}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	t.Chdir(dir)
	var said bytes.Buffer
	conform := func(code int, args ...string) {
		if args[0] != "export" {
			args = append(args, "--endpoint", server.URL, "--use-environment-credentials", "--timeout", "2s")
		}
		got := command(t, args...)
		require.Equal(t, code, got.code, got.stderr)
		said.WriteString(got.stdout + got.stderr)
	}
	conform(reports.ExitDiverges, "run", "--requests", "120", "--seed", "3", "--shrink-requests", "20", "--verbose", "--traces", "traces", "--report", "text", "--report", "json=r.json",
		"--report", "html=r.html", "--report", "junit=r.xml", "--report", "markdown=r.md", "--report", "ndjson=r.ndjson", "--report", "text=r.txt",
		"--baseline", "base.yaml", "--update-baseline")
	traces, err := filepath.Glob("traces/*.json")
	require.NoError(t, err)
	require.Greater(t, len(traces), 3)
	for i, trace := range traces {
		assert.Regexp(t, `^traces/[a-z-]+_[a-z-]+_[A-Za-z]+-[0-9a-f]{8}\.json$`, trace)
		if i > 2 {
			continue
		}
		for _, form := range scripts.Forms {
			conform(0, "export", trace, "--as", form)
		}
	}
	conform(reports.ExitDiverges, append([]string{"replay", "--verbose"}, traces[:5]...)...)
	conform(0, "plan")
	stopped, cancel := context.WithTimeout(t.Context(), time.Second/2)
	defer cancel()
	require.Equal(t, reports.ExitInterrupted, run(stopped, []string{"learn", "--verbose", "--endpoint", server.URL, "--use-environment-credentials"}, nil, &said, &said, nil))
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		said.WriteString(path + "\n")
		said.Write(data)
		return err
	}))

	assert.Contains(t, said.String(), "[hidden]")
	found := readable(said.String())
	for name, text := range map[string]string{"key": key, "secret": secret, "token": token} {
		at := strings.Index(found, strings.ToLower(text))
		assert.Negative(t, at, name)
		if at >= 0 {
			t.Logf("%q", found[max(0, at-200):min(len(found), at+300)])
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, run := range regexp.MustCompile(`[0-9a-f]{64,}`).FindAllString(found, -1) {
		for at := range len(run) - 63 {
			assert.False(t, e.signatures[run[at:at+64]], "a signature")
		}
	}
}
