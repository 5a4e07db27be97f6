package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/reports/plain"
)

// fleet is where a system that starts several equal jobs tells each of them which one it is.
type fleet struct {
	name         string
	index, count string // environment variables
	first        int    // the index of the first job
}

// fleets lists the systems that are known. Some leave the count, or both, to the manifest, as those under deploy/ do.
var fleets = []fleet{
	{"Kubernetes Indexed Job", "JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0},
	{"AWS Batch array job", "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", 0},
	{"GitLab parallel job", "CI_NODE_INDEX", "CI_NODE_TOTAL", 1},
	{"GitHub matrix", "STRATEGY_JOB_INDEX", "STRATEGY_JOB_TOTAL", 0},
}

// shardAuto is the value of --shard that asks the environment.
const shardAuto = "auto"

// parseShard reads a value of --shard: "i/n" with i from 1 to n, or auto, for which environ is asked.
func parseShard(text string, environ map[string]string) (conform.Shard, error) {
	if text == shardAuto {
		return shardFromEnvironment(environ)
	}
	index, count, _ := strings.Cut(text, "/")
	shard, ok := shardOf(index, count, 1)
	if !ok {
		return shard, errors.New("is no share; write it like 2/5 for the second of five, or auto")
	}
	return shard, nil
}

// shardFromEnvironment finds which of n equal jobs this one is. Where two systems say so, they must agree.
func shardFromEnvironment(environ map[string]string) (found conform.Shard, err error) {
	source := "" // the system that told it
	for _, f := range fleets {
		index, count := environ[f.index], environ[f.count]
		if index == "" && (count == "" || f.first == 1) {
			continue // GitLab sets the total for every job, parallel or not
		}
		shard, ok := shardOf(index, count, f.first)
		switch {
		case index == "":
			err = fmt.Errorf("the environment has %s and no %s (%s); set both, or write the share like 2/5", f.count, f.index, f.name)
		case count == "":
			err = fmt.Errorf("the environment has %s and no %s (%s); set it to the number of jobs, or write the share like 2/5", f.index, f.count, f.name)
		case !ok:
			err = fmt.Errorf("%s=%.20q and %s=%.20q make no share (%s); the index runs from %d to one job for each of the count", f.index, index, f.count, count, f.name, f.first)
		case source != "" && shard != found:
			err = fmt.Errorf("the environment has two shares, %d/%d (%s) and %d/%d (%s); write the one that is meant like 2/5", found.Index+1, found.Count, source, shard.Index+1, shard.Count, f.name)
		}
		if err != nil {
			return conform.Shard{}, err
		}
		found, source = shard, f.name
	}
	if source == "" {
		variables := plain.Texts(fleets, func(f fleet) string { return f.index })
		return found, fmt.Errorf("the environment tells of no fleet (%s); write the share like 2/5", strings.Join(variables, ", "))
	}
	return found, nil
}

// maxJobs keeps a slip of the finger from asking for the impossible.
const maxJobs = 10_000

// shardOf is the share of a job by its index, counted from first, among so many.
func shardOf(index, count string, first int) (conform.Shard, bool) {
	i, err1 := strconv.Atoi(index)
	n, err2 := strconv.Atoi(count)
	i -= first
	if err1 != nil || err2 != nil || i < 0 || i >= n || n > maxJobs || strconv.Itoa(i+first) != index || strconv.Itoa(n) != count {
		return conform.Shard{}, false
	}
	return conform.Shard{Index: i, Count: n}, true
}
