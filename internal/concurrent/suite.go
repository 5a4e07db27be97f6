package concurrent

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
)

// Divergence is a rule that the target was seen to break while several clients used it.
type Divergence struct {
	Finding
	Program  *generators.Program
	History  *History // that shows it
	Again    int      // plays of Program that showed it
	Tries    int      // plays of Program
	Count    int      // histories of the suite that showed it
	Shorter  bool     // Program was reduced: it still shows it
	Also     []string // the signatures of what a smaller program showed as this one
	seed     uint64   // with which Program was played when it showed
	schedule uint64   // of the target under which History was recorded
	file     string   // that has the history of the first play
	cause    string   // the signature of what a smaller program shows instead
}

// Signature identifies the divergence.
func (d *Divergence) Signature() string { return signature(&d.Finding) }

// signature is that of a finding: which of the answers comes in a race is chance, but not what kind of call shows it.
func signature(f *Finding) string {
	kind := "trail"
	switch {
	case f.Rule == model.ConcurrentNoCrash:
		return string(f.Rule) + "|overlapping calls"
	case f.Resource == generators.Stores:
		kind = "store"
	}
	return fmt.Sprintf("%s|%s|%s", f.Rule, f.At.Request.Op, kind)
}

// Options bound the suite.
type Options struct {
	Seed    uint64
	Clients int // 0 is DefaultClients
	// Time is after how long no more programs begin; 0 is no bound. Where the target has a schedule it bounds nothing: a run
	// that its seed repeats does not end where a machine is slow.
	Time time.Duration
	// Beside says that other suites look for what one client sees, too, and that the client's quota is not exceeded.
	Beside bool
	// Confirm sends what confirms and reduces; nil is the client that plays the programs.
	Confirm *session.Client
	// ShrinkRequests may be spent on confirming and reducing each divergence.
	ShrinkRequests int
	Note           func(string)
	// Keep keeps a history before it is judged, with a nil verdict, and again where that shows something; it returns the
	// file. May be nil.
	Keep func(h *History, shows *Verdict) (file string)
}

// The bounds of the suite.
const (
	DefaultClients = 4
	MaxClients     = 16

	Requests = 3000 // that the suite sends where nothing else bounds it
	maxPlays = 10   // of a program, to say how often it shows a divergence
	maxFound = 12   // divergences of one suite
	// Orders in which the calls that show a divergence are played one by one, in the end and when it is seen.
	maxOrdersAlone, leastOrdersAlone = 24, 8

	maxIdle = 20 // programs in a row of which nothing can be sent
	maxHung = 3  // histories of one suite in which a call got no answer

	mostReducing = 10 * time.Second // of all that is found
)

// Alone is what Status.Hides knows a rule to be hidden behind that one client was seen to contradict, too.
const Alone = "one client"

// Run plays programs until the client's quota is used, and returns what they have shown.
func Run(ctx context.Context, client *session.Client, o Options) (found []*Divergence, failure error) {
	s := &suite{client: client, options: o, known: map[string]*Divergence{}, judged: map[model.ID]bool{}, avoided: lessons{},
		fickle: map[model.Op]bool{}, strikes: map[string]int{}}
	defer func() { s.waiting.close() }()
	s.programs = generators.Programs(cmp.Or(o.Clients, DefaultClients), client.Scope, s.avoided.has)
	// Programs in a row of which nothing could be sent.
	idle, end := 0, time.Now().Add(cmp.Or(o.Time, math.MaxInt64/4))
	enough := func() bool {
		late := s.free && !time.Now().Before(end)
		return len(s.known) >= maxFound || s.hung >= maxHung || idle >= maxIdle || late
	}
	for i := uint64(0); !client.Spent(ctx) && !enough(); i++ {
		before, seed := client.Requests, o.Seed+i*0x9e3779b97f4a7c15
		p := s.programs.Example(int(seed & math.MaxInt32))
		if o.Beside && before+mostSent(p) > client.Quota {
			break
		}
		if failure = s.round(ctx, p, seed); failure != nil {
			break
		}
		if idle++; client.Requests > before {
			idle = 0
		}
	}
	note := o.Note
	if note == nil {
		note = func(string) {}
	}
	if s.undecided > 0 {
		note(fmt.Sprintf("%d histories were too long to be searched for an order of their calls in time", s.undecided))
	}
	found = s.confirmed(ctx, note)
	for _, signature := range s.hidden() {
		rule, _, _ := strings.Cut(signature, "|")
		s.hide(model.ID(rule))
	}
	for id := range s.judged {
		client.Status.Exercise(id)
	}
	if len(s.avoided) > 0 {
		note("several clients did not send what one client was answered wrongly: " + s.avoided.String())
	}
	if s.other > 0 && !o.Beside {
		note(fmt.Sprintf("%s that several clients saw show with one client too, and are left to the other suites",
			plain.Counted(s.other, "divergence")))
	}
	return found, failure
}

