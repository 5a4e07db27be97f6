package reports

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
	Schedule uint64   `json:"schedule,omitempty"`
	Steps    []Step   `json:"steps"`
	Rule     model.ID `json:"-"` // that it was kept for, if known
	Path     string   `json:"-"` // of the file that it was read from
}

// WriteCalls writes the calls into a file, which is replaced as a whole. Account ids in concrete bytes are replaced by
// pseudonyms.
func WriteCalls(path string, c *Calls) error {
	out := *c
	out.Schema, out.Steps = callsSchema, withPseudonyms(slices.Clone(c.Steps))
	return files.Write(path, func(w io.Writer) error { return plain.WriteJSON(w, out) })
}

// The formats of what conform itself has written of calls.
const (
	FormatCalls  = "calls"
	FormatTrace  = "trace"
	FormatReport = "report"
	FormatEvents = "events"
)

// ReadHistories reads calls of several clients, a trace, or the cases of a report or of the events of a run, and says which
// of these it is. What is none of them is an error that names the file.
func ReadHistories(ctx context.Context, path string) (histories []*Calls, format string, err error) {
	data, err := files.Read(ctx, nil, path, maxTraces)
	if err != nil {
		return nil, "", err
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&head); err != nil {
		return nil, "", fmt.Errorf("%s: no history: damaged JSON: %w", path, err)
	}
	switch head.Schema {
	case traceSchema:
		format, histories, err = FormatTrace, []*Calls{{}}, nil
		var trace *Trace
		if trace, err = readTrace(data); err == nil {
			histories[0] = &Calls{Version: trace.Version, Target: trace.Target, Schedule: trace.Schedule, Steps: trace.Steps, Rule: trace.Rule}
		}
	case callsSchema:
		format, histories = FormatCalls, []*Calls{{}}
		err = readStrictly(data, histories[0])
	case Schema:
		format = FormatReport
		var report *Report
		if report, err = ReadJSON(data); err == nil {
			histories = report.cases()
		}
	case eventsSchema:
		format = FormatEvents
		histories, err = eventCases(data)
	default:
		err = fmt.Errorf("no history, but something of schema %q", plain.Visible(plain.Shorten(head.Schema, plain.MaxShown)))
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: no history: %w", path, err)
	}
	for _, c := range histories {
		c.Schema, c.Path = callsSchema, path
		if why := c.nonsense(); why != "" {
			return nil, "", fmt.Errorf("%s: no history: %s", path, why)
		} else if format == FormatCalls && !c.Several() {
			return nil, "", fmt.Errorf("%s: no history of several clients: no step says which client sent it while others did", path)
		}
	}
	return histories, format, nil
}

// cases are those of the divergences of a report.
func (r *Report) cases() (list []*Calls) {
	for _, d := range r.Divergences {
		list = append(list, &Calls{Version: r.Version, Target: r.Target, Schedule: d.Schedule, Steps: d.Steps, Rule: d.Rule})
	}
	return list
}

// eventCases are those of the divergences that the events of a run tell, each as it was told last.
func eventCases(data []byte) ([]*Calls, error) {
	r := &Report{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	for {
		var e Event
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			return r.cases(), nil
		} else if err != nil && len(r.Divergences) == 0 { // a run that was killed leaves half a line
			return nil, fmt.Errorf("damaged events: %w", err)
		} else if err != nil {
			return r.cases(), nil
		}
		if e.Target != nil {
			r.Target = *e.Target
		}
		if d := e.Divergence; d != nil && e.Event != EventSuspicion && len(d.Steps) > 0 {
			r.Divergences = slices.DeleteFunc(r.Divergences, func(o Divergence) bool { return o.Signature == d.Signature })
			r.Divergences = append(r.Divergences, *d)
		}
	}
}

// Several reports whether the calls are those of several clients at once.
func (c *Calls) Several() bool {
	return slices.ContainsFunc(c.Steps, func(s Step) bool { return s.Client > 0 && s.Phase > 0 })
}

// nonsense says what makes the steps none that can be judged; empty where they are.
func (c *Calls) nonsense() string {
	several := c.Several()
	for i, s := range c.Steps {
		switch _, known := model.Op(s.Operation).Needs(); {
		case !known && s.Operation != string(model.OpArrange):
			return fmt.Sprintf("step %d has the unknown operation %q", i+1, plain.Visible(plain.Shorten(s.Operation, plain.MaxShown)))
		case s.Client < 0 || s.Client > maxClients || s.Phase < 0 || s.Phase > maxPhases || s.Phase > 0 && s.Client == 0:
			return fmt.Sprintf("step %d has the client %d in phase %d", i+1, s.Client, s.Phase)
		case several && (s.Start >= s.End || s.Start < 0):
			return fmt.Sprintf("step %d begins at %d and ends at %d", i+1, s.Start, s.End)
		}
	}
	if len(c.Steps) > maxSteps {
		return fmt.Sprintf("it has %d steps, and the most is %d", len(c.Steps), maxSteps)
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
