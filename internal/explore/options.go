package explore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// Options has the fields of conform.Options, where each is described, so that one converts into the other.
type Options struct {
	Seed           uint64
	Requests       int
	Time           time.Duration
	Workers        int
	Suites         []string
	Order          *model.Profile
	FailOn         model.Level
	Progress       func(reports.Update)
	Command        string
	Version        string
	Events         func(reports.Event)
	Found          func(signature string) (enough bool)
	Eventual       bool
	Settle         time.Duration
	ShrinkRequests int
	Depth          int
	Machines       []string
	Shard          reports.Shard
	Resume         *reports.Report
	Checkpoint     func(*reports.Report)
	StopAtFirst    bool
	Traces         []*reports.Trace
	Baseline       *reports.Baseline
	Expect         []string
}

// The defaults and bounds of Options.
const (
	DefaultRandom         = 5000 // requests of the random suite where Options.Requests sets no cap
	DefaultShrinkRequests = 2000 // that a run may spend on shrinking
	MaxDepth              = 2    // of a complete suite
)

// Normalize fills in what is not given and refuses what makes no sense.
func (o *Options) Normalize() error {
	if o.Suites == nil {
		o.Suites = []string{Systematic, Random}
	}
	if o.Machines == nil {
		o.Machines = machine.Default
	}
	if o.Baseline != nil {
		o.Expect = slices.Concat(o.Expect, o.Baseline.Capabilities)
	}
	o.Expect = slices.Compact(slices.Sorted(slices.Values(o.Expect)))
	for _, list := range []struct {
		what         string
		given, known []string
	}{{"suite", o.Suites, Suites}, {"machine", o.Machines, machine.Names()}, {"capability", o.Expect, reports.CapabilityNames()}} {
		for _, name := range list.given {
			if !slices.Contains(list.known, name) {
				return fmt.Errorf("%w: there is no %s %q; use one or several of %s", targets.ErrUsage, list.what, name, strings.Join(list.known, ", "))
			}
		}
	}
	if o.Depth < 0 || o.Depth > MaxDepth {
		return fmt.Errorf("%w: the depth must be 0 to %d", targets.ErrUsage, MaxDepth)
	}
	if o.Shard.Count < 0 || o.Shard.Index < 0 || o.Shard.Index >= max(1, o.Shard.Count) {
		return fmt.Errorf("%w: there is no shard %d of %d", targets.ErrUsage, o.Shard.Index+1, o.Shard.Count)
	}
	if o.Requests < 0 || o.Workers < 0 || o.Time < 0 || o.Settle < 0 {
		return fmt.Errorf("%w: requests, workers, time and settle time cannot be negative", targets.ErrUsage)
	}
	o.FailOn = cmp.Or(o.FailOn, model.Observed)
	o.ShrinkRequests = cmp.Or(o.ShrinkRequests, DefaultShrinkRequests)
	return nil
}

// Probe has the options that say how the target is opened.
func (o *Options) Probe() probe.Options {
	return probe.Options{Order: o.Order, Eventual: o.Eventual, Settle: o.Settle, Workers: o.Workers, Events: o.Events}
}
