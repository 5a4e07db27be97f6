package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVectors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vectors")
	got := command(t, "vectors", "--out", dir)
	assert.Equal(t, 0, got.code, got.stderr)
	assert.Regexp(t, `^\d+ vectors about \d+ rules written to .*vectors, version \d+\.\d+\.\d+\n$`, got.stdout)
	assert.Empty(t, got.stderr)
	for _, name := range []string{"index.json", "put.json", "schema/vectors-1.json", "runners/python/test_vectors.py", "runners/javascript/vectors.test.mjs"} {
		assert.FileExists(t, filepath.Join(dir, name))
	}
	got = command(t, "vectors", "--check", dir)
	assert.Equal(t, 0, got.code)
	assert.Contains(t, got.stdout, "holds the set of this version")

	// An older set: of one family a vector less, and one with other words.
	path := filepath.Join(dir, "bucket.json")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(string(data), "\n")
	id := strings.Split(lines[1], `"`)[3]
	lines = append(lines[:1], lines[2:]...)
	lines[1] = strings.Replace(lines[1], `"comment":"`, `"comment":"Once, `, 1)
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o666))
	got = command(t, "vectors", "--check", dir)
	assert.Equal(t, 1, got.code)
	assert.Contains(t, got.stdout, "\nadded: 1\n  "+id+"\n")
	assert.Contains(t, got.stdout, "\nreworded: 1\n  bucket/")
	got = command(t, "vectors", "--out", dir)
	assert.Equal(t, 0, got.code, got.stderr)
	assert.Equal(t, 0, command(t, "vectors", "--check", dir).code)

	// What is wrong takes one line, and leaves everything as it is.
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")[:200]), 0o666))
	own := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(own, []byte("mine"), 0o666))
	for says, args := range map[string][]string{
		"takes --out DIR or --check DIR": nil,
		"see 'conform vectors --help'":   {"--out", dir, "--check", dir},
		"bucket.json, line":              {"--check", dir},
		"index.json":                     {"--check", t.TempDir()},
		"notes.txt, which is of no set":  {"--out", filepath.Dir(own)},
		"is no path":                     {"--out", ""},
	} {
		got := command(t, append([]string{"vectors"}, args...)...)
		assert.Equal(t, 2, got.code, says)
		assert.Contains(t, got.stderr, says)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
		assert.Empty(t, got.stdout, says)
	}
	entries, err := os.ReadDir(filepath.Dir(own))
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}
