package account

import (
	"context"
	"slices"
	"sync"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/account/ledger"
)

// pool is what a Region has of trails.
type pool struct {
	target  *target
	region  string
	foreign int // trails that are not ours, but count

	mu     sync.Mutex
	trails []*trail // ours, that may exist
}

// trail is one of ours, and what is known to set it apart from a new one.
type trail struct {
	ledger.Resource
	label    string // of its name, behind prefix and tag
	lent     bool
	insights bool // Insights may be on
	events   bool // it was told what to log
	logging  bool // it may log
	multi    bool // it may count in all Regions
	// spoilt says that a later world might see what this one did, or that nobody knows: it is deleted
	// instead of lent again.
	spoilt bool
}

// resettingCost is how many writes bring the trail back to the state of a new one. A new one costs two.
func (x *trail) resettingCost() int {
	cost := 0
	for _, changed := range []bool{x.insights, x.events, x.logging} {
		if changed {
			cost++
		}
	}
	return cost
}

// idle finds a trail that may be lent in place of another with the same label.
func (p *pool) idle(label string) *trail {
	for _, x := range p.trails {
		if !x.lent && !x.spoilt && x.label == label && x.resettingCost() <= 1 {
			return x
		}
	}
	return nil
}

// countEverywhere notes that a request makes a trail of all Regions. Such a trail is not lent again.
func (x *trail) countEverywhere(t *target, out model.Request) {
	if out.Input.Get("IsMultiRegionTrail").Given() && !x.multi {
		x.multi, x.spoilt = true, true
		t.multi.Add(1)
	}
}

// count is how many trails count in the Region.
func (p *pool) count() int {
	n := p.foreign + int(p.target.multi.Load())
	for _, x := range p.trails {
		if !x.multi {
			n++
		}
	}
	return n
}

// drop forgets a trail that is gone.
func (p *pool) drop(x *trail) {
	if x.multi {
		p.target.multi.Add(-1)
	}
	p.trails = slices.DeleteFunc(p.trails, func(y *trail) bool { return x == y })
}

// makeRoom deletes a trail that nobody uses, where the Region has no room for another.
func (p *pool) makeRoom(ctx context.Context) bool {
	for p.count() >= maxTrails {
		i := slices.IndexFunc(p.trails, func(x *trail) bool { return !x.lent && x.spoilt })
		if i < 0 {
			i = slices.IndexFunc(p.trails, func(x *trail) bool { return !x.lent })
		}
		if i < 0 {
			return false
		}
		x := p.trails[i]
		if !p.target.service.removeTrail(ctx, p.target.ledger, x.Resource) {
			return false
		}
		p.drop(x)
	}
	return true
}

// reset brings a trail back to the state of a new one, and looks whether it is there.
func (p *pool) reset(ctx context.Context, x *trail) bool {
	s, name := p.target.service, value.Str(x.Name)
	if !s.undo(ctx, p.region, []undo{
		{x.insights, model.OpPut, value.Obj("TrailName", name, "InsightSelectors", value.ListOf())},
		{x.logging, model.OpStop, value.Obj("Name", name)},
		{x.events, model.OpPutEvents, value.Obj("TrailName", name, "EventSelectors", defaultEvents)},
	}) {
		return false
	}
	alike := 0
	if !s.until(ctx, p.target.options.Settle, func() bool {
		if p.likeNew(ctx, x) {
			alike++
		} else {
			alike = 0
		}
		return alike == 2 // once may be an answer from before
	}) {
		return false
	}
	x.insights, x.events, x.logging = false, false, false
	return true
}

// undo takes a change back, where it is due.
type undo struct {
	due   bool
	op    model.Op
	input value.Value
}

func (s *service) undo(ctx context.Context, region string, changes []undo) bool {
	return !slices.ContainsFunc(changes, func(u undo) bool {
		return u.due && s.call(ctx, region, u.op, u.input).Answer.Outcome != model.Succeeded
	})
}

// defaultEvents is what a new trail logs.
var defaultEvents = value.ListOf(value.Obj("ReadWriteType", "All", "IncludeManagementEvents", true))

// likeNew looks whether a trail shows the state of a new one.
func (p *pool) likeNew(ctx context.Context, x *trail) bool {
	s, name := p.target.service, value.Str(x.Name)
	get := s.call(ctx, p.region, model.OpGet, value.Obj("TrailName", name)).Answer
	if get.Code != "InsightNotEnabledException" {
		return false
	}
	if x.logging {
		if status := s.call(ctx, p.region, model.OpStatus, value.Obj("Name", name)).Answer; status.Logging != model.No {
			return false
		}
	}
	if !x.events {
		return true
	}
	events := s.call(ctx, p.region, model.OpGetEvents, value.Obj("TrailName", name))
	selectors := events.Body.Get("EventSelectors").Items()
	return events.Answer.Outcome == model.Succeeded && len(events.Body.Get("AdvancedEventSelectors").Items()) == 0 && len(selectors) == 1 &&
		selectors[0].Get("ReadWriteType").Text() == "All" && selectors[0].Get("IncludeManagementEvents").True() &&
		len(selectors[0].Get("DataResources").Items()) == 0
}

// removeTrail deletes a trail, and reports whether it is gone.
func (s *service) removeTrail(ctx context.Context, book *ledger.Ledger, r ledger.Resource) bool {
	reply := s.call(ctx, r.Region, model.OpDelete, value.Obj("Name", r.Name))
	switch a := reply.Answer; {
	case a.Outcome == model.Succeeded:
	case a.Outcome == model.Refused && a.Code == "TrailNotFoundException" && book.Event(r) != ledger.Intend:
	default:
		return false
	}
	return s.gone(book, r) == nil
}

// tagOf reads the tag of a trail or store. known says whether the service knows the resource.
func (s *service) tagOf(ctx context.Context, region, arn string) (given string, known bool, reply targets.Reply) {
	reply = s.call(ctx, region, "ListTags", value.Obj("ResourceIdList", value.Strs(arn)))
	if reply.Answer.Outcome != model.Succeeded {
		return "", false, reply
	}
	for _, item := range reply.Body.Get("ResourceTagList").Items() {
		for _, tag := range item.Get("TagsList").Items() {
			if tag.Get("Key").Text() == ledger.TagKey {
				return tag.Get("Value").Text(), true, reply
			}
		}
	}
	return "", true, reply
}

// intend notes in the ledger that a resource is about to be made, and lets the request through.
func (s *service) intend(book *ledger.Ledger, r ledger.Resource) error {
	if err := book.Write(ledger.Intend, r); err != nil {
		return err
	}
	s.gate.Set(r, gate.Intended)
	return nil
}

// gone notes that a resource is no more, or never was.
func (s *service) gone(book *ledger.Ledger, r ledger.Resource) error {
	s.gate.Set(r, gate.Unknown)
	return book.Write(ledger.Gone, r)
}
