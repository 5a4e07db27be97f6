package model

import "slices"

// The kinds of accepted answers that have no code of their own.
const (
	AnotherResult = "success" + withAnother
	AnotherStatus = "another 4xx status"

	withAnother = " with another accepted result"
)

// success and anyError are kinds as Answer.Kind has them.
var success, anyError = outcomeKinds[Succeeded], outcomeKinds[AnyRefusal]

// besides are the alternatives that no row of an error rule has, nor the rule.
var besides = map[ID][]string{
	WireErrorStatus:       {AnotherStatus},
	PutDefaultManagement:  {AnotherResult},
	PutCategoriesEmpty:    {success, AnotherResult},
	PutDuplicateType:      {AnotherResult},
	PutDuplicateCategory:  {AnotherResult},
	PutDuplicateDiffering: {AnotherResult},
	LogsSelectorsLater:    {success, AnotherResult},
	LogsStop:              {AnotherResult},
	LogsStart:             {AnotherResult},
	LogsPutStopped:        {AnotherResult},
	TrailCreateExisting:   {success, anyError},
	TrailHomeRegion:       append(codes{success, codeNotEnabled}, awayCodes...),
	TrailNameSyntax:       {success, codeNotEnabled}, // a blank name beside a store may be read as absent
	StoreInactive:         {success},
	StoreStopIngestion:    {codeNotEnabled},
	StoreUpdateGuard:      {success, codeSelectors},
}

// Alternatives lists the kinds of answer that are accepted under a rule beside its reference. Nothing that a target makes
// up is among them.
func Alternatives(id ID) []string {
	kinds := slices.Clone(besides[id])
	if id == Order || id == TrailNameSyntax {
		for i := range putRows {
			kinds = append(kinds, putRows[i].alternatives()...)
			kinds = append(kinds, RuleOf(putRows[i].rule).Code)
		}
	} else if rule := RuleOf(id); rule != nil {
		kinds = append(kinds, rule.Also...)
		if rule.MayPass {
			kinds = append(kinds, success)
		}
		for i := range putRows {
			if putRows[i].rule == id {
				kinds = append(kinds, putRows[i].alternatives()...)
			}
		}
	}
	slices.Sort(kinds)
	return slices.DeleteFunc(slices.Compact(kinds), func(kind string) bool { return kind == "" || id == Order && kind == success })
}

// alternatives are the codes of a row. The rule's own is one where another is the reference.
func (row *putRow) alternatives() codes {
	rule := RuleOf(row.rule)
	out := slices.Concat(rule.Also, row.also)
	if row.soft != nil || row.code != "" {
		out = append(out, rule.Code)
	}
	return out
}

// Alternative is the one of Alternatives that a deviation has taken, empty where there is none. Where any code is accepted,
// the code is not told.
func (d Deviation) Alternative() string {
	kinds := Alternatives(d.Rule)
	for _, kind := range []string{d.Actual, anyError, AnotherStatus} {
		if slices.Contains(kinds, kind) {
			return kind
		}
	}
	return ""
}
