package conform

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// Hypotheses are what a certificate rests on, in plain words. That the target is deterministic is
// also watched: a test in which it takes another allowed way than before is unstable.
func hypotheses(depth int) []string {
	extra := "the target has no more states than the machine"
	if depth > 0 {
		extra = fmt.Sprintf("the target has at most %s more than the machine", plural(depth, "state"))
	}
	return []string{
		"requests of one class are treated alike, each time",
		"a trail or store that was just made is like every other one that was just made",
		extra,
		"reads change nothing",
	}
}

// Shard is one of several equal shares of a run's work. The zero value is all of it.
type Shard struct {
	Index int // from 0
	Count int // 0 is the same as 1
}

// String renders the shard as people count: "2/4" is the second of four.
func (s Shard) String() string {
	if s.Count < 2 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index+1, s.Count)
}

// part is what worker i of n has to do of the whole: which of how many parts.
func (s Shard) part(i, n int) (part, parts int) {
	return s.Index*n + i, max(1, s.Count) * n
}

// share is the range of n tests that the shard has.
func (s Shard) share(n int) (from, to int) {
	count := max(1, s.Count)
	return n * s.Index / count, n * (s.Index + 1) / count
}

// chunkSize is how many tests a worker takes at a time. A chunk is done as a whole or not at all.
const chunkSize = 32

// completeSuite executes the complete suite of one machine.
type completeSuite struct {
	run         *run
	machine     *generators.Machine
	suite       *generators.Suite
	certificate reports.Certificate

	mu       sync.Mutex
	todo     [][2]int // ranges of tests that nobody has taken
	done     [][2]int
	suspects [][2]int // chunks in which something was found: done once that is in the report
	failed   int      // tests of those
}

// complete runs the complete suites of the named machines, one after the other, and reports whether
// all of its share was executed.
func (r *run) complete(ctx context.Context) bool {
	names := r.options.Machines
	if names == nil {
		names = generators.DefaultMachines
	}
	whole := true
	for _, name := range names {
		m := r.fitMachine(ctx, name)
		if m == nil {
			r.report.Notes = append(r.report.Notes, fmt.Sprintf("the machine %s is not covered: the target lacks what it is about", name))
			continue
		}
		c := r.newCompleteSuite(m)
		r.machines = append(r.machines, c)
		whole = ctx.Err() == nil && c.execute(ctx) && whole
	}
	return whole
}

func (r *run) newCompleteSuite(m *generators.Machine) *completeSuite {
	suite := generators.NewSuite(m, r.options.Depth)
	writes, reads := suite.Cost()
	c := &completeSuite{run: r, machine: m, suite: suite, certificate: reports.Certificate{
		Machine: m.Name, Abstraction: m.Abstraction, Fingerprint: m.Fingerprint(), States: len(m.States), Transitions: m.Transitions(),
		Depth: suite.Depth, Tests: suite.Tests(), Requests: writes + reads, Shard: r.options.Shard.String(), Hypotheses: hypotheses(suite.Depth),
	}}
	for _, input := range m.Inputs {
		c.certificate.Inputs = append(c.certificate.Inputs, input.Name)
	}
	for _, read := range m.Separating {
		c.certificate.Reads = append(c.certificate.Reads, string(read.Op))
	}
	slices.Sort(c.certificate.Reads)
	c.certificate.Reads = slices.Compact(c.certificate.Reads)
	from, to := r.options.Shard.share(suite.Tests())
	c.todo = [][2]int{{from, to}}
	if earlier := r.earlier(m.Name); earlier != nil && earlier.Fingerprint == c.certificate.Fingerprint && earlier.Depth == suite.Depth {
		c.todo = minus(c.todo, earlier.Done)
	} else if earlier != nil {
		r.report.Notes = append(r.report.Notes, fmt.Sprintf("the machine %s begins anew: the earlier report is of another machine or depth", m.Name))
	}
	return c
}

// earlier is what an earlier, partial run did of a machine's suite.
func (r *run) earlier(machine string) *reports.Certificate {
	if r.options.Resume == nil {
		return nil
	}
	for i := range r.options.Resume.Certificates {
		if c := &r.options.Resume.Certificates[i]; c.Machine == machine && c.Shard == r.options.Shard.String() {
			return c
		}
	}
	return nil
}

// minus takes ranges out of others. Both are in order.
func minus(ranges, out [][2]int) [][2]int {
	var left [][2]int
	for _, x := range ranges {
		from := x[0]
		for _, o := range out {
			if o[1] <= from || o[0] >= x[1] {
				continue
			}
			if o[0] > from {
				left = append(left, [2]int{from, o[0]})
			}
			from = o[1]
		}
		if from < x[1] {
			left = append(left, [2]int{from, x[1]})
		}
	}
	return left
}

// take gives a worker its next tests.
func (c *completeSuite) take() (from, to int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.todo) > 0 && c.todo[0][0] >= c.todo[0][1] {
		c.todo = c.todo[1:]
	}
	if len(c.todo) == 0 {
		return 0, 0, false
	}
	from = c.todo[0][0]
	to = min(from+chunkSize, c.todo[0][1])
	c.todo[0][0] = to
	return from, to, true
}

