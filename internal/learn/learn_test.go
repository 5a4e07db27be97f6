package learn_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/learn"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/mock"
)

func learnOf(t *testing.T, o embedded.ServerOptions) *reports.Precedence {
	t.Helper()
	learned, err := learn.Learn(t.Context(), embedded.InProcess(o), learn.Options{})
	require.NoError(t, err)
	return learned
}

// cells sorts the pairs by status.
func cells(p *reports.Precedence) map[string][]reports.PrecedenceCell {
	out := map[string][]reports.PrecedenceCell{}
	for _, c := range p.Cells {
		out[c.Status] = append(out[c.Status], c)
	}
	return out
}

// TestLearnReference: of the reference, the reference's order is learned, with evidence.
func TestLearnReference(t *testing.T) {
	learned := learnOf(t, embedded.ServerOptions{})
	n := len(model.ErrorRules())
	assert.Len(t, learned.Cells, n*(n-1)/2)
	assert.Len(t, learned.Codes, n)
	assert.Empty(t, learned.Unmeasured)
	assert.Equal(t, model.ErrorRules(), learned.Rules)
	assert.Empty(t, learned.Cycles)
	by := cells(learned)
	for _, status := range []string{reports.CellSecond, reports.CellOther, reports.CellUnstable, reports.CellNotCovered} {
		assert.Empty(t, by[status], status)
	}
	assert.Greater(t, len(by[reports.CellFirst]), 150)
	var told [][2]model.ID
	for _, c := range by[reports.CellFirst] {
		told = append(told, [2]model.ID{c.First, c.Second})
		require.NotEmpty(t, c.Steps)
		last := c.Steps[len(c.Steps)-1]
		assert.Equal(t, c.Own[0], last.Answer.Code)
		assert.NotEqual(t, c.Own[0], c.Own[1])
		assert.Equal(t, string(model.OpPut), last.Operation)
	}
	assert.Equal(t, told, learned.Holds)
	for _, c := range by[reports.CellImpossible] {
		assert.NotEmpty(t, c.Why)
	}

	var written bytes.Buffer
	require.NoError(t, learned.JSON(&written, false))
	read, err := reports.ReadPrecedence(written.Bytes())
	require.NoError(t, err)
	assert.Equal(t, learned.Rules, read.Rules)
	assert.Equal(t, learned.Codes, read.Codes)
	assert.Equal(t, learned.Holds, read.Holds)
	require.Len(t, read.Cells, len(learned.Cells))
	for i, c := range read.Cells {
		assert.Equal(t, learned.Cells[i].Status, c.Status)
		assert.Len(t, c.Steps, len(learned.Cells[i].Steps))
	}
}

// judge runs the systematic suite against an embedded server that is held to a learned order.
func judge(t *testing.T, o embedded.ServerOptions, order *model.Profile) *reports.Report {
	t.Helper()
	report, err := conform.Run(t.Context(), embedded.InProcess(o), conform.Options{Seed: 1, Workers: 2, Order: order,
		Suites: []string{conform.Systematic}, Requests: 6000, ShrinkRequests: 1})
	require.NoError(t, err)
	return report
}

// TestLearnOrders: an order is learned as it is, the target conforms to what was learned of it, and a
// target of the reversed order does not.
func TestLearnOrders(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rules := model.ErrorRules()
			random := rand.New(rand.NewPCG(seed, 1))
			random.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
			order, err := model.NewProfile("shuffled", rules, nil)
			require.NoError(t, err)
			learned := learnOf(t, embedded.ServerOptions{Order: order})
			assert.Empty(t, learned.Cycles)
			told := 0
			for _, c := range learned.Cells {
				want := reports.CellFirst
				if slices.Index(rules, c.First) > slices.Index(rules, c.Second) {
					want = reports.CellSecond
				}
				switch c.Status {
				case reports.CellFirst, reports.CellSecond:
					told++
					assert.Equal(t, want, c.Status, "%s, %s", c.First, c.Second)
				case reports.CellOther, reports.CellUnstable, reports.CellNotCovered:
					t.Errorf("%s, %s: %s %s %s", c.First, c.Second, c.Status, c.Answer, c.Why)
				}
			}
			assert.Len(t, learned.Holds, told)
			profile, err := learned.Profile("learned")
			require.NoError(t, err)

			report := judge(t, embedded.ServerOptions{Order: order}, profile)
			assert.Empty(t, report.Divergences)
			assert.Equal(t, reports.Conforms, report.Verdict, report.Reason)

			slices.Reverse(rules)
			reversed, err := model.NewProfile("reversed", rules, nil)
			require.NoError(t, err)
			report = judge(t, embedded.ServerOptions{Order: reversed}, profile)
			assert.Contains(t, rulesOf(report), model.Order)
			assert.Equal(t, reports.Diverges, report.Verdict)
			for _, d := range report.Divergences {
				assert.Equal(t, model.Order, d.Rule, d.Signature)
				assert.Equal(t, model.Observed, d.Level, d.Signature)
			}
		})
	}
}

