package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/insightconform/conform/generators/machine"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets/embedded"
)

// completion says what may stand after the flag of a setting.
func (o option) completion() cobra.CompletionFunc {
	choices := strings.Split(o.value, "|")
	switch {
	case o.name == "suite":
		return completeList(strings.Split(o.value, ","))
	case o.name == "machine":
		return completeList(machine.Names())
	case o.name == "report", o.name == "to":
		return completeReports
	case o.name == "fault":
		return completeFaults
	case o.name == "traces":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	case o.value == "FILE":
		return cobra.FixedCompletions([]string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt)
	case len(choices) > 1:
		return cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp)
	}
	return cobra.NoFileCompletions
}

// completeList completes the last item of a list with commas by what is not yet in it.
func completeList(items []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndex(typed, ",")+1]
		var offers []string
		for _, item := range items {
			if !strings.Contains(","+before, ","+item+",") {
				offers = append(offers, before+item)
			}
		}
		return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// completeReports offers the formats, and files after the =.
func completeReports(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	if strings.Contains(typed, "=") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var offers []string
	for _, format := range formats.Names() {
		offers = append(offers, format, format+"=")
	}
	return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

func completeFaults(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	offer := func(f embedded.Fault) string { return f.Name + "\t" + f.Describe }
	return plain.Texts(embedded.Faults, offer), cobra.ShellCompDirectiveNoFileComp
}

func completeRules() []string {
	offers := []string{string(model.Order) + "\tthe order in which errors are selected"}
	for _, family := range families() {
		if model.RuleOf(model.ID(family.Key)) == nil {
			offers = append(offers, family.Key)
		}
	}
	return append(offers, plain.Texts(model.Rules, func(r model.Rule) string { return string(r.ID) + "\t" + r.Statement })...)
}

// completeTraces leaves it to the shell to find files and folders: a trace may be anywhere.
var completeTraces = cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt)
