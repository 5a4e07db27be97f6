package recorded

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/insightconform/conform/reports"
)

// sniff tells a format by the beginning of its content.
func sniff(in io.Reader) (format string, err error) {
	buffered := bufio.NewReaderSize(io.LimitReader(in, sniffed), 4096)
	if mark, _ := buffered.Peek(3); bytes.Equal(mark, byteOrderMark) {
		_, _ = buffered.Discard(3)
	}
	for {
		c, err := buffered.ReadByte()
		if err != nil {
			return "", err
		}
		if strings.IndexByte(" \t\r\n", c) >= 0 {
			continue
		}
		_ = buffered.UnreadByte()
		if c == '{' || c == '[' {
			return sniffJSON(buffered)
		}
		return sniffYAML(buffered)
	}
}

var byteOrderMark = []byte{0xef, 0xbb, 0xbf}

var interactions = regexp.MustCompile(`(?m)^(interactions|"interactions"):([ \t\r]|$)`)

func sniffYAML(in io.Reader) (string, error) {
	head, err := io.ReadAll(in)
	if interactions.Match(head) {
		return FormatCassette, err
	}
	return "", err
}

// errKnown ends a look at a file when its format is known.
var errKnown = errors.New("known")

// telling are members by which a format is told, at the top or in the first item of a list.
var telling = map[string]string{
	"Records": FormatLog, "eventVersion": FormatLog, "eventSource": FormatLog,
	"eventversion": FormatLog, "eventsource": FormatLog, // of Athena
	"Events": FormatLookup, "EventId": FormatLookup, "CloudTrailEvent": FormatLookup,
	"interactions": FormatCassette,
	"logFiles":     formatDigest, "digestS3Object": formatDigest, "digestEndTime": formatDigest,
}

func sniffJSON(in io.Reader) (format string, err error) {
	s, events := newStream(in, sniffed), false
	object := func() error {
		return s.members(func(name string) error {
			if name == "log" && s.PeekKind() == '{' {
				format = FormatHAR
				return errKnown
			}
			if name == "schema" { // of conform's own files
				if schema, err := s.value(); err != nil || !strings.HasPrefix(textOf(schema), "conform/events/") {
					return errKnown
				}
				events = true
				return nil
			}
			if format = telling[name]; format != "" {
				return errKnown
			}
			return s.skip()
		})
	}
	if s.PeekKind() == '[' {
		err = s.list(func() error {
			if s.PeekKind() != '{' {
				return errKnown
			}
			if err := object(); err != nil {
				return err
			}
			return errKnown
		})
	} else if err = object(); events && err == nil && s.PeekKind() == '{' { // of a run, or of what passed through a proxy
		err = s.members(func(name string) error {
			if v, err := s.value(); err != nil || name != "event" || textOf(v) != reports.EventExchange {
				return cmp.Or(err, errKnown)
			}
			format = FormatEvents
			return errKnown
		})
	}
	if errors.Is(err, errKnown) {
		err = nil
	}
	return format, err
}
