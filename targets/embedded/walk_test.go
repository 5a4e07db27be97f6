package embedded

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// walker draws requests at random with the likely state of a world in view. It knows no rule: it only
// sees to it that most requests meet something.
type walker struct {
	*rand.Rand
	state model.State
}

var (
	trailNames = []string{"trail-one", "Trail-One", "trail_one", "trail-one2", "2trail-one", "abc"}
	w0         = model.DefaultWorld
)

func pick[T any](w *walker, from ...T) T { return from[w.IntN(len(from))] }

func (w *walker) oneIn(n int) bool { return w.IntN(n) == 0 }

func (w *walker) region() string {
	if w.oneIn(6) {
		return w0.Away
	}
	return w0.Home
}

func (w *walker) trailName(region string) value.Value {
	name := pick(w, trailNames...)
	switch w.IntN(16) {
	case 0:
		return value.Str(pick(w, "", " ", "ab", "my-_trail", "192.168.5.4", "-x-"))
	case 1:
		return value.Str(pick(w, "arn:aws:s3:::bucket", "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/abc", "arn:aws:cloudtrail:us-east-1:123456789012:trail/a"))
	case 2:
		return value.Str("arn:aws:cloudtrail:" + region + ":" + w0.OtherAccount + ":trail/" + name)
	case 3:
		return value.Str(w0.TrailARN(w.region(), name))
	case 4, 5, 6:
		return value.Str(w0.TrailARN(region, name))
	}
	return value.Str(name)
}

func (w *walker) store(region string) value.Value {
	return w.storeLogging(region, model.ManagementEvents|model.DataEvents|model.InsightEvents)
}

// storeLogging draws a store, preferably one that logs some of the given kinds of event.
func (w *walker) storeLogging(region string, logs model.Logs) value.Value {
	id := model.StoreID(w.IntN(6))
	for _, i := range w.Perm(len(w.state.Stores)) {
		if x := w.state.Stores[i]; x.Home == region && x.Logs&logs != 0 {
			id = x.ID
			break
		}
	}
	switch w.IntN(14) {
	case 0:
		return value.Str(pick(w, "", "ab", "no store", "arn:aws:cloudtrail:us-east-1:123456789012:trail/abc"))
	case 1:
		return value.Str("arn:aws:cloudtrail:" + region + ":" + w0.OtherAccount + ":eventdatastore/" + id)
	case 2, 3, 4, 5:
		return value.Str(w0.StoreARN(region, id))
	}
	return value.Str(id)
}

func (w *walker) categories() value.Value {
	switch w.IntN(12) {
	case 0, 1:
		return value.Value{}
	case 2:
		return value.ListOf()
	case 3:
		return pick(w, value.Strs("Management", "Management"), value.Strs("Data", "Data"), value.Strs("management"), value.Strs("Insight"), value.NullValue, value.Num("3"), value.Str("Management"), value.Strs("Management", "data"))
	case 4, 5:
		return value.Strs("Data")
	case 6:
		return value.Strs("Data", "Management")
	case 7, 8:
		return value.Strs("Management", "Data")
	}
	return value.Strs("Management")
}

func (w *walker) entry() value.Value {
	var kind any = pick(w, model.TypeNames[:]...)
	if w.oneIn(20) {
		kind = pick[any](w, "ApiLatencyInsight", "apicallrateinsight", value.Value{}, value.NullValue, value.Num("1"))
	}
	e := value.Obj("InsightType", kind, "EventCategories", w.categories())
	if w.oneIn(40) {
		e = e.With("Extra", value.Str("x"))
	}
	return e
}

func (w *walker) selectors() value.Value {
	switch w.IntN(12) {
	case 0, 1:
		return value.ListOf()
	case 2:
		return pick(w, value.Value{}, value.NullValue, value.Str("x"), value.Str(""))
	case 3:
		e := w.entry()
		return value.ListOf(e, e)
	case 4, 5, 6, 7:
		return value.ListOf(w.entry(), w.entry())
	}
	return value.ListOf(w.entry())
}

