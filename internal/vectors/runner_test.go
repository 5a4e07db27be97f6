package vectors

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A runner of vectors, written from the schema alone.

// exchange sends one HTTP request and returns what was answered; an error is no answer.
type exchange func(method, path, region string, header map[string]string, body string) (status int, answered http.Header, got []byte, err error)

type result struct {
	what string // passed, failed, blocked, skipped
	why  string
}

const (
	passed  = "passed"
	failed  = "failed"
	blocked = "blocked"
	skipped = "skipped"
)

type runner struct {
	set     *Set
	send    exchange
	begin   func() // is called before each vector; may be nil
	s3      bool   // the endpoint has an S3, too
	symbols map[string]string
	known   map[string]string // why a capability is absent; empty where it is there
	results map[string]result
	byID    map[string]*Vector
	alone   bool // requires are not heeded
	atOnce  bool // the clients of a step
	round   int  // of a vector of several clients
	reached int  // the step of the last vector that decided, from 0
	last    answer
}

func newRunner(set *Set, send exchange) *runner {
	r := &runner{set: set, send: send, known: map[string]string{}, results: map[string]result{}, byID: map[string]*Vector{},
		symbols: map[string]string{"region": "us-east-1", "away": "eu-west-1", "partition": "aws", "account": "123456789012",
			"other-account": "210987654321", "bucket": "conform-bucket"}}
	for i := range set.Vectors {
		r.byID[set.Vectors[i].ID] = &set.Vectors[i]
	}
	return r
}

func (r *runner) can(name string) string {
	why, known := r.known[name]
	if known {
		return why
	}
	why = "no probe succeeded"
	for _, probe := range r.set.Index.Capabilities[name].Probes {
		if r.play(probe, "").what == passed {
			why = ""
			break
		}
	}
	r.known[name] = why
	return why
}

func (r *runner) result(id string) result {
	if out, known := r.results[id]; known {
		return out
	}
	v := r.byID[id]
	out := result{}
	for _, need := range v.Needs {
		if why := r.can(need); why != "" && out.what == "" {
			out = result{skipped, need + " is absent"}
		}
	}
	for _, other := range v.Requires {
		if out.what == "" && !r.alone {
			if first := r.result(other); first.what == failed || first.what == blocked {
				out = result{blocked, "requires " + other}
			}
		}
	}
	if out.what == "" {
		out = r.judge(v)
	}
	r.results[id] = out
	return out
}

// judge plays a vector, as often as it says: first with its clients one after another, where nothing overlaps.
func (r *runner) judge(v *Vector) (out result) {
	if v.Times == 0 {
		return r.play(v.Steps, v.Rule)
	}
	out = result{skipped, "nothing was judged"}
	for i := range 2 * v.Times {
		r.atOnce, r.round = i >= v.Times, i
		once := r.play(v.Steps, v.Rule)
		switch {
		case once.what == passed && r.atOnce:
			out = once
		case once.what == passed, once.what == skipped:
		case r.atOnce:
			return once
		default:
			return result{blocked, "one after another, too: " + once.why}
		}
	}
	return out
}

// exchanges are the answers to a step, or to those of its clients.
func (r *runner) exchanges(step Step) (steps []Step, answers []answer) {
	if step.Clients == nil {
		return []Step{step}, []answer{r.answer(step)}
	}
	all := make([][]answer, len(step.Clients))
	var wait sync.WaitGroup
	for k := range step.Clients {
		i := (k + r.round) % len(step.Clients)
		play := func() {
			for _, s := range step.Clients[i] {
				all[i] = append(all[i], r.answer(s))
			}
		}
		if r.atOnce {
			wait.Go(play)
		} else {
			play()
		}
	}
	wait.Wait()
	return slices.Concat(step.Clients...), slices.Concat(all...)
}

var symbol = regexp.MustCompile(`\$\{[a-z0-9-]+\}`)

