package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform/model/value"
)

// Section 4, the errors, in the order in which the reference selects them.

func TestErrors(t *testing.T) { play(t, errorScenes) }

// codes are those that the page accepts for the rule, without "Exception".
func (r pageRule) codes() []string {
	var out []string
	for _, code := range append([]string{r.code}, r.also...) {
		if code != "200" && code != "" {
			out = append(out, bare(code))
		}
	}
	return out
}

func bare(code string) string { return strings.TrimSuffix(code, "Exception") }

// pageCodes are all codes that the page speaks of, and one that it does not. AccessDeniedException is
// none of a rule where no row has it, but the end of a run.
var pageCodes = func() []string {
	codes := []string{"NobodyHeardOfIt", "InsightNotEnabled", "TrailAlreadyExists", "InvalidEventSelectors", "Conflict"}
	for _, r := range page {
		for _, code := range append(r.codes(), r.sometimes...) {
			if code = bare(code); code != "" && code != "AccessDenied" && !slices.Contains(codes, code) {
				codes = append(codes, code)
			}
		}
	}
	return codes
}()

// alone says that the request breaks the rule of the scene and no other: its reference code, those
// that are accepted too with these besides, and every other code and a 200 as violations.
func (s *scene) alone(besides ...string) *scene {
	r := pageRuleOf(s.rule)
	return s.aloneAs(r.levels[0], r.codes()[0], append(r.codes()[1:], besides...)...)
}

// aloneAs is alone with its own codes.
func (s *scene) aloneAs(level Level, code string, also ...string) *scene {
	r := pageRuleOf(s.rule)
	s.reference(no(code)).deviations(also...)
	calls := r.unnamedCalls && len(also) > 0
	for _, other := range pageCodes {
		switch {
		case other == code || slices.Contains(also, other):
		case r.unnamed || calls:
			s.violation(Inferred, no(other))
		default:
			s.violation(level, no(other))
		}
	}
	success := yes("call")
	if asked := s.asked.Input.Get("InsightSelectors"); s.asked.Op == OpPut && len(asked.Items()) == 0 {
		success = yes()
	}
	if slices.Contains(r.also, "200") {
		return s.deviation(success)
	}
	return s.violation(level, success)
}

// codesOf are the refusals that rules answer or accept, however they are listed.
func (s *scene) codesOf(rules ...ID) *scene {
	for _, id := range rules {
		s.opens(pageRuleOf(id).codes()...)
	}
	return s
}

var number = value.Num("42")

// badNames, badARNs and badStores are what rows 6 to 8 are about.
var (
	badNames = map[string]string{
		"ab": "3 characters or more", strings.Repeat("a", 129): "128 characters or less", "a b c": "no space", "träil": "no other letters",
		"-trail": "starts alphanumeric", "trail_": "ends alphanumeric", "my-_trail": "no two of ._- adjacent",
		"my..trail":   "nor two that are the same",
		"192.168.5.4": "not an IPv4 address", "trail/x": "no slash",
	}
	badARNs = map[string]string{
		"arn:aws:s3:::bucket": "wrong service", "arn:aws:cloudtrail:us-east-1:123456789012:channel/my-trail": "wrong resource type",
		"arn:aws:cloudtrail:us-east-1:123456789012": "too few parts", "arn:aws:cloudtrail:us-east-1:123456789012:trail": "no name",
		"arn:": "nothing else", storeARN(source): "the ARN of a store",
	}
	badStores = map[string]string{
		"ab": "3 characters or more", strings.Repeat("a", 257): "256 characters or less", "a b c": "no space", "störe": "no other letters",
		"arn:aws:s3:::bucket": "another service's", arnOf(name): "a trail's",
	}
)

