package explore

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/generators/catalogue"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets"
)

// dispensable are the capabilities that only the rules which need them make use of: what is left out with all of those
// rules is not even probed.
var dispensable = []model.Capability{model.CanRawWire, model.CanStores, model.CanUpdateStores, model.CanStopStores, model.CanDeleteStores,
	model.CanRestoreStores, model.CanGetTrail, model.CanStatus, model.CanGetEvents, model.CanUpdate, model.CanStop, model.CanRegions,
	model.CanLoseBucket, model.CanLoseKey, model.CanArrangeAccount}

// selection says what a run leaves out, by its options Only and Skip.
func (o *Options) selection() (rules map[model.ID]string, capabilities map[model.Capability]string, err error) {
	only, err := selected("only", o.Only)
	if err != nil {
		return nil, nil, err
	}
	skip, err := selected("skip", o.Skip)
	if err != nil || len(o.Only)+len(o.Skip) == 0 {
		return nil, nil, err
	}
	rules, capabilities = map[model.ID]string{}, map[model.Capability]string{}
	for _, rule := range model.Rules {
		if by := skip[rule.ID]; by != "" {
			rules[rule.ID] = reports.LeftOutBy + "skip " + by
		} else if len(o.Only) > 0 && only[rule.ID] == "" {
			rules[rule.ID] = reports.LeftOutBy + "only " + strings.Join(o.Only, ",")
		}
	}
	for _, name := range o.Skip {
		if c := capabilityOf(name); c != "" {
			capabilities[c] = reports.LeftOutBy + "skip " + name
		}
	}
	for _, c := range dispensable {
		needs := func(r model.Rule) bool { return rules[r.ID] == "" && slices.Contains(r.Needs, c) }
		if !slices.ContainsFunc(model.Rules, needs) && capabilities[c] == "" {
			capabilities[c] = reports.NotNeeded
		}
	}
	if !slices.ContainsFunc(model.Rules, func(r model.Rule) bool { return !r.Silent && rules[r.ID] == "" }) {
		return nil, nil, fmt.Errorf("%w: only %s and skip %s leave out every rule", targets.ErrUsage,
			strings.Join(o.Only, ","), strings.Join(o.Skip, ","))
	}
	return rules, capabilities, nil
}

// capabilityOf is the capability of that name, or that an operation is; empty where it is neither.
func capabilityOf(name string) model.Capability {
	if c := model.Capability(name); slices.Contains(model.Capabilities, c) {
		return c
	}
	c, _ := model.Op(name).Needs()
	return c
}

// selected are the rules that some patterns name, each with the pattern: a rule, several by wildcards such as put/*, an
// operation or a capability, which stands for the rules that need it. Put and Get stand for what their cases test.
func selected(what string, patterns []string) (map[model.ID]string, error) {
	rules := map[model.ID]string{}
	for _, pattern := range patterns {
		if err := CheckPattern(pattern); err != nil {
			return nil, fmt.Errorf("%w: %s %q: %w", targets.ErrUsage, what, pattern, err)
		}
		for _, id := range patternRules(pattern) {
			rules[id] = pattern
		}
	}
	return rules, nil
}

// CheckPattern refuses what names nothing that Only and Skip know.
func CheckPattern(pattern string) error {
	matches := func(r model.Rule) bool { ok, _ := path.Match(pattern, string(r.ID)); return ok }
	if capabilityOf(pattern) == "" && !slices.ContainsFunc(model.Rules, matches) {
		return errors.New("names no rule, family such as put/*, operation or capability; 'conform rules' and 'conform plan' list them")
	}
	return nil
}

func patternRules(pattern string) (ids []model.ID) {
	capability, op := capabilityOf(pattern), model.Op(pattern)
	for _, rule := range model.Rules {
		matches, _ := path.Match(pattern, string(rule.ID))
		if matches || slices.Contains(rule.Needs, capability) {
			ids = append(ids, rule.ID)
		}
	}
	if op.Insights() {
		for _, c := range catalogue.Cases(&model.DefaultWorld, generators.Everything()) {
			if c.Probe.Op == op {
				ids = append(ids, c.Rules...)
			}
		}
	}
	return ids
}

// chosen are the cases that test a rule which is not left out.
func chosen(cases []catalogue.Case, scope generators.Scope) []catalogue.Case {
	left := func(id model.ID) bool { return scope.Left[id] != "" }
	return slices.DeleteFunc(cases, func(c catalogue.Case) bool {
		return len(c.Rules) > 0 && !slices.ContainsFunc(c.Rules, func(id model.ID) bool { return !left(id) }) ||
			slices.ContainsFunc(c.Rules, func(id model.ID) bool { return left(id) && model.RuleOf(id).Code != "" })
	})
}

// walked are the families of rules that the transitions between the states of a trail test.
var walked = []string{"put", "get", "logs"}

// walks reports whether a rule of those is not left out.
func walks(scope generators.Scope) bool {
	return slices.ContainsFunc(scope.Applicable(), func(id model.ID) bool { return slices.Contains(walked, id.Family()) })
}
