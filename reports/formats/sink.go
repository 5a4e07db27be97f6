// Package formats chooses a format by its name and writes a report in it to where it is wanted.
package formats

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/events"
	"github.com/insightconform/conform/reports/html"
	"github.com/insightconform/conform/reports/junit"
	"github.com/insightconform/conform/reports/markdown"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
)

// The formats of a Sink that its users tell apart.
const (
	Text     = "text"
	JSON     = "json"
	HTML     = "html"
	Markdown = "markdown"
	NDJSON   = "ndjson"
	Badge    = "badge" // of a matrix alone
)

var (
	formats       = []string{Text, JSON, HTML, "junit", Markdown, NDJSON}
	matrixFormats = []string{Text, Markdown, HTML, Badge}
)

// renderers has the formats that need nothing but the report.
var renderers = map[string]func(io.Writer, *reports.Report) error{
	JSON:     reports.JSON,
	"junit":  junit.Write,
	Markdown: markdown.Write,
	NDJSON:   events.Write,
}

// Names lists the names of the formats.
func Names() []string { return slices.Clone(formats) }

// Sink is a place for a report: a format and a file.
type Sink struct {
	Format string
	Path   string // empty is standard output
}

// MatrixNames lists the names of the formats of a matrix.
func MatrixNames() []string { return slices.Clone(matrixFormats) }

// Parse reads a format of a report, or FORMAT=PATH; the path - is standard output.
func Parse(spec string) (Sink, error) { return parse(spec, "report format", formats) }

// ParseMatrix reads a format of a matrix as Parse does.
func ParseMatrix(spec string) (Sink, error) { return parse(spec, "format of a matrix", matrixFormats) }

func parse(spec, what string, among []string) (Sink, error) {
	format, path, withPath := strings.Cut(spec, "=")
	switch {
	case !slices.Contains(among, format):
		others := plain.Alternatives(among, plain.MaxShown)
		return Sink{}, fmt.Errorf("%q is no %s; use %s, or one of them with =PATH", plain.Text(format), what, others)
	case withPath && path == "":
		return Sink{}, fmt.Errorf("a path is missing after %s=; write it like %s=report.txt", format, format)
	case path == "-":
		path = ""
	}
	return Sink{Format: format, Path: path}, nil
}

// String is the inverse of Parse.
func (s Sink) String() string {
	return s.Format + plain.When(s.Path != "", "="+s.Path)
}

// Write renders the report into the sink, with others beside it where its format Compares. Options are those of standard
// output; a text file is plain and not cut.
func (s Sink) Write(stdout io.Writer, r *reports.Report, options text.Options, others ...*reports.Report) error {
	if s.Path != "" {
		options = text.Options{Verbose: options.Verbose}
	}
	return s.Render(stdout, func(w io.Writer) error {
		switch s.Format {
		case Text:
			return text.Report(w, r, options)
		case HTML:
			return html.Write(w, slices.Concat([]*reports.Report{r}, others)...)
		}
		return renderers[s.Format](w, r)
	})
}

// Render lets render write to where the sink is.
func (s Sink) Render(stdout io.Writer, render func(io.Writer) error) error {
	if s.Path == "" {
		return render(stdout)
	}
	return files.Write(s.Path, render)
}

// Compares reports whether the sink's format can show several reports at once.
func (s Sink) Compares() bool { return s.Format == HTML }
