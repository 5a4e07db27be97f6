package model

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The set of states that the answers so far allow, and error orders that a target is held to.

func TestTrackerKeepsWhatIsPossible(t *testing.T) {
	lost := reply{Answer: Answer{Outcome: Unanswered}}
	crashed := reply{Answer: Answer{Outcome: Crashed}}
	for _, c := range []struct {
		about   string
		course  []step
		allowed []reply // of a Get, each by itself
		wrong   []reply
	}{
		{"a Put without an answer is applied or not", trail(put("error"), put("call").answers(lost)),
			[]reply{yes("call"), yes("error")}, []reply{yes("call", "error"), notEnabled}},
		{"so is one whose target crashed", trail(put("call").answers(crashed)), []reply{yes("call"), notEnabled}, []reply{yes("error")}},
		{"two of them", trail(put("call").answers(lost), put("error").answers(lost)),
			[]reply{yes("call"), yes("error"), notEnabled}, []reply{yes("call", "error")}},
		{"one that must be refused changes nothing", trail(put("call", "Nonsense").answers(lost)), []reply{notEnabled}, []reply{yes("call")}},
		{"a read tells", trail(put("call").answers(lost), get.answers(yes("call"))), []reply{yes("call")}, []reply{notEnabled}},
		{"the other way too", trail(put("call").answers(lost), get.answers(notEnabled)), []reply{notEnabled}, []reply{yes("call")}},
		{"another read tells as well", trail(put("call").answers(lost), getTrail.answers(has)), []reply{yes("call")}, []reply{notEnabled}},
		{"a Put that was answered settles it", trail(put("call").answers(lost), put("error")), []reply{yes("error")}, []reply{yes("call"), notEnabled}},
		{"a trail that may be gone", trail(put("call"), remove.answers(lost)), []reply{yes("call"), no("TrailNotFound")}, []reply{notEnabled}},
		{"a trail that may have stopped", trail(put("call"), stop.answers(lost)), []reply{yes("call"), notEnabled}, []reply{no("TrailNotFound")}},
	} {
		for _, a := range c.allowed {
			x := newRun().play(c.course...)
			require.True(t, x.verdict.Allowed, "%s\n%s", c.about, x.log())
			assert.True(t, x.play(get.answers(a)).verdict.Allowed, "%s\n%s", c.about, x.log())
			assert.True(t, x.play(get.answers(a)).verdict.Allowed, "and once more: %s\n%s", c.about, x.log())
		}
		for _, a := range c.wrong {
			x := newRun().play(c.course...).play(get.answers(a))
			assert.False(t, x.verdict.Allowed, "%s\n%s", c.about, x.log())
			assert.NotEmpty(t, x.verdict.Expected, c.about)
		}
	}
}

