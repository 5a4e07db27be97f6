package recorded

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// scope is where calls are made whose records are delivered together.
type scope struct{ account, region string }

// seen is in which seconds any record of a scope was seen: a bit for each second of a minute.
type seen struct {
	minutes     map[int64]uint64
	first, last int64 // of lookup-events, where minutes is not kept
	looked      bool
}

func (r *reader) see(of scope, format string, second int64) {
	s, ok := r.seen[of]
	if !ok {
		s.minutes = map[int64]uint64{}
	}
	if format == FormatLookup {
		if !s.looked {
			s.first, s.last, s.looked = second, second, true
		}
		s.first, s.last = min(s.first, second), max(s.last, second)
	} else {
		s.minutes[second/60] |= 1 << (second % 60)
	}
	r.seen[of] = s
}

// between reports whether a record was seen after the second of one time, and before that of another, in nanoseconds.
func (s seen) between(from, to int64) bool {
	from, to = from/1e9+1, to/1e9 // without the latter
	for minute := from / 60; minute*60 < to; minute++ {
		mask := s.minutes[minute]
		if minute == from/60 {
			mask &= ^uint64(0) << (from % 60)
		}
		if minute == to/60 {
			mask &= 1<<(to%60) - 1
		}
		if mask != 0 {
			return true
		}
	}
	return false
}

// silences are the times of which nothing was delivered: before and after all records, and where none was seen for as
// long as delivery takes.
func (r *reader) silences() {
	for of, s := range r.seen {
		quiet := func(from, to int64, why string) {
			r.quiet = append(r.quiet, Gap{Account: of.account, Region: of.region, Why: why,
				From: time.Unix(from, 0).UTC(), To: time.Unix(to, 0).UTC()})
		}
		if s.looked {
			quiet(s.first, s.first, "the events of lookup-events begin")
			quiet(s.last+1, s.last+1, "the events of lookup-events end")
		}
		last := int64(0)
		for _, minute := range slices.Sorted(maps.Keys(s.minutes)) {
			mask := s.minutes[minute]
			first := minute*60 + int64(bits.TrailingZeros64(mask))
			switch {
			case last == 0:
				quiet(first, first, "the logs begin")
			case first-last > int64(delivery/time.Second):
				quiet(last+1, first, "no record of any kind for more than 15 minutes: logs may not have been delivered")
			}
			last = minute*60 + int64(bits.Len64(mask)) - 1
		}
		if len(s.minutes) > 0 {
			quiet(last+1, last+1, "the logs end")
		}
	}
	slices.SortFunc(r.quiet, func(a, b Gap) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region), a.From.Compare(b.From))
	})
}

// outsideTraffic are the times before, between and after what was recorded of HTTP.
func (r *reader) outsideTraffic() {
	slices.SortStableFunc(r.traffic, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for i := 0; i < len(r.traffic); {
		whole := r.traffic[i]
		for i++; i < len(r.traffic) && r.traffic[i].from <= whole.to; i++ {
			whole.to = max(whole.to, r.traffic[i].to)
		}
		for _, x := range []int64{whole.from, whole.to + 1} {
			why := "a recording begins"
			if x != whole.from {
				why = "a recording ends"
			}
			r.quiet = append(r.quiet, Gap{At: whole.at, Why: why, From: time.Unix(0, x).UTC(), To: time.Unix(0, x).UTC()})
		}
	}
}

// looked is what all events of lookup-events have in common, which shows what was asked for.
type looked struct {
	events    int
	name      string
	sameName  bool
	resources map[string]bool // of each event
}

func (l *looked) note(name string, raw []byte) {
	resources := map[string]bool{}
	fields(raw, func(member string, v jsontext.Value) {
		var list []struct{ ResourceName string }
		if member == "Resources" && json.Unmarshal(v, &list) == nil {
			for _, x := range list {
				resources[x.ResourceName] = true
			}
		}
	})
	if l.events++; l.events == 1 {
		l.name, l.sameName, l.resources = name, true, resources
		return
	}
	l.sameName = l.sameName && name == l.name
	maps.DeleteFunc(l.resources, func(name string, _ bool) bool { return !resources[name] })
}

// filtered notes where lookup-events was asked for some calls only, so that others are missing everywhere.
func (r *reader) filtered() {
	l := &r.looked
	if l.events < 2 {
		return
	}
	why := ""
	switch {
	case l.sameName && l.name != "":
		why = fmt.Sprintf("lookup-events was asked for %s alone", l.name)
	case len(l.resources) > 0:
		why = "lookup-events was asked for one resource alone"
	default:
		return
	}
	why += ", so that other calls are missing; ask for EventSource=cloudtrail.amazonaws.com"
	r.skip(why, "")
	r.gap(Gap{Why: why})
}

// logName is what the name of a log file tells.
type logName struct {
	account, region string
	time            time.Time
}

var logPattern = regexp.MustCompile(`^([0-9]{12})_CloudTrail_([a-z0-9-]+)_([0-9]{8}T[0-9]{4}Z)_[^.]*\.json(\.gz)?$`)

func parseLogName(path string) (n logName, ok bool) {
	m := logPattern.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return n, false
	}
	t, err := time.Parse("20060102T1504Z", m[3])
	return logName{m[1], m[2], t.Add(time.Minute)}, err == nil // of the minute, its end
}

// formatDigest is that of digest files, which list log files.
const formatDigest = "digest"

// digests say which log files there should be.
type digests struct {
	listed map[string][]listed // by digest
}

type listed struct {
	name     string
	from, to time.Time
}

// digest reads a digest file.
func (r *reader) digest(file int, in io.Reader) error {
	var d struct {
		LogFiles []struct{ S3Object, NewestEventTime, OldestEventTime string }
	}
	data, err := io.ReadAll(io.LimitReader(in, maxRecord))
	if err == nil {
		err = json.Unmarshal(data, &d)
	}
	if err != nil {
		r.skip("a digest file that is damaged", r.files[file].path)
		return nil
	}
	if r.digests.listed == nil {
		r.digests.listed = map[string][]listed{}
	}
	for _, f := range d.LogFiles {
		x := listed{name: f.S3Object[strings.LastIndexByte(f.S3Object, '/')+1:]}
		from, err := time.Parse(time.RFC3339, f.OldestEventTime)
		to, err2 := time.Parse(time.RFC3339, f.NewestEventTime)
		if n, _ := parseLogName(x.name); err != nil || err2 != nil {
			from, to = n.time.Add(-delivery), n.time
		}
		x.from, x.to = from, to.Add(time.Second-1)
		r.digests.listed[r.files[file].path] = append(r.digests.listed[r.files[file].path], x)
	}
	return nil
}

// missingFiles notes the log files that a digest lists and that are not there, where others of the digest are.
func (r *reader) missingFiles() {
	there := map[string]bool{}
	for _, f := range r.files {
		there[strings.TrimSuffix(filepath.Base(f.path), ".gz")] = true
	}
	is := func(x listed) bool { return there[strings.TrimSuffix(x.name, ".gz")] }
	for _, digest := range slices.Sorted(maps.Keys(r.digests.listed)) {
		list := r.digests.listed[digest]
		if !slices.ContainsFunc(list, is) {
			continue
		}
		for _, x := range list {
			n, ok := parseLogName(x.name)
			if !ok || is(x) {
				continue
			}
			const why = "a log file that a digest lists is missing"
			r.skip(why, digest+", "+x.name)
			r.gap(Gap{At: digest, Account: n.account, Region: n.region, Why: why, From: x.from, To: x.to})
		}
	}
}
