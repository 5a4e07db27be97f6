// Package probe opens a target and finds out what it can do. Everything that drives a target opens it
// here: runs, learning, plans, replays and properties.
package probe

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// DefaultSettle is how long an eventually consistent target may take to show what was written.
const DefaultSettle = time.Minute

// Options say how a target is opened. The zero value is that of a run.
type Options struct {
	Order    *model.Profile      // the error order that the target is held to; nil is the reference's
	Eventual bool                // the target is eventually consistent, whether or not it says so
	Settle   time.Duration       // how long it may then take to show what was written; 0 is DefaultSettle
	Workers  int                 // worlds side by side; 0 lets the target decide
	Trails   int                 // that a world needs; 0 is as many as any does
	Overlap  Overlap             // whether several clients are to use one world at once
	Clients  int                 // of them, where that is said
	Events   func(reports.Event) // is told of what happens, one event at a time; may be nil
	// Left and Without are the rules that are left out, and the capabilities that are not made use of, each with the reason.
	Left    map[model.ID]string
	Without map[model.Capability]string
	// First is a history to play before anything is known of the target; what it shows is Subject.Seen. Found is told of
	// each signature that it shows, once; it may be nil.
	First []model.Request
	Found func(signature string) (enough bool)
}

// Overlap says whether several clients are to use one world at once.
type Overlap uint8

const (
	Apart    Overlap = iota // none are
	Together                // where Subject.Apart has nothing against it
	Asked                   // wherever the target takes them
)

// Subject is a target that was opened, and what probing found out about it.
type Subject struct {
	Target  targets.Target
	Info    targets.Info
	Status  *session.Status
	Model   *model.World // fitted to what the target can do
	Scope   generators.Scope
	Why     map[model.Capability]string // of the absent capabilities
	Workers int                         // that the quota of trails leaves room for
	Notes   []string
	// Fingerprint is a hash of what the target answered, free of names and times.
	Fingerprint string
	// NoTrails says why no trail can be made, where the target means to make trails and lends none.
	NoTrails string
	Probed   bool            // probing came to its end
	Prober   *session.Client // that sent the probe's requests
	Begun    bool            // the first history was played to its end
	Seen     []Seen          // what the first history has shown
	Deviated []Deviated      // likewise
	Enough   bool            // Options.Found says so
	settle   time.Duration
	without  map[model.Capability]string
	overlap  Overlap
	clients  int
	trails   int // that a world needs
	most     int // workers; 0 is no limit
}

// Open opens a target, finds out what it can do, and fits the model to it. Where the target ended the run, or ctx
// ended, there is no error and Probed stays false. After an error the target is closed; else the caller closes
// it. Errors are those of targets.Target.Open.
func Open(ctx context.Context, target targets.Target, o Options) (*Subject, error) {
	empty, scope := model.NewState(&model.DefaultWorld), generators.Scope{Left: o.Left}
	target = naming.Wrap(target, func(r model.Request) bool { return scope.LeavesOut(empty, r) })
	status := session.NewStatus(o.Events) // opening is part of the run's time
	opened := &Subject{}
	info, err := target.Open(opened.listening(ctx, o))
	if err != nil {
		return nil, errors.Join(err, target.Close())
	}
	info.Eventual = info.Eventual || o.Eventual
	s := newSubject(info, o, status)
	s.Target = target
	s.Prober = s.NewClient()
	s.Seen, s.Enough = opened.Seen, opened.Enough
	if s.Begun, err = s.first(ctx, o.First, o.Found); err == nil {
		err = s.probe(ctx)
	}
	switch {
	case ctx.Err() != nil || status.Ended() != nil:
	case err != nil:
		return nil, errors.Join(err, target.Close())
	default:
		s.Probed = true
		s.fit()
		s.Seen = slices.DeleteFunc(s.Seen, s.explained)
	}
	return s, nil
}

