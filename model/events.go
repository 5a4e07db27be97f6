package model

import (
	"slices"

	"github.com/insightconform/conform/model/value"
)

// dataWrites is, while selectors are added up, that some of the data events are of write calls.
const dataWrites Logs = 1 << 6

// logsOf says what the event selectors of a request or answer log, and of which kinds of event that is
// open (section 3). Several selectors add up.
func logsOf(in value.Value) (logs, open Logs) {
	for _, selector := range in.Get("EventSelectors").Items() {
		kinds := ManagementEvents | DataEvents | dataWrites
		switch selector.Get("ReadWriteType").Text() {
		case "ReadOnly":
			kinds = ReadEvents | DataEvents
		case "WriteOnly":
			kinds = WriteEvents | DataEvents | dataWrites
		}
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
		logs |= advancedLogs(selector)
	}
	if logs&(DataEvents|dataWrites) == DataEvents {
		logs |= ReadDataOnly
	}
	return logs &^ dataWrites, open &^ logs
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

// logNothing reports whether a basic selector has neither management events nor resources.
func logNothing(in value.Value) bool {
	return slices.ContainsFunc(in.Get("EventSelectors").Items(), func(selector value.Value) bool {
		return !includesManagement(selector) && len(selector.Get("DataResources").Items()) == 0
	})
}

func advancedLogs(selector value.Value) Logs {
	category, readOnly := "", ""
	for _, field := range selector.Get("FieldSelectors").Items() {
		if equals := field.Get("Equals").Items(); len(equals) > 0 {
			switch field.Get("Field").Text() {
			case "eventCategory":
				category = equals[0].Text()
			case "readOnly":
				readOnly = equals[0].Text()
			}
		}
	}
	switch {
	case category == "Data" && readOnly == "true":
		return DataEvents
	case category == "Data":
		return DataEvents | dataWrites
	case category == "Insight":
		return InsightEvents
	case category != "Management":
		return 0
	case readOnly == "true":
		return ReadEvents
	case readOnly == "false":
		return WriteEvents
	}
	return ManagementEvents
}

// eventsOf keeps the event selectors of a request as they were given, as JSON; empty where there are none.
func eventsOf(in value.Value) string {
	out := value.Obj()
	for _, name := range []string{"EventSelectors", "AdvancedEventSelectors"} {
		if list := in.Get(name); len(list.Items()) > 0 {
			out = out.With(name, list)
		}
	}
	if len(out.Members()) == 0 {
		return ""
	}
	return out.String()
}

// stepPutEventSelectors replaces what a trail logs. Where that takes away what enabled insights need,
// logs/selectors-change-later says what may become of them. Selectors that log nothing are refused, or
// are taken as any others.
func stepPutEventSelectors(s State, i int, r Request) []Branch {
	t := s.Trails[i]
	t.Events = eventsOf(r.Input)
	if t.Events == "" {
		return refusedOrIgnored(s)
	}
	t.Logs, t.Open = logsOf(r.Input)
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
	case logNothing(r.Input):
		branches[0].Silent = true
		return append([]Branch{{Answer: Refusal(codeEventSelectors), Next: s}, silent(AnyRefusal, s)}, branches...)
	case len(branches) == 1:
		return append(branches, silent(AnyRefusal, s))
	}
	return addRefusals(branches, s, LogsSelectorsLater, ruleIndex[LogsSelectorsLater].Also...)
}

// weakened lists what may be left of selectors under new logs: all of them; where a prerequisite is
// missing also none, the types that keep theirs, or the entries that do.
func weakened(set Selectors, logs Logs) []Selectors {
	kept := func(set Selectors) bool { return Meets(set, logs) && !readsDataAlone(set, logs) }
	out := []Selectors{set}
	if kept(set) {
		return out
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
	for _, left := range []Selectors{0, types, entries} {
		if !slices.Contains(out, left) {
			out = append(out, left)
		}
	}
	return out
}

// stepGetEventSelectors holds logs/visible for what a request has stored.
func stepGetEventSelectors(s State, i int, _ Request) []Branch {
	t := &s.Trails[i]
	return shows(s, t.Events, t.Logs, t.Open)
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
