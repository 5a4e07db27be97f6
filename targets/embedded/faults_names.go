package embedded

import (
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// matches tells whether a server takes the name of a trail that it has for the one that a request gives.
type matches = func(stored, given string) bool

// lookup is a server whose Put and Get find the first trail of a Region that matches.
func lookup(same matches) start {
	return forgetful(func(c *call) {
		key, given := namedKey(c.state, c.request), givenTrail(c.request)
		names := given == key.name || given == c.state.World.TrailARN(key.region, key.name)
		if !names || !readsMembers(c.request) || !model.ValidTrailName(key.name) {
			return
		}
		found := func(t model.Trail) bool { return t.Home == key.region && same(t.Name, key.name) }
		if i := slices.IndexFunc(c.state.Trails, found); i >= 0 && c.state.Trails[i].Name != key.name {
			c.redirect(key, c.state.Trails[i].Name)
		}
	})
}

// redirect carries the call out on another trail, which the answer does not say.
func (c *call) redirect(from trailKey, to string) {
	r := c.request
	r.Input = r.Input.With("TrailName", value.Str(to))
	if c.answer, c.next = c.reference(c.state, r); c.answer.TrailARN != "" {
		c.answer.TrailARN = c.state.World.TrailARN(from.region, from.name)
	}
}

// likewise does something to the other trails of the Region whose names match that of the trail of the call.
func likewise(same matches, do func(c *call, other model.Trail)) change {
	return func(c *call) {
		t := c.oldTrail()
		for _, other := range c.state.Trails {
			if other.Home == t.Home && other.Name != t.Name && same(other.Name, t.Name) {
				do(c, other)
			}
		}
	}
}

// separatorsApart are names that differ in their separators alone.
func separatorsApart(stored, given string) bool {
	without := strings.NewReplacer(".", "", "_", "", "-", "").Replace
	return without(stored) == without(given)
}

func beginsWithDigit(c *call) bool {
	name := namedKey(c.state, c.request).name
	return c.request.Input.Get("TrailName").Kind() == value.String && name != "" && name[0] >= '0' && name[0] <= '9'
}

// nameFaults are about names that are like each other, or begin with a digit.
func nameFaults() []Fault {
	// What is broken where one trail is taken for another.
	mixedUp := []model.ID{model.StateIsolated, model.TrailNotFound, model.TrailDeleteForgets, model.PutStores, model.GetReflectsPut,
		model.TrailHasInsights}
	return []Fault{
		{Name: "names-match-by-beginning", Rule: model.TrailNotFound, AlsoRules: mixedUp,
			Describe: "Put and Get find a trail by the beginning of its name, where there is none of that name.",
			start: func() func() hooks {
				begin := lookup(strings.HasPrefix)()
				return func() hooks {
					return hooks{step: where(func(c *call) bool { return c.trail() < 0 }, begin().step)}
				}
			}},
		{Name: "names-match-by-end", Rule: model.TrailNotFound, AlsoRules: mixedUp,
			Describe: "Put and Get find a trail by the end of its name.",
			start:    lookup(strings.HasSuffix)},
		{Name: "separators-are-alike", Rule: model.StateIsolated, AlsoRules: mixedUp,
			Describe: "To Put and Get, dots, dashes and underscores in names do not matter.",
			start:    lookup(separatorsApart)},
		{Name: "put-spreads-over-separators", Rule: model.StateIsolated,
			Describe: "A Put on a trail sets those whose names differ in dots, dashes and underscores alone, too.",
			start: onPut(likewise(separatorsApart, func(c *call, other model.Trail) {
				c.putOn(indexOf(c.next, keyOf(other)), c.next.Trails[c.i].Insights)
			}))},
		{Name: "delete-by-beginning", Rule: model.GetReflectsPut, Needs: []model.Capability{model.CanDelete},
			Describe: "DeleteTrail deletes all trails whose names begin with the given one.",
			start: onTrail(model.OpDelete, likewise(strings.HasPrefix, func(c *call, other model.Trail) {
				c.answer, c.next = c.reference(c.next, model.Request{Op: model.OpDelete, Region: other.Home, Input: value.Obj("Name", other.Name)})
			}))},
		{Name: "digits-are-no-name", Rule: model.TrailNotFound, AlsoRules: []model.ID{model.PutStores, model.GetReflectsPut, model.GetNotEnabled},
			Describe: "Put and Get answer " + codeTrailName + " to names that begin with a digit.",
			start:    forgetful(refuses(codeTrailName, func(c *call) bool { return readsMembers(c.request) && beginsWithDigit(c) }))},
	}
}
