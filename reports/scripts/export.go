// Package scripts turns a trace into a script, or a Go test, for somebody who does not have conform.
package scripts

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"net/url"
	"slices"
	"strings"
	"text/template"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// Forms lists what Export can write.
var Forms = []string{"awscli", "boto3", "go", "curl"}

//go:embed *.tmpl
var exportFiles embed.FS

// Export writes a trace as a script, or a Go test, that shows the divergence to somebody who does not
// have conform. It makes what it needs under names of its own, sends the requests, compares the last
// answer with the recorded one, and cleans up.
//
// All text of a trace may come from a hostile target; it reaches a script as a quoted literal or as a
// comment on one line, never otherwise.
func Export(t *reports.Trace, as string) ([]byte, error) {
	language, ok := languages[as]
	if !ok {
		return nil, fmt.Errorf("there is no form %s; use one of %s", plain.OneLine(as), strings.Join(Forms, ", "))
	}
	plan, err := newExportPlan(t, as)
	if err != nil {
		return nil, err
	}
	scripts, err := template.New("").Funcs(template.FuncMap{
		"text":     func(s string) string { return language.quote(literalText(s)) },
		"quote":    language.quote,
		"comment":  func(s any) string { return plain.Message(fmt.Sprint(s)) },
		"variable": language.variable,
		"infix":    bucketInfix,
	}).ParseFS(exportFiles, language.file)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := scripts.ExecuteTemplate(&out, language.file, plan); err != nil {
		return nil, err
	}
	if as == "go" {
		return format.Source(out.Bytes())
	}
	return out.Bytes(), nil
}

// language is how one form writes what a plan says.
type language struct {
	file     string
	quote    func(exportText) string
	variable func(string) string
}

var languages = map[string]language{
	"awscli": {"bash.tmpl", bashQuote, bashVariable},
	"curl":   {"bash.tmpl", bashQuote, bashVariable},
	"boto3":  {"boto3.tmpl", pythonQuote, pythonVariable},
	"go":     {"go.tmpl", goQuote, goVariable},
}

// bucketInfix tells the buckets of a script apart by name: the shared one has none, OWN_BUCKET1 has own-1-.
func bucketInfix(variable string) string {
	number, own := strings.CutPrefix(variable, varOwnBucket)
	return plain.When(own, "own-"+number+"-")
}

// exportPlan is what a script does, in terms that all forms share.
type exportPlan struct {
	exportClients
	Form       string
	Trace      *reports.Trace
	Steps      []exportStep
	Phases     []exportPhase // of several clients
	Tries      int           // 0 is one, of one client
	Alone      bool          // the marked answer tells it, whatever the others were
	Buckets    []string      // variables
	Keys       []string      // variables
	Stores     []exportStore
	ShowStatus bool // the HTTP status of a refusal is what diverges
	HasRaw     bool
	HasTyped   bool
	HasArrange bool // of what S3 and KMS cannot do
	HasEvents  bool // event selectors have to be compared

	teller            describe.Teller
	values            map[string]string     // that stand for variables; nil where a script has these
	unfixed           bool                  // some variable has no value
	ownBucket, ownKey map[string]string     // of a trail, until a condition spoils it
	spoilt            map[string]exportStep // how it did so last
	created           int                   // how many stores the steps so far create
}

type exportStore struct {
	Variable string
	Missing  string // the identifier until it is created: one that no store has
}

// exportStep is one request.
type exportStep struct {
	Number    int
	Operation string
	Title     string
	Region    string // a variable
	Body      string // as the form writes it
	Raw       bool   // no typed client can send it, or read its answer
	Method    string
	Target    string // X-Amz-Target
	LongForm  bool   // the target is not the usual one
	StandIn   string // for NUL, in a shell
	Must      bool   // without its success the rest shows nothing
	Diverges  bool
	Expected  string
	Actual    exportText
	Learns    string // the variable of the store that it makes
	exportTime

	Condition string // of OpArrange
	Mends     bool   // takes the condition back
	Through   string // s3, kms or extension
	Resource  string // the variable of the bucket or key that a condition spoils
	Trail     exportText
}

// exportPart is a literal, or a variable of the script.
type exportPart struct{ literal, variable string }

type exportText []exportPart

func literalText(s string) exportText { return exportText{{literal: s}} }

// allLiteral gives the text where it has no variables.
func (t exportText) allLiteral() (string, bool) {
	var b strings.Builder
	for _, part := range t {
		if part.variable != "" {
			return "", false
		}
		b.WriteString(part.literal)
	}
	return b.String(), true
}

