package conform_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The bounds of production code: what is not in a _test file, nor in the modules bench and e2e.
const (
	maxLines         = 51_500 // in all; it rises by features alone, from the 31,500 of the house without them
	maxFileLines     = 500
	maxFunctionLines = 80 // but for one that only returns a literal table
	maxColumns       = 120
	maxWideShare     = 0.015 // of lines with more columns
)

// TestCodeStaysSmall holds the bounds.
func TestCodeStaysSmall(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "*.go").Output()
	if err != nil {
		t.Skip("this is no checkout: ", err)
	}
	total, wide := 0, 0
	for _, name := range strings.Fields(string(out)) {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "bench/") || strings.HasPrefix(name, "e2e/") {
			continue
		}
		source, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSuffix(string(source), "\n"), "\n")
		total += len(lines)
		assert.LessOrEqual(t, len(lines), maxFileLines, name)
		for _, line := range lines {
			if len(line) > maxColumns {
				wide++
			}
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, source, 0)
		require.NoError(t, err)
		for _, declared := range file.Decls {
			f, ok := declared.(*ast.FuncDecl)
			if !ok || f.Body == nil || returnsTable(f) {
				continue
			}
			length := files.Position(f.End()).Line - files.Position(f.Pos()).Line + 1
			assert.LessOrEqual(t, length, maxFunctionLines, "%s: %s", name, f.Name.Name)
		}
	}
	t.Logf("%d lines of production code, %.2f %% of them wider than %d columns", total, 100*float64(wide)/float64(total), maxColumns)
	assert.LessOrEqual(t, total, maxLines)
	assert.LessOrEqual(t, float64(wide), maxWideShare*float64(total))
}

// returnsTable reports whether a function only returns a literal.
func returnsTable(f *ast.FuncDecl) bool {
	if len(f.Body.List) != 1 {
		return false
	}
	back, ok := f.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(back.Results) != 1 {
		return false
	}
	_, literal := back.Results[0].(*ast.CompositeLit)
	return literal
}
