package explore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/wire"
)

// Hypotheses are what a certificate rests on, in plain words. That the target is deterministic is
// also watched: a test in which it takes another allowed way than before is unstable.
func hypotheses(depth int) []string {
	extra := "the target has no more states than the machine"
	if depth > 0 {
		extra = fmt.Sprintf("the target has at most %s more than the machine", plain.Counted(depth, "state"))
	}
	return []string{
		"requests of one class are treated alike, each time",
		"a trail or store that was just made is like every other one that was just made",
		extra,
		"reads change nothing",
	}
}

// completeSuite executes the complete suite of one machine.
type completeSuite struct {
	exploration *Exploration
	machine     *machine.Machine
	suite       *machine.Suite
	certificate reports.Certificate

	todo     [][2]int // ranges of tests that are to be executed
	mu       sync.Mutex
	done     [][2]int
	suspects [][2]int // chunks in which something was found: done once that is in the report
	failed   int      // tests of those
}

// complete runs the suites of the machines in turn, and reports whether all of its share was executed.
func (x *Exploration) complete(ctx context.Context) bool {
	whole := true
	for _, name := range x.options.Machines {
		m := x.fitMachine(ctx, name)
		if m == nil {
			x.Notes = append(x.Notes, fmt.Sprintf("the machine %s is not covered: the target lacks what it is about", name))
			continue
		}
		c := &completeSuite{exploration: x, machine: m, suite: machine.NewSuite(m, x.options.Depth)}
		c.certificate = newCertificate(m, c.suite, x.options.Shard)
		from, to := x.options.Shard.Share(c.suite.Tests)
		c.todo = without(from, to, x.doneBefore(&c.certificate))
		x.machines = append(x.machines, c)
		whole = ctx.Err() == nil && c.execute(ctx) && whole
	}
	return whole
}

// newCertificate describes a suite of which nothing is executed.
func newCertificate(m *machine.Machine, suite *machine.Suite, shard reports.Shard) reports.Certificate {
	writes, reads := suite.Cost()
	c := reports.Certificate{
		Machine: m.Name, Abstraction: m.Abstraction, Fingerprint: m.Fingerprint(), States: len(m.States), Transitions: m.Transitions(),
		Depth: suite.Depth, Tests: suite.Tests, Requests: writes + reads, Shard: shard.String(), Hypotheses: hypotheses(suite.Depth),
	}
	for _, input := range m.Inputs {
		c.Inputs = append(c.Inputs, input.Name)
	}
	c.Reads = plain.Texts(m.Separating, func(r model.Request) string { return string(r.Op) })
	slices.Sort(c.Reads)
	c.Reads = slices.Compact(c.Reads)
	return c
}

// doneBefore lists the tests of a suite that an earlier, partial run has done.
func (x *Exploration) doneBefore(c *reports.Certificate) [][2]int {
	if x.options.Resume == nil {
		return nil
	}
	all := x.options.Resume.Certificates
	i := slices.IndexFunc(all, func(o reports.Certificate) bool { return o.Machine == c.Machine && o.Shard == c.Shard })
	switch {
	case i < 0:
		return nil
	case all[i].Same(c):
		return all[i].Done
	}
	x.Notes = append(x.Notes, fmt.Sprintf("the machine %s begins anew: the earlier report is of another machine or depth", c.Machine))
	return nil
}

// without takes ranges, which are in order, out of another one.
func without(from, to int, done [][2]int) (left [][2]int) {
	for _, d := range append(slices.Clone(done), [2]int{to, to}) {
		if d[1] >= from && d[0] <= to {
			if d[0] > from {
				left = append(left, [2]int{from, d[0]})
			}
			from = max(from, d[1])
		}
	}
	return left
}

