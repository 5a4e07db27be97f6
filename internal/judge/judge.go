// Package judge holds recorded exchanges against the model. Whoever recorded them knew what there was before; the model does
// not: a trail or store is first in any state, answers narrow what is possible, and only an answer that no possible state
// allows contradicts a rule. Where a recording has a gap, what was known before is not known after it.
package judge

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/evidence"
	"github.com/insightconform/conform/targets/naming"
)

// Judgement holds exchanges against the model, one after another in the order of their beginning.
type Judgement struct {
	// Settle is how long the real service may show what was before a change (section 6); 0 is DefaultSettle.
	settle time.Duration
	places map[string]*place
	gaps   []recorded.Gap
	alike  map[string]*alike
	stores map[string]bool // the hosts that have event data stores
	// offered are the operations, with their hosts, that were answered as if they were there.
	offered map[string]bool
	last    *alike // that the next divergence is of
	told    struct {
		call  *recorded.Exchange
		rules map[model.ID]bool // of which it was counted what that call says
	}

	Exchanges int            // that were given
	Judged    int            // of them, those of which the answer was held against the model
	NotJudged map[string]int // the others by reason
	Found     []*Divergence  // in the order in which they were met
	Exercised map[model.ID]bool
	Deviated  map[deviation]int
	Settled   evidence.Tally // what exchanges with the real service say of rules
}

// deviation is an accepted answer that is not the reference one, and the operation that was answered so.
type deviation struct {
	op model.Op
	model.Deviation
}

// DefaultSettle is how long the real service is documented to take at most until all reads show a change.
const DefaultSettle = 60 * time.Second

// New begins. settle is how long the real service may show old states; 0 is DefaultSettle.
func New(settle time.Duration) *Judgement {
	return &Judgement{settle: cmp.Or(settle, DefaultSettle), places: map[string]*place{}, alike: map[string]*alike{}, stores: map[string]bool{}, offered: map[string]bool{}, NotJudged: map[string]int{},
		Exercised: map[model.ID]bool{}, Deviated: map[deviation]int{}, Settled: evidence.Tally{}}
}

// place is an account, or what stands for one: a server in one recording. Its trails and stores are told apart by name.
type place struct {
	world  *model.World
	region string // of a call that does not say where it was sent
	// regions are those that calls were sent to. Of another one it is not known whether it exists.
	regions map[string]bool
	owner   bool   // the account is known
	server  string // of a recording over HTTP
	known   bool   // its callers are known to be of one account; else they are one caller
	settle  time.Duration
	from    time.Time // what was written before, or in a gap that ends then, is shown for sure since
	gap     time.Time // until when calls may be missing, and always whether they may be anywhere
	always  bool
	trails  map[string]*subject
	stores  map[string]*subject // by ID; stores that one call named share a subject
}

// subject is a trail name, or stores that calls named together, with the calls on it.
type subject struct {
	states  *states
	trail   string          // its name; empty of stores
	stores  map[string]bool // their IDs
	regions []string        // that calls have named
	pending []*recorded.Exchange
	until   time.Time // the latest end of those
	past    []*recorded.Exchange
	due     []model.ID // the rules that the next Get puts to the test
	// late is until when a write that was not answered may take effect: nothing is known before.
	late time.Time
	last time.Time // of the calls on it
}

