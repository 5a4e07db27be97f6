package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/formats"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/pace"
)

// maxRequests and maxWorkers keep a slip of the finger from asking for the impossible.
const (
	maxRequests = 1_000_000_000
	maxWorkers  = 256
)

// setText makes the setter of a text that a check lets pass.
func setText(field *string, check func(string) error) func(string) error {
	return func(text string) error {
		if err := check(text); err != nil {
			return err
		}
		*field = text
		return nil
	}
}

// setList makes the setter of a list with commas, each item of which a check lets pass. Empty and repeated
// items are refused.
func setList(field *[]string, check func(string) error) func(string) error {
	return func(text string) error {
		items, err := splitList(text)
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := check(item); err != nil {
				return err
			}
		}
		*field = items
		return nil
	}
}

// setNumber makes the setter of a whole number within bounds.
func setNumber[N int | uint64](field *N, lowest, highest uint64) func(string) error {
	return func(text string) error {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n < lowest || n > highest {
			return fmt.Errorf("must be a whole number from %d to %d", lowest, highest)
		}
		*field = N(n)
		return nil
	}
}

// setSwitch makes the setter of a switch.
func setSwitch(field *bool) func(string) error {
	return func(text string) error {
		on, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("must be true or false")
		}
		*field = on
		return nil
	}
}

// setDuration makes the setter of a time of at least a millisecond.
func setDuration(field *time.Duration) func(string) error {
	return func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil {
			if _, err := strconv.ParseFloat(text, 64); err == nil {
				return fmt.Errorf("has no unit; write %ss for seconds", text)
			}
			return fmt.Errorf("is no duration; write it like 30s, 5m or 1h30m")
		}
		if d < time.Millisecond {
			return fmt.Errorf("is too short; the least is 1ms")
		}
		*field = d
		return nil
	}
}

func checkTarget(text string) error {
	if text != targetEmbedded && text != targetEndpoint && text != targetAccount {
		return fmt.Errorf("is no target; use %s, %s or %s", targetEmbedded, targetEndpoint, targetAccount)
	}
	return nil
}

func checkEndpoint(text string) error {
	_, err := endpoint.CheckURL(text)
	return err
}

var regionName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func checkRegion(region string) error {
	if !regionName.MatchString(region) {
		return fmt.Errorf("%q is no Region; write it like us-east-1,eu-west-1", region)
	}
	return nil
}

func checkBucket(text string) error {
	if text == "" || strings.ContainsAny(text, " /\t\r\n") {
		return fmt.Errorf("is no name of a bucket; write it like my-bucket")
	}
	return nil
}

// oneOf checks the items of a list of things that are known by name.
func oneOf(what string, known []string) func(string) error {
	return func(name string) error {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%q is no %s; use one or several of %s, with commas between", name, what, strings.Join(known, ", "))
		}
		return nil
	}
}

func checkFile(text string) error {
	if text == "" {
		return fmt.Errorf("is no file")
	}
	return nil
}

func checkPath(text string) error {
	if text == "" {
		return fmt.Errorf("is no path; give that of a file")
	}
	return nil
}

// checkFault says of a name that no fault has it.
func checkFault(name string) error {
	if _, ok := embedded.FaultNamed(name); ok {
		return nil
	}
	var names []string
	for _, f := range embedded.Faults {
		names = append(names, f.Name)
	}
	return fmt.Errorf("is no fault; %s", suggestion(nearest(name, names), "conform serve --fault list"))
}

// splitList reads a list with commas and refuses empty and repeated items.
func splitList(text string) ([]string, error) {
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		switch {
		case item == "":
			return nil, fmt.Errorf("has an empty item; write a list like A,B")
		case slices.Contains(list, item):
			return nil, fmt.Errorf("names %q twice; once is enough", item)
		}
		list = append(list, item)
	}
	return list, nil
}

func (s *settings) setShard(text string) error {
	s.shardAuto = text == shardAuto
	if s.shardAuto {
		return nil // the environment is asked once all settings are read
	}
	i, n, _, err := parseShard(text, nil)
	s.shard = conform.Shard{Index: i - 1, Count: n}
	return err
}

func (s *settings) setPace(text string) error {
	rates, err := pace.Parse(text)
	s.pace = &rates
	return err
}

func (s *settings) setFailOn(text string) error {
	level, err := model.ParseLevel(text)
	if err != nil {
		return fmt.Errorf("is no level; use documented, observed or inferred")
	}
	s.failOn = level
	return nil
}

func (s *settings) addReport(text string) error {
	sink, err := formats.Parse(text)
	if err != nil {
		return err
	}
	for _, other := range s.sinks {
		if other.Path != sink.Path {
			continue
		}
		if sink.Path == "" {
			return fmt.Errorf("a second report for standard output; write one of them to a file with =PATH")
		}
		return fmt.Errorf("two reports for the same file %s; give each one of its own", sink.Path)
	}
	s.sinks = append(s.sinks, sink)
	return nil
}
