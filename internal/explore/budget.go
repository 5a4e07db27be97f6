package explore

import (
	"fmt"
	"slices"

	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// Budget is how much a run does, under a name. What is given beside it goes first.
type Budget struct {
	Name     string
	Describe string
	// Requests caps all: those of the probe, of the suites, of replaying traces, and of confirming and shortening what
	// is found. Only what it takes to confirm a great deal, and to say which rules it breaks, may exceed it. 0 is no cap.
	Requests int
	Suites   []string // where Options.Suites is nil; nil is DefaultSuites, the last of them in part
	Depth    int      // where Options.Depth is 0
}

// The names of the budgets.
const (
	Quick   = "quick"
	Default = "default"
	Nightly = "nightly"
)

// Budgets are those that Options.Budget names, the smallest first.
var Budgets = []Budget{
	{Name: Quick, Describe: "what tells most, on every save", Requests: 1500, Suites: []string{Systematic, Random}},
	{Name: Default, Describe: "what a run does that names none"},
	{Name: Nightly, Describe: "all suites, the complete ones at depth 1", Suites: Suites, Depth: 1},
}

// BudgetNames lists the names.
func BudgetNames() []string { return plain.Texts(Budgets, func(b Budget) string { return b.Name }) }

// BudgetOf is the budget of a name; of none, the default one.
func BudgetOf(name string) (b Budget, ok bool) {
	i := slices.IndexFunc(Budgets, func(b Budget) bool { return b.Name == name || name == "" && b.Name == Default })
	if i < 0 {
		return Budget{}, false
	}
	return Budgets[i], true
}

// budget is that of the options, which Normalize has checked.
func (o *Options) budget() Budget {
	b, _ := BudgetOf(o.Budget)
	return b
}

// CheckBudget refuses what is no name of a budget.
func CheckBudget(name string) error {
	if _, ok := BudgetOf(name); !ok || name == "" {
		return fmt.Errorf("is no budget; use %s", plain.Alternatives(BudgetNames(), plain.MaxShown))
	}
	return nil
}

// spend fills in what the budget says and the options do not.
func (o *Options) spend() error {
	b, ok := BudgetOf(o.Budget)
	if !ok {
		return fmt.Errorf("%w: budget %q %w", targets.ErrUsage, o.Budget, CheckBudget(o.Budget))
	}
	if o.Requests == 0 {
		o.Requests = b.Requests
	}
	if o.Depth == 0 {
		o.Depth = b.Depth
	}
	return nil
}

// InAll is how many requests the run may send with those of confirming and shortening; 0 is no cap on these.
func (o *Options) InAll() int {
	if b := o.budget(); b.Requests == o.Requests {
		return b.Requests
	}
	return 0
}

// Named are the suites that the options name, or their budget, whatever the target.
func (o *Options) Named() []string {
	switch b := o.budget(); {
	case o.Suites != nil:
		return o.Suites
	case b.Suites == nil:
		return DefaultSuites
	case len(o.Only)+len(o.Skip) > 0: // the complete suites judge all rules
		return slices.DeleteFunc(slices.Clone(b.Suites), func(suite string) bool { return suite == Complete })
	default:
		return b.Suites
	}
}

// inPart reports whether several clients have no more than a part of the run.
func (o *Options) inPart() bool { return o.Suites == nil && o.budget().Suites == nil }

// spent takes from what a worker may send, where that is all, what was or will be sent otherwise.
func (w *Worker) spent(requests int) {
	if c := w.inspector; c != nil && c.InAll {
		w.Client.Quota -= requests
	}
}

// Replayed takes what replaying traces has sent from a cap on all requests, of which at least half is left.
func (x *Exploration) Replayed(requests int) {
	requests = min(requests, x.options.Requests/2)
	for i, w := range x.Workers {
		w.spent(share(requests, i, len(x.Workers)))
	}
}

// About how many requests it takes at the end of a run to say which rules what was suspected belongs to.
const (
	firstSuspicion = 250
	perSuspicion   = 20
)

// reserve keeps back what the suspicion that is new will take at the end.
func (w *Worker) reserve() {
	if w.spent(perSuspicion); len(w.Suspicions) == 1 && w.inspector != nil {
		w.spent(firstSuspicion / len(w.inspector.Workers))
	}
}
