package model

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/model/value"
)

// Section 8, the fine print, sentence by sentence: what two rules leave open is accepted either way.

func TestFinePrint(t *testing.T) { play(t, finePrintScenes) }

var finePrintScenes = slices.Concat(inputScenes, severalScenes, branchScenes, answerScenes)

var inputScenes = []*scene{
	rule("trail/name-syntax", `TrailName: "" is given (and blank, row 6)`).
		in(trail()).ask(putTo("", "call")).
		reference(no("InvalidTrailName")).
		deviations("TrailNotFound", "InvalidParameter", "InvalidParameterCombination").
		violation(Documented, no("Validation")).
		violation(Documented, yes("call").owned(arnOf(name), "", "")),
	rule("input/trail-and-store", `with valid store members, reading it as absent is also accepted`).
		in(stores()).ask(putStore("call").with("TrailName", "")).
		reference(no("InvalidParameterCombination"), getStore.answers(notEnabled)).
		open(yes("call"), getStore.answers(yes("call"))).
		opens("InvalidParameter", "InvalidTrailName", "TrailNotFound"),
	rule("input/trail-and-store", `with [] too`).
		in(stores(putStore("call"))).ask(putStore().without("InsightsDestination").with("TrailName", "")).
		reference(no("InvalidParameterCombination"), getStore.answers(yes("call"))).
		open(yes(), getStore.answers(notEnabled)).
		opens("InvalidParameter", "InvalidTrailName", "TrailNotFound"),
	rule("input/trail-and-store", `in Get too`).
		in(stores(putStore("call"))).ask(getStore.with("TrailName", "")).
		reference(no("InvalidParameterCombination")).
		open(yes("call")).
		opens("InvalidParameter", "InvalidTrailName", "TrailNotFound"),
	rule("input/trail-and-store", `white space is given, and not read as absent`).
		in(stores()).ask(putStore("call").with("TrailName", " ")).
		reference(no("InvalidParameterCombination")).codesOf("input/trail-and-store", "trail/name-syntax").
		violation(Documented, yes("call").owned("", storeARN(source), storeARN(dest))),

	rule("put/stores", "null for a member is absent; also accepted: row 1").
		in(trail()).ask(put("call").with("EventDataStore", value.NullValue)).
		reference(yes("call"), get.answers(yes("call"))).
		deviationOf("wire/wrong-type", no("Serialization"), get.answers(notEnabled)).
		opens("InvalidInsightSelectors", "InvalidParameter", "Validation"),
	rule("put/default-management", "null for EventCategories").
		in(trail()).ask(put().with("InsightSelectors", value.ListOf(selector("call").With("EventCategories", value.NullValue)))).
		reference(yes("call"), get.answers(yes("call"))).
		opens("Serialization", "InvalidInsightSelectors", "InvalidParameter", "Validation"),
	rule("input/no-resource", "null for TrailName").
		in(trail()).ask(put("call").with("TrailName", value.NullValue)).
		reference(no("InvalidParameterCombination")).
		opens("InvalidParameter", "InvalidTrailName", "Validation", "Serialization", "InvalidInsightSelectors").
		violation(Inferred, no("TrailNotFound")).
		violation(Inferred, yes("call").owned(arnOf(name), "", "")),
	rule("get/not-enabled", "null for a member of Get").
		in(trail()).ask(get.with("EventDataStore", value.NullValue)).
		reference(notEnabled).
		opens("Serialization", "InvalidInsightSelectors", "InvalidParameter", "Validation"),

	rule("get/reflects-put", "a stray InsightsDestination in Get is an unknown member").
		in(trailAndStores(put("call"))).ask(get.with("InsightsDestination", dest)).
		reference(yes("call")).
		deviationsOf("wire/unknown-members", "Serialization", "Validation"),
	rule("input/no-resource", "alone it names nothing").
		in(stores()).ask(on(OpGet, "InsightsDestination", dest)).
		reference(no("InvalidParameterCombination")).
		opens("InvalidParameter", "InvalidTrailName", "Validation", "Serialization").
		violation(Inferred, no("NobodyHeardOfIt")),

	rule("input/store-needs-both", "[] with InsightsDestination alone: row 5 or 3, level inferred").
		in(stores(putStore("call"))).ask(putStore().without("EventDataStore")).
		reference(no("InvalidParameterCombination"), getStore.answers(yes("call"))).
		opens("InvalidParameter", "InvalidInsightSelectors", "InvalidTrailName", "Validation").
		violationOf(either("input/store-needs-both", "input/no-resource"), Inferred, no("NobodyHeardOfIt")).
		violationOf(either("input/store-needs-both", "input/no-resource"), Inferred, yes().owned("", storeARN(dest), "")),
	rule("input/trail-and-store", "row 5 does not apply when a trail is given too").
		in(trailAndStores()).ask(put("call").with("EventDataStore", source)).
		reference(no("InvalidParameterCombination")).
		deviations("InvalidParameter").
		violation(Documented, no("InvalidInsightSelectors")),

	rule("wire/wrong-type", "null inside a list: row 1 or row 10, level inferred").
		in(trail()).ask(put().with("InsightSelectors", value.ListOf(value.NullValue))).
		reference(no("Serialization")).
		opens("InvalidInsightSelectors", "InvalidParameter", "Validation").
		violationOf(either("wire/wrong-type", "selector/type-missing"), Inferred, no("TrailNotFound")).
		violationOf(either("wire/wrong-type", "selector/type-missing"), Inferred, yes()),
	rule("wire/wrong-type", "null inside a list: row 1 or row 11, level inferred").
		in(trail()).ask(put().with("InsightSelectors", value.ListOf(selector("call").With("EventCategories", value.ListOf(value.NullValue))))).
		reference(no("Serialization"), get.answers(notEnabled)).
		opens("InvalidInsightSelectors", "InvalidParameter", "Validation").
		violationOf(either("wire/wrong-type", "selector/category-invalid"), Inferred, no("TrailNotFound")).
		violationOf(either("wire/wrong-type", "selector/category-invalid"), Inferred, yes("call")),

	rule("wire/wrong-type", "makes the codes of all other rules that the rest of the request breaks acceptable").
		in(trail()).ask(putTo("nobody").with("InsightSelectors", value.ListOf(value.Boolean(true)))).
		reference(no("Serialization")).
		deviations("InvalidInsightSelectors", "InvalidParameter", "Validation").
		deviationOf(Order, no("TrailNotFound")).
		violation(Inferred, no("OperationNotPermitted")),
	rule("wire/wrong-type", "does not count as enabling").
		in(stores()).ask(on(OpPut, "EventDataStore", source, "InsightSelectors", "all of them")).
		reference(no("Serialization")).codesOf("wire/wrong-type", "input/selectors-missing"),
	rule("wire/wrong-type", "it may count as given for row 3").
		in(trail()).ask(put().with("TrailName", number)).
		reference(no("Serialization")).
		opens("InvalidParameterCombination", "InvalidParameter", "InvalidTrailName", "Validation", "InvalidInsightSelectors"),
	rule("wire/wrong-type", "for row 4").
		in(stores()).ask(putStore("call").with("TrailName", number)).
		reference(no("Serialization")).
		opens("InvalidParameterCombination", "InvalidParameter", "InvalidInsightSelectors", "Validation").
		wrong(yes("call").owned("", storeARN(source), storeARN(dest))),
	rule("wire/wrong-type", "and for row 5").
		in(stores()).ask(putStore("call").with("InsightsDestination", number)).
		reference(no("Serialization")).
		opens("InvalidParameterCombination", "InvalidParameter", "InvalidInsightSelectors", "Validation"),

	rule("trail/arn-syntax", "another partition than the target's: row 7").
		in(trail()).ask(putTo("arn:aws-cn:cloudtrail:us-east-1:123456789012:trail/my-trail", "call")).
		reference(no("CloudTrailARNInvalid")).
		deviations("InvalidTrailName", "TrailNotFound", "InvalidParameter").
		violation(Documented, yes("call")),
	rule("trail/arn-syntax", "or 15 where its Region differs").
		in(trail()).ask(putTo("arn:aws-cn:cloudtrail:cn-north-1:123456789012:trail/my-trail", "call")).
		reference(no("CloudTrailARNInvalid")).
		opens("InvalidTrailName", "TrailNotFound", "InvalidParameter", "InvalidHomeRegion"),
	rule("trail/arn-syntax", "a bad name within the ARN: row 7").
		in(trail()).ask(putTo(arnOf("my-_trail"), "call")).alone(),
	rule("trail/arn-syntax", "an IPv4 address within the ARN, in Get").
		in(trail()).ask(getOf(arnOf("192.168.5.4"))).alone(),
	rule("trail/arn-syntax", "a Region that does not exist: row 7 or 15").
		in(trail()).ask(putTo("arn:aws:cloudtrail:nowhere-1:123456789012:trail/my-trail", "call")).
		open(no("CloudTrailARNInvalid")).
		opens("InvalidTrailName", "TrailNotFound", "InvalidParameter", "InvalidHomeRegion"),
}

