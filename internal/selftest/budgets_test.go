package selftest

import (
	"bytes"
	"context"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets/embedded"
)

// What the quick budget has to catch of the faults, and of the pairs, without hidden state.
const (
	quickFaults = 0.95
	quickPairs  = 0.95
)

const measuredFile = "../explore/caught.json"

// TestBudgets: caught.json says what runs of each budget catch. With -update all is measured anew, which takes a quarter of
// an hour; else some faults and pairs are run again, and come out as it says.
func TestBudgets(t *testing.T) {
	if flag.Lookup("update").Value.String() == "true" {
		var out bytes.Buffer
		require.NoError(t, plain.WriteJSON(&out, measure(t)))
		golden.Check(t, measuredFile, out.Bytes())
		return
	}
	known := explore.Measured()
	stride := 8
	if os.Getenv("CONFORM_ALL_FAULTS") != "" {
		stride = 1
	}
	m := newMeasuring(t)
	var again []embedded.Fault
	for i, f := range embedded.Faults {
		if i%stride == 0 {
			again = append(again, f)
		}
	}
	missed := func(budget string) []string {
		i := slices.IndexFunc(known.Budgets, func(b explore.BudgetCaught) bool { return b.Budget == budget })
		return slices.Concat(known.Budgets[i].Faults, known.Budgets[i].HiddenState)
	}
	var sent atomic.Int64
	most := explore.Budgets[0].Requests
	sideBySide(2, len(again), func(i int) {
		f := again[i]
		quick := m.quickly(f.Name)
		all := quick.Requests + quick.ConfirmRequests
		sent.Add(int64(all))
		assert.LessOrEqual(t, quick.Requests, most, f.Name)
		assert.LessOrEqual(t, all, 2*most, f.Name)
		caught := len(quick.Divergences) > 0
		if _, counts := m.wrong[f.Name]; !counts {
			assert.False(t, caught, "%s has no wrong answer", f.Name)
			return
		}
		assert.Equal(t, !slices.Contains(missed(conform.Quick), f.Name), caught, "%s under the quick budget; run with -update if the change is meant", f.Name)
	})
	assert.LessOrEqual(t, int(sent.Load())/len(again), most, "one or another takes more to confirm, and the most do not")
	var pairs []string
	for i, name := range m.pairs(known.OnePairIn) {
		if i%stride == 0 && !slices.Contains(known.HiddenPairs, name) {
			pairs = append(pairs, name)
		}
	}
	sideBySide(2, len(pairs), func(i int) {
		want := !slices.Contains(known.Budgets[0].Pairs, pairs[i])
		assert.Equal(t, want, m.pairCaught(pairs[i], conform.Quick), "%s under the quick budget; run with -update if the change is meant", pairs[i])
	})
}

// TestQuickBudget: the quick budget catches what it has to, with the requests that it has; a larger budget catches more.
func TestQuickBudget(t *testing.T) {
	known := explore.Measured()
	require.Equal(t, explore.BudgetNames(), plain.Texts(known.Budgets, func(b explore.BudgetCaught) string { return b.Budget }))
	wrongs, hidden := 0, 0
	m := newMeasuring(t)
	for _, f := range embedded.Faults {
		if slices.Contains(m.plain, f.Name) {
			wrongs++
		} else if _, counts := m.wrong[f.Name]; counts {
			hidden++
		}
	}
	assert.Equal(t, [2]int{wrongs, hidden}, [2]int{known.Faults, known.HiddenState})
	quick := known.Budgets[0]
	share := func(missed []string, of int) float64 { return 1 - float64(len(missed))/float64(of) }
	assert.GreaterOrEqual(t, share(quick.Faults, known.Faults), quickFaults)
	assert.GreaterOrEqual(t, share(quick.Pairs, known.Pairs), quickPairs)
	for i := range known.Budgets[1:] {
		less, more := known.Budgets[i], known.Budgets[i+1]
		assert.Subset(t, less.Faults, more.Faults)
		assert.LessOrEqual(t, len(more.HiddenState), len(less.HiddenState))
		assert.LessOrEqual(t, len(more.Pairs), len(less.Pairs))
	}
}

