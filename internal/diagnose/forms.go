package diagnose

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
)

// Resolve tries suspicions again on fresh worlds, shrinks what repeats, decides on its shortest case
// which rule it belongs to, and merges what is the same divergence. The suspicions come sorted. Of what a target shows
// because it refuses a form of request only the plainest is tried again: the rest is listed under it.
func (p *Player) Resolve(ctx context.Context, suspected []*Divergence, o Options) []*Divergence {
	rest, symptoms := p.causesOfForms(suspected)
	found := p.resolve(ctx, rest, o)
	for _, form := range slices.Sorted(maps.Keys(symptoms)) {
		hidden := symptoms[form]
		i := slices.IndexFunc(found, func(d *Divergence) bool { return d.form == form && p.ownForm(ctx, d) })
		if i < 0 && len(hidden) > 0 { // they have another cause, or the run is over
			found = merged(append(found, p.resolve(ctx, hidden, o)...))
		} else if i >= 0 {
			found[i].belongsTo(form)
			for _, s := range hidden {
				if symptom := *s; s.plainness() < notPlain && form != model.StoreEnables { // what experiments would find
					symptom.belongsTo(form)
					found[i].explains(&symptom)
				} else {
					found[i].explains(s)
				}
			}
		}
	}
	return oncePerCause(found)
}

// causesOfForms takes out of the suspicions what a target shows because it refuses a form of request, but for the
// plainest, by the rule that promises the form.
func (p *Player) causesOfForms(suspected []*Divergence) (rest []*Divergence, _ map[model.ID][]*Divergence) {
	causes, symptoms := map[model.ID]*Divergence{}, map[model.ID][]*Divergence{}
	for _, d := range suspected {
		form := p.Client.Status.RefusedForm(*d.lastStep())
		if form != "" && d.plainness() < notPlain && (causes[form] == nil || d.plainerThan(causes[form])) {
			causes[form], symptoms[form] = d, nil
		}
	}
	for _, d := range suspected {
		form := p.Client.Status.RefusedForm(*d.lastStep())
		switch causes[form] {
		case nil:
			rest = append(rest, d)
		case d:
			cause := *d
			cause.form, cause.As = form, slices.Concat(d.As, session.Forms(d.lastStep().Request))
			rest = append(rest, &cause)
		default:
			symptoms[form] = append(symptoms[form], d)
		}
	}
	return rest, symptoms
}

// sameOtherwise change requests to another form that must mean the same, by the rule that promises it.
var sameOtherwise = map[model.ID][]func(model.Request) model.Request{
	model.StoreARNOrSuffix: {storesByARN, storesBySuffix},
	model.TrailNameOrARN:   {trailsByName, trailsByARN},
	model.WireProtocol:     {byShortPrefix},
}

// ownForm reports whether a divergence belongs to the form of its request, and does not show by the other one.
func (p *Player) ownForm(ctx context.Context, d *Divergence) bool {
	requests, others := session.Requests(d.Steps), sameOtherwise[d.form]
	works := func(other func(model.Request) model.Request) bool {
		changed := each(other)(requests)
		return generators.Key(changed...) != generators.Key(requests...) && p.watchEnd(ctx, changed, d) == nil
	}
	return d.form != "" && d.Again > 0 && (others == nil || slices.ContainsFunc(others, works))
}

func (d *Divergence) lastStep() *session.Step { return &d.Steps[len(d.Steps)-1] }

// notPlain is the plainness of what shows only that a request was not refused as it should have been.
const notPlain = 4

// plainness orders what is due for the requests of a form: a Put that is to succeed first.
func (d *Divergence) plainness() int {
	last := d.lastStep()
	due, get := model.Step(last.Before, last.Request)[0].Answer, last.Request.Op == model.OpGet
	switch {
	case d.Finding.Rule.Family() == "wire" && d.Finding.Rule != model.WireNoCrash:
		return notPlain
	case due.Outcome == model.Succeeded && !get:
		return 0
	case due.Outcome == model.Succeeded:
		return 1
	case get && len(model.Broken(last.Before, last.Request)) == 0:
		return 2
	}
	return notPlain
}

func (d *Divergence) plainerThan(o *Divergence) bool {
	forms := func(d *Divergence) int { return len(session.Forms(d.lastStep().Request)) }
	return cmp.Or(d.plainness()-o.plainness(), forms(d)-forms(o), len(d.Steps)-len(o.Steps),
		strings.Compare(d.Key(), o.Key())) < 0
}

// belongsTo gives a divergence to the rule that promises a form of request. A crash has a rule of its own.
func (d *Divergence) belongsTo(form model.ID) {
	f := &d.Finding
	if f.Rule == model.WireNoCrash {
		return
	}
	f.Rule, f.Level, f.Member = form, model.RuleOf(form).Level, ""
	if form == model.WireProtocol { // one prefix that does not work is one divergence
		f.Operation, f.Expected = "", []string{"the answer that the other prefix gets"}
	}
}

// explains lists a symptom under its cause.
func (d *Divergence) explains(s *Divergence) {
	if signature := s.Finding.Signature(); signature != d.Finding.Signature() && !slices.Contains(d.Also, signature) {
		d.Also = append(d.Also, signature)
	}
	d.As = slices.Concat(d.As, s.As, session.Forms(s.lastStep().Request))
}

// oncePerCause lists what two divergences show that cannot but come from one fault under one of them: the second prefix
// is answered otherwise in several ways; a Get which should be refused answers what is stored, or that nothing is.
func oncePerCause(found []*Divergence) []*Divergence {
	all := slices.Clone(found)
	return slices.DeleteFunc(found, func(d *Divergence) bool {
		cause := slices.IndexFunc(all, func(o *Divergence) bool {
			same := o.Again > 0 && o.Finding.Rule == d.Finding.Rule && o.Finding.Operation == d.Finding.Operation
			carried := d.Finding.Operation == model.OpGet && d.Finding.Actual == notEnabled && o.Finding.Actual == carriedOut
			return same && (carried || d.Finding.Rule == model.WireProtocol)
		})
		if cause < 0 || all[cause] == d {
			return false
		}
		all[cause].explains(d)
		return true
	})
}

const (
	notEnabled = "InsightNotEnabledException"
	carriedOut = "success"
)
