package reports

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/targets"
)

// Calls are what several clients called at once and were answered, with the calls before and at rest. They are the
// evidence of a race, and are kept before they are judged.
type Calls struct {
	Schema  string       `json:"schema"`
	Version string       `json:"version,omitempty"` // of conform
	Target  targets.Info `json:"target"`
	// Schedule is the seed of the target's schedule, where it has one.
	Schedule uint64 `json:"schedule,omitempty"`
	Steps    []Step `json:"steps"`
	Path     string `json:"-"` // of the file that it was read from
}

// WriteCalls writes the calls into a file, which is replaced as a whole. Account ids in concrete bytes are replaced by
// pseudonyms.
func WriteCalls(path string, c *Calls) error {
	out := *c
	out.Schema, out.Steps = callsSchema, withPseudonyms(slices.Clone(c.Steps))
	return files.Write(path, func(w io.Writer) error { return plain.WriteJSON(w, out) })
}

// ReadCalls reads calls, or those of a trace that several clients showed. What is neither is an error that names the file.
func ReadCalls(ctx context.Context, path string) (*Calls, error) {
	data, err := files.Read(ctx, nil, path, maxTraces)
	if err != nil {
		return nil, err
	}
	c := &Calls{Path: path}
	switch schema, err := schemaOf(data); {
	case err != nil:
		return nil, fmt.Errorf("%s: no history: damaged JSON: %w", path, err)
	case schema == traceSchema:
		trace, err := readTrace(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		c.Schema, c.Version, c.Target, c.Schedule, c.Steps = callsSchema, trace.Version, trace.Target, trace.Schedule, trace.Steps
	case schema != callsSchema:
		return nil, fmt.Errorf("%s: no history of schema %s, but %q", path, callsSchema, plain.Visible(plain.Shorten(schema, plain.MaxShown)))
	default:
		if err := readStrictly(data, c); err != nil {
			return nil, fmt.Errorf("%s: no history: %w", path, err)
		}
	}
	if why := c.nonsense(); why != "" {
		return nil, fmt.Errorf("%s: no history of several clients: %s", path, why)
	}
	return c, nil
}

// nonsense says what makes the calls none of several clients; empty where they are.
func (c *Calls) nonsense() string {
	several := false
	for i, s := range c.Steps {
		several = several || s.Client > 0 && s.Phase > 0
		switch _, known := model.Op(s.Operation).Needs(); {
		case !known:
			return fmt.Sprintf("step %d has the unknown operation %q", i+1, plain.Visible(plain.Shorten(s.Operation, plain.MaxShown)))
		case s.Client < 0 || s.Client > maxClients || s.Phase < 0 || s.Phase > maxPhases || s.Phase > 0 && s.Client == 0:
			return fmt.Sprintf("step %d has the client %d in phase %d", i+1, s.Client, s.Phase)
		case s.Start >= s.End || s.Start < 0:
			return fmt.Sprintf("step %d begins at %d and ends at %d", i+1, s.Start, s.End)
		}
	}
	switch {
	case len(c.Steps) > maxSteps:
		return fmt.Sprintf("it has %d steps, and the most is %d", len(c.Steps), maxSteps)
	case !several:
		return "no step says which client sent it while others did"
	}
	return ""
}

// CallsPrefix begins, and CallsEnding ends, the names of files of calls, which are none of the traces beside them.
const (
	CallsPrefix = "calls-"
	CallsEnding = ".calls"
)

// The bounds of what several clients did.
const (
	maxClients = 64
	maxPhases  = 100
)
