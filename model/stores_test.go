package model

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/model/value"
)

// Section 5, event data stores.

func TestStores(t *testing.T) { play(t, storeScenes) }

// inactiveCodes are those of row 18, which store/not-ingesting accepts too.
var inactiveCodes = pageRuleOf("store/inactive").codes()

// idle is a store of that kind which was created without ingestion.
func idle(logs string) step { return createStore(logs).with("StartIngestion", value.Boolean(false)) }

var storeScenes = []*scene{
	rule("store/enables", "200 with both ARNs, no TrailARN").
		in(stores()).ask(putStore("call", "error")).
		reference(yes("call", "error").owned("", storeARN(source), storeARN(dest)),
			getStore.answers(yes("call", "error").owned("", storeARN(source), storeARN(dest)))).
		violations(Documented, "InvalidParameter", "InvalidInsightSelectors", "InsightNotEnabled", "NobodyHeardOfIt").
		violationOf(either("store/enables", "store/arn-or-suffix"), Documented, yes("call", "error").owned("", storeARN(dest2), storeARN(dest))).
		violationOf("answer/one-owner", Inferred, yes("call", "error").owned(arnOf(name), storeARN(source), storeARN(dest))),
	rule("store/enables", "what was enabled is on").
		in(stores()).ask(putStore("call:Management")).
		reference(yes("call"), getStore.answers(yes("call"))).
		violationOf(either("store/enables", "get/reflects-put"), Documented, yes("call"), getStore.answers(notEnabled)).
		violationOf(either("store/enables", "get/reflects-put"), Documented, yes("call"), getStore.answers(yes("error"))),

	rule("store/arn-or-suffix", "the ARN and the ID suffix mean the same").
		in(stores()).ask(putBoth(storeARN(source), storeARN(dest), "call")).
		reference(yes("call"), getStore.answers(yes("call"))),
	rule("store/arn-or-suffix", "in both members").
		in(stores()).ask(putBoth(storeARN(source), dest, "call")).
		reference(yes("call"), getFrom(storeARN(source)).answers(yes("call"))),
	rule("store/arn-or-suffix", "answers carry ARNs").
		in(stores()).ask(putStore("call")).
		reference(yes("call").owned("", storeARN(source), storeARN(dest))).
		violation(Documented, yes("call").owned("", source, storeARN(dest))).
		violation(Documented, yes("call").owned("", storeARN(source), dest)),
	rule("store/arn-or-suffix", "in Get too").
		in(stores(putStore("call"))).ask(getStore).
		reference(yes("call").owned("", storeARN(source), storeARN(dest))).
		violationOf(either("store/arn-or-suffix", "get/reflects-put"), Documented, yes("call").owned("", source, storeARN(dest))).
		violationOf(either("store/arn-or-suffix", "get/reflects-put"), Documented, yes("call").owned("", storeARN(source), dest)),

	rule("store/disable", "[] without a destination: 200; Get then InsightNotEnabledException").
		in(stores(putStore("call"))).ask(putStore().without("InsightsDestination")).
		reference(yes(), getStore.answers(notEnabled)).
		violations(Documented, "InvalidParameterCombination", "InvalidParameter").
		violation(Documented, yes(), getStore.answers(yes("call"))).
		violationOf(either("store/disable", "store/enables"), Documented, yes("call")),
	rule("store/disable", "when it is off already").
		in(stores()).ask(putStore().without("InsightsDestination")).
		reference(yes(), getStore.answers(notEnabled)).
		violationOf(either("store/disable", "put/empty-when-off"), 0, no("InvalidParameterCombination")),
	rule("store/disable", "and another Put turns it on again").
		in(stores(putStore("call"), putStore().without("InsightsDestination"))).ask(putBoth(source, dest2, "error")).
		reference(yes("error"), getStore.answers(yes("error"))),

	rule("store/disable-with-destination", "the same with a destination: reference 200").
		in(stores(putStore("call"))).ask(putStore()).
		reference(yes(), getStore.answers(notEnabled)).
		deviation(no("InvalidParameterCombination"), getStore.answers(yes("call"))).
		deviation(no("InvalidParameter"), getStore.answers(yes("call"))).
		violations(Inferred, "Validation", "NobodyHeardOfIt").
		violationOf(either("store/disable-with-destination", "store/disable"), 0, yes(), getStore.answers(yes("call"))),

	rule("store/repoint", "a Put with another destination is answered 200 and replaces it").
		in(stores(putStore("call"), getStore)).ask(putBoth(source, dest2, "call")).
		reference(yes("call"), getStore.answers(yes("call").owned("", storeARN(source), storeARN(dest2)))).
		violations(Inferred, "InvalidInsightSelectors", "InvalidParameter").
		violationOf("get/reflects-put", Documented, yes("call"), getStore.answers(yes("call").owned("", storeARN(source), storeARN(dest)))).
		violationOf(either("store/repoint", "store/enables"), 0, yes("call").owned("", storeARN(source), storeARN(dest))),
	rule("store/repoint", "after a refusal the old one stays").
		in(stores(putStore("call"), getStore)).ask(putBoth(source, dest2, "Nonsense")).
		reference(no("InvalidInsightSelectors"), getStore.answers(yes("call").owned("", storeARN(source), storeARN(dest)))).
		codesOf("selector/type-invalid").
		violationOf(either("get/reflects-put", "error/atomic"), Documented,
			no("InvalidInsightSelectors"), getStore.answers(yes("call").owned("", storeARN(source), storeARN(dest2)))),

	rule("store/default-category", `an explicit EventCategories: ["Management"] is accepted`).
		in(stores()).ask(putStore("call:Management")).
		reference(yes("call"), getStore.answers(yes("call:Management"))).
		violations(Documented, "InvalidInsightSelectors", "InvalidParameter"),
	rule("store/default-category", "and means the same as none").
		in(stores(putStore("call"))).ask(putStore("call:Management")).
		reference(yes("call"), getStore.answers(yes("call"))),

	rule("store/stop-ingestion", "StopEventDataStoreIngestion keeps the selectors; Get may also answer InsightNotEnabledException").
		in(stores(putStore("call"), getStore)).ask(of(OpStopIngestion, source)).
		reference(ok, getStore.answers(yes("call"))).
		deviation(ok, getStore.answers(notEnabled)).
		violation(0, ok, getStore.answers(yes("error"))),
	rule("store/stop-ingestion", "StartEventDataStoreIngestion keeps the selectors").
		in(stores(putStore("call"), getStore, of(OpStopIngestion, source))).ask(of(OpStartIngestion, source)).
		reference(ok, getStore.answers(yes("call"))).
		violation(0, ok, getStore.answers(notEnabled)).
		violation(0, ok, getStore.answers(yes("call", "error"))),
	rule("store/stop-ingestion", "after Get was InsightNotEnabledException too").
		in(stores(putStore("call"), of(OpStopIngestion, source), getStore.answers(notEnabled))).ask(of(OpStartIngestion, source)).
		reference(ok, getStore.answers(yes("call"))).
		violation(0, ok, getStore.answers(notEnabled)),
	rule("store/stop-ingestion", "a destination cannot be stopped").
		in(stores(putStore("call"), getStore)).ask(of(OpStopIngestion, dest)).
		open(no("InvalidEventDataStoreCategory"), getStore.answers(yes("call"))).
		open(ok, getStore.answers(yes("call"))),
	rule("store/stop-ingestion", "a store that is off stays off").
		in(stores(of(OpStopIngestion, source))).ask(of(OpStartIngestion, source)).
		reference(ok, getStore.answers(notEnabled)),
	rule("store/stop-ingestion", "what was put while it was stopped stands").
		in(stores(putStore("call"), getStore, of(OpStopIngestion, source), getStore.answers(notEnabled), putBoth(source, dest2, "error"))).
		ask(of(OpStartIngestion, source)).
		reference(ok, getStore.answers(yes("error").owned("", storeARN(source), storeARN(dest2)))),
	rule("store/stop-ingestion", "what was put off stays off").
		in(stores(putStore("call"), of(OpStopIngestion, source), putStore().without("InsightsDestination"))).ask(of(OpStartIngestion, source)).
		reference(ok, getStore.answers(notEnabled)),

	rule("store/not-ingesting", "a source that was created without ingestion").
		in(stores(idle("Management"))).ask(putBoth(fourth, dest, "call")).
		reference(yes("call"), getFrom(fourth).answers(yes("call"))).
		open(yes("call"), getFrom(fourth).answers(notEnabled)).
		deviations(inactiveCodes...).
		violations(Inferred, "Validation", "NobodyHeardOfIt"),
	rule("store/not-ingesting", "a destination").
		in(stores(idle("Insight"))).ask(putBoth(source, fourth, "error")).
		reference(yes("error")).
		deviations(inactiveCodes...).
		violation(Inferred, no("CloudTrailARNInvalid")),
	rule("store/not-ingesting", "a source that was stopped").
		in(stores(of(OpStopIngestion, source))).ask(putStore("call")).
		reference(yes("call"), getStore.answers(yes("call"))).
		deviationOf("store/stop-ingestion", yes("call"), getStore.answers(notEnabled)).
		deviations(inactiveCodes...).
		violation(Inferred, no("Validation")),
	rule("store/not-ingesting", "[] for a source that was stopped").
		in(stores(putStore("call"), of(OpStopIngestion, source))).ask(putStore().without("InsightsDestination")).
		reference(yes(), getStore.answers(notEnabled)).
		deviations(inactiveCodes...),
	rule("store/not-ingesting", "a source that was created without ingestion, and started, is enabled").
		in(stores(idle("Management"), of(OpStartIngestion, fourth))).ask(putBoth(fourth, dest, "call")).
		reference(yes("call")),
	rule("store/not-ingesting", "a source that was started again is enabled").
		in(stores(of(OpStopIngestion, source), of(OpStartIngestion, source))).ask(putStore("call")).
		reference(yes("call"), getStore.answers(yes("call"))),

	rule("store/update-guard", "an update that breaks a live prerequisite: InvalidInsightSelectorsException, nothing changed").
		in(stores(putStore("call"), getStore)).ask(updateStore(source, "reads")).
		reference(no("InvalidInsightSelectors"), getStore.answers(yes("call"))).
		reference(no("InvalidInsightSelectors"), of(OpGetStore, source).answers(showsLogs(ManagementEvents))).
		violation(Documented, ok).
		violations(Documented, "InvalidParameter", "NobodyHeardOfIt").
		violationOf(either("store/update-guard", "error/atomic"), Documented, no("InvalidInsightSelectors"), getStore.answers(notEnabled)).
		violationOf(either("store/update-guard", "error/atomic"), Documented, no("InvalidInsightSelectors"),
			of(OpGetStore, source).answers(showsLogs(ReadEvents))),
	rule("store/update-guard", "of the error rate").
		in(stores(putStore("error"), getStore)).ask(updateStore(source, "Data")).
		reference(no("InvalidInsightSelectors"), getStore.answers(yes("error"))).
		violation(Documented, ok),
	rule("store/update-guard", "with Insights off it is 200").
		in(stores()).ask(updateStore(source, "reads")).
		reference(ok, putStore("call").answers(no("InvalidInsightSelectors"))).
		violations(Documented, "InvalidInsightSelectors", "InvalidParameter"),
	rule("store/update-guard", "after [] too").
		in(stores(putStore("call"), putStore().without("InsightsDestination"))).ask(updateStore(source, "Data")).
		reference(ok).
		violation(Documented, no("InvalidInsightSelectors")),
	rule("store/update-guard", "an update that keeps what Insights needs").
		in(stores(putStore("error"), getStore)).ask(updateStore(source, "reads")).
		reference(ok, getStore.answers(yes("error"))).
		violation(Documented, no("InvalidInsightSelectors")),

	rule("store/no-data", "Get must never show Data there").
		in(stores()).ask(putStore("call")).
		reference(yes("call"), getStore.answers(yes("call"))).
		violation(Documented, yes("call"), getStore.answers(yes("call:Data"))).
		violation(Documented, yes("call"), getStore.answers(yes("call:Management,Data"))),
	rule("store/no-data", "after a refusal").
		in(stores(putStore("error"))).ask(putStore("error:Data")).
		reference(no("InvalidInsightSelectors"), getStore.answers(yes("error"))).codesOf("store/data-category").
		violationOf(either("store/no-data", "error/atomic"), Documented, no("InvalidInsightSelectors"), getStore.answers(yes("error:Data"))),

	rule("store/delete-restore", "what they do to the selectors is not claimed").
		in(stores(putStore("call"), of(OpDeleteStore, source))).ask(of(OpRestoreStore, source)).
		silent(ok, getStore.answers(yes("call")), getStore.answers(yes("call"))).
		silent(ok, getStore.answers(notEnabled), getStore.answers(notEnabled)),
	rule("store/delete-restore", "nor what the deletion of a destination does to its source").
		in(stores(putStore("call"))).ask(of(OpDeleteStore, dest)).
		open(ok, getStore.answers(yes("call"))).
		open(ok, getStore.answers(notEnabled)),
	rule("store/delete-restore", "isolation still holds").
		in(stores(createStore("Management"), putBoth(fourth, dest2, "error"), putStore("call"))).ask(of(OpDeleteStore, source)).
		silent(ok, getFrom(fourth).answers(yes("error"))).
		wrong(ok, getFrom(fourth).answers(yes("call").owned("", storeARN(fourth), storeARN(dest2)))),
	rule("store/delete-restore", "and atomicity").
		in(stores(putStore("call"))).ask(of(OpDeleteStore, source)).
		silent(no("OperationNotPermitted"), getStore.answers(yes("call"))),
}

// TestWithoutStores: what names a store is refused by a target that has none, and nothing else is known.
func TestWithoutStores(t *testing.T) {
	world := DefaultWorld
	world.NoStores = true
	s := NewState(&world)
	for _, asked := range []step{getStore, putStore("call"), putStore().without("InsightsDestination")} {
		for _, b := range Step(s, asked.Request) {
			assert.Equal(t, Refused, b.Answer.Outcome, "%#v", asked.Request)
			assert.Empty(t, diffStates(s, b.Next))
		}
	}
}
