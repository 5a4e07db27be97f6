package reports

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
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

// assertVisible: what is written is in lines of characters that are shown as themselves.
func assertVisible(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && !strconv.IsPrint(r) {
			t.Fatalf("%q stands in\n%q", r, text)
		}
	}
}

// TestTracesAreVisible: no character of a trace hides or turns around others, and it reads back as it was.
func TestTracesAreVisible(t *testing.T) {
	folder := t.TempDir()
	r := &Report{Divergences: []Divergence{invisibleDivergence()}}
	written, err := WriteTraces(folder, r, false)
	require.NoError(t, err)
	require.Equal(t, 1, written)
	files, _ := filepath.Glob(filepath.Join(folder, "*"))
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	assertVisible(t, string(data))
	read, err := ReadTraceFiles(t.Context(), folder)
	require.NoError(t, err)
	want := NewTrace(r, invisibleDivergence(), false)
	assert.Equal(t, want.Signature, read[0].Signature)
	assert.Equal(t, Requests(want.Steps), Requests(read[0].Steps))
	assert.Equal(t, invisible, read[0].Steps[0].Sent)
	assert.Equal(t, files[0], read[0].Path)
}

// TestTracesOfBrokenText: bytes that JSON cannot say change nothing of what the digest is of.
func TestTracesOfBrokenText(t *testing.T) {
	folder, d := t.TempDir(), invisibleDivergence()
	raw := "{\xff\xfe\u2028<>&\u00e9"
	d.Steps[0].Request, d.Steps[0].Raw = value.Obj("TrailName", "\xff\ufffd\xc3é<>&", "\xfe", value.Num("1e400")), &raw
	_, err := WriteTraces(folder, &Report{Divergences: []Divergence{d}}, false)
	require.NoError(t, err)
	_, err = ReadTraceFiles(t.Context(), folder)
	require.NoError(t, err)
	d.Steps[0].Request = value.Value{}
	_, err = WriteTraces(folder, &Report{Divergences: []Divergence{d}}, false)
	require.NoError(t, err)
	_, err = ReadTraceFiles(t.Context(), folder)
	require.NoError(t, err)
}

// TestBaselinesAreVisible in both forms.
func TestBaselinesAreVisible(t *testing.T) {
	b := UpdatedBaseline(nil, &Report{Divergences: []Divergence{invisibleDivergence()}})
	b.Entries[0].Reason = "#a ## b\n" + invisible
	for _, yamlForm := range []bool{false, true} {
		var out bytes.Buffer
		require.NoError(t, b.Write(&out, yamlForm))
		assertVisible(t, out.String())
		read, err := ReadBaseline(out.Bytes(), yamlForm)
		require.NoError(t, err, out.String())
		assert.Equal(t, b.Entries[0].Signature, read.Entries[0].Signature)
		assert.Equal(t, b.Entries[0].Reason, read.Entries[0].Reason)
		assert.True(t, b.Entries[0].Steps[0].Input.Equal(read.Entries[0].Steps[0].Input))
	}
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
