// Package recorded reads what others have recorded of CloudTrail's operations: HAR files, VCR cassettes, CloudTrail's
// own log files, what lookup-events prints, and what it has written itself of calls as they are made. It says what was asked and answered as far as a recording tells, and
// where calls may be missing. It judges nothing.
package recorded

import (
	"errors"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// The formats that are read, found by their content.
const (
	FormatHAR      = "har"      // HTTP Archive 1.2
	FormatCassette = "cassette" // of vcrpy and go-vcr
	FormatLog      = "log"      // CloudTrail log files
	FormatLookup   = "lookup"   // what "aws cloudtrail lookup-events" prints
	FormatEvents   = "events"   // what "conform proxy --record" has written
)

// Exchange is one call with what it was answered, as far as a recording tells.
type Exchange struct {
	At      string // where it stands: "logs/2026/x.json.gz, record 12"
	ID      string // of the call, where the recording gives one: what is delivered twice has the same
	Format  string
	Account string // of the caller; empty where it is not known
	Host    string // "scheme://host" that was asked; empty for logs
	Service bool   // it is the real service that answered
	// Request has the names as they were, and a Region where one is known.
	Request model.Request
	// Reply is as wire.DecodeAnswer has it. That of a log is made of responseElements and errorCode, and has no status.
	Reply targets.Reply
	// Bare says that of a success no members are known, or of a refusal no code.
	Bare bool
	// Caller tells callers over HTTP apart, by who has signed a call.
	Caller string
	// Start and End: it was sent not before Start, and had its effect, if any, not after End, which is zero where
	// nothing came back. An order is known only of what does not overlap.
	Start, End time.Time
	// Untimed says that Start and End are made up: they tell the order within one recording, and no time.
	Untimed bool
}

// Gap says that calls may be missing in a time: what was known before is not known after it. Zero times mean any
// time, and an empty Account or Region any.
type Gap struct {
	At, Account, Region, Why string
	From, To                 time.Time
}

// Options of Read.
type Options struct {
	// Progress, where not nil, is told from time to time how many bytes were read, of how many there are.
	Progress func(read, total int64)
	// Memory bounds the bytes of exchanges that are kept in memory until they are in order; 0 is 32 MiB. More goes to a
	// temporary file.
	Memory int
	// TempDir is where that file is; empty is the system's.
	TempDir string
}

// Summary says what was read, and what was not.
type Summary struct {
	Formats   map[string]int // files of each format
	Read      int            // records looked at
	Exchanges int            // that were given
	Others    int            // records of other services or operations
	Doubled   int            // that were delivered twice
	Skipped   []Skipped      // by reason, the most frequent first
	Gaps      int            // that were given
}

// Skipped is what was not read for one reason.
type Skipped struct {
	Reason string
	Count  int
	At     string // the first place
}

// ErrInput is the class of errors that say that a path is no recording which can be read.
var ErrInput = errors.New("no recording that can be read")
