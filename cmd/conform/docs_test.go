package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/insightconform/conform/reports"
)

// repository is the root of the project, named before any test changes the folder.
var repository, _ = filepath.Abs("../..")

func page(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, name))
	require.NoError(t, err)
	return string(data)
}

// pages lists the pages for people by their path in the repository.
func pages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repository, "docs", "*.md"))
	require.NoError(t, err)
	names := []string{"README.md"}
	for _, file := range files {
		names = append(names, "docs/"+filepath.Base(file))
	}
	return names
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fence   = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
)

// anchors are the names by which the headings of a page are linked to.
func anchors(text string) []string {
	var names []string
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(h[1], ""))
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

func TestLinksOfThePages(t *testing.T) {
	linked := map[string]bool{"README.md": true}
	for _, name := range pages(t) {
		for _, l := range link.FindAllStringSubmatch(page(t, name), -1) {
			if strings.Contains(l[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(l[1], "#")
			file := name
			if path != "" {
				file = filepath.Join(filepath.Dir(name), path)
			}
			linked[file] = true
			if !assert.FileExists(t, filepath.Join(repository, file), "%s links to %s", name, l[1]) || anchor == "" {
				continue
			}
			assert.Contains(t, anchors(page(t, file)), anchor, "%s links to %s", name, l[1])
		}
	}
	for _, name := range pages(t) {
		assert.True(t, linked[name], "no page links to %s", name)
	}
}

var (
	commandSpan = regexp.MustCompile("`((?:go run \\./cmd/)?conform [a-z][^`]*)`")
	commandLine = regexp.MustCompile(`(?:^|[\s:])((?:go run \./cmd/)?conform (?:[a-z]+|--[a-z]+)( .*)?)$`)
)

// commandsIn lists the commands of ours that stand in the blocks and spans of a page.
func commandsIn(text string) []string {
	var commands []string
	for _, span := range commandSpan.FindAllStringSubmatch(text, -1) {
		commands = append(commands, span[1])
	}
	text = strings.ReplaceAll(text, "\\\n", " ")
	inFence, folded := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "```") {
			inFence = !inFence
			continue
		}
		if !inFence && !strings.HasPrefix(line, "    ") {
			continue
		}
		if folded && strings.HasPrefix(strings.TrimSpace(line), "--") { // YAML's folded text
			commands[len(commands)-1] += " " + strings.TrimSpace(line)
			continue
		}
		folded = false
		line, _, _ = strings.Cut(line, " #")
		if c := commandLine.FindStringSubmatch(strings.TrimSpace(line)); c != nil && !strings.Contains(line, "- name") && !strings.Contains(line, "→") {
			commands = append(commands, c[1])
			folded = true
		}
	}
	return commands
}

// soon are formats of reports that may not be there yet.
var soon = regexp.MustCompile(` --report (junit|markdown|html|ndjson)=\S+`)

// known leaves out reports in formats that this build does not have.
func known(command string) string {
	return soon.ReplaceAllStringFunc(command, func(flag string) string {
		if _, err := reports.ParseSink(strings.TrimPrefix(flag, " --report ")); err != nil {
			return ""
		}
		return flag
	})
}

// TestCommandsOfThePages: each command that a page or a help text shows has a command and flags that exist,
// with values that are understood.
func TestCommandsOfThePages(t *testing.T) {
	texts := map[string]string{}
	for _, name := range pages(t) {
		texts[name] = page(t, name)
	}
	for _, args := range [][]string{{"--help"}, {"run", "--help"}, {"replay", "--help"}, {"export", "--help"}, {"rules", "--help"}, {"serve", "--help"}, {"completion", "--help"}} {
		var lines []string
		for line := range strings.Lines(passing().run(t.Context(), nil, args...).stdout) {
			if line, isCommand := strings.CutPrefix(line, "  conform "); isCommand {
				line, _, _ = strings.Cut(line, "   ") // what explains it
				line, _, _ = strings.Cut(line, " > ")
				lines = append(lines, "    conform "+strings.TrimSuffix(strings.TrimRight(line, "\n"), " | source"))
			}
		}
		texts[strings.Join(args, " ")] = strings.Join(lines, "\n")
	}
	total := 0
	for name, text := range texts {
		commands := commandsIn(text)
		total += len(commands)
		for _, command := range commands {
			words := strings.Fields(known(strings.TrimPrefix(command, "go run ./cmd/")))[1:]
			p := &process{wiring: passing().wiring(), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
			root := p.rootCommand()
			cmd, rest, err := root.Find(words)
			if !assert.NoError(t, err, "%s: %s", name, command) {
				continue
			}
			assert.True(t, cmd != root || strings.HasPrefix(words[0], "-"), "%s: %s", name, command)
			cmd.InitDefaultHelpFlag()
			cmd.InitDefaultVersionFlag()
			assert.NoError(t, cmd.ParseFlags(rest), "%s: %s", name, command)
		}
	}
	assert.Greater(t, total, 30)
}

func TestCommandsAreFound(t *testing.T) {
	text := "`conform rules` and\n\n    conform run --x 1   # why\n\n```yaml\n  run: conform serve\n  - >-\n    conform run --a\n    --b 2\n```\nconform in prose\n"
	assert.Equal(t, []string{"conform rules", "conform run --x 1", "conform serve", "conform run --a --b 2"}, commandsIn(text))
}

// TestGoOnThePages: the Go code of the pages is part of the examples, which are compiled and run.
func TestGoOnThePages(t *testing.T) {
	squeeze := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	examples := squeeze(page(t, "example_test.go"))
	blocks := 0
	for _, block := range fence.FindAllStringSubmatch(page(t, "docs/testing-a-go-mock.md"), -1) {
		blocks++
		assert.Contains(t, examples, squeeze(block[2]))
	}
	assert.GreaterOrEqual(t, blocks, 4)
	_, section, _ := strings.Cut(page(t, "README.md"), "## Testing a Go mock\n")
	section, _, _ = strings.Cut(section, "\n[")
	assert.Contains(t, examples, squeeze(section))
	assert.Contains(t, section, "conform.Check")
}

// TestCIPage does what the page tells people to do, with moto: it makes the baseline, and then runs the
// scripts of both examples as they stand there.
func TestCIPage(t *testing.T) {
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
				assert.NotContains(t, reports.Formats(), format, "%s is missing", name)
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