var severalScenes = []*scene{
	rule("wire/unknown-members", "refusals that are merely accepted count as broken rules: unknown members").
		in(trail()).ask(putTo("nobody", "call").with("Unknown", "x")).
		reference(no("TrailNotFound")).
		deviationsOf(Order, "Serialization", "Validation"),
	rule("put/duplicate-type", "duplicates").
		in(trail()).ask(putTo("nobody", "call", "call")).
		reference(no("TrailNotFound")).
		deviationsOf(Order, "InvalidInsightSelectors", "InvalidParameter"),
	rule("put/duplicate-category", "duplicate categories").
		in(trail()).ask(putTo("nobody", "call:Management,Management")).
		reference(no("TrailNotFound")).
		deviationsOf(Order, "InvalidInsightSelectors", "InvalidParameter"),
	rule("put/categories-empty", "empty categories").
		in(trail()).ask(putTo("nobody", "call:")).
		reference(no("TrailNotFound")).
		deviationsOf(Order, "InvalidInsightSelectors", "InvalidParameter", "Validation"),
	rule("logs/put-while-stopped", "a stopped trail").
		in([]step{create, readsOnly}).ask(put("call")).
		reference(no("InvalidInsightSelectors")).codesOf("logs/call-rate-needs-write").
		deviationOf(Order, no("UnsupportedOperation")),
	rule("store/disable-with-destination", "[] with a destination").
		in(stores()).ask(putBoth(nobody, dest)).
		reference(no("InvalidParameter")).codesOf("store/not-found").
		deviationOf(Order, no("InvalidParameterCombination")),
	rule("wire/unknown-members", "two that are merely accepted").
		in([]step{create}).ask(put("call").with("Unknown", "x")).
		reference(yes("call")).
		opens("Serialization", "Validation", "InvalidParameter", "InvalidInsightSelectors", "OperationNotPermitted", "UnsupportedOperation"),

	rule("put/duplicate-type-differing", "last in the order, after row 29").
		in(trail(withData, arrange("key-unusable"))).ask(put("call", "call:Data")).
		reference(no("Kms")).
		deviationOf("kms/unusable", no("InsufficientEncryptionPolicy")).
		deviationsOf(Order, "InvalidInsightSelectors", "InvalidParameter").
		open(yes("call"), get.answers(yes("call"))).
		open(yes("call:Data"), get.answers(yes("call:Data"))).
		open(yes("call:Management,Data"), get.answers(yes("call:Management,Data"))),
	rule("put/duplicate-type-differing", "prerequisites may be checked for every entry or for the winning ones").
		in(trail()).ask(put("call", "call:Data")).
		reference(no("InvalidParameter")).
		opens("InvalidInsightSelectors", "InvalidParameterCombination", "OperationNotPermitted").
		open(yes("call"), get.answers(yes("call"))).
		wrong(yes("call", "call:Data")),

	rule("input/trail-and-store", "with row 4 broken, rows 6-8 count where their condition holds").
		in(stores()).ask(putBoth("a b", dest, "call").with("TrailName", "my-_trail")).
		reference(no("InvalidParameterCombination")).codesOf("trail/name-syntax", "store/id-syntax").
		deviations("InvalidParameter").
		deviationsOf(Order, "InvalidTrailName", "TrailNotFound", "EventDataStoreARNInvalid"),
	rule("input/trail-and-store", "so do rows 12-18").
		in(stores(of(OpDeleteStore, dest))).ask(putBoth(nobody, dest, "call:Data").with("TrailName", foreignTrail)).
		reference(no("InvalidParameterCombination")).
		codesOf("store/data-category", "trail/other-account", "store/not-found", "store/inactive").
		deviationsOf(Order, "UnsupportedOperation", "NotOrganizationMasterAccount", "EventDataStoreARNInvalid", "InactiveEventDataStore"),
	rule("input/trail-and-store", "row 15").
		in(trailAndStores()).ask(putStore("call").with("TrailName", DefaultWorld.TrailARN(away, name))).
		reference(no("InvalidParameterCombination")).codesOf("input/trail-and-store", "trail/home-region").
		deviationOf(Order, no("InvalidHomeRegion")),
	rule("input/trail-and-store", "rows 22-29 do not").
		in(trailAndStores(readsOnly, arrange("key-unusable"), arrange("bucket-denied"))).ask(putBoth(source, source, "call").with("TrailName", name)).
		reference(no("InvalidParameterCombination")).
		deviations("InvalidParameter").
		violations(Documented, "InvalidInsightSelectors", "OperationNotPermitted", "Kms", "InsufficientS3BucketPolicy"),

	rule("trail/not-found", "an ARN of another Region without such a trail there: row 13 or 15").
		in(trail()).ask(putTo(DefaultWorld.TrailARN(away, name), "call")).
		open(no("TrailNotFound")).
		opens("InvalidHomeRegion", "CloudTrailARNInvalid"),
	rule("trail/other-account", "another account and another Region: both rows").
		in(trail()).ask(putTo(strings.Replace(foreignTrail, home, away, 1), "call")).
		reference(no("CloudTrailARNInvalid")).
		opens("TrailNotFound", "AccessDenied", "NotOrganizationMasterAccount", "InvalidHomeRegion"),
	rule("store/other-account", "a store ARN of another account: row 17 alone").
		in(stores()).ask(putBoth(strings.Replace(storeARN(nobody), DefaultWorld.Account, DefaultWorld.OtherAccount, 1), dest, "call")).alone(),
	rule("store/inactive", "a pending store given []: row 18 or 200").
		in(stores(of(OpDeleteStore, source))).ask(putStore().without("InsightsDestination")).
		open(yes()).
		opens(inactiveCodes...).
		violation(0, no("Validation")),
	rule("store/inactive", "with a destination, which may be checked").
		in(stores(of(OpDeleteStore, source))).ask(putStore()).
		open(yes()).
		codesOf("store/inactive", "store/disable-with-destination"),
	rule("store/inactive", "of which both are pending").
		in(stores(of(OpDeleteStore, source), of(OpDeleteStore, dest))).ask(putStore()).
		open(yes()).
		codesOf("store/inactive", "store/disable-with-destination"),
	rule("logs/put-while-stopped", "[] on a stopped trail: 200, or the refusals of logs/put-while-stopped").
		in(trail(put("call"), stop)).ask(put()).
		reference(yes(), get.answers(notEnabled)).
		deviations("InvalidParameter", "InvalidInsightSelectors", "OperationNotPermitted", "UnsupportedOperation"),
	rule("logs/start-logging", "[] on a stopped trail stands").
		in(trail(put("call"), stop, put())).ask(start).
		reference(ok, get.answers(notEnabled)),
}