func (r *runner) replace(text string) string {
	return symbol.ReplaceAllStringFunc(text, func(s string) string {
		if with, known := r.symbols[s[2:len(s)-1]]; known {
			return with
		}
		return s
	})
}

func (r *runner) play(steps []Step, rule any) (out result) {
	if r.begin != nil {
		r.begin()
	}
	tag := strings.ToLower(rand.Text()[:8])
	r.symbols["tag"], r.symbols["short"] = "t"+tag[1:], "t"+tag[1:3]
	for _, step := range steps {
		if bucket := bucketOf(step); r.s3 && strings.HasPrefix(bucket, "conform-own") {
			r.makeBucket("/" + r.replace(bucket))
		}
	}
	for i, step := range steps {
		r.reached = i
		if step.If != "" && r.can(step.If) != "" {
			continue
		}
		sent, answers := r.exchanges(step)
		for k, a := range answers {
			r.last = a
			if out := r.verdict(i, i == len(steps)-1, sent[k], a); out.what != "" {
				return out
			}
		}
	}
	return result{what: passed}
}

// verdict is what an answer decides, empty where the vector goes on.
func (r *runner) verdict(i int, last bool, step Step, a answer) result {
	fits := func(p Pattern) bool { return r.fits(p, step, a) }
	at, other := slices.IndexFunc(step.Allowed, fits), slices.IndexFunc(step.Others, fits)
	switch {
	case at >= 0 && step.Allowed[at].Ends != "":
		return result{skipped, step.Allowed[at].Ends}
	case at >= 0:
	case other >= 0:
		return result{blocked, "breaks " + string(step.Others[other].Belongs)}
	case last && (a.kind != "none" || step.Allowed[0].Outcome == Answer):
		return result{failed, fmt.Sprintf("%s answered %s", step.Operation, a)}
	default:
		return result{blocked, fmt.Sprintf("step %d, %s, answered %s", i+1, step.Operation, a)}
	}
	for name, member := range step.Save {
		text, _ := a.body[member].(string)
		if text == "" {
			return result{blocked, "no " + member}
		}
		r.symbols[name] = text[strings.LastIndexByte(text, '/')+1:]
	}
	return result{}
}

func (r *runner) makeBucket(path string) {
	r.send("PUT", path, r.symbols["region"], nil, "")
	r.send("PUT", path+"?policy", r.symbols["region"], nil, policy("Allow", path[1:]))
}

func policy(effect, bucket string) string {
	arn, _ := json.Marshal("arn:aws:s3:::" + bucket + "/*")
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:PutObject","Resource":` + string(arn) + `}]}`
}

type answer struct {
	kind   string // success, refused, other, none
	status int
	code   string
	spelt  bool // where codes belong
	body   map[string]any
}

func (a answer) String() string { return fmt.Sprintf("%s %d %s %v", a.kind, a.status, a.code, a.body) }

