package text

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// updateLine renders the update in at most width characters, 0 for any number; what matters least is left out.
func updateLine(u reports.Update, width int) string {
	parts := []string{u.Phase, sentOf(u), plain.Grouped(int(u.Rate+0.5)) + "/s",
		plain.When(u.RulesApplicable > 0, fmt.Sprintf("%d of %d rules", u.RulesExercised, u.RulesApplicable)),
		plain.When(u.Divergences > 0, plain.Counted(u.Divergences, "divergence")+" from "+plain.Counted(u.RulesViolated, "rule")),
		plain.When(u.Suspicions > 0, plain.Counted(u.Suspicions, "suspicion")),
		plain.When(u.Left >= time.Second, u.Left.Round(time.Second).String()+" left")}
	text := ""
	for _, least := range []int{-1, 0, 6, 1, 5} {
		if least >= 0 {
			parts[least] = ""
		}
		kept := slices.DeleteFunc(slices.Clone(parts), func(part string) bool { return part == "" })
		text = plain.Visible(strings.Join(kept, " · "))
		if width <= 0 || plain.Length(text) <= width {
			break
		}
	}
	return plain.Shorten(text, width)
}

// sentOf says how many requests were sent, and of how many in all where that is known.
func sentOf(u reports.Update) string {
	if u.Planned > 0 {
		return plain.Grouped(u.Requests) + " of about " + plain.Counted(u.Planned, "request")
	}
	return plain.Counted(u.Requests, "request")
}

// Progress shows updates on standard error: one line that is redrawn on a terminal, a line now and
// then elsewhere. A run that is over soon shows nothing. Its methods may be called side by side.
type Progress struct {
	mu      sync.Mutex
	w       io.Writer
	live    bool
	width   int
	now     func() time.Time
	started time.Time
	last    time.Time
	drawn   bool
	closed  bool
}

// How often progress is shown.
const (
	quietFor   = 2 * time.Second
	liveEvery  = 100 * time.Millisecond
	plainEvery = 5 * time.Second
)

// NewProgress returns a Progress; live says that w is a terminal, of the given width where that is known.
func NewProgress(w io.Writer, live bool, width int) *Progress {
	return &Progress{w: w, live: live, width: width, now: time.Now, started: time.Now()}
}

// Show shows an update, unless it comes too soon after the one before.
func (p *Progress) Show(u reports.Update) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	every := plainEvery
	if p.live {
		every = liveEvery
	}
	if p.closed || now.Sub(p.started) < quietFor || !p.last.IsZero() && now.Sub(p.last) < every {
		return
	}
	p.last = now
	if !p.live {
		fmt.Fprintf(p.w, "conform: %s\n", updateLine(u, 0))
		return
	}
	// A full last column makes some terminals wrap.
	fmt.Fprintf(p.w, "\r\x1b[K%s", updateLine(u, max(p.width-1, 0)))
	p.drawn = true
}

// Say prints a line of its own, above the live one; nothing after Close.
func (p *Progress) Say(message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.erase()
	fmt.Fprintf(p.w, "%s\n", plain.FoldLines(string(plain.WithoutCommands([]byte(plain.Visible(message)))), p.width))
}

// lastSteps is how many steps a line has of a case that is not yet made shorter.
const lastSteps = 4

// Found says that a divergence is confirmed.
func (p *Progress) Found(d *reports.Divergence) {
	remark := plain.When(d.Known, ", known to the baseline")
	if !d.Known && !d.Fails {
		remark = ", " + d.Level.String() + ", which does not fail the run"
	}
	steps, before := d.Steps, ""
	if n := len(steps) - lastSteps; n > 0 { // of a case that is not yet short
		steps, before = steps[n:], "after "+plain.Counted(n, "step")+", "
	}
	p.Say("conform: found " + string(d.Rule) + " (" + describe.Cause(*d) + remark + "): " + before + describe.Steps(steps))
}

// Close erases the live line. Nothing is shown afterwards.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	p.closed = true
}

func (p *Progress) erase() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}
