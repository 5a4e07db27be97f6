package wire

import (
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

// list is a JSON array that repeats an item up to 900 kB.
func list(item string) string {
	return "[" + strings.Repeat(item+",", 900_000/(len(item)+1)) + item + "]"
}

func TestBounded(t *testing.T) {
	assert.Equal(t, "short", Bounded("short", 100))
	long := strings.Repeat("é", 1000)
	bounded := Bounded(long, 101)
	assert.LessOrEqual(t, len(bounded), 101)
	assert.Contains(t, bounded, "é… (2000 bytes in all, SHA-256 ")
	assert.NotContains(t, bounded, "\ufffd")
	assert.Equal(t, bounded, Bounded(long, 101))
	assert.NotEqual(t, bounded, Bounded(strings.Repeat("é", 999)+"èé", 101), "texts that differ still do")
}

// TestLargeAnswersAreJudgedWhole: what is let go of an answer was read before.
func TestLargeAnswersAreJudgedWhole(t *testing.T) {
	const arn = "arn:aws:cloudtrail:us-east-1:123456789012:trail/alpha"
	long := strings.Repeat("x", 900_000)
	for name, test := range map[string]struct {
		status     int
		body       string
		want       model.Answer
		objections int
	}{
		"an unknown member": {200, `{"TrailARN":"` + arn + `","InsightSelectors":[{"InsightType":"ApiCallRateInsight"}],"A":"` + long + `"}`,
			model.Answer{Outcome: model.Succeeded, TrailARN: arn, Selectors: model.MakeSelectors(model.Management, 0)}, 0},
		"the last of many selectors": {200, `{"InsightSelectors":` + strings.TrimSuffix(list(`{"InsightType":"ApiErrorRateInsight"}`), "]") + `,{"InsightType":"ApiCallRateInsight"}]}`,
			model.Answer{Outcome: model.Succeeded, Selectors: model.MakeSelectors(model.Management, model.Management), Repeated: true}, 0},
		"an alien at the end": {200, `{"InsightSelectors":` + strings.TrimSuffix(list(`{"InsightType":"ApiErrorRateInsight"}`), "]") + `,{"InsightType":"Odd"}]}`,
			model.Answer{Outcome: model.Succeeded, Selectors: model.MakeSelectors(0, model.Management), Repeated: true, Alien: `"Odd"`}, 0},
		"one misspelling, often": {200, `{"InsightSelectors":` + list(`{"insightType":"ApiErrorRateInsight"}`) + `}`,
			model.Answer{Outcome: model.Succeeded, Selectors: model.MakeSelectors(0, model.Management), Repeated: true}, 1},
		"a long message":   {400, `{"__type":"TrailNotFoundException","Message":"` + long + `"}`, model.Refusal("TrailNotFoundException"), 0},
		"a long namespace": {400, `{"__type":"` + long + `#TrailNotFoundException","Message":"no"}`, model.Refusal("TrailNotFoundException"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			reply := DecodeAnswer(request(model.OpGet, false), test.status, http.Header{}, []byte(test.body))
			assert.Equal(t, test.want, reply.Answer)
			assert.Len(t, reply.Objections, test.objections)
			assert.LessOrEqual(t, len(reply.Received), targets.MaxKept)
			assert.Contains(t, string(reply.Received), "… (shortened)")
			assert.LessOrEqual(t, len(reply.Body.String()), 2*targets.MaxKept)
			assert.Equal(t, test.want.TrailARN, reply.Body.Get("TrailARN").Text())
		})
	}
	code := func(code string) string {
		return DecodeAnswer(request(model.OpGet, false), 400, nil, value.Obj("__type", code, "Message", "no").AppendJSON(nil)).Answer.Code
	}
	assert.LessOrEqual(t, len(code(long)), maxText)
	assert.Equal(t, code(long), code(long))
	assert.NotEqual(t, code(long), code(long+"y"), "two codes stay two")
}

// TestListsAreReadWhole: what no rule speaks of, targets read themselves.
func TestListsAreReadWhole(t *testing.T) {
	body := `{"EventDataStores":` + list(`{"Name":"x"}`) + `}`
	reply := DecodeAnswer(model.Request{Op: "ListEventDataStores"}, 200, nil, []byte(body))
	assert.Greater(t, len(reply.Body.Get("EventDataStores").Items()), 50_000)
}

// TestLargeAnswersAreLetGo: answers of 900 kB, several at a time, leave little behind.
func TestLargeAnswersAreLetGo(t *testing.T) {
	body := []byte(`{"TrailARN":"x","InsightSelectors":` + list(`[]`) + `,"More":` + list("1")[:90_000] + `]}`)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	replies := make([]targets.Reply, 8)
	var wait sync.WaitGroup
	for i := range replies {
		wait.Go(func() { replies[i] = DecodeAnswer(request(model.OpGet, false), 200, nil, body) })
	}
	wait.Wait()
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.NotEmpty(t, replies[0].Received)
	assert.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(2<<20))
	runtime.KeepAlive(replies)
}
