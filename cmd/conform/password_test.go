package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
)

// TestPasswordsInURLs: wherever a URL with a password is given, and however wrong it is, the password is in no output.
func TestPasswordsInURLs(t *testing.T) {
	urls := []string{
		"http://user:hunter2@127.0.0.1:1", "http://user:hunter2@127.0.0.1:port", "http://user:hunter2@[::1", "http://user:hun/hunter2@h:1", "http://user:hun@hunter2@h",
		"http://user:hun#hunter2@h", "http://user:hun?hunter2@h", "http://user:%zzhunter2@h", "http://user:hunter2%40h:x", "http://hunter2@h", "http://user:hunter2@", "http:/user:hunter2@h",
		"http:user:hunter2@h", "user:hunter2@h:1", "//user:hunter2@h", "://user:hunter2@h", "ftp://user:hunter2@h", "http://user:hun\thunter2@h", "http://user:hun hunter2@h",
		`http://user:hun"hunter2@h`, "http://user:hun\nhunter2@h", "http://user:hun,hunter2@h", "http://user:hun=hunter2@h", "http://h/?password=hunter2", "http://h/#hunter2", "http://h:x/?hunter2",
		"HTTP://USER:hunter2@H", "http://user:hunter2@169.254.169.254", "http://user:hunter2@cloudtrail.us-east-1.amazonaws.com", "http://user:hunter2\x7f@h", "http://user:hunter2@h\x00",
	}
	for i, url := range urls {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			file := write(t, "conform.yaml", fmt.Sprintf("endpoint: %q\n", url))
			outputs := []string{"--report", "text", "--report", "json=r.json", "--report", "html=r.html", "--report", "junit=r.xml", "--report", "markdown=r.md", "--report", "ndjson=r.ndjson"}
			for _, way := range []struct {
				args, environ []string
			}{
				{args: append([]string{"run", "--endpoint", url}, outputs...)},
				{args: append([]string{"run", "--endpoint=" + url}, outputs...)},
				{args: append([]string{"run", "--config", file}, outputs...)},
				{args: append([]string{"run"}, outputs...), environ: []string{"CONFORM_ENDPOINT=" + url}},
				{args: append([]string{"run", "--target", "endpoint"}, outputs...), environ: []string{"AWS_ENDPOINT_URL=" + url}},
				{args: []string{"run", "--target", "endpoint"}, environ: []string{"AWS_ENDPOINT_URL_CLOUDTRAIL=" + url}},
				{args: []string{"plan", "--endpoint", url}},
				{args: []string{"learn", "--endpoint", url}},
				{args: []string{"replay", "put/replaces-list", "--endpoint", url}},
				{args: []string{"run", url}},
				{args: []string{url}},
			} {
				got := (&fakeRun{}).run(t.Context(), way.environ, way.args...)
				assert.Equal(t, reports.ExitUsage, wrongOrRefused(got.code), "%s%s", got.stdout, got.stderr)
				assert.NotContains(t, got.stdout+got.stderr, "hunter2", way.args)
			}
			require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() || path == file {
					return err
				}
				data, err := os.ReadFile(path)
				assert.NotContains(t, string(data), "hunter2", path)
				return err
			}))
		})
	}
	// What is a URL by mistake.
	const url = "http://user:hunter2@127.0.0.1:1/x"
	for _, args := range [][]string{
		{"replay", url}, {"export", url, "--as", "curl"}, {"export", url, "--as", url}, {"report", url}, {"diff", url, url}, {"merge", url, url}, {"rules", url}, {"rules", "put/stores", url},
		{"completion", url}, {"help", url}, {"serve", "--addr", url}, {"serve", "--addr", "user:hunter2@h"}, {"serve", "--fault", url}, {"sweep", "--account", url}, {"iam-policy", "--regions", url},
		{"run", "--endpiont", url}, {"run", "--endpiont=" + url}, {"run", "--=" + url}, {"run", "-" + url}, {"run", "--" + url}, {"run", "--config", url}, {"run", "--baseline", url},
		{"run", "--order", url}, {"run", "--resume", url}, {"run", "--traces", url}, {"run", "--report", url}, {"run", "--report", "json=" + url}, {"run", "--regions", url}, {"run", "--bucket", url},
		{"run", "--target", url}, {"run", "--seed", url}, {"run", "--time", url}, {"run", "--pace", url}, {"run", "--suite", url}, {"run", "--shard", url}, {"run", "--quiet=" + url}, {"run", "--fail-on", url},
		{"run", "--target", "account", "--account", "404142434445", "--regions", "us-east-1", "--ledger", url}, {"learn", "--out", url}, {"learn", "--profile", url}, {"selftest", url},
	} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			t.Chdir(t.TempDir())
			require.NoError(t, os.WriteFile("http:", nil, 0o600)) // so that nothing can be made there
			got := (&fakeRun{err: os.ErrInvalid}).run(t.Context(), nil, args...)
			assert.NotEqual(t, 0, got.code)
			assert.NotContains(t, got.stdout+got.stderr, "hunter2")
		})
	}
}

func wrongOrRefused(code int) int {
	if code == reports.ExitRefused {
		return reports.ExitUsage
	}
	return code
}
