package model

import "testing"

// Section 2, storing and reading.

func TestStoring(t *testing.T) { play(t, storingScenes) }

var dataTrail = func(more ...step) []step { return trail(append([]step{withData}, more...)...) }

var storingScenes = []*scene{
	rule("state/initially-off", "a new trail has Insights off: Get answers InsightNotEnabledException").
		in(trail()).ask(get).
		reference(notEnabled).
		violation(Documented, yes("call")).
		violationOf(either("state/initially-off", "get/not-enabled"), Documented, yes()),
	rule("state/initially-off", "another trail that is on makes no difference").
		in(trail(put("call"), createOf("other"), startOf("other"))).ask(getOf("other")).
		reference(notEnabled).
		violationOf(either("state/initially-off", "state/isolated"), Documented, yes("call")).
		violation(Documented, yes("error")),

	rule("put/stores", "a valid Put on a trail answers 200 with the requested selectors as a set").
		in(trail()).ask(put("call:Management", "error:Management")).
		reference(yes("call", "error")).
		reference(yes("error:Management", "call:Management"), get.answers(yes("call", "error"))).
		violation(Documented, yes("call")).
		violation(Documented, yes()).
		violations(Documented, "InvalidParameter", "InvalidInsightSelectors", "TrailNotFound").
		violations(Documented, "InsightNotEnabled", "Conflict", "NobodyHeardOfIt"),
	rule("put/stores", "with data events every set can be stored").
		in(dataTrail()).ask(put("call:Data", "error:Management,Data")).
		reference(yes("call:Data", "error:Management,Data"), get.answers(yes("call:Data", "error:Data,Management"))).
		violation(Documented, yes("call:Data", "error:Data")).
		violation(Documented, yes("call", "error")).
		violation(Documented, no("InvalidParameterCombination")),
	rule("put/stores", "with the full trail ARN").
		in(trail()).ask(put("call")).
		reference(yes("call").owned(arnOf(name), "", "")).
		violation(Documented, yes("call").owned(name, "", "")).
		violation(Documented, yes("call").owned(arnOf("other"), "", "")).
		violationOf(either("put/stores", "answer/one-owner"), Documented, yes("call").owned("", "", "")),

	rule("put/replaces-list", "a type it does not name is off").
		in(trail(put("call"))).ask(put("error")).
		reference(yes("error"), get.answers(yes("error"))).
		violation(Observed, yes("error"), get.answers(yes("call", "error"))).
		violationOf(either("put/replaces-list", "put/stores"), 0, yes("call", "error")),
	rule("put/replaces-list", "of two types one is left").
		in(trail(put("call", "error"))).ask(put("call")).
		reference(yes("call"), get.answers(yes("call"))).
		violation(Observed, yes("call"), get.answers(yes("call", "error"))),
	rule("put/replaces-list", "a list that the new one was added to").
		in(dataTrail(put("call"))).ask(put("call:Data")).
		reference(yes("call:Data"), get.answers(yes("call:Data"))).
		violationOf(either("put/replaces-list", "put/overwrites-categories"), 0, yes("call:Data"), get.answers(yes("call", "call:Data"))),

	rule("put/overwrites-categories", "Management, then Put Data only: Management off").
		in(dataTrail(put("call:Management"))).ask(put("call:Data")).
		reference(yes("call:Data"), get.answers(yes("call:Data"))).
		violation(Documented, yes("call:Data"), get.answers(yes("call:Management,Data"))).
		violationOf(either("put/overwrites-categories", "put/stores"), Documented, yes("call:Management,Data")),
	rule("put/overwrites-categories", "for every type").
		in(dataTrail(put("call", "error:Management"))).ask(put("call", "error:Data")).
		reference(yes("call", "error:Data"), get.answers(yes("call", "error:Data"))).
		violation(Documented, yes("call", "error:Data"), get.answers(yes("call", "error:Management,Data"))),
	rule("put/overwrites-categories", "both, then Put Management: Data off").
		in(dataTrail(put("error:Management,Data"))).ask(put("error:Management")).
		reference(yes("error"), get.answers(yes("error"))).
		violation(Documented, yes("error"), get.answers(yes("error:Management,Data"))),

	rule("put/default-management", "without EventCategories the type is on for Management alone").
		in(dataTrail()).ask(put("call")).
		reference(yes("call"), get.answers(yes("call:Management"))).
		violation(Documented, yes("call"), get.answers(yes("call:Management,Data"))).
		violation(Documented, yes("call"), get.answers(yes("call:Data"))).
		violationOf(either("put/default-management", "put/stores"), Documented, yes("call:Management,Data")).
		violationOf(either("put/default-management", "put/stores"), Documented, yes("call:Data")),
	rule("put/default-management", "keeping Data is also accepted where it was on before").
		in(dataTrail(put("call:Data"))).ask(put("call")).
		reference(yes("call"), get.answers(yes("call"))).
		deviation(yes("call:Management,Data"), get.answers(yes("call:Management,Data"))).
		violationOf(either("put/default-management", "put/stores"), 0, yes("call:Data")).
		violationOf(either("put/default-management", "put/stores"), 0, yes("error")),
	rule("put/default-management", "another type's Data is no reason").
		in(dataTrail(put("error:Data"))).ask(put("call")).
		reference(yes("call"), get.answers(yes("call"))),

	rule("put/empty-disables", "[] answers 200 with an empty list and turns Insights off").
		in(trail(put("call", "error"))).ask(put()).
		reference(yes(), get.answers(notEnabled)).
		reference(yes(), getTrail.answers(hasNot)).
		violations(Documented, "InvalidParameter", "InsightNotEnabled").
		violation(Documented, yes(), get.answers(yes("call", "error"))).
		violationOf(either("put/empty-disables", "put/replaces-list"), 0, yes(), get.answers(yes("call"))).
		violationOf(either("put/empty-disables", "put/stores"), Documented, yes("call", "error")),
	rule("put/empty-disables", "and another Put turns it on again").
		in(trail(put("call"), put())).ask(put("error")).
		reference(yes("error"), get.answers(yes("error"))),

	rule("put/empty-when-off", "[] when already off is a 200 no-op").
		in(trail()).ask(put()).
		reference(yes(), get.answers(notEnabled)).
		violations(Inferred, "InvalidParameter", "InsightNotEnabled"),
	rule("put/empty-when-off", "a second [] too").
		in(trail(put("call"), put())).ask(put()).
		reference(yes(), get.answers(notEnabled)).
		violation(Inferred, no("InvalidInsightSelectors")),

	rule("put/idempotent", "the same non-empty Put twice: same state").
		in(trail(put("call:Management"), get)).ask(put("call:Management")).
		reference(yes("call"), get.answers(yes("call"))).
		violation(Documented, yes("call"), get.answers(notEnabled)).
		violation(Documented, yes("call"), get.answers(yes("error"))).
		wrong(yes("call"), get.answers(yes("call", "call"))),
	rule("put/idempotent", "same answer: inferred").
		in(trail(put("call"))).ask(put("call")).
		reference(yes("call")).
		violationOf(either("put/idempotent", "put/stores"), 0, no("InvalidInsightSelectors")),

	rule("put/order-free", "order of selectors carries no meaning").
		in(trail()).ask(put("error", "call")).
		reference(yes("call", "error"), get.answers(yes("call", "error"))).
		reference(yes("error", "call"), get.answers(yes("call", "error"))).
		violationOf(either("put/order-free", "put/stores"), 0, no("InvalidInsightSelectors")),
	rule("put/order-free", "order of categories carries no meaning").
		in(dataTrail()).ask(put("call:Data,Management")).
		reference(yes("call:Management,Data"), get.answers(yes("call:Data,Management"))).
		violationOf(either("put/order-free", "put/stores"), 0, no("InvalidInsightSelectors")),

	rule("get/reflects-put", "Get answers the last stored selectors, as a set, and the full ARN").
		in(dataTrail(put("call:Data", "error:Management"))).ask(get).
		reference(yes("error", "call:Data")).
		violations(Documented, "InvalidParameter", "TrailNotFound").
		violation(Documented, yes("call:Data", "error").owned(name, "", "")).
		violation(Documented, yes("call:Data", "error").owned(arnOf("other"), "", "")).
		violationOf(either("get/reflects-put", "put/stores"), Documented, notEnabled).
		violationOf(either("get/reflects-put", "put/stores"), Documented, yes()).
		violationOf(either("get/reflects-put", "put/stores"), Documented, yes("error")),
	rule("get/reflects-put", "for a store also the destination of the last Put that was answered 200").
		in(stores(putStore("call"), putBoth(source, dest2, "error"), putBoth(source, nobody, "call").answers(no("InvalidParameter")))).
		ask(getStore).
		reference(yes("error").owned("", storeARN(source), storeARN(dest2))).
		violation(Documented, yes("error").owned("", storeARN(source), storeARN(dest))).
		violationOf(either("get/reflects-put", "error/atomic"), Documented, yes("error").owned("", storeARN(source), storeARN(nobody))),
	rule("get/reflects-put", "what was read right once was not stored wrong").
		in(trail(put("call"), get)).ask(get).
		reference(yes("call")).
		violation(Documented, notEnabled).
		violation(Documented, yes("error")),

	rule("get/not-enabled", "after [] too").
		in(trail(put("call"), put(), get.answers(notEnabled))).ask(get).
		reference(notEnabled).
		violation(Documented, yes()).
		violation(Documented, no("InvalidParameter")),

	rule("trail/has-insight-selectors", "true when Insights is on").
		in(trail(put("call"))).ask(getTrail).
		reference(has).
		violation(Documented, hasNot),
	rule("trail/has-insight-selectors", "exactly when Insights is on").
		in(trail()).ask(getTrail).
		reference(hasNot).
		violation(0, has),
	rule("trail/has-insight-selectors", "false after []").
		in(trail(put("call"), put())).ask(getTrail).
		reference(hasNot).
		violation(0, has),

	rule("trail/name-or-arn", "TrailName may be the ARN, with the same effect, in Put").
		in(trail()).ask(putTo(arnOf(name), "call")).
		reference(yes("call"), get.answers(yes("call"))).
		violationOf(either("trail/name-or-arn", "put/stores"), 0, no("CloudTrailARNInvalid")).
		violationOf(either("trail/name-or-arn", "put/stores"), 0, no("InvalidTrailName")),
	rule("trail/name-or-arn", "and in Get").
		in(trail(put("call"))).ask(getOf(arnOf(name))).
		reference(yes("call")).
		violationOf(either("trail/name-or-arn", "get/reflects-put"), 0, no("CloudTrailARNInvalid")),

	rule("answer/one-owner", "a trail's answer has TrailARN and no EDS members").
		in(trail()).ask(put("call")).
		reference(yes("call").owned(arnOf(name), "", "")).
		violation(Inferred, yes("call").owned(arnOf(name), storeARN(source), "")).
		violation(Inferred, yes("call").owned(arnOf(name), "", storeARN(dest))).
		violationOf(either("answer/one-owner", "put/stores"), Documented, yes("call").owned("", "", "")),
	rule("answer/one-owner", "in Get too").
		in(trail(put("call"))).ask(get).
		reference(yes("call").owned(arnOf(name), "", "")).
		violation(Inferred, yes("call").owned(arnOf(name), storeARN(source), "")).
		violationOf(either("answer/one-owner", "get/reflects-put"), Documented, yes("call").owned("", "", "")),
	rule("answer/one-owner", "an event data store's has EventDataStoreArn and InsightsDestination and no TrailARN").
		in(stores()).ask(putStore("call")).
		reference(yes("call").owned("", storeARN(source), storeARN(dest))).
		violation(Inferred, yes("call").owned(arnOf(name), storeARN(source), storeARN(dest))).
		violationOf(either("answer/one-owner", "store/enables"), Documented, yes("call").owned("", "", storeARN(dest))).
		violationOf(either("answer/one-owner", "store/enables"), Documented, yes("call").owned("", storeARN(source), "")),
	rule("answer/one-owner", "in Get of a store too").
		in(stores(putStore("call"))).ask(getStore).
		reference(yes("call").owned("", storeARN(source), storeARN(dest))).
		violation(Inferred, yes("call").owned(arnOf(name), storeARN(source), storeARN(dest))).
		violationOf(either("answer/one-owner", "get/reflects-put"), Documented, yes("call").owned("", storeARN(source), "")),

	rule("answer/one-entry-per-type", "exactly one entry per requested type: inferred").
		in(dataTrail()).ask(put("call:Management,Data")).
		reference(yes("call:Management,Data")).
		violation(Inferred, yes("call:Management,Data", "call:Management,Data")).
		violationOf(either("answer/one-entry-per-type", "put/stores"), 0, yes("call:Management", "call:Data")).
		violationOf(either("answer/one-entry-per-type", "put/stores"), 0, yes("call:Management,Data,Data")),
	rule("answer/one-entry-per-type", "all values from the enums: documented").
		in(trail()).ask(put("call")).
		reference(yes("call")).
		violation(Documented, yes("call:Management,Network")).
		violation(Documented, yes("call", "ApiLatencyInsight")).
		violation(Documented, yes("call:management")),
	rule("answer/one-entry-per-type", "in Get too").
		in(trail(put("call"))).ask(get).
		reference(yes("call")).
		violation(Documented, yes("call", "ApiLatencyInsight")).
		violationOf(either("answer/one-entry-per-type", "get/reflects-put"), 0, yes("call", "call")),

	rule("state/isolated", "a Put on one trail changes no other").
		in(two(put("call"), get)).ask(putTo("other", "error")).
		reference(yes("error"), get.answers(yes("call")), getOf("other").answers(yes("error"))).
		violation(Documented, yes("error"), get.answers(yes("error"))).
		violation(Documented, yes("error"), get.answers(notEnabled)).
		violation(Documented, yes("error"), get.answers(yes("call", "error"))),
	rule("state/isolated", "nor does [] turn another off").
		in(two(put("call"), putTo("other", "call"), getOf("other"))).ask(put()).
		reference(yes(), getOf("other").answers(yes("call"))).
		violation(Documented, yes(), getOf("other").answers(notEnabled)),
	rule("state/isolated", "trails and stores do not share").
		in(trailAndStores(put("error"))).ask(putStore("call")).
		reference(yes("call"), get.answers(yes("error"))).
		violation(Documented, yes("call"), get.answers(yes("call"))),
	rule("state/isolated", "nor do two stores").
		in(stores(createStore("Management"), putBoth(fourth, dest, "error"))).ask(putStore("call")).
		reference(yes("call"), getFrom(fourth).answers(yes("error"))).
		violation(Documented, yes("call"), getFrom(fourth).answers(yes("call").owned("", storeARN(fourth), storeARN(dest)))),

	rule("error/atomic", "a call that fails changes nothing, even when one of several selectors was valid").
		in(trail(put("call"))).ask(put("error", "Nonsense")).
		reference(no("InvalidInsightSelectors"), get.answers(yes("call"))).codesOf("selector/type-invalid").
		violation(Documented, no("InvalidInsightSelectors"), get.answers(yes("error"))).
		violation(Documented, no("InvalidInsightSelectors"), get.answers(yes("call", "error"))).
		violation(Documented, no("InvalidInsightSelectors"), get.answers(notEnabled)),
	rule("error/atomic", "whatever its code").
		in(trail()).ask(put("call", "error:Data")).
		reference(no("InvalidParameter"), get.answers(notEnabled)).codesOf("logs/data-needs-data").
		violation(Documented, no("InvalidInsightSelectors"), get.answers(yes("call"))),
	rule("error/atomic", "of event selectors").
		in(trail(put("call"))).ask(readsOnly).
		deviationOf("logs/selectors-change-later", no("InvalidInsightSelectors"), get.answers(yes("call"))).
		violationOf(either("error/atomic", "logs/selectors-change-later"), 0, no("InvalidInsightSelectors"), get.answers(notEnabled)),

	rule("put/categories-empty", "EventCategories: []: same as absent").
		in(trail()).ask(put("call:")).
		reference(yes("call"), get.answers(yes("call"))).
		deviation(yes(), get.answers(notEnabled)).
		deviation(yes("call:"), get.answers(notEnabled)).
		open(yes(), get.answers(yes())).
		open(yes("call:"), get.answers(yes("call:"))).
		open(yes("call:"), get.answers(yes())).
		deviations("InvalidInsightSelectors", "InvalidParameter", "Validation").
		violation(Inferred, no("TrailNotFound")).
		violation(Inferred, yes("call:Data")),
	rule("put/categories-empty", "the type is not enabled, beside one that is").
		in(trail()).ask(put("call:", "error")).
		reference(yes("call", "error"), get.answers(yes("call", "error"))).
		deviation(yes("error"), get.answers(yes("error"))).
		deviation(yes("call:", "error"), get.answers(yes("error"))).
		deviations("InvalidInsightSelectors", "InvalidParameter", "Validation"),

	rule("put/categories-empty", "on a store, with its destination or, where nothing is enabled, without").
		in(stores()).ask(putStore("call:")).
		reference(yes("call"), getStore.answers(yes("call"))).
		deviations("InvalidInsightSelectors", "InvalidParameter", "Validation").
		deviation(yes().owned("", storeARN(source), storeARN(dest)), getStore.answers(notEnabled)).
		deviation(yes().owned("", storeARN(source), ""), getStore.answers(notEnabled)).
		open(yes().owned("", storeARN(source), ""), getStore.answers(yes())).
		open(yes("call:").owned("", storeARN(source), storeARN(dest)), getStore.answers(notEnabled)).
		open(yes("call:").owned("", storeARN(source), ""), getStore.answers(yes("call:"))).
		open(yes("call:").owned("", storeARN(source), ""), getStore.answers(yes())),

	rule("put/duplicate-type", "the same type twice with the same categories: stored once").
		in(trail()).ask(put("call", "call")).
		reference(yes("call"), get.answers(yes("call"))).
		deviation(yes("call", "call"), get.answers(yes("call", "call"))).
		open(yes("call", "call"), get.answers(yes("call"))).
		deviations("InvalidInsightSelectors", "InvalidParameter").
		violation(Inferred, no("Validation")),
	rule("put/duplicate-type", "with the same categories in another order").
		in(dataTrail()).ask(put("error:Management,Data", "error:Data,Management")).
		reference(yes("error:Management,Data"), get.answers(yes("error:Management,Data"))).
		deviation(yes("error:Management,Data", "error:Management,Data")).
		deviations("InvalidInsightSelectors", "InvalidParameter").
		violation(Inferred, no("InvalidParameterCombination")),

	rule("put/duplicate-type", "on a store").
		in(stores()).ask(putStore("error", "call", "error")).
		reference(yes("call", "error"), getStore.answers(yes("call", "error"))).
		deviation(yes("error", "call", "error"), getStore.answers(yes("error", "call", "error"))).
		open(yes("error", "call", "error"), getStore.answers(yes("call", "error"))).
		deviations("InvalidInsightSelectors", "InvalidParameter"),

	rule("put/duplicate-type-differing", "the same type twice with different categories").
		in(dataTrail()).ask(put("call:Management", "call:Data")).
		reference(no("InvalidInsightSelectors"), get.answers(notEnabled)).
		deviation(yes("call:Management,Data"), get.answers(yes("call:Management,Data"))).
		deviation(yes("call:Management"), get.answers(yes("call:Management"))).
		deviation(yes("call:Data"), get.answers(yes("call:Data"))).
		deviation(yes("call:Management", "call:Data"), get.answers(yes("call:Management", "call:Data"))).
		deviations("InvalidParameter").
		violations(Inferred, "Validation", "TrailNotFound"),
	rule("put/duplicate-type-differing", "whatever Put answers, Get must answer the same").
		in(dataTrail()).ask(put("error:Management", "error:Data")).
		reference(no("InvalidInsightSelectors")).deviations("InvalidParameter").
		violation(Inferred, yes("error:Management"), get.answers(yes("error:Data"))).
		violation(Inferred, yes("error:Data"), get.answers(yes("error:Management,Data"))).
		violation(Inferred, yes("error:Management,Data"), get.answers(yes("error:Management"))).
		violation(Inferred, yes("error:Management", "error:Data"), get.answers(yes("error:Management"))).
		wrong(yes("error:Management"), get.answers(notEnabled)).
		violationOf("error/atomic", Documented, no("InvalidInsightSelectors"), get.answers(yes("error:Management"))),
	rule("put/duplicate-type-differing", "with three entries or more, any selection of them, merged or not").
		in(dataTrail()).ask(put("call:Management", "call:Data", "call:Management,Data")).
		reference(no("InvalidInsightSelectors")).deviations("InvalidParameter").
		deviation(yes("call:Management"), get.answers(yes("call:Management"))).
		deviation(yes("call:Data"), get.answers(yes("call:Data"))).
		deviation(yes("call:Management,Data"), get.answers(yes("call:Management,Data"))).
		deviation(yes("call:Management", "call:Data"), get.answers(yes("call:Data", "call:Management"))).
		deviation(yes("call:Data", "call:Management,Data"), get.answers(yes("call:Data", "call:Management,Data"))).
		deviation(yes("call:Management", "call:Data", "call:Management,Data"),
			get.answers(yes("call:Management", "call:Data", "call:Management,Data"))),
	rule("put/duplicate-type-differing", "two of three entries are the same").
		in(dataTrail()).ask(put("call:Data", "call:Data", "call")).
		reference(no("InvalidInsightSelectors")).deviations("InvalidParameter").
		deviation(yes("call"), get.answers(yes("call"))).
		deviation(yes("call:Management,Data"), get.answers(yes("call:Management,Data"))).
		deviation(yes("call:Data"), get.answers(yes("call:Data"))).
		deviation(yes("call:Data", "call"), get.answers(yes("call:Data", "call"))).
		deviation(yes("call:Data", "call:Data", "call"), get.answers(yes("call:Data", "call:Data", "call"))).
		deviation(yes("call:Data", "call:Data"), get.answers(yes("call:Data", "call:Data"))).
		open(yes("call:Data", "call:Data"), get.answers(yes("call:Data"))),

	rule("put/duplicate-type-differing", "beside a type that is listed once").
		in(dataTrail()).ask(put("call:Management", "error:Data", "call:Data")).
		reference(no("InvalidInsightSelectors")).deviations("InvalidParameter").
		deviation(yes("call:Management", "error:Data"), get.answers(yes("call:Management", "error:Data"))).
		deviation(yes("call:Data", "error:Data"), get.answers(yes("call:Data", "error:Data"))).
		deviation(yes("call:Management,Data", "error:Data"), get.answers(yes("call:Management,Data", "error:Data"))).
		deviation(yes("call:Management", "call:Data", "error:Data")).
		violation(Inferred, yes("call:Data", "error:Data"), get.answers(yes("call:Management", "error:Data"))),

	rule("put/duplicate-category", "a category twice: stored once").
		in(trail()).ask(put("call:Management,Management")).
		reference(yes("call"), get.answers(yes("call"))).
		deviation(yes("call:Management,Management"), get.answers(yes("call:Management,Management"))).
		open(yes("call:Management,Management"), get.answers(yes("call"))).
		deviations("InvalidInsightSelectors", "InvalidParameter").
		violation(Inferred, no("Validation")),
}
