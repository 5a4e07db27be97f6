package scripts

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/format"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// ShortForms lists what Short can write.
var ShortForms = []string{"curl", "awscli", "boto3", "go", "pytest"}

// ErrNoShortForm says that a trace has something that only Export can show.
var ErrNoShortForm = errors.New("this trace has no short form")

// Short writes a trace as a script, or a test, of a few lines, with the endpoint of the trace: calls on trails, and what
// the last of them should answer and does.
func Short(t *reports.Trace, as string) ([]byte, error) {
	if !slices.Contains(ShortForms, as) {
		return nil, fmt.Errorf("there is no form %s; use one of %s", plain.OneLine(as), strings.Join(ShortForms, ", "))
	}
	if only, err := clientsForm(t, as); err != nil {
		return nil, err
	} else if only {
		return Export(t, as)
	}
	form := cmp.Or(plain.When(as == "pytest", "boto3"), as)
	bucket, home := "conform-"+t.Name(), model.DefaultWorld.Home
	p, err := newPlan(t, form, map[string]string{varRun: t.Name(), varRegion: home, varBucket: bucket})
	if err != nil {
		return nil, err
	}
	s := &shortScript{exportPlan: p, Region: home, Bucket: bucket, Name: goName(string(t.Rule))}
	if err := s.judge(); err != nil {
		return nil, err
	}
	for i, step := range t.Steps[:len(s.Steps)] {
		if as == "go" {
			s.Steps[i].Body = s.request(model.Op(step.Operation), step.Request, step.Region)
		}
	}
	language := languages[form]
	quote := func(text string) string { return language.quote(literalText(text)) }
	comment := func(v any) string { return plain.Message(fmt.Sprint(v)) }
	templates, err := template.New("").Funcs(template.FuncMap{"quote": quote, "comment": comment,
		"method": pythonMethod, "command": cliCommand,
	}).ParseFS(exportFiles, "short.tmpl")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, as, s); err != nil || as != "go" {
		return out.Bytes(), err
	}
	return format.Source(out.Bytes())
}

// shortScript is a plan without variables.
type shortScript struct {
	*exportPlan
	Region, Bucket, Name string
	Accepted             []string // as a script reads an answer
	Trails               []string // to delete in the end, as the form writes the request
	Flag                 string   // the member that the last answer is read for, empty for the selectors
}

// Typed reports whether the form of Go names types of members.
func (s *shortScript) Typed() bool {
	return slices.ContainsFunc(s.Steps, func(step exportStep) bool { return strings.Contains(step.Body, "types.") })
}

func (s *shortScript) Last() exportStep     { return s.Steps[len(s.Steps)-1] }
func (s *shortScript) SetUp() []exportStep  { return s.Steps[:len(s.Steps)-1] }
func (s *shortScript) Alternatives() string { return plain.Alternatives(s.Accepted, plain.MaxMessage) }

var (
	accepted  = regexp.MustCompile(`^(?:(?:HTTP 200|success) with )?\[(.*)\]$`)
	errorCode = regexp.MustCompile(`^[A-Z][A-Za-z]+$`)
	flagged   = regexp.MustCompile(`^(HasInsightSelectors|IsLogging) is (true|false)$`)
	entry     = regexp.MustCompile(`^(Api[A-Za-z]+)(?:: ([A-Za-z+]+))?$`)
)

// judge finds out how a script tells a right answer from the recorded one.
func (s *shortScript) judge() error {
	if len(s.Stores)+len(s.Keys) > 0 || s.unfixed || strings.HasPrefix(string(s.Trace.Rule), "wire/") {
		return ErrNoShortForm
	}
	for i, step := range s.Steps {
		malformed := s.Trace.Steps[i].Raw != nil || step.Method != "POST" || step.LongForm || step.Region != varRegion
		if malformed || step.Condition != "" || s.Form != "curl" && step.Raw {
			return ErrNoShortForm
		}
		if op := model.Op(step.Operation); op == model.OpCreate {
			s.Trails = append(s.Trails, s.trail(s.Trace.Steps[i]))
		}
	}
	last := s.Trace.Steps[len(s.Steps)-1]
	s.Flag = map[model.Op]string{model.OpTrail: "HasInsightSelectors", model.OpStatus: "IsLogging"}[model.Op(last.Operation)]
	if s.Flag == "" && model.Op(last.Operation) != model.OpPut && model.Op(last.Operation) != model.OpGet {
		return ErrNoShortForm
	}
	for _, text := range s.Trace.Expected {
		read, ok := asRead(text)
		if !ok {
			return ErrNoShortForm
		}
		s.Accepted = append(s.Accepted, read)
	}
	actual := cmp.Or(last.Answer.Code, strings.Join(recordedSelectors(last.Answer.Body), " "))
	if s.Flag != "" && last.Answer.Code == "" {
		body := last.Answer.Body
		actual = fmt.Sprintf("%s:%t", s.Flag, body.Get("Trail").Get(s.Flag).True() || body.Get(s.Flag).True())
	}
	refused := last.Answer.Outcome == reports.OutcomeRefused && last.Answer.Code != ""
	settled := last.Answer.Outcome == reports.OutcomeSuccess || refused
	if len(s.Accepted) == 0 || slices.Contains(s.Accepted, actual) || !settled {
		return ErrNoShortForm
	}
	return nil
}