// classesOfAll classifies all faults, once for all tests.
var classesOfAll = func() func() ([]classified, reports.SelftestWalk, error) {
	var once sync.Once
	var classes []classified
	var walked reports.SelftestWalk
	var err error
	return func() ([]classified, reports.SelftestWalk, error) {
		once.Do(func() { classes, walked, err = classify(context.Background(), embedded.Faults) })
		return classes, walked, err
	}
}()

// measuring runs budgets against faults.
type measuring struct {
	t     *testing.T
	walk  *walk
	wrong map[string]classified // the faults with a wrong answer
	plain []string              // those of them without hidden state
	flaws map[string]flawed
	shows sync.Map // by flaw
	*test
}

// newMeasuring knows which faults are wrong, and what a default run says of each flaw.
var newMeasuring = func() func(t *testing.T) *measuring {
	var once sync.Once
	var m *measuring
	return func(t *testing.T) *measuring {
		once.Do(func() {
			m = &measuring{walk: newWalk(), wrong: map[string]classified{}, flaws: map[string]flawed{},
				test: &test{options: Options{Seed: 1, run: runEmbedded}, out: &reports.Selftest{}}}
			classes, _, err := classesOfAll()
			require.NoError(t, err)
			for i, f := range embedded.Faults {
				if classes[i].class != wrong {
					continue
				}
				if m.wrong[f.Name] = classes[i]; !f.Remembers() {
					m.plain = append(m.plain, f.Name)
				}
			}
		})
		m.t = t
		return m
	}
}()

// quickly is a whole run of the quick budget against a fault.
func (m *measuring) quickly(fault string) *reports.Report {
	report, err := conform.Run(m.t.Context(), embedded.InProcess(embedded.ServerOptions{Fault: fault}),
		conform.Options{Seed: 1, Workers: 1, Budget: conform.Quick, FailOn: model.Inferred})
	require.NoError(m.t, err)
	return report
}

// pairs lists every n-th pair without hidden state, each as FAULT+FLAW.
func (m *measuring) pairs(n int) (out []string) {
	count := 0
	for _, flaw := range embedded.Flaws {
		for _, fault := range m.plain {
			name := fault + "+" + flaw
			if both, _ := embedded.FaultNamed(name); fault == flaw || both.Remembers() {
				continue
			}
			if count++; count%n == 0 {
				out = append(out, name)
			}
		}
	}
	return out
}

// alone is what a default run says of a flaw.
func (m *measuring) alone(name string) flawed {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.flaws[name]; !known {
		m.flaws[name] = (&test{options: m.options, out: m.out}).runFlaw(m.t.Context(), name)
	}
	return m.flaws[name]
}

// shown are the signatures of the wrong answers that a flaw alone gives.
func (m *measuring) shown(flaw string) *reports.Baseline {
	once, _ := m.shows.LoadOrStore(flaw, sync.OnceValue(func() *reports.Baseline { return m.walk.shows(m.t.Context(), flaw) }))
	return once.(func() *reports.Baseline)()
}

// hides reports whether the flaw of a pair hides the fault.
func (m *measuring) hides(name string) bool {
	fault, flaw, _ := strings.Cut(name, "+")
	of := m.alone(flaw)
	of.walked = m.shown(flaw)
	return m.walk.hides(m.t.Context(), of, fault)
}

