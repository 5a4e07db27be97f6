//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/formats"
)

// TestCIPage does what the page tells people to do, with moto: it makes the baseline, and then runs the
// scripts of both examples as they stand there.
func TestCIPage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs moto several times")
	}
	for _, tool := range []string{"moto_server", "bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	text := page(t, "docs/testing-your-emulator-in-ci.md")
	var github struct {
		Jobs map[string]struct {
			Steps []struct{ Run string }
		}
	}
	var gitlab map[string]struct {
		Script []string
	}
	var first string
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		switch {
		case block[1] == "sh":
			first = block[2]
		case strings.Contains(block[2], "runs-on:"):
			require.NoError(t, yaml.Unmarshal([]byte(block[2]), &github))
		default:
			require.NoError(t, yaml.Unmarshal([]byte(block[2]), &gitlab))
		}
	}
	require.Len(t, github.Jobs["conform"].Steps, 6)
	require.Len(t, gitlab["conform"].Script, 3)
	require.NotEmpty(t, first)

	bin := filepath.Dir(build(t))
	folder := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := strings.TrimPrefix(listener.Addr().String(), "127.0.0.1:")
	listener.Close()
	script := func(lines string) int {
		t.Helper()
		assert.NotContains(t, lines, "$", "nothing that only a CI system would know")
		here := strings.NewReplacer(
			"go install github.com/insightconform/conform/cmd/conform@latest", "conform --version",
			"pip install 'moto[server]'", "moto_server --help >help.log", // it is installed
			"http://moto:5000", "http://127.0.0.1:"+port, "http://127.0.0.1:5000", "http://127.0.0.1:"+port, "-p 5000", "-p "+port,
		).Replace(known(lines))
		cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", here)
		cmd.Dir = folder
		// A part of the suite, the same each time, is enough here.
		cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "CONFORM_") || strings.HasPrefix(e, "GITHUB_") }),
			"PATH="+bin+":"+os.Getenv("PATH"), "CONFORM_REQUESTS=1500", "CONFORM_SEED=1")
		output, err := os.Create(filepath.Join(folder, "output.log")) // a pipe would wait for the server
		require.NoError(t, err)
		defer output.Close()
		cmd.Stdout, cmd.Stderr = output, output
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // the server, too
		err = cmd.Wait()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		written, _ := os.ReadFile(output.Name())
		t.Logf("%s\nexit %d\n%s", here, cmd.ProcessState.ExitCode(), written)
		return cmd.ProcessState.ExitCode()
	}
	wrote := func(names ...string) {
		t.Helper()
		for _, name := range names {
			path := filepath.Join(folder, name)
			switch _, err := os.Stat(path); {
			case name == "conform.json":
				data, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.True(t, json.Valid(data))
			case err != nil:
				format := map[string]string{"conform.xml": "junit", "conform.md": "markdown"}[name]
				assert.NotContains(t, formats.Names(), format, "%s is missing", name)
			}
			os.Remove(path)
		}
		assert.DirExists(t, filepath.Join(folder, "conform-traces"))
	}

	steps := github.Jobs["conform"].Steps
	require.Equal(t, 0, script(steps[2].Run), "the emulator starts")
	require.Equal(t, reports.ExitDiverges, script(first), "the first run fails, and writes the baseline")
	require.FileExists(t, filepath.Join(folder, "conform-baseline.yaml"))
	t.Run("GitHub", func(t *testing.T) {
		require.Equal(t, 0, script(steps[3].Run))
		assert.Equal(t, 0, script(steps[4].Run))
		wrote("conform.json", "conform.xml", "conform.md")
	})
	t.Run("GitLab", func(t *testing.T) {
		for _, line := range gitlab["conform"].Script {
			assert.Equal(t, 0, script(line))
		}
		wrote("conform.json", "conform.xml")
	})
}
