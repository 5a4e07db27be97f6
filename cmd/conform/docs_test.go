package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports/formats"
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
			if _, err := os.Stat(filepath.Join(repository, file)); !assert.NoError(t, err, "%s links to %s", name, l[1]) || anchor == "" {
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
		if _, err := formats.Parse(strings.TrimPrefix(flag, " --report ")); err != nil {
			return ""
		}
		return flag
	})
}

// placeholders are what readers are to fill in, with something that could stand there.
var placeholders = strings.NewReplacer("--account ID ", "--account 999988887777 ", "--fault NAME ", "--fault appends-selectors ", "--to FORMAT[=PATH] ", "--to text ")

// TestCommandsOfThePages: each command that a page or a help text shows has a command and flags that exist,
// with values that are understood.
func TestCommandsOfThePages(t *testing.T) {
	texts := map[string]string{}
	for _, name := range pages(t) {
		texts[name] = page(t, name)
	}
	for _, args := range [][]string{{"--help"}, {"run", "--help"}, {"replay", "--help"}, {"export", "--help"}, {"judge", "--help"}, {"proxy", "--help"}, {"matrix", "--help"}, {"rules", "--help"}, {"serve", "--help"}, {"completion", "--help"}} {
		var lines []string
		for line := range strings.Lines(passing().run(t.Context(), []string{"COLUMNS=1000"}, args...).stdout) {
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
			command = placeholders.Replace(command + " ")
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
	examples := squeeze(page(t, "example_test.go") + page(t, "example_adapters_test.go") + page(t, "example_rapid_test.go") +
		page(t, "example_readonly_test.go"))
	blocks := 0
	for _, block := range fence.FindAllStringSubmatch(page(t, "docs/testing-a-go-mock.md"), -1) {
		if block[1] == "python" {
			continue // TestBridgeOfThePage runs it
		}
		blocks++
		assert.Contains(t, examples, squeeze(block[2]))
	}
	assert.GreaterOrEqual(t, blocks, 4)
	_, section, _ := strings.Cut(page(t, "README.md"), "## Test a Go mock\n")
	section, _, _ = strings.Cut(section, "\n[")
	assert.Contains(t, examples, squeeze(section))
	assert.Contains(t, section, "conform.Check")
}

// TestReadmeOnANarrowScreen: what one sees first says what this is for and shows it, and neither prose nor what is to be
// pasted is wider than a terminal.
func TestReadmeOnANarrowScreen(t *testing.T) {
	text := page(t, "README.md")
	at := 0
	for _, next := range []string{
		"PutInsightSelectors?", "(docs/pictures/report.png)\n", "\n    go install github.com/insightconform/conform/cmd/conform@latest\n",
		"\n    conform run --fault appends-selectors\n", "(docs/pictures/terminal.png)\n", "\n    python3 -m venv ", "conform matrix", "docs/emulators.md",
	} {
		found := strings.Index(text[at:], next)
		require.GreaterOrEqual(t, found, 0, "%q, in this order", next)
		if strings.Contains(next, "terminal") {
			assert.Less(t, strings.Count(text[:at+found], "\n"), 24, "lines until then")
		}
		at += found
	}
	before := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, "|") && !strings.Contains(line, "conform.Mock(") {
			assert.LessOrEqual(t, len([]rune(line)), 80, line)
		}
		if strings.HasPrefix(line, "    ") {
			assert.Regexp(t, `^($|    )`, before, "a block of code begins after an empty line: %s", line)
		}
		before = line
	}

	// The divergence that it shows is one of the report that lies here.
	_, shown, _ := strings.Cut(text, "divergence of its report:\n\n")
	shown, replay, _ := strings.Cut(shown, "        replay")
	assert.Contains(t, replay, "conform replay")
	got := command(t, "report", filepath.Join(repository, "docs/emulators/moto-5.2.5.json"))
	squeeze := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	require.NotEmpty(t, shown)
	assert.Contains(t, squeeze(got.stdout), squeeze(shown))
}
