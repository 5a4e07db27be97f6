package judge_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/judge"
	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/internal/testing/choices"
	"github.com/insightconform/conform/internal/testing/recording"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// recorder passes requests on, and keeps what passes: the calls of each world as a recording of its own.
type recorder struct {
	targets.Target
	mu     sync.Mutex
	worlds int
	calls  []recorded.Exchange
}

func (t *recorder) NewWorld(ctx context.Context) (targets.World, error) {
	w, err := t.Target.NewWorld(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.worlds++
	return &recordingWorld{World: w, to: t, number: t.worlds}, err
}

type recordingWorld struct {
	targets.World
	to     *recorder
	number int
}

func (w *recordingWorld) Names() targets.Names { return w.World.(targets.Named).Names() }

func (w *recordingWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	start := time.Now()
	reply := w.World.Do(ctx, r)
	x := recorded.Exchange{At: fmt.Sprintf("world %d, call", w.number), Format: recorded.FormatHAR, Request: r, Reply: reply, Start: start, End: time.Now()}
	w.to.mu.Lock()
	defer w.to.mu.Unlock()
	w.to.calls = append(w.to.calls, x)
	return reply
}

// record runs against a server and returns the calls of each world.
func record(t *testing.T, options embedded.ServerOptions, o conform.Options) [][]recorded.Exchange {
	t.Helper()
	target := &recorder{Target: embedded.InProcess(options)}
	_, err := conform.Run(t.Context(), target, o)
	require.NoError(t, err)
	byWorld := map[string][]recorded.Exchange{}
	for _, x := range target.calls {
		byWorld[x.At] = append(byWorld[x.At], x)
	}
	var out [][]recorded.Exchange
	for _, list := range byWorld {
		// A clock of whole steps: so that no two calls overlap by the clock's grain.
		at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		for i := range list {
			list[i].At += fmt.Sprint(" ", i+1)
			list[i].Start, list[i].End = at, at.Add(time.Millisecond)
			at = at.Add(2 * time.Millisecond)
		}
		out = append(out, list)
	}
	slices.SortFunc(out, func(a, b []recorded.Exchange) int { return strings.Compare(a[0].At, b[0].At) })
	return out
}

func judgeAll(worlds [][]recorded.Exchange) *judge.Judgement {
	j := judge.New(0)
	for _, list := range worlds {
		for _, x := range list {
			j.Exchange(x)
		}
	}
	j.Finish()
	return j
}

func explained(d *judge.Divergence) string {
	text := d.Signature()
	for _, s := range d.Steps() {
		text += fmt.Sprintf("\n  %s %s %s → %s %s %s allowed %v", s.Operation, s.Region, s.Request, s.Answer.Outcome, s.Answer.Code, s.Answer.Body, s.Allowed)
	}
	return text
}

func requireNone(t *testing.T, about string, j *judge.Judgement) {
	t.Helper()
	for _, d := range j.Found {
		t.Fatalf("%s: false divergence %s", about, explained(d))
	}
}

// TestFairness: whatever accepted branch a server takes, and wherever the recording begins, nothing is called a violation,
// be it recorded wholly or as a log tells of it.
func TestFairness(t *testing.T) {
	t.Parallel()
	fair := func(t *testing.T, chooser choices.Chooser, seed uint64, about string) {
		worlds := record(t, embedded.ServerOptions{Chooser: chooser}, conform.Options{Seed: seed + 1, Requests: 300, Workers: 1, Suites: []string{conform.Random}})
		requireNone(t, about, judgeAll(worlds))
		random := rand.New(rand.NewPCG(seed, 1))
		for range 5 {
			requireNone(t, about+" cut out", judgeAll(cutOut(worlds, random)))
		}
		for _, list := range worlds {
			requireNone(t, about+" as logged", judgeAll([][]recorded.Exchange{asLogged(list)}))
		}
	}
	t.Run("any branch", func(t *testing.T) {
		t.Parallel()
		for seed := range uint64(inCI(200, 40)) {
			fair(t, choices.Random(seed, 0.01), seed, fmt.Sprintf("seed %d", seed))
		}
	})
	t.Run("each alternative", func(t *testing.T) {
		t.Parallel()
		for i, a := range choices.Alternatives() {
			if i%inCI(1, 5) == 0 {
				fair(t, choices.Always(a.Rule, a.N), uint64(1000+i), fmt.Sprintf("%s %d", a.Rule, a.N))
			}
		}
	})
}

// cutOut leaves the beginnings and ends of recordings away.
func cutOut(worlds [][]recorded.Exchange, random *rand.Rand) (out [][]recorded.Exchange) {
	for _, list := range worlds {
		from := random.IntN(len(list))
		if part := list[from : from+random.IntN(len(list)-from)]; len(part) > 0 {
			out = append(out, part)
		}
	}
	return out
}

// TestSharpness: each fault is found in what was recorded of a run against it.
func TestSharpness(t *testing.T) {
	t.Parallel()
	for i, f := range embedded.Faults {
		if f.Deep || f.Computed || i%inCI(2, 8) != 0 {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			found := judgeAll(record(t, embedded.ServerOptions{Fault: f.Name}, conform.Options{Seed: 1, Workers: 1, StopAtFirst: true})).Found
			if len(found) == 0 { // what shows it there is played again, and again: more is to be seen in more
				found = judgeAll(record(t, embedded.ServerOptions{Fault: f.Name}, conform.Options{Seed: 1, Workers: 1})).Found
			}
			assert.True(t, len(found) > 0 || recording.Unseen[f.Name] != "")
		})
	}
}