// Assume is a target that is not asked: it is taken to have the given capabilities.
func Assume(info targets.Info, can map[model.Capability]bool, o Options) *Subject {
	s := newSubject(info, o, session.NewStatus(o.Events))
	s.Scope.Can, s.Workers, s.Probed = can, 1, true
	s.fit()
	return s
}

func newSubject(info targets.Info, o Options, status *session.Status) *Subject {
	world := model.DefaultWorld
	world.Profile = o.Order
	s := &Subject{Info: info, Status: status, Model: &world, Why: map[model.Capability]string{}, without: o.Without,
		overlap: o.Overlap, clients: o.Clients, trails: cmp.Or(o.Trails, generators.MostTrails), most: o.Workers,
		Workers: cmp.Or(o.Workers, info.Workers, min(4, runtime.GOMAXPROCS(0)))}
	if info.Serial {
		s.Workers = 1
	}
	s.Scope = generators.Scope{Can: map[model.Capability]bool{}, Left: o.Left}
	if info.Eventual {
		s.settle = cmp.Or(o.Settle, DefaultSettle)
	}
	return s
}

func (s *Subject) fit() {
	s.Model.Lent, s.Model.Given = s.Info.Lent, s.Info.Given
	s.Model.NoStart = !s.Scope.Can[model.CanLog]
	s.Model.NoStores = !s.Scope.Can[model.CanStores]
}

// NewClient makes a client with a count of its own and no quota.
func (s *Subject) NewClient() *session.Client {
	return &session.Client{Target: s.Target, Model: s.Model, Scope: s.Scope, Status: s.Status, SettleTime: s.settle, Quota: math.MaxInt,
		Serial: s.Info.Serial}
}

// prober sends the requests of the probe, one world long.
type prober struct {
	client  *session.Client
	subject *Subject
	world   targets.World
	wrote   time.Time // when the last write was answered
	heard   hash.Hash // what was answered
}

func (p *prober) can(c model.Capability) bool { return p.subject.Scope.Can[c] }

// probe finds out what the target can do. It judges nothing: what it meets is met again by the suites.
func (s *Subject) probe(ctx context.Context) error {
	client := s.Prober
	world, err := client.Target.NewWorld(ctx)
	if err != nil {
		return err
	}
	defer func() { client.CloseWorld(ctx, world, false) }()
	p := &prober{client: client, subject: s, world: world, wrote: time.Now(), heard: sha256.New()}
	p.trails(ctx)
	p.stores(ctx)
	p.surroundings(ctx)
	s.Fingerprint = hex.EncodeToString(p.heard.Sum(nil)[:8])
	if s.ReadOnly() {
		s.Scope.MaxTrails = len(s.Info.Given)
	} else if s.Info.Room > 0 && p.can(model.CanCreate) {
		s.Scope.MaxTrails = min(generators.MostTrails, s.Info.Room)
	} else {
		p.quota(ctx)
	}
	return ctx.Err()
}

// try sends a request and reports whether it succeeded; why says what came instead.
func (p *prober) try(ctx context.Context, r model.Request) (reply targets.Reply, ok bool, why string) {
	reply = p.insist(ctx, r, p.client.Send(ctx, p.world, r))
	a := reply.Answer
	if fmt.Fprintln(p.heard, r.Op, r.Region, a.Kind()); !p.client.Eventual() {
		fmt.Fprintln(p.heard, a.Selectors, a.HasInsights, a.Logging, a.Logs)
	}
	switch {
	case a.Outcome == model.Succeeded:
		return reply, true, ""
	case reply.Problem != "":
		return reply, false, fmt.Sprintf("%s: %s", r.Op, reply.Problem)
	case wire.Unauthenticated(a.Code):
		p.client.Denied(a.Code)
	}
	return reply, false, fmt.Sprintf("%s answered %s", r.Op, a.Kind())
}

