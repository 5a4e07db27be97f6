// Package ledger keeps the durable list of what runs have created in an account.
package ledger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/insightconform/conform/internal/files"
	"github.com/insightconform/conform/targets"
)

// schema is that of the first line, which begins with it.
const (
	schema = "conform-ledger/1"
	begins = `{"schema":"` + schema + `"`
)

// Kind tells what a resource is.
type Kind string

// The kinds of resources.
const (
	Trail  Kind = "trail"
	Bucket Kind = "bucket"
	Store  Kind = "event-data-store"
)

// In is the resource of a kind that a Region has under a name.
func (k Kind) In(region, name string) Resource { return Resource{k, region, name} }

// Resource is something in the account. A store goes by its name until its ID is known.
type Resource struct {
	Kind   Kind   `json:"kind"`
	Region string `json:"region"`
	Name   string `json:"name"`
}

func (r Resource) String() string { return string(r.Kind) + " " + r.Name + " in " + r.Region }

// The events of a ledger, in the order in which they come for one resource.
const (
	Intend = "intend" // written before the request that creates
	Made   = "made"
	Gone   = "gone" // deleted, or never made
)

// Ledger is the durable list of what runs have created: JSON lines, each written and synced before
// the act that it tells of. It holds no account id, only a salted hash of one.
type Ledger struct {
	head
	Path string // where it is

	mu   sync.Mutex
	file *os.File
	live map[Resource]string // event last written
	seq  []Resource          // in the order of creation
}

type head struct {
	Schema     string `json:"schema"`
	ID         string `json:"id"`     // the value of the tag on all that the ledger's runs create
	Prefix     string `json:"prefix"` // what the names of all resources begin with
	Salt       string `json:"salt"`
	Iterations int    `json:"iterations"`
	Account    string `json:"account"` // PBKDF2 of the account id
}

type entry struct {
	Event string `json:"event"`
	Resource
}

// hashIterations makes it expensive to try all account ids.
const hashIterations = 200_000

func (h head) hash(account string) string {
	key, _ := pbkdf2.Key(sha256.New, account, []byte(h.Salt), h.Iterations, 16) // does not fail with such lengths
	return hex.EncodeToString(key)
}

// RandomName returns up to 26 lower-case letters and digits that nobody can guess.
func RandomName(length int) string { return strings.ToLower(rand.Text()[:length]) }

// DefaultPrefix begins the prefix of every ledger that is given none.
const DefaultPrefix = "conform-"

// TagKey is the tag on all that a run creates; its value is the ledger's ID.
const TagKey = "conform-ledger"

// MinPrefix is the least length of a prefix; MaxPrefix leaves room in a bucket's name of 63 characters.
const (
	MinPrefix = 8
	MaxPrefix = 24
	maxLedger = 64 << 20 // bytes that are read
)

var usage = targets.Class(targets.ErrUsage)

func refused(guard, format string, args ...any) error {
	return fmt.Errorf("%w by the guard %s: %s", targets.ErrRefused, guard, fmt.Sprintf(format, args...))
}

