package vectors

import (
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/testing/choices"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/embedded"
)

// times is how often a vector of several clients is played: what overlaps is up to chance.
const times = 12

// expecting is a request and the answers that are allowed whatever order overlapping calls took effect in.
type expecting struct {
	request model.Request
	allowed []Pattern
}

// together is what a vector of several clients is made from.
type together struct {
	rule    model.ID
	comment string
	setup   []model.Request
	clients [][]expecting
	last    []expecting
}

// concurrentVectors are written by hand: what they allow holds for every order of the calls that overlap.
func concurrentVectors() (list []Vector) {
	const a, b = generators.NameAlpha, generators.NameBeta
	call, rate := model.MakeSelectors(model.Management, 0), model.MakeSelectors(0, model.Management)
	up := []model.Request{generators.Create(a), generators.Start(a)}
	two := []model.Request{generators.Create(a), generators.Start(a), generators.Create(b), generators.Start(b)}
	shows := func(sets ...model.Selectors) (out []Pattern) {
		for _, set := range sets {
			list := []Selector{}
			for t := range model.Type(len(model.TypeNames)) {
				if names := set.Of(t).Names(); len(names) > 0 {
					list = append(list, Selector{model.TypeNames[t], names})
				}
			}
			out = append(out, Pattern{Outcome: Success, Selectors: &list})
		}
		return out
	}
	stored := func(set model.Selectors) []Pattern {
		return append(shows(set), Pattern{Outcome: Refused, Ends: "a Put was refused"}) // such as by a server that is busy
	}
	off := []Pattern{{Outcome: Refused, Codes: []string{"InsightNotEnabledException"}}}
	anything, refused := []Pattern{{Outcome: Answer}}, []Pattern{{Outcome: Refused}}
	done := []Pattern{{Outcome: Success}, {Outcome: Refused, Ends: "no rule speaks of this answer"}}
	taken := []Pattern{{Outcome: Success}, {Outcome: Answer, Ends: "a Put was refused"}}
	gone := []Pattern{{Outcome: Success}, {Outcome: Refused, Codes: []string{"TrailNotFoundException"}}, {Outcome: Answer, Ends: "a Put was refused"}}
	ends := func(list []Pattern, why string) []Pattern {
		out := slices.Clone(list)
		for i := range out {
			out[i].Ends = why
		}
		return out
	}
	put := func(name string, set model.Selectors, allowed []Pattern) expecting {
		return expecting{generators.Put(name, set), allowed}
	}
	get := func(name string, allowed []Pattern) expecting {
		return expecting{generators.Get(name), allowed}
	}
	flag := func(set bool) []Pattern {
		return []Pattern{{Outcome: Success, Flags: map[string]bool{"Trail.HasInsightSelectors": set}}, done[1]}
	}
	repeat := func(n int, list ...expecting) []expecting { return slices.Repeat(list, n) }
	bad := expecting{generators.PutList(a, value.ListOf(generators.Selector("ApiCallRateInsight"), generators.Selector("ApiLatencyInsight"))), refused}
	won := "the other Put came last"
	for _, x := range []together{
		{model.ConcurrentNoCrash, "Fails where a call that overlaps others crashes, or is never answered.", two, [][]expecting{
			{put(a, call, anything), put(b, call, anything)}, {put(b, rate, anything), put(a, rate, anything)},
			{put(a, 0, anything), get(a, anything)}, {put(b, 0, anything), get(b, anything)}}, nil},
		{model.ConcurrentIsolated, "Fails where what overlaps a Put on one trail changes another.", append(slices.Clone(two), generators.Put(b, rate)),
			[][]expecting{repeat(3, put(a, call, taken)), repeat(3, get(b, anything)), repeat(3, put(a, call, taken)), repeat(3, get(b, anything))},
			[]expecting{get(b, shows(rate))}},
		{model.ConcurrentWhole, "Fails where Puts that overlap store a mixture.", up,
			[][]expecting{{put(a, call, taken)}, {put(a, rate, taken)}},
			[]expecting{get(a, shows(call, rate))}},
		{model.ConcurrentQuiescent, "Fails where GetTrail says that Insights is off after Puts that overlap, and Get lists selectors.", up,
			[][]expecting{{put(a, call, taken)}, {put(a, 0, taken)}},
			[]expecting{get(a, append(shows(call), ends(off, won)...)), {generators.GetTrail(a), flag(true)}}},
		{model.ConcurrentQuiescent, "Fails where GetTrail says that Insights is on after Puts that overlap, and Get that it is off.", up,
			[][]expecting{{put(a, call, taken)}, {put(a, 0, taken)}},
			[]expecting{get(a, append(slices.Clone(off), ends(shows(call), won)...)), {generators.GetTrail(a), flag(false)}}},
		{model.ConcurrentLinearizable, "Fails where who alone puts does not read what was put, while others read.", append(slices.Clone(up), generators.Put(a, rate)),
			[][]expecting{{put(a, call, stored(call)), get(a, shows(call)), put(a, rate, stored(rate)), get(a, shows(rate)), put(a, call, stored(call)), get(a, shows(call))},
				repeat(5, get(a, shows(call, rate))), repeat(5, get(a, shows(call, rate))), repeat(5, get(a, shows(call, rate)))}, nil},
		{model.ConcurrentLinearizable, "Fails where others read what a refused Put asked for.", append(slices.Clone(up), generators.Put(a, rate)),
			[][]expecting{repeat(5, bad), repeat(5, get(a, shows(rate))), repeat(5, get(a, shows(rate)))}, nil},
		{model.ConcurrentLinearizable, "Fails where a Put that overlaps DeleteTrail is found on the next trail of that name.", up,
			[][]expecting{repeat(2, put(a, call, gone)), {{generators.Delete(a), []Pattern{{Outcome: Success}, {Outcome: Refused, Ends: "no rule speaks of this answer"}}}},
				repeat(2, put(a, rate, gone))},
			[]expecting{{generators.Create(a), done}, get(a, off)}},
	} {
		list = append(list, x.vector(done))
	}
	return list
}

