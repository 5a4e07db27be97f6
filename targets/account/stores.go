package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// maxStores is how many event data stores the pool of a Region has. The quota is 10, those that are
// pending deletion included.
const maxStores = 8

// quotaStores is the service's quota.
const quotaStores = 10

// storePool is the event data stores of the target, which are lent to one world after the other and
// kept from night to night: a deleted one counts against the quota for seven days.
type storePool struct {
	mu      sync.Mutex
	stores  []*store
	foreign map[string]int // by Region: stores that are not ours
}

// store is one of ours, and what sets it apart from a new one.
type store struct {
	ledger.Resource
	id       string
	kind     string      // of the input that made it, part of the name
	logs     value.Value // what it logged as a new one; absent where that is not known
	lent     bool
	insights bool
	changed  bool // it was told what to log
	spoilt   bool
}

// listStores lists the event data stores of a Region. Where there are none to be had, the list
// is empty.
func (s *service) listStores(ctx context.Context, region string) (out []listed, err error) {
	input := value.Obj()
	for range 20 {
		reply := s.call(ctx, region, "ListEventDataStores", input)
		if a := reply.Answer; a.Outcome == model.Refused && reply.Err == nil && !wire.Repeatable(a.Code) {
			return out, nil // closed, unsupported or not permitted: then there are none of ours either
		}
		if err := s.problem(ctx, region, "ListEventDataStores", reply); err != nil {
			return nil, err
		}
		for _, item := range reply.Body.Get("EventDataStores").Items() {
			arn := item.Get("EventDataStoreArn").Text()
			out = append(out, listed{item.Get("Name").Text(), region, arn, storeID(arn), item.Get("Status").Text() == "PENDING_DELETION"})
		}
		next := reply.Body.Get("NextToken").Text()
		if next == "" {
			break
		}
		input = value.Obj("NextToken", next)
	}
	return out, nil
}

// storeID is the identifier in what names a store.
func storeID(text string) string { return strings.ToLower(naming.StoreIDs.FindString(text)) }

// createStore lends a store that logs what is asked for, or makes one.
func (w *world) createStore(ctx context.Context, r model.Request) targets.Reply {
	region := r.Region
	pool := &w.target.stores
	pool.mu.Lock()
	defer pool.mu.Unlock()
	if w.target.pools[region] == nil {
		return w.send(ctx, r) // refused, and says why
	}
	if err := w.target.surveyStores(ctx, region); err != nil {
		return targets.Reply{Problem: reason(err), Err: err}
	}
	kind := kindOf(r.Input)
	for _, x := range pool.stores {
		if x.Region != region || x.lent || x.spoilt || x.kind != kind {
			continue
		}
		if x.logs.Kind() == value.Absent {
			x.logs = r.Input.Get("AdvancedEventSelectors")
		}
		if !w.target.resetStore(ctx, x) {
			x.spoilt = true
			continue
		}
		return w.lendStore(x, "not sent: an event data store of an earlier case takes its place")
	}
	ours := 0
	for _, x := range pool.stores {
		if x.Region == region {
			ours++
		}
	}
	if ours >= maxStores || ours+pool.foreign[region] >= quotaStores {
		return targets.Reply{Answer: model.Refusal("EventDataStoreMaxLimitExceededException"),
			Notes: []string{"not sent: the pool of event data stores is exhausted"}}
	}
	return w.makeStore(ctx, r, kind)
}

// kindOf tells stores apart by what they are made with, their names aside.
func kindOf(input value.Value) string {
	sum := sha256.Sum256([]byte(input.With("Name", value.Value{}).String()))
	return hex.EncodeToString(sum[:5])
}

// surveyStores looks once through the stores of a Region: those of the ledger's earlier runs join the
// pool, all others count.
func (t *target) surveyStores(ctx context.Context, region string) error {
	if t.stores.foreign == nil {
		t.stores.foreign = map[string]int{}
	}
	if _, counted := t.stores.foreign[region]; counted {
		return nil
	}
	all, err := t.service.listStores(ctx, region)
	if err != nil {
		return err
	}
	foreign := 0
	for _, x := range all {
		r := ledger.Store.In(region, x.name)
		kind := x.name[strings.LastIndexByte(x.name, '-')+1:]
		if x.pending || t.ledger.Event(r) == "" || t.ledger.Event(r) == ledger.Gone {
			foreign++
			continue
		}
		if tag, _, _ := t.service.tagOf(ctx, region, x.arn); tag != t.ledger.ID() {
			foreign++
			continue
		}
		t.service.gate.Set(r, gate.Owned)
		t.service.gate.SetStore(x.id, r)
		t.stores.stores = append(t.stores.stores, &store{Resource: r, id: x.id, kind: kind, insights: true, changed: true})
	}
	t.stores.foreign[region] = foreign
	return nil
}

func (w *world) lendStore(x *store, note string) targets.Reply {
	x.lent = true
	w.stores[x.id] = x
	arn := w.target.service.storeARN(x)
	return targets.Reply{Answer: model.Answer{Outcome: model.Succeeded, StoreARN: arn},
		Body: value.Obj("EventDataStoreArn", arn, "Status", "ENABLED"), Notes: []string{note}}
}

