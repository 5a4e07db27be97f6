package model

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/model/value"
)

// Section 3, what the resource must log.

func TestLogging(t *testing.T) { play(t, loggingScenes) }

// eventSelectors are requests and what they make a trail log: the letters of section 3, in brackets
// where it is open. A small d is read-only data events alone.
var eventSelectors = []struct {
	about string
	asked step
	logs  string
}{
	{"ReadWriteType All is the default", putBasic(value.Obj()), "WR"},
	{"ReadWriteType All", putBasic(value.Obj("ReadWriteType", "All")), "WR"},
	{"ReadOnly gives R", putBasic(value.Obj("ReadWriteType", "ReadOnly")), "R"},
	{"WriteOnly gives W", putBasic(value.Obj("ReadWriteType", "WriteOnly")), "W"},
	{"IncludeManagementEvents true", putBasic(value.Obj("ReadWriteType", "ReadOnly", "IncludeManagementEvents", true)), "R"},
	{"unless IncludeManagementEvents is false",
		putBasic(value.Obj("IncludeManagementEvents", false, "DataResources", resources([]string{"arn:aws:s3"}))), "D"},
	{"DataResources with at least one value give D", withData, "WRD"},
	{"several values", putBasic(value.Obj("DataResources", resources([]string{"arn:aws:s3:::a/", "arn:aws:s3:::b/"}))), "WRD"},
	{"DataResources without an entry", putBasic(value.Obj("DataResources", value.ListOf())), "WR"},
	{"with only empty Values D is open", putBasic(value.Obj("DataResources", resources(nil))), "WR(D)"},
	{"two that are empty", putBasic(value.Obj("DataResources", resources(nil, nil))), "WR(D)"},
	{"one that is empty, one that is not", putBasic(value.Obj("DataResources", resources(nil, []string{"arn:aws:s3"}))), "WRD"},
	{"data that is open, and data that is not, add up", putBasic(
		value.Obj("ReadWriteType", "ReadOnly", "DataResources", resources(nil)),
		value.Obj("ReadWriteType", "WriteOnly", "DataResources", resources([]string{"arn:aws:s3"}))), "WRD"},
	{"several selectors add up", putBasic(value.Obj("ReadWriteType", "ReadOnly"), value.Obj("ReadWriteType", "WriteOnly")), "WR"},
	{"data of one, management of another", putBasic(value.Obj("ReadWriteType", "WriteOnly"),
		value.Obj("IncludeManagementEvents", false, "DataResources", resources([]string{"arn:aws:s3"}))), "WD"},
	{"data of a ReadOnly selector is D all the same",
		putBasic(value.Obj("ReadWriteType", "ReadOnly", "DataResources", resources([]string{"arn:aws:s3"}))), "Rd"},
	{"data of a WriteOnly selector",
		putBasic(value.Obj("ReadWriteType", "WriteOnly", "DataResources", resources([]string{"arn:aws:s3"}))), "WD"},
	{"eventCategory Equals Management gives R and W", putAdvanced("Management"), "WR"},
	{"with readOnly Equals true only R", putAdvanced("reads"), "R"},
	{"false only W", putAdvanced("writes"), "W"},
	{"eventCategory Equals Data gives D", putAdvanced("Data"), "D"},
	{"whatever readOnly says", putAdvanced("Management", "data reads"), "WRd"},
	{"several advanced selectors add up", putAdvanced("reads", "Data"), "RD"},
	{"reads and writes", putAdvanced("writes", "reads"), "WR"},
	{"data of which only one selector is read-only", putAdvanced("reads", "data reads", "Data"), "RD"},
}

