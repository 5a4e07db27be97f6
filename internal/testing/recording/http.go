package recording

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// HTTPOptions say how recordings of HTTP keep it.
type HTTPOptions struct {
	Base64 bool // bodies are in base64, where the format has that
	Gzip   bool // answers are compressed, and kept so
	HTTP2  bool // headers are in small letters, with the pseudo-headers among them
}

type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// headers lists headers with their values.
func (o HTTPOptions) headers(h http.Header, pseudo ...pair) []pair {
	out := []pair{}
	if o.HTTP2 {
		out = append(out, pseudo...)
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		spelt := name
		if o.HTTP2 {
			spelt = strings.ToLower(name)
		}
		for _, v := range h[name] {
			out = append(out, pair{spelt, v})
		}
	}
	return out
}

// answer is the answer of a call as it went over the wire.
func (o HTTPOptions) answer(c *Call) (http.Header, []byte) {
	if !o.Gzip || c.Status == 0 {
		return c.Response, c.Received
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(c.Received)
	_ = w.Close()
	h := c.Response.Clone()
	h.Set("Content-Encoding", "gzip")
	return h, packed.Bytes()
}

// HAR is a HAR file of calls, as proxies and browsers write it.
func HAR(calls []Call, o HTTPOptions) []byte {
	entries := []any{}
	for i := range calls {
		c := &calls[i]
		host := strings.TrimPrefix(c.URL, "http://")
		post := map[string]any{"mimeType": c.Request.Get("Content-Type"), "params": []any{}, "text": string(c.Sent)}
		if o.Base64 {
			post["text"], post["encoding"] = base64.StdEncoding.EncodeToString(c.Sent), "base64"
		}
		pseudo := []pair{{":authority", host}, {":method", c.Method}, {":path", "/"}, {":scheme", "http"}}
		request := map[string]any{"method": c.Method, "url": c.URL, "httpVersion": "HTTP/1.1", "cookies": []any{},
			"queryString": []any{}, "headers": o.headers(c.Request, pseudo...), "headersSize": -1, "bodySize": len(c.Sent)}
		if len(c.Sent) > 0 {
			request["postData"] = post
		}
		header, body := o.answer(c)
		content := map[string]any{"size": len(c.Received), "compression": 0, "text": string(body),
			"mimeType": header.Get("Content-Type")}
		if o.Base64 || o.Gzip {
			content["text"], content["encoding"] = base64.StdEncoding.EncodeToString(body), "base64"
		}
		response := map[string]any{"status": c.Status, "statusText": http.StatusText(c.Status), "httpVersion": "HTTP/1.1",
			"cookies": []any{}, "headers": o.headers(header, pair{":status", fmt.Sprint(c.Status)}), "content": content,
			"redirectURL": "", "headersSize": -1, "bodySize": len(body)}
		if c.Status == 0 {
			response["_error"] = "net::ERR_EMPTY_RESPONSE"
			response["content"] = map[string]any{"size": 0, "mimeType": "x-unknown"}
		}
		took := float64(c.End.Sub(c.Start).Nanoseconds()) / 1e6
		entries = append(entries, map[string]any{
			"startedDateTime": c.Start.UTC().Format("2006-01-02T15:04:05.000000000Z07:00"), "time": took, "request": request, "response": response, "cache": map[string]any{},
			"timings": map[string]any{"send": 0, "wait": took, "receive": 0}, "serverIPAddress": "127.0.0.1"})
	}
	out, _ := json.MarshalIndent(map[string]any{"log": map[string]any{"version": "1.2",
		"creator": map[string]any{"name": "mitmproxy", "version": "12.1"}, "pages": []any{}, "entries": entries}}, "", "    ")
	return out
}

// lists are headers as cassettes keep them.
func lists(h http.Header) map[string][]string { return h }

type vcrpyRequest struct {
	Body    string              `json:"body"`
	Headers map[string][]string `json:"headers"`
	Method  string              `json:"method"`
	URI     string              `json:"uri"`
}

type vcrpyResponse struct {
	Body    map[string]string   `json:"body"`
	Headers map[string][]string `json:"headers"`
	Status  struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"status"`
}

type vcrpyCall struct {
	Request  vcrpyRequest  `json:"request"`
	Response vcrpyResponse `json:"response"`
}

// VCRPy is a cassette of vcrpy. It has no calls without an answer.
func VCRPy(calls []Call, o HTTPOptions, asJSON bool) []byte {
	cassette := struct {
		Interactions []vcrpyCall `json:"interactions"`
		Version      int         `json:"version"`
	}{[]vcrpyCall{}, 1}
	for i := range calls {
		c := &calls[i]
		if c.Status == 0 {
			continue
		}
		header, body := o.answer(c)
		x := vcrpyCall{Request: vcrpyRequest{string(c.Sent), lists(c.Request), c.Method, c.URL}}
		x.Response.Headers, x.Response.Body = lists(header), map[string]string{"string": string(body)}
		if asJSON && o.Base64 {
			x.Response.Body = map[string]string{"base64_string": base64.StdEncoding.EncodeToString(body)}
		}
		x.Response.Status.Code, x.Response.Status.Message = c.Status, http.StatusText(c.Status)
		cassette.Interactions = append(cassette.Interactions, x)
	}
	if asJSON {
		out, _ := json.MarshalIndent(cassette, "", "    ")
		return out
	}
	out, _ := yaml.Marshal(cassette)
	return out
}

// GoVCR is a cassette of go-vcr, of version 1 of its format (v1 and v2) or 2 (v3 and v4).
func GoVCR(calls []Call, o HTTPOptions, version int) []byte {
	list := []any{}
	for i := range calls {
		c := &calls[i]
		if c.Status == 0 {
			continue
		}
		header, body := o.answer(c)
		request := map[string]any{"body": string(c.Sent), "form": map[string]any{}, "headers": lists(c.Request),
			"url": c.URL, "method": c.Method}
		response := map[string]any{"body": string(body), "headers": lists(header), "code": c.Status, "duration": "",
			"status": fmt.Sprintf("%d %s", c.Status, http.StatusText(c.Status))}
		x := map[string]any{"request": request, "response": response}
		if version == 2 {
			x["id"] = i
			request["proto"], request["proto_major"], request["proto_minor"] = "HTTP/1.1", 1, 1
			request["content_length"] = len(c.Sent)
			request["host"] = strings.TrimSuffix(strings.TrimPrefix(c.URL, "http://"), "/")
			response["proto"], response["proto_major"], response["proto_minor"] = "HTTP/1.1", 1, 1
			response["content_length"], response["uncompressed"] = len(body), false
			response["duration"] = c.End.Sub(c.Start).String()
		}
		list = append(list, x)
	}
	out, _ := yaml.Marshal(map[string]any{"version": version, "interactions": list})
	return append([]byte("---\n"), out...)
}