// TestLearnCycle: three rules of which each goes before the next are found, and none of them is held.
func TestLearnCycle(t *testing.T) {
	circle := []string{"NoManagementAccountSLRExistsException", "S3BucketDoesNotExistException", "KmsException"}
	chooser := func(branches []model.Branch, r model.Request) int {
		var there [3]int // the branch of each code, 0 where there is none
		var found int
		for i, b := range branches {
			if k := slices.Index(circle, b.Answer.Code); k >= 0 && b.Answer.Outcome == model.Refused {
				there[k] = i + 1
				found++
			}
		}
		for k := range circle {
			if r.Op == model.OpPut && found == 2 && there[k] > 0 && there[(k+1)%3] > 0 {
				return there[k] - 1
			}
		}
		return 0
	}
	learned := learnOf(t, embedded.ServerOptions{Chooser: chooser})
	set := []model.ID{model.OrgNoServiceRole, model.BucketMissingRule, model.KMSUnusable}
	require.Len(t, learned.Cycles, 1)
	assert.Subset(t, learned.Cycles[0], set)
	var asked []reports.PrecedenceTriple
	for _, x := range learned.Triples {
		if x.Rules == [3]model.ID(set) {
			asked = append(asked, x)
		}
	}
	require.Len(t, asked, 1)
	assert.Equal(t, "NoManagementAccountSLRExistsException", asked[0].Answer)
	assert.Equal(t, model.OrgNoServiceRole, asked[0].First)
	assert.NotEmpty(t, asked[0].Steps)
	for _, pair := range learned.Holds {
		assert.False(t, slices.Contains(learned.Cycles[0], pair[0]) && slices.Contains(learned.Cycles[0], pair[1]), pair)
	}
	profile, err := learned.Profile("circular")
	require.NoError(t, err)
	report := judge(t, embedded.ServerOptions{Chooser: chooser}, profile)
	assert.Empty(t, report.Divergences)

	var shown bytes.Buffer
	require.NoError(t, text.Precedence(&shown, learned, text.Options{Verbose: true}))
	assert.Contains(t, shown.String(), "in a circle")
	assert.Contains(t, strings.Join(strings.Fields(shown.String()), " "), "all three: NoManagementAccountSLRExistsException, of org/no-service-role")
}

// changed is a target whose answers to Puts are changed on their way, or to every request.
type changed struct {
	targets.Target
	change func(model.Request, *targets.Reply)
	every  bool
}

type changedWorld struct {
	targets.World
	changed
}

func (a changed) NewWorld(ctx context.Context) (targets.World, error) {
	w, err := a.Target.NewWorld(ctx)
	return changedWorld{w, a}, err
}

func (w changedWorld) Do(ctx context.Context, r model.Request) targets.Reply {
	reply := w.World.Do(ctx, r)
	if r.Op == model.OpPut || w.every {
		w.change(r, &reply)
	}
	return reply
}

func learnChanged(t *testing.T, change func(model.Request, *targets.Reply)) (*reports.Precedence, error) {
	t.Helper()
	return learn.Learn(t.Context(), changed{Target: embedded.InProcess(embedded.ServerOptions{}), change: change}, learn.Options{})
}

func cellOf(t *testing.T, p *reports.Precedence, a, b model.ID) reports.PrecedenceCell {
	t.Helper()
	for _, c := range p.Cells {
		if c.First == a && c.Second == b {
			return c
		}
	}
	t.Fatalf("no cell of %s and %s", a, b)
	return reports.PrecedenceCell{}
}

