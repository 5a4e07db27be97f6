// Package golden compares what a test gets with a file.
package golden

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Updating reports whether golden files are rewritten.
func Updating() bool { return *update }

// screen is how many lines of a difference are shown.
const screen = 40

var number = regexp.MustCompile(`\d[\d,]*(\.\d+)?`)

// Shape is Check for what a whole run gives: its numbers, which every other order of requests changes, are
// taken for one and the same.
func Shape[T ~string | ~[]byte](t testing.TB, path string, got T) {
	t.Helper()
	Check(t, path, number.ReplaceAllString(string(got), "N"))
}

// Check compares a text with the file at path, or with -update writes it there.
func Check[T ~string | ~[]byte](t testing.TB, path string, got T) {
	t.Helper()
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(got), 0o666)); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := strings.Split(cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")), "\n"); len(diff) > 1 {
		t.Errorf("%s: - want, + got; run with -update if the change is meant\n%s", path, strings.Join(diff[:min(len(diff), screen)], "\n"))
	}
}
