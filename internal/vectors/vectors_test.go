package vectors

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/internal/testing/choices"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/embedded"
)

func ours(t *testing.T) *Set {
	t.Helper()
	set, err := Read(Files())
	require.NoError(t, err)
	return set
}

// TestSetIsMadeFromTheModel: what is kept is what the model says of the chosen requests today.
func TestSetIsMadeFromTheModel(t *testing.T) {
	files, err := setOf(readChosen(t)).Render()
	require.NoError(t, err)
	for name, text := range files {
		golden.Check(t, filepath.Join("set", name), text)
	}
	kept, err := filepath.Glob("set/*.json")
	require.NoError(t, err)
	assert.Len(t, kept, len(files))
}

func TestVectorsAreTied(t *testing.T) {
	set := ours(t)
	byID := map[string]Vector{}
	for _, v := range set.Vectors {
		require.NotContains(t, byID, v.ID)
		byID[v.ID] = v
		assert.NotEmpty(t, v.Comment, v.ID)
		for _, need := range v.Needs {
			assert.Contains(t, set.Index.Capabilities, need, v.ID)
		}
	}
	done := map[string]int{}
	var visit func(id string)
	visit = func(id string) {
		require.Contains(t, byID, id)
		require.NotEqual(t, 1, done[id], "%s requires itself", id)
		if done[id] == 0 {
			done[id] = 1
			for _, other := range byID[id].Requires {
				visit(other)
			}
			done[id] = 2
		}
	}
	for _, v := range set.Vectors {
		visit(v.ID)
	}
	text, err := json.Marshal(set)
	require.NoError(t, err)
	for _, name := range []string{"us-east-1", "eu-west-1", model.DefaultWorld.Account, model.DefaultWorld.OtherAccount} {
		assert.NotContains(t, string(text), name, "every name is a symbol")
	}
}

// TestRightServersPass: the reference passes every vector, and what rules accept beside it fails none, always or at random.
func TestRightServersPass(t *testing.T) {
	set := ours(t)
	passes := map[model.ID]bool{}
	right := play(set, newServer(embedded.ServerOptions{}), false, false)
	for _, v := range set.Vectors {
		out := right[v.ID]
		assert.Contains(t, []string{passed, skipped}, out.what, "%s: %s", v.ID, out.why)
		passes[v.Rule] = passes[v.Rule] || out.what == passed
	}
	for i := range model.Rules {
		rule := &model.Rules[i]
		_, without := set.Index.Without[rule.ID]
		assert.Equal(t, !rule.OfMocks() && !rule.Silent, passes[rule.ID], rule.ID)
		assert.Equal(t, rule.OfMocks() && !rule.Silent, without, rule.ID)
	}
	var servers []http.Handler
	for _, a := range choices.Alternatives() {
		servers = append(servers, newServer(embedded.ServerOptions{Chooser: choices.Always(a.Rule, a.N)}))
	}
	for seed := range uint64(40) {
		servers = append(servers, newServer(embedded.ServerOptions{Chooser: choices.Random(seed, 0.05*float64(seed%2))}))
	}
	for i, p := range playAll(ofOneClient(set), true, servers) {
		for id, out := range p {
			assert.False(t, stops(out.what), "server %d: %s is %s: %s", i, id, out.what, out.why)
		}
	}
}

// TestServersThatLackOperations: a server that is right as far as it goes fails no vector, and passes those that need no more.
func TestServersThatLackOperations(t *testing.T) {
	set := ofOneClient(ours(t))
	for _, lacking := range [][]model.Op{{model.OpStart}, {model.OpStart, model.OpStop}, {model.OpTrail}, {model.OpDelete}, {model.OpUpdate}, {model.OpStop},
		{model.OpPutEvents}, {model.OpGetEvents}, {model.OpCreateStore}, {model.OpUpdateStore}, {model.OpDeleteStore}, {model.OpRestoreStore},
		{model.OpStopIngestion}, {model.OpGet}, {model.OpPut}, {model.OpCreate}} {
		reference := newServer(embedded.ServerOptions{})
		h := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			for _, op := range lacking {
				if strings.HasSuffix(req.Header.Get("X-Amz-Target"), "."+string(op)) {
					w.Header().Set("Content-Type", "application/x-amz-json-1.1")
					w.WriteHeader(http.StatusBadRequest)
					_, _ = w.Write([]byte(`{"__type":"UnknownOperationException","Message":"no"}`))
					return
				}
			}
			reference.ServeHTTP(w, req)
		})
		passes := 0
		for id, out := range play(set, h, false, false) {
			assert.False(t, stops(out.what), "without %v: %s is %s: %s", lacking, id, out.what, out.why)
			if out.what == passed {
				passes++
			}
		}
		assert.Greater(t, passes, 20, "without %v", lacking)
		t.Log(lacking, passes)
	}
}