// TestWhatSelectorsLog: each insight type is accepted on exactly the events that the trail logs.
func TestWhatSelectorsLog(t *testing.T) {
	const call, errors, data ID = "logs/call-rate-needs-write", "logs/error-rate-needs-management", "logs/data-needs-data"
	var scenes []*scene
	for _, x := range eventSelectors {
		needs := func(needed, letters string, id ID) {
			s := rule(id, x.about+": "+needed).in(trail(x.asked)).ask(put(needed))
			switch {
			case strings.Contains(x.logs, "(D)") && letters == "D":
				s.open(yes(needed), get.answers(yes(needed)))
				s.opens(pageRuleOf(id).codes()...)
				s.wrong(no("TrailNotFound"))
			case letters == "D" && needed == "call:Data" && strings.Contains(x.logs, "d"):
				s.reference(yes(needed), get.answers(yes(needed)))
				s.deviations(pageRuleOf(id).codes()...)
				s.wrong(no("TrailNotFound"))
			case strings.ContainsAny(strings.ToUpper(x.logs), letters):
				s.reference(yes(needed), get.answers(yes(needed)))
				for _, code := range pageRuleOf(id).codes() {
					s.wrong(no(code))
				}
			default:
				s.alone()
			}
			scenes = append(scenes, s)
		}
		needs("call", "W", call)
		needs("error", "RW", errors)
		needs("call:Data", "D", data)
		needs("error:Data", "D", data)
	}
	play(t, scenes)
}

