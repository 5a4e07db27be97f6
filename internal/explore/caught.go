package explore

import (
	"context"
	_ "embed"
	"encoding/json"
	"sync"

	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/reports"
)

// Caught is what runs catch of the faults that come with conform, and of pairs of them. A test measures it.
type Caught struct {
	Faults      int `json:"faults"`       // with wrong answers, without hidden state: the request and the model's state decide
	HiddenState int `json:"hidden_state"` // with wrong answers, and with a state of their own
	Pairs       int `json:"pairs"`        // of a fault without hidden state and a common flaw that does not hide it
	OnePairIn   int `json:"one_pair_in"`  // was tried, of all
	// HiddenPairs lists those of which the flaw hides the fault, each as FAULT+FLAW.
	HiddenPairs []string       `json:"hidden_pairs"`
	Budgets     []BudgetCaught `json:"budgets"` // in the order of Budgets
}

// BudgetCaught is what runs of one budget miss, by name.
type BudgetCaught struct {
	Budget string `json:"budget"`
	// Requests is the most that a run against a fault has sent with those of confirming, where that is capped.
	Requests    int      `json:"requests,omitempty"`
	Faults      []string `json:"missed_faults"`
	HiddenState []string `json:"missed_hidden_state"`
	Pairs       []string `json:"missed_pairs"`
}

//go:embed caught.json
var caughtFile []byte

// Measured is what was measured last.
var Measured = sync.OnceValue(func() (c Caught) {
	if err := json.Unmarshal(caughtFile, &c); err != nil {
		panic("caught.json: " + err.Error())
	}
	return c
})

// plannedBudgets says of each budget what it costs on a target, and what runs of it catch.
func plannedBudgets(ctx context.Context, subject *probe.Subject, o Options, defaultEvents bool) (out []reports.PlannedBudget) {
	measured := Measured()
	for i, b := range Budgets {
		one := o
		one.Budget, one.Requests, one.Time, one.Suites, one.Depth = b.Name, b.Requests, 0, nil, b.Depth
		whole := reports.Plan{Suites: plannedSuites(ctx, subject, one, defaultEvents)}
		_, writes, reads := whole.Totals()
		planned := reports.PlannedBudget{Name: b.Name, Suites: one.SuitesOf(subject), Writes: writes, Reads: reads}
		if all := writes + reads; b.Requests > 0 && all > b.Requests {
			planned.AtMost = b.Requests
			planned.Writes = writes * b.Requests / all
			planned.Reads = b.Requests - planned.Writes
		}
		missed := measured.Budgets[i]
		planned.Faults = reports.Count{Covered: measured.Faults - len(missed.Faults), Total: measured.Faults}
		planned.HiddenState = reports.Count{Covered: measured.HiddenState - len(missed.HiddenState), Total: measured.HiddenState}
		planned.Pairs = reports.Count{Covered: measured.Pairs - len(missed.Pairs), Total: measured.Pairs}
		out = append(out, planned)
	}
	return out
}