// unseen are faults that vectors do not show.
var unseen = map[string]string{
	"store-over-quota-turns-off": "it shows where a quota is reached",
	"one-get-in-25-is-wrong":     "it shows now and then, wherever it is",
}

// TestWrongServersFail: on each wrong server vectors fail, and none but those of its own rules.
func TestWrongServersFail(t *testing.T) {
	set := ofOneClient(ours(t))
	data, err := os.ReadFile(besidesFile)
	require.NoError(t, err)
	var besides reported
	require.NoError(t, json.Unmarshal(data, &besides))
	var servers []http.Handler
	for _, f := range embedded.Faults {
		servers = append(servers, newServer(embedded.ServerOptions{Fault: f.Name}))
	}
	shown := map[model.ID]bool{}
	for i, p := range playAll(set, false, servers) {
		f := embedded.Faults[i]
		may := slices.Concat([]model.ID{f.Rule}, f.AlsoRules, besides[f.Name])
		own, blocks := false, false
		var others []string
		for _, v := range set.Vectors {
			switch out := p[v.ID]; {
			case out.what == blocked:
				blocks = true
			case out.what != failed:
			case slices.Contains(may, v.Rule):
				own, shown[v.Rule] = true, true
			default:
				others = append(others, v.ID)
			}
		}
		if unseen[f.Name] == "" {
			assert.Empty(t, others, "%s, which breaks %s", f.Name, f.Rule)
			assert.True(t, own || f.Computed && !blocks, "%s, which breaks %s, goes unnoticed", f.Name, f.Rule)
		}
	}
	for _, v := range set.Vectors {
		assert.True(t, shown[v.Rule], "no wrong server fails a vector of %s", v.Rule)
	}
}

// TestWrongInTwoWays: behind a flaw that is common in the field, a fault leaves no run green.
func TestWrongInTwoWays(t *testing.T) {
	set := ofOneClient(ours(t))
	var servers []http.Handler
	var names []string
	for i, f := range embedded.Faults {
		if flaw := embedded.Flaws[i%len(embedded.Flaws)]; !f.Computed && i%3 == 0 && f.Name != flaw {
			names = append(names, f.Name+"+"+flaw)
			servers = append(servers, newServer(embedded.ServerOptions{Fault: names[len(names)-1]}))
		}
	}
	for i, p := range playAll(set, false, servers) {
		red := false
		for _, out := range p {
			red = red || out.what == failed
		}
		assert.True(t, red, names[i])
	}
}

