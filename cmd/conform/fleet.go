package main

import (
	"fmt"
	"strconv"
	"strings"
)

// fleet is where a system that starts several equal jobs tells each of them which one it is.
type fleet struct {
	name         string
	index, count string // environment variables
	first        int    // the index of the first job
}

// fleets lists the systems that are known. Kubernetes and GitHub leave the count, or both, to the
// manifest; those under deploy/ set it.
var fleets = []fleet{
	{"Kubernetes Indexed Job", "JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0},
	{"AWS Batch array job", "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", 0},
	{"GitLab parallel job", "CI_NODE_INDEX", "CI_NODE_TOTAL", 1},
	{"GitHub matrix", "STRATEGY_JOB_INDEX", "STRATEGY_JOB_TOTAL", 0},
}

// shardAuto is the value of --shard that asks the environment.
const shardAuto = "auto"

// parseShard reads a value of --shard: "i/n" with i from 1 to n, or auto, for which environ is asked.
// source names the system that told it, and is empty for an explicit value.
func parseShard(text string, environ map[string]string) (i, n int, source string, err error) {
	if text == shardAuto {
		return shardFromEnvironment(environ)
	}
	index, count, ok := strings.Cut(text, "/")
	i, ok1 := jobNumber(index)
	n, ok2 := jobNumber(count)
	if !ok || !ok1 || !ok2 || i < 1 || i > n {
		return 0, 0, "", fmt.Errorf("is no share; write it like 2/5 for the second of five, or auto")
	}
	return i, n, "", nil
}

// shardFromEnvironment finds which of n equal jobs this one is, from 1. Where two systems say so, such
// as a GitLab job that starts another one's pod, they must agree.
func shardFromEnvironment(environ map[string]string) (i, n int, source string, err error) {
	for _, f := range fleets {
		index, count := environ[f.index], environ[f.count]
		if index == "" && (count == "" || f.first == 1) {
			continue // GitLab sets the total for every job, parallel or not
		}
		switch {
		case index == "":
			return 0, 0, "", fmt.Errorf("the environment has %s and no %s (%s); set both, or write the share like 2/5", f.count, f.index, f.name)
		case count == "":
			return 0, 0, "", fmt.Errorf("the environment has %s and no %s (%s); set it to the number of jobs, or write the share like 2/5", f.index, f.count, f.name)
		}
		at, ok1 := jobNumber(index)
		of, ok2 := jobNumber(count)
		at += 1 - f.first
		if !ok1 || !ok2 || at < 1 || at > of {
			return 0, 0, "", fmt.Errorf("%s=%.20q and %s=%.20q make no share (%s); the index runs from %d to one job for each of the count", f.index, index, f.count, count, f.name, f.first)
		}
		if source != "" && (at != i || of != n) {
			return 0, 0, "", fmt.Errorf("the environment has two shares, %d/%d (%s) and %d/%d (%s); write the one that is meant like 2/5", i, n, source, at, of, f.name)
		}
		i, n, source = at, of, f.name
	}
	if source == "" {
		return 0, 0, "", fmt.Errorf("the environment tells of no fleet (%s); write the share like 2/5", fleetVariables())
	}
	return i, n, source, nil
}

func fleetVariables() string {
	var names []string
	for _, f := range fleets {
		names = append(names, f.index)
	}
	return strings.Join(names, ", ")
}

// maxJobs keeps a slip of the finger from asking for the impossible.
const maxJobs = 10_000

// jobNumber reads a plain whole number.
func jobNumber(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0 && n <= maxJobs && strconv.Itoa(n) == text
}
