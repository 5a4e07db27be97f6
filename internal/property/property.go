// Package property offers conformance as a property for rapid.
package property

import (
	"context"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/probe"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// Property is the conformance of an opened and probed target: a drawn sequence of requests, each
// followed by the reads that tell states apart, shows no divergence at or above a level.
type Property struct {
	subject  *probe.Subject
	client   *session.Client
	generate *generators.Generator
	failOn   model.Level
	version  string
	last     *reports.Trace
}

// New opens and probes the target. version is put into traces. Errors are those of targets.Target.Open.
func New(ctx context.Context, target targets.Target, o probe.Options, failOn model.Level, version string) (*Property, error) {
	subject, err := probe.Open(ctx, target, o)
	if err != nil {
		return nil, err
	}
	return &Property{subject: subject, client: subject.NewClient(), generate: generators.New(subject.Scope),
		failOn: failOn, version: version}, nil
}

// Close releases the target.
func (p *Property) Close() error { return p.subject.Target.Close() }

// Last is the trace of the last case that failed, nil where none did.
func (p *Property) Last() *reports.Trace { return p.last }

// Check is the property. It fails from one place and with a message that names the divergence and
// nothing of chance, so that rapid can shrink it.
func (p *Property) Check(t *rapid.T) {
	requests := p.generate.Sequence(p.subject.Model).Draw(t, "requests")
	if signature := p.Play(context.Background(), requests); signature != "" {
		t.Fatalf("diverges: %s", signature)
	}
}

// Draw is the sequence of a seed.
func (p *Property) Draw(seed int) []model.Request {
	return p.generate.Sequence(p.subject.Model).Example(seed)
}

// Play plays a sequence and returns the signature of its first divergence that counts, empty for none.
func (p *Property) Play(ctx context.Context, requests []model.Request) string {
	s, err := p.client.New(ctx, session.Policy{Wait: true}, nil)
	if err != nil {
		return ""
	}
	defer s.Close(ctx)
	counts := func(f session.Found) bool { return f.Level >= p.failOn }
	for _, r := range requests {
		if !s.Play(ctx, r) || !s.Play(ctx, generators.Reads(s.State(), r, p.client.Scope)...) || slices.ContainsFunc(s.Found, counts) {
			break
		}
	}
	i := slices.IndexFunc(s.Found, counts)
	if i < 0 {
		return ""
	}
	d := diagnose.Suspect(s, s.Found[i].Finding)
	d.Steps, d.Again, d.Tries = s.Steps[:s.Found[i].At+1], 1, 1
	p.last = reports.NewTrace(&reports.Report{Version: p.version, Target: p.subject.Info}, d.Report(), false)
	return strings.ReplaceAll(d.Raw, "\n", " ")
}

// Requests counts what was sent to play cases.
func (p *Property) Requests() int { return p.client.Requests }