// TestLearnIgnored: a rule that is not enforced has no code, and its pairs are not covered.
func TestLearnIgnored(t *testing.T) {
	learned := learnOf(t, embedded.ServerOptions{Fault: "selector/type-invalid/ignored"})
	assert.Contains(t, learned.Unmeasured[model.SelectorTypeInvalid], "not enforced")
	assert.NotContains(t, learned.Codes, model.SelectorTypeInvalid)
	for _, c := range learned.Cells {
		if (c.First == model.SelectorTypeInvalid || c.Second == model.SelectorTypeInvalid) && c.Status != reports.CellImpossible {
			assert.Equal(t, reports.CellNotCovered, c.Status)
			assert.Contains(t, c.Why, "not enforced")
		}
	}
}

// TestLearnOneMember: a kind of error is not enforced only where every form of it is accepted. Where the simplest is, the
// code is that of another, and so are the requests of its pairs.
func TestLearnOneMember(t *testing.T) {
	ignores := embedded.ServerOptions{Fault: "wire/wrong-type/ignored"}
	learned, err := learn.Learn(t.Context(), changed{Target: embedded.InProcess(ignores), change: func(r model.Request, reply *targets.Reply) {
		list := r.Input.Get("InsightSelectors")
		if slices.ContainsFunc(list.Items(), func(item value.Value) bool { return item.Kind() != value.Object }) {
			reply.Answer = model.Refusal("SerializationException")
		}
	}}, learn.Options{})
	require.NoError(t, err)
	assert.Empty(t, learned.Unmeasured)
	assert.Equal(t, "SerializationException", learned.Codes[model.WireWrongType])
	c := cellOf(t, learned, model.WireWrongType, model.TrailNotFound)
	assert.Equal(t, reports.CellFirst, c.Status, c.Why)
	for _, id := range learned.Rules[1:] {
		if c := cellOf(t, learned, model.WireWrongType, id); c.Status != reports.CellImpossible {
			assert.NotContains(t, c.Why, "not enforced", id)
		}
	}

	learned = learnOf(t, ignores)
	assert.Equal(t, "it is not enforced: what breaks it alone succeeds in each of 40 forms", learned.Unmeasured[model.WireWrongType])
	assert.Len(t, learned.Unmeasured, 1)
}

// TestLearnUnsteady: answers that differ from try to try, or with the place of a selector, are no order.
func TestLearnUnsteady(t *testing.T) {
	tries := 0
	learned, err := learnChanged(t, func(r model.Request, reply *targets.Reply) {
		code := &reply.Answer.Code
		if reply.Answer.Outcome == model.Refused && *code == "KmsException" {
			if tries++; tries%2 == 0 {
				*code = "InsufficientEncryptionPolicyException"
			}
		}
		for _, item := range r.Input.Get("InsightSelectors").Items() {
			if reply.Answer.Outcome != model.Refused || *code != "InvalidInsightSelectorsException" {
				break
			}
			if name := item.Get("InsightType"); name.Kind() == value.String && !slices.Contains(model.TypeNames[:], name.Text()) {
				break
			}
			if slices.ContainsFunc(item.Get("EventCategories").Items(), func(v value.Value) bool {
				return v.Kind() == value.String && !slices.Contains(model.CategoryNames[:], v.Text())
			}) {
				*code = "InvalidParameterException" // the first wrong selector decides
				break
			}
		}
	})
	require.NoError(t, err)
	assert.Contains(t, learned.Unmeasured[model.KMSUnusable], "differently from try to try: ")
	c := cellOf(t, learned, model.SelectorTypeInvalid, model.SelectorCategory)
	assert.Equal(t, reports.CellUnstable, c.Status)
	assert.Contains(t, c.Why, "another request that breaks just these two is answered by")
	assert.NotContains(t, learned.Holds, [2]model.ID{model.SelectorTypeInvalid, model.SelectorCategory})
	assert.NotContains(t, learned.Holds, [2]model.ID{model.SelectorCategory, model.SelectorTypeInvalid})
}