// TestServersWithoutStores: what names an event data store is judged only where there was one.
func TestServersWithoutStores(t *testing.T) {
	t.Parallel()
	call := func(n int, op model.Op, input value.Value, a model.Answer) recorded.Exchange {
		at := time.Date(2026, 11, 2, 8, 0, n, 0, time.UTC)
		return recorded.Exchange{At: fmt.Sprintf("x.har, entry %d", n), Format: recorded.FormatHAR, Host: "http://localhost:5000", Start: at, End: at,
			Request: model.Request{Op: op, Region: "us-east-1", Input: input}, Reply: targets.Reply{Answer: a, Status: 400}}
	}
	named := value.Obj("EventDataStore", "abc", "InsightsDestination", "abd", "InsightSelectors", model.MakeSelectors(model.Management, 0).Value())
	odd := call(2, model.OpPut, named, model.Refusal("InvalidTrailNameException"))
	j := judge.New(0)
	j.Exchange(odd)
	j.Finish()
	assert.Empty(t, j.Found)
	assert.Zero(t, j.Judged)
	assert.Len(t, j.NotJudged, 1)

	j = judge.New(0)
	j.Exchange(call(1, model.OpCreateStore, value.Obj("Name", "store"), model.Answer{Outcome: model.Succeeded,
		StoreARN: model.DefaultWorld.StoreARN("us-east-1", "00000000-0000-4000-8000-000000000000")}))
	j.Exchange(odd)
	j.Finish()
	assert.Len(t, j.Found, 1)
}

// TestCallsThatOverlapAndAreAllWrong: each is blamed.
func TestCallsThatOverlapAndAreAllWrong(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	j := judge.New(0)
	for n := range 3 {
		j.Exchange(recorded.Exchange{At: fmt.Sprintf("x.har, entry %d", n+1), Format: recorded.FormatHAR, Host: "http://localhost:5000", Start: at, End: at.Add(time.Second),
			Request: model.Request{Op: model.OpGet, Region: "us-east-1", Input: value.Obj("TrailName", "abc")},
			Reply:   targets.Reply{Answer: model.Refusal("ResourceNotFoundException"), Status: 400}})
	}
	j.Finish()
	require.Len(t, j.Found, 1)
	assert.Equal(t, 3, j.Found[0].Count)
}

// TestCallers: who is of which account is not always told: what one caller sees is then nothing that another must see, and what
// one may have changed is not held against a server that shows it to another.
func TestCallers(t *testing.T) {
	t.Parallel()
	arn := model.DefaultWorld.TrailARN("us-east-1", "abc")
	both := model.MakeSelectors(model.Management, model.Management)
	on := model.Answer{Outcome: model.Succeeded, TrailARN: arn, Selectors: both}
	n := 0
	play := func(calls ...func(*recorded.Exchange)) *judge.Judgement {
		j := judge.New(0)
		for _, set := range calls {
			n++
			at := time.Date(2026, 11, 2, 8, 0, n, 0, time.UTC)
			x := recorded.Exchange{At: fmt.Sprintf("x.har, entry %d", n), Format: recorded.FormatHAR, Host: "http://localhost:5000", Start: at, End: at.Add(time.Millisecond),
				Request: model.Request{Op: model.OpGet, Region: "us-east-1", Input: value.Obj("TrailName", "abc")}, Reply: targets.Reply{Status: 200}}
			set(&x)
			j.Exchange(x)
		}
		j.Finish()
		return j
	}
	as := func(caller, account string, op model.Op, a model.Answer) func(*recorded.Exchange) {
		return func(x *recorded.Exchange) {
			x.Caller, x.Account, x.Request.Op, x.Reply.Answer = caller, account, op, a
			if op != model.OpGet {
				x.Request.Input = value.Obj("Name", "abc")
			}
			if op == model.OpPut {
				x.Request.Input = value.Obj("TrailName", "abc", "InsightSelectors", both.Value())
			}
		}
	}
	off, done := model.Refusal("InsightNotEnabledException"), model.Answer{Outcome: model.Succeeded}
	for name, right := range map[string][]func(*recorded.Exchange){
		"two accounts":                   {as("1", "", model.OpGet, on), as("2", "", model.OpGet, off), as("1", "", model.OpGet, on)},
		"a stranger changes something":   {as("1", "123456789012", model.OpGet, on), as("2", "", model.OpStop, done), as("1", "123456789012", model.OpGet, off)},
		"something changes a stranger's": {as("2", "", model.OpGet, on), as("1", "123456789012", model.OpStop, done), as("2", "", model.OpGet, off)},
	} {
		requireNone(t, name, play(right...))
	}
	for name, wrong := range map[string][]func(*recorded.Exchange){
		"one caller":                   {as("1", "", model.OpGet, on), as("1", "", model.OpGet, off)},
		"two callers of one account":   {as("1", "123456789012", model.OpGet, on), as("2", "123456789012", model.OpGet, off)},
		"a caller who becomes known":   {as("1", "", model.OpGet, on), as("1", "123456789012", model.OpGet, off)},
		"a stranger who only looks on": {as("1", "", model.OpGet, on), as("2", "", model.OpGet, off), as("1", "", model.OpGet, off)},
	} {
		j := play(wrong...)
		assert.NotEmpty(t, j.Found, "%s: %v %v", name, j.NotJudged, j.Exercised)
	}
}

