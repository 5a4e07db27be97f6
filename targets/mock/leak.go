package mock

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

// Without Reset, what one case leaves behind would be taken for a fault in the next. So what reads of a trail answer
// before a case first changes it is compared with what they answer once the case has been cleaned up.

// seen is what the reads of a trail answer.
type seen map[model.Op]model.Answer

var looks = map[model.Op]string{model.OpGet: "TrailName", model.OpTrail: "Name", model.OpStatus: "Name", model.OpGetEvents: "TrailName"}

// look asks all reads twice: what differs from time to time says nothing.
func (w *world) look(ctx context.Context, name string) seen {
	out := seen{}
	for _, op := range model.Ops {
		member := looks[op]
		if member == "" || w.target.calls[op] == nil {
			continue
		}
		input := value.Obj(member, name).AppendJSON(nil)
		a, b := w.call(ctx, op, input).Answer, w.call(ctx, op, input).Answer
		if a.HasInsights == model.No && a == b { // which may be absent as well
			a.HasInsights, b.HasInsights = 0, 0
		}
		if a == b && a.Definite() {
			out[op] = a
		}
	}
	return out
}

// before looks at a trail before a case first changes it.
func (w *world) before(ctx context.Context, r model.Request) {
	name := resourceOf(r)
	known := r.Op == model.OpCreate && model.ValidTrailName(name) || slices.Contains(w.target.options.Trails, name)
	if w.target.options.Reset != nil || r.Op.Reads() || !known {
		return
	}
	if w.target.first[name] == nil {
		w.target.first[name] = w.look(ctx, name)
	}
	w.changes[name] = true
}

// after notes the first thing that is still there after the clean-up.
func (w *world) after(ctx context.Context) {
	clean := "an empty Put"
	if w.target.calls[model.OpDelete] != nil {
		clean = string(model.OpDelete)
	}
	for _, name := range slices.Sorted(maps.Keys(w.changes)) {
		now := w.look(ctx, name)
		for _, op := range model.Ops {
			a, before := w.target.first[name][op]
			b, after := now[op]
			if before && after && a != b && w.target.leak == nil && ctx.Err() == nil {
				w.target.leak = targets.Class(targets.ErrInconclusive)("give MockOptions.Reset: what one case leaves behind is there in the "+
					"next, for %s of %s answers %s after its clean-up by %s, and %s before it", op, name, shown(b), clean, shown(a))
			}
		}
	}
}

// shown is an answer as far as two can differ.
func shown(a model.Answer) string {
	switch {
	case a.Outcome != model.Succeeded:
		return a.Kind()
	case a.Selectors.On():
		return a.Selectors.String()
	case a.HasInsights != 0:
		return fmt.Sprint("HasInsightSelectors ", a.HasInsights == model.Yes)
	case a.Logging != 0:
		return fmt.Sprint("IsLogging ", a.Logging == model.Yes)
	}
	return "success, with other contents"
}
