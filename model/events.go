package model

import (
	"slices"
	"strings"

	"github.com/insightconform/conform/model/value"
)

// dataWrites is, while selectors are added up, that some of the data events are of write calls.
const dataWrites Logs = 1 << 6

// logsOf says what event selectors log, and of which kinds of event that is open (section 3). They add up.
func logsOf(in value.Value) (logs, open Logs) {
	for _, selector := range in.Get("EventSelectors").Items() {
		kind := selector.Get("ReadWriteType").Text()
		kinds := only(ManagementEvents|DataEvents|dataWrites, kind == "ReadOnly", kind == "WriteOnly")
		if !includesManagement(selector) {
			kinds &^= ManagementEvents
		}
		hasValues := func(resource value.Value) bool { return len(resource.Get("Values").Items()) > 0 }
		if resources := selector.Get("DataResources").Items(); !slices.ContainsFunc(resources, hasValues) {
			kinds &= ManagementEvents
			if len(resources) > 0 {
				open |= DataEvents
			}
		}
		logs |= kinds
	}
	for _, selector := range in.Get("AdvancedEventSelectors").Items() {
		fields := map[string]string{}
		for _, field := range selector.Get("FieldSelectors").Items() {
			if equals := field.Get("Equals").Items(); len(equals) > 0 {
				fields[field.Get("Field").Text()] = equals[0].Text()
			}
		}
		logs |= only(categoryLogs[fields["eventCategory"]], fields["readOnly"] == "true", fields["readOnly"] == "false")
	}
	if logs&(DataEvents|dataWrites) == DataEvents {
		logs |= ReadDataOnly
	}
	return logs &^ dataWrites, open &^ logs
}

var categoryLogs = map[string]Logs{
	"Management": ManagementEvents, "Data": DataEvents | dataWrites, "Insight": InsightEvents}

// only leaves those of read calls, or of write calls.
func only(logs Logs, reads, writes bool) Logs {
	switch {
	case reads:
		return logs &^ (WriteEvents | dataWrites)
	case writes:
		return logs &^ ReadEvents
	}
	return logs
}

func includesManagement(selector value.Value) bool {
	v := selector.Get("IncludeManagementEvents")
	return v.Kind() != value.Bool || v.True()
}

// ShownLogs is what the event selectors of an answer log, with the mark of an answer that has shown it.
func ShownLogs(body value.Value) Logs {
	logs, _ := logsOf(body)
	return logs | Shown
}

// eventsOf keeps the event selectors of a request as they were given, as JSON; empty where there are none.
func eventsOf(in value.Value) string {
	out := value.Obj()
	for _, name := range []string{"EventSelectors", "AdvancedEventSelectors"} {
		if list := in.Get(name); len(list.Items()) > 0 {
			out = out.With(name, list)
		}
	}
	return strings.TrimSuffix(out.String(), "{}")
}

// Store keeps the event selectors of a request or answer.
func (t *Trail) Store(in value.Value) {
	t.Events = eventsOf(in)
	t.Logs, t.Open = logsOf(in)
}

// stepPutEventSelectors replaces what a trail logs. Where that takes away what enabled insights need,
// logs/selectors-change-later says what may become of them. Selectors that log nothing are refused, or
// are taken as any others.
func stepPutEventSelectors(s State, i int, r Request) []Branch {
	logsNothing := func(basic value.Value) bool {
		return !includesManagement(basic) && len(basic.Get("DataResources").Items()) == 0
	}
	t := s.Trails[i]
	if t.Store(r.Input); t.Events == "" {
		return refusedOrIgnored(s)
	}
	branches := []Branch{plain(AnySuccess, s.WithTrail(i, t))}
	for _, set := range weakened(t.Insights, t.Logs) {
		for _, later := range weakened(t.Asleep, t.Logs) {
			if set == t.Insights && later == t.Asleep {
				continue
			}
			dropped := t
			dropped.Insights, dropped.Asleep = set, later
			dropped.MustWake = t.MustWake && later == t.Asleep
			branches = append(branches, accepted(LogsSelectorsLater, AnySuccess, s.WithTrail(i, dropped)))
		}
	}
	switch {
	case slices.ContainsFunc(r.Input.Get("EventSelectors").Items(), logsNothing):
		branches[0].Silent = true
		return append([]Branch{{Answer: Refusal(codeEventSelectors), Next: s}, silent(AnyRefusal, s)}, branches...)
	case len(branches) == 1:
		return append(branches, silent(AnyRefusal, s))
	}
	return addRefusals(branches, s, LogsSelectorsLater, RuleOf(LogsSelectorsLater).Also...)
}

// weakened lists what may be left of selectors under new logs: all of them; where a prerequisite is
// missing also none, the types that keep theirs, or the entries that do.
func weakened(set Selectors, logs Logs) []Selectors {
	kept := func(set Selectors) bool { return Meets(set, logs) && !readsDataAlone(set, logs) }
	if kept(set) {
		return []Selectors{set}
	}
	var types, entries Selectors
	for t := range Type(2) {
		var c Categories
		for _, one := range []Categories{Management, Data} {
			if set.Of(t)&one != 0 && kept(Entry(t, one)) {
				c |= one
			}
		}
		if c == set.Of(t) {
			types |= set & t.entries()
		}
		if c != 0 {
			entries |= Entry(t, c)
		}
	}
	left := []Selectors{0, types, entries}
	slices.Sort(left)
	return append([]Selectors{set}, slices.Compact(left)...)
}

// stepGetEventSelectors holds logs/visible for what a request has stored.
func stepGetEventSelectors(s State, i int, _ Request) []Branch {
	return shows(s, s.Trails[i].Events, s.Trails[i].Logs, s.Trails[i].Open)
}

// shows claims what event selectors log where it is known.
func shows(s State, events string, logs, open Logs) []Branch {
	expected := Answer{Outcome: AnySuccess}
	if open&DataEvents != 0 {
		open |= ReadDataOnly
	}
	if events != "" {
		expected.Logs, expected.Open = logs|Shown, open
	}
	return []Branch{{Answer: expected, Next: s}, silent(AnyRefusal, s)}
}
