package emulators

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/insightconform/conform/targets/wire"
)

const (
	getSelectors = "GetInsightSelectors"
	putSelectors = "PutInsightSelectors"
	notEnabled   = "InsightNotEnabledException"
	notFound     = "TrailNotFoundException"
)

// kinds of emulators.
var kinds = map[string]kind{
	"right":                {},
	"empty-get":            {after: emptyGet},
	"get-without-list":     {after: getWithoutList},
	"status-404":           {after: status404},
	"trailarn-misspelt":    {after: trailArn},
	"no-trailarn":          {after: noTrailARN},
	"region-blind":         {before: regionBlind},
	"member-names-folded":  {before: foldedMembers},
	"method-blind":         {before: methodBlind},
	"codes-shortened":      {after: shortCodes},
	"canned-get":           {before: cannedGet},
	"canned":               {before: canned},
	"type-unknown":         {before: typeUnknown},
	"categories-dropped":   {fault: "drops-categories"},
	"trails-not-looked-up": {after: trailsNotLookedUp},
	"lenient":              {fault: "logs/call-rate-needs-write/ignored+logs/error-rate-needs-management/ignored+logs/data-needs-data/ignored", before: methodBlind},
	"empty-list-refused":   {before: emptyListRefused},
	"types-unchecked":      {before: typesUnchecked},
	"text-turns-off":       {before: textTurnsOff},
	"appends":              {after: appends()},
	"code-away":            {after: otherCodeAway},
	"minimal":              {fault: "drops-categories", before: both(regionBlind, methodBlind), after: both(emptyGet, noTrailARN)},
}

func both(first, second func(*exchange)) func(*exchange) {
	return func(x *exchange) {
		if first(x); x.out != nil || x.status == 0 {
			second(x)
		}
	}
}

func emptyGet(x *exchange) {
	if x.op == getSelectors && x.code() == notEnabled {
		x.answer(map[string]any{"TrailARN": trailARN(x), "InsightSelectors": []any{}})
	}
}

func getWithoutList(x *exchange) {
	if x.op == getSelectors && x.code() == notEnabled {
		x.answer(map[string]any{"TrailARN": trailARN(x)})
	}
}

func trailARN(x *exchange) string {
	if name := x.text("TrailName"); strings.HasPrefix(name, "arn:") {
		return name
	}
	return "arn:aws:cloudtrail:us-east-1:123456789012:trail/" + x.text("TrailName")
}

func status404(x *exchange) {
	if strings.HasSuffix(x.code(), "NotFoundException") {
		x.status = http.StatusNotFound
	}
}

func trailArn(x *exchange) {
	if arn, ok := x.out["TrailARN"]; ok && x.insights() {
		delete(x.out, "TrailARN")
		x.out["TrailArn"] = arn
	}
}

func noTrailARN(x *exchange) {
	if x.insights() {
		delete(x.out, "TrailARN")
	}
}

// regionBlind has all Regions be one.
func regionBlind(x *exchange) {
	signed := x.header.Get("Authorization")
	x.header.Set("Authorization", strings.Replace(signed, "/eu-west-1/", "/us-east-1/", 1))
}

// foldedMembers reads members as encoding/json does: in any letter case.
func foldedMembers(x *exchange) {
	for _, right := range []string{"TrailName", "EventDataStore", "InsightsDestination", "InsightSelectors"} {
		for name, v := range x.in {
			if strings.EqualFold(name, right) && name != right {
				delete(x.in, name)
				x.in[right] = v
			}
		}
	}
	selectors, _ := x.in["InsightSelectors"].([]any)
	for _, item := range selectors {
		selector, _ := item.(map[string]any)
		for _, right := range []string{"InsightType", "EventCategories"} {
			for name, v := range selector {
				if strings.EqualFold(name, right) && name != right {
					delete(selector, name)
					selector[right] = v
				}
			}
		}
	}
}

func methodBlind(x *exchange) { x.method = http.MethodPost }

func shortCodes(x *exchange) {
	if code := x.code(); code != "" {
		x.out["__type"] = strings.TrimSuffix(code, "Exception")
	}
}

// cannedGet always shows one selector of a trail that is there.
func cannedGet(x *exchange) {
	if x.op == getSelectors {
		x.answer(map[string]any{"TrailARN": trailARN(x), "InsightSelectors": []any{map[string]any{"InsightType": "ApiCallRateInsight"}}})
	}
}

