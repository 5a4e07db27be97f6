package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

// command is the full command that repeats a run with these settings.
func (s *settings) command(seed uint64, workers int) string {
	c := shellCommand{"conform", "run"}
	c.target(s)
	c.flag("suite", strings.Join(s.suites, ","))
	if slices.Contains(s.suites, conform.Complete) {
		c.flag("depth", strconv.Itoa(s.depth))
		c.flag("machine", strings.Join(s.machines, ","))
	}
	c.flag("shard", s.shard.String())
	c.number("requests", s.requests)
	c.duration("time", s.time)
	c.manner(s)
	c.number("workers", workers)
	c.flag("seed", strconv.FormatUint(seed, 10))
	c.flag("order", s.order)
	if s.failOn != model.Observed {
		c.flag("fail-on", s.failOn.String())
	}
	c.flag("baseline", s.baseline)
	return c.String()
}

// replaying is the command that plays a trace which a run with these settings has kept again.
func (s *settings) replaying(trace *reports.Trace) string {
	c := shellCommand{"conform", "replay", trace.Name()}
	c.flag("traces", s.traces)
	c.target(s)
	c.manner(s)
	c.flag("order", s.order)
	return c.String()
}

// shellCommand collects the words of a command.
type shellCommand []string

func (c shellCommand) String() string { return strings.Join(c, " ") }

// flag adds a flag with its value, if it has one.
func (c *shellCommand) flag(name, value string) {
	if value != "" {
		*c = append(*c, "--"+name, plain.ShellWord(value))
	}
}

func (c *shellCommand) number(name string, n int) {
	if n > 0 {
		c.flag(name, strconv.Itoa(n))
	}
}

func (c *shellCommand) duration(name string, d time.Duration) {
	if d > 0 {
		c.flag(name, d.String())
	}
}

func (c *shellCommand) on(name string, on bool) {
	if on {
		*c = append(*c, "--"+name)
	}
}

// target adds what says which target is tested.
func (c *shellCommand) target(s *settings) {
	switch s.target {
	case targetEndpoint:
		c.flag("endpoint", s.endpoint)
	case targetAccount:
		c.account(s)
	}
	c.flag("fault", s.fault)
	c.flag("regions", strings.Join(s.regions, ","))
	c.flag("bucket", s.bucket)
	c.on("eventual", s.eventual)
	c.duration("settle", s.settle)
	c.on("use-environment-credentials", s.environmentCredentials)
}

// manner adds how requests are sent.
func (c *shellCommand) manner(s *settings) {
	if s.timeout != defaultTimeout {
		c.duration("timeout", s.timeout)
	}
	if s.pace != nil {
		c.flag("pace", s.pace.String())
	}
}

// account adds the settings of the account target. The account stands there as a variable unless account
// ids are to be kept.
func (c *shellCommand) account(s *settings) {
	a := s.account
	*c = append(*c, "--target", targetAccount)
	if s.keepAccounts {
		c.flag("account", strings.Join(a.ids, ","))
	} else {
		*c = append(*c, "--account", `"$CONFORM_ACCOUNT"`)
	}
	if s.from["ledger"] != fromDefault {
		c.flag("ledger", a.ledger)
	}
	c.flag("prefix", a.prefix)
	c.on("allow-logging", a.logging)
	c.on("stores", a.stores)
	c.on("allow-unknown-alias", a.unknownAlias)
	c.on("allow-management-account", a.management)
}
