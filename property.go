package conform

import (
	"context"
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/naming"
)

// Property returns the conformance of an opened and probed target as a property for rapid.Check,
// rapid.MakeCheck and rapid.MakeFuzz: a drawn sequence of requests, each followed by the reads that
// tell states apart, shows no divergence at or above Options.FailOn. After a failure, Last has the
// trace of the case.
type Property struct {
	run      *run
	confirm  *confirmer
	generate *generators.Generator
	last     *reports.Trace
}

// NewProperty opens and probes the target; Close ends it.
func NewProperty(ctx context.Context, target targets.Target, options Options) (*Property, error) {
	target = naming.Wrap(target)
	if err := options.complete(); err != nil {
		return nil, err
	}
	info, err := target.Open(ctx)
	if err != nil {
		return nil, err
	}
	r := &run{options: options, target: target, shared: newShared()}
	r.opened(info)
	r.newReport()
	if err := r.prepare(ctx); err != nil {
		target.Close()
		return nil, err
	}
	c := r.newConfirmer()
	return &Property{run: r, confirm: c, generate: c.generate}, nil
}

// Close releases the target.
func (p *Property) Close() error { return p.run.target.Close() }

// Last is the trace of the last case that failed, nil where none did.
func (p *Property) Last() *reports.Trace { return p.last }

// Check is the property. It fails from one place and with a message that names the divergence and
// nothing of chance, so that rapid can shrink it.
func (p *Property) Check(t *rapid.T) {
	requests := p.generate.Sequence(p.run.world).Draw(t, "requests")
	signature := p.play(context.Background(), requests)
	if signature != "" {
		t.Fatalf("diverges: %s", signature)
	}
}

// play plays a sequence and returns the signature of its first divergence that counts.
func (p *Property) play(ctx context.Context, requests []model.Request) string {
	s, err := p.confirm.newSession(ctx)
	if err != nil {
		return ""
	}
	defer s.close(ctx)
	var found *model.Finding
	at := 0
	s.judged = func(f model.Finding) {
		if found == nil && f.Level >= p.run.options.FailOn {
			found, at = &f, len(s.steps)
		}
	}
	for _, r := range requests {
		if !p.confirm.play(ctx, s, r) || !p.confirm.verify(ctx, s, r) || found != nil {
			break
		}
	}
	if found == nil {
		return ""
	}
	d := p.run.divergence(&divergence{finding: *found, raw: found.Signature(), steps: s.steps[:at], count: 1, again: 1, tries: 1})
	p.last = reports.NewTrace(p.run.report, d, false)
	return strings.ReplaceAll(found.Signature(), "\n", " ")
}

// String names the target, for messages.
func (p *Property) String() string { return fmt.Sprintf("property of %s", p.run.info.Name) }