// The variables that a script replaces symbolic identities by.
const (
	varRun     = "RUN"
	varRegion  = "REGION"
	varAway    = "AWAY"
	varAccount = "ACCOUNT"
	varBucket  = "BUCKET"

	varOwnBucket = "OWN_BUCKET" // and a number, as those below
	varKey       = "KEY"
	varStore     = "STORE"
)

// The symbolic names of what a trail may use beside itself, as generators has them.
const (
	ownBucketName = "conform-own-bucket"
	ownKeyName    = "conform-key"
)

// longExportName is the length from which on a name matters for its length.
const longExportName = 100

func newExportPlan(t *reports.Trace, form string) (*exportPlan, error) { return newPlan(t, form, nil) }

func newPlan(t *reports.Trace, form string, values map[string]string) (*exportPlan, error) {
	if len(t.Steps) == 0 {
		return nil, errors.New("a trace without steps cannot be exported")
	}
	last := slices.IndexFunc(t.Steps, func(s reports.Step) bool { return s.Diverges })
	if last < 0 {
		last = len(t.Steps) - 1
	}
	end, clients := last+1, describe.Overlaps(t.Steps)
	if clients {
		end = len(t.Steps)
	}
	p := &exportPlan{Form: form, Trace: t, ShowStatus: t.Rule == model.WireErrorStatus, teller: describe.Teller{Whole: true}, Stores: exportStores(t.Steps[:end]),
		values: values, ownBucket: map[string]string{}, ownKey: map[string]string{}, spoilt: map[string]exportStep{}}
	for i, step := range t.Steps[:end] {
		out, err := p.step(step, i == last)
		if err != nil {
			return nil, fmt.Errorf("step %d %w", step.Number, err)
		}
		p.HasRaw = p.HasRaw || out.Raw
		p.HasTyped = p.HasTyped || !out.Raw && out.Condition == ""
		p.HasArrange = p.HasArrange || out.Through == "extension"
		p.HasEvents = p.HasEvents || (out.Diverges || clients) && readsEvents(model.Op(step.Operation))
		p.Steps = append(p.Steps, out)
	}
	if clients {
		return p, p.phases(t.Steps)
	}
	return p, nil
}

