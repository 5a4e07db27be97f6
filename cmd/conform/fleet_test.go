package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform"
)

func TestShard(t *testing.T) {
	for _, test := range []struct {
		text    string
		environ map[string]string
		i, n    int
		problem string
	}{
		{text: "1/1", i: 1, n: 1},
		{text: "5/5", i: 5, n: 5},
		{text: "2/5", environ: map[string]string{"CI_NODE_INDEX": "9", "CI_NODE_TOTAL": "9"}, i: 2, n: 5},
		{text: "0/5", problem: "is no share"},
		{text: "6/5", problem: "is no share"},
		{text: "5", problem: "is no share"},
		{text: "", problem: "is no share"},
		{text: "1/", problem: "is no share"},
		{text: "/", problem: "is no share"},
		{text: "1/2/3", problem: "is no share"},
		{text: "-1/2", problem: "is no share"},
		{text: "01/2", problem: "is no share"},
		{text: "1/1000000", problem: "is no share"},
		{text: "Auto", problem: "is no share"},
		{text: "auto", problem: "tells of no fleet"},
		{text: "auto", environ: map[string]string{"JOB_COMPLETION_INDEX": "0", "JOB_COMPLETIONS": "3"}, i: 1, n: 3},
		{text: "auto", environ: map[string]string{"JOB_COMPLETION_INDEX": "2", "JOB_COMPLETIONS": "3"}, i: 3, n: 3},
		{text: "auto", environ: map[string]string{"JOB_COMPLETION_INDEX": "3", "JOB_COMPLETIONS": "3"}, problem: "make no share"},
		{text: "auto", environ: map[string]string{"JOB_COMPLETION_INDEX": "1"}, problem: "no JOB_COMPLETIONS"},
		{text: "auto", environ: map[string]string{"JOB_COMPLETIONS": "3"}, problem: "no JOB_COMPLETION_INDEX"},
		{text: "auto", environ: map[string]string{"AWS_BATCH_JOB_ARRAY_INDEX": "9", "AWS_BATCH_JOB_ARRAY_SIZE": "10"}, i: 10, n: 10},
		{text: "auto", environ: map[string]string{"AWS_BATCH_JOB_ARRAY_INDEX": "nine", "AWS_BATCH_JOB_ARRAY_SIZE": "10"}, problem: "make no share"},
		{text: "auto", environ: map[string]string{"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "4"}, i: 1, n: 4},
		{text: "auto", environ: map[string]string{"CI_NODE_INDEX": "4", "CI_NODE_TOTAL": "4"}, i: 4, n: 4},
		{text: "auto", environ: map[string]string{"CI_NODE_INDEX": "0", "CI_NODE_TOTAL": "4"}, problem: "make no share"},
		{text: "auto", environ: map[string]string{"CI_NODE_TOTAL": "1"}, problem: "tells of no fleet"},
		{text: "auto", environ: map[string]string{"STRATEGY_JOB_INDEX": "1", "STRATEGY_JOB_TOTAL": "2"}, i: 2, n: 2},
		{text: "auto", environ: map[string]string{"STRATEGY_JOB_INDEX": "-1", "STRATEGY_JOB_TOTAL": "2"}, problem: "make no share"},
		{text: "auto", environ: map[string]string{"STRATEGY_JOB_INDEX": "0", "STRATEGY_JOB_TOTAL": "2", "CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "2"}, problem: "two shares"},
	} {
		s := defaultSettings()
		err := s.setShard(test.text)
		shard := s.run.Shard
		if s.shardAuto {
			shard, err = shardFromEnvironment(test.environ)
		}
		if test.problem != "" {
			assert.ErrorContains(t, err, test.problem, "%q %v", test.text, test.environ)
			assert.Zero(t, shard)
			continue
		}
		assert.NoError(t, err, "%q %v", test.text, test.environ)
		assert.Equal(t, conform.Shard{Index: test.i - 1, Count: test.n}, shard, "%q %v", test.text, test.environ)
	}
}
