package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/insightconform/conform/internal/explore"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets/embedded"
)

const rulesHelp = `Usage: conform rules [ID]

Shows what conform holds a target to: all rules by family, the rules of one
family, or one rule in full, with its source, an example, and a server that
breaks it.

  conform rules
  conform rules put
  conform rules put/replaces-list
  conform rules order               the order in which errors are selected
`

func (p *process) rulesCommand() *cobra.Command {
	cmd := newCommand("rules [ID]", "Explain the rules", rulesHelp, defaultSettings(), nil, func(ctx context.Context, _ *settings, args []string) (err error) {
		width, _ := p.terminal(p.stdout)
		text := ""
		switch len(args) {
		case 0:
			text = ruleTable(width, families()...)
		case 1:
			text, err = explain(ctx, args[0], width)
		default:
			err = usagef("'conform rules' explains one rule at a time; leave out %q", args[1])
		}
		if err == nil {
			_, err = fmt.Fprint(p.stdout, text)
		}
		return err
	})
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completeRules(), cobra.ShellCompDirectiveNoFileComp
	}
	return cmd
}

// families has the rules by family, in the order in which the table starts them.
func families() []plain.Group[string, model.Rule] {
	return plain.GroupBy(model.Rules, func(r model.Rule) string { return r.ID.Family() })
}

func ruleTable(width int, families ...plain.Group[string, model.Rule]) string {
	idWidth := 0
	for i := range model.Rules {
		idWidth = max(idWidth, len(model.Rules[i].ID))
	}
	tables := plain.Texts(families, func(family plain.Group[string, model.Rule]) string {
		table := family.Key + "\n"
		for _, rule := range family.Items {
			table += plain.Shorten(fmt.Sprintf("  %-*s  %-10s  %s", idWidth, rule.ID, rule.Level, rule.Statement), width) + "\n"
		}
		return table
	})
	return strings.Join(tables, "\n")
}

// explain renders one rule, one family, or the error order.
func explain(ctx context.Context, name string, width int) (string, error) {
	if rule := model.RuleOf(model.ID(name)); rule != nil {
		return explainRule(ctx, rule, width)
	}
	if name == string(model.Order) {
		return explainOrder(), nil
	}
	for _, family := range families() {
		if family.Key == name {
			return ruleTable(width, family), nil
		}
	}
	names := append([]string{string(model.Order)}, plain.Texts(model.Rules, func(r model.Rule) string { return string(r.ID) })...)
	return "", usagef("there is no rule %q; %s", name, suggestion(nearest(name, names), "conform rules"))
}

func explainRule(ctx context.Context, rule *model.Rule, width int) (string, error) {
	var b strings.Builder
	field := func(name, text string) { fmt.Fprintf(&b, "%-10s %s\n", name, text) }
	fmt.Fprintf(&b, "%s\n\n%s\n\n", rule.ID, rule.Statement)
	field("level", rule.Level.String()+": "+describe.LevelMeanings[rule.Level])
	label := "source"
	for _, source := range describe.Sources(rule.Source) {
		field(label, source)
		label = ""
	}
	for _, answer := range describe.Answers(rule) {
		field(answer[0], answer[1])
	}
	if rule.RefusalOnly {
		field("", "the sources name no code: another refusal diverges at level inferred")
	}
	if len(rule.Needs) > 0 {
		needs := plain.Texts(rule.Needs, func(c model.Capability) string { return string(c) })
		field("tried with", "targets that offer "+strings.Join(needs, ", "))
	}
	steps, err := explore.Illustrate(ctx, embedded.InProcess(embedded.ServerOptions{}), rule.ID)
	if err != nil {
		return "", err
	}
	if len(steps) > 0 {
		fmt.Fprint(&b, "\nExample: a short case that tries it, with the right answers\n")
		for _, line := range describe.Exchange(steps) {
			fmt.Fprintln(&b, plain.Shorten("  "+line, width))
		}
	}
	faults := slices.DeleteFunc(slices.Clone(embedded.Faults), func(f embedded.Fault) bool { return f.Rule != rule.ID })
	slices.SortStableFunc(faults, func(a, b embedded.Fault) int { // those that show at once first
		return strings.Compare(strconv.FormatBool(a.Deep), strconv.FormatBool(b.Deep))
	})
	if len(faults) > 0 {
		fmt.Fprint(&b, "\nBroken on purpose by\n")
		for i, f := range faults {
			if left := len(faults) - i; i >= shownFaults && left > 1 {
				fmt.Fprintf(&b, "  … and %d more; 'conform serve --fault list' lists all\n", left)
				break
			}
			fmt.Fprintf(&b, "  %s\n    %s\n", f.Name, f.Describe)
		}
		fmt.Fprintf(&b, "\nSee it caught\n  conform run --fault %s\n", faults[0].Name)
	}
	return b.String(), nil
}

// shownFaults is how many faults the explanation of a rule lists.
const shownFaults = 3

func explainOrder() string {
	var b strings.Builder
	fmt.Fprint(&b, "order\n\nOf a request that breaks several rules, the reference answers the first in this order. No public\n"+
		"source documents one, so the code of any other broken rule is accepted and listed as a deviation.\n\n")
	for i, id := range model.ErrorRules() {
		rule := model.RuleOf(id)
		fmt.Fprintf(&b, "%3d  %-32s %s\n", i+1, id, rule.Code)
	}
	return b.String()
}
