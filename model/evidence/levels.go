package evidence

import (
	"fmt"
	"maps"
	"slices"

	"github.com/insightconform/conform/model"
)

// Review is what people have decided where evidence and the level of a rule do not agree.
type Review struct {
	Rule    model.ID
	File    string // that has the evidence
	Outcome string // Neither, or that which would raise the level
	Reason  string // why the level stays
}

// Reviewed is the table of what was decided. A rule whose level follows the evidence needs no row.
var Reviewed = []Review{
	{Rule: model.TrailOtherAccount, File: "cited.json", Outcome: Reference,
		Reason: "it was seen of ListTags and its like, and of trails of an organization: Put and Get may answer otherwise"},
}

// Disagreements lists where levels, files and the table of what was decided do not agree: rules that are observed without
// evidence, evidence that contradicts a rule or would raise an inferred one, and decisions that nothing needs.
func Disagreements(rules []model.Rule, files map[string]*File, reviewed []Review) (out []string) {
	used := map[Review]bool{}
	decided := func(file string, e Entry) bool {
		i := slices.IndexFunc(reviewed, func(r Review) bool {
			return r.Rule == e.Rule && r.File == file && r.Outcome == e.Outcome && r.Reason != ""
		})
		if i >= 0 {
			used[reviewed[i]] = true
		}
		return i >= 0
	}
	levels, seen := map[model.ID]model.Level{}, Sum(files)
	for _, r := range rules {
		if levels[r.ID] = r.Level; r.Level == model.Observed && seen[r.ID].Count == 0 {
			out = append(out, fmt.Sprintf("%s is observed, and no file bears it out", r.ID))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, e := range files[name].Entries {
			switch {
			case e.Outcome == Neither && !decided(name, e):
				out = append(out, fmt.Sprintf("%s: %s is contradicted %d times, last in %s: mend the rule, or say in the table why it stands", name, e.Rule, e.Count, e.Month))
			case e.Outcome != Neither && levels[e.Rule] == model.Inferred && !decided(name, e):
				out = append(out, fmt.Sprintf("%s: %s is inferred, and was answered with %q in %s: raise its level, or say in the table why it stays", name, e.Rule, e.Outcome, e.Month))
			}
		}
	}
	for _, r := range reviewed {
		if !used[r] {
			out = append(out, fmt.Sprintf("the table speaks of %s (%s) in %s, which has no such evidence", r.Rule, r.Outcome, r.File))
		}
	}
	return out
}