var errorScenes = slices.Concat(
	[]*scene{
		rule("wire/wrong-type", "InsightType is a number").
			in(trail()).ask(put().with("InsightSelectors", value.ListOf(value.Obj("InsightType", number)))).
			reference(no("Serialization")).deviations("InvalidInsightSelectors", "InvalidParameter", "Validation").
			violation(Inferred, no("TrailNotFound")).violation(Inferred, no("NobodyHeardOfIt")).violation(Inferred, yes("call")),
		rule("wire/wrong-type", "EventCategories is a string").
			in(trail()).ask(put().with("InsightSelectors", value.ListOf(selector("call").With("EventCategories", value.Str("Management"))))).
			alone(),
		rule("wire/wrong-type", "a category is a number").
			in(trail()).ask(put().with("InsightSelectors", value.ListOf(selector("call").With("EventCategories", value.ListOf(number))))).
			reference(no("Serialization")).deviations("InvalidInsightSelectors", "InvalidParameter", "Validation").
			violation(Inferred, no("TrailNotFound")).violation(Inferred, yes("call")),
		rule("wire/wrong-type", "TrailName is a number").
			in(trail()).ask(put("call").with("TrailName", number)).
			reference(no("Serialization")).codesOf("wire/wrong-type", "input/no-resource").
			violation(Inferred, no("OperationNotPermitted")).violation(Inferred, yes("call").owned(arnOf(name), "", "")),
		rule("wire/wrong-type", "InsightSelectors is an object").
			in(trail()).ask(put().with("InsightSelectors", value.Obj())).
			reference(no("Serialization")).codesOf("wire/wrong-type", "input/selectors-missing").
			violation(Inferred, no("OperationNotPermitted")).violation(Inferred, yes()),
		rule("wire/wrong-type", "a selector is a string").
			in(trail()).ask(put().with("InsightSelectors", value.Strs("ApiCallRateInsight"))).
			reference(no("Serialization")).opens("InvalidInsightSelectors", "InvalidParameter", "Validation").
			violation(Inferred, no("OperationNotPermitted")).violation(Inferred, yes("call")),
		rule("wire/wrong-type", "beside a selector that is right").
			in(trail()).ask(put().with("InsightSelectors", value.ListOf(selector("call"), value.Boolean(true)))).
			reference(no("Serialization"), get.answers(notEnabled)).codesOf("wire/wrong-type").
			violationOf("error/atomic", Documented, no("Serialization"), get.answers(yes("call"))),
		rule("wire/wrong-type", "in Get").
			in(trail()).ask(get.with("TrailName", number)).
			reference(no("Serialization")).codesOf("wire/wrong-type", "input/no-resource").
			violation(Inferred, no("OperationNotPermitted")).violation(Inferred, yes("call").owned(arnOf(name), "", "")),

		rule("wire/wrong-type", "in Get of a store").
			in(stores()).ask(getStore.with("EventDataStore", value.ListOf())).
			reference(no("Serialization")).codesOf("wire/wrong-type", "input/no-resource").
			violation(Inferred, no("OperationNotPermitted")),

		rule("wire/unknown-members", "unknown request members are ignored").
			in(trail()).ask(put("call").with("Unknown", "x")).
			reference(yes("call"), get.answers(yes("call"))).
			deviations("Serialization", "Validation").
			violations(Inferred, "InvalidParameter", "NobodyHeardOfIt"),
		rule("wire/unknown-members", "within a selector").
			in(trail()).ask(put().with("InsightSelectors", value.ListOf(selector("call").With("Unknown", number)))).
			reference(yes("call"), get.answers(yes("call"))).
			deviations("Serialization", "Validation").
			violation(Inferred, no("InvalidParameter")),
		rule("wire/unknown-members", "in Get").
			in(trail(put("call"))).ask(get.with("MaxResults", number)).
			reference(yes("call")).
			deviations("Serialization", "Validation"),

		rule("input/selectors-missing", "InsightSelectors absent").in(trail()).ask(put().without("InsightSelectors")).alone(),
		rule("input/selectors-missing", "null").in(trail()).ask(put().with("InsightSelectors", value.NullValue)).
			reference(no("InvalidParameter")).
			opens("InvalidInsightSelectors", "InvalidParameterCombination", "Validation", "Serialization").
			violation(Inferred, no("NobodyHeardOfIt")).
			violation(Documented, yes()),
		rule("input/selectors-missing", "never turns Insights off").in(trail(put("call"))).ask(put().without("InsightSelectors")).
			reference(no("InvalidParameter"), get.answers(yes("call"))).codesOf("input/selectors-missing").
			violation(Documented, yes()).
			violation(Documented, yes("call")).
			violationOf("error/atomic", Documented, no("InvalidParameter"), get.answers(notEnabled)),
		rule("input/selectors-missing", "on a store").in(stores(putStore("call"))).ask(putStore().without("InsightSelectors")).alone(),

		rule("input/no-resource", "none of TrailName, EventDataStore, InsightsDestination").
			in(trail()).ask(put("call").without("TrailName")).alone(),
		rule("input/no-resource", "with [] too").in(trail(put("call"))).ask(put().without("TrailName")).alone(),
		rule("input/no-resource", "Get: neither TrailName nor EventDataStore").in(trail()).ask(on(OpGet)).alone(),

		rule("input/trail-and-store", "TrailName with EventDataStore and InsightsDestination").
			in(trailAndStores()).ask(putStore("call").with("TrailName", name)).alone(),
		rule("input/trail-and-store", "with EventDataStore").
			in(trailAndStores()).ask(put("call").with("EventDataStore", source)).alone(),
		rule("input/trail-and-store", "with InsightsDestination").
			in(trailAndStores()).ask(put("error").with("InsightsDestination", dest)).alone(),
		rule("input/trail-and-store", "with []").
			in(trailAndStores()).ask(put().with("EventDataStore", source)).alone(),
		rule("input/trail-and-store", "in Get: TrailName with EventDataStore").
			in(trailAndStores(put("call"))).ask(get.with("EventDataStore", source)).alone(),

		rule("input/store-needs-both", "enabling with only EventDataStore").
			in(stores()).ask(putStore("call").without("InsightsDestination")).alone(),
		rule("input/store-needs-both", "enabling with only InsightsDestination").
			in(stores()).ask(putStore("call").without("EventDataStore")).alone(),
		rule("input/store-needs-both", "the destination of an earlier Put does not count").
			in(stores(putStore("call"))).ask(putStore("error").without("InsightsDestination")).
			reference(no("InvalidParameterCombination"), getStore.answers(yes("call"))).codesOf("input/store-needs-both").
			violation(Documented, yes("error").owned("", storeARN(source), storeARN(dest))),
	},

	names(badNames, func(bad, why string) []*scene {
		return []*scene{
			rule("trail/name-syntax", why).in(trail()).ask(putTo(bad, "call")).alone(),
			rule("trail/name-syntax", why+", in Get").in(trail()).ask(getOf(bad)).alone(),
		}
	}),
	names(map[string]string{"": "empty", "  ": "only white space"}, func(blank, why string) []*scene {
		return []*scene{
			rule("trail/name-syntax", why).in(trail()).ask(putTo(blank, "call")).alone("InvalidParameter", "InvalidParameterCombination"),
			rule("trail/name-syntax", why+", in Get").in(trail()).ask(getOf(blank)).alone("InvalidParameter", "InvalidParameterCombination"),
		}
	}),
	names(badARNs, func(bad, why string) []*scene {
		return []*scene{
			rule("trail/arn-syntax", why).in(trail()).ask(putTo(bad, "call")).alone(),
			rule("trail/arn-syntax", why+", in Get").in(trail()).ask(getOf(bad)).alone(),
		}
	}),
	names(badStores, func(bad, why string) []*scene {
		return []*scene{
			rule("store/id-syntax", why+" as the source").in(stores()).ask(putBoth(bad, dest, "call")).alone(),
			rule("store/id-syntax", why+" as the destination").in(stores()).ask(putBoth(source, bad, "call")).alone(),
			rule("store/id-syntax", why+" of []").in(stores()).ask(of(OpPut, bad).with("InsightSelectors", list())).alone(),
			rule("store/id-syntax", why+", in Get").in(stores()).ask(getFrom(bad)).alone(),
		}
	}),

	[]*scene{
		rule("selector/type-invalid", "InsightType outside the enum").in(trail()).ask(put("ApiLatencyInsight")).alone(),
		rule("selector/type-invalid", "in another letter case").in(trail()).ask(put("apiCallRateInsight")).alone(),
		rule("selector/type-invalid", "empty").in(trail()).ask(put("")).alone(),
		rule("selector/type-invalid", "beside one that is right").in(trail()).ask(put("call", "Nonsense")).alone(),
		rule("selector/type-invalid", "on a store").in(stores()).ask(putStore("Nonsense")).alone(),

		rule("selector/type-missing", "InsightType absent").in(trail()).
			ask(put().with("InsightSelectors", value.ListOf(value.Obj("EventCategories", value.Strs("Management"))))).alone(),
		rule("selector/type-missing", "an empty selector").in(trail()).
			ask(put().with("InsightSelectors", value.ListOf(value.Obj()))).alone(),
		rule("selector/type-missing", "null").in(trail()).
			ask(put().with("InsightSelectors", value.ListOf(value.Obj("InsightType", value.NullValue)))).
			reference(no("InvalidInsightSelectors")).opens("InvalidParameter", "Validation", "Serialization").
			violation(Inferred, no("TrailNotFound")).violation(Inferred, yes("call")),

		rule("selector/category-invalid", "a category outside the enum").in(trail()).ask(put("call:Network")).alone(),
		rule("selector/category-invalid", "in another letter case").in(trail()).ask(put("call:management")).alone(),
		rule("selector/category-invalid", "beside one that is right").in(trail()).ask(put("error:Management,NetworkActivity")).alone(),
		rule("selector/category-invalid", "on a store").in(stores()).ask(putStore("call:Network")).alone(),

		rule("store/data-category", "Data on an event data store").in(stores()).ask(putStore("call:Data")).alone(),
		rule("store/data-category", "beside Management").in(stores()).ask(putStore("error:Management,Data")).alone(),

		rule("trail/not-found", "well-formed name, no such trail").in(trail()).ask(putTo("nobody", "call")).alone(),
		rule("trail/not-found", "own-Region own-account ARN").in(trail()).ask(putTo(arnOf("nobody"), "call")).alone(),
		rule("trail/not-found", "of the Region of the call").in(trail()).
			ask(putTo(DefaultWorld.TrailARN(away, "nobody"), "call").from(away)).alone(),
		rule("trail/not-found", "names have a letter case").in(trail()).ask(putTo("My-Trail", "call")).alone(),
		rule("trail/not-found", "with []").in(trail()).ask(putTo("nobody")).alone(),
		rule("trail/not-found", "in Get").in(trail()).ask(getOf("nobody")).alone(),
		rule("trail/not-found", "in Get by ARN").in(trail()).ask(getOf(arnOf("nobody"))).alone(),

		rule("trail/other-account", "the ARN names another account").in(trail()).ask(putTo(foreignTrail, "call")).alone(),
		rule("trail/other-account", "with []").in(trail()).ask(putTo(foreignTrail)).alone(),
		rule("trail/other-account", "in Get").in(trail()).ask(getOf(foreignTrail)).alone(),

		rule("trail/home-region", "by ARN").in(trail()).ask(putTo(arnOf(name), "call").from(away)).alone(),
		rule("trail/home-region", "by ARN, a trail of the other Region").
			in(trail(create.with("Name", "far-trail").from(away))).ask(putTo(DefaultWorld.TrailARN(away, "far-trail"), "call")).alone(),
		rule("trail/home-region", "by name: TrailNotFoundException; also InvalidHomeRegionException").
			in(trail()).ask(put("call").from(away)).aloneAs(Observed, "TrailNotFound", "InvalidHomeRegion"),
		rule("trail/home-region", "with [] by name").
			in(trail(put("call"))).ask(put().from(away)).aloneAs(Observed, "TrailNotFound", "InvalidHomeRegion"),
		rule("trail/home-region", "changes nothing").in(trail(put("error"))).ask(putTo(arnOf(name), "call").from(away)).
			reference(no("InvalidHomeRegion"), get.answers(yes("error"))).codesOf("trail/home-region").
			violationOf("error/atomic", Documented, no("InvalidHomeRegion"), get.answers(yes("call"))),
		rule("trail/home-region", "Get by name: TrailNotFoundException, also InvalidHomeRegionException").
			in(trail(put("call"))).ask(get.from(away)).
			reference(no("TrailNotFound")).
			deviations("InvalidHomeRegion").
			violation(0, no("InvalidParameter")).
			violation(0, yes("call")),
		rule("trail/home-region", "Get by ARN: the selectors, or three codes").
			in(trail(put("call"))).ask(getOf(arnOf(name)).from(away)).
			reference(yes("call")).
			opens("CloudTrailARNInvalid", "TrailNotFound", "InvalidHomeRegion").
			violations(0, "InvalidParameter", "NobodyHeardOfIt"),

		rule("trail/home-region", "Get by ARN while it is off").
			in(trail()).ask(getOf(arnOf(name)).from(away)).
			reference(notEnabled).
			opens("CloudTrailARNInvalid", "TrailNotFound", "InvalidHomeRegion"),
		rule("trail/home-region", "Get by ARN of a trail that is not there").
			in(trail()).ask(getOf(arnOf("nobody")).from(away)).
			open(no("TrailNotFound")).
			opens("CloudTrailARNInvalid", "InvalidHomeRegion"),

		rule("store/not-found", "no such source").in(stores()).ask(putBoth(nobody, dest, "call")).alone(),
		rule("store/not-found", "no such destination").in(stores()).ask(putBoth(source, storeARN(nobody), "call")).alone(),
		rule("store/not-found", "with []").in(stores()).ask(of(OpPut, nobody).with("InsightSelectors", list())).alone(),
		rule("store/not-found", "in Get").in(stores()).ask(getFrom(storeARN(nobody))).alone(),

		rule("store/other-account", "the source").in(stores()).ask(putBoth(foreignStore, dest, "call")).alone(),
		rule("store/other-account", "the destination").in(stores()).ask(putBoth(source, foreignStore, "call")).alone(),
		rule("store/other-account", "with []").in(stores()).ask(of(OpPut, foreignStore).with("InsightSelectors", list())).alone(),
		rule("store/other-account", "in Get").in(stores()).ask(getFrom(foreignStore)).alone(),

		rule("store/inactive", "the source is pending deletion").in(stores(of(OpDeleteStore, source))).ask(putStore("call")).alone(),
		rule("store/inactive", "the destination").in(stores(of(OpDeleteStore, dest))).ask(putStore("error")).alone(),
		rule("store/inactive", "a store that was restored is none").
			in(stores(of(OpDeleteStore, source), of(OpRestoreStore, source))).ask(putStore("call")).
			reference(yes("call")),
		rule("store/inactive", "Get may answer that row's codes or as usual").
			in(stores(of(OpDeleteStore, source))).ask(getStore).
			reference(notEnabled).
			codesOf("store/inactive"),

		rule("org/member-account", "by ARN").in(trail(arrange("member-account"))).ask(putTo(arnOf(name), "call")).alone(),
		rule("org/member-account", "by name TrailNotFoundException").in(trail(arrange("member-account"))).ask(put("call")).alone("TrailNotFound"),
		rule("org/member-account", "with []").in(trail(arrange("member-account"))).ask(put()).alone("TrailNotFound"),
		rule("org/member-account", "Get may answer that row's codes or as usual").
			in(trail(put("call"), arrange("member-account"))).ask(get).
			reference(yes("call")).
			codesOf("org/member-account").opens("TrailNotFound"),
		rule("org/no-service-role", "the management account has no service-linked role").
			in(trail(arrange("no-service-role"))).ask(put("call")).alone(),
		rule("org/no-service-role", "with []").in(trail(arrange("no-service-role"))).ask(put()).alone(),
		rule("org/no-service-role", "Get").in(trail(put("call"), arrange("no-service-role"))).ask(get).
			reference(yes("call")).
			codesOf("org/no-service-role"),
		rule("trail/not-permitted", "a service-owned trail").in(trail(arrange("service-owned"))).ask(put("call")).alone(),
		rule("trail/not-permitted", "with []").in(trail(arrange("service-owned"))).ask(put()).alone(),
		rule("trail/not-permitted", "Get").in(trail(arrange("service-owned"))).ask(get).
			reference(notEnabled).
			codesOf("trail/not-permitted"),

		rule("store/destination-not-insight", "the destination does not log the Insight category").
			in(stores(createStore("Management"))).ask(putBoth(source, fourth, "call")).alone(),
		rule("store/destination-not-insight", "but data events").
			in(stores(createStore("Data"))).ask(putBoth(source, fourth, "error")).alone(),

		rule("store/source-not-management", "the source logs no management events").
			in(stores(createStore("Data"))).ask(putBoth(fourth, dest, "error")).aloneAs(Documented, "InvalidInsightSelectors"),
		rule("store/source-not-management", "a store of insights is no source").
			in(stores()).ask(putBoth(dest2, dest, "error")).aloneAs(Documented, "InvalidInsightSelectors"),
		rule("store/source-not-management", "CallRate: no write ones").
			in(stores(createStore("reads"))).ask(putBoth(fourth, dest, "call")).
			alone("InvalidParameter", "InvalidParameterCombination", "OperationNotPermitted"),
		rule("store/source-not-management", "either kind will do for the error rate").
			in(stores(createStore("reads"))).ask(putBoth(fourth, dest, "error")).
			reference(yes("error")),

		rule("store/same-store", "source = destination").
			in(stores()).ask(putBoth(source, source, "call")).
			reference(no("InvalidInsightSelectors"), getStore.answers(notEnabled)).
			opens("InvalidParameter", "InvalidParameterCombination").
			violationOf(either("store/same-store", "store/destination-not-insight"), 0, no("NobodyHeardOfIt")).
			violationOf(either("store/same-store", "store/destination-not-insight"), 0, yes("call")),
		rule("store/same-store", "once by its ARN").
			in(stores()).ask(putBoth(storeARN(dest), dest, "error")).
			reference(no("InvalidInsightSelectors")).
			opens("InvalidParameter", "InvalidParameterCombination"),
	},

	surroundings("bucket/missing", "bucket-missing"), surroundings("bucket/policy", "bucket-denied"),
	surroundings("kms/policy", "key-denied"), surroundings("kms/unusable", "key-unusable"),
	[]*scene{
		rule("bucket/missing", "200 is accepted, and then holds").in(trail(arrange("bucket-missing"))).ask(put("call")).
			reference(no("S3BucketDoesNotExist"), get.answers(notEnabled)).codesOf("bucket/missing").
			deviation(yes("call"), get.answers(yes("call"))),
		rule("kms/unusable", "200 is accepted, and then holds").in(trail(arrange("key-unusable"))).ask(put("error")).
			reference(no("Kms"), get.answers(notEnabled)).codesOf("kms/unusable").
			deviation(yes("error"), get.answers(yes("error"))),
	},
)