func (r *runner) answer(step Step) answer {
	region := r.symbols["region"]
	if step.Region != "" {
		region = r.replace(step.Region)
	}
	if step.Arrange != "" && r.s3 {
		bucket := "/" + r.replace(step.Bucket)
		switch step.Arrange {
		case "bucket-missing":
			r.send("DELETE", bucket, region, nil, "")
		case "bucket-denied":
			r.send("PUT", bucket+"?policy", region, nil, policy("Deny", bucket[1:]))
		case "mended":
			r.makeBucket(bucket)
		default:
			return answer{kind: Refused}
		}
		return answer{kind: Success, status: 200}
	} else if step.Arrange != "" {
		body, _ := json.Marshal(map[string]string{"TrailName": r.replace(step.Trail), "Condition": step.Arrange, "Region": region})
		status, _, _, err := r.send("POST", "/_conform/arrange", region, nil, string(body))
		if err != nil {
			return answer{kind: "none"}
		} else if status != 200 {
			return answer{kind: Refused, status: status}
		}
		return answer{kind: Success, status: 200}
	}
	body := ""
	if step.Raw != nil {
		body = r.replace(*step.Raw)
	} else {
		body = r.replace(step.Body.String())
	}
	method, prefix := "POST", "CloudTrail_20131101."
	if step.Method != "" {
		method = step.Method
	}
	if step.Prefix == "long" {
		prefix = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."
	}
	status, header, got, err := r.send(method, "/", region,
		map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": prefix + step.Operation}, body)
	if err != nil {
		return answer{kind: "none"}
	}
	return read(step, status, header, got)
}

// read is the reading of an HTTP answer that the schema describes.
func read(step Step, status int, header http.Header, got []byte) answer {
	a := answer{kind: "none", status: status}
	if step.Raw != nil || step.Method != "" && step.Method != "POST" {
		if status < 500 {
			a.kind = "other"
		}
		return a
	}
	var parsed any
	isJSON := json.Unmarshal(got, &parsed) == nil
	object, isObject := parsed.(map[string]any)
	a.body = object
	place, raw, message := codeOf(object)
	if fromHeader := header.Get("X-Amzn-ErrorType"); fromHeader != "" {
		place, raw = "header", fromHeader
	}
	raw, _, _ = strings.Cut(raw, ":")
	a.code = strings.TrimSpace(raw[strings.LastIndexByte(raw, '#')+1:])
	a.spelt = place == "header" || place == "__type" || place == "code"
	isError := a.code != "" && (place == "header" || place != "__type" && message || place == "__type" &&
		!slices.ContainsFunc([]string{"Response", "Result", "Output"}, func(end string) bool { return strings.HasSuffix(a.code, end) }))
	switch {
	case status == 501:
		a.kind, a.code = Refused, ""
	case status >= 500:
	case status >= 400 && (isObject || status == 404):
		a.kind = Refused
	case status >= 300 || status < 200:
	case isObject && isError:
		a.kind = Refused
	case isObject || len(got) == 0:
		a.kind = Success
	case isJSON:
		a.kind = "other"
	}
	return a
}

var codeMembers = []string{"__type", "code", "Code", "errorCode", "ErrorCode", "errorType"}

func codeOf(object map[string]any) (place, code string, message bool) {
	look := func(in map[string]any, names []string) (string, string) {
		for _, name := range names {
			if text, _ := in[name].(string); text != "" {
				return name, text
			}
		}
		return "", ""
	}
	messages := func(in map[string]any) bool {
		return slices.ContainsFunc([]string{"Message", "message", "errorMessage"}, func(name string) bool { _, ok := in[name].(string); return ok })
	}
	if place, code = look(object, codeMembers[:2]); place != "" {
		return place, code, messages(object)
	}
	for _, within := range []string{"Error", "error"} {
		if nested, ok := object[within].(map[string]any); ok {
			place, code = look(nested, codeMembers)
			return within + "." + place, code, messages(nested)
		}
	}
	place, code = look(object, codeMembers)
	return place, code, messages(object)
}

func stem(code string) string {
	code = strings.ToLower(code)
	for _, ending := range []string{"exception", "error", "fault"} {
		code = strings.TrimSuffix(code, ending)
	}
	return code
}

func (r *runner) fits(p Pattern, step Step, a answer) bool {
	if len(p.Status) == 2 && (a.status < p.Status[0] || a.status > p.Status[1]) {
		return false
	}
	exact := p.Form == Exact
	switch p.Outcome {
	case Answer:
		return a.kind != "none"
	case Present:
		listed := slices.Contains(r.set.Index.Codes.Listed, a.code)
		return a.kind == Success || a.kind == Refused && a.status != 501 && !(a.status == 404 && !listed) && !slices.Contains(r.set.Index.Codes.Missing, a.code)
	case Refused:
		fits := func(code string) bool {
			return a.code == code || !exact && (a.code == "" || stem(a.code) == stem(code))
		}
		return a.kind == Refused && (len(p.Codes) == 0 || slices.ContainsFunc(p.Codes, fits)) && (!exact || a.spelt)
	}
	if a.kind != Success || exact && a.status != 200 {
		return false
	}
	if p.Selectors != nil {
		if !selectorsFit(*p.Selectors, p.Repeats, exact, a.body) {
			return false
		}
		for _, name := range []string{"TrailARN", "EventDataStoreArn", "InsightsDestination"} {
			spelt, v := find(a.body, name)
			if _, isText := v.(string); exact && v != nil && (spelt != name || !isText) {
				return false
			}
		}
	}
	if p.Entries != "" && !entriesFit(p.Entries, a.body) {
		return false
	}
	for name, want := range p.Members {
		_, v := find(a.body, name)
		text, _ := v.(string)
		if want.Given != nil && *want.Given != (text != "") {
			return false
		}
		if len(want.In) > 0 && text != "" && !slices.ContainsFunc(want.In, func(s string) bool { return r.replace(s) == text }) {
			return false
		}
	}
	for path, want := range p.Flags {
		var v any = a.body
		for name := range strings.SplitSeq(path, ".") {
			object, _ := v.(map[string]any)
			v = object[name]
		}
		if is, _ := v.(bool); is != want {
			return false
		}
	}
	if len(p.Logs) > 0 {
		logs := logsOf(a.body)
		for name, want := range p.Logs {
			if logs[name] != want {
				return false
			}
		}
	}
	return true
}

// find finds a member by its name, or by letter case and underscores alone where that is missing.
func find(body map[string]any, name string) (string, any) {
	if v, there := body[name]; there {
		return name, v
	}
	for other, v := range body {
		if strings.EqualFold(strings.ReplaceAll(other, "_", ""), name) {
			return other, v
		}
	}
	return "", nil
}

// entriesFit looks at how selectors are listed, whatever they are.
func entriesFit(how string, body map[string]any) bool {
	_, v := find(body, "InsightSelectors")
	list, _ := v.([]any)
	types := map[any]bool{}
	for _, item := range list {
		object, _ := item.(map[string]any)
		_, kind := find(object, "InsightType")
		_, given := find(object, "EventCategories")
		categories, isList := given.([]any)
		if how == ManagementOnly {
			if slices.Contains(categories, any("Data")) {
				return false
			}
			continue
		}
		seen := map[any]bool{}
		for _, c := range categories {
			if c != "Management" && c != "Data" || seen[c] {
				return false
			}
			seen[c] = true
		}
		if kind != "ApiCallRateInsight" && kind != "ApiErrorRateInsight" || types[kind] || given != nil && !isList {
			return false
		}
		types[kind] = true
	}
	return true
}

func selectorsFit(want []Selector, repeats, exact bool, body map[string]any) bool {
	spelt, v := find(body, "InsightSelectors")
	list, isList := v.([]any)
	if v != nil && (!isList || spelt != "InsightSelectors") && exact {
		return false
	}
	var got []string
	repeated := false
	for _, item := range list {
		object, _ := item.(map[string]any)
		typeName, kind := find(object, "InsightType")
		categoriesName, categories := find(object, "EventCategories")
		if exact && (typeName != "InsightType" || categories != nil && categoriesName != "EventCategories") {
			return false
		}
		names := []string{}
		if categories == nil {
			names = []string{"Management"}
		} else if given, ok := categories.([]any); ok {
			for _, c := range given {
				text, _ := c.(string)
				if text != "Management" && text != "Data" {
					return false
				}
				repeated = repeated || slices.Contains(names, text)
				names = append(names, text)
			}
		} else {
			return false
		}
		if kind != "ApiCallRateInsight" && kind != "ApiErrorRateInsight" {
			return false
		}
		slices.Sort(names)
		entry := fmt.Sprint(kind, slices.Compact(names))
		repeated = repeated || slices.Contains(got, entry)
		got = append(got, entry)
	}
	var due, may []string
	for _, s := range want {
		names := slices.Clone(s.EventCategories)
		slices.Sort(names)
		entry := fmt.Sprint(s.InsightType, names)
		if may = append(may, entry); len(names) > 0 {
			due = append(due, entry)
		}
	}
	missing := slices.ContainsFunc(due, func(entry string) bool { return !slices.Contains(got, entry) })
	extra := slices.ContainsFunc(got, func(entry string) bool { return !slices.Contains(may, entry) })
	return !missing && !extra && (repeats || !repeated)
}

// logsOf adds up what event selectors log.
func logsOf(body map[string]any) map[string]bool {
	logs, writesData := map[string]bool{}, false
	add := func(category string, reads, writes bool) {
		switch category {
		case "Management":
			logs["read"], logs["write"] = logs["read"] || reads, logs["write"] || writes
		case "Data":
			logs["data"], writesData = true, writesData || writes
		case "Insight":
			logs["insight"] = true
		}
	}
	basic, _ := body["EventSelectors"].([]any)
	for _, item := range basic {
		object, _ := item.(map[string]any)
		kind := object["ReadWriteType"]
		if include, given := object["IncludeManagementEvents"].(bool); !given || include {
			add("Management", kind != "WriteOnly", kind != "ReadOnly")
		}
		resources, _ := object["DataResources"].([]any)
		for _, resource := range resources {
			of, _ := resource.(map[string]any)
			if values, _ := of["Values"].([]any); len(values) > 0 {
				add("Data", kind != "WriteOnly", kind != "ReadOnly")
			}
		}
	}
	advanced, _ := body["AdvancedEventSelectors"].([]any)
	for _, item := range advanced {
		object, _ := item.(map[string]any)
		fields := map[string]string{}
		selectors, _ := object["FieldSelectors"].([]any)
		for _, field := range selectors {
			of, _ := field.(map[string]any)
			name, _ := of["Field"].(string)
			if equals, _ := of["Equals"].([]any); len(equals) > 0 {
				fields[name], _ = equals[0].(string)
			}
		}
		add(fields["eventCategory"], fields["readOnly"] != "false", fields["readOnly"] != "true")
	}
	logs["read-data-only"] = logs["data"] && !writesData
	return logs
}

// handled is an exchange with a handler in the same process.
func handled(h http.Handler, account string) exchange {
	return func(method, path, region string, header map[string]string, body string) (status int, answered http.Header, got []byte, err error) {
		req, err := http.NewRequest(method, "http://127.0.0.1"+path, bytes.NewReader([]byte(body)))
		if err != nil {
			return 0, nil, nil, err
		}
		for name, text := range header {
			req.Header.Set(name, text)
		}
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+account+"/20260101/"+region+"/cloudtrail/aws4_request, SignedHeaders=host, Signature=0")
		w := &recorder{header: http.Header{}}
		defer func() {
			if recover() != nil {
				err = http.ErrAbortHandler
			}
		}()
		h.ServeHTTP(w, req)
		return w.status, w.header, w.body.Bytes(), nil
	}
}

type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(s int) {
	if r.status == 0 {
		r.status = s
	}
}
func (r *recorder) Write(p []byte) (int, error) { r.WriteHeader(200); return r.body.Write(p) }

func bucketOf(step Step) string {
	if step.Body == nil {
		return ""
	}
	return step.Body.Get("S3BucketName").Text()
}

// served is an exchange with an endpoint over HTTP.
func served(url string) exchange {
	client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(method, path, region string, header map[string]string, body string) (status int, answered http.Header, got []byte, err error) {
		req, err := http.NewRequest(method, url+path, strings.NewReader(body))
		if err != nil {
			return 0, nil, nil, err
		}
		service := "s3"
		for name, text := range header {
			req.Header.Set(name, text)
			service = "cloudtrail"
		}
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
		response, err := client.Do(req)
		if err != nil {
			return 0, nil, nil, err
		}
		defer response.Body.Close()
		got, err = io.ReadAll(response.Body)
		return response.StatusCode, response.Header, got, err
	}
}