var branchScenes = []*scene{
	rule("logs/data-needs-data", "for the call rate where only read data events are logged: 200 is the reference").
		in(trail(putAdvanced("Management", "data reads"))).ask(put("call:Data")).
		reference(yes("call:Data"), get.answers(yes("call:Data"))).
		deviations("InvalidParameter", "InvalidInsightSelectors", "InvalidParameterCombination", "OperationNotPermitted"),
	rule("logs/data-needs-data", "the error rate has what it needs").
		in(trail(putAdvanced("Management", "data reads"))).ask(put("error:Data")).
		reference(yes("error:Data")),
	rule("logs/data-needs-data", "read data events beside write ones").
		in(trail(putAdvanced("Management", "data reads", "Data"))).ask(put("call:Data")).
		reference(yes("call:Data")),

	rule("put/categories-empty", "type not enabled: the type may or may not appear in the answer").
		in(trail(put("error"))).ask(put("call:", "error")).
		reference(yes("call", "error")).codesOf("put/categories-empty").
		deviation(yes("error"), get.answers(yes("error"))).
		deviation(yes("error", "call:"), get.answers(yes("error"))).
		deviation(yes("error", "call:"), get.answers(yes("error", "call:"))),
	rule("put/categories-empty", "its prerequisites may or may not be checked").
		in(trail(readsOnly)).ask(put("call:", "error")).
		reference(no("InvalidInsightSelectors")).codesOf("logs/call-rate-needs-write", "put/categories-empty").
		open(yes("error"), get.answers(yes("error"))).
		open(yes("error", "call:"), get.answers(yes("error"))),

	rule("logs/stop-logging", "until the next Put or StartLogging, HasInsightSelectors may be either, whatever Get answers").
		in(trail(put("call"), stop)).ask(getTrail).
		open(has, get.answers(notEnabled), getTrail.answers(hasNot)).
		open(hasNot, get.answers(yes("call")), getTrail.answers(hasNot)).
		open(has, get.answers(yes("call")), getTrail.answers(hasNot)).
		open(hasNot, get.answers(notEnabled), getTrail.answers(has)),
	rule("logs/stop-logging", "after StartLogging it agrees with Get").
		in(trail(put("call"), stop, get.answers(yes("call")), start)).ask(getTrail).
		reference(has).
		violationOf("trail/has-insight-selectors", 0, hasNot),
	rule("logs/stop-logging", "after [] it is false").
		in(trail(put("call"), stop, put())).ask(getTrail).
		reference(hasNot).
		violationOf("trail/has-insight-selectors", 0, has),

	rule("logs/start-logging", "after a Put in between, that Put stands").
		in(trail(put("call"), stop, put("error"))).ask(start).
		reference(ok, get.answers(yes("error")), getTrail.answers(has)),

	rule("logs/selectors-change-later", "dropped: all types, or those that lost their prerequisite").
		in(trail(put("call", "error"), get)).ask(readsOnly).
		reference(ok, get.answers(yes("call", "error"))).
		deviation(ok, get.answers(yes("error"))).
		deviation(ok, get.answers(notEnabled)).
		violation(Inferred, ok, get.answers(yes("call"))),
	rule("logs/selectors-change-later", "a basic selector with neither is itself refused: no deviation").
		in(trail(put("call"))).ask(putBasic(value.Obj("IncludeManagementEvents", false))).
		reference(no("InvalidEventSelectors"), get.answers(yes("call"))).
		open(ok, get.answers(yes("call"))).
		open(ok, get.answers(notEnabled)),
	rule("logs/selectors-change-later", "with Insights off it may be accepted too").
		in(trail()).ask(putBasic(value.Obj("IncludeManagementEvents", false))).
		reference(no("InvalidEventSelectors"), put("call").answers(yes("call"))).
		open(ok, put("call").answers(no("InvalidInsightSelectors"))),

	rule("store/disable-with-destination", "the destination may or may not be checked").
		in(stores(putStore("call"))).ask(putBoth(source, nobody)).
		reference(yes(), getStore.answers(notEnabled)).
		codesOf("store/disable-with-destination", "store/not-found"),
	rule("store/disable-with-destination", "row 8").
		in(stores(putStore("call"))).ask(putBoth(source, "a b")).
		reference(yes()).
		codesOf("store/disable-with-destination", "store/id-syntax"),
	rule("store/disable-with-destination", "row 17").
		in(stores()).ask(putBoth(source, foreignStore)).
		reference(yes()).codesOf("store/disable-with-destination", "store/other-account"),
	rule("store/disable-with-destination", "row 18").
		in(stores(of(OpDeleteStore, dest))).ask(putStore()).
		reference(yes()).codesOf("store/disable-with-destination", "store/inactive"),
	rule("store/disable-with-destination", "rows 23 and 25").
		in(stores()).ask(putBoth(source, source)).
		reference(yes()).codesOf("store/disable-with-destination", "store/destination-not-insight", "store/same-store"),
	rule("store/disable-with-destination", "the answer to a store's [] may carry InsightsDestination").
		in(stores(putStore("call"))).ask(putStore()).
		reference(yes().owned("", storeARN(source), "")).codesOf("store/disable-with-destination").
		silent(yes().owned("", storeARN(source), storeARN(dest))).
		violationOf("answer/one-owner", Inferred, yes().owned(arnOf(name), storeARN(source), "")),
	rule("store/disable", "without a destination too").
		in(stores(putStore("call"))).ask(putStore().without("InsightsDestination")).
		reference(yes().owned("", storeARN(source), "")).
		silent(yes().owned("", storeARN(source), storeARN(dest))),

	rule("store/update-guard", "whether it protects a destination too is open").
		in(stores(putStore("call"))).ask(updateStore(dest, "Management")).
		open(ok).
		open(no("InvalidInsightSelectors"), getStore.answers(yes("call"))).
		wrong(no("NobodyHeardOfIt")),
	rule("store/update-guard", "whether stopped ingestion counts as active is open").
		in(stores(putStore("call"), of(OpStopIngestion, source))).ask(updateStore(source, "reads")).
		open(no("InvalidInsightSelectors")).
		open(ok).
		wrong(no("NobodyHeardOfIt")),
	rule("store/update-guard", "so it is of a source that never ingested").
		in(stores(idle("Management"), putBoth(fourth, dest, "error"))).ask(updateStore(fourth, "Data")).
		open(no("InvalidInsightSelectors")).
		open(ok),
	rule("store/update-guard", "an update that breaks nothing answers 200").
		in(stores(putStore("call"))).ask(updateStore(source, "writes")).
		reference(ok, getStore.answers(yes("call"))).
		violations(Documented, "InvalidInsightSelectors", "InvalidParameter"),
	rule("store/update-guard", "nor one of other settings").
		in(stores(putStore("call"))).ask(of(OpUpdateStore, source).with("Name", "renamed")).
		reference(ok, getStore.answers(yes("call"))).
		violation(Documented, no("InvalidInsightSelectors")),

	rule("trail/home-region", "multi-Region trails: from another Region, Put by name as row 15").
		in(multiRegion()).ask(put("call").from(away)).
		reference(no("TrailNotFound"), get.answers(notEnabled)).
		deviations("InvalidHomeRegion").
		violation(Observed, no("InvalidParameter")).
		violation(Observed, yes("call")),
	rule("trail/home-region", "multi-Region trails: Get by name may also answer the selectors").
		in(multiRegion(put("call"))).ask(get.from(away)).
		reference(no("TrailNotFound")).
		open(yes("call")).
		opens("InvalidHomeRegion"),
	rule("trail/home-region", "multi-Region trails: one that UpdateTrail made so").
		in(trail(put("error"), update.with("IsMultiRegionTrail", value.Boolean(true)))).ask(get.from(away)).
		reference(no("TrailNotFound")).
		open(yes("error")).
		opens("InvalidHomeRegion"),
	rule("trail/home-region", "multi-Region trails: Get by name while it is off").
		in(multiRegion()).ask(get.from(away)).
		reference(no("TrailNotFound")).
		open(notEnabled).
		opens("InvalidHomeRegion"),
}

