package describe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets/wire"
)

// Contrast says in concrete values what was expected of the last of some steps, what the rule asks for first, and what
// came. The kinds of both, of which signatures are made, say what is compared.
func Contrast(steps []reports.Step, rule model.ID, accepted []model.Answer, expected, actual string) (want []string, got string) {
	c := contrastOf(steps, accepted)
	step := c.step
	c.leaveSuccesses(expected)
	c.compareLists()
	switch member, about, found := strings.Cut(expected, " "); {
	case expected == wire.Listed:
		want, got = []string{quoted(step.Answer.Code)}, cmp.Or(quoted(wire.RawCode(c.body)), actual)
	case expected == wire.Placed, rule == model.MockNoAlias: // which are told in words already
		want, got = []string{expected}, actual
	case rule == model.WireErrorShape:
		want, got = []string{"an error with a code"}, Answer(step)
	case rule == model.WireErrorStatus:
		want, got = []string{"HTTP " + expected}, httpStatus(step.Status)+" with "+cmp.Or(step.Answer.Code, content(step))
	case rule == model.WireMembers:
		want, got = c.spelt(expected, actual)
	case found && slices.Contains([]string{"as requested", "given", "absent"}, about):
		want, got = []string{c.owner(member, about == "absent")}, c.member(member)
	default:
		want, got = c.answers(expected), c.answer()
	}
	if slices.Contains(want, got) { // what differs is in no member that is shown
		got += ": " + c.body.String()
	}
	return plain.Texts(want, plain.Message[string]), plain.Message(got)
}

// Kept tells the answer to the last of some steps, an accepted one, in the words of Contrast.
func Kept(steps []reports.Step, accepted []model.Answer) string {
	c := contrastOf(steps, accepted)
	c.leaveSuccesses(reports.OutcomeSuccess)
	c.compareLists()
	return plain.Message(c.answer())
}

func contrastOf(steps []reports.Step, accepted []model.Answer) *contrast {
	step := steps[len(steps)-1]
	c := &contrast{step: step, op: model.Op(step.Operation), body: step.Answer.Body, accepted: accepted, ok: "HTTP 200"}
	for _, s := range steps {
		c.teller.Step(s)
		if s.Status == 0 && s.Answer.Outcome != reports.OutcomeUnanswered && model.Op(s.Operation) != model.OpArrange {
			c.ok = reports.OutcomeSuccess
		}
	}
	return c
}

// contrast sets the answer to a step beside the accepted ones.
type contrast struct {
	step       reports.Step
	op         model.Op
	body       value.Value
	teller     Teller
	accepted   []model.Answer
	ok         string // what a success is called: a target in process has no HTTP
	bare       bool   // nothing but lists of selectors is compared
	categories bool   // some selector has others than Management, so that all are shown with theirs
}

// leaveSuccesses leaves out the refusals where what is wrong with a success is its selectors.
func (c *contrast) leaveSuccesses(expected string) {
	refused := func(a model.Answer) bool { return a.Outcome != model.Succeeded }
	named := slices.ContainsFunc(c.accepted, func(a model.Answer) bool { return a.Kind() == expected })
	about := expected == reports.OutcomeSuccess || !named
	if left := slices.DeleteFunc(slices.Clone(c.accepted), refused); c.succeeded() && about && len(left) > 0 {
		c.accepted = left
	}
}

// compareLists looks how the lists of selectors have to be written, for what differs to be seen.
func (c *contrast) compareLists() {
	_, list := wire.Find(c.body, "InsightSelectors")
	c.bare, c.categories = c.succeeded() && list.Kind() == value.List, !managing(list)
	for _, a := range c.accepted {
		c.bare = c.bare && a.Outcome == model.Succeeded
		c.categories = c.categories || !managing(a.Selectors.Value())
	}
}

