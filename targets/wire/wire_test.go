package wire

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestDecodeAnswer(t *testing.T) {
	jsonType := header("Content-Type", ContentType)
	html := header("Content-Type", "text/html; charset=utf-8")
	wrongStatus := func(level model.Level, actual string) []model.Objection {
		return []model.Objection{{Rule: model.WireErrorStatus, Level: level, Expected: "400", Actual: actual}}
	}
	spelling := func(actual string) []model.Objection {
		return []model.Objection{{Rule: model.WireErrorShape, Level: model.Observed, Expected: Listed, Actual: actual}}
	}
	misplaced := func(place string) []model.Objection {
		return []model.Objection{{Rule: model.WireErrorShape, Level: model.Observed, Expected: Placed,
			Actual: "the error code in " + place}}
	}
	noCode := model.Objection{Rule: model.WireErrorShape, Level: model.Observed, Expected: "an error code", Actual: "none"}
	tests := []struct {
		name       string
		malformed  bool
		status     int
		header     http.Header
		body       string
		outcome    model.Outcome
		code       string
		problem    string
		objections []model.Objection
	}{
		{name: "the documented error", status: 400, header: jsonType, body: `{"__type":"TrailNotFoundException","Message":"no"}`, outcome: model.Refused, code: "TrailNotFoundException"},
		{name: "namespace", status: 400, header: jsonType, body: `{"__type":"com.amazonaws.cloudtrail.v20131101#TrailNotFoundException","Message":"no"}`, outcome: model.Refused, code: "TrailNotFoundException"},
		{name: "lower-case message", status: 400, header: jsonType, body: `{"__type":"X","message":"no"}`, outcome: model.Refused, code: "X"},
		{name: "no message", status: 400, header: jsonType, body: `{"__type":"X"}`, outcome: model.Refused, code: "X"},
		{name: "code", status: 400, header: jsonType, body: `{"code":"X","Message":"no"}`, outcome: model.Refused, code: "X"},
		{name: "Code", status: 400, header: jsonType, body: `{"Code":"X","Message":"no"}`, outcome: model.Refused, code: "X", objections: misplaced("Code")},
		{name: "nested", status: 400, header: jsonType, body: `{"Error":{"Code":"X","Message":"no"}}`, outcome: model.Refused, code: "X", objections: misplaced("Error.Code")},
		{name: "nested in small letters", status: 400, header: jsonType, body: `{"error":{"code":"X","message":"no"}}`, outcome: model.Refused, code: "X", objections: misplaced("error.code")},
		{name: "beside a nested error", status: 400, header: jsonType, body: `{"code":"X","error":{"code":"Y"}}`, outcome: model.Refused, code: "X"},
		{name: "in errorType", status: 400, header: jsonType, body: `{"errorType":"X","errorMessage":"no"}`, outcome: model.Refused, code: "X", objections: misplaced("errorType")},
		{name: "in Code and in the header", status: 400, header: header(headerName, "X"), body: `{"Code":"X"}`, outcome: model.Refused, code: "X"},
		{name: "in the message", status: 400, header: jsonType, body: `{"message":"X: no"}`, outcome: model.Refused, objections: []model.Objection{noCode}},
		{name: "header only", status: 400, header: header(headerName, "TrailNotFoundException:http://internal.amazon.com/coral/x/"), body: `{"Message":"no"}`, outcome: model.Refused, code: "TrailNotFoundException"},
		{name: "header and namespace", status: 400, header: header(headerName, "ns#A:http://x/#y"), body: `{"Message":"no"}`, outcome: model.Refused, code: "A"},
		{name: "header wins", status: 400, header: header(headerName, "A"), body: `{"__type":"B","Message":"no"}`, outcome: model.Refused, code: "A"},
		{name: "header agrees", status: 400, header: header(headerName, "A"), body: `{"__type":"A","Message":"no"}`, outcome: model.Refused, code: "A"},
		{name: "another letter case", status: 400, header: jsonType, body: `{"__type":"trailnotfoundexception","Message":"no"}`, outcome: model.Refused, code: "TrailNotFoundException", objections: spelling("codes in another letter case")},
		{name: "no Exception", status: 400, header: jsonType, body: `{"__type":"TrailNotFound","Message":"no"}`, outcome: model.Refused, code: "TrailNotFoundException", objections: spelling("codes without Exception at their end")},
		{name: "another ending", status: 200, header: jsonType, body: `{"__type":"TrailNotFoundError","Message":"no"}`, outcome: model.Refused, code: "TrailNotFoundException",
			objections: append(spelling("codes with another ending"), wrongStatus(model.Documented, "200")...)},
		{name: "a code of its own", status: 400, header: jsonType, body: `{"__type":"UnsupportedOperation","Message":"no"}`, outcome: model.Refused, code: "UnsupportedOperation"},
		{name: "no code", status: 400, header: jsonType, body: `{"Message":"no"}`, outcome: model.Refused, objections: []model.Objection{noCode}},
		{name: "code of another type", status: 400, header: jsonType, body: `{"__type":7,"Message":"no"}`, outcome: model.Refused, objections: []model.Objection{noCode}},
		{name: "another 4xx", status: 403, header: jsonType, body: `{"__type":"X","Message":"no"}`, outcome: model.Refused, code: "X", objections: wrongStatus(model.Inferred, "403")},
		{name: "404 with a code", status: 404, header: jsonType, body: `{"__type":"TrailNotFoundException","Message":"no"}`, outcome: model.Refused, code: "TrailNotFoundException", objections: wrongStatus(model.Inferred, "404")},
		{name: "throttled with 429", status: 429, header: jsonType, body: `{"__type":"ThrottlingException","Message":"no"}`, outcome: model.Refused, code: "ThrottlingException"},
		{name: "an error with 200", status: 200, header: jsonType, body: `{"__type":"TrailNotFoundException","Message":"no"}`, outcome: model.Refused, code: "TrailNotFoundException", objections: wrongStatus(model.Documented, "200")},
		{name: "an error with 200, in the header", status: 200, header: header(headerName, "X"), body: `{}`, outcome: model.Refused, code: "X", objections: wrongStatus(model.Documented, "200")},
		{name: "a success that names its shape", status: 200, header: jsonType, body: `{"__type":"x#PutInsightSelectorsResponse","InsightSelectors":[]}`, outcome: model.Succeeded},
		{name: "empty success", status: 200, header: jsonType, outcome: model.Succeeded},
		{name: "204", status: 204, outcome: model.Succeeded, objections: []model.Objection{{Rule: model.WireMembers, Level: model.Documented, Expected: "HTTP 200", Actual: "HTTP 204"}}},
		{name: "misspelt member", status: 200, header: jsonType, body: `{"TrailArn":"arn:x"}`, outcome: model.Succeeded, objections: []model.Objection{{Rule: model.WireMembers, Level: model.Documented, Expected: "TrailARN", Actual: "TrailArn"}}},
		{name: "HTML success", status: 200, header: html, body: "<html>", outcome: model.Crashed, problem: "HTTP 200, text/html: the body is no JSON object"},
		{name: "truncated", status: 200, header: jsonType, body: `{"TrailARN":"arn:`, outcome: model.Crashed, problem: "HTTP 200, application/x-amz-json-1.1: the body is no JSON object"},
		{name: "a list", status: 200, header: jsonType, body: `[]`, outcome: model.Crashed, problem: "HTTP 200, application/x-amz-json-1.1: the body is no JSON object",
			objections: []model.Objection{{Rule: model.WireMembers, Level: model.Documented, Expected: "a JSON object", Actual: "other JSON"}}},
		{name: "two values", status: 200, header: jsonType, body: `{} {}`, outcome: model.Crashed, problem: "HTTP 200, application/x-amz-json-1.1: the body is no JSON object"},
		{name: "deeply nested", status: 200, header: jsonType, body: strings.Repeat("[", 1<<20), outcome: model.Crashed, problem: "HTTP 200, application/x-amz-json-1.1: the body is no JSON object"},
		{name: "HTML 400", status: 400, header: html, body: "<html>", outcome: model.Crashed, problem: "HTTP 400, text/html: the body is no JSON object"},
		{name: "HTML 500", status: 500, header: html, body: "<html>", outcome: model.Crashed, problem: "HTTP 500, text/html"},
		{name: "an error with 500", status: 500, header: jsonType, body: `{"__type":"TrailNotFoundException","Message":"no"}`, outcome: model.Crashed, problem: "HTTP 500, application/x-amz-json-1.1, TrailNotFoundException"},
		{name: "InternalFailure", status: 500, header: jsonType, body: `{"__type":"InternalFailure"}`, outcome: model.Crashed, code: "InternalFailure", problem: "HTTP 500, application/x-amz-json-1.1, InternalFailure"},
		{name: "404 HTML", status: 404, header: html, body: "<html>", outcome: model.Refused},
		{name: "404 of an unknown operation", status: 404, header: jsonType, body: `{"__type":"UnknownOperationException"}`, outcome: model.Refused, code: "UnknownOperationException"},
		{name: "404 of another framework", status: 404, header: jsonType, body: `{"detail":"Not Found"}`, outcome: model.Refused},
		{name: "501", status: 501, header: jsonType, body: `{"__type":"InternalFailure","message":"not yet implemented"}`, outcome: model.Refused},
		{name: "redirect", status: 302, header: header("Location", "http://elsewhere/?token=x"), outcome: model.Crashed, problem: "HTTP 302: a redirect, which is not followed"},
		{name: "hostile media type", status: 500, header: header("Content-Type", "a/\x1b[31mred"), outcome: model.Crashed, problem: "HTTP 500"},
		{name: "invalid UTF-8", status: 400, header: jsonType, body: "{\"__type\":\"X\xff\",\"Message\":\"no\"}", outcome: model.Refused, code: "X\uFFFD"},

		{name: "malformed, HTML 400", malformed: true, status: 400, header: html, body: "<html>", outcome: model.Refused},
		{name: "malformed, 405", malformed: true, status: 405, outcome: model.Refused},
		{name: "malformed, 404 with a code", malformed: true, status: 404, header: jsonType, body: `{"__type":"X"}`, outcome: model.Refused, code: "X"},
		{name: "malformed, 500", malformed: true, status: 500, header: html, body: "<html>", outcome: model.Crashed, problem: "HTTP 500, text/html"},
		{name: "malformed, 501", malformed: true, status: 501, outcome: model.Crashed, problem: "HTTP 501"},
		{name: "malformed, redirect", malformed: true, status: 301, outcome: model.Refused},
		{name: "malformed, HTML 200", malformed: true, status: 200, header: html, body: "<html>", outcome: model.Succeeded},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			reply := DecodeAnswer(request(model.OpPut, test.malformed), test.status, test.header, []byte(test.body))
			assert.Equal(t, test.outcome, reply.Answer.Outcome)
			assert.Equal(t, test.code, reply.Answer.Code)
			assert.Equal(t, test.problem, reply.Problem)
			assert.Equal(t, test.objections, reply.Objections)
			assert.Equal(t, test.status, reply.Status)
			assert.LessOrEqual(t, len(reply.Received), targets.MaxKept)
		})
	}
}