func TestTracker(t *testing.T) {
	t.Run("an answer that is not allowed changes nothing", func(t *testing.T) {
		x := newRun().play(trail(put("call"))...)
		before := x.tracker.State()
		x.play(put("error").answers(no("NobodyHeardOfIt")))
		require.False(t, x.verdict.Allowed)
		assert.Empty(t, diffStates(before, x.tracker.State()))
		assert.Equal(t, "success", x.verdict.Expected[0], "the reference stands first")
	})
	t.Run("certain is one state", func(t *testing.T) {
		x := newRun().play(trail(put("call"))...)
		assert.True(t, x.tracker.Certain())
		assert.Empty(t, x.tracker.Others())
		x.play(put("error").answers(reply{}))
		assert.False(t, x.tracker.Certain())
		assert.Len(t, x.tracker.Others(), 1)
	})
	t.Run("a clone goes its own way", func(t *testing.T) {
		x := newRun().play(trail(put("call"))...)
		clone := x.tracker.Clone()
		clone.Observe(put("error").Request, Refusal("NobodyHeardOfIt"))
		clone.Observe(put().Request, x.owned(put().Request, yes()))
		assert.True(t, clone.Observe(get.Request, notEnabled.Answer).Allowed)
		assert.True(t, x.play(get.answers(yes("call"))).verdict.Allowed)
	})
	t.Run("follow takes what was read", func(t *testing.T) {
		x := newRun().play(trail(put("call"))...)
		on := x.tracker.State()
		off := newRun().play(trail()...).tracker.State()
		x.tracker.Follow(off, on, off)
		assert.Empty(t, diffStates(off, x.tracker.State()))
		assert.Len(t, x.tracker.Others(), 1, "each once")
		assert.True(t, x.play(get.answers(yes("call"))).verdict.Allowed)
		assert.True(t, x.tracker.Certain())
	})
	t.Run("prefer puts first what agrees with a hint", func(t *testing.T) {
		x := newRun().play(trail(put("call").answers(reply{}))...)
		first := x.tracker.State()
		hint := notEnabled.Answer
		if first.Trails[0].Insights == 0 {
			hint = x.owned(get.Request, yes("call"))
		}
		x.tracker.Prefer(get.Request, hint)
		assert.False(t, first.Equal(x.tracker.State()))
		assert.Len(t, x.tracker.Others(), 1, "none is lost")
		preferred := x.tracker.State()
		x.tracker.Prefer(get.Request, hint)
		assert.Empty(t, diffStates(preferred, x.tracker.State()), "what is first already stays")
	})
	t.Run("a deviation is told once, when it is sure", func(t *testing.T) {
		x := newRun().play(trail(put("call"), stop)...)
		assert.Empty(t, x.deviations, "the target may have turned it off")
		x.play(get.answers(yes("call")))
		require.Len(t, x.deviations, 1)
		assert.Equal(t, ID("logs/stop-logging"), x.deviations[0].Rule)
		x.play(get.answers(yes("call")))
		assert.Len(t, x.deviations, 1)
	})
	t.Run("a deviation names the reference and the answer", func(t *testing.T) {
		x := newRun().play(trail()...).play(putTo("ab", "call").answers(no("TrailNotFound")))
		assert.Equal(t, []Deviation{{Rule: "trail/name-syntax", Reference: "InvalidTrailNameException", Actual: "TrailNotFoundException"}}, x.deviations)
	})
}

// TestHeldOrder: a learned order makes the code of a later rule a violation at level observed.
func TestHeldOrder(t *testing.T) {
	order := ErrorRules()
	profile, err := NewProfile("learned", order, [][2]ID{{"trail/name-syntax", "selector/type-invalid"}})
	require.NoError(t, err)
	world := DefaultWorld
	world.Profile = profile
	both := putTo("my-_trail", "Nonsense").Request

	tracker := NewTracker(&world)
	assert.True(t, tracker.Observe(both, Refusal("InvalidTrailNameException")).Allowed)
	assert.True(t, tracker.Observe(both, Refusal("TrailNotFoundException")).Allowed, "the first rule accepts it too")
	answer := Refusal("InvalidInsightSelectorsException")
	v := tracker.Observe(both, answer)
	require.False(t, v.Allowed)
	f := Blame([]Exchange{{Before: tracker.State(), Request: both, Answer: answer, After: tracker.State()}}, v.Expected)
	assert.Equal(t, Order, f.Rule)
	assert.Equal(t, Observed, f.Level)

	answer = Refusal("NobodyHeardOfIt")
	require.False(t, tracker.Observe(both, answer).Allowed)
	f = Blame([]Exchange{{Before: tracker.State(), Request: both, Answer: answer, After: tracker.State()}}, nil)
	assert.Equal(t, ID("trail/name-syntax"), f.Rule, "a code of neither rule")
}

