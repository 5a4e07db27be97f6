package describe

import (
	"regexp"
	"slices"
	"strings"

	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// Shown is a report as people read it: trails that exist beforehand have their own names, and nothing made them.
func Shown(r *reports.Report) *reports.Report {
	r = r.Normalized()
	for i := range r.Divergences {
		d := &r.Divergences[i]
		steps, own := Own(d.Steps)
		if len(steps) == len(d.Steps) {
			continue
		}
		states := [][]reports.ResourceState{}
		for j, state := range d.States {
			if j < len(d.Steps) && d.Steps[j].Lent == "" {
				state = slices.Clone(state)
				for k := range state {
					state[k].Resource = own(state[k].Resource)
				}
				states = append(states, state)
			}
		}
		d.Expected, d.Actual = plain.Texts(d.Expected, own), own(d.Actual)
		d.Steps, d.States = steps, states
	}
	r.Replays = slices.Clone(r.Replays)
	for i := range r.Replays {
		e := &r.Replays[i]
		steps, own := Own(e.Steps)
		e.Steps, e.Expected, e.Actual = steps, plain.Texts(e.Expected, own), own(e.Actual)
	}
	return r
}

// Own leaves out the steps that lent a trail, and gives each such trail its name, in the steps and by a function in texts.
func Own(steps []reports.Step) (out []reports.Step, own func(string) string) {
	names := map[string]string{}
	for _, s := range steps {
		if s.Lent != "" {
			names[s.Request.Get("Name").Text()] = s.Lent
		}
	}
	if len(names) == 0 {
		return steps, strings.Clone
	}
	own = func(text string) string {
		return nameWithin.ReplaceAllStringFunc(text, func(name string) string {
			if lent, ok := names[name]; ok {
				return lent
			}
			return name
		})
	}
	for _, s := range steps {
		if s.Lent == "" {
			s.Number = len(out) + 1
			s.Request, s.Answer.Body = within(s.Request, own), within(s.Answer.Body, own)
			out = append(out, s)
		}
	}
	return out, own
}

// within translates a value; no name of a trail needs an escape in JSON.
func within(v value.Value, own func(string) string) value.Value {
	if translated, err := value.Parse([]byte(own(string(v.AppendJSON(nil))))); err == nil && v.Kind() != value.Absent {
		return translated
	}
	return v
}

// nameWithin finds what may be the name of a trail.
var nameWithin = regexp.MustCompile(`[A-Za-z0-9._-]+`)
