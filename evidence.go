package conform

import (
	"math"
	"slices"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// timeline counts requests and sums up how long their answers took, in slots of a run. Where a run
// lasts longer than its slots, they are joined two by two.
type timeline struct {
	slots []slot
	width time.Duration
}

type slot struct {
	requests       int
	total, slowest time.Duration
}

// maxSlots bounds a timeline, firstWidth is that of the slots of a short run.
const (
	maxSlots   = 120
	firstWidth = 100 * time.Millisecond
)

func (t *timeline) add(at, took time.Duration) {
	if t.width == 0 {
		t.width = firstWidth
	}
	i := int(max(at, 0) / t.width)
	for i >= maxSlots {
		t.widen()
		i = int(at / t.width)
	}
	for len(t.slots) <= i {
		t.slots = append(t.slots, slot{})
	}
	t.slots[i].join(slot{1, took, took})
}

func (s *slot) join(o slot) {
	s.requests += o.requests
	s.total += o.total
	s.slowest = max(s.slowest, o.slowest)
}

func (t *timeline) widen() {
	for i := range t.slots {
		if i%2 == 0 {
			t.slots[i/2] = t.slots[i]
		} else {
			t.slots[i/2].join(t.slots[i])
		}
	}
	t.slots = t.slots[:(len(t.slots)+1)/2]
	t.width *= 2
}

// merge adds another timeline of the same run.
func (t *timeline) merge(o timeline) {
	if len(o.slots) == 0 {
		return
	}
	o.slots = slices.Clone(o.slots)
	for t.width != o.width {
		switch {
		case t.width == 0:
			t.width = o.width
		case t.width < o.width:
			t.widen()
		default:
			o.widen()
		}
	}
	for len(t.slots) < len(o.slots) {
		t.slots = append(t.slots, slot{})
	}
	for i, s := range o.slots {
		t.slots[i].join(s)
	}
}

// intervals renders the timeline for the report.
func (t *timeline) intervals() []reports.Interval {
	ms := func(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e3 }
	var out []reports.Interval
	for i, s := range t.slots {
		x := reports.Interval{Seconds: (time.Duration(i) * t.width).Seconds(), Requests: s.requests, SlowMS: ms(s.slowest)}
		if s.requests > 0 {
			x.MeanMS = ms(s.total / time.Duration(s.requests))
		}
		out = append(out, x)
	}
	return out
}

// walkOf shows what the workers' tours covered.
func walkOf(workers []*explorer) *reports.Walk {
	var walk *reports.Walk
	for _, e := range workers {
		part := e.coverage.tour.Walked()
		if walk == nil {
			walk = &reports.Walk{Inputs: part.Inputs}
			for i := range part.Rows {
				walk.States = append(walk.States, reports.WalkState{On: part.Sets[i].String(), Logs: part.Logs[i].String(), Row: string(part.Rows[i])})
			}
			continue
		}
		for i, row := range part.Rows {
			joined := []byte(walk.States[i].Row)
			for k, mark := range row {
				if mark != ' ' {
					joined[k] = mark
				}
			}
			walk.States[i].Row = string(joined)
		}
	}
	return walk
}

// resourceStates lists what the model holds of each resource.
func resourceStates(s model.State) []reports.ResourceState {
	out := []reports.ResourceState{}
	add := func(resource string, on model.Selectors, logs model.Logs, logging bool) {
		x := reports.ResourceState{Resource: resource, Logs: logs.String(), Logging: logging}
		for _, e := range on.Effective().Entries() {
			if x.On == nil {
				x.On = map[string][]string{}
			}
			name := model.TypeNames[e.Type]
			x.On[name] = append(x.On[name], e.Categories.Names()...)
		}
		out = append(out, x)
	}
	for i := range s.Trails {
		t := &s.Trails[i]
		add("trail/"+t.Home+"/"+t.Name, t.Insights, t.Logs, t.Logging)
	}
	for i := range s.Stores {
		x := &s.Stores[i]
		add("store/"+x.Home+"/"+x.ID, x.Insights, x.Logs, x.Ingesting && !x.Pending)
	}
	return out
}
