package concurrent

import (
	"fmt"
	"io"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
)

// Visualize writes porcupine's own page of a search for an order of the calls on a resource: all calls, and the longest
// orders that were found.
func (h *History) Visualize(w io.Writer, name string) error {
	start := model.NewTracker(h.World)
	for i := range h.Before {
		start.Observe(h.Before[i].Request, h.Before[i].answer())
	}
	m := sequential(start)
	m.DescribeOperation = func(input, output any) string {
		r, a := input.(model.Request), output.(model.Answer)
		return describe.Steps([]reports.Step{{Operation: string(r.Op), Request: r.Input}}) + " → " + shown(a)
	}
	m.DescribeState = func(state any) string {
		var texts []string
		t := state.(*model.Tracker)
		for _, s := range append(t.Others(), t.State()) {
			for _, trail := range s.Trails {
				texts = append(texts, fmt.Sprintf("%s: %s", trail.Name, trail.Insights))
			}
		}
		return strings.Join(texts, "; ")
	}
	_, info := porcupine.CheckOperationsVerbose(m, operations(h.ordered(name)), patience)
	return porcupine.Visualize(m, info, w)
}