// Exchange takes the next exchange.
func (j *Judgement) Exchange(x recorded.Exchange) {
	j.Exchanges++
	p := j.place(&x)
	operation := x.Host + " " + string(x.Request.Op)
	if why := idle(&x, j.offered[operation]); why != "" {
		j.NotJudged[why]++
		return
	}
	j.offered[operation] = true
	j.stores[x.Host] = j.stores[x.Host] || x.Reply.Answer.Outcome == model.Succeeded && x.Reply.Answer.StoreARN != ""
	x.Request.Region = cmp.Or(x.Request.Region, p.region)
	p.learn(&x)
	j.others(p, &x)
	mentions := model.Mentions(x.Request, x.Request.Region)
	p.regions[x.Request.Region] = true
	strange := func(m model.Mention) bool { return !p.regions[m.Region] }
	foreign := func(m model.Mention) bool { return m.Account != "" && m.Account != p.world.Account }
	switch {
	case slices.ContainsFunc(mentions, strange):
		j.NotJudged["it names a Region where nothing was called"]++
		return
	case x.Request.Op.Insights() && slices.ContainsFunc(storeMembers, func(name string) bool { return x.Request.Input.Get(name).Given() }) && !j.hasStores(&x):
		j.NotJudged["whether there are event data stores is not known"]++
		return
	case slices.ContainsFunc(mentions, foreign) && !p.owner:
		j.NotJudged["whose account is the caller's is not known"]++
		return
	case slices.ContainsFunc(mentions, foreign) && x.Service:
		j.NotJudged["it names another account, maybe that of an organization"]++
		return
	}
	if x.Request.Op == model.OpCreateStore {
		p.createStore(&x, j)
		j.NotJudged[saysNothing]++
		return
	}
	mentions = slices.DeleteFunc(mentions, foreign)
	j.forget(p)
	x.Reply.Sent, x.Reply.Received = nil, nil // what is kept of a call is small
	s := p.subject(mentions, &x, j)
	s.last = x.Start
	if len(s.pending) > 0 && s.until.Before(x.Start) {
		j.judge(p, s)
	}
	s.pending = append(s.pending, &x)
	if end := latest(&x); end.After(s.until) {
		s.until = end
	}
	if !p.keeps(s) {
		j.judge(p, s)
	}
}

// keeps reports whether later calls may be about a subject.
func (p *place) keeps(s *subject) bool {
	for id := range s.stores {
		return p.stores[id] == s
	}
	return s.trail != "" && p.trails[s.trail] == s
}

var storeMembers = []string{"EventDataStore", "InsightsDestination"}

// hasStores reports whether a server has been seen to have event data stores: many emulators have none, and no rule says how
// they answer what names one.
func (j *Judgement) hasStores(x *recorded.Exchange) bool { return x.Service || j.stores[x.Host] }

const saysNothing = "no rule speaks of the answer"

// Gap says that calls may be missing.
func (j *Judgement) Gap(g recorded.Gap) {
	j.gaps = append(j.gaps, g)
	for _, p := range j.places {
		if g.Account == "" || g.Account == p.world.Account {
			j.miss(p, g)
		}
	}
}

// miss forgets what was known of a place before calls may be missing.
func (j *Judgement) miss(p *place, g recorded.Gap) {
	j.finish(p)
	p.trails, p.stores = map[string]*subject{}, map[string]*subject{}
	p.miss(g)
}

// miss notes that calls may be missing.
func (p *place) miss(g recorded.Gap) {
	p.always = p.always || g.To.IsZero()
	if p.gap.Before(g.To) {
		p.gap = g.To
	}
	if until := g.To.Add(p.settle); p.from.Before(until) {
		p.from = until
	}
}

// blind reports whether calls may be missing at the time of one: then nothing is known before it, nor after it.
func (p *place) blind(x *recorded.Exchange) bool { return p.always || x.Start.Before(p.gap) }

// maxKnown is of how many trail names, and of how many stores, of an account is kept what is known of them.
const maxKnown = 4000

// forget forgets those that were called longest ago, where they are too many.
func (j *Judgement) forget(p *place) {
	for _, list := range []map[string]*subject{p.trails, p.stores} {
		if len(list) <= maxKnown {
			continue
		}
		names := slices.SortedFunc(maps.Keys(list), func(a, b string) int { return list[a].last.Compare(list[b].last) })
		for _, name := range names[:maxKnown/2] {
			if s := list[name]; s != nil {
				j.judge(p, s)
				delete(list, name)
				for id := range s.stores {
					delete(list, id)
				}
			}
		}
	}
}

// Finish judges what still waits for calls that may overlap it.
func (j *Judgement) Finish() {
	for _, p := range j.places {
		j.finish(p)
	}
}

func (j *Judgement) finish(p *place) {
	for _, list := range []map[string]*subject{p.trails, p.stores} {
		for _, s := range list {
			j.judge(p, s)
		}
	}
}