func (c *completeSuite) finished(from, to, failed, unstable int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if failed > 0 {
		c.suspects = append(c.suspects, [2]int{from, to})
		c.failed += failed
	} else {
		c.done = reports.JoinRanges(append(c.done, [2]int{from, to}))
	}
	c.certificate.Unstable += unstable
}

// execute runs all tests that are left and reports whether none was left out.
func (c *completeSuite) execute(ctx context.Context) bool {
	ctx = targets.Bare(ctx)
	return c.run.each(func(_ int, e *explorer) bool {
		var test generators.Test
		whole := true
	chunks:
		for !e.spent(ctx) {
			from, to, ok := c.take()
			if !ok {
				return whole
			}
			failed, unstable := 0, 0
			for n := from; n < to; n++ {
				c.suite.Test(n, &test)
				result := c.test(ctx, e, &test)
				for tries := 1; result == testUnanswered && tries < maxTries; tries++ {
					result = c.test(ctx, e, &test)
				}
				switch result {
				case testFailed:
					failed++
				case testUnstable:
					unstable++
				case testUnanswered:
					whole = false
					continue chunks // says nothing, so that the chunk is not done
				case testCut:
					return false
				}
			}
			c.finished(from, to, failed, unstable)
			c.run.checkpoint()
		}
		return false
	})
}

type testResult int

const (
	testPassed     testResult = iota
	testFailed                // a divergence was seen
	testUnstable              // the target took an allowed way, but not the one that it took before
	testUnanswered            // an answer did not come, or said nothing
	testCut                   // the test did not come to its end
)

// test executes one test on a fresh world.
func (c *completeSuite) test(ctx context.Context, e *explorer, t *generators.Test) testResult {
	s, err := e.newSession(ctx)
	if err != nil {
		e.noWorld(err)
		return testCut
	}
	defer s.close(ctx)
	s.unexercised = !slices.Contains(t.Reads, generators.ReadEverything)
	result := testPassed
	for _, r := range c.machine.Setup {
		if result = s.plainly(ctx, r); result != testPassed {
			return result
		}
	}
	state := 0
	for i, what := range t.Reads {
		if what != generators.ReadNothing {
			if result = c.read(ctx, s, state, what); result != testPassed {
				break
			}
		}
		if i == len(t.Inputs) {
			break
		}
		input := t.Inputs[i]
		if result = s.plainly(ctx, c.machine.Inputs[input].Request); result != testPassed {
			break
		}
		state = c.machine.Next(state, input)
	}
	return result
}

// plainly sends a request of which anything but an allowed answer fails the test.
func (s *session) plainly(ctx context.Context, r model.Request) testResult {
	if s.explorer.spent(ctx) {
		return testCut
	}
	before := len(s.steps)
	s.do(ctx, r)
	switch {
	case len(s.steps) == before:
		return testCut // throttled for too long, or interrupted
	case !s.steps[before].reply.Answer.Definite():
		s.explorer.unanswered(ctx, s.steps[before].reply.Problem)
		return testUnanswered
	case s.failed:
		return testFailed
	}
	s.explorer.run.silent.Store(0)
	return testPassed
}

// read sends reads and compares what they leave possible with the state that the machine is in.
func (c *completeSuite) read(ctx context.Context, s *session, state int, what uint8) testResult {
	reads := c.machine.Separating
	if what == generators.ReadEverything {
		reads = c.machine.Reads
	}
	for _, r := range reads {
		if result := s.plainly(ctx, r); result != testPassed {
			return result
		}
		if r.Op != model.OpGetEvents {
			continue
		}
		if claimed := c.machine.Events(state, r); claimed != "" && claimed != s.steps[len(s.steps)-1].reply.Answer.Events {
			return testUnstable
		}
	}
	if at, ok := c.machine.StateOf(s.tracker.State()); ok && at == state {
		return testPassed
	}
	for _, other := range s.tracker.Others() {
		if at, ok := c.machine.StateOf(other); ok && at == state {
			return testPassed
		}
	}
	return testUnstable
}

// certify says what the suites of a run guarantee, once what they found is in the report.
func (r *run) certify() {
	for _, c := range r.machines {
		c.done, c.suspects, c.certificate.Failed = reports.JoinRanges(append(c.done, c.suspects...)), nil, c.failed
		r.report.Certificates = append(r.report.Certificates, c.certified())
	}
}

// certified is the certificate as it stands.
func (c *completeSuite) certified() reports.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.certificate
	out.Done = slices.Clone(c.done)
	out.Conclude()
	return out
}

// checkpoint tells the caller, now and then, of what is done.
func (r *run) checkpoint() {
	if r.options.Checkpoint == nil {
		return
	}
	r.checkpointing.Lock()
	defer r.checkpointing.Unlock()
	if time.Since(r.lastCheckpoint) < checkpointEvery {
		return
	}
	r.lastCheckpoint = time.Now()
	partial := *r.report
	partial.End = &reports.End{Interrupted: reports.ReasonGoesOn, Resumed: r.options.Resume != nil}
	partial.Certificates = nil
	for _, c := range r.machines {
		partial.Certificates = append(partial.Certificates, c.certified())
	}
	reports.Judge(&partial)
	r.options.Checkpoint(&partial)
}

const checkpointEvery = 5 * time.Second
