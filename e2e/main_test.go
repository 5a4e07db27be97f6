// Package e2e tests conform from outside, with what a module that imports conform should not have to
// download: a real browser and a validator of JSON schemas.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// repository is the root of the tree, and pages the folder with what its tests wrote for these.
var repository, pages string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if repository, err = filepath.Abs(".."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if pages, err = os.MkdirTemp("", "conform-pages"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(pages)
	write := exec.Command("go", "test", "-count=1", "-run=^TestPages$", "./reports/formats")
	write.Dir, write.Env = repository, append(os.Environ(), "CONFORM_PAGES="+pages)
	if output, err := write.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "the pages could not be written: %v\n%s", err, output)
		return 1
	}
	return m.Run()
}

// page is the HTML of a page by its name.
func page(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(pages, name+".html"))
	require.NoError(t, err)
	return string(data)
}

// build makes the command and returns its path.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "conform")
	command := exec.Command("go", "build", "-o", binary, "./cmd/conform")
	command.Dir = repository
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	return binary
}
