//go:build unix

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/insightconform/conform/internal/testing/mototest"
	"github.com/insightconform/conform/reports"
)

// TestProxyPage runs the scripts of the page as they stand there, with its test, pytest and moto.
func TestProxyPage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs moto")
	}
	for _, tool := range []string{"moto_server", "pytest", "bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	text, blocks := page(t, "docs/proxy.md"), map[string]string{}
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		blocks[block[1]] = block[2]
	}
	var github struct {
		Jobs map[string]struct{ Steps []struct{ Name, Run string } }
	}
	require.NoError(t, yaml.Unmarshal([]byte(blocks["yaml"]), &github))
	inCI := ""
	for _, step := range github.Jobs["test"].Steps {
		if step.Name == "test" {
			inCI = "set -e\n" + step.Run // as GitHub runs it
		}
	}
	binary := build(t)
	play := func(script, tests, upstream string) (code int, folder, said string) {
		folder = t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "test_trail.py"), []byte(tests), 0o600))
		_, port, _ := strings.Cut(upstream, ":")
		address := freeAddress(t)
		script = strings.NewReplacer("127.0.0.1:5000", upstream, "-p 5000", "-p "+port, "127.0.0.1:8081", address,
			"conform proxy ", "conform proxy --addr "+address+" ").Replace(script)
		cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
			"AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true")
		out, _ := cmd.CombinedOutput()
		return cmd.ProcessState.ExitCode(), folder, string(out)
	}

	code, folder, said := play(blocks["sh"], blocks["python"], freeAddress(t))
	assert.Equal(t, reports.ExitConforms, code, said)
	assert.Contains(t, said, "1 passed")
	assert.Contains(t, said, "conforms (exit 0)")
	assert.Equal(t, 0, command(t, "judge", filepath.Join(folder, "calls.har")).code)

	moto := strings.TrimPrefix(mototest.Start(t), "http://")
	code, folder, said = play(inCI, blocks["python"], moto)
	assert.Equal(t, reports.ExitConforms, code, said)
	summary, err := os.ReadFile(filepath.Join(folder, "conform.md"))
	require.NoError(t, err)
	assert.Contains(t, string(summary), "conforms")

	// A test that passes, of what moto does wrong.
	wrong := strings.NewReplacer("test_insights", "test_more", "bucket-name", "bucket-two", `"trail"`, `"other"`, "ApiCallRateInsight", "ApiSomethingInsight").Replace(blocks["python"])
	code, _, said = play(inCI, wrong, moto)
	assert.Equal(t, reports.ExitDiverges, code, said)
	assert.Contains(t, said, "1 passed")
	assert.Contains(t, said, "conform: found selector/type-invalid")
}

// freeAddress is one where nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return "127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