func (w *walker) put() model.Request {
	region := w.region()
	in := value.Obj()
	switch w.IntN(10) {
	case 0:
		in = in.With("TrailName", w.trailName(region)).With("EventDataStore", w.store(region))
	case 1:
	case 2, 3, 4:
		in = in.With("EventDataStore", w.storeLogging(region, pick(w, model.ManagementEvents, model.ManagementEvents, model.InsightEvents)))
		if !w.oneIn(4) {
			in = in.With("InsightsDestination", w.storeLogging(region, pick(w, model.InsightEvents, model.InsightEvents, model.ManagementEvents)))
		}
	default:
		in = in.With("TrailName", w.trailName(region))
	}
	in = in.With("InsightSelectors", w.selectors())
	if w.oneIn(40) {
		in = in.With("Extra", value.Boolean(true))
	}
	return model.Request{Op: model.OpPut, Region: region, Input: in, OtherTarget: w.oneIn(60)}
}

func (w *walker) events() value.Value {
	switch w.IntN(5) {
	case 0:
		return value.Obj("AdvancedEventSelectors", value.ListOf(advanced("Management"), advanced("Data")))
	case 1:
		return value.Obj("AdvancedEventSelectors", value.ListOf(advanced(pick(w, "Management", "Data"))))
	}
	s := value.Obj("ReadWriteType", pick(w, "All", "All", "ReadOnly", "WriteOnly"))
	if w.oneIn(3) {
		s = s.With("IncludeManagementEvents", value.Boolean(w.oneIn(3)))
	}
	if !w.oneIn(3) {
		s = s.With("DataResources", value.ListOf(value.Obj("Type", "AWS::S3::Object", "Values", value.Strs("arn:aws:s3"))))
	}
	return value.Obj("EventSelectors", value.ListOf(s))
}

func advanced(category string) value.Value {
	return value.Obj("FieldSelectors", value.ListOf(value.Obj("Field", "eventCategory", "Equals", value.Strs(category))))
}

func (w *walker) storeEvents() value.Value {
	switch w.IntN(5) {
	case 0, 1:
		return value.ListOf(advanced("Insight"))
	case 2:
		return value.ListOf(advanced("Data"))
	case 3:
		return value.ListOf(advanced("Management"), advanced("Data"))
	}
	return value.Value{}
}

// next draws a request.
func (w *walker) next() model.Request {
	region := w.region()
	on := func(op model.Op, member string, v value.Value) model.Request {
		return model.Request{Op: op, Region: region, Input: value.Obj(member, v)}
	}
	if len(w.state.Trails) < 3 || w.oneIn(40) {
		return on(model.OpCreate, "Name", value.Str(pick(w, trailNames...)))
	}
	if len(w.state.Stores) < 7 && w.oneIn(4) {
		r := on(model.OpCreateStore, "AdvancedEventSelectors", w.storeEvents())
		if w.oneIn(4) {
			r.Input = r.Input.With("StartIngestion", value.Boolean(false))
		}
		return r
	}
	switch w.IntN(40) {
	case 0:
		return on(model.OpDelete, "Name", w.trailName(region))
	case 1, 2:
		r := on(model.OpUpdate, "Name", w.trailName(region))
		if w.oneIn(3) {
			r.Input = r.Input.With("IsMultiRegionTrail", value.Boolean(w.oneIn(2)))
		}
		return r
	case 3:
		return on(model.OpStop, "Name", w.trailName(region))
	case 4, 5:
		return on(model.OpStart, "Name", w.trailName(region))
	case 6, 7, 8:
		r := on(model.OpPutEvents, "TrailName", w.trailName(region))
		for _, m := range w.events().Members() {
			r.Input = r.Input.With(m.Name, m.Value)
		}
		return r
	case 9, 10:
		return on(model.OpGetEvents, "TrailName", w.trailName(region))
	case 11, 12, 13:
		return on(model.OpTrail, "Name", w.trailName(region))
	case 14:
		return on(model.OpStatus, "Name", w.trailName(region))
	case 15, 16:
		r := on(model.OpUpdateStore, "EventDataStore", w.store(region))
		r.Input = r.Input.With("AdvancedEventSelectors", w.storeEvents())
		return r
	case 17:
		return on(model.OpGetStore, "EventDataStore", w.store(region))
	case 18:
		if w.oneIn(3) {
			return on(pick(w, model.OpDeleteStore, model.OpRestoreStore), "EventDataStore", w.store(region))
		}
		return on(pick(w, model.OpStopIngestion, model.OpStartIngestion), "EventDataStore", w.storeLogging(region, model.ManagementEvents))
	case 19:
		conditions := append(model.ConditionNames[:4:4], model.Mended, model.Mended, model.Mended)
		if w.oneIn(5) {
			conditions = model.ConditionNames[:]
		}
		r := on(model.OpArrange, "TrailName", value.Str(pick(w, trailNames...)))
		r.Input = r.Input.With("Condition", value.Str(pick(w, conditions...)))
		return r
	case 20:
		raw := pick(w, "", "{", "[]", "7")
		return model.Request{Op: model.OpPut, Region: region, Raw: &raw}
	case 21, 22, 23, 24, 25, 26:
		return on(model.OpGet, "TrailName", w.trailName(region))
	case 27, 28, 29:
		return on(model.OpGet, "EventDataStore", w.storeLogging(region, model.ManagementEvents))
	case 30:
		return pick(w, model.Request{Op: model.OpGet, Region: region, Input: value.Obj()},
			model.Request{Op: model.OpGet, Region: region, Input: value.Obj("TrailName", w.trailName(region), "EventDataStore", w.store(region))},
			model.Request{Op: model.OpGet, Region: region, Input: value.Obj("TrailName", w.trailName(region), "Extra", "x")},
			model.Request{Op: model.OpGet, Region: region, Input: value.Obj("TrailName", value.Num("5"), "EventDataStore", w.store(region))})
	}
	return w.put()
}

