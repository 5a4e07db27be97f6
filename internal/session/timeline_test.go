package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTimeline: however long a run is, every request is counted once, in no more slots than there are.
func TestTimeline(t *testing.T) {
	var all, short Timeline
	for i := range 10_000 {
		all.add(time.Duration(i)*50*time.Millisecond, time.Millisecond)
	}
	require.LessOrEqual(t, len(all.slots), maxSlots)
	short.add(250*time.Millisecond, time.Second)
	short.Merge(all)
	count, slowest := 0, 0.0
	for i, x := range short.Intervals() {
		count += x.Requests
		slowest = max(slowest, x.SlowMS)
		assert.InDelta(t, float64(i)*all.width.Seconds(), x.Seconds, 1e-9)
	}
	assert.Equal(t, 10_001, count)
	assert.Equal(t, 1000.0, slowest)
	assert.InDelta(t, 1, all.Intervals()[3].MeanMS, 1e-9)

	var none Timeline
	none.Merge(Timeline{})
	assert.Empty(t, none.Intervals())
}
