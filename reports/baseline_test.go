package reports

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestUpdatedBaselineKeepsWhatIsThere: a run that was too short to come upon a known divergence again
// must not drop it, nor one that it could not check.
func TestUpdatedBaselineKeepsWhatIsThere(t *testing.T) {
	old := &Baseline{Schema: baselineSchema}
	report := &Report{}
	for _, outcome := range []string{ReplayDiverges, ReplayNotCovered, ReplayFixed, ReplayDifferent} {
		old.Entries = append(old.Entries, BaselineEntry{Signature: outcome, Reason: "because"})
		report.Baseline = append(report.Baseline, Replay{Signature: outcome, Outcome: outcome})
	}
	updated := UpdatedBaseline(old, report)
	assert.Equal(t, "because", updated.Find(ReplayDiverges).Reason)
	assert.NotNil(t, updated.Find(ReplayNotCovered))
	assert.Nil(t, updated.Find(ReplayFixed))
	assert.Nil(t, updated.Find(ReplayDifferent))
}

// TestEntryWithoutAMember: an entry that names no member of the wrong type is of any.
func TestEntryWithoutAMember(t *testing.T) {
	const plain = "wire/wrong-type|PutInsightSelectors|SerializationException|success"
	b := &Baseline{Entries: []BaselineEntry{{Signature: plain}, {Signature: plain + "|TrailName", Reason: "known"},
		{Signature: "put/stores|PutInsightSelectors|success|other"}}}
	assert.Equal(t, plain, b.Find(plain+"|InsightType").Signature)
	assert.Equal(t, "known", b.Find(plain+"|TrailName").Reason)
	assert.Nil(t, b.Find("wire/wrong-type|GetInsightSelectors|SerializationException|success|TrailName"))
	assert.Nil(t, b.Find("put/stores|PutInsightSelectors|success|other|TrailName"))
}
