package judge_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/internal/judge"
	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

var evening = time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC)

// logged is a call as a log of the real service has it.
func logged(op model.Op, after time.Duration, input, code string) recorded.Exchange {
	in, err := value.Parse([]byte(input))
	if err != nil {
		panic(err)
	}
	x := recorded.Exchange{ID: fmt.Sprint(op, after), Format: recorded.FormatLog, Account: "111122223333", Service: true, Bare: code == "",
		Request: model.Request{Op: op, Input: in, Region: "eu-west-1"}, Start: evening.Add(after), End: evening.Add(after + time.Second)}
	x.Reply.Answer = model.Answer{Outcome: model.Succeeded}
	if code != "" {
		x.Reply.Answer = model.Refusal(code)
	}
	return x
}

// settledBy is what exchanges say of one rule.
func settledBy(rule model.ID, list ...recorded.Exchange) map[string]int {
	j := judge.New(0)
	for _, x := range list {
		j.Exchange(x)
	}
	j.Finish()
	out := map[string]int{}
	for e, n := range j.Settled {
		if e.Rule == rule {
			out[e.Partition+" "+e.Month+" "+e.Outcome] += n
		}
	}
	return out
}

// TestSettled: an exchange counts once for each rule that it puts to the test, for what the model makes of it.
func TestSettled(t *testing.T) {
	t.Parallel()
	const named, put = `{"Name":"alpha"}`, `{"TrailName":"alpha","InsightSelectors":[{"InsightType":"ApiCallRateInsight"}]}`
	made := logged(model.OpCreate, 0, `{"Name":"alpha","S3BucketName":"b"}`, "")
	gone := logged(model.OpDelete, 5*time.Minute, named, "")
	found := func(after time.Duration, code string) recorded.Exchange { return logged(model.OpPut, after, put, code) }

	assert.Equal(t, map[string]int{"aws 2026-10 reference": 2, "aws 2026-11 reference": 1, "aws 2026-11 neither": 1}, settledBy(model.TrailDeleteForgets, made, gone,
		found(10*time.Minute, "TrailNotFoundException"), found(20*time.Minute, "TrailNotFoundException"), found(70*time.Minute, "TrailNotFoundException"), found(80*time.Minute, "MadeUpException")))
	assert.Empty(t, settledBy(model.TrailDeleteForgets, made, gone, found(301*time.Second, "TrailNotFoundException")), "the trail may be not there yet")

	for name, change := range map[string]func(*recorded.Exchange){
		"another server": func(x *recorded.Exchange) { x.Service = false },
		"no time":        func(x *recorded.Exchange) { x.Untimed = true },
	} {
		list := []recorded.Exchange{made, gone, found(10*time.Minute, "TrailNotFoundException"), found(20*time.Minute, "MadeUpException")}
		for i := range list {
			change(&list[i])
		}
		assert.Empty(t, settledBy(model.TrailDeleteForgets, list...), name)
	}

	china := []recorded.Exchange{made, gone, found(10*time.Minute, "TrailNotFoundException")}
	for i := range china {
		china[i].Request.Region = "cn-north-1"
	}
	assert.Equal(t, map[string]int{"aws-cn 2026-10 reference": 1}, settledBy(model.TrailDeleteForgets, china...))

	again := func(after time.Duration, code string) recorded.Exchange {
		return logged(model.OpCreate, after, `{"Name":"alpha","S3BucketName":"b"}`, code)
	}
	assert.Equal(t, map[string]int{"aws 2026-10 any error": 1}, settledBy(model.TrailCreateExisting, made, again(10*time.Minute, "MadeUpException")),
		"any code is accepted, and none that is made up is told")
}

// TestSettledOnTheWire: what is wrong with the form of an answer is not counted as right too.
func TestSettledOnTheWire(t *testing.T) {
	t.Parallel()
	over := func(rule model.ID, reply targets.Reply, bare bool) map[string]int {
		x := logged(model.OpGet, time.Minute, `{"TrailName":"alpha"}`, "InsightNotEnabledException")
		x.Format, x.Host, x.At, x.Account = recorded.FormatHAR, "https://cloudtrail.eu-west-1.amazonaws.com", "a.har, entry 1", ""
		x.Reply, x.Bare = reply, bare
		return settledBy(rule, x)
	}
	right := targets.Reply{Status: 400, Answer: model.Refusal("InsightNotEnabledException")}
	assert.Equal(t, map[string]int{"aws 2026-10 reference": 1}, over(model.WireErrorStatus, right, false))
	odd := right
	odd.Status = 418
	odd.Objections = []model.Objection{{Rule: model.WireErrorStatus, Level: model.Inferred, Expected: "HTTP 400", Actual: "HTTP 418"}}
	assert.Equal(t, map[string]int{"aws 2026-10 another 4xx status": 1}, over(model.WireErrorStatus, odd, false))
	odd.Objections[0].Level = model.Documented
	assert.Equal(t, map[string]int{"aws 2026-10 neither": 1}, over(model.WireErrorStatus, odd, false))

	unkept := targets.Reply{Status: 400, Answer: model.Answer{Outcome: model.Refused}}
	assert.Equal(t, map[string]int{"aws 2026-10 neither": 1}, over(model.WireErrorShape, unkept, false))
	assert.Empty(t, over(model.WireErrorShape, unkept, true), "the recording has not kept the body")
}
