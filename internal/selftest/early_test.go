package selftest

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets/embedded"
)

// remade is how many of the early requests are computed anew by each run of the tests; with -update all are.
const remade = 12

// The file of early histories is what the search finds, and tells of the faults that it was not made from as well.
func TestEarlyHistories(t *testing.T) {
	making, unseen := Halves()
	histories := catalogue.Early(&model.DefaultWorld, generators.Everything())
	if golden.Updating() {
		histories = earlyHistories(t.Context(), making, nil)
		require.NoError(t, os.WriteFile("../../generators/catalogue/early.json", file(t, histories), 0o666))
	} else {
		again := slices.Concat(earlyHistories(t.Context(), making, func(h [][]model.Request) bool { return len(slices.Concat(h...)) >= remade })...)
		require.Equal(t, generators.Key(again...), generators.Key(slices.Concat(histories...)[:len(again)]...),
			"the early histories are no longer those that the search finds: make them anew with -update")
	}
	var told bytes.Buffer
	fmt.Fprintf(&told, "%d requests in %d worlds\n", len(slices.Concat(histories...)), len(histories))
	for _, half := range []struct {
		name   string
		faults []embedded.Fault
	}{{"made from", making}, {"unseen", unseen}} {
		caught, sum := 0, 0.0
		for _, after := range caughtAfter(half.faults, histories) {
			if after > 0 {
				caught++
				sum += math.Log(float64(after))
			}
		}
		require.Greater(t, caught, len(half.faults)*8/10, half.name)
		fmt.Fprintf(&told, "%-9s %d of %d faults caught, after %.0f requests in the geometric mean\n", half.name, caught, len(half.faults), math.Exp(sum/float64(caught)))
	}
	golden.Check(t, "testdata/early.txt", told.Bytes())
	onThePage(t, "are", len(slices.Concat(histories...)), "requests in", len(histories), "worlds")
}

// file writes histories with one request on a line.
func file(t *testing.T, histories [][]model.Request) []byte {
	var out bytes.Buffer
	for i, history := range histories {
		out.WriteString(map[bool]string{true: "[\n ["}[i == 0])
		for k, r := range history {
			line, err := plain.Marshal(r, "")
			require.NoError(t, err)
			fmt.Fprintf(&out, "\n  %s%s", bytes.TrimSpace(line), map[bool]string{true: ","}[k < len(history)-1])
		}
		out.WriteString(map[bool]string{true: "\n ],\n [", false: "\n ]\n]\n"}[i < len(histories)-1])
	}
	return out.Bytes()
}