// TestLearnHostile: error codes full of escapes and megabytes harm neither terminal nor file.
func TestLearnHostile(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	learned, err := learnChanged(t, func(_ model.Request, reply *targets.Reply) {
		if reply.Answer.Outcome == model.Refused {
			reply.Answer.Code = "\x1b[31m" + reply.Answer.Code + "\xff\u202e<script>" + long
			reply.Received = []byte(reply.Answer.Code)
		}
	})
	require.NoError(t, err)
	assert.NotEmpty(t, cells(learned)[reports.CellFirst], "the codes can be told apart, odd as they are")
	assert.Empty(t, learned.Holds, "what no rule accepts cannot be held to")
	for _, verbose := range []bool{false, true} {
		var shown bytes.Buffer
		require.NoError(t, text.Precedence(&shown, learned, text.Options{Width: 80, Verbose: verbose}))
		assert.NotContains(t, shown.String(), "\x1b")
		assert.NotContains(t, shown.String(), "\u202e")
		assert.Less(t, shown.Len(), 1<<18)
	}
	var file bytes.Buffer
	require.NoError(t, learned.JSON(&file, false))
	assert.NotContains(t, file.String(), "\x1b")
	assert.NotContains(t, file.String(), "\u202e")
	assert.Less(t, file.Len(), 1<<24)
	_, err = reports.ReadPrecedence(file.Bytes())
	assert.NoError(t, err)
}

// TestLearnInconclusive: where no error has a code, nothing is learned; an interruption keeps what was.
func TestLearnInconclusive(t *testing.T) {
	learned, err := learnChanged(t, func(_ model.Request, reply *targets.Reply) {
		if reply.Answer.Outcome == model.Refused {
			reply.Answer = model.Answer{Outcome: model.Crashed}
		}
	})
	require.ErrorIs(t, err, targets.ErrInconclusive)
	assert.NotContains(t, err.Error(), "\n")
	assert.Empty(t, learned.Holds)

	_, err = learn.Learn(t.Context(), mock.New(struct{}{}, mock.Options{}), learn.Options{})
	assert.Error(t, err)

	ctx, stop := context.WithCancel(t.Context())
	asked := 0
	learned, err = learn.Learn(ctx, changed{Target: embedded.InProcess(embedded.ServerOptions{}), change: func(model.Request, *targets.Reply) {
		if asked++; asked == 300 {
			stop()
		}
	}}, learn.Options{Eventual: true, Settle: time.Millisecond})
	require.ErrorIs(t, err, context.Canceled)
	assert.True(t, learned.Target.Eventual)
	assert.NotEmpty(t, learned.Codes)
	by := cells(learned)
	assert.NotEmpty(t, by[reports.CellFirst])
	assert.NotEmpty(t, by[reports.CellNotCovered])
}

// TestLearnRefusesAll: where even a right Put is refused, the codes are no answers to what is broken.
func TestLearnRefusesAll(t *testing.T) {
	_, err := learnChanged(t, func(_ model.Request, reply *targets.Reply) { reply.Answer = model.Refusal("Nope\x1b[31m") })
	require.ErrorIs(t, err, targets.ErrInconclusive)
	assert.Contains(t, err.Error(), `a PutInsightSelectors that breaks no rule is answered Nope\x1b[31m`)
}

// TestLearnLost: a target that stops answering ends the learning, and is not taken for one that is wrong.
func TestLearnLost(t *testing.T) {
	asked := 0
	target := changed{Target: embedded.InProcess(embedded.ServerOptions{}), every: true, change: func(_ model.Request, reply *targets.Reply) {
		if asked++; asked > 1500 {
			*reply = targets.Reply{Problem: "no answer within 1ms", TimedOut: true}
		}
	}}
	learned, err := learn.Learn(t.Context(), target, learn.Options{})
	require.ErrorIs(t, err, targets.ErrInconclusive)
	assert.Contains(t, err.Error(), "the target stopped answering")
	assert.NotEmpty(t, learned.Holds)
	assert.Less(t, asked, 1600, "it is noticed soon")
	for _, c := range learned.Cells {
		assert.NotEqual(t, reports.CellOther, c.Status, "%s, %s: %s", c.First, c.Second, c.Answer)
	}
}

func rulesOf(report *reports.Report) []model.ID {
	var ids []model.ID
	for _, d := range report.Divergences {
		if !slices.Contains(ids, d.Rule) {
			ids = append(ids, d.Rule)
		}
	}
	return ids
}
