package conform_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

// TestEvents: what is found is told as it is found, one event at a time, whatever the number of workers.
func TestEvents(t *testing.T) {
	var events []reports.Event // without a lock: the calls come one after the other
	target := embedded.InProcess(embedded.ServerOptions{Fault: "appends-selectors"})
	report, err := conform.Run(t.Context(), target, conform.Options{Seed: 1, Requests: 3000, Workers: 4,
		Events: func(e reports.Event) { events = append(events, e) }})
	require.NoError(t, err)
	require.NotEmpty(t, report.Divergences)
	assert.Equal(t, reports.EventProbed, events[0].Event)
	assert.Equal(t, report.Capabilities, events[0].Capabilities)
	var told []string
	var found []string
	notes := map[string]int{}
	for _, e := range events {
		switch {
		case e.Event == reports.EventFound:
			assert.Equal(t, reports.Confirmed, e.Divergence.Status)
			found = append(found, string(e.Divergence.Rule))
		case e.Event == reports.EventNote:
			notes[e.Note]++
		case e.Divergence != nil && e.Divergence.Signature == report.Divergences[0].Signature:
			told = append(told, e.Event)
		}
	}
	first := slices.IndexFunc(events, func(e reports.Event) bool { return e.Divergence != nil })
	assert.Equal(t, reports.EventSuspicion, events[first].Event)
	// Other suspicions may turn out to be the same divergence, and be confirmed before it is suspected.
	told = slices.DeleteFunc(told, func(event string) bool { return event == reports.EventSuspicion })
	assert.Equal(t, []string{reports.EventConfirmation, reports.EventShrunk, reports.EventDivergence}, slices.Compact(told))
	assert.Equal(t, []string{"put/replaces-list"}, found, "what the report has, and once")
	for _, note := range report.Notes {
		assert.Equal(t, 1, notes[note], note)
	}
}
