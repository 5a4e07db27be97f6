// Package junit writes a report in the XML that continuous integration reads.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// The elements of a JUnit report, in the order of the common schemas, which allow one result for each case.
type junitReport struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	ID         int             `xml:"id,attr"`
	Name       string          `xml:"name,attr"`
	Package    string          `xml:"package,attr"`
	Hostname   string          `xml:"hostname,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	SystemOut  string          `xml:"system-out"`
	SystemErr  string          `xml:"system-err"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name    string       `xml:"name,attr"`
	Class   string       `xml:"classname,attr"`
	Time    string       `xml:"time,attr"`
	Skipped *junitResult `xml:"skipped"`
	Error   *junitResult `xml:"error"`
	Failure *junitResult `xml:"failure"`
	took    float64      // seconds
}

type junitResult struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Body    string `xml:",chardata"`
}

// Write writes the report in the XML that continuous integration reads: a suite for each family of
// rules and a case for each rule. A failure is a divergence that fails the run; an error says that the
// run itself came to no verdict; what was not tested or does not count is skipped, with the reason.
func Write(w io.Writer, r *reports.Report) error {
	r = describe.Shown(r)
	out := junitReport{Name: "conform " + plain.Named(r.Target), Time: seconds(r.DurationSeconds)}
	rest := r.DurationSeconds // that belongs to no rule
	for id := range r.Coverage.Rules {
		rest -= r.RuleSeconds[id]
	}
	out.add(r, "run", junitRun(r, rest))
	for _, family := range plain.GroupBy(r.Coverage.InOrder(), model.ID.Family) {
		var cases []junitCase
		for _, id := range family.Items {
			cases = append(cases, junitRule(r, id))
		}
		out.add(r, family.Key, cases...)
	}
	var stale []junitCase // each fails the run
	for _, gone := range r.Gone() {
		stale = append(stale, junitCase{Name: plain.Text(gone), Failure: &junitResult{Message: "expected, and gone", Type: "gone"}})
	}
	for _, entry := range r.Stale() {
		stale = append(stale, junitCase{Name: plain.Text(entry.Signature),
			Failure: &junitResult{Message: plain.Text(entry.Outcome) + ": " + plain.Message(entry.Mend), Type: "stale"}})
	}
	if len(stale) > 0 {
		out.add(r, "baseline", stale...)
	}
	data, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("the report as JUnit XML: %w", err)
	}
	// No attribute has a line feed, and no markup a #.
	_, err = strings.NewReplacer("&#xA;", "\n", "##", "#&#35;").WriteString(w, xml.Header+string(data)+"\n")
	return err
}

// add appends a suite, counts its cases and adds up their times.
func (j *junitReport) add(r *reports.Report, family string, cases ...junitCase) {
	family = plain.Text(family)
	s := junitSuite{ID: len(j.Suites), Name: family, Package: "conform", Hostname: "localhost",
		Timestamp: r.Started.UTC().Format("2006-01-02T15:04:05"), Properties: junitProperties(r), Cases: cases, Tests: len(cases)}
	took := 0.0
	for i := range cases {
		c := &cases[i]
		c.Class, c.Time = "conform."+family, seconds(c.took)
		took += max(0, c.took)
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	s.Time = seconds(took)
	j.Tests, j.Failures, j.Errors = j.Tests+s.Tests, j.Failures+s.Failures, j.Errors+s.Errors
	j.Suites = append(j.Suites, s)
}

func seconds(s float64) string { return strconv.FormatFloat(max(0, s), 'f', 3, 64) }

func junitProperties(r *reports.Report) []junitProperty {
	list := []junitProperty{
		{"target", plain.Address(r.Target)},
		{"verdict", plain.Text(r.Verdict)},
		{"exit code", strconv.Itoa(r.ExitCode)},
		{"seed", strconv.FormatUint(r.Seed, 10)},
		{"workers", strconv.Itoa(r.Workers)},
		{"suites", plain.Text(strings.Join(r.Suites, ","))},
		{"fail-on", r.FailOn.String()},
		{"requests", strconv.Itoa(r.Requests)},
		{"version", plain.Text(r.Version)},
		{"command", plain.Message(r.Command)},
	}
	for _, said := range []junitProperty{{"name", plain.Text(r.Target.Label)}, {"target version", plain.Text(r.Target.Version)}} {
		if said.Value != "" {
			list = append(list, said)
		}
	}
	for _, c := range r.Certificates {
		list = append(list, junitProperty{"certificate " + plain.Text(c.Machine), plain.Message(c.Result)})
	}
	return list
}

// junitRun is the case of the run itself: what came of it, and the time of what is about no single rule.
func junitRun(r *reports.Report, took float64) junitCase {
	c := junitCase{Name: "run", took: took}
	result := &junitResult{Message: plain.Message(r.Reason), Type: plain.Text(r.Verdict),
		Body: plain.When(r.Command != "", "reproduce   "+plain.Message(r.Command))}
	switch {
	case r.Verdict == reports.Interrupted:
		c.Skipped = &junitResult{Message: result.Message}
	case r.Verdict != reports.Conforms && r.Verdict != reports.Diverges, r.Partial:
		c.Error = result
	}
	return c
}

// junitRule is the case of a rule, with all its divergences.
func junitRule(r *reports.Report, id model.ID) junitCase {
	c := junitCase{Name: plain.Text(id), took: r.RuleSeconds[id]}
	var failing, passing []reports.Divergence
	for _, d := range describe.WorstFirst(r) {
		switch {
		case d.Rule != id:
		case r.FailsRun(d):
			failing = append(failing, d)
		default:
			passing = append(passing, d)
		}
	}
	rule := r.Coverage.Rules[id]
	switch {
	case len(failing) > 0:
		c.Failure = junitDivergences(r, append(failing, passing...))
		c.Failure.Type = failing[0].Level.String()
	case len(passing) > 0:
		c.Skipped = junitDivergences(r, passing)
		first := passing[0]
		because := describe.Standing(r, first) + plain.When(first.Known && first.Reason != "", " ("+plain.Text(first.Reason)+")")
		c.Skipped.Message = because + ": " + c.Skipped.Message
	case !rule.Judged():
		c.Skipped = &junitResult{Message: plain.Text(rule.InWords())}
	}
	return c
}

// junitDivergences tells the divergences of one rule.
func junitDivergences(r *reports.Report, list []reports.Divergence) *junitResult {
	var messages, body []string
	for _, d := range list {
		messages = append(messages, fmt.Sprintf("%s: %s instead of %s", plain.Text(d.Operation), plain.Text(d.Actual), plain.Alternatives(d.Expected, plain.MaxShown)))
		body = append(body, strings.Join(append(describe.Details(r, d), "standing    "+describe.Standing(r, d)), "\n"))
	}
	return &junitResult{Message: plain.Shorten(strings.Join(messages, "; "), plain.MaxMessage), Body: "\n" + strings.Join(body, "\n\n") + "\n"}
}