// TestOtherOrder: with another order the reference answers the rule that comes first there.
func TestOtherOrder(t *testing.T) {
	order := ErrorRules()
	reversed := make([]ID, 0, len(order))
	for i := range order {
		reversed = append(reversed, order[len(order)-1-i])
	}
	profile, err := NewProfile("reversed", reversed, nil)
	require.NoError(t, err)
	world := DefaultWorld
	world.Profile = profile
	branches := Step(NewState(&world), putTo("my-_trail", "Nonsense").Request)
	assert.Equal(t, "InvalidInsightSelectorsException", branches[0].Answer.Code)
	assert.True(t, NewTracker(&world).Observe(putTo("my-_trail", "Nonsense").Request, Refusal("InvalidTrailNameException")).Allowed)
}

// TestProfileErrors: an order names every error rule once, and what it holds agrees with it.
func TestProfileErrors(t *testing.T) {
	all := ErrorRules()
	for want, p := range map[string]Profile{
		"no error rule":  {Order: []ID{"put/stores"}},
		"stands twice":   {Order: []ID{"wire/wrong-type", "wire/wrong-type"}},
		"is missing":     {Order: all[:1]},
		"does not agree": {Order: all, Holds: [][2]ID{{"kms/policy", "store/id-syntax"}}},
	} {
		_, err := NewProfile("x", p.Order, p.Holds)
		assert.ErrorContains(t, err, want)
	}
	_, err := NewProfile("x", all, [][2]ID{{"store/id-syntax", "kms/policy"}})
	assert.NoError(t, err)
}

// TestUnguarded: an update that should be refused may have taken effect all the same.
func TestUnguarded(t *testing.T) {
	x := newRun().play(trailAndStores(put("call"), putStore("call"))...)
	broken, ok := Unguarded(x.tracker.State(), updateStore(source, "reads").Request)
	require.True(t, ok)
	assert.Equal(t, "InvalidInsightSelectorsException", Step(broken, putStore("call").Request)[0].Answer.Code)
}

// TestTakenFor: a wrong answer that is as plain about the state as a right one is taken for that.
func TestTakenFor(t *testing.T) {
	off, on := newRun().play(trail()...), newRun().play(trail(put("call"))...)
	for _, c := range []struct {
		about  string
		run    *run
		asked  step
		answer Answer
		taken  string // the kind of the right answer; empty where it is taken for none
	}{
		{"off, shown as no selectors", off, get, Answer{Outcome: Succeeded}, codeNotEnabled},
		{"off, with a code of the target's own", off, get, Refusal("InsightNotEnabled"), codeNotEnabled},
		{"a trail that may be gone", off, get, Refusal(codeNotFound), ""},
		{"on, and not shown", on, get, Answer{Outcome: Succeeded}, ""},
		{"on, and refused", on, get, Refusal("NobodyHeardOfIt"), ""},
		{"an entry twice", on, get, Answer{Outcome: Succeeded, Selectors: MakeSelectors(Management, 0), Repeated: true,
			TrailARN: DefaultWorld.TrailARN(DefaultWorld.Home, "my-trail")}, "success"},
		{"other selectors", on, get, Answer{Outcome: Succeeded, Selectors: MakeSelectors(0, Management)}, ""},
		{"a refusal with another code", on, put("Nonsense"), Refusal("NobodyHeardOfIt"), codeSelectors},
		{"a success where a refusal is due", on, put("Nonsense"), Answer{Outcome: Succeeded}, ""},
		{"a refusal where a success is due", on, put("error"), Refusal("NobodyHeardOfIt"), ""},
		{"a wrong flag", on, getTrail, Answer{Outcome: Succeeded, HasInsights: No}, "success"},
	} {
		before := c.run.tracker.State()
		require.False(t, c.run.tracker.Clone().Observe(c.asked.Request, c.answer).Allowed, c.about)
		as, ok := c.run.tracker.TakenFor(c.asked.Request, c.answer)
		assert.Equal(t, c.taken != "", ok, c.about)
		if ok {
			assert.Equal(t, c.taken, as.Kind(), c.about)
		}
		assert.Empty(t, diffStates(before, c.run.tracker.State()), c.about)
	}
}