func TestReadRefuses(t *testing.T) {
	files, err := contents()
	require.NoError(t, err)
	for about, c := range map[string]struct{ file, old, new, says string }{
		"half a file":       {"put.json", "]}\n", "", "put.json, line"},
		"another schema":    {"index.json", IndexSchema, "conform/vectors-index/2", "this version reads"},
		"two sets":          {"get.json", `"version":"` + setVersion, `"version":"0.0.9`, "different sets"},
		"a file elsewhere":  {"index.json", `"wire.json"`, `"../wire.json"`, "no file of the set"},
		"a file that lacks": {"index.json", `"wire.json"`, `"none.json"`, "none.json"},
		"another form":      {"put.json", `"vectors":[`, `"vectors":5,"x":[`, "put.json is no file of vectors"},
	} {
		dir := t.TempDir()
		for name, text := range files {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777))
			if name == c.file {
				require.Contains(t, string(text), c.old, about)
				text = []byte(strings.Replace(string(text), c.old, c.new, 1))
			}
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o666))
		}
		_, err := Read(os.DirFS(dir))
		require.ErrorContains(t, err, c.says, about)
		assert.NotContains(t, err.Error(), "\n", about)
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, Write(dir))
	back, err := Read(os.DirFS(dir))
	require.NoError(t, err)
	assert.Equal(t, ours(t), back)
	for _, name := range []string{"runners/python/test_vectors.py", "runners/javascript/vectors.test.mjs", "schema/vectors-1.json"} {
		assert.FileExists(t, filepath.Join(dir, name))
	}

	// An older set is replaced, with a family that this one does not have, and what running it has left.
	older := *back
	older.Index.Version = "0.9.0"
	older.Vectors = append(slices.Clone(older.Vectors[:5]), Vector{ID: "gone/rule-000000", Rule: "gone/rule", Level: model.Inferred})
	files, err := older.Render()
	require.NoError(t, err)
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o666))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "runners/python/__pycache__"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "runners/python/__pycache__/x.pyc"), nil, 0o666))
	require.NoError(t, Write(dir))
	assert.NoFileExists(t, filepath.Join(dir, "gone.json"))
	back, err = Read(os.DirFS(dir))
	require.NoError(t, err)
	assert.Equal(t, ours(t), back)

	// Where writing ends half-way there is no set, and the next time there is one.
	blocked := filepath.Join(dir, "runners", "python", "test_vectors.py")
	require.NoError(t, os.Remove(blocked))
	require.NoError(t, os.Mkdir(blocked, 0o777))
	require.NoError(t, os.Mkdir(filepath.Join(blocked, "__pycache__"), 0o777))
	require.Error(t, Write(dir))
	_, err = Read(os.DirFS(dir))
	require.ErrorContains(t, err, IndexFile, "half a set is none")
	require.NoError(t, os.RemoveAll(blocked))
	require.NoError(t, Write(dir))
	left, err := filepath.Glob(filepath.Join(dir, ".conform-*"))
	require.NoError(t, err)
	assert.Empty(t, left)

	// What is of no set stays, and so does all else.
	require.NoError(t, os.Remove(filepath.Join(dir, "put.json")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("mine"), 0o666))
	err = Write(dir)
	require.ErrorIs(t, err, ErrFolder)
	assert.ErrorContains(t, err, "mine.txt")
	assert.NoFileExists(t, filepath.Join(dir, "put.json"))
	require.ErrorIs(t, Write(filepath.Join(dir, "mine.txt")), ErrFolder)
}

func TestCompare(t *testing.T) {
	now := ours(t)
	same, err := Compare(now, ours(t))
	require.NoError(t, err)
	assert.True(t, same.None(), fmt.Sprint(same))

	old := ours(t)
	removed, reworded, changed := old.Vectors[0], &old.Vectors[1], &old.Vectors[2]
	old.Vectors[0].ID = "wire/protocol-ffffff"
	reworded.Comment = "Other words."
	changed.Steps = slices.Clone(changed.Steps)
	last := &changed.Steps[len(changed.Steps)-1]
	last.Allowed = append(slices.Clone(last.Allowed), Pattern{Outcome: Refused, Codes: []string{"AnotherException"}})
	old.Index.Version = "0.9.0"
	old.Index.Rules = slices.Clone(old.Index.Rules)
	old.Index.Rules[0].Vectors--
	old.Index.Rules[1].Statement = "Other words."
	old.Index.Without = map[model.ID]string{}
	got, err := Compare(old, now)
	require.NoError(t, err)
	assert.Equal(t, &Changes{From: "0.9.0", To: setVersion, Added: []string{removed.ID}, Removed: []string{"wire/protocol-ffffff"},
		Reworded: []string{now.Vectors[1].ID}, Changed: []string{now.Vectors[2].ID}, Index: []string{"without"},
		Rules: []RuleOfChange{
			{ID: now.Index.Rules[1].ID, Before: now.Index.Rules[1].Vectors, After: now.Index.Rules[1].Vectors, Reworded: true},
			{ID: now.Index.Rules[0].ID, Before: now.Index.Rules[0].Vectors - 1, After: now.Index.Rules[0].Vectors}}}, got)
}