// Endpoint is where a script sends by itself: where the trace was found, unless that was an account or within a process.
func (p *exportPlan) Endpoint() string {
	u, err := url.Parse(p.Trace.Target.Endpoint)
	web := err == nil && (u.Scheme == "http" || u.Scheme == "https")
	if !web || u.Host == "" || u.User != nil || strings.Contains(u.Host, "amazonaws") {
		return "http://127.0.0.1:5000"
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/")
}

// fixed puts values in the place of variables.
func (p *exportPlan) fixed(t exportText) exportText {
	if p.values == nil {
		return t
	}
	out := slices.Clone(t)
	for i, part := range out {
		fixed, ok := p.values[part.variable]
		if part.variable != "" {
			out[i] = exportPart{literal: fixed}
			p.unfixed = p.unfixed || !ok
		}
	}
	return out
}

func readsEvents(op model.Op) bool { return op == model.OpGetEvents || op == model.OpGetStore }

// exportStores lists the stores that steps create, or name without that.
func exportStores(steps []reports.Step) (stores []exportStore) {
	all, creations := []byte{}, 0
	for _, step := range steps {
		all = step.Request.AppendJSON(all)
		if model.Op(step.Operation) == model.OpCreateStore {
			creations++
		}
	}
	for i := range 100 {
		if i < creations || bytes.Contains(all, []byte(model.StoreID(i))) {
			stores = append(stores, exportStore{fmt.Sprintf("%s%d", varStore, i), fmt.Sprintf("c0f0c0f0-0000-4000-8000-0000000000%02d", i)})
		}
	}
	return stores
}

func (p *exportPlan) step(step reports.Step, diverges bool) (exportStep, error) {
	op := model.Op(step.Operation)
	out := exportStep{Number: step.Number, Operation: step.Operation, Title: plain.Text(p.teller.Step(step)), Region: varRegion,
		Method: cmp.Or(step.Method, "POST"), LongForm: step.OtherTarget,
		Target:   plain.When(step.OtherTarget, "com.amazonaws.cloudtrail.v20131101.") + "CloudTrail_20131101." + step.Operation,
		Diverges: diverges, Must: !diverges && step.Answer.Outcome == reports.OutcomeSuccess}
	switch {
	case step.Region == model.DefaultWorld.Away:
		out.Region = varAway
	case step.Region != "" && step.Region != model.DefaultWorld.Home:
		return out, fmt.Errorf("goes to the Region %s, which has no place in a script", plain.OneLine(step.Region))
	}
	switch {
	case op == model.OpArrange:
		p.arrange(&out, step)
		return out, nil
	case !slices.Contains(model.Ops, op):
		return out, fmt.Errorf("has the unknown operation %s", plain.OneLine(step.Operation))
	case len(out.Method) > 10 || strings.Trim(out.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return out, fmt.Errorf("has the method %s", plain.OneLine(out.Method))
	}
	// Typed clients hide what is wrong on the wire itself, and how a server failed.
	hidden := diverges && (strings.HasPrefix(string(p.Trace.Rule), "wire/") || readsEvents(op) ||
		step.Answer.Outcome != reports.OutcomeSuccess && step.Answer.Outcome != reports.OutcomeRefused)
	out.Raw = p.Form == "curl" || hidden || step.ModelRequest().Malformed() || step.OtherTarget || !expressible(op, step.Request, p.Form)
	p.body(&out, step)
	if op == model.OpCreateStore {
		out.Learns = fmt.Sprintf("%s%d", varStore, p.created)
		if step.Answer.Outcome == reports.OutcomeSuccess || diverges {
			p.created++
		}
	}
	if diverges {
		out.Expected = exportExpected(p.Trace)
		out.Actual = p.recorded(step)
	}
	return out, nil
}

// body writes what a step sends.
func (p *exportPlan) body(out *exportStep, step reports.Step) {
	owner := step.Region + "/" + step.Request.Get("Name").Text()
	translate := func(member, s string) exportText { return p.fixed(p.text(owner, member, s)) }
	text := literalText("{}")
	switch {
	case step.Raw != nil:
		raw := *step.Raw
		if languages[p.Form].file == "bash.tmpl" {
			raw, out.StandIn = withoutNUL(raw)
		}
		text = literalText(raw)
	case step.Request.Kind() != value.Absent:
		text = jsonSyntax.render(step.Request, "", translate)
	}
	out.Body = languages[p.Form].quote(text)
	if p.Form == "boto3" && !out.Raw {
		out.Body, _ = pythonSyntax.render(step.Request, "", translate).allLiteral()
	}
}

func exportExpected(t *reports.Trace) string {
	allowed := t.Expected
	if len(allowed) == 0 {
		return "what the rule says"
	}
	return plain.Message(allowed[0] + plain.When(len(allowed) > 1, " (accepted too: "+strings.Join(allowed[1:], ", ")+")"))
}

// arrange plans a condition: through S3 or KMS where those can bring it about.
func (p *exportPlan) arrange(out *exportStep, step reports.Step) {
	name := step.Request.Get("TrailName").Text()
	bare := name
	if strings.HasPrefix(name, "arn:") {
		bare = name[strings.LastIndexByte(name, '/')+1:]
	}
	owner := step.Region + "/" + bare
	condition := step.Request.Get("Condition").Text()
	out.Condition, out.Through, out.Must = condition, "extension", true
	out.Trail = p.text(owner, "TrailName", name)
	owned := map[string]map[string]string{"s3": p.ownBucket, "kms": p.ownKey}
	through := map[string]string{"bucket-missing": "s3", "bucket-denied": "s3", "key-denied": "kms", "key-unusable": "kms"}[condition]
	if resource := owned[through][owner]; resource != "" {
		out.Through, out.Resource = through, resource
		delete(owned[through], owner)
		p.spoilt[owner] = *out
	} else if spoilt, ok := p.spoilt[owner]; ok && condition == model.Mended {
		out.Condition, out.Through, out.Resource, out.Mends = spoilt.Condition, spoilt.Through, spoilt.Resource, true
	}
}

// text translates one string of a request.
func (p *exportPlan) text(owner, member, s string) exportText {
	isARN := strings.HasPrefix(s, "arn:")
	switch {
	case (member == "TrailName" || member == "Name") && !isARN:
		return nameText(s)
	case (member == "EventDataStore" || member == "InsightsDestination") && !isARN:
		return storeText(s)
	case member == "S3BucketName" && s == describe.SharedBucket:
		if !slices.Contains(p.Buckets, varBucket) {
			p.Buckets = append(p.Buckets, varBucket)
		}
		return exportText{{variable: varBucket}}
	case member == "S3BucketName" && s == ownBucketName:
		return exportText{{variable: p.own(p.ownBucket, &p.Buckets, owner, varOwnBucket)}}
	case member == "KmsKeyId" && s == ownKeyName:
		return exportText{{variable: p.own(p.ownKey, &p.Keys, owner, varKey)}}
	}
	return arnText(s)
}

// own gives the bucket or key of a trail's own.
func (p *exportPlan) own(owned map[string]string, list *[]string, owner, kind string) string {
	if owned[owner] == "" {
		owned[owner] = fmt.Sprintf("%s%d", kind, len(*list)+1)
		*list = append(*list, owned[owner])
	}
	return owned[owner]
}

// nameText makes a trail's name unique, but for those that matter for their length or form.
func nameText(s string) exportText {
	if !model.ValidTrailName(s) || len(s) == 3 || len(s) >= longExportName {
		return literalText(s)
	}
	word := strings.IndexAny(s+"-", "._-") // behind the first word: names that are like each other still are
	name := exportText{{literal: s[:word] + "-"}, {variable: varRun}, {literal: s[word:]}}
	if word == len(s) {
		return name[:2]
	}
	return name
}

func storeText(s string) exportText {
	for i := range 100 {
		if s == model.StoreID(i) {
			return exportText{{variable: fmt.Sprintf("%s%d", varStore, i)}}
		}
	}
	return literalText(s)
}

// arnText replaces Region, account and resource of an ARN; any other string stays.
func arnText(s string) exportText {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return literalText(s)
	}
	w := model.DefaultWorld
	variables := map[string]string{w.Home: varRegion, w.Away: varAway, w.Account: varAccount}
	out := literalText(strings.Join(parts[:3], ":") + ":")
	for _, s := range parts[3:5] {
		part := exportPart{variable: variables[s]}
		if part.variable == "" {
			part.literal = s
		}
		out = append(out, part, exportPart{literal: ":"})
	}
	kind, id, ok := strings.Cut(parts[5], "/")
	switch {
	case ok && kind == "trail":
		return slices.Concat(out, literalText("trail/"), nameText(id))
	case ok && kind == "eventdatastore":
		return slices.Concat(out, literalText("eventdatastore/"), storeText(id))
	}
	return append(out, exportPart{literal: parts[5]})
}

// recorded is the kind of a step's recorded answer, as a script computes it for the answer it gets.
func (p *exportPlan) recorded(step reports.Step) exportText {
	answer, body := step.Answer, step.Answer.Body
	switch {
	case answer.Outcome == reports.OutcomeUnanswered:
		return literalText("no answer")
	case step.Status >= 500 || answer.Outcome == reports.OutcomeCrashed && step.Status == 0:
		return literalText(fmt.Sprintf("HTTP %d", cmp.Or(step.Status, 500)))
	case answer.Outcome == reports.OutcomeCrashed && step.Status < 300:
		return literalText(fmt.Sprintf("HTTP %d without JSON", step.Status))
	case answer.Outcome != reports.OutcomeSuccess:
		status := plain.When(p.ShowStatus, fmt.Sprintf(" (HTTP %d)", step.Status))
		return literalText(cmp.Or(answer.Code, "an error without a code") + status)
	}
	out := literalText(fmt.Sprintf("HTTP %d", cmp.Or(step.Status, 200)))
	say := func(format string, value any) { out = append(out, exportPart{literal: fmt.Sprintf(format, value)}) }
	switch model.Op(step.Operation) {
	case model.OpPut, model.OpGet:
		for _, member := range []string{"TrailARN", "EventDataStoreArn", "InsightsDestination"} {
			if v := body.Get(member); v.Kind() == value.String && v.Text() != "" {
				say(" %s=", member)
				out = append(out, p.text("", member, v.Text())...)
			}
		}
		say(" selectors=[%s]", strings.Join(recordedSelectors(body), ","))
	case model.OpTrail:
		say(" HasInsightSelectors=%t", body.Get("Trail").Get("HasInsightSelectors").True())
	case model.OpStatus:
		say(" IsLogging=%t", body.Get("IsLogging").True())
	case model.OpGetEvents, model.OpGetStore:
		words := appendWords(appendWords(nil, body.Get("EventSelectors")), body.Get("AdvancedEventSelectors"))
		slices.Sort(words)
		say(" events=[%s]", strings.Join(words, ","))
	}
	return out
}

// recordedSelectors lists what an answer says as Type:Category, sorted, repetitions kept.
func recordedSelectors(body value.Value) []string {
	var out []string
	for _, item := range body.Get("InsightSelectors").Items() {
		name := item.Get("InsightType").Text()
		categories := item.Get("EventCategories")
		switch {
		case !categories.Given():
			out = append(out, name+":Management") // what it means
		case len(categories.Items()) == 0:
			out = append(out, name+":-")
		}
		for _, category := range categories.Items() {
			out = append(out, name+":"+category.Text())
		}
	}
	slices.Sort(out)
	return out
}

// appendWords lists member names and plain values: sorted, they tell event selectors apart, even for a shell.
func appendWords(words []string, v value.Value) []string {
	switch v.Kind() {
	case value.Bool, value.Number:
		words = append(words, v.String())
	case value.String:
		words = append(words, v.Text())
	}
	for _, item := range v.Items() {
		words = appendWords(words, item)
	}
	for _, m := range v.Members() {
		words = appendWords(append(words, m.Name), m.Value)
	}
	return words
}
