package recorded

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/insightconform/conform/model"
)

// Read reads files and folders, and gives what concerns the operations of model.Ops in the order of Start, with the
// gaps between them: each before the first exchange that began at its From or later, those without times first. Gaps
// after the last exchange are not given. Its own errors are of ErrInput, or the context's.
func Read(ctx context.Context, paths []string, o Options, give func(Exchange) error, gap func(Gap) error) (Summary, error) {
	r := newReader()
	r.ctx, r.options, r.sorter.memory, r.sorter.folder = ctx, o, o.Memory, o.TempDir
	defer r.sorter.close()
	err := r.find(paths)
	for i := 0; i < len(r.files) && err == nil; i++ {
		err = r.file(i)
	}
	if err == nil {
		r.tell(true)
		r.finish()
		err = r.give(give, gap)
	}
	return r.summary(), err
}

func newReader() *reader {
	return &reader{ctx: context.Background(), seed: maphash.MakeSeed(), latest: time.Now().Add(24 * time.Hour), sum: Summary{Formats: map[string]int{}},
		accounts: map[uint64]string{}, skipped: map[string]*Skipped{}, seen: map[scope]seen{}}
}

func (r *reader) summary() Summary {
	r.sum.Skipped = slices.SortedFunc(func(yield func(Skipped) bool) {
		for _, s := range r.skipped {
			if !yield(*s) {
				return
			}
		}
	}, func(a, b Skipped) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason)) })
	return r.sum
}

// Sniff tells the format of a file by its content; it is empty where that is none of this package.
func Sniff(path string) (format string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInput, err)
	}
	defer file.Close()
	in, err := unpacked(file)
	if err != nil {
		return "", nil // what cannot be unpacked is none of these formats
	}
	format, _ = sniff(in)
	if format == formatDigest {
		format = ""
	}
	return format, nil
}

// reader reads recordings.
type reader struct {
	ctx     context.Context
	options Options
	sum     Summary
	latest  time.Time // nothing was recorded after it

	files       []input
	read, total int64 // bytes
	told        int64

	sorter   sorter
	skipped  map[string]*Skipped
	gaps     []Gap
	quiet    []Gap // that matter only where something is known before them
	seed     maphash.Seed
	accounts map[uint64]string // by entry.Who

	lost      *Gap // what is missing where the file that is read ends too soon; nil where that is not known
	disorder  bool // of it that cannot be known
	cassettes int  // so far
	traffic   []span
	seen      map[scope]seen
	looked    looked
	digests   digests
}

type input struct {
	path   string
	named  bool // by the caller, not found in a folder
	size   int64
	format string
}

// span is a time, in nanoseconds.
type span struct {
	from, to int64
	at       string
}

// find lists the files.
func (r *reader) find(paths []string) error {
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w; give the path of a file or folder", ErrInput, err)
		case info.Mode().IsRegular():
			r.files = append(r.files, input{path: path, named: true, size: info.Size()})
			continue
		case !info.IsDir():
			return fmt.Errorf("%w: %s is neither a file nor a folder; copy what is to be read into a file", ErrInput, path)
		}
		err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			switch {
			case r.ctx.Err() != nil:
				return r.ctx.Err()
			case err != nil:
				r.damaged(name, "a folder or file that cannot be read")
				return nil
			case d.IsDir() && d.Name() == "CloudTrail-Insight": // Insights events are no calls
				return fs.SkipDir
			case !d.Type().IsRegular():
				return nil
			}
			in := input{path: name}
			if info, err := d.Info(); err == nil {
				in.size = info.Size()
			}
			r.files = append(r.files, in)
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, f := range r.files {
		r.total += f.size
	}
	return nil
}

// counted counts the bytes of a file as they are read, and ends with the context.
type counted struct {
	in io.Reader
	r  *reader
}

func (c counted) Read(p []byte) (int, error) {
	if err := c.r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.in.Read(p)
	c.r.read += int64(n)
	c.r.tell(false)
	return n, err
}

// tell tells the progress, each MiB.
func (r *reader) tell(end bool) {
	if r.options.Progress != nil && (end || r.read-r.told >= 1<<20) {
		r.told = r.read
		r.options.Progress(r.read, max(r.read, r.total))
	}
}

// unpacked is a reader of a file's content, which may be compressed.
func unpacked(in io.Reader) (io.Reader, error) {
	head := make([]byte, 2)
	n, err := io.ReadFull(in, head)
	in = io.MultiReader(bytes.NewReader(head[:n]), in)
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return in, nil
	case err != nil:
		return nil, err
	case head[0] == 0x1f && head[1] == 0x8b:
		return gzip.NewReader(in)
	}
	return in, nil
}

