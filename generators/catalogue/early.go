package catalogue

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

// Early histories are those that a run begins with. They are computed from the cases of this package and the faults of
// the embedded server, so that each request tells as much as it can: a test of internal/selftest makes the file.
//
//go:embed early.json
var earlyFile []byte

var early = sync.OnceValue(func() (histories [][]model.Request) {
	if err := json.Unmarshal(earlyFile, &histories); err != nil {
		panic(fmt.Sprintf("early.json: %v", err)) // a test reads it
	}
	return histories
})

// Early lists the early histories, each from an empty world, as far as the scope allows their requests and the rules that
// these break.
func Early(w *model.World, scope generators.Scope) (histories [][]model.Request) {
	for _, all := range early() {
		state, history := model.NewState(w), []model.Request(nil)
		for _, r := range all {
			if next := model.Step(state, r)[0].Next; scope.Allows(r) && scope.Fits(next) && applies(scope, state, r) {
				state, history = next, append(history, r)
			}
		}
		if slices.ContainsFunc(history, func(r model.Request) bool { return r.Op.Insights() }) {
			histories = append(histories, history)
		}
	}
	return histories
}

// applies reports whether a target is held to all rules that a request breaks. Of one without event data stores no rule
// says what it answers where they are named.
func applies(scope generators.Scope, s model.State, r model.Request) bool {
	stores := r.Input.Get("EventDataStore").Given() || r.Input.Get("InsightsDestination").Given()
	return (scope.Can[model.CanStores] || !stores) &&
		!slices.ContainsFunc(model.Broken(s, r), func(id model.ID) bool { return !scope.Applies(id) })
}