// place finds the account of an exchange, or the server in its recording.
func (j *Judgement) place(x *recorded.Exchange) *place {
	key, server := x.Account, ""
	if x.Format != recorded.FormatLog && x.Format != recorded.FormatLookup {
		file, _, _ := cutLast(x.At, ", ")
		server = x.Host + "\n" + file
		key = server + "\n" + x.Account
		if nobody := server + "\ncaller " + x.Caller; x.Account == "" {
			key = nobody
		} else if p := j.places[nobody]; p != nil && j.places[key] == nil { // an answer has told its account
			delete(j.places, nobody)
			j.places[key], p.known = p, true
		}
	}
	p := j.places[key]
	if p != nil {
		return p
	}
	world := model.DefaultWorld
	world.Partial, world.Around = true, ^model.Condition(0)
	p = &place{world: &world, region: world.Home, regions: map[string]bool{}, trails: map[string]*subject{}, stores: map[string]*subject{}, from: x.Start}
	if x.Account != "" {
		world.Account, p.owner = x.Account, true
	}
	p.server, p.known = server, x.Account != ""
	if region := x.Request.Region; region != "" {
		p.region, world.Partition = region, naming.PartitionOf(region)
	}
	if x.Service {
		p.settle = j.settle
		p.from = x.Start.Add(j.settle)
	}
	for _, g := range j.gaps {
		if g.Account == "" || g.Account == x.Account {
			p.miss(g)
		}
	}
	j.places[key] = p
	return p
}