// sniffed is how much of a file is looked at to tell its format.
const sniffed = 256 << 10

// file reads one file. What is wrong with it is noted, unless the caller named it and it is no recording at all.
func (r *reader) file(i int) error {
	f := r.files[i]
	opened, err := os.Open(f.path)
	if err != nil {
		if f.named {
			return fmt.Errorf("%w: %w; give the path of a readable file", ErrInput, err)
		}
		r.damaged(f.path, "a file that cannot be read")
		return nil
	}
	defer opened.Close()
	in, err := unpacked(counted{opened, r})
	var format string
	head := make([]byte, sniffed)
	if err == nil {
		var n int
		n, err = io.ReadFull(in, head)
		head = head[:n]
		format, _ = sniff(bytes.NewReader(head))
		in = io.MultiReader(bytes.NewReader(bytes.TrimPrefix(head, byteOrderMark)), in)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { // it comes again where it stands
			in = io.MultiReader(bytes.NewReader(head), failing{err})
		}
	}
	switch {
	case r.ctx.Err() != nil:
		return r.ctx.Err()
	case format == "" && f.named && len(head) == 0:
		return fmt.Errorf("%w: %s is empty; give a HAR file, a VCR cassette, or CloudTrail's log files", ErrInput, f.path)
	case format == "" && f.named:
		return fmt.Errorf("%w: %s is neither a HAR file, a VCR cassette, a CloudTrail log file nor the output of lookup-events; "+
			"give one of these", ErrInput, f.path)
	case format == "":
		r.foreign(f.path)
		return nil
	}
	if r.files[i].format = format; format != formatDigest {
		r.sum.Formats[format]++
	}
	r.lost, r.disorder = nil, false
	err = readers[format](r, i, in)
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	if fatal := new(fatalError); errors.As(err, &fatal) {
		return fatal.error
	}
	if err != nil {
		r.damaged(f.path, damage(err))
	}
	r.lost = nil
	return nil
}

// fatalError ends the reading: a temporary file cannot be written.
type fatalError struct{ error }

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

// readers read the content of one file each. Their errors say that the rest of it cannot be read.
var readers = map[string]func(r *reader, file int, in io.Reader) error{
	FormatHAR: (*reader).har, FormatCassette: (*reader).cassette,
	FormatLog: (*reader).events, FormatLookup: (*reader).events, formatDigest: (*reader).digest, FormatEvents: (*reader).exchanges,
}

func damage(err error) string {
	switch {
	case errors.Is(err, errTooLarge):
		return "a file with a value that is too large; what follows it was not read"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "a file that is cut off"
	}
	return "a file that is damaged; what follows the damage was not read"
}

// damaged notes that a file, or the rest of it, cannot be read.
func (r *reader) damaged(path, why string) {
	r.skip(why, path)
	g := Gap{At: path, Why: why}
	if n, ok := parseLogName(path); ok {
		g.Account, g.Region, g.From, g.To = n.account, n.region, n.time.Add(-delivery), n.time
	} else if r.lost != nil {
		g.From, g.To = r.lost.From, r.lost.To
	}
	r.gap(g)
}

// foreign notes a file in a folder that is no recording. One that is named like a log file was one.
func (r *reader) foreign(path string) {
	if _, ok := parseLogName(path); ok {
		r.damaged(path, "a file that is damaged; what follows the damage was not read")
		return
	}
	r.skip("a file of another kind", path)
}

func (r *reader) skip(reason, at string) {
	s := r.skipped[reason]
	if s == nil {
		s = &Skipped{Reason: reason, At: at}
		r.skipped[reason] = s
	}
	s.Count++
}

// maxGaps bounds how many gaps are told apart.
const maxGaps = 10_000

func (r *reader) gap(g Gap) {
	if len(r.gaps) < maxGaps {
		r.gaps = append(r.gaps, g)
	} else if len(r.gaps) == maxGaps {
		r.gaps = append(r.gaps, Gap{At: g.At, Why: "more gaps than can be told apart"})
	}
}

// parts are the words for what the files of a format consist of.
var parts = map[string]string{FormatHAR: "entry", FormatCassette: "interaction", FormatEvents: "exchange"}

// at says where a part of a file stands.
func (r *reader) at(file, number int) string {
	f := &r.files[file]
	return fmt.Sprintf("%s, %s %d", f.path, cmp.Or(parts[f.format], "record"), number)
}