// request is a well-formed request of an operation, or one that is not JSON.
func request(op model.Op, malformed bool) model.Request {
	r := model.Request{Op: op, Input: value.Obj()}
	if malformed {
		raw := "{"
		r.Raw = &raw
	}
	return r
}

func TestDecodeAnswerNeverPanics(t *testing.T) {
	bodies := []string{"", "null", "0", `""`, "{", "\x00", "\xff\xfe", `{"__type":null}`, `{"Error":{"Error":{}}}`, `{"error":"x"}`, `{"InsightSelectors":{"a":[null]}}`, `{"InsightSelectors":[null,1,"x",[]]}`, `{"Trail":[]}`}
	for _, op := range append(model.Ops, "", "Other") {
		for _, status := range []int{0, 100, 200, 302, 400, 404, 500, 501, 999} {
			for _, body := range bodies {
				for _, malformed := range []bool{false, true} {
					DecodeAnswer(request(op, malformed), status, nil, []byte(body))
				}
			}
		}
	}
}

func TestRequestRoundTrip(t *testing.T) {
	for _, prefix := range []string{ShortPrefix, LongPrefix} {
		for _, op := range model.Ops {
			if op == model.OpArrange {
				continue
			}
			sent := model.Request{Op: op, Input: value.Obj("TrailName", "a\"\x01é", "X", value.NullValue), OtherTarget: prefix == LongPrefix}
			got, problem := DecodeRequest("POST", header(TargetHeader, prefix+string(op)), Encode(sent))
			require.Empty(t, problem)
			assert.True(t, got.Input.Equal(sent.Input))
			got.Input = sent.Input
			assert.Equal(t, sent, got)
		}
	}
	got, problem := DecodeRequest("PUT", header(TargetHeader, ShortPrefix+"GetTrail"), []byte("[1"))
	assert.Empty(t, problem)
	assert.Equal(t, "PUT", got.Method)
	assert.Equal(t, "[1", string(Encode(got)))
	assert.Equal(t, "{}", string(Encode(model.Request{})))

	for target, want := range map[string]string{
		"":                          "no X-Amz-Target header",
		"DynamoDB_20120810.Scan":    "unknown X-Amz-Target prefix",
		ShortPrefix + "Arrange":     "unknown operation",
		ShortPrefix + "GetTrail\n":  "unknown operation",
		LongPrefix + "ListTrailsXY": "unknown operation",
	} {
		got, problem := DecodeRequest("POST", http.Header{TargetHeader: {target}}, []byte("{}"))
		assert.Equal(t, want, problem)
		assert.Empty(t, got.Op)
	}
}

