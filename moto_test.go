package conform_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/text"
	"github.com/insightconform/conform/targets/endpoint"
)

// motoExpected lists what moto is known to diverge in, one signature a line. When moto or the harness
// changes, the test says which lines to add or to take out.
const motoExpected = "testdata/moto-5.2.txt"

func TestMoto(t *testing.T) {
	t.Parallel()
	target, err := endpoint.New(endpoint.Options{URL: mototest.Start(t)})
	require.NoError(t, err)
	report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1})
	require.NoError(t, err)

	var shown bytes.Buffer
	require.NoError(t, text.Report(&shown, report, text.Options{}))
	t.Log(shown.String())
	assert.Equal(t, reports.ExitDiverges, report.ExitCode)

	data, err := os.ReadFile(motoExpected)
	require.NoError(t, err)
	expected := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			expected[line] = true
		}
	}
	for _, d := range report.Divergences {
		assert.True(t, expected[d.Signature], "not in %s: %s", motoExpected, d.Signature)
		assert.Equal(t, reports.Confirmed, d.Status, d.Signature)
		delete(expected, d.Signature)
	}
	assert.Empty(t, expected, "in %s, but not found", motoExpected)

	// What moto does right must have been put to the test, and found right.
	for _, id := range []model.ID{model.PutStores, model.TrailNameOrARN, model.TrailNotFound, model.StateIsolated, model.ErrorAtomic,
		model.WireProtocol, model.WireMembers, model.TrailNameSyntax, model.TrailUpdateKeeps} {
		c := report.Coverage.Rules[id]
		assert.True(t, c.Exercised && !c.Violated, "%s: %+v", id, c)
	}
}