func (x together) vector(done []Pattern) Vector {
	n, rule := &naming{}, model.RuleOf(x.rule)
	all := chosen{Rule: x.rule, Requests: x.setup}
	for _, client := range x.clients {
		for _, e := range client {
			all.Requests = append(all.Requests, e.request)
		}
	}
	for _, e := range x.last {
		all.Requests = append(all.Requests, e.request)
	}
	needs := slices.DeleteFunc(all.needs(), func(name string) bool { return name == string(model.CanOverlap) || name == string(model.CanLog) })
	v := Vector{Rule: x.rule, Level: rule.Level, Source: rule.Source, Comment: x.comment, Needs: needs, Requires: []string{}, Times: times}
	step := func(e expecting) Step {
		out := n.step(e.request)
		out.Allowed = n.patterns(e.allowed)
		return out
	}
	for _, r := range x.setup {
		s := step(expecting{r, done})
		if r.Op == model.OpStart {
			s.If = string(model.CanLog)
		}
		v.Steps = append(v.Steps, s)
	}
	at := Step{}
	for _, client := range x.clients {
		var steps []Step
		for _, e := range client {
			steps = append(steps, step(e))
		}
		at.Clients = append(at.Clients, steps)
	}
	v.Steps = append(v.Steps, at)
	for _, e := range x.last {
		v.Steps = append(v.Steps, step(e))
	}
	text, _ := encode(v.Steps)
	v.ID = fmt.Sprintf("%s-%x", x.rule, sha256.Sum256(text))[:len(x.rule)+7]
	return v
}

// onlyConcurrent is the set without the vectors of one client.
func onlyConcurrent(set *Set) *Set {
	return &Set{Index: set.Index, Vectors: slices.DeleteFunc(slices.Clone(set.Vectors), func(v Vector) bool { return v.Times == 0 })}
}

// ofOneClient is the set without the vectors of several, which have tests of their own.
func ofOneClient(set *Set) *Set {
	return &Set{Index: set.Index, Vectors: slices.DeleteFunc(slices.Clone(set.Vectors), func(v Vector) bool { return v.Times > 0 })}
}

// TestRacesFail: on each server that is wrong where calls overlap a vector fails, and none but those of its own rules.
func TestRacesFail(t *testing.T) {
	set := onlyConcurrent(ours(t))
	for _, race := range embedded.Races {
		t.Run(race.Name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(newServer(embedded.ServerOptions{Fault: race.Name}))
			defer server.Close()
			var red []model.ID
			for tries := 0; tries < 50 && len(red) == 0; tries++ { // by chance, which a busy machine has seldom
				for id, out := range playOver(set, server.URL) {
					if out.what == failed {
						red = append(red, set.byID(id).Rule)
					}
					t.Log(id, out.what, out.why)
				}
				if race.Rule == "" || race.Name == "race-connection-cache" { // which connection a request has is up to the client
					break
				}
			}
			for _, rule := range red {
				assert.Contains(t, append([]model.ID{race.Rule}, race.AlsoRules...), rule)
			}
			if race.Name != "race-connection-cache" {
				assert.Equal(t, race.Rule != "", len(red) > 0, "%v", red)
			}
		})
	}
}

// TestOverlappingCallsAccuseNobody: what is right, or wrong to one client alone, fails no vector of several.
func TestOverlappingCallsAccuseNobody(t *testing.T) {
	set := onlyConcurrent(ours(t))
	servers := map[string]embedded.ServerOptions{}
	for seed := range uint64(6) {
		servers[fmt.Sprint("right ", seed)] = embedded.ServerOptions{Chooser: choices.Random(seed, 0.1*float64(seed%2))}
	}
	for i, a := range choices.Alternatives() {
		if i%6 > 0 {
			continue
		}
		servers[fmt.Sprint("accepted ", a.Rule, a.N)] = embedded.ServerOptions{Chooser: choices.Always(a.Rule, a.N)}
	}
	for i, f := range embedded.Faults {
		if i%16 == 0 && unseen[f.Name] == "" {
			servers[f.Name] = embedded.ServerOptions{Fault: f.Name}
		}
	}
	for name, o := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(newServer(o))
			defer server.Close()
			for id, out := range playOver(set, server.URL) {
				assert.NotEqual(t, failed, out.what, "%s: %s", id, out.why)
			}
		})
	}
}

// playOver plays a set over HTTP.
func playOver(set *Set, url string) played {
	r := newRunner(set, served(url))
	out := played{}
	for _, v := range set.Vectors {
		out[v.ID] = r.result(v.ID)
	}
	return out
}

func (s *Set) byID(id string) *Vector {
	for i := range s.Vectors {
		if s.Vectors[i].ID == id {
			return &s.Vectors[i]
		}
	}
	return nil
}

// TestConcurrentSetIsKept: the vectors of several clients are those that are written here.
func TestConcurrentSetIsKept(t *testing.T) {
	kept := onlyConcurrent(ours(t)).Vectors
	require.Equal(t, concurrentVectors(), kept)
}