// ValidRegion reports whether a string looks like the name of a Region.
var ValidRegion = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`).MatchString

var (
	prefixSyntax = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	awsPrefix    = regexp.MustCompile(`^(aws-|amazon|xn--|sthree-)`)
)

// CheckPrefix says what is wrong with a prefix of names; an empty one is none.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	if len(prefix) < MinPrefix || len(prefix) > MaxPrefix || !prefixSyntax.MatchString(prefix) {
		return usage("a prefix has %d to %d lower-case letters, digits and single dashes, such as conform-night1", MinPrefix, MaxPrefix)
	}
	if awsPrefix.MatchString(prefix) {
		return usage("a prefix must not begin as the names of AWS do")
	}
	return nil
}

// Open opens the ledger at path, or begins one for the account. An empty prefix is the ledger's,
// or a new random one. A ledger of another account is refused; so is one that a running process holds.
func Open(path, account, prefix string) (l *Ledger, err error) {
	if err := CheckPrefix(prefix); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, usage("--ledger %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, usage("--ledger: %w", err)
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	if lockFile(file) != nil {
		return nil, refused("ledger", "%s is in use by another run; wait for its end, or name another with --ledger", path)
	}
	data, err := files.Read(context.Background(), nil, path, maxLedger)
	if err != nil {
		return nil, usage("--ledger: %w", err)
	}
	if n := min(len(data), len(begins)); string(data[:n]) != begins[:n] {
		return nil, usage("--ledger %s: it does not begin as a ledger does; name another file", path)
	}
	// What a crash cut short was never acted upon: a line is synced before its act.
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	l = &Ledger{Path: path, file: file, live: map[Resource]string{}}
	if len(whole) > 0 {
		switch err := l.read(whole); {
		case err != nil:
			return nil, err
		case l.hash(account) != l.Account:
			return nil, refused("ledger", "%s belongs to another account; name another with --ledger", path)
		case prefix != "" && prefix != l.Prefix:
			return nil, usage("--prefix: the ledger %s has the prefix %s; leave --prefix out, or name another --ledger", path, l.Prefix)
		}
	}
	if err := file.Truncate(int64(len(whole))); err != nil {
		return nil, usage("--ledger %s: %w", path, err)
	}
	if len(whole) > 0 {
		return l, nil
	}
	l.head = head{Schema: schema, ID: RandomName(16), Prefix: cmp.Or(prefix, DefaultPrefix+RandomName(8)), Salt: RandomName(16),
		Iterations: hashIterations}
	l.Account = l.hash(account)
	return l, l.append(l.head)
}

// ReadPrefix returns the prefix of the ledger at path, empty where there is none but one can be begun.
func ReadPrefix(ctx context.Context, path string) (string, error) {
	data, err := files.Read(ctx, nil, path, maxLedger)
	if errors.Is(err, fs.ErrNotExist) {
		err = files.CheckFolder(filepath.Dir(path))
	}
	if err != nil {
		return "", usage("--ledger %s: %w", path, err)
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1] // as Open reads it
	if len(data) == 0 {
		return "", nil
	}
	l := &Ledger{Path: path, live: map[Resource]string{}}
	err = l.read(data)
	return l.Prefix, err
}

func (l *Ledger) read(data []byte) error {
	first, rest, _ := bytes.Cut(data, []byte("\n"))
	if json.Unmarshal(first, &l.head) != nil || l.Schema != schema || l.Prefix == "" || CheckPrefix(l.Prefix) != nil ||
		l.ID == "" || l.Iterations < 1 || l.Iterations > 100*hashIterations {
		return usage("--ledger %s: line 1 is no head of a ledger; name another file", l.Path)
	}
	number := 1
	for text := range bytes.Lines(rest) {
		number++
		var line entry
		if json.Unmarshal(text, &line) != nil || !line.valid(l.Prefix) {
			return usage("--ledger %s: line %d is damaged; mend it, or use 'conform sweep --prefix %s' and a new ledger",
				l.Path, number, l.Prefix)
		}
		l.note(line)
	}
	return nil
}

// valid keeps a ledger that was written by hand from naming what its runs cannot have created.
func (line entry) valid(prefix string) bool {
	event := line.Event == Intend || line.Event == Made || line.Event == Gone
	kind := line.Kind == Trail || line.Kind == Bucket || line.Kind == Store
	return event && kind && ValidRegion(line.Region) && strings.HasPrefix(line.Name, prefix+"-")
}

func (l *Ledger) note(line entry) {
	if _, known := l.live[line.Resource]; !known {
		l.seq = append(l.seq, line.Resource)
	}
	l.live[line.Resource] = line.Event
}

// append writes one line and waits until it is on the disk.
func (l *Ledger) append(line any) error {
	text, _ := json.Marshal(line) // of strings alone
	_, err := l.file.Write(append(text, '\n'))
	if err = cmp.Or(err, l.file.Sync()); err != nil {
		return fmt.Errorf("the ledger %s cannot be written, so nothing may be created: %w", l.Path, err)
	}
	return nil
}

// Write notes an event durably; a sweep by prefix has no ledger to write.
func (l *Ledger) Write(event string, r Resource) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live[r] == event {
		return nil
	}
	line := entry{event, r}
	if !line.valid(l.Prefix) {
		return refused("prefix", "%s does not bear the prefix of the ledger", r)
	}
	if err := l.append(line); err != nil {
		return err
	}
	l.note(line)
	return nil
}

// Live lists what may still exist, in the order of creation.
func (l *Ledger) Live() []Resource {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Resource
	for _, r := range l.seq {
		if l.live[r] != Gone {
			out = append(out, r)
		}
	}
	return out
}

// Close releases the file.
func (l *Ledger) Close() error { return l.file.Close() }

// Event is the last event of a resource, empty where there is none.
func (l *Ledger) Event(r Resource) string {
	if l == nil {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live[r]
}
