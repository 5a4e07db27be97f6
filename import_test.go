package conform_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestImportingIsLight: a module that imports conform downloads neither a browser's driver nor a validator of
// schemas, nor what the comparison with other tools needs.
func TestImportingIsLight(t *testing.T) {
	repository, err := filepath.Abs(".")
	require.NoError(t, err)
	folder := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666))
	}
	write("go.mod", fmt.Sprintf("module example.com/mock\n\ngo 1.26.0\n\nrequire %s v0.0.0\n\nreplace %s => %s\n", modulePath, modulePath, repository))
	write("mock_test.go", `package mock

import (
	"testing"

	"github.com/insightconform/conform"
)

func TestMock(t *testing.T) { conform.Check(t, conform.Mock(struct{}{}, conform.MockOptions{})) }
`)
	for _, args := range [][]string{{"mod", "tidy"}, {"vet", "./..."}} {
		command := exec.CommandContext(t.Context(), "go", args...)
		command.Dir, command.Env = folder, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		output, err := command.CombinedOutput()
		if err != nil && args[0] == "mod" && os.Getenv("CI") == "" {
			t.Skipf("the modules are not at hand: %s", output)
		}
		require.NoError(t, err, string(output))
	}
	sums, err := os.ReadFile(filepath.Join(folder, "go.sum"))
	require.NoError(t, err)
	assert.Contains(t, string(sums), "github.com/aws/aws-sdk-go-v2 ")
	for _, heavy := range []string{"chromedp", "jsonschema"} {
		assert.NotContains(t, string(sums), heavy)
	}
}
