package session

import (
	"math"
	"time"

	"github.com/insightconform/conform/reports"
)

// Timeline counts requests and sums up how long their answers took, in slots of a run. Where a run
// lasts longer than its slots, they are joined two by two.
type Timeline struct {
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

func (t *Timeline) add(at, took time.Duration) { t.slot(at).join(slot{1, took, took}) }

// slot is the one of a time, made where it is not there.
func (t *Timeline) slot(at time.Duration) *slot {
	t.width = max(t.width, firstWidth)
	for at/t.width >= maxSlots {
		t.widen()
	}
	i := int(max(at, 0) / t.width)
	t.slots = append(t.slots, make([]slot, max(0, i+1-len(t.slots)))...)
	return &t.slots[i]
}

func (s *slot) join(o slot) {
	s.requests += o.requests
	s.total += o.total
	s.slowest = max(s.slowest, o.slowest)
}

func (t *Timeline) widen() {
	for i, s := range t.slots {
		if i%2 == 0 {
			t.slots[i/2] = slot{}
		}
		t.slots[i/2].join(s)
	}
	t.slots = t.slots[:(len(t.slots)+1)/2]
	t.width *= 2
}

// Merge adds another timeline of the same run.
func (t *Timeline) Merge(o Timeline) {
	t.width = max(t.width, firstWidth)
	for t.width < o.width {
		t.widen()
	}
	for i, s := range o.slots {
		t.slot(time.Duration(i) * o.width).join(s)
	}
}

// Intervals renders the timeline for the report.
func (t *Timeline) Intervals() []reports.Interval {
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
