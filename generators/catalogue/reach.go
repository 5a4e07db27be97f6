package catalogue

import (
	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// alike: trails whose names are like each other are still three, and what is only like a name finds none.
func (h *histories) alike() {
	for _, names := range generators.AlikeNames {
		one, two, three := names.Names[0], names.Names[1], names.Names[2]
		up := join(h.fresh(one), h.fresh(two), h.fresh(three), steps(put(one, setA), put(two, setB), put(three, setC)))
		for _, unknown := range names.Unknown {
			h.after(up, get(unknown), put(unknown, setC), remove(unknown))
		}
		h.after(join(up, steps(logging(two, model.ReadEvents), put(one, setA), stop(two), put(h.w.TrailARN(h.w.Home, two), 0))),
			remove(two))
	}
}

// filled: one more trail or store, be there room for it or not, changes nothing about the others.
func (h *histories) filled() {
	two := join(h.fresh(alpha), h.fresh(beta), steps(put(alpha, setA), put(beta, setB)))
	h.after(two, create(h.other))
	h.after(pair(storeOn), createStore(2, insight))
}

// updates: no UpdateTrail changes what is on for which categories, be the trail in one Region or in all.
func (h *histories) updates() {
	uneven := model.MakeSelectors(model.Data, model.Management|model.Data)
	for _, multi := range []bool{false, true} {
		up := h.made(with(create(alpha), "IsMultiRegionTrail", value.Boolean(multi)))
		h.after(join(up, steps(logging(alpha, allEvents), put(alpha, uneven))), generators.Updates(alpha)...)
	}
}

// lost: what is around a trail has no say in turning insights off; it is looked at in each Put, mended or not.
func (h *histories) lost() {
	if !h.scope.Can[model.CanCreate] {
		return
	}
	fragile := join(h.made(generators.CreateFragile(alpha, h.scope)), steps(put(alpha, setC)))
	for c := range lostConditions {
		lost := join(fragile, steps(generators.Arrange(alpha, c), put(alpha, setA)))
		h.after(join(lost, steps(generators.Mend(alpha))), get(alpha), put(alpha, setB))
		h.after(join(lost, steps(put(alpha, 0), generators.Mend(alpha))), get(alpha), put(alpha, setB))
	}
	denied := join(fragile, steps(generators.Arrange(alpha, 1)))
	h.after(join(denied, steps(with(generators.OnTrail(model.OpUpdate, alpha), "S3BucketName", value.Str(generators.SharedBucket)))), put(alpha, setB))
}

// lostConditions are those of bucket and key.
const lostConditions = 4

// forms: event selectors take the place of those of the other form.
func (h *histories) forms() {
	basic, advanced := logging, generators.Advanced
	for _, turn := range [][2]func(string, model.Logs) model.Request{{basic, advanced}, {advanced, basic}} {
		first, second := turn[0], turn[1]
		then := func(before, after model.Logs, lasts ...model.Request) {
			h.after(join(h.up, steps(first(alpha, before), second(alpha, after))), lasts...)
		}
		then(allEvents, model.ReadEvents, generators.GetEvents(alpha), put(alpha, setA), put(alpha, setData))
		then(allEvents, model.DataEvents, generators.GetEvents(alpha), put(alpha, setB))
		then(model.ReadEvents, allEvents, put(alpha, setD))
		h.after(join(h.up, steps(first(alpha, allEvents), put(alpha, setC))), second(alpha, model.ManagementEvents))
	}
}
