package concurrent

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets/wire"
)

// lessons are the kinds of request that one client alone was answered wrongly. Several do not send them, so that a race
// is told from what has nothing to do with it.
type lessons map[string]bool

// insightsOff stands for all that leaves a trail without Insights.
const insightsOff = "what turns Insights off"

// kinds are those that a request is of, the narrowest first.
func kinds(r model.Request) (out []string) {
	op, list := plain.Operation(string(r.Op)), r.Input.Get("InsightSelectors")
	if r.Op == model.OpPut {
		out = append(out, op+plain.When(generators.Subject(r) == generators.Stores, " on stores")+" "+describe.List(list))
	}
	if byARN(r) {
		out = append(out, op+" by ARN")
	}
	if r.Op == model.OpDelete || r.Op == model.OpCreate || r.Op == model.OpPut && len(list.Items()) == 0 {
		out = append(out, insightsOff)
	}
	return append(out, op)
}

func byARN(r model.Request) bool {
	name := r.Input.Get("TrailName").Text() + r.Input.Get("Name").Text()
	return strings.HasPrefix(name, "arn:")
}

func (l lessons) has(r model.Request) bool {
	return slices.ContainsFunc(kinds(r), func(kind string) bool { return l[kind] })
}

// String lists some of them.
func (l lessons) String() string {
	names := slices.Sorted(maps.Keys(l))
	if more := len(names) - mostNamed; more > 0 {
		names = append(names[:mostNamed], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, "; ")
}

const mostNamed = 5

// ofSeveral reports whether a divergence that was just seen is none of one client, and learns what is. So many of all
// requests for that are beside the quota.
func (s *suite) ofSeveral(ctx context.Context, d *Divergence) bool {
	defer s.besideQuota()()
	if s.fickle[d.At.Request.Op] {
		s.strikes[d.Signature()] = maxStrikes
		return false
	}
	alone := s.alone(ctx, d, leastOrdersAlone)
	if alone != nil && !s.learn(ctx, alone) {
		s.strikes[d.Signature()]++
	}
	return alone == nil
}

// mostBeside is how many requests are beside the quota.
const mostBeside = 1000

// besideQuota plays with the client that confirms until back is called, and takes of the quota only what exceeds the bound.
func (s *suite) besideQuota() (back func()) {
	plays, client := s.client, cmp.Or(s.options.Confirm, s.client)
	before, quota := client.Requests, client.Quota
	s.client, client.Quota = client, math.MaxInt
	return func() {
		spent := client.Requests - before
		free := min(spent, mostBeside-s.beside)
		s.beside += free
		s.client, client.Quota = plays, quota
		if client == plays {
			client.Quota = max(quota, quota+free) // which may be without bound
		} else {
			plays.Quota -= spent - free
		}
	}
}

// alone is a history in which the calls that show a divergence do so without any overlap: then it is none of
// concurrency. It plays them one by one, in some of the orders in which they may have taken effect.
func (s *suite) alone(ctx context.Context, d *Divergence, orders int) *History {
	random := rand.New(rand.NewPCG(d.seed, 1))
	for try := range orders {
		h, err := play(ctx, s.client, d.Program.InTurn(inTurn(random, d.History.Round, try)), 0, leastPatience, s.avoided)
		if err != nil {
			return nil
		}
		switch _, at, wrong := h.wrong(d.Rule == model.ConcurrentNoCrash); {
		case wrong && at.Phase == 0 && !at.answer().Definite() && s.stuck(d):
			return nil
		case wrong:
			return h
		}
	}
	return nil
}

// inTurn puts calls into an order in which they may have taken effect: as they began, as they ended, or any other one.
func inTurn(random *rand.Rand, calls []Call, try int) (requests []model.Request) {
	left := slices.SortedFunc(slices.Values(calls), func(a, b Call) int { return cmp.Compare(a.Start, b.Start) })
	if try == 1 {
		slices.SortFunc(left, func(a, b Call) int { return cmp.Compare(a.End, b.End) })
	}
	for len(left) > 0 {
		i := 0
		for try > 1 {
			i = random.IntN(len(left))
			if !slices.ContainsFunc(left, func(o Call) bool { return o.End < left[i].Start }) {
				break
			}
		}
		requests, left = append(requests, left[i].Request), slices.Delete(left, i, i+1)
	}
	return requests
}

// learn takes in the first wrong answer of a history in which nothing overlaps, and reports whether it says anything new.
// What is right when it is played again says that the target is wrong by chance.
func (s *suite) learn(ctx context.Context, h *History) bool {
	before, at, wrong := h.wrong(false)
	if !wrong || !at.answer().Definite() && (at.answer().Outcome != model.Crashed || wire.Unavailable(at.answer().Code)) {
		return false // it may be lost on the way
	}
	again, err := play(ctx, s.client, h.played, 0, leastPatience, s.avoided)
	if err != nil {
		return false
	}
	if _, same, wrong := again.wrong(false); !wrong || same.Start != at.Start {
		known := s.fickle[at.Request.Op]
		s.fickle[at.Request.Op] = true
		return !known
	}
	for _, kind := range blamed(before, at) {
		if !s.avoided[kind] {
			s.avoided[kind] = true
			return true
		}
	}
	return false
}

// wrong is the first wrong answer of a history in which nothing overlaps, with the calls before it. missing says that only
// one that did not come counts.
func (h *History) wrong(missing bool) (before []Call, at Call, wrong bool) {
	t := model.NewTracker(h.World)
	for _, list := range [][]Call{h.Before, h.Round, h.After} {
		for i := range list {
			if at = list[i]; !at.answer().Definite() || !missing && !t.Observe(at.Request, at.answer()).Allowed {
				return before, at, true
			}
			before = append(before, at)
		}
	}
	return nil, Call{}, false
}

// blamed are the kinds of request that may bring a wrong answer about, the likeliest first: it itself, or of a Get by name a
// Put by ARN before it, and what was written last.
func blamed(before []Call, at Call) (out []string) {
	switch op := at.Request.Op; {
	case byARN(at.Request):
		return []string{plain.Operation(string(op)) + " by ARN"}
	case op == model.OpCreate || op == model.OpDelete:
		return []string{insightsOff}
	case op != model.OpGet:
		return kinds(at.Request)[:1]
	}
	put := func(c Call) bool { return c.Request.Op == model.OpPut && byARN(c.Request) && subject(c) == subject(at) }
	if slices.ContainsFunc(before, put) {
		out = append(out, plain.Operation(string(model.OpPut))+" by ARN")
	}
	return append(out, lastWritten(before, at))
}

// lastWritten is the kind of what a Get shows.
func lastWritten(before []Call, at Call) string {
	for _, c := range slices.Backward(before) {
		switch r := c.Request; {
		case subject(c) != subject(at) || !c.succeeded():
		case r.Op == model.OpCreate || r.Op == model.OpPut && len(r.Input.Get("InsightSelectors").Items()) == 0:
			return insightsOff
		case r.Op == model.OpPut, r.Op == model.OpStop, r.Op == model.OpDelete, r.Op == model.OpStart && stopped(before, c):
			return kinds(r)[0]
		}
	}
	return kinds(at.Request)[0]
}

// stopped reports whether logging of a trail was stopped before a call.
func stopped(before []Call, at Call) bool {
	return slices.ContainsFunc(before, func(c Call) bool {
		return c.Request.Op == model.OpStop && subject(c) == subject(at) && c.Start < at.Start
	})
}
