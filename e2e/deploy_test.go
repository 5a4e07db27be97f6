package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// lint holds a workflow to what GitHub takes.
func lint(t *testing.T, name string, workflow []byte) []string {
	t.Helper()
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	require.NoError(t, err)
	problems, err := linter.Lint(name, workflow, nil)
	require.NoError(t, err)
	var out []string
	for _, p := range problems {
		out = append(out, p.Error())
	}
	return out
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repository, path))
	require.NoError(t, err)
	return data
}

func TestWorkflowsAreValid(t *testing.T) {
	nightly := read(t, "deploy/github-nightly.yml")
	assert.Empty(t, lint(t, "nightly.yml", nightly))
	assert.NotEmpty(t, lint(t, "nightly.yml", bytes.Replace(nightly, []byte("runs-on:"), []byte("run-on:"), 1)), "the linter sees what is wrong")
	fence := regexp.MustCompile("(?s)```yaml\n(name: .*?)```")
	blocks := fence.FindAllSubmatch(read(t, "docs/testing-your-emulator-in-ci.md"), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		assert.Empty(t, lint(t, "page.yml", block[1]))
	}
}

// action is the composite action, as far as tests look at it.
type action struct {
	Inputs map[string]struct {
		Description, Default string
		Required             bool
	}
	Runs struct {
		Using string
		Steps []map[string]any
	}
}

func readAction(t *testing.T) (a action) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal(read(t, "action.yml"), &a))
	require.Equal(t, "composite", a.Runs.Using)
	return a
}

// TestActionIsValid lints the steps of the action as those of a workflow with the same inputs.
func TestActionIsValid(t *testing.T) {
	a := readAction(t)
	inputs := map[string]any{}
	for name, input := range a.Inputs {
		assert.NotEmpty(t, input.Description, name)
		inputs[name] = map[string]any{"type": "string", "required": input.Required}
	}
	workflow := map[string]any{"on": map[string]any{"workflow_call": map[string]any{"inputs": inputs}},
		"jobs": map[string]any{"one": map[string]any{"runs-on": "ubuntu-latest", "steps": a.Runs.Steps}}}
	data, err := yaml.Marshal(workflow)
	require.NoError(t, err)
	assert.Empty(t, lint(t, "action.yml", data))
	for _, step := range a.Runs.Steps {
		if step["run"] != nil {
			assert.NotContains(t, step["run"], "${{", "an input is no part of a script, but a variable")
			assert.Equal(t, "bash", step["shell"])
		}
	}
}