// canned gives one answer to both operations under test.
func canned(x *exchange) {
	if x.insights() {
		x.answer(map[string]any{"TrailARN": "arn:aws:cloudtrail:us-east-1:123456789012:trail/canned",
			"InsightSelectors": []any{map[string]any{"InsightType": "ApiCallRateInsight"}}})
	}
}

func typeUnknown(x *exchange) {
	selectors, _ := x.in["InsightSelectors"].([]any)
	for _, item := range selectors {
		if selector, _ := item.(map[string]any); x.op == putSelectors && selector["InsightType"] == "ApiErrorRateInsight" {
			x.refuse("InvalidInsightSelectorsException")
		}
	}
}

// trailsNotLookedUp answers each Put with what was asked for.
func trailsNotLookedUp(x *exchange) {
	switch x.code() {
	case notFound, "InvalidTrailNameException", "CloudTrailARNInvalidException", "InvalidHomeRegionException":
		if x.op == putSelectors {
			x.answer(map[string]any{"TrailARN": trailARN(x), "InsightSelectors": x.in["InsightSelectors"]})
		}
	}
}

// nowAndThenEmpty answers each 97th request with nothing.
func nowAndThenEmpty() func(*exchange) {
	var asked atomic.Int64
	return func(x *exchange) {
		if x.insights() && asked.Add(1)%97 == 0 {
			x.answer(map[string]any{})
		}
	}
}

func emptyListRefused(x *exchange) {
	if selectors, ok := x.in["InsightSelectors"].([]any); ok && len(selectors) == 0 && x.op == putSelectors {
		x.refuse("InvalidInsightSelectorsException")
	}
}

// typesUnchecked takes what is of another type for a member that was left out.
func typesUnchecked(x *exchange) {
	if !x.insights() {
		return
	}
	for _, name := range []string{"TrailName", "EventDataStore", "InsightsDestination"} {
		if _, text := x.in[name].(string); !text {
			delete(x.in, name)
		}
	}
	if _, list := x.in["InsightSelectors"].([]any); !list {
		delete(x.in, "InsightSelectors")
	}
}

// textTurnsOff takes text where a list is due for an empty list, and checks no other type.
func textTurnsOff(x *exchange) {
	if _, text := x.in["InsightSelectors"].(string); text && x.op == putSelectors {
		x.in["InsightSelectors"] = []any{}
	}
	if _, given := x.in["EventDataStore"].(float64); given {
		delete(x.in, "EventDataStore")
	}
}

func region(x *exchange) string { return wire.Signed(x.header).Region }

// appends adds what is put to a list, and answers the list.
func appends() func(*exchange) {
	lists := map[string][]any{}
	return func(x *exchange) {
		name, _ := cmp.Or(x.out["TrailARN"], x.out["EventDataStoreArn"]).(string)
		selectors, _ := x.out["InsightSelectors"].([]any)
		switch {
		case x.code() != "":
		case x.op == "DeleteTrail":
			name := x.text("Name")
			maps.DeleteFunc(lists, func(arn string, _ []any) bool {
				return strings.Contains(arn, ":"+region(x)+":") && strings.HasSuffix(arn, "/"+name[strings.LastIndex(name, "/")+1:])
			})
		case x.op == putSelectors && len(selectors) == 0:
			delete(lists, name)
		case x.op == putSelectors:
			lists[name] = append(slices.Clip(lists[name]), selectors...)
			x.out["InsightSelectors"] = lists[name]
		case x.op == getSelectors:
			x.out["InsightSelectors"] = lists[name]
		}
	}
}

func otherCodeAway(x *exchange) {
	if x.code() == notFound && strings.Contains(x.header.Get("Authorization"), "/eu-west-1/") {
		x.out["__type"] = "ResourceNotFoundException"
	}
}

// emptyRefusedFirst refuses an empty list before it looks the trail up, except where it turns something off.
func emptyRefusedFirst(x *exchange) {
	list, ok := x.in["InsightSelectors"].([]any)
	if x.op == putSelectors && ok && len(list) == 0 && x.code() == notFound {
		x.out["__type"] = notEnabled
	}
}