func multiRegion(more ...step) []step {
	return append([]step{create.with("IsMultiRegionTrail", value.Boolean(true)), start}, more...)
}

var answerScenes = []*scene{
	rule("put/stores", "EventCategories: [] in an answer is right only where the request said so").
		in(trail()).ask(put("call")).
		reference(yes("call")).
		wrong(yes("call:")),
	rule("get/reflects-put", "in Get too").
		in(trail(put("call"))).ask(get).
		reference(yes("call")).
		wrong(yes("call", "error:")).
		wrong(yes("call:")),
	rule("trail/not-found", "a wrong code under the rule whose condition held").
		in(trail(put("call"), arrange("key-unusable"), remove, createOf("other"))).ask(putTo("nobody", "call")).
		reference(no("TrailNotFound")).
		violations(Documented, "Kms", "InvalidParameter"),

	unconcerned("reads", getTrail),
	unconcerned("the state of logging", on(OpStatus, "Name", name).answers(reply{Answer: Answer{Outcome: Succeeded, Logging: Yes}})),
	unconcerned("the event selectors", getEvents),
	unconcerned("selectors that keep the prerequisites", withData),
	unconcerned("StartLogging of a trail that is logging", start),
	unconcerned("the deletion of another trail", on(OpDelete, "Name", "other")),
	rule("get/reflects-put", "covers updates of a store that keep the prerequisites").
		in(stores(putStore("call"), getStore)).ask(updateStore(source, "writes")).
		reference(ok, getStore.answers(yes("call"))).
		violation(Documented, ok, getStore.answers(notEnabled)).
		violation(Documented, ok, getStore.answers(yes("error"))),
}

