package reports_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
)

// TestChanges: only what was played again and does not show is fixed.
func TestChanges(t *testing.T) {
	sure := func(signature string) reports.Divergence {
		return reports.Divergence{Signature: signature, Level: model.Documented, Status: reports.Confirmed}
	}
	replay := func(signature, outcome, why string) reports.Replay {
		return reports.Replay{Signature: signature, Outcome: outcome, Why: why}
	}
	flaky, tried, race := sure("flaky"), sure("not repeated"), sure("concurrent/whole|Put|a|b")
	flaky.Rate, tried.Status = "1 of 9", reports.NotTried
	symptom := sure("cause")
	symptom.Also = []string{"symptom"}
	known := []reports.Divergence{sure("gone"), sure("there"), sure("cut"), sure("other"), sure("unplayed"), sure("symptom"), sure("by replay"), flaky, tried, race}
	now := &reports.Report{Divergences: []reports.Divergence{sure("there"), symptom}, Replays: []reports.Replay{
		replay("gone", reports.ReplayFixed, ""), replay("there", reports.ReplayDiverges, ""), replay("cut", reports.ReplayNotCovered, "the target was lost"),
		replay("other", reports.ReplayDifferent, "another rule"), replay("flaky", reports.ReplayFixed, ""), replay("not repeated", reports.ReplayFixed, ""),
		replay("by replay", reports.ReplayDiverges, ""), replay(race.Signature, reports.ReplayFixed, "")}}
	became, last := map[string]string{}, ""
	for _, c := range reports.Changes(known, now) {
		became[c.Divergence.Signature] = c.What
		assert.Equal(t, c.What != reports.ChangeFixed && c.What != reports.ChangeOther, c.Known())
		last = c.What
	}
	assert.Equal(t, map[string]string{"gone": reports.ChangeFixed, "there": reports.ChangeStill, "cut": reports.ChangeUnclear, "other": reports.ChangeOther,
		"unplayed": reports.ChangeUnclear, "symptom": reports.ChangeStill, "by replay": reports.ChangeStill, "flaky": reports.ChangeUnclear,
		"not repeated": reports.ChangeUnclear, race.Signature: reports.ChangeUnclear, "cause": reports.ChangeNew}, became)
	assert.Equal(t, reports.ChangeStill, last, "what is as before comes last")
	assert.Empty(t, reports.Changes(nil, &reports.Report{}))
}