// managing reports whether each of some selectors has the category Management, written out or not.
func managing(list value.Value) bool {
	return !slices.ContainsFunc(list.Items(), func(item value.Value) bool {
		categories := item.Get("EventCategories")
		return categories.Given() && !categories.Equal(value.Strs("Management"))
	})
}

func (c *contrast) succeeded() bool { return c.step.Answer.Outcome == reports.OutcomeSuccess }

func httpStatus(status int) string { return plain.When(status != 0, fmt.Sprintf("HTTP %d", status)) }

// selectors renders a list of selectors, the categories of each alike: all of them, or none where all are Management.
func (c *contrast) selectors(list value.Value) string {
	items := slices.Clone(list.Items())
	for i, item := range items {
		switch categories := item.Get("EventCategories"); {
		case !c.categories && categories.Given():
			items[i] = item.With("EventCategories", value.Value{})
		case c.categories && !categories.Given() && item.Get("InsightType").Text() != "":
			items[i] = item.With("EventCategories", value.Strs("Management"))
		}
	}
	return plain.When(!c.bare, c.ok+" with ") + Selectors(value.ListOf(items...))
}

// answers renders the accepted answers, those of the expected kind first.
func (c *contrast) answers(expected string) (out []string) {
	claims := slices.ContainsFunc(c.accepted, func(a model.Answer) bool { return a.HasInsights != 0 || a.Logs != 0 })
	for _, first := range []bool{true, false} {
		for _, a := range c.accepted {
			text := c.acceptable(a)
			if (a.Kind() == expected) == first && !slices.Contains(out, text) && !(claims && a.Outcome == model.AnyRefusal) {
				out = append(out, text)
			}
		}
		slices.Sort(out[min(1, len(out)):])
	}
	return out
}

// acceptable renders an accepted answer.
func (c *contrast) acceptable(a model.Answer) string {
	switch {
	case a.Outcome == model.Refused:
		return cmp.Or(a.Code, "an error")
	case a.Outcome == model.AnyRefusal:
		return "an error"
	case a.Outcome == model.AnyAnswer:
		return a.Kind()
	case a.Outcome == model.Succeeded:
		return c.selectors(a.Selectors.Value())
	case a.HasInsights != 0:
		return fmt.Sprintf("HasInsightSelectors is %t", a.HasInsights == model.Yes)
	case a.Logs != 0:
		return "event selectors that log " + Logged(a.Logs)
	}
	return c.ok
}

// answer renders what came, as far as accepted answers claim something of it.
func (c *contrast) answer() string {
	if !c.succeeded() {
		code := plain.When(c.step.Answer.Outcome == reports.OutcomeRefused, c.step.Answer.Code) // that of a crash decides nothing
		return cmp.Or(code, Answer(c.step))
	}
	switch member, list := wire.Find(c.body, "InsightSelectors"); {
	case c.op == model.OpTrail && slices.ContainsFunc(c.accepted, func(a model.Answer) bool { return a.HasInsights != 0 }):
		return flag(c.body)
	case c.op == model.OpGetEvents || c.op == model.OpGetStore:
		shown := value.Obj("EventSelectors", c.body.Get("EventSelectors"), "AdvancedEventSelectors", c.body.Get("AdvancedEventSelectors"))
		return "event selectors that log " + Logged(model.ShownLogs(c.body)) + ": " + Value(shown)
	case !c.op.Insights():
		return c.ok + plain.When(c.op.Reads(), " with "+Value(c.body))
	case member == "":
		return c.ok + " without InsightSelectors: " + Value(c.body)
	case list.Kind() != value.List:
		return c.ok + " with " + member + " that is " + typed(list)
	default:
		return c.selectors(list)
	}
}

