package conform

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/embedded"
)

// divergencesOf explores a fault and returns what is confirmed of it, not yet shrunk.
func divergencesOf(t testing.TB, f embedded.Fault, seed uint64, suites ...string) (*confirmer, []*divergence) {
	t.Helper()
	options := Options{Seed: seed, Workers: 1, Suites: suites}
	if len(suites) > 0 {
		options.Requests = 6000
	}
	require.NoError(t, options.complete())
	r := &run{options: options, target: embedded.InProcess(embedded.ServerOptions{Fault: f.Name}), shared: &shared{rules: map[model.ID]bool{}}, started: time.Now()}
	info, err := r.target.Open(t.Context())
	require.NoError(t, err)
	r.info = info
	r.newReport()
	require.NoError(t, r.prepare(t.Context()))
	r.suites(t.Context())
	all := suspicions{}
	for _, e := range r.workers {
		for _, s := range e.suspicions.sorted() {
			all.add(s)
		}
	}
	c := r.newConfirmer()
	found := c.resolve(t.Context(), all.sorted())
	c.confirm(t.Context(), found)
	return c, slices.DeleteFunc(found, func(d *divergence) bool { return d.again == 0 })
}

func TestShrinkSurvey(t *testing.T) {
	var suites []string
	if os.Getenv("SUITE") != "" {
		suites = append(suites, os.Getenv("SUITE"))
	}
	for _, f := range embedded.Faults {
		t0 := time.Now()
		c, found := divergencesOf(t, f, 1, suites...)
		t1 := time.Now()
		for _, d := range found {
			before := len(d.steps)
			requests := c.requests
			executions, whole := c.shrink(t.Context(), d, MaxShrinkRequests)
			fmt.Printf("%s\t%s\t%d\t%d\texec %d\treq %d\twhole %v\t%v\n", f.Name, d.raw, before, len(d.steps), executions, c.requests-requests, whole, t1.Sub(t0).Milliseconds())
		}
		if len(found) == 0 {
			fmt.Println(f.Name, "none")
		}
	}
}