// add hands an entry to the sorter.
func (r *reader) add(e *entry, file, number int) error {
	err := r.sorter.add(item{start: e.Start, file: uint32(file), number: uint32(number), data: e.encode()})
	if err != nil {
		return &fatalError{err}
	}
	return nil
}

// finish finds out, when all is read, where calls may be missing.
func (r *reader) finish() {
	r.silences()
	r.outsideTraffic()
	r.missingFiles()
	r.filtered()
	byTime := func(a, b Gap) int { return a.From.Compare(b.From) }
	slices.SortStableFunc(r.gaps, byTime)
	slices.SortStableFunc(r.quiet, byTime)
}

// give gives everything in order.
func (r *reader) give(give func(Exchange) error, gap func(Gap) error) error {
	o := output{r: r, out: gap, given: map[scope]bool{}, ids: map[string]uint32{}, silenced: map[scope]int64{}}
	return r.sorter.each(func(x item) error {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		var e entry
		if err := json.Unmarshal(x.data, &e); err != nil {
			return err
		}
		if o.doubled(&e, x) {
			r.sum.Doubled++
			return nil
		}
		exchange := r.exchange(&e, x)
		if err := o.gapsBefore(&exchange, e.Start); err != nil {
			return err
		}
		o.given[scope{}], o.given[scope{e.Account, e.Region}] = true, true
		r.sum.Exchanges++
		return give(exchange)
	})
}

// exchange is what an entry says, with the place where it stands.
func (r *reader) exchange(e *entry, x item) Exchange {
	if e.Account == "" && !e.Settled {
		e.Account = r.accounts[e.Who]
	}
	exchange := e.exchange()
	exchange.At = r.at(int(x.file), int(x.number))
	return exchange
}

// output keeps what was given.
type output struct {
	r     *reader
	out   func(Gap) error
	given map[scope]bool // since the last gap

	ids  map[string]uint32 // of the exchanges of one moment: the file
	when int64

	silenced map[scope]int64 // by a call that may have ended what is logged: its time
}

// doubled reports whether an exchange was given before: what is delivered twice has one time, and over HTTP all else.
func (o *output) doubled(e *entry, x item) bool {
	if e.Start != o.when {
		clear(o.ids)
		o.when = e.Start
	}
	id := e.ID
	if e.Format == FormatHAR || e.Format == FormatCassette { // there servers make ids up
		id = string(x.data)
	}
	file, before := o.ids[id]
	o.ids[id] = x.file
	return before && (e.ID != "" || id != "" && x.file != file)
}

// gapsBefore gives the gaps that come before an exchange.
func (o *output) gapsBefore(x *Exchange, start int64) error {
	r := o.r
	for ; len(r.gaps) > 0 && r.gaps[0].From.Compare(x.Start) <= 0; r.gaps = r.gaps[1:] {
		if err := o.gap(r.gaps[0]); err != nil {
			return err
		}
	}
	for ; len(r.quiet) > 0 && r.quiet[0].From.Compare(x.Start) <= 0; r.quiet = r.quiet[1:] {
		if g := r.quiet[0]; o.given[scope{g.Account, g.Region}] {
			if err := o.gap(g); err != nil {
				return err
			}
		}
	}
	if x.Format != FormatLog {
		return nil
	}
	of := scope{x.Account, x.Request.Region}
	if from, ok := o.silenced[of]; ok && turnsOn(x) && !r.seen[of].between(from, start) {
		err := o.gap(Gap{At: x.At, Account: of.account, Region: of.region, From: time.Unix(0, from).UTC(), To: x.Start,
			Why: "nothing was logged from a call that may have turned logging off to one that may have turned it on"})
		if err != nil {
			return err
		}
	}
	delete(o.silenced, of)
	if turnsOff(x) {
		o.silenced[of] = start
	}
	return nil
}

func (o *output) gap(g Gap) error {
	delete(o.given, scope{g.Account, g.Region})
	if g.Account == "" && g.Region == "" {
		clear(o.given)
	}
	o.r.sum.Gaps++
	return o.out(g)
}

// turnsOff and turnsOn report whether a call may have changed what the trail logs from which the recording is.
func turnsOff(x *Exchange) bool {
	return x.Reply.Answer.Outcome == model.Succeeded &&
		slices.Contains([]model.Op{model.OpStop, model.OpDelete, model.OpPutEvents, model.OpUpdate}, x.Request.Op)
}

func turnsOn(x *Exchange) bool {
	return x.Reply.Answer.Outcome == model.Succeeded &&
		slices.Contains([]model.Op{model.OpStart, model.OpCreate, model.OpPutEvents, model.OpUpdate}, x.Request.Op)
}