// insist repeats a request while an old state may be why it did not succeed, and once where its answer got lost.
func (p *prober) insist(ctx context.Context, r model.Request, reply targets.Reply) targets.Reply {
	lost := false
	for pause := session.FirstPause; ; pause = min(2*pause, session.LongestPause) {
		a := reply.Answer
		final := wire.Missing(reply) || wire.Unauthenticated(a.Code) || wire.Full(a.Code)
		switch {
		case a.Outcome == model.Refused && lost && strings.HasSuffix(a.Code, "AlreadyExistsException"):
			reply.Answer = model.Answer{Outcome: model.Succeeded} // by the request whose answer was lost
			return reply
		case a.Outcome == model.Refused && (final || time.Since(p.wrote) >= p.client.SettleTime), !a.Definite() && lost && time.Since(p.wrote) >= 2*p.client.SettleTime:
			return reply
		case a.Outcome == model.Succeeded:
			if !r.Op.Reads() {
				p.wrote = time.Now()
			}
			return reply
		}
		lost = lost || !a.Definite()
		if !targets.Sleep(ctx, pause) {
			return reply
		}
		reply = p.client.Send(ctx, p.world, r)
	}
}

// set records a capability.
func (p *prober) set(c model.Capability, ok bool, why string) bool {
	if left := p.subject.without[c]; left != "" {
		ok, why = false, left
	}
	p.subject.Scope.Can[c] = ok
	if !ok {
		p.subject.Why[c] = why
	}
	return ok
}

// leaves reports whether a capability is left out, and records that.
func (p *prober) leaves(c model.Capability) bool {
	return p.subject.without[c] != "" && !p.set(c, false, "")
}

// works records a capability: whether some requests succeed one after the other.
func (p *prober) works(ctx context.Context, c model.Capability, requests ...model.Request) bool {
	if p.leaves(c) {
		return false
	}
	ok, why := true, ""
	for _, r := range requests {
		if _, ok, why = p.try(ctx, r); !ok {
			break
		}
	}
	return p.set(c, ok, why)
}

// exists records whether an operation under test is there, or a form of one. Only what says that it is not makes it
// absent, whatever is asked of it (behaviour.md, section 8); all else is for the suites to judge.
func (p *prober) exists(ctx context.Context, c model.Capability, absent func(targets.Reply) bool, requests ...model.Request) bool {
	if p.leaves(c) {
		return false
	}
	missing, why := true, ""
	for i := 0; i < len(requests) && missing; i++ {
		var reply targets.Reply
		reply, _, why = p.try(ctx, requests[i])
		missing = reply.Answer.Outcome != model.Succeeded && absent(reply)
		if code := reply.Answer.Code; wire.Denied(code) {
			p.client.Denied(code + " to " + string(requests[i].Op))
		}
	}
	return p.set(c, !missing, why)
}

func (p *prober) trails(ctx context.Context) {
	const name = generators.NameAlpha
	classes := generators.EventClasses()
	p.set(model.CanRawWire, p.subject.Info.RawRequests, "requests go through typed values, not over a wire")
	p.set(model.CanGoValues, p.subject.Info.GoValues, "a Go mock alone shares values with its caller")
	reply, made, why := p.try(ctx, generators.Create(name))
	if p.set(model.CanCreate, made, why); !made && !wire.Missing(reply) && !p.subject.Info.Lent {
		p.subject.NoTrails = why
	}
	simple := func(c model.Capability, r model.Request) {
		if p.works(ctx, c, r); !made {
			p.set(c, false, "there is no trail to try it on")
		}
	}
	simple(model.CanLog, generators.Start(name))
	simple(model.CanStatus, generators.Status(name))
	simple(model.CanGetTrail, generators.GetTrail(name))
	simple(model.CanPutEvents, generators.PutEvents(name, classes[model.ManagementEvents|model.DataEvents]))
	simple(model.CanAdvancedEvents, generators.PutEvents(name, classes[len(classes)-1]))
	simple(model.CanGetEvents, generators.GetEvents(name))
	simple(model.CanUpdate, generators.Update(name))
	p.exists(ctx, model.CanPut, wire.Missing, generators.PlainPut(name), generators.Put(name, 0))
	p.exists(ctx, model.CanGet, wire.Missing, generators.Get(name), generators.Get(name))
	const data, both = model.Data, model.Management | model.Data
	p.set(model.CanInsightData, !p.subject.ReadOnly(), "there is no PutInsightSelectors")
	if p.can(model.CanPut) { // some servers answer each Put with Data as if there was no such operation
		p.exists(ctx, model.CanInsightData, wire.NotOffered, generators.Put(name, model.MakeSelectors(data, 0)),
			generators.Put(name, model.MakeSelectors(0, data)), generators.Put(name, model.MakeSelectors(both, both)))
	}
	simple(model.CanStop, generators.Stop(name))
	simple(model.CanDelete, generators.Delete(name))
	if !p.can(model.CanLog) {
		// Without StartLogging all trails count as logging, and a stopped one could not be told from them.
		p.set(model.CanStop, false, "there is no StartLogging")
	}
	why = p.subject.Apart()
	switch {
	case p.subject.overlap == Asked && p.subject.takesSeveral() == "":
		why = ""
	case p.subject.overlap == Apart:
		why = "--suite concurrent asks for them"
	}
	p.set(model.CanOverlap, why == "", why)
}