func TestSigned(t *testing.T) {
	assert.Equal(t, "eu-west-1", Signed(header("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/cloudtrail/aws4_request, SignedHeaders=host, Signature=x")).Region)
	assert.Empty(t, Signed(header("Authorization", "Basic eA==")))
	assert.Empty(t, Signed(header("Authorization", "AWS4-HMAC-SHA256 Credential=a/b")))
	assert.Empty(t, Signed(http.Header{}))
}

func TestRefusalRoundTrip(t *testing.T) {
	reply := DecodeAnswer(request(model.OpGet, false), 400, http.Header{}, value.Obj("__type", "InsightNotEnabledException", "Message", "off \"now\"").AppendJSON(nil))
	assert.Equal(t, model.Refusal("InsightNotEnabledException"), reply.Answer)
	assert.Empty(t, reply.Objections)
}

func BenchmarkDecodeAnswer(b *testing.B) {
	body := []byte(`{"TrailARN":"arn:aws:cloudtrail:us-east-1:123456789012:trail/alpha","InsightSelectors":[{"InsightType":"ApiCallRateInsight","EventCategories":["Management","Data"]}]}`)
	h := header("Content-Type", ContentType)
	b.ReportAllocs()
	for b.Loop() {
		DecodeAnswer(request(model.OpPut, false), 200, h, body)
	}
}

// TestUnknownValuesReadAsNone: what an answer lists outside the enums is noted and stands for nothing.
func TestUnknownValuesReadAsNone(t *testing.T) {
	list := value.ListOf(value.Obj("InsightType", "ApiCallRateInsight", "EventCategories", value.Strs("Network", "Data")))
	a, _ := ReadSuccess(model.OpGet, value.Obj("InsightSelectors", list))
	assert.Equal(t, model.MakeSelectors(model.Data, 0), a.Selectors)
	assert.False(t, a.Repeated)
	assert.Equal(t, `"Network"`, a.Alien)
}
