package reports

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

// invisible has characters that change how what is around them looks, of one, two and four units of UTF-16, and others.
const invisible = "a\u202eb\u2066c\u200bd\ufeffe\U000e0041f\u0085g\x7fh\x1b[31mi\u00adj\tk\nl"

func invisibleDivergence() Divergence {
	step := NewStep(1, model.Request{Op: model.OpPut, Input: value.Obj("TrailName", invisible, invisible, "x")},
		targets.Reply{Answer: model.Refusal(invisible), Sent: []byte(invisible), Received: []byte(invisible), Problem: invisible}, []string{invisible})
	step.Diverges = true
	return Divergence{Signature: "put/x|" + invisible, Rule: "put/x", Level: model.Documented, Expected: []string{invisible}, Actual: invisible,
		Status: Confirmed, Steps: []Step{step}}
}

// TestBaselineBounds: what would be played or held without end is refused.
func TestBaselineBounds(t *testing.T) {
	const entry = `{"schema":"conform/baseline/1","entries":[{"signature":"x","reason":"y","needs":[],"steps":[%s{"Op":"GetTrail"}]}]}`
	_, err := ReadBaseline(fmt.Appendf(nil, entry, strings.Repeat(`{"Op":"GetTrail"},`, maxSteps-1)), false)
	require.NoError(t, err)
	_, err = ReadBaseline(fmt.Appendf(nil, entry, strings.Repeat(`{"Op":"GetTrail"},`, maxSteps)), false)
	require.ErrorContains(t, err, "2001 steps, and the most is 2000")
	_, err = ReadBaseline([]byte("schema: &a conform/baseline/1\nentries: [{signature: *a}]"), true)
	require.ErrorContains(t, err, "alias")
}

// TestFolderOfManyTraces: the traces of a folder have a limit together.
func TestFolderOfManyTraces(t *testing.T) {
	folder := t.TempDir()
	data := slices.Repeat([]byte(" "), maxTraces/2)
	written, err := WriteTraces(folder, &Report{Divergences: []Divergence{invisibleDivergence()}}, false)
	require.NoError(t, err)
	require.Equal(t, 1, written)
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	trace, err := os.ReadFile(files[0])
	require.NoError(t, err)
	copy(data, trace)
	for i := range 2 {
		require.NoError(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("a%d.json", i)), data, 0o600))
	}
	_, err = ReadTraceFiles(t.Context(), folder)
	require.ErrorContains(t, err, "larger than 32 MiB in all")
}