// takesSeveral says why several clients cannot use one world at once; empty where they can.
func (s *Subject) takesSeveral() string {
	switch {
	case s.Info.GoValues && s.clients < 2:
		return "a mock has them only where Options.Clients says so"
	case !s.Info.Overlap:
		return "the target answers one at a time"
	}
	return ""
}

// Apart says why several clients are no part of a run that names no suites; empty where they are.
func (s *Subject) Apart() string {
	left := func(r model.Rule) bool { return !r.OfClients() || s.Scope.Left[r.ID] != "" }
	switch why := s.takesSeveral(); {
	case why != "":
		return why
	case s.Info.Eventual:
		return "the target is eventually consistent; --suite concurrent asks for them"
	case s.Info.Serial && !s.Info.GoValues:
		return "its trails exist beforehand; --suite concurrent asks for them"
	case !slices.ContainsFunc(model.Rules, func(r model.Rule) bool { return !left(r) }):
		return "nothing of them is to be tested"
	}
	for _, c := range []model.Capability{model.CanPut, model.CanGet, model.CanCreate} {
		if !s.Scope.Can[c] {
			return "they need " + string(c)
		}
	}
	return ""
}

func (p *prober) stores(ctx context.Context) {
	first := model.StoreID(0)
	if p.leaves(model.CanStores) {
	} else if made, why := p.makeStores(ctx); p.set(model.CanStores, made, why) {
		var plain []model.Request
		for _, before := range []string{"", p.subject.Model.StoreARN(p.subject.Model.Home, "")} { // by ID suffix, then by ARN
			source, destination := before+first, before+model.StoreID(1)
			plain = append(plain, generators.PutStore(source, destination, model.MakeSelectors(model.Management, 0)), generators.GetStore(source))
		}
		p.exists(ctx, model.CanStores, wire.NotOffered, plain...)
	}
	if !p.can(model.CanStores) {
		for _, c := range []model.Capability{model.CanUpdateStores, model.CanStopStores, model.CanDeleteStores, model.CanRestoreStores} {
			p.set(c, false, "there are no event data stores")
		}
		return
	}
	p.try(ctx, generators.PutStore(first, "", 0))
	p.works(ctx, model.CanUpdateStores, generators.With(generators.OnStore(model.OpUpdateStore, first), "RetentionPeriod", value.Num("7")))
	p.works(ctx, model.CanStopStores, generators.OnStore(model.OpStopIngestion, first), generators.OnStore(model.OpStartIngestion, first))
	p.works(ctx, model.CanDeleteStores, generators.OnStore(model.OpDeleteStore, first))
	p.works(ctx, model.CanRestoreStores, generators.OnStore(model.OpRestoreStore, first))
}