// TestBlame: where several states would explain that an answer is wrong, the rule is the one that fits it best.
func TestBlame(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"long-prefix-unknown", "trail/not-found/wrong-code", "selector/type-invalid/ignored", "appends-selectors", "unions-categories"} {
		f, known := embedded.FaultNamed(name)
		require.True(t, known, name)
		var rules []model.ID
		for _, d := range judgeAll(record(t, embedded.ServerOptions{Fault: f.Name}, conform.Options{Seed: 1, Workers: 1, StopAtFirst: true})).Found {
			rules = append(rules, d.Rule)
		}
		assert.Contains(t, rules, f.Rule, name)
	}
}

// TestCasesKeptForBytes: the other steps of a case that was kept for its bytes make no pass.
func TestCasesKeptForBytes(t *testing.T) {
	t.Parallel()
	step := func(op model.Op, input value.Value, answer reports.StepAnswer) reports.Step {
		return reports.Step{Operation: string(op), Request: input, Answer: answer}
	}
	arn := model.DefaultWorld.TrailARN(model.DefaultWorld.Home, "abc")
	steps := []reports.Step{step(model.OpCreate, value.Obj("Name", "abc"), reports.StepAnswer{Outcome: reports.OutcomeSuccess, Body: value.Obj("TrailARN", arn)}),
		step(model.OpGet, value.Obj("TrailName", "abc"), reports.StepAnswer{Outcome: reports.OutcomeRefused, Code: "InsightNotEnabledException"}),
		step(model.OpGet, value.Obj("TrailName", "abd"), reports.StepAnswer{Outcome: reports.OutcomeRefused, Code: "TrailNotFoundException"})}
	steps[2].Diverges = true
	j := judge.New(0)
	j.Case(&reports.Calls{Rule: model.WireErrorShape, Steps: steps})
	assert.Zero(t, j.Judged)
	assert.Equal(t, 3, j.Exchanges)
	assert.Empty(t, j.Found)

	steps[2].Answer = reports.StepAnswer{Outcome: reports.OutcomeCrashed}
	j = judge.New(0)
	j.Case(&reports.Calls{Rule: model.WireNoCrash, Steps: steps})
	assert.Len(t, j.Found, 1)
}

// TestCrashesAreFound: a 5xx to one of the operations under test contradicts wire/no-crash, also of a Get; no answer may be lost.
func TestCrashesAreFound(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	for _, op := range []model.Op{model.OpGet, model.OpPut} {
		x := recorded.Exchange{At: "x.har, entry 1", Format: recorded.FormatHAR, Host: "http://localhost:5000", Start: at, End: at,
			Request: model.Request{Op: op, Region: "us-east-1", Input: value.Obj("TrailName", "abc")},
			Reply:   targets.Reply{Status: 500, Answer: model.Answer{Outcome: model.Crashed}}}
		j := judge.New(0)
		j.Exchange(x)
		j.Finish()
		assert.Len(t, j.Found, 1, op)
		x.Reply = targets.Reply{Answer: model.Answer{Outcome: model.Unanswered}}
		j = judge.New(0)
		j.Exchange(x)
		j.Finish()
		assert.Empty(t, j.Found, op)
	}
}