// others takes in that a call may have changed something in an account that is another caller's too.
func (j *Judgement) others(p *place, x *recorded.Exchange) {
	if p.server == "" || x.Request.Op.Reads() || refused(x.Reply.Answer) {
		return
	}
	until := latest(x)
	if x.End.IsZero() { // it may take effect later
		until = x.Start.Add(DefaultSettle)
	}
	for _, o := range j.places {
		if o != p && o.server == p.server && !(o.known && p.known) {
			j.miss(o, recorded.Gap{From: x.Start, To: until})
		}
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// learn takes from an answer whose account it is.
func (p *place) learn(x *recorded.Exchange) {
	a := x.Reply.Answer
	if a.Outcome != model.Succeeded {
		return
	}
	if p.owner {
		return
	}
	for _, arn := range []string{a.TrailARN, a.StoreARN, naming.ARNWithin(x.Reply.Body, ":cloudtrail:")} {
		names := strings.SplitN(arn, ":", 6)
		if len(names) == 6 && naming.IsAccount(names[4]) {
			world := *p.world
			world.Partition, world.Account, p.owner = names[1], names[4], true
			p.set(&world)
			return
		}
	}
}

// set has all that is there see the world as it is.
func (p *place) set(world *model.World) {
	p.world = world
	for _, list := range []map[string]*subject{p.trails, p.stores} {
		for _, s := range list {
			own := *world
			own.Home, own.Away = s.states.world.Home, s.states.world.Away
			s.states.at(&own)
		}
	}
}

// createStore begins with a store of which all is known.
func (p *place) createStore(x *recorded.Exchange, j *Judgement) {
	parts := strings.SplitN(x.Reply.Answer.StoreARN, ":eventdatastore/", 2)
	if x.Reply.Answer.Outcome != model.Succeeded || len(parts) < 2 || p.blind(x) {
		return
	}
	world := *p.world
	world.Home = x.Request.Region
	made := model.Step(model.NewState(&world), x.Request)[0].Next
	store := made.Stores[0]
	store.ID = parts[1]
	if s := p.stores[store.ID]; s != nil { // in which order it was named and made is not known
		j.judge(p, s)
		s.late, s.past = latest(x), nil
		p.reset(s, x.Request.Region)
		return
	}
	p.stores[store.ID] = &subject{states: unknown(&world, []model.State{made.WithStore(0, store)}, p.settle, p.from),
		stores: map[string]bool{store.ID: true}}
}

// subject finds what a call is about. A call that names nothing, or both trails and stores, is about a subject of its own.
func (p *place) subject(mentions []model.Mention, x *recorded.Exchange, j *Judgement) *subject {
	region := x.Request.Region
	var trails, stores []model.Mention
	for _, m := range mentions {
		if m.Store {
			stores = append(stores, m)
		} else {
			trails = append(trails, m)
		}
	}
	switch {
	case p.blind(x), len(mentions) == 0, len(trails) > 0 && len(stores) > 0:
		return p.fresh(mentions, region)
	case len(trails) > 0:
		m := trails[0]
		s := p.trails[m.Name]
		if s == nil {
			s = p.fresh(trails, region)
			p.trails[m.Name] = s
		}
		for _, at := range []string{m.Region, region} {
			s.find(at)
		}
		return s
	}
	return p.storesOf(stores, x, j)
}

// fresh is a subject of which nothing is known.
func (p *place) fresh(mentions []model.Mention, region string) *subject {
	world := *p.world
	world.Home = region
	list := none(&world)
	s := &subject{stores: map[string]bool{}}
	for _, m := range mentions {
		more := model.UnknownStore(&world, m.Region, m.Name)
		if s.stores[m.Name] = true; !m.Store {
			delete(s.stores, m.Name)
			s.trail, s.regions = m.Name, []string{m.Region}
			more = model.UnknownTrail(&world, m.Region, m.Name)
		}
		list = beside(list, more)
	}
	s.states = unknown(&world, list, p.settle, p.from)
	return s
}

// find takes in that calls name another Region.
func (s *subject) find(region string) {
	if !slices.Contains(s.regions, region) {
		s.regions = append(s.regions, region)
		s.states.each(func(state model.State) []model.State { return state.FoundIn(region, s.trail) })
	}
}

// storesOf finds the subject of some stores. Those that are named together for the first time are joined.
func (p *place) storesOf(mentions []model.Mention, x *recorded.Exchange, j *Judgement) *subject {
	region := x.Request.Region
	var joined *subject
	for _, m := range mentions {
		s := p.stores[m.Name]
		if s == nil {
			s = p.fresh([]model.Mention{m}, region)
		}
		switch {
		case joined == nil || joined == s:
			joined = s
		default:
			for _, one := range []*subject{joined, s} {
				if one.until.Before(x.Start) {
					j.judge(p, one)
				}
			}
			joined = joined.beside(s)
		}
	}
	if joined.states.lost() {
		joined = p.fresh(mentions, region)
	}
	for id := range joined.stores {
		p.stores[id] = joined
	}
	return joined
}

// beside joins two subjects.
func (s *subject) beside(o *subject) *subject {
	out := &subject{states: s.states.clone(), stores: map[string]bool{}, past: slices.Concat(s.past, o.past),
		pending: slices.Concat(s.pending, o.pending), until: s.until, late: s.late}
	if out.until.Before(o.until) {
		out.until = o.until
	}
	if out.late.Before(o.late) {
		out.late = o.late
	}
	for _, list := range []map[string]bool{s.stores, o.stores} {
		for id := range list {
			out.stores[id] = true
		}
	}
	slices.SortStableFunc(out.past, func(a, b *recorded.Exchange) int { return a.Start.Compare(b.Start) })
	o.states.at(s.states.world)
	mine, others := s.states.all(), o.states.all()
	out.states.tracker.Follow(beside(mine, others)...)
	out.states.earlier = nil
	for _, d := range s.states.earlier {
		out.states.earlier = append(out.states.earlier, dated{d.until, beside(d.states, others)})
	}
	for _, d := range o.states.earlier {
		out.states.earlier = append(out.states.earlier, dated{d.until, beside(mine, d.states)})
	}
	return out
}

// beside joins each state of some resources with each of others.
func beside(list, others []model.State) (all []model.State) {
	for _, a := range list {
		for _, b := range others {
			all = append(all, a.Beside(b))
		}
	}
	return all
}

// reset forgets what was known of a subject.
func (p *place) reset(s *subject, region string) {
	var mentions []model.Mention
	for _, at := range s.regions {
		mentions = append(mentions, model.Mention{Region: at, Name: s.trail})
	}
	for id := range s.stores {
		mentions = append(mentions, model.Mention{Region: region, Name: id, Store: true})
	}
	switch {
	case s.trail != "" && len(s.stores) > 0: // of one call
	case s.trail != "":
		s.states, s.regions = p.fresh(mentions[:1], region).states, s.regions[:1]
		for _, m := range mentions[1:] {
			s.find(m.Region)
		}
	default:
		s.states = p.fresh(mentions, region).states
	}
}