// makeStores makes a source and a destination. What has no ARN, or no ARN of its own, is no store.
func (p *prober) makeStores(ctx context.Context) (made bool, why string) {
	earlier := ""
	for n, kind := range []generators.StoreKind{generators.SourceStore, generators.InsightStore} {
		reply, ok, why := p.try(ctx, generators.CreateStore(n, kind))
		arn := reply.Answer.StoreARN
		named := model.Broken(model.NewState(p.subject.Model), generators.GetStore(arn))
		switch {
		case !ok:
			return false, why
		case arn == "":
			return false, "CreateEventDataStore answered without an EventDataStoreArn"
		case !strings.HasPrefix(arn, "arn:") || slices.Contains(named, model.StoreIDSyntax):
			return false, fmt.Sprintf("CreateEventDataStore answered the EventDataStoreArn %q, which is no event data store's", arn)
		case arn == earlier:
			return false, "CreateEventDataStore answered one EventDataStoreArn to two requests"
		}
		earlier = arn
	}
	return true, ""
}

// surroundings probes Regions, buckets, keys and the account's conditions.
func (p *prober) surroundings(ctx context.Context) {
	p.set(model.CanArrangeAccount, p.subject.Info.Arrange, "the target offers no way to arrange it")
	p.set(model.CanLoseBucket, p.subject.Info.Buckets || p.subject.Info.Arrange, "the target has no S3 whose buckets CreateTrail looks at")
	p.set(model.CanLoseKey, p.subject.Info.Keys || p.subject.Info.Arrange, "the target has no KMS whose keys CreateTrail looks at")
	ok, why := p.subject.Info.Away && p.can(model.CanCreate), "one Region only"
	if ok && !p.leaves(model.CanRegions) {
		ok, why = p.twoRegions(ctx)
	}
	p.set(model.CanRegions, ok, why)
}

// twoRegions reports whether a trail made at home is not seen from the second Region, and one made there has its ARN.
func (p *prober) twoRegions(ctx context.Context) (bool, string) {
	away := model.DefaultWorld.Away
	if _, ok, why := p.try(ctx, generators.Create("region-home")); !ok {
		return false, why
	}
	if p.client.Eventual() {
		targets.Sleep(ctx, p.client.SettleTime) // or it would not be seen yet
	}
	if reply, ok, _ := p.try(ctx, generators.In(away, generators.Get("region-home"))); ok || reply.Answer.Code == "InsightNotEnabledException" {
		return false, "both Regions show the same trails"
	}
	reply, ok, why := p.try(ctx, generators.In(away, generators.Create("region-away")))
	if !ok {
		return false, why
	}
	if arn := reply.Answer.TrailARN; arn != "" && arn != model.DefaultWorld.TrailARN(away, "region-away") {
		return false, "trails of the second Region bear another Region's ARN"
	}
	return true, ""
}

// quota finds how many trails fit, and how many workers with them.
func (p *prober) quota(ctx context.Context) {
	if !p.can(model.CanCreate) {
		return
	}
	fit, wanted := 0, generators.MostTrails*p.subject.Workers
	for ; fit < wanted; fit++ {
		if _, ok, _ := p.try(ctx, generators.Create(fmt.Sprintf("quota-%d", fit))); !ok {
			break
		}
	}
	// The trails that the probe holds besides are gone when it is over.
	if fit == wanted {
		return
	}
	if p.can(model.CanRegions) {
		fit++
	}
	if !p.can(model.CanDelete) {
		fit++ // the first one is still there
	}
	s := p.subject
	s.Scope.MaxTrails = min(generators.MostTrails, max(1, fit))
	each := min(s.trails, s.Scope.MaxTrails)
	s.Workers = max(1, fit/each)
	if s.most > 0 {
		s.Workers = min(s.Workers, s.most)
	}
	s.Notes = append(s.Notes, fmt.Sprintf("room for %d trails: %d at a time in %s", fit, each, plain.Counted(s.Workers, "world")))
}