// unconcerned is a call that has no business with Insights.
func unconcerned(words string, call step) *scene {
	before := two(put("call"), get.answers(yes("call")), call)
	return rule("get/reflects-put", "also covers calls that have no business with Insights: "+words).
		in(before).ask(get).
		reference(yes("call")).
		violation(Documented, notEnabled).
		violation(Documented, yes("error")).
		violation(Documented, yes("call", "error"))
}

// TestMalformed: of malformed JSON, a body that is no object, an empty body and another method, any 4xx
// is accepted.
func TestMalformed(t *testing.T) {
	for _, body := range []string{`{"TrailName":`, `[]`, `"x"`, `null`, ``, `{} {}`} {
		for _, op := range []Op{OpPut, OpGet} {
			x := newRun().play(trail(put("call"))...)
			x.play(step{Request: Request{Op: op, Raw: &body}}.answers(no("Serialization")), get.answers(yes("call")))
			assert.True(t, x.verdict.Allowed && len(x.deviations) == 0, "%s with %q", op, body)
			x.play(step{Request: Request{Op: op, Raw: &body}}.answers(no("NobodyHeardOfIt")), get.answers(yes("call")))
			assert.True(t, x.verdict.Allowed && len(x.deviations) == 0, "%s with %q", op, body)
			x.play(get.answers(notEnabled))
			assert.False(t, x.verdict.Allowed, "%s with %q, refused, changes nothing", op, body)
		}
	}
	r := put("error")
	r.Method = "PUT"
	for _, a := range []reply{no("Serialization"), no("MethodNotAllowed"), no("")} {
		x := newRun().play(trail(put("call"))...).play(r.answers(a), get.answers(yes("call")))
		assert.True(t, x.verdict.Allowed && len(x.deviations) == 0, "%s by another method", describe(a.Answer))
	}
}
