package conform

import (
	"time"

	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// The suites of a run.
const (
	Systematic = explore.Systematic // cases and transitions computed from the model
	Complete   = explore.Complete   // every word of inputs up to a length, from every state of a machine
	Random     = explore.Random     // drawn by rapid with the model's state in view
	Concurrent = explore.Concurrent // several clients at once, drawn by rapid
)

// The budgets of a run.
const (
	Quick   = explore.Quick   // 1,500 requests at most, with those that confirm and shorten what is found
	Default = explore.Default // what a run does that names none
	Nightly = explore.Nightly // all suites, the complete ones at depth 1
)

// The defaults and bounds of Options.
const (
	DefaultRandom         = explore.DefaultRandom         // requests of the random suite where Options.Requests sets no cap
	DefaultSettle         = probe.DefaultSettle           // of Options.Settle
	DefaultShrinkRequests = explore.DefaultShrinkRequests // of Options.ShrinkRequests
	MaxDepth              = explore.MaxDepth              // of Options.Depth
	DefaultClients        = explore.DefaultClients        // of Options.Clients
	MaxClients            = explore.MaxClients            // of Options.Clients
)

// Shard is one of several equal shares of a run's work. The zero value is all of it.
type Shard = reports.Shard

// Options say how to run. The zero value is the default run.
type Options struct {
	Seed uint64 // of the random exploration
	// Budget is a name for how much is done: Quick, Default or Nightly; empty is Default. Requests, Suites, Depth and Time go
	// first where they are given.
	Budget   string
	Requests int           // caps all requests but those of confirming; 0 is no cap
	Time     time.Duration // caps all of the run, which ends ten seconds later at most; 0 is no cap
	Workers  int           // worlds side by side; 0 lets the target decide
	// Suites are of Systematic, Complete, Random and Concurrent; nil is those of Budget: by default the first and the third,
	// and a part of the fourth where the target answers at once and takes several clients.
	Suites []string
	// Clients is how many the suite Concurrent has at once; 0 is DefaultClients, and 1 leaves it out of the default run. A mock
	// is called by several goroutines only where it is more than 1.
	Clients int
	// Histories is the folder in which the suite Concurrent keeps the calls of all clients, before they are judged: the last
	// ones, and those that contradict a rule. Empty keeps none.
	Histories string
	Order     *model.Profile       // the error order that the target is held to; nil is the reference's
	FailOn    model.Level          // the lowest level that fails the run; 0 is Observed
	Progress  func(reports.Update) // is told how the run goes on, several times a second; may be nil
	Command   string               // repeats the run; put in the report
	Version   string               // of the caller; put in the report

	Name, TargetVersion string // of the target, as people call it; kept in the report and in what is made of it

	// Events is told of what happens between the start and the end of the run, as it happens and from
	// one goroutine at a time; the run waits for it. May be nil.
	Events func(reports.Event)

	// Found, where not nil, is told the signature of each divergence that is new to a worker, at once and so
	// before it is confirmed. Workers call it side by side. True ends the exploration.
	Found func(signature string) (enough bool)

	// Eventual says that the target is eventually consistent, and Settle how long it may take to show
	// what was written; 0 is DefaultSettle.
	Eventual bool
	Settle   time.Duration

	ShrinkRequests int // caps the requests spent on shrinking; 0 is DefaultShrinkRequests

	Depth    int      // of the complete suites: the number of extra states up to which all faults are caught
	Machines []string // of the complete suites, by the names that `conform plan` lists; nil is the default ones
	Shard    Shard    // the share of all suites to run

	// Resume is a partial report with which the run goes on: it executes what of the complete suites
	// was not done, and the suites that were cut short. The caller joins the reports.
	Resume *reports.Report
	// Checkpoint is given a partial report now and then while complete suites run; may be nil.
	Checkpoint func(*reports.Report)

	// StopAtFirst ends the run with the first divergence at the level of FailOn or above that is
	// confirmed and not known to the baseline. It is reported alone and as it was met: nothing is shrunk.
	StopAtFirst bool
	// FailFast is StopAtFirst with the one divergence shrunk.
	FailFast bool

	// Only and Skip choose rules by name, by wildcards such as put/*, by an operation or by a capability; the last two
	// stand for the rules that need them. No request breaks a rule that is left out, and what diverges from one is not
	// reported. An operation or capability to skip is not used at all. Nil leaves nothing out. Only the systematic and the
	// random suite can do so.
	Only, Skip []string

	Traces   []*reports.Trace  // of earlier runs, replayed first
	Baseline *reports.Baseline // what is known and accepted; nil is nothing
	Expect   []string          // capabilities, as reports name them, without which the run fails, beside those of Baseline
}