var loggingScenes = []*scene{
	rule("logs/call-rate-needs-write", "a new trail has R and W, no D").
		in(trail()).ask(put("call", "error")).
		reference(yes("call", "error")),
	rule("logs/call-rate-needs-write", "ApiCallRateInsight on Management needs W").
		in(trail(readsOnly)).ask(put("call")).alone(),
	rule("logs/call-rate-needs-write", "beside a type that has what it needs").
		in(trail(readsOnly)).ask(put("error", "call:Management")).alone(),
	rule("logs/error-rate-needs-management", "ApiErrorRateInsight on Management needs R or W").
		in(trail(putAdvanced("Data"))).ask(put("error")).alone(),
	rule("logs/error-rate-needs-management", "both types on a trail without management events").
		in(trail(putAdvanced("Data"))).ask(put("call", "error")).
		reference(no("InvalidInsightSelectors")).codesOf("logs/call-rate-needs-write").
		violationOf(either("logs/call-rate-needs-write", "logs/error-rate-needs-management"), Documented, yes("call", "error")),
	rule("logs/data-needs-data", "either type on Data needs D").
		in(trail()).ask(put("call:Data")).alone(),
	rule("logs/data-needs-data", "beside Management").
		in(trail()).ask(put("error:Management,Data")).alone(),
	rule("logs/data-needs-data", "after the data events were taken away").
		in(dataTrail(withoutData)).ask(put("error:Data")).alone(),

	rule("logs/read-only-error-rate", "ApiErrorRateInsight on a read-only trail is fine").
		in(trail(readsOnly)).ask(put("error")).
		reference(yes("error"), get.answers(yes("error"))).
		violations(Documented, "InvalidInsightSelectors", "InvalidParameter"),
	rule("logs/disable-needs-nothing", "[] needs no prerequisite").
		in(trail(putAdvanced("Data"))).ask(put()).
		reference(yes(), get.answers(notEnabled)).
		violationOf(either("logs/disable-needs-nothing", "put/empty-when-off"), Inferred, no("InvalidInsightSelectors")).
		violationOf(either("logs/disable-needs-nothing", "put/empty-when-off"), Inferred, no("InvalidParameter")),
	rule("logs/disable-needs-nothing", "where it has gone").
		in(trail(put("call"), readsOnly, get.answers(yes("call")))).ask(put()).
		reference(yes(), get.answers(notEnabled)).
		violationOf(either("logs/disable-needs-nothing", "put/empty-disables"), 0, no("InvalidInsightSelectors")),

	rule("logs/selectors-change-later", "removes a prerequisite: 200, Insights kept").
		in(trail(put("call"), get)).ask(readsOnly).
		reference(ok, get.answers(yes("call"))).
		reference(ok, getTrail.answers(has)).
		deviation(ok, get.answers(notEnabled)).
		deviation(no("InvalidEventSelectors"), get.answers(yes("call"))).
		deviation(no("InvalidInsightSelectors"), get.answers(yes("call"))).
		deviation(no("OperationNotPermitted"), get.answers(yes("call"))).
		violations(Inferred, "NobodyHeardOfIt", "Conflict").
		violation(Inferred, ok, get.answers(yes("error"))),
	rule("logs/selectors-change-later", "after Get showed it the target is held to it").
		in(trail(put("call"), readsOnly, get.answers(yes("call")))).ask(get).
		reference(yes("call")).
		violationOf(either("logs/selectors-change-later", "get/reflects-put"), 0, yes("error")),
	rule("logs/selectors-change-later", "a refusal leaves what the trail logs").
		in(trail(put("call"), readsOnly.answers(no("InvalidEventSelectors")))).ask(put("call")).
		reference(yes("call")),
	rule("logs/selectors-change-later", "that removes none: Insights is kept").
		in(dataTrail(put("call"))).ask(withoutData).
		reference(ok, get.answers(yes("call"))),

	rule("logs/selectors-change-later", "whether read data events are enough is open").
		in(dataTrail(put("call:Data"), get)).ask(putAdvanced("Management", "data reads")).
		open(ok, get.answers(yes("call:Data"))).
		open(ok, get.answers(notEnabled)).
		open(no("InvalidEventSelectors"), get.answers(yes("call:Data"))),
	rule("logs/selectors-change-later", "so is whether empty Values are").
		in(dataTrail(put("error:Data"), get)).ask(putBasic(value.Obj("DataResources", resources(nil)))).
		open(ok, get.answers(yes("error:Data"))).
		open(ok, get.answers(notEnabled)).
		open(no("InvalidInsightSelectors"), get.answers(yes("error:Data"))),

	rule("logs/stop-logging", "StopLogging turns Insights off on the trail").
		in(trail(put("call", "error"), get)).ask(stop).
		reference(ok, get.answers(notEnabled)).
		deviation(ok, get.answers(yes("call", "error"))).
		violationOf(either("logs/stop-logging", "get/reflects-put"), 0, ok, get.answers(yes("call"))).
		violationOf(either("logs/stop-logging", "get/reflects-put"), 0, ok, get.answers(no("InvalidParameter"))),
	rule("logs/stop-logging", "after Get still answered the old selectors").
		in(trail(put("call"), get, stop, get.answers(yes("call")))).ask(get).
		reference(yes("call")).
		violationOf(either("logs/stop-logging", "get/reflects-put"), 0, notEnabled),
	rule("logs/stop-logging", "after Get was InsightNotEnabledException").
		in(trail(put("call"), get, stop, get.answers(notEnabled))).ask(get).
		reference(notEnabled),
	rule("logs/stop-logging", "a trail that is off stays off").
		in(trail()).ask(stop).
		reference(ok, get.answers(notEnabled), getTrail.answers(hasNot)),

	rule("logs/start-logging", "brings the stored selectors back").
		in(trail(put("call"), get, stop)).ask(start).
		reference(ok, get.answers(yes("call")), getTrail.answers(has)).
		deviation(ok, get.answers(notEnabled), getTrail.answers(hasNot)).
		violation(0, ok, get.answers(yes("error"))).
		wrong(ok, get.answers(yes("call")), getTrail.answers(hasNot)),
	rule("logs/start-logging", "after Get was InsightNotEnabledException too").
		in(trail(put("call"), get, stop, get.answers(notEnabled))).ask(start).
		reference(ok, get.answers(yes("call"))).
		deviation(ok, get.answers(notEnabled)),
	rule("logs/start-logging", "unless a Get showed the selectors while it was stopped").
		in(trail(put("call"), get, stop, get.answers(yes("call")))).ask(start).
		reference(ok, get.answers(yes("call"))).
		violation(0, ok, get.answers(notEnabled)),
	rule("logs/start-logging", "a trail that was stopped twice").
		in(trail(put("call"), get, stop, stop)).ask(start).
		reference(ok, get.answers(yes("call"))).
		deviation(ok, get.answers(notEnabled)),
	rule("logs/start-logging", "a Put that was refused in between is none").
		in(trail(put("call"), get, stop, put("error").answers(no("OperationNotPermitted")))).ask(start).
		reference(ok, get.answers(yes("call"))).
		deviation(ok, get.answers(notEnabled)),
	rule("logs/start-logging", "whatever was taken away while it was stopped").
		in(trail(put("call"), get, stop, readsOnly)).ask(start).
		reference(ok, get.answers(yes("call"))).
		open(ok, get.answers(notEnabled)),
	rule("logs/start-logging", "Insights that stayed off can be put again").
		in(trail(put("call"), stop, start, get.answers(notEnabled))).ask(put("error")).
		reference(yes("error"), get.answers(yes("error"))),

	rule("logs/put-while-stopped", "never started").
		in([]step{create}).ask(put("call")).
		reference(yes("call"), get.answers(yes("call"))).
		deviation(yes("call"), get.answers(notEnabled)).
		deviations("InvalidParameter", "InvalidInsightSelectors", "OperationNotPermitted", "UnsupportedOperation").
		violations(Inferred, "InvalidParameterCombination", "InsightNotEnabled"),
	rule("logs/put-while-stopped", "or stopped").
		in(trail(put("error"), stop)).ask(put("call")).
		reference(yes("call"), get.answers(yes("call"))).
		deviation(yes("call"), get.answers(notEnabled)).
		deviation(no("OperationNotPermitted"), get.answers(notEnabled)).
		open(no("OperationNotPermitted"), get.answers(yes("error"))).
		deviations("InvalidParameter", "InvalidInsightSelectors", "UnsupportedOperation").
		violation(Inferred, no("TrailNotFound")),
	rule("logs/put-while-stopped", "HasInsightSelectors either until StartLogging").
		in([]step{create, put("call"), get.answers(notEnabled)}).ask(getTrail).
		open(has, get.answers(notEnabled)).
		open(hasNot, get.answers(notEnabled)),
	rule("logs/put-while-stopped", "StartLogging brings it into force").
		in([]step{create, put("call"), get.answers(notEnabled)}).ask(start).
		reference(ok, get.answers(yes("call")), getTrail.answers(has)).
		violationOf(either("logs/put-while-stopped", "logs/start-logging"), 0, ok, get.answers(notEnabled)).
		wrong(ok, getTrail.answers(hasNot)),

	rule("logs/put-while-stopped", "what came into force can be stopped again").
		in([]step{create, put("call"), get.answers(notEnabled), start, get, stop, get.answers(notEnabled)}).ask(start).
		reference(ok, get.answers(yes("call"))).
		deviationOf("logs/start-logging", ok, get.answers(notEnabled)),

	rule("logs/visible", "GetEventSelectors shows the selectors last stored").
		in(trail(readsOnly)).ask(getEvents).
		reference(showsLogs(ReadEvents)).
		violation(Documented, showsLogs(ManagementEvents)).
		violation(Documented, showsLogs(WriteEvents)).
		violation(Documented, showsLogs(ReadEvents|DataEvents)),
	rule("logs/visible", "a second call replaces the first").
		in(trail(readsOnly, withData)).ask(getEvents).
		reference(showsLogs(ManagementEvents|DataEvents)).
		violation(Documented, showsLogs(ReadEvents)).
		violation(Documented, showsLogs(ManagementEvents)),
	rule("logs/visible", "and advanced selectors basic ones").
		in(trail(withData, putAdvanced("writes"))).ask(getEvents).
		reference(showsLogs(WriteEvents)).
		violation(Documented, showsLogs(ManagementEvents|DataEvents)).
		violation(Documented, showsLogs(WriteEvents|DataEvents)),
	rule("logs/visible", "with only empty Values either way is accepted").
		in(trail(putBasic(value.Obj("ReadWriteType", "WriteOnly", "DataResources", resources(nil))))).ask(getEvents).
		open(showsLogs(WriteEvents)).
		open(showsLogs(WriteEvents|DataEvents)).
		violation(Documented, showsLogs(ReadEvents)).
		violation(Documented, showsLogs(ManagementEvents)),
	rule("logs/visible", "a refused call stores none").
		in(trail(put("call"))).ask(readsOnly).
		deviationOf("logs/selectors-change-later", no("InvalidEventSelectors"), getEvents.answers(showsLogs(ManagementEvents))),
	rule("logs/visible", "what was stored before stays").
		in(trail(withData, put("call"))).ask(readsOnly).
		deviationOf("logs/selectors-change-later", no("InvalidEventSelectors"), getEvents.answers(showsLogs(ManagementEvents|DataEvents))).
		violationOf(either("error/atomic", "logs/visible"), Documented, no("InvalidEventSelectors"), getEvents.answers(showsLogs(ReadEvents))),
	rule("logs/visible", "GetEventDataStore shows them").
		in(stores()).ask(updateStore(source, "writes")).
		reference(ok, of(OpGetStore, source).answers(showsLogs(WriteEvents))).
		violation(Documented, ok, of(OpGetStore, source).answers(showsLogs(ManagementEvents))),
	rule("logs/visible", "those of another store are left").
		in(stores(updateStore(source, "writes"))).ask(of(OpGetStore, dest)).
		reference(showsLogs(InsightEvents)).
		violation(Documented, showsLogs(WriteEvents)),

	rule("trail/create-existing", "TrailAlreadyExistsException, selectors kept").
		in(trail(put("call"), get)).ask(create).
		reference(no("TrailAlreadyExists"), get.answers(yes("call"))).
		deviation(no("InvalidParameter"), get.answers(yes("call"))).
		deviation(ok, get.answers(yes("call"))).
		violation(Inferred, ok, get.answers(notEnabled)).
		violation(Inferred, ok, get.answers(yes("error"))).
		violationOf(either("trail/create-existing", "error/atomic"), 0, no("TrailAlreadyExists"), get.answers(notEnabled)),
	rule("trail/create-existing", "a trail of that name in another Region is another trail").
		in(trail(put("call"), get)).ask(create.from(away)).
		reference(ok, get.answers(yes("call")), get.from(away).answers(notEnabled)).
		reference(ok, start.from(away), put("error").from(away).answers(yes("error").owned(DefaultWorld.TrailARN(away, name), "", ""))).
		wrong(ok, get.from(away).answers(yes("call").owned(DefaultWorld.TrailARN(away, name), "", ""))),
	rule("trail/create-existing", "what it logs is kept too").
		in(trail(readsOnly, create.answers(no("TrailAlreadyExists")))).ask(put("call")).
		reference(no("InvalidInsightSelectors")).codesOf("logs/call-rate-needs-write"),

	rule("trail/update-keeps", "UpdateTrail of other settings keeps Insights").
		in(trail(put("call"), get)).ask(update).
		reference(ok, get.answers(yes("call")), getTrail.answers(has)).
		violation(Inferred, ok, get.answers(notEnabled)).
		violation(Inferred, ok, get.answers(yes("error"))),

	rule("trail/delete-forgets", "after DeleteTrail: TrailNotFoundException").
		in(trail(put("call"))).ask(remove).
		reference(ok, get.answers(no("TrailNotFound"))).
		reference(ok, put("call").answers(no("TrailNotFound"))).
		violation(Documented, ok, get.answers(yes("call"))).
		violation(Documented, ok, get.answers(notEnabled)).
		violation(Documented, ok, put("call").answers(yes("call"))).
		violation(Documented, ok, put().answers(yes())).
		violation(Documented, ok, getTrail.answers(has)).
		violation(Documented, ok, getTrail.with("Name", arnOf(name)).answers(has)),
	rule("trail/delete-forgets", "a new trail of that name starts off").
		in(trail(put("call"), remove)).ask(create).
		reference(ok, start, get.answers(notEnabled), getTrail.answers(hasNot)).
		violation(Documented, ok, start, get.answers(yes("call"))).
		wrong(ok, start, getTrail.answers(has)),
	rule("trail/delete-forgets", "also one that was stopped").
		in(trail(put("call"), stop, remove, create)).ask(start).
		reference(ok, get.answers(notEnabled)),
	rule("trail/delete-forgets", "and logs what a new trail does").
		in(trail(readsOnly, remove, create, start)).ask(put("call")).
		reference(yes("call")),
}

var getEvents = on(OpGetEvents, "TrailName", name)

// showsLogs is a 200 with event selectors that log these events.
func showsLogs(logs Logs) reply { return reply{Answer: Answer{Outcome: Succeeded, Logs: logs | Shown}} }

// TestWithoutStartLogging: where the target has no StartLogging, its trails count as logging, and a
// refusal that is accepted on a stopped trail excuses nothing.
func TestWithoutStartLogging(t *testing.T) {
	world := DefaultWorld
	world.NoStart = true
	x := &run{tracker: NewTracker(&world)}
	x.play(create, put("call").answers(no("UnsupportedOperation")))
	assert.False(t, x.verdict.Allowed, x.log())
}

// TestLentTrails: of a trail that was there before it is not known what it logs, until it is said.
func TestLentTrails(t *testing.T) {
	world := DefaultWorld
	world.Lent = true
	for _, a := range []reply{yes("call:Data"), no("InvalidParameter")} {
		x := &run{tracker: NewTracker(&world)}
		x.play(create, start, put("call:Data").answers(a))
		assert.True(t, x.verdict.Allowed, x.log())
		x.play(withoutData, put("error:Data").answers(yes("error:Data")))
		assert.False(t, x.verdict.Allowed, x.log())
	}
}