// owner renders a member that names the owner of what is answered, as it is accepted: given, or absent.
func (c *contrast) owner(member string, absent bool) string {
	for _, a := range c.accepted {
		arn := map[string]string{"TrailARN": a.TrailARN, "EventDataStoreArn": a.StoreARN, "InsightsDestination": a.Destination}[member]
		if a.Outcome == model.Succeeded && (arn == "") == absent {
			return cmp.Or(plain.When(arn != "", member+"="+c.teller.name(arn)), "no "+member)
		}
	}
	return member
}

// member renders such a member as it came.
func (c *contrast) member(name string) string {
	switch _, v := wire.Find(c.body, name); v.Kind() {
	case value.Absent:
		return "no " + name
	case value.String:
		return name + "=" + c.teller.name(v.Text())
	default:
		return name + " is " + typed(v)
	}
}

// spelt renders what is wrong with the form of a success.
func (c *contrast) spelt(expected, actual string) (want []string, got string) {
	member, as, _ := strings.Cut(expected, " as ")
	switch _, v := wire.Find(c.body, member); {
	case !c.succeeded():
		return []string{expected}, Answer(c.step)
	case as != "" && v.Kind() != value.Absent:
		return []string{expected}, member + " is " + typed(v)
	case as == "" && !strings.Contains(expected, " "):
		return []string{"the member " + expected}, "the member " + actual
	}
	return []string{expected}, actual
}

// flag renders the HasInsightSelectors of a GetTrail.
func flag(body value.Value) string {
	trail := body.Get("Trail")
	switch has := trail.Get("HasInsightSelectors"); {
	case trail.Kind() == value.Absent:
		return "the answer has no Trail member: " + Value(body)
	case trail.Kind() != value.Object:
		return "Trail is " + typed(trail)
	case has.Kind() == value.Absent:
		return "Trail has no HasInsightSelectors"
	default:
		return "HasInsightSelectors is " + typed(has)
	}
}

// typed renders a value with its type where that is not the usual one of what is told.
func typed(v value.Value) string {
	switch v.Kind() {
	case value.String:
		return "the string " + v.String()
	case value.Number:
		return "the number " + v.String()
	}
	return v.String()
}

// Answer renders an answer: "HTTP 200 {…}", "TrailNotFoundException (HTTP 400)", "HTTP 500 with HTML".
func Answer(step reports.Step) string {
	answer, status := step.Answer, httpStatus(step.Status)
	switch {
	case answer.Outcome == reports.OutcomeSuccess:
		return cmp.Or(status, answer.Outcome) + plain.When(answer.Body.Kind() != value.Absent, " "+Value(answer.Body))
	case answer.Outcome == reports.OutcomeRefused && answer.Code != "":
		return answer.Code + plain.When(status != "", " ("+status+")")
	case answer.Outcome == reports.OutcomeRefused:
		return cmp.Or(plain.When(status != "", status+" without an error code"), "an error without a code") + plain.When(step.Received != "", ": "+content(step))
	case status == "":
		return cmp.Or(answer.Problem, answer.Outcome)
	}
	_, why, _ := strings.Cut(answer.Problem, ": ")
	return status + " with " + content(step) + plain.When(step.Status < 400 && step.Status >= 300, " ("+why+")")
}

// quoted tells a code from one that it begins with; empty where there is none.
func quoted(code string) string { return plain.When(code != "", `the code "`+code+`"`) }

// contentShown is how many characters of a body that is not what is due are shown.
const contentShown = 80

// content says what the body of an answer is.
func content(step reports.Step) string {
	text := strings.ToLower(step.Received)
	body, err := value.Parse([]byte(step.Received))
	switch {
	case strings.TrimSpace(text) == "":
		return "an empty body"
	case err == nil:
		return plain.Shorten(reports.Pseudonymous(Value(body)), contentShown)
	case strings.Contains(step.Answer.Problem, "text/html"), strings.Contains(text, "<html"):
		return "HTML"
	case strings.HasPrefix(text, "<"):
		return "XML"
	}
	return "the text " + plain.Shorten(reports.Pseudonymous(value.Str(step.Received).String()), contentShown)
}
