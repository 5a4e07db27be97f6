package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/internal/vectors"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/plain"
)

const vectorsHelp = `Usage: conform vectors --out DIR
       conform vectors --check DIR

Writes the rules as data, for mocks and emulators in any language: vectors, which
are short sequences of requests, each about one rule, with the answers that a right
server may give; their JSON schema; and a runner for pytest and one for node.

  conform vectors --out vectors
  CONFORM_ENDPOINT=http://127.0.0.1:5000 pytest vectors/runners/python
  CONFORM_ENDPOINT=http://127.0.0.1:5000 node --test vectors/runners/javascript/vectors.test.mjs
  conform vectors --check vectors

--out replaces an older set. A folder that has other files is left as it is.
--check says what has changed between the set in a folder and the one that this
version writes: vectors that were added, removed or changed, rule by rule.
{flags}

Exit codes: 0 the set was written, or is the same as this version's; 1 --check found
that it is another; 2 wrong usage, a folder with other files, or one without a set.
`

func (p *process) vectors(_ context.Context, s *settings, _ []string) error {
	switch {
	case (s.out == "") == (s.check == ""):
		return usagef("'conform vectors' takes --out DIR or --check DIR; see 'conform vectors --help'")
	case s.check != "":
		return p.checkVectors(s.check)
	}
	set, err := vectors.Read(vectors.Files())
	if err != nil {
		return err
	}
	if err := files.CheckFolder(s.out); err != nil {
		return usagef("--out %s: %w; give a folder that can be written", s.out, err)
	}
	if err := vectors.Write(s.out); errors.Is(err, vectors.ErrFolder) {
		return usagef("--out: %w", err)
	} else if err != nil {
		return fmt.Errorf("--out %s: %w", s.out, err)
	}
	_, err = fmt.Fprintf(p.stdout, "%s about %s written to %s, version %s\n", plain.Counted(len(set.Vectors), "vector"),
		plain.Counted(len(set.Index.Rules), "rule"), s.out, set.Index.Version)
	return err
}

// checkVectors compares the set in a folder with that of this version.
func (p *process) checkVectors(folder string) error {
	old, err := vectors.Read(os.DirFS(folder))
	if err != nil {
		return usagef("--check %s: %w", folder, err)
	}
	now, err := vectors.Read(vectors.Files())
	if err != nil {
		return err
	}
	changes, err := vectors.Compare(old, now)
	if err != nil {
		return err
	}
	if changes.None() {
		_, err = fmt.Fprintf(p.stdout, "%s holds the set of this version, %s: %s about %s\n", folder, changes.To,
			plain.Counted(len(now.Vectors), "vector"), plain.Counted(len(now.Index.Rules), "rule"))
		return err
	}
	if _, err := io.WriteString(p.stdout, changesText(changes)); err != nil {
		return err
	}
	return exitCode(reports.ExitDiverges)
}

// changesText tells people what has changed.
func changesText(c *vectors.Changes) string {
	var out strings.Builder
	fmt.Fprintf(&out, "version %s, and this version of conform has %s\n", c.From, c.To)
	for _, part := range []struct {
		title string
		ids   []string
	}{{"added", c.Added}, {"removed", c.Removed}, {"changed", c.Changed}, {"reworded", c.Reworded}, {"changed in the index", c.Index}} {
		if len(part.ids) > 0 {
			fmt.Fprintf(&out, "\n%s: %d\n  %s\n", part.title, len(part.ids), strings.Join(part.ids, "\n  "))
		}
	}
	if len(c.Rules) > 0 {
		out.WriteString("\nrules:\n")
	}
	for _, r := range c.Rules {
		fmt.Fprintf(&out, "  %s: %s, was %d%s\n", r.ID, plain.Counted(r.After, "vector"), r.Before,
			plain.When(r.Reworded, "; its words or level have changed"))
	}
	return out.String()
}