func (s *service) storeARN(x *store) string {
	return "arn:" + s.partition + ":cloudtrail:" + x.Region + ":" + s.account + ":eventdatastore/" + x.id
}

// makeStore creates a store: first the ledger, then the request, then the look at its tag.
func (w *world) makeStore(ctx context.Context, r model.Request, kind string) targets.Reply {
	s, book, region := w.target.service, w.target.ledger, r.Region
	made := ledger.Store.In(region, book.Prefix()+"-"+randomTag()+"-"+kind)
	asked := r.Input.Get("Name").Text()
	r.Input = r.Input.With("Name", value.Str(made.Name)).With("TagsList", tags(book)).
		With("RetentionPeriod", value.Num("7")).With("TerminationProtectionEnabled", value.Boolean(false)).
		With("MultiRegionEnabled", value.Boolean(false))
	reply, unsent := s.creating(book, made, func() targets.Reply { return s.send(ctx, region, r) })
	if unsent {
		return reply
	}
	reply.Instead = map[string]string{made.Name: asked}
	id := storeID(reply.Answer.StoreARN)
	if reply.Answer.Outcome != model.Succeeded || id == "" {
		return reply // the ledger has the intention, unless it was refused
	}
	x := &store{Resource: made, id: id, kind: kind, logs: r.Input.Get("AdvancedEventSelectors")}
	w.target.stores.stores = append(w.target.stores.stores, x)
	reply.Err = s.confirmTag(ctx, book, made, s.storeARN(x), w.target.options.Settle)
	if x.spoilt = book.Event(made) != ledger.Made; x.spoilt {
		return reply
	}
	s.gate.SetStore(id, made)
	w.lendStore(x, "")
	return reply
}

// resetStore brings a store back to the state of a new one.
func (t *target) resetStore(ctx context.Context, x *store) bool {
	s, arn := t.service, t.service.storeARN(x)
	if !s.undo(ctx, x.Region, []undo{
		{x.insights, model.OpPut, value.Obj("EventDataStore", arn, "InsightSelectors", value.ListOf())},
		{x.changed && x.logs.Kind() != value.Absent, model.OpUpdateStore, value.Obj("EventDataStore", arn, "AdvancedEventSelectors", x.logs)},
	}) || !s.until(ctx, t.options.Settle, func() bool {
		return s.call(ctx, x.Region, model.OpGet, value.Obj("EventDataStore", arn)).Answer.Code == "InsightNotEnabledException"
	}) {
		return false
	}
	x.insights, x.changed = false, x.changed && x.logs.Kind() == value.Absent
	return true
}

// trackStore notes what a request has changed in stores.
func (w *world) trackStore(r model.Request, reply targets.Reply) {
	for _, member := range []string{"EventDataStore", "InsightsDestination"} {
		x := w.stores[storeID(r.Input.Get(member).Text())]
		if x == nil {
			continue
		}
		x.spoilt = x.spoilt || !reply.Answer.Definite()
		if member == "EventDataStore" && reply.Answer.Outcome == model.Succeeded {
			x.insights = x.insights || r.Op == model.OpPut
			x.changed = x.changed || r.Op == model.OpUpdateStore
		}
	}
}

func (w *world) closeStores() {
	pool := &w.target.stores
	pool.mu.Lock()
	defer pool.mu.Unlock()
	for _, x := range w.stores {
		x.lent = false
		if w.fresh {
			x.insights = true // reset it before anyone sees it
		}
	}
}

// parkStores deletes the stores that cannot be lent again, and turns Insights off on the others, which
// stay for the next night.
func (t *target) parkStores(ctx context.Context) {
	t.stores.mu.Lock()
	defer t.stores.mu.Unlock()
	t.stores.stores = slices.DeleteFunc(t.stores.stores, func(x *store) bool {
		if !x.spoilt && t.resetStore(ctx, x) {
			return false
		}
		return t.service.removeStore(ctx, t.ledger, x.Resource, x.id)
	})
}

// removeStore deletes a store, which stays pending for seven days. It reports whether that was done.
func (s *service) removeStore(ctx context.Context, book *ledger.Ledger, r ledger.Resource, id string) bool {
	s.gate.SetStore(id, r)
	input := value.Obj("EventDataStore", id)
	reply := s.call(ctx, r.Region, model.OpDeleteStore, input)
	if reply.Answer.Code == "EventDataStoreTerminationProtectedException" {
		s.call(ctx, r.Region, model.OpUpdateStore, input.With("TerminationProtectionEnabled", value.Boolean(false)))
		reply = s.call(ctx, r.Region, model.OpDeleteStore, input)
	}
	if a := reply.Answer; a.Outcome != model.Succeeded && !strings.Contains(a.Code, "NotFound") && !strings.Contains(a.Code, "Inactive") {
		return false
	}
	return s.gone(book, r) == nil
}