// dealt lists the chunks that worker i of n has of the tests that are left: the same ones in each run.
func (c *completeSuite) dealt(i, n int) (mine [][2]int) {
	chunk, size := 0, chunkSize
	if c.suite.Joined() {
		size = chunkSize / 8
	}
	for _, part := range c.todo {
		for from := part[0]; from < part[1]; from += size {
			if chunk%n == i {
				mine = append(mine, [2]int{from, min(from+size, part[1])})
			}
			chunk++
		}
	}
	return mine
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
	ctx = targets.Bare.On(ctx)
	return c.exploration.each(func(i int, w *Worker) bool {
		var test machine.Test
		whole := true
		for _, chunk := range c.dealt(i, len(c.exploration.Workers)) {
			if w.Client.Spent(ctx) {
				return false
			}
			from, to := chunk[0], chunk[1]
			var came [testCut + 1]int // by result
			for n := from; n < to && came[testUnanswered]+came[testCut] == 0; n++ {
				c.suite.Test(n, &test)
				result := c.test(ctx, w, &test)
				for tries := 1; result == testUnanswered && tries < maxTests; tries++ {
					result = c.test(ctx, w, &test)
				}
				came[result]++
			}
			switch {
			case came[testCut] > 0:
				return false
			case came[testUnanswered] > 0:
				whole = false // which says nothing, so that the chunk is not done
			default:
				c.finished(from, to, came[testFailed], came[testUnstable])
				c.exploration.checkpoint()
			}
		}
		return whole
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

// test executes one test on a fresh world. One that joins many words goes on behind what it finds, on another fresh world.
func (c *completeSuite) test(ctx context.Context, w *Worker, t *machine.Test) testResult {
	worst, from := testPassed, 0
	for {
		result, at := c.from(ctx, w, t, from)
		switch {
		case result == testPassed:
			return worst
		case result >= testUnanswered || !t.Joined:
			return result
		case worst != testFailed:
			worst = result
		}
		if from = max(at, from+1); from >= len(t.Inputs) {
			return worst
		}
	}
}

// from executes a test from one of its inputs on, and says how many were sent at the end.
func (c *completeSuite) from(ctx context.Context, w *Worker, t *machine.Test, from int) (result testResult, sent int) {
	v, ok := w.visit(ctx)
	if !ok {
		return testCut, from
	}
	defer v.session.Close(ctx)
	v.quiet = !slices.Contains(t.Reads, machine.ReadEverything)
	state := 0
	for _, input := range t.Inputs[:from] {
		state = c.machine.Next(state, input)
	}
	result = send(ctx, w.Client, v.session, wayTo(c.machine, c.machine.States[state])...)
	for i := from; ; i++ {
		if what := t.Reads[i]; result == testPassed && what != machine.ReadNothing {
			result = c.read(ctx, w.Client, v.session, state, what)
		}
		if result != testPassed || i == len(t.Inputs) {
			return result, i
		}
		input := t.Inputs[i]
		result = send(ctx, w.Client, v.session, c.machine.Inputs[input].Request)
		state = c.machine.Next(state, input)
	}
}

// send sends requests of which anything but an allowed answer fails the test.
func send(ctx context.Context, client *session.Client, s *session.Session, requests ...model.Request) testResult {
	for _, r := range requests {
		if client.Spent(ctx) {
			return testCut
		}
		if s.Hangs(r) {
			return testUnanswered
		}
		before := len(s.Steps)
		s.Do(ctx, r)
		if len(s.Steps) == before {
			return testCut // throttled for too long, or interrupted
		}
		reply := s.Steps[before].Reply
		client.Heard(ctx, reply.Answer.Definite(), reply.Problem)
		switch {
		case !reply.Answer.Definite(), wire.Full(reply.Answer.Code):
			return testUnanswered
		case len(s.Found) > 0:
			return testFailed
		}
	}
	return testPassed
}

// read sends reads and compares what they leave possible with the state that the machine is in.
func (c *completeSuite) read(ctx context.Context, client *session.Client, s *session.Session, state int, what uint8) testResult {
	reads := c.machine.Separating
	if what == machine.ReadEverything {
		reads = c.machine.Reads
	}
	for _, r := range reads {
		if result := send(ctx, client, s, r); result != testPassed {
			return result
		}
		if r.Op != model.OpGetEvents {
			continue
		}
		if claimed := c.machine.Logs(state, r); claimed != 0 && claimed != s.Last().Reply.Answer.Logs {
			return testUnstable
		}
	}
	for _, possible := range append(s.Others(), s.State()) {
		if at, ok := c.machine.StateOf(possible); ok && at == state {
			return testPassed
		}
	}
	return testUnstable
}

// Certificates says what the complete suites have executed so far, and guarantee. reported says that what
// they found is in the report, so that failed tests are done.
func (x *Exploration) Certificates(reported bool) (out []reports.Certificate) {
	for _, c := range x.machines {
		c.mu.Lock()
		if reported {
			c.done, c.suspects, c.certificate.Failed = reports.JoinRanges(append(c.done, c.suspects...)), nil, c.failed
		}
		certificate := c.certificate
		certificate.RanOut = x.Subject.Status.RanOut()
		certificate.Done = slices.Clone(c.done)
		c.mu.Unlock()
		certificate.Conclude()
		out = append(out, certificate)
	}
	return out
}

// checkpoint tells the caller, now and then, that more is done.
func (x *Exploration) checkpoint() {
	x.checkpointing.Lock()
	defer x.checkpointing.Unlock()
	if x.options.Checkpoint != nil && time.Since(x.lastCheckpoint) >= checkpointEvery {
		x.lastCheckpoint = time.Now()
		x.options.Checkpoint(x.Partial())
	}
}

// fitMachine makes the machine of a name as the target is: where the model allows several ways and the
// target does not take the reference's, it is tried from every state.
func (x *Exploration) fitMachine(ctx context.Context, name string) *machine.Machine {
	client := x.Subject.NewClient()
	defer func() { x.Fitting += client.Requests }()
	options := machine.Options{DefaultEvents: showsDefaultEvents(ctx, client)}
	m := machine.New(name, x.Subject.Model, x.Subject.Scope, options)
	if m == nil || followsReference(ctx, client, m) {
		return m
	}
	before := client.Requests
	options.Choice = func(m *machine.Machine, from machine.State, input uint8) (model.State, bool) {
		return wayOf(ctx, client, m, from, input)
	}
	fitted := machine.New(name, x.Subject.Model, x.Subject.Scope, options)
	x.Notes = append(x.Notes, fmt.Sprintf("the machine %s was fitted to what the target does where several ways are allowed: %s instead of %d, with %d requests",
		name, plain.Counted(len(fitted.States), "state"), len(m.States), client.Requests-before))
	return fitted
}

// wayOf finds out where the target goes from a state by an input.
func wayOf(ctx context.Context, client *session.Client, m *machine.Machine, from machine.State, input uint8) (model.State, bool) {
	s, err := client.New(ctx, session.Policy{Wait: true}, nil)
	if err != nil {
		return model.State{}, false
	}
	defer s.Close(ctx)
	if send(ctx, client, s, wayTo(m, from)...) != testPassed {
		return model.State{}, false
	}
	s.Assume(from.State) // it was found out before which of the possible states this is
	result := send(ctx, client, s, append([]model.Request{m.Inputs[input].Request}, m.Reads...)...)
	return s.State(), result == testPassed
}

// wayTo leads from a fresh world to a state.
func wayTo(m *machine.Machine, to machine.State) []model.Request {
	requests := slices.Clone(m.Setup)
	for _, i := range to.Access {
		requests = append(requests, m.Inputs[i].Request)
	}
	return requests
}

// followsReference tries, of each kind of choice that the model leaves, the first transition.
func followsReference(ctx context.Context, client *session.Client, m *machine.Machine) bool {
	seen := map[string]bool{}
	for from := range m.States {
		for input := range m.Inputs {
			kind, several := m.ChoiceKind(from, uint8(input))
			if !several || seen[kind] {
				continue
			}
			seen[kind] = true
			next, ok := wayOf(ctx, client, m, m.States[from], uint8(input))
			if at, known := m.StateOf(next); ok && (!known || at != m.Next(from, uint8(input))) {
				return false
			}
		}
	}
	return true
}

// showsDefaultEvents asks whether a new trail shows the event selectors that log all management events.
func showsDefaultEvents(ctx context.Context, client *session.Client) bool {
	if !client.Can(model.CanGetEvents) || !client.Can(model.CanPutEvents) {
		return false
	}
	s, err := client.New(ctx, session.Policy{Wait: true}, nil)
	if err != nil {
		return false
	}
	defer s.Close(ctx)
	read := generators.GetEvents(generators.NameAlpha)
	shown := [2]model.Logs{}
	for i, before := range [][]model.Request{generators.NewTrail(client.Scope), {generators.PutEvents(generators.NameAlpha, generators.EventClasses()[model.ManagementEvents])}} {
		if send(ctx, client, s, append(before, read)...) != testPassed {
			return false
		}
		shown[i] = s.Last().Reply.Answer.Logs
	}
	return shown[0] != 0 && shown[0] == shown[1]
}

// rate counts the requests that one world gets answered in a second.
func rate(ctx context.Context, subject *probe.Subject) float64 {
	client := subject.NewClient()
	s, err := client.New(ctx, session.Policy{Wait: true}, nil)
	if err != nil {
		return 0
	}
	defer s.Close(ctx)
	send(ctx, client, s, generators.NewTrail(subject.Scope)...)
	before, started := client.Requests, time.Now()
	for i := 0; i < 64 && s.Alive(ctx) && time.Since(started) < 2*time.Second; i++ {
		s.Do(ctx, generators.Put(generators.NameAlpha, generators.AllSelectors()[i%2]))
		s.Do(ctx, generators.Get(generators.NameAlpha))
	}
	return float64(client.Requests-before) / time.Since(started).Seconds()
}
