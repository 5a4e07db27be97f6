package main

import (
	"slices"
	"strings"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// The settings that say which target is tested and how requests are sent, in the order in which commands have them.
var (
	accountNames = []string{"ledger", "prefix", "allow-logging", "stores", "allow-unknown-alias", "allow-management-account"}
	targetNames  = []string{"fault", "regions", "bucket", "eventual", "settle", "use-environment-credentials"}
	mannerNames  = []string{"timeout", "pace"}
)

// command is the full command that repeats a run with these settings.
func (s *settings) command(seed uint64, workers int) string {
	ran := *s
	ran.run.Seed, ran.run.Workers = seed, workers
	how := []string{"suite"}
	if slices.Contains(s.run.Suites, conform.Complete) {
		how = append(how, "depth", "machine")
	}
	return "conform run" + ran.targetWords() + ran.words(how, true) +
		ran.words(slices.Concat([]string{"shard", "requests", "time"}, mannerNames, []string{"workers", "seed", "order", "fail-on", "baseline"}), false)
}

// replaying is the command that plays a trace which a run with these settings has kept again.
func (s *settings) replaying(trace *reports.Trace) string {
	return "conform replay " + trace.Name() + s.words([]string{"traces"}, false) + s.targetWords() +
		s.words(append(mannerNames, "order"), false)
}

// targetWords says which target is tested: an account by a variable, unless account ids are to be kept.
func (s *settings) targetWords() string {
	which := ""
	switch s.target {
	case targetEndpoint:
		which = s.words([]string{"endpoint"}, false)
	case targetAccount:
		which = ` --target account --account "$CONFORM_ACCOUNT"`
		if s.account.KeepAccountIDs {
			which = " --target account" + s.words([]string{"account"}, false)
		}
		which += s.words(accountNames, false)
	}
	return which + s.words(targetNames, false)
}

// words are the flags that give the settings with these names: all, or those without their default.
func (s *settings) words(names []string, all bool) string {
	var b strings.Builder
	defaults := defaultSettings()
	given, usual := s.byName(), defaults.byName()
	for _, name := range names {
		o := given[name]
		text := o.at.text()
		switch {
		case text == "" || !all && text == usual[name].at.text(), name == "ledger" && s.from[name] == fromDefault:
		case o.at.form == aSwitch:
			b.WriteString(" --" + name)
		default:
			b.WriteString(" --" + name + " " + plain.ShellWord(text))
		}
	}
	return b.String()
}