// pairCaught runs a budget against a pair, as the self-test does.
func (m *measuring) pairCaught(name, budget string) bool {
	fault, flaw, _ := strings.Cut(name, "+")
	of := m.alone(flaw)
	known, _ := embedded.FaultNamed(fault)
	pair := reports.SelftestPair{Flaw: flaw, Fault: fault, Rule: known.Rule}
	spending := &test{options: Options{Seed: 1, run: func(ctx context.Context, fault string, o conform.Options) (*reports.Report, error) {
		o.Budget = budget
		return runEmbedded(ctx, fault, o)
	}}, out: &reports.Selftest{}}
	for _, whole := range []bool{false, true} {
		if !pair.Caught && pair.Problem == "" {
			spending.runPair(m.t.Context(), m.walk, &pair, of, whole)
		}
	}
	assert.Empty(m.t, pair.Problem, name)
	return pair.Caught
}

// measure makes caught.json: the quick budget is run whole, the default one as the self-test does, until a fault is caught.
// Nightly runs send what default ones do and more: what these catch is not run again.
func measure(t *testing.T) explore.Caught {
	all, err := Run(t.Context(), Options{Seed: 1, classify: func(context.Context, []embedded.Fault) ([]classified, reports.SelftestWalk, error) {
		return classesOfAll()
	}, run: runEmbedded})
	require.NoError(t, err)
	caught := map[string]bool{}
	for _, f := range all.Faults {
		caught[f.Name] = f.Caught != nil
	}
	m := newMeasuring(t)
	out := explore.Caught{Faults: len(m.plain), HiddenState: len(m.wrong) - len(m.plain), OnePairIn: 8, HiddenPairs: []string{}}
	if os.Getenv("CONFORM_ALL_FAULTS") != "" {
		out.OnePairIn = 1
	}
	var mu sync.Mutex
	pairs := m.pairs(out.OnePairIn)
	sideBySide(2, len(pairs), func(i int) {
		if hidden := m.hides(pairs[i]); hidden {
			mu.Lock()
			defer mu.Unlock()
			out.HiddenPairs = append(out.HiddenPairs, pairs[i])
		}
	})
	slices.Sort(out.HiddenPairs)
	pairs = slices.DeleteFunc(pairs, func(name string) bool { return slices.Contains(out.HiddenPairs, name) })
	out.Pairs = len(pairs)
	list := slices.Concat(slices.Sorted(maps.Keys(m.wrong)), pairs)
	for _, budget := range explore.Budgets {
		b := explore.BudgetCaught{Budget: budget.Name, Faults: []string{}, HiddenState: []string{}, Pairs: []string{}}
		sideBySide(2, len(list), func(i int) {
			mu.Lock()
			defer mu.Unlock()
			known := caught[list[i]]
			mu.Unlock()
			found, requests := m.caught(list[i], budget.Name, known)
			mu.Lock()
			caught[list[i]], b.Requests = known || found, max(b.Requests, requests)
			switch {
			case found:
			case strings.Contains(list[i], "+"):
				b.Pairs = append(b.Pairs, list[i])
			case slices.Contains(m.plain, list[i]):
				b.Faults = append(b.Faults, list[i])
			default:
				b.HiddenState = append(b.HiddenState, list[i])
			}
		})
		slices.Sort(b.Faults)
		slices.Sort(b.HiddenState)
		slices.Sort(b.Pairs)
		t.Logf("%s misses %d, %d and %d of %d, %d and %d", b.Budget, len(b.Faults), len(b.HiddenState), len(b.Pairs),
			out.Faults, out.HiddenState, out.Pairs)
		out.Budgets = append(out.Budgets, b)
	}
	return out
}

// caught runs a budget against a fault or a pair. known says that a run did catch it that sends no more.
func (m *measuring) caught(name, budget string, known bool) (found bool, requests int) {
	pair := strings.Contains(name, "+")
	switch {
	case budget == conform.Quick && !pair:
		report := m.quickly(name)
		return len(report.Divergences) > 0, report.Requests + report.ConfirmRequests
	case budget != conform.Quick && known:
		return true, 0
	case pair:
		return m.pairCaught(name, budget), 0
	}
	report, problem := m.run(m.t.Context(), name, conform.Options{StopAtFirst: true, Budget: budget})
	require.Empty(m.t, problem)
	return len(report.Divergences) > 0, 0
}
