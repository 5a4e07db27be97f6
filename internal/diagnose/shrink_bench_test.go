package diagnose_test

import (
	"cmp"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/property"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// BenchmarkShrinking prints for each fault how long the case of its first divergence is before and
// after shrinking, and what that takes:
//
//	go test -run '^$' -bench Shrinking -benchtime 1x .
func BenchmarkShrinking(b *testing.B) {
	for b.Loop() {
		fmt.Printf("\n%-50s %7s %7s %11s %9s\n", "fault", "before", "after", "executions", "requests")
		var all []shrunk
		for _, f := range embedded.Faults {
			if f.Computed || slices.Contains(flaky, f.Name) {
				continue
			}
			x := newFinder(b, f.Name)
			found := x.find(b.Context(), 1)
			if len(found) == 0 {
				b.Errorf("%s: nothing found", f.Name)
				continue
			}
			s := x.shrinkOne(b.Context(), f.Name, found[0])
			all = append(all, s)
			fmt.Printf("%-50s %7d %7d %11d %9d%s\n", f.Name, len(s.original), len(s.result), s.executions, s.requests, map[bool]string{false: "  budget spent"}[s.whole])
		}
		executions, requests := costs(all)
		b.ReportMetric(float64(executions[len(executions)/2]), "executions/median")
		b.ReportMetric(float64(requests[len(requests)/2]), "requests/median")
		b.ReportMetric(0, "ns/op")
	}
}

// comparedFaults are those that rapid finds in its default hundred checks, short and long.
var comparedFaults = []string{"appends-selectors", "get-drops-data", "same-put-toggles", "put-lost-after-restart", "event-selectors-frozen"}

// BenchmarkRapidReduction is the reduction that rapid does by itself, of the same property and with its
// default shrink time, beside the shrinker's on the first failing draw. What is counted are the
// plays of the property after its first failure, requests as they were sent; lengths include the reads
// that the property adds:
//
//	go test -run '^$' -bench RapidReduction -benchtime 1x .
func BenchmarkRapidReduction(b *testing.B) {
	b.Chdir(b.TempDir()) // no fail files from elsewhere
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		fmt.Printf("\n%-32s %7s | %7s %11s %9s | %7s %11s %9s\n", "fault", "before", "rapid", "executions", "requests", "conform", "executions", "requests")
		for _, fault := range comparedFaults {
			compareWithRapid(b, fault)
		}
	}
	b.ReportMetric(0, "ns/op")
}

func compareWithRapid(b *testing.B, fault string) {
	ctx := b.Context()
	p, err := property.New(ctx, embedded.InProcess(embedded.ServerOptions{Fault: fault}), probe.Options{}, model.Observed, "")
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	var first *reports.Trace // as drawn, before any reduction
	executions, requests := 0, 0
	done := make(chan struct{})
	go func() { // which the failure of the property ends
		defer close(done)
		rapid.Check(&quietTB{name: b.Name()}, func(t *rapid.T) {
			before, failing := p.Requests(), first != nil
			defer func() {
				if first = cmp.Or(first, p.Last()); failing {
					executions++
					requests += p.Requests() - before
				}
			}()
			p.Check(t)
		})
	}()
	<-done
	if first == nil {
		b.Errorf("%s: rapid found nothing", fault)
		return
	}
	var drawn []model.Request
	for _, s := range first.Steps {
		drawn = append(drawn, s.ModelRequest())
	}
	x, signature := newFinder(b, fault), cmp.Or(first.Raw, first.Signature)
	steps := x.shows(ctx, drawn, sight{signature: signature})
	if steps == nil {
		b.Errorf("%s: what rapid drew does not show %s again", fault, signature)
		return
	}
	s := x.shrinkOne(ctx, fault, &diagnose.Divergence{Raw: signature, Steps: steps, Finding: model.Finding{Step: len(steps) - 1}})
	fmt.Printf("%-32s %7d | %7d %11d %9d | %7d %11d %9d\n", fault, len(drawn), len(p.Last().Steps), executions, requests, len(s.result), s.executions, s.requests)
}

// quietTB lets a property fail without failing the benchmark.
type quietTB struct {
	testing.TB // nil: rapid calls what is below
	name       string
	failed     bool
}

func (t *quietTB) Helper()               {}
func (t *quietTB) Name() string          { return t.name }
func (t *quietTB) Logf(string, ...any)   {}
func (t *quietTB) Log(...any)            {}
func (t *quietTB) Errorf(string, ...any) { t.failed = true }
func (t *quietTB) Error(...any)          { t.failed = true }
func (t *quietTB) Fail()                 { t.failed = true }
func (t *quietTB) Failed() bool          { return t.failed }
func (t *quietTB) FailNow()              { t.failed = true; runtime.Goexit() }
func (t *quietTB) Fatalf(string, ...any) { t.FailNow() }
func (t *quietTB) Fatal(...any)          { t.FailNow() }
