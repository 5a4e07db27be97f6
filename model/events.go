package model

import (
	"sort"

	"github.com/insightconform/conform/model/value"
)

// logsOf says what the event selectors of a request or answer log (section 3); several add up.
func logsOf(in value.Value) Logs {
	var logs Logs
	for _, selector := range in.Get("EventSelectors").Items() {
		if v := selector.Get("IncludeManagementEvents"); v.Kind() != value.Bool || v.True() {
			switch selector.Get("ReadWriteType").Text() {
			case "ReadOnly":
				logs |= ReadEvents
			case "WriteOnly":
				logs |= WriteEvents
			default:
				logs |= ManagementEvents
			}
		}
		if len(selector.Get("DataResources").Items()) > 0 {
			logs |= DataEvents
		}
	}
	for _, selector := range in.Get("AdvancedEventSelectors").Items() {
		logs |= advancedLogs(selector)
	}
	return logs
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
	case category == "Data":
		return DataEvents
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

// canonicalEvents renders event selectors so that two that mean the same are equal: defaults filled
// in, order and names without meaning, empty lists left out.
func canonicalEvents(in value.Value) string {
	var basic, advanced []value.Value
	for _, selector := range in.Get("EventSelectors").Items() {
		basic = append(basic, canonicalBasic(selector))
	}
	for _, selector := range in.Get("AdvancedEventSelectors").Items() {
		var fields []value.Value
		for _, field := range selector.Get("FieldSelectors").Items() {
			out := value.Obj("Field", field.Get("Field").Text())
			for _, m := range field.Members() {
				if m.Name != "Field" && len(m.Value.Items()) > 0 {
					out = out.With(m.Name, sorted(m.Value.Items()))
				}
			}
			fields = append(fields, out)
		}
		advanced = append(advanced, value.Obj("FieldSelectors", sorted(fields)))
	}
	out := value.Obj()
	if len(basic) > 0 {
		out = out.With("EventSelectors", sorted(basic))
	}
	if len(advanced) > 0 {
		out = out.With("AdvancedEventSelectors", sorted(advanced))
	}
	if len(out.Members()) == 0 {
		return ""
	}
	return out.String()
}

func canonicalBasic(selector value.Value) value.Value {
	readWrite := selector.Get("ReadWriteType").Text()
	if readWrite == "" {
		readWrite = "All"
	}
	include := selector.Get("IncludeManagementEvents")
	out := value.Obj("ReadWriteType", readWrite, "IncludeManagementEvents", include.Kind() != value.Bool || include.True())
	var resources []value.Value
	for _, resource := range selector.Get("DataResources").Items() {
		resources = append(resources, value.Obj("Type", resource.Get("Type").Text(), "Values",
			sorted(resource.Get("Values").Items())))
	}
	if len(resources) > 0 {
		out = out.With("DataResources", sorted(resources))
	}
	if excluded := selector.Get("ExcludeManagementEventSources").Items(); len(excluded) > 0 {
		out = out.With("ExcludeManagementEventSources", sorted(excluded))
	}
	return out
}

func sorted(items []value.Value) value.Value {
	out := append([]value.Value{}, items...)
	sort.Slice(out, func(i, j int) bool { return out[i].String() < out[j].String() })
	return value.ListOf(out...)
}

// stepPutEventSelectors replaces what a trail logs. Where that takes away what enabled insights
// need, logs/selectors-change-later says what may become of them.
func stepPutEventSelectors(s State, i int, r Request) []Branch {
	events := canonicalEvents(r.Input)
	if events == "" {
		return refusedOrIgnored(s)
	}
	t := s.Trails[i]
	t.Logs, t.LogsOpen, t.Events = logsOf(r.Input), false, events
	insights := weakened(t.Insights, t.Logs)
	asleep := weakened(t.Asleep, t.Logs)
	branches := []Branch{plain(AnySuccess, s.WithTrail(i, t))}
	for _, set := range insights {
		for _, later := range asleep {
			if set == t.Insights && later == t.Asleep {
				continue
			}
			dropped := t
			dropped.Insights, dropped.Asleep = set, later
			dropped.MustWake = t.MustWake && later == t.Asleep
			branches = append(branches, Branch{Answer: Answer{Outcome: AnySuccess}, Next: s.WithTrail(i, dropped),
				Rule: LogsSelectorsLater})
		}
	}
	if len(branches) == 1 {
		return append(branches, silent(AnyRefusal, s))
	}
	for _, code := range ruleIndex[LogsSelectorsLater].Also {
		branches = append(branches, Branch{Answer: Refusal(code), Next: s, Rule: LogsSelectorsLater})
	}
	return branches
}

// weakened lists what may be left of selectors under new logs: all of them; where a prerequisite is
// missing also none, the types that keep theirs, or the entries that do.
func weakened(set Selectors, logs Logs) []Selectors {
	out := []Selectors{set}
	if Meets(set, logs) {
		return out
	}
	add := func(s Selectors) {
		for _, known := range out {
			if known == s {
				return
			}
		}
		out = append(out, s)
	}
	add(0)
	var types, entries Selectors
	for t := range Type(2) {
		var c Categories
		for _, one := range []Categories{Management, Data} {
			if set.Of(t)&one != 0 && Meets(Entry(t, one), logs) {
				c |= one
			}
		}
		if c == set.Of(t) {
			types |= set & (0xf << (4 * uint8(t)))
		}
		if c != 0 {
			entries |= Entry(t, c)
		}
	}
	add(types)
	add(entries)
	return out
}

// stepGetEventSelectors holds logs/visible for what a request has stored.
func stepGetEventSelectors(s State, i int, r Request) []Branch {
	return []Branch{{Answer: Answer{Outcome: AnySuccess, Events: s.Trails[i].Events}, Next: s},
		silent(AnyRefusal, s)}
}