var (
	foreignTrail = strings.Replace(arnOf(name), DefaultWorld.Account, DefaultWorld.OtherAccount, 1)
	foreignStore = strings.Replace(storeARN(source), DefaultWorld.Account, DefaultWorld.OtherAccount, 1)
)

// names makes scenes of names and what is wrong with them.
func names(bad map[string]string, scenes func(bad, why string) []*scene) []*scene {
	var out []*scene
	for _, n := range sortedKeys(bad) {
		out = append(out, scenes(n, bad[n])...)
	}
	return out
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// surroundings is a condition of rows 26 to 29, which concern non-empty lists only, and no Get.
func surroundings(id ID, condition string) []*scene {
	given := trail(put("error"), arrange(condition))
	return []*scene{
		rule(id, condition).in(given).ask(put("call")).alone(),
		rule(id, condition+", []").in(given).ask(put()).
			reference(yes(), get.answers(notEnabled)).
			wrong(no(bare(pageRuleOf(id).code))),
		rule(id, condition+", Get").in(given).ask(get).
			reference(yes("error")).
			wrong(no(bare(pageRuleOf(id).code))),
	}
}

// TestOrderOfErrors: of two broken rules the reference answers the first, the codes of the other are
// accepted as a deviation named order, and those of no other rule.
func TestOrderOfErrors(t *testing.T) {
	trails := map[string]ID{"ab": "trail/name-syntax", "arn:aws:s3:::bucket": "trail/arn-syntax", "nobody": "trail/not-found",
		foreignTrail: "trail/other-account"}
	selectors := map[string]ID{"Nonsense": "selector/type-invalid", "call:Nothing": "selector/category-invalid", "": "input/selectors-missing"}
	order := pageOrder()
	for trailName, one := range trails {
		for text, other := range selectors {
			asked := putTo(trailName, text)
			if text == "" {
				asked = asked.without("InsightSelectors")
			}
			first, second := pageRuleOf(one), pageRuleOf(other)
			if slices.Index(order, one) > slices.Index(order, other) {
				first, second = second, first
			}
			s := rule(Order, fmt.Sprintf("%s and %s", first.id, second.id)).in(trail()).ask(asked).reference(no(first.codes()[0]))
			for _, code := range append(pageCodes, "AccessDenied") {
				switch {
				case code == first.codes()[0]:
				case slices.Contains(first.codes(), code):
					s.deviationOf(first.id, no(code))
				case slices.Contains(second.codes(), code):
					s.deviationOf(Order, no(code))
				case code != "AccessDenied":
					s.violationOf(first.id, 0, no(code))
				}
			}
			play(t, []*scene{s.violationOf(first.id, first.levels[0], yes("call"))})
		}
	}
}

// TestBroken: the rules that a request breaks are listed in the order of the page.
func TestBroken(t *testing.T) {
	x := newRun().play(trailAndStores(readsOnly, arrange("key-unusable"))...)
	for _, c := range []struct {
		asked step
		want  string
	}{
		{put("call"), "logs/call-rate-needs-write kms/unusable"},
		{put("error"), "kms/unusable"},
		{put(), ""},
		{put("call", "Nonsense:Nothing"), "selector/type-invalid selector/category-invalid logs/call-rate-needs-write kms/unusable"},
		{put("error:Data", "error:Management"), "logs/data-needs-data kms/unusable put/duplicate-type-differing"},
		{putTo("nobody", "call", "error"), "trail/not-found"},
		{putBoth("a b", nobody, "call:Data"), "store/id-syntax store/data-category store/not-found"},
		{putBoth(source, source, "call"), "store/destination-not-insight store/same-store"},
		{get, ""},
		{getOf("a b").with("EventDataStore", nobody), "input/trail-and-store trail/name-syntax store/not-found"},
	} {
		var got []string
		for _, id := range Broken(x.tracker.State(), c.asked.Request) {
			got = append(got, string(id))
		}
		assert.Equal(t, c.want, strings.Join(got, " "), "%#v", c.asked.Request)
	}
}

// TestTrailNames is row 6 on the names themselves.
func TestTrailNames(t *testing.T) {
	for _, good := range []string{"abc", strings.Repeat("a", 128), "a.b_c-d", "0-1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "192.168.05.4", "Trail"} {
		assert.True(t, ValidTrailName(good), "%q", good)
	}
	for bad, why := range badNames {
		assert.False(t, ValidTrailName(bad), "%q: %s", bad, why)
	}
	for _, bad := range []string{"", " ", "0.0.0.0", "255.255.255.255", "a-.b", ".ab", "ab.", "a:b"} {
		assert.False(t, ValidTrailName(bad), "%q", bad)
	}
}
