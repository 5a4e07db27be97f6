package diagnose_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/internal/diagnose"
	"github.com/insightconform/conform/internal/session"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// TestWhatAnEarlierStepDid: what shows late in a case is blamed on the step that did it, read or not, and on what its
// request breaks alone.
func TestWhatAnEarlierStepDid(t *testing.T) {
	const a, b = generators.NameAlpha, "abc"
	one, source, destination := model.MakeSelectors(model.Management, 0), model.StoreID(0), model.StoreID(1)
	stores := []model.Request{generators.CreateStore(0, generators.SourceStore), generators.CreateStore(1, generators.InsightStore)}
	for fault, x := range map[string]struct {
		rule     model.ID
		requests []model.Request
	}{
		"store-disable-ignored": {model.StoreDisable, append(stores, generators.PutStore(source, destination, one), generators.PutStore(source, "", 0),
			generators.UpdateStore(source, generators.DataStore))},
		"store-enable-not-stored": {model.StoreEnables, append(stores, generators.PutStore(source, destination, one),
			generators.UpdateStore(source, generators.DataStore))},
		"put-sets-sibling": {model.StateIsolated, []model.Request{generators.Create(a), generators.Start(a), generators.Put(a, one), generators.Create(b),
			generators.Put(b, 0), generators.Create(a), generators.Get(a)}},
		"same-put-refused": {model.PutIdempotent, []model.Request{generators.Create(a), generators.Start(a),
			generators.Advanced(a, model.ReadEvents),
			generators.Put(a, model.MakeSelectors(0, model.Management)), generators.Put(a, model.MakeSelectors(0, model.Management))}},
		"digits-are-no-name": {model.TrailNotFound, []model.Request{generators.PutList("4all", value.ListOf(value.NullValue))}},
	} {
		finder := newFinder(t, fault)
		s, err := finder.player.Play(t.Context(), x.requests, func(s *session.Session) bool { return len(s.Found) > 0 })
		require.NoError(t, err)
		require.NotEmpty(t, s.Found, fault)
		suspicion := diagnose.Suspect(s, s.Found[0].Finding)
		require.True(t, finder.player.ResolveOne(t.Context(), suspicion, true), fault)
		assert.Equal(t, x.rule, suspicion.Finding.Rule, fault)
	}
}