// finding is an answer that the model does not allow.
type finding struct {
	requests   []model.Request // up to this answer
	reply      targets.Reply
	objections []model.Objection
	expected   []string
	blamed     model.ID // the rule that the answer contradicts
}

func (f *finding) String() string {
	var b strings.Builder
	for _, r := range f.requests {
		fmt.Fprintf(&b, "\n  %s %s %s", r.Op, r.Region, wire.Encode(r))
	}
	fmt.Fprintf(&b, "\n  -> %s %s %s\n  expected %v, objections %v, blamed on %s", f.reply.Answer.Kind(), f.reply.Received, f.reply.Problem, f.expected, f.objections, f.blamed)
	return b.String()
}

// judge plays requests in a fresh world until an answer is not allowed; next gives the request for a
// state, and false at the end.
func judge(t *testing.T, target targets.Target, next func(model.State) (model.Request, bool)) *finding {
	ctx := context.Background()
	world, err := naming.Wrap(target).NewWorld(ctx)
	require.NoError(t, err)
	defer func() { require.NoError(t, world.Close(ctx)) }()
	fixed := model.DefaultWorld
	tracker := model.NewTracker(&fixed)
	var history []model.Exchange
	var requests []model.Request
	for {
		before := tracker.State()
		r, ok := next(before)
		if !ok {
			return nil
		}
		requests = append(requests, r)
		reply := world.Do(ctx, r)
		f := &finding{requests: requests, reply: reply, objections: reply.Objections}
		if !reply.Answer.Definite() {
			f.blamed = model.WireNoCrash
			return f
		}
		verdict := tracker.Observe(r, reply.Answer)
		history = append(history, model.Exchange{Before: before, Request: r, Answer: reply.Answer, After: tracker.State(), Allowed: verdict.Allowed})
		f.objections = append(f.objections, verdict.Objections...)
		f.expected = verdict.Expected
		switch {
		case len(f.objections) > 0:
			f.blamed = f.objections[0].Rule
			return f
		case !verdict.Allowed:
			f.blamed = model.Blame(history, verdict.Expected).Rule
			return f
		}
	}
}

// walk sends random requests to a fresh world. Most trails are started as soon as they are made.
func walk(t *testing.T, target targets.Target, seed uint64, steps int) *finding {
	w := &walker{Rand: rand.New(rand.NewPCG(seed, 1))}
	var last model.Request
	return judge(t, target, func(s model.State) (model.Request, bool) {
		if steps--; steps < 0 {
			return last, false
		}
		w.state = s
		switch {
		case last.Op == model.OpCreate && !w.oneIn(8):
			last.Op = model.OpStart
		case last.Op != "" && w.oneIn(12):
		default:
			last = w.next()
		}
		return last, true
	})
}