// confirmed tries again and reduces what was seen, and returns it without what one client sees too: a rule that shows only
// so is not judged, since what several clients would have shown hides behind it.
func (s *suite) confirmed(ctx context.Context, note func(string)) (found []*Divergence) {
	s.client, s.until = cmp.Or(s.options.Confirm, s.client), time.Now().Add(mostReducing)
	quota := s.client.Quota
	s.client.Quota = math.MaxInt // what confirms and reduces has a bound of its own
	defer func() { s.client.Quota = quota }()
	for _, key := range slices.Sorted(maps.Keys(s.known)) {
		d := s.known[key]
		hung := d.hangs()
		if s.reduce(ctx, d); hung {
			s.settle(ctx, d)
		}
		alone := s.fickle[d.At.Request.Op] || s.alone(ctx, d, maxOrdersAlone) != nil
		// What shows now and then with one client may have done so here, of all places.
		flaky := s.options.Beside && d.Again == 0 && !s.stuck(d) && s.client.Status.Suspicions.Load() > 0
		slow := d.Rule == model.ConcurrentNoCrash && d.Again == 0 && !s.stuck(d) // or the connection was lost
		switch {
		case slow && !alone:
			if !s.options.Beside {
				note("an answer to one of several clients that did not come, but came when the same was called again, is no divergence")
			}
		case alone, flaky:
			s.hide(d.Rule)
		default:
			found = append(found, d)
		}
	}
	return slices.DeleteFunc(found, func(d *Divergence) bool {
		i := slices.IndexFunc(found, func(o *Divergence) bool { return o.Signature() == d.cause })
		if i >= 0 {
			found[i].Also = append(found[i].Also, d.Signature())
		}
		return i >= 0
	})
}

// hide leaves a rule out that one client contradicts too.
func (s *suite) hide(rule model.ID) {
	s.other++
	delete(s.judged, rule)
	s.client.Status.Hide(Alone, rule)
}

type suite struct {
	client    *session.Client
	options   Options
	programs  *rapid.Generator[*generators.Program]
	known     map[string]*Divergence
	judged    map[model.ID]bool
	until     time.Time // when reducing ends
	hung      int       // histories with a call that got no answer
	waiting   *waiting  // for such an answer, as long as a target may take
	free      bool      // the target has no schedule: chance has its calls overlap
	undecided int
	beside    int               // requests that were not of the quota
	other     int               // divergences that one client sees too
	avoided   lessons           // of what one client was answered wrongly
	fickle    map[model.Op]bool // answered wrongly by chance
	strikes   map[string]int    // by signature: histories that one client showed too, and that taught nothing new
}

// round plays one program, and keeps what it shows.
func (s *suite) round(ctx context.Context, p *generators.Program, seed uint64) error {
	h, err := play(ctx, s.client, p, seed, leastPatience, s.avoided)
	if err != nil {
		return err
	}
	s.free = h.Schedule == 0
	keep := s.options.Keep
	if keep == nil {
		keep = func(*History, *Verdict) string { return "" }
	}
	keep(h, nil)
	verdict := h.Judge()
	file := ""
	if len(verdict.Found) > 0 {
		file = keep(h, &verdict)
	}
	s.undecided += len(verdict.Unknown)
	if s.hung += flag(h.hung); h.hung && s.waiting == nil {
		s.waiting = s.waitFor(ctx, p, seed)
	}
	if len(h.Round) == 0 {
		back := s.besideQuota()
		s.learn(ctx, h)
		back()
	}
	for i := range verdict.Found {
		f := &verdict.Found[i]
		d, known := s.known[signature(f)]
		if known {
			d.Count++
		}
		if s.strikes[signature(f)] >= maxStrikes || known && p.Calls() >= d.Program.Calls() {
			continue
		}
		next := &Divergence{Finding: *f, Program: p, History: h, Count: 1, seed: seed, schedule: h.Schedule, file: file}
		if !s.ofSeveral(ctx, next) {
			return nil // what else it shows may come of the same
		}
		if known {
			next.Count = d.Count
		}
		s.known[signature(f)] = next
	}
	for _, id := range verdict.Judged {
		s.judged[id] = true
	}
	return nil
}

// maxStrikes is how many histories with a divergence are played one by one that one client shows too, of which nothing is
// learned.
const maxStrikes = 3

// hidden lists the signatures that one client shows too, whatever is avoided.
func (s *suite) hidden() (signatures []string) {
	for signature, n := range s.strikes {
		if s.known[signature] == nil && n >= maxStrikes {
			signatures = append(signatures, signature)
		}
	}
	return signatures
}
