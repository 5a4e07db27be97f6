package naming

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

// someState has trails of all lengths and two stores.
func someState() model.State {
	s := model.NewState(&model.DefaultWorld)
	for _, name := range generators.Names {
		s = s.WithTrail(-1, model.Trail{Name: name, Home: s.World.Home, Logging: true, Logs: model.ManagementEvents})
	}
	for n, logs := range []model.Logs{model.ManagementEvents, model.InsightEvents} {
		s.Stores = append(s.Stores, model.Store{ID: model.StoreID(n), Home: s.World.Home, Logs: logs, Ingesting: true})
	}
	return s
}

// inState is the binding of a world that is in a state, and the state under the names of the target.
func inState(s model.State, names targets.Names) (*binding, model.State) {
	names.Account, names.Regions = s.World.Account, []string{s.World.Home, s.World.Away}
	b := newBinding(names, newIdentity(names))
	s.Trails, s.Stores = slices.Clone(s.Trails), slices.Clone(s.Stores)
	for i := range s.Trails {
		s.Trails[i].Name = b.name(s.Trails[i].Name)
	}
	for i := range s.Stores {
		id := fmt.Sprintf("%x-0000-4000-8000-%012d", b.names.Tag[:4], i)
		b.created(id)
		s.Stores[i].ID = id
	}
	return b, s
}

// sameClass requires that a request means to the model what its translation does, and comes back as itself.
func sameClass(t require.TestingT, s model.State, r model.Request, b *binding, concrete model.State) (sent model.Request, shared bool) {
	sent, common := b.request(r)
	require.Equal(t, model.Broken(s, r), model.Broken(concrete, sent), "%s became %s", r.Input, sent.Input)
	require.Equal(t, model.Resource(s, r) == "", model.Resource(concrete, sent) == "", "%s became %s", r.Input, sent.Input)
	again, _ := b.request(r)
	require.True(t, again.Input.Equal(sent.Input), "the same each time")
	for _, m := range r.Input.Members() {
		out := sent.Input.Get(m.Name)
		require.Equal(t, m.Value.Kind(), out.Kind())
		if m.Value.Kind() == value.Number && m.Name != "InsightSelectors" {
			require.Equal(t, m.Value.Text(), b.symbolic(out.Text()))
			continue
		}
		require.Equal(t, m.Value.String(), generators.MapStrings(out, b.symbolic).String(), "sent as %s", out)
		if text := m.Value.Text(); len(text) < 3 || len(text) >= keptLength {
			require.Len(t, out.Text(), len(text))
		}
	}
	return sent, common.Kind() != value.Absent
}

// TestMadeUpNames: whatever names a trail or store is sent as another one of its class, and no two worlds send the same.
func TestMadeUpNames(t *testing.T) {
	s := someState()
	one, first := inState(s, targets.Names{})
	other, second := inState(s, targets.Names{})
	apart, third := inState(s, targets.Names{Prefix: "conform-x", Bucket: "conform-x-bucket"})
	var alike []string
	for member, all := range map[string][]generators.Representative{"TrailName": generators.TrailNames(s), "EventDataStore": generators.StoreNames(s),
		"InsightsDestination": generators.StoreNames(s)} {
		for _, x := range all {
			for _, r := range []model.Request{{Op: model.OpGet, Region: x.Region, Input: value.Obj(member, x.Value)},
				{Op: model.OpPut, Region: x.Region, Input: value.Obj(member, x.Value, "InsightSelectors", value.ListOf())}} {
				a, shared := sameClass(t, s, r, one, first)
				b, _ := sameClass(t, s, r, other, second)
				same := a.Input.Equal(b.Input)
				if member != "InsightsDestination" {
					assert.Equal(t, shared, same || x.Name == "white space", "%s: %s", member, x.Name)
				}
				if same {
					alike = append(alike, x.Name)
				}
				sent, _ := apart.request(r)
				generators.MapStrings(sent.Input.Get(member), func(text string) string {
					if parts := strings.SplitN(text, ":", 6); IsARN(text) {
						text = strings.Join(parts[min(5, len(parts)):], "")
					}
					MapNames(text, func(name string) string {
						known := strings.HasPrefix(name, apart.head(apart.names.Tag)) || !model.ValidTrailName(name) ||
							member != "TrailName" || slices.ContainsFunc(third.Trails, func(x model.Trail) bool { return x.Name == name })
						assert.True(t, known, "%s: %s", x.Name, name)
						return name
					})
					return text
				})
			}
		}
	}
	slices.Sort(alike)
	assert.Equal(t, []string{"ARN without a name", "a boolean", "absent", "empty", "no more than arn:", "null"}, slices.Compact(alike))
}

// TestDrawnNames: so it is with any request, and with any text.
func TestDrawnNames(t *testing.T) {
	s := someState()
	drawn := generators.New(generators.Everything()).Request(s)
	rapid.Check(t, func(t *rapid.T) {
		b, concrete := inState(s, targets.Names{})
		for range 8 {
			if r := drawn.Draw(t, "request"); r.Op.Insights() && r.Input.Kind() == value.Object && !r.Malformed() {
				sameClass(t, s, r, b, concrete)
			}
		}
		text := rapid.OneOf(rapid.String(), rapid.StringN(1, 3, 6), rapid.StringN(95, 260, 300), rapid.StringMatching(`[ -_.a-zB0-9é]{1,5}`),
			rapid.StringMatching(`(aB|a-|-_| ){40,70}[aA7b-]`), rapid.StringMatching(`arn:(aws:cloudtrail:us-east-1:123456789012:)?(trail/)?[ -_aB/:]{0,5}`))
		for _, name := range rapid.SliceOfN(text, 1, 6).Draw(t, "names") {
			for _, member := range []string{"TrailName", "EventDataStore"} {
				sameClass(t, s, generators.With(model.Request{Op: model.OpGet}, member, value.Str(name)), b, concrete)
			}
		}
	})
}

// TestTakenNames: of a class of few names a world takes one under which nothing is stored.
func TestTakenNames(t *testing.T) {
	s := &scripted{info: targets.Info{Region: "us-east-1"}}
	taken := map[string]bool{}
	s.world.answer = func(r model.Request) targets.Reply {
		if name := r.Input.Get("TrailName").Text(); r.Op == model.OpGet && !taken[name] {
			return targets.Reply{Answer: model.Refusal("TrailNotFoundException")}
		} else if r.Op == model.OpPut {
			taken[name] = true
		}
		return succeeded(r, value.Obj("InsightSelectors", value.ListOf()))
	}
	target := Wrap(s)
	_, err := target.Open(t.Context())
	require.NoError(t, err)
	for range 2 {
		shortest.Store(7)
		for range 60 {
			w, err := target.NewWorld(t.Context())
			require.NoError(t, err)
			w.Do(t.Context(), generators.Put("ab", 0))
			require.Equal(t, "TrailNotFoundException", w.Do(t.Context(), generators.Get("cd")).Answer.Code)
		}
	}
}