// TestActionRuns has a shell run the steps of the action as GitHub does, with a go that installs this tree.
func TestActionRuns(t *testing.T) {
	a := readAction(t)
	url, _ := served(t, "--fault", "appends-selectors")
	work, home := t.TempDir(), t.TempDir()
	bin := filepath.Join(home, "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	require.NoError(t, os.Rename(build(t), filepath.Join(home, "built")))
	fake := "#!/bin/sh\ncase $1 in\ninstall) echo \"$2\" > " + home + "/installed; cp " + home + "/built " + bin + "/conform;;\nenv) echo " + home + ";;\nesac\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "go"), []byte(fake), 0o755))

	// Runs all steps and returns what they print; failed names the first that fails.
	run := func(inputs map[string]string) (failed, said string) {
		for _, step := range a.Runs.Steps {
			script, isScript := step["run"].(string)
			if !isScript || failed != "" && step["if"] != "always()" {
				continue
			}
			command := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
			command.Dir = work
			command.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GITHUB_STEP_SUMMARY="+filepath.Join(work, "summary.md"))
			variables, _ := step["env"].(map[string]any)
			for name, value := range variables {
				input := strings.TrimSuffix(strings.TrimPrefix(value.(string), "${{ inputs."), " }}")
				require.Contains(t, a.Inputs, input)
				text, given := inputs[input]
				if !given {
					text = a.Inputs[input].Default
				}
				command.Env = append(command.Env, name+"="+text)
			}
			output, err := command.CombinedOutput()
			if said += string(output); err != nil && failed == "" {
				failed = step["name"].(string)
			}
		}
		return failed, said
	}
	inputs := map[string]string{"endpoint": url, "version": "v1.2.3", "arguments": "--requests 600 --seed 1 --only 'put/*,get/*'"}
	failed, said := run(inputs)
	assert.Equal(t, "Test the emulator", failed, said)
	assert.Contains(t, said, "left out", "what is given in quotes is one word")
	installed, err := os.ReadFile(filepath.Join(home, "installed"))
	require.NoError(t, err)
	assert.Equal(t, "github.com/insightconform/conform/cmd/conform@v1.2.3\n", string(installed))
	summary, err := os.ReadFile(filepath.Join(work, "summary.md"))
	require.NoError(t, err)
	assert.Contains(t, string(summary), "put/replaces-list")
	var uploaded string
	for _, step := range a.Runs.Steps {
		if with, ok := step["with"].(map[string]any); ok && with["path"] != nil {
			uploaded = with["path"].(string)
			assert.Equal(t, "always()", step["if"])
		}
	}
	for _, path := range strings.Fields(uploaded) {
		_, err := os.Stat(filepath.Join(work, path))
		assert.NoError(t, err, path)
	}

	// With the baseline that the first run can write, the second passes.
	write := exec.Command(filepath.Join(bin, "conform"), "run", "--endpoint", url, "--requests", "600", "--seed", "1", "--only", "put/*,get/*",
		"--traces", "none", "--baseline", "conform-baseline.yaml", "--update-baseline")
	write.Dir = work
	_ = write.Run() // the first run diverges
	failed, said = run(inputs)
	assert.Empty(t, failed, said)
}

// TestManifestsAreStrict decodes the manifests for Kubernetes with its own types: no key that it does not know.
func TestManifestsAreStrict(t *testing.T) {
	decode := func(document []byte) (any, error) {
		var kind struct{ Kind string }
		if err := yaml.Unmarshal(document, &kind); err != nil {
			return nil, err
		}
		into := map[string]any{"Job": &batchv1.Job{}, "PersistentVolumeClaim": &corev1.PersistentVolumeClaim{}}[kind.Kind]
		require.NotNil(t, into, kind.Kind)
		return into, yaml.UnmarshalStrict(document, into)
	}
	jobs := 0
	files, err := filepath.Glob(filepath.Join(repository, "deploy", "kubernetes-*.yaml"))
	require.NoError(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, document := range bytes.Split(data, []byte("\n---\n")) {
			decoded, err := decode(document)
			require.NoError(t, err, file)
			if job, ok := decoded.(*batchv1.Job); ok {
				jobs++
				assert.Len(t, job.Spec.Template.Spec.Containers, 1)
			}
		}
		_, err = decode(bytes.Replace(data, []byte("spec:"), []byte("specs:"), 1))
		assert.Error(t, err, "what is misspelt is refused")
	}
	assert.Equal(t, 2, jobs)
}

// TestRoleIsValid has cfn-lint read the template.
func TestRoleIsValid(t *testing.T) {
	if _, err := exec.LookPath("cfn-lint"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("cfn-lint is not installed: pip install cfn-lint")
		}
		t.Skip("cfn-lint is not installed: pip install cfn-lint")
	}
	output, err := exec.Command("cfn-lint", "--non-zero-exit-code", "warning", filepath.Join(repository, "deploy", "sandbox-role.yaml")).CombinedOutput()
	assert.NoError(t, err, string(output))
}

// TestReleaseIsBuilt holds the configuration to goreleaser and has it build the command for this machine.
func TestReleaseIsBuilt(t *testing.T) {
	if os.Getenv("CI") == "" {
		t.Skip("compiles goreleaser, which takes minutes; CI does")
	}
	const goreleaser = "github.com/goreleaser/goreleaser/v2@v2.15.1"
	folder := t.TempDir()
	install := exec.Command("go", "install", goreleaser)
	install.Env = append(os.Environ(), "GOBIN="+folder, "GOFLAGS=")
	output, err := install.CombinedOutput()
	require.NoError(t, err, string(output))
	for _, args := range [][]string{{"check"}, {"build", "--snapshot", "--clean", "--single-target"}} {
		command := exec.Command(filepath.Join(folder, "goreleaser"), args...)
		command.Dir, command.Env = repository, append(os.Environ(), "GOFLAGS=")
		output, err := command.CombinedOutput()
		require.NoError(t, err, string(output))
	}
	dist := filepath.Join(repository, "dist")
	defer os.RemoveAll(dist)
	var artifacts []struct{ Name, Path string }
	data, err := os.ReadFile(filepath.Join(dist, "artifacts.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &artifacts))
	for _, artifact := range artifacts {
		if artifact.Name == "conform" {
			said, err := exec.Command(filepath.Join(repository, artifact.Path), "version").Output()
			require.NoError(t, err)
			assert.Contains(t, string(said), "SNAPSHOT")
			return
		}
	}
	t.Error("no binary was made")
}
