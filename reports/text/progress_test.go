package text

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/stretchr/testify/assert"
)

func TestProgress(t *testing.T) {
	now := time.Unix(0, 0)
	clock := func() time.Time { return now }
	u := reports.Update{Phase: "random", Requests: 12345, Rate: 2500.4, RulesExercised: 60, RulesApplicable: 74, Divergences: 3, RulesViolated: 2, Suspicions: 7, Left: 61 * time.Second}

	var live bytes.Buffer
	newProgress := func(w io.Writer, live bool, width int) *Progress {
		return &Progress{w: w, live: live, width: width, now: clock, started: clock()}
	}
	p := newProgress(&live, true, 80)
	for range 40 { // four seconds in steps of 0.1 s
		now = now.Add(50 * time.Millisecond)
		p.Show(u)
		now = now.Add(50 * time.Millisecond)
		p.Show(u)
	}
	p.Say("interrupted")
	p.Close()
	p.Show(u)
	assert.Equal(t, 21, strings.Count(live.String(), "2,500/s"), "quiet for two seconds, then at most ten times a second")
	assert.True(t, strings.HasSuffix(live.String(), "\r\x1b[K2,500/s · 60 of 74 rules · 3 divergences from 2 rules · 7 suspicions\r\x1b[Kinterrupted\n"), live.String())

	var lines bytes.Buffer
	p = newProgress(&lines, false, 0)
	for range 130 {
		now = now.Add(100 * time.Millisecond)
		p.Show(u)
	}
	p.Close()
	assert.Equal(t, strings.Repeat("conform: "+updateLine(u, 0)+"\n", 3), lines.String())

	var quiet bytes.Buffer
	p = newProgress(&quiet, true, 0)
	now = now.Add(1900 * time.Millisecond)
	p.Show(u)
	p.Close()
	assert.Empty(t, quiet.String())

	assert.Equal(t, "random · 1 request · 0/s · 1 suspicion", updateLine(reports.Update{Phase: "random", Requests: 1, Suspicions: 1}, 0))
	planned := updateLine(reports.Update{Phase: "random", Requests: 1234, Planned: 20_000, Rate: 100, Left: 3 * time.Minute}, 0)
	assert.Equal(t, "random · 1,234 of about 20,000 requests · 100/s · 3m0s left", planned)

	var found bytes.Buffer
	p = newProgress(&found, false, 0)
	d := reports.Divergence{Rule: "put/x", Operation: "PutInsightSelectors", Fails: true, Level: model.Inferred,
		Steps: []reports.Step{{Operation: "GetTrail"}, {Operation: "StartLogging"}}}
	p.Found(&d)
	d.Fails = false
	p.Found(&d)
	d.Known = true
	p.Found(&d)
	steps := "GetTrail → StartLogging\n"
	assert.Equal(t, "conform: found put/x (Put): "+steps+"conform: found put/x (Put, inferred, which does not fail the run): "+steps+
		"conform: found put/x (Put, known to the baseline): "+steps, found.String(), "at once")
	found.Reset()
	d.Steps = slices.Repeat(d.Steps[:1], 9)
	p.Found(&d)
	assert.Contains(t, found.String(), "after 5 steps, ")
	assert.Equal(t, 3, strings.Count(found.String(), " → "))

	// What matters most stays longest.
	for width, want := range map[int]string{
		110: "random · 12,345 requests · 2,500/s · 60 of 74 rules · 3 divergences from 2 rules · 7 suspicions · 1m1s left",
		100: "12,345 requests · 2,500/s · 60 of 74 rules · 3 divergences from 2 rules · 7 suspicions · 1m1s left",
		90:  "12,345 requests · 2,500/s · 60 of 74 rules · 3 divergences from 2 rules · 7 suspicions",
		80:  "2,500/s · 60 of 74 rules · 3 divergences from 2 rules · 7 suspicions",
		60:  "2,500/s · 60 of 74 rules · 3 divergences from 2 rules",
		20:  "2,500/s · 60 of 74 …",
	} {
		assert.Equal(t, want, updateLine(u, width))
	}
}