// asRead is an expected answer as a script reads it, if it can.
func asRead(text string) (string, bool) {
	if flag := flagged.FindStringSubmatch(text); flag != nil {
		return flag[1] + ":" + flag[2], true
	}
	list := accepted.FindStringSubmatch(text)
	if list == nil || list[1] == "" {
		return text, list == nil && errorCode.MatchString(text)
	}
	var out []string
	for _, item := range strings.Split(list[1], ", ") {
		parts := entry.FindStringSubmatch(item)
		if parts == nil {
			return "", false
		}
		for _, category := range strings.Split(cmp.Or(parts[2], "Management"), "+") {
			out = append(out, parts[1]+":"+category)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " "), true
}

// trail is the request that deletes the trail which a step makes.
func (s *shortScript) trail(step reports.Step) string {
	name := value.Obj("Name", step.Request.Get("Name"))
	return s.request(model.OpDelete, name, step.Region)
}

// Right is the condition of Go under which the answer is an accepted one.
func (s *shortScript) Right() string {
	return strings.Join(plain.Texts(s.Accepted, func(a string) string {
		flag, is, _ := strings.Cut(a, ":")
		switch {
		case errorCode.MatchString(a):
			return "err != nil && strings.Contains(err.Error(), " + goLiteral(a+":") + ")"
		case s.Flag == "HasInsightSelectors":
			return "err == nil && got.Trail != nil && aws.ToBool(got.Trail.HasInsightSelectors) == " + is
		case s.Flag != "":
			return "err == nil && aws.ToBool(got." + flag + ") == " + is
		}
		return s.rightList(a)
	}), " || ")
}

// rightList is that condition for a list of selectors, in any order.
func (s *shortScript) rightList(list string) string {
	categories, order := map[string][]string{}, []string{}
	for _, one := range strings.Fields(list) {
		name, category, _ := strings.Cut(one, ":")
		if categories[name] == nil {
			order = append(order, name)
		}
		categories[name] = append(categories[name], category)
	}
	ways := [][]string{order}
	if len(order) == 2 {
		ways = append(ways, []string{order[1], order[0]})
	}
	data := slices.ContainsFunc(append(recordedSelectors(s.Trace.Steps[len(s.Steps)-1].Answer.Body), s.Accepted...),
		func(a string) bool { return strings.Contains(a, ":Data") })
	inOrder := plain.Texts(ways, func(names []string) string {
		var all []string
		for i, name := range names {
			all = append(all, fmt.Sprintf("got.InsightSelectors[%d].InsightType == %s", i, goLiteral(name)))
			if n := len(categories[name]); data {
				all = append(all, fmt.Sprintf("len(got.InsightSelectors[%d].EventCategories) == %d", i, n))
				all = append(all, slices.Repeat([]string{fmt.Sprintf("got.InsightSelectors[%d].EventCategories[0] == %s",
					i, goLiteral(categories[name][0]))}, 2-n)...)
			}
		}
		return strings.Join(all, " && ")
	})
	right := fmt.Sprintf("err == nil && len(got.InsightSelectors) == %d && ", len(order))
	return right + cmp.Or(plain.When(len(ways) == 1, inOrder[0]), "("+strings.Join(inOrder, " || ")+")")
}

// Coded reports whether an error may be right.
func (s *shortScript) Coded() bool { return slices.ContainsFunc(s.Accepted, errorCode.MatchString) }

// request is what a call sends, as a form writes it.
func (p *exportPlan) request(op model.Op, input value.Value, region string) string {
	owner := region + "/" + input.Get("Name").Text()
	translate := func(member, s string) exportText { return p.fixed(p.text(owner, member, s)) }
	switch p.Form {
	case "go":
		method, _ := reflect.TypeFor[*cloudtrail.Client]().MethodByName(string(op))
		return goTyped(input, method.Type.In(2), "", translate)
	case "boto3":
		text, _ := pythonSyntax.render(input, "", translate).allLiteral()
		return text
	}
	return languages[p.Form].quote(jsonSyntax.render(input, "", translate))
}

// goTyped writes a value as a literal of the SDK for Go.
func goTyped(v value.Value, t reflect.Type, member string, translate func(member, s string) exportText) string {
	text := func() string { return goQuote(translate(member, v.Text())) }
	switch {
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct:
		return "&" + t.Elem().String() + goFields(v, t.Elem(), translate)
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.String:
		return "aws.String(" + text() + ")"
	case t.Kind() == reflect.Pointer:
		return plain.When(t.Elem().Kind() == reflect.Bool, "aws.Bool(") + plain.When(t.Elem().Kind() == reflect.Int32, "aws.Int32(") +
			v.String() + ")"
	case t.Kind() == reflect.Slice:
		items := plain.Texts(v.Items(), func(item value.Value) string {
			if t.Elem().Kind() == reflect.Struct {
				return goFields(item, t.Elem(), translate)
			}
			return goTyped(item, t.Elem(), member, translate)
		})
		return t.String() + "{" + strings.Join(items, ", ") + "}"
	case t.Kind() == reflect.String:
		return text()
	}
	return v.String()
}

func goFields(v value.Value, t reflect.Type, translate func(member, s string) exportText) string {
	return "{" + strings.Join(plain.Texts(v.Members(), func(m value.Member) string {
		field, _ := t.FieldByName(m.Name)
		return m.Name + ": " + goTyped(m.Value, field.Type, m.Name, translate)
	}), ", ") + "}"
}

var snake = regexp.MustCompile(`([A-Z])`)

// pythonMethod is an operation as boto3 calls it, cliCommand as the CLI does, goName a rule as a test is called.
func pythonMethod(operation string) string {
	return strings.TrimPrefix(strings.ToLower(snake.ReplaceAllString(operation, "_$1")), "_")
}

func cliCommand(operation string) string {
	return strings.ReplaceAll(pythonMethod(operation), "_", "-")
}

func goName(rule string) string {
	name := ""
	for _, word := range noWord.Split(rule, -1) {
		if word != "" {
			name += strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return name
}

var noWord = regexp.MustCompile(`[^A-Za-z0-9]+`)
