package reports

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The formats of a Sink.
const (
	FormatText     = "text"
	FormatJSON     = "json"
	FormatHTML     = "html"
	FormatJUnit    = "junit"
	FormatMarkdown = "markdown"
	FormatNDJSON   = "ndjson"
)

var formats = []string{FormatText, FormatJSON, FormatHTML, FormatJUnit, FormatMarkdown, FormatNDJSON}

// renderers has the formats that need nothing but the report.
var renderers = map[string]func(io.Writer, *Report) error{
	FormatJSON:     JSON,
	FormatHTML:     func(w io.Writer, r *Report) error { return HTML(w, r) },
	FormatJUnit:    JUnit,
	FormatMarkdown: Markdown,
	FormatNDJSON:   NDJSON,
}

// comparers has the formats that show several reports side by side.
var comparers = map[string]func(io.Writer, ...*Report) error{FormatHTML: HTML}

// Formats lists the names of the formats.
func Formats() []string { return slices.Clone(formats) }

// Sink is a place for a report: a format and a file.
type Sink struct {
	Format string
	Path   string // empty is standard output
}

// ParseSink reads a format, or FORMAT=PATH; the path - is standard output.
func ParseSink(spec string) (Sink, error) {
	format, path, withPath := strings.Cut(spec, "=")
	known := false
	for _, f := range formats {
		known = known || f == format
	}
	switch {
	case !known:
		return Sink{}, fmt.Errorf("%q is no report format; use %s, or one of them with =PATH", shown(format, maxShown), alternatives(formats, maxShown))
	case withPath && path == "":
		return Sink{}, fmt.Errorf("a path is missing after %s=; write it like %s=report.txt", format, format)
	case path == "-":
		path = ""
	}
	return Sink{Format: format, Path: path}, nil
}

// String is the inverse of ParseSink.
func (s Sink) String() string {
	if s.Path == "" {
		return s.Format
	}
	return s.Format + "=" + s.Path
}

// Write renders the report into the sink. Options are those of text on standard output; a text file
// is plain and as wide as it needs to be.
func (s Sink) Write(stdout io.Writer, r *Report, options TextOptions) error {
	render := func(w io.Writer) error { return renderers[s.Format](w, r) }
	if s.Format == FormatText {
		if s.Path != "" {
			options = TextOptions{Verbose: options.Verbose}
		}
		render = func(w io.Writer) error { return Text(w, r, options) }
	}
	if s.Path == "" {
		return render(stdout)
	}
	return Write(s.Path, render)
}

// Compares reports whether the sink's format can show several reports at once.
func (s Sink) Compares() bool { return comparers[s.Format] != nil }

// WriteComparison renders several reports into a sink that Compares.
func (s Sink) WriteComparison(stdout io.Writer, list []*Report) error {
	render := func(w io.Writer) error { return comparers[s.Format](w, list...) }
	if s.Path == "" {
		return render(stdout)
	}
	return Write(s.Path, render)
}

// CheckWritable finds out whether Write could write the file, and leaves no trace.
func CheckWritable(path string) error {
	file, direct, err := destination(path)
	if err != nil || direct {
		return err
	}
	temporary, err := createBeside(file)
	if err != nil {
		return err
	}
	return errors.Join(temporary.Close(), os.Remove(temporary.Name()))
}

// Write replaces a file by what render writes, or leaves it as it was.
func Write(path string, render func(io.Writer) error) (err error) {
	file, direct, err := destination(path)
	if err != nil {
		return err
	}
	if direct {
		return writeDirectly(file, render)
	}
	temporary, err := createBeside(file)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			temporary.Close() // a second Close does no harm
			os.Remove(temporary.Name())
		}
	}()
	if err := render(temporary); err != nil {
		return err
	}
	if info, err := os.Stat(file); err == nil {
		if err := temporary.Chmod(info.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := temporary.Sync(); err != nil {
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}

// destination follows symbolic links, so that a link stays one, and says whether the file must be
// written in place because it is a device or a pipe.
func destination(path string) (file string, direct bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, false, nil
	case err != nil:
		return "", false, err
	case info.IsDir():
		return "", false, &fs.PathError{Op: "write", Path: path, Err: errors.New("is a directory")}
	case !info.Mode().IsRegular(), strings.HasPrefix(path, "/dev/"), strings.HasPrefix(path, "/proc/"):
		return path, true, nil
	}
	file, err = filepath.EvalSymlinks(path)
	return file, false, err
}

func writeDirectly(path string, render func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(render(file), file.Close())
}

// createBeside makes an empty file in the same directory, with the permissions of any new file.
func createBeside(path string) (*os.File, error) {
	directory, base := filepath.Split(path)
	if base == "" {
		return nil, &fs.PathError{Op: "write", Path: path, Err: errors.New("is a directory")}
	}
	for {
		file, err := os.OpenFile(filepath.Join(directory, fmt.Sprintf(".conform-%08x.tmp", rand.Uint32())), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		var cause *fs.PathError
		switch {
		case err == nil:
			return file, nil
		case errors.Is(err, fs.ErrExist):
		case errors.As(err, &cause): // people know the report, not the file beside it
			return nil, &fs.PathError{Op: "write", Path: path, Err: cause.Err}
		default:
			return nil, err
		}
	}
}
