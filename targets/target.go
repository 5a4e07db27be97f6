// Package targets says what a thing under test must offer: fresh worlds, and answers to requests.
// A target never decides what is right, and package naming keeps it from having to translate names.
package targets

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// Target is something that answers requests. Its methods other than NewWorld are called from one
// goroutine; worlds are independent of each other and may be used side by side.
type Target interface {
	// Open connects and finds out how to talk to the target. Errors wrap ErrUsage, ErrUnreachable
	// or ErrRefused where one of them holds.
	Open(ctx context.Context) (Info, error)
	// NewWorld gives a place without trails or stores, isolated from all other worlds.
	NewWorld(ctx context.Context) (World, error)
	// Close releases the target. It is called once, after all worlds are closed.
	Close() error
}

// World is one isolated place on a target. Unless several clients at once are asked for, it is used by one goroutine
// at a time.
type World interface {
	// Do sends one request and waits for its answer, at most as long as the target's timeout. Names in
	// requests and answers are the target's own, and the Region is set: package naming translates.
	Do(ctx context.Context, r model.Request) Reply
	// Close removes what the world's requests have made.
	Close(ctx context.Context) error
}

// The classes of error that Open and NewWorld return.
var (
	ErrUsage       = errors.New("wrong usage")   // exit code 2: the configuration makes no sense
	ErrUnreachable = errors.New("not reachable") // exit code 3: nothing there, or not this service
	ErrRefused     = errors.New("refused")       // exit code 5: would be unsafe

	// ErrInconclusive, exit code 3, says that the target cannot be judged as things are.
	ErrInconclusive = errors.New("inconclusive")
)

// Class makes errors of one of these classes. The arguments are those of fmt.Errorf.
func Class(class error) func(format string, args ...any) error {
	return func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", class, fmt.Errorf(format, args...))
	}
}

// Info describes an opened target.
type Info struct {
	Name     string `json:"name"`               // embedded, endpoint, …
	Label    string `json:"label,omitempty"`    // what its user calls it
	Version  string `json:"version,omitempty"`  // as its user says
	Endpoint string `json:"endpoint,omitempty"` // without user information
	Region   string `json:"region,omitempty"`
	Fault    string `json:"fault,omitempty"` // that the embedded server has on purpose
	// Eventual says that the target is declared to be eventually consistent.
	Eventual bool `json:"eventually_consistent,omitempty"`
	// Lent says that CreateTrail lends trails that exist beforehand, so that nothing is known of what
	// they log until a PutEventSelectors.
	Lent bool `json:"-"`
	// Given is what lent trails hold, in their order, where the target has no PutInsightSelectors and only reads count.
	Given []model.Selectors `json:"-"`
	// Workers is how many worlds the target can serve side by side; 0 claims nothing.
	Workers int `json:"-"`
	// Room is how many trails fit into one of Workers worlds; 0 leaves that to be found out.
	Room int `json:"-"`
	// Serial says that all worlds share one place, so that only one can be open at a time.
	Serial bool `json:"-"`
	// Away says that a second Region can be addressed.
	Away bool `json:"-"`
	// Buckets and Keys say that OpArrange can change a trail's bucket or key; Arrange, that it can
	// bring about every condition.
	Buckets, Keys, Arrange bool `json:"-"`
	// RawRequests says that requests which no typed client can express reach the target as bytes.
	RawRequests bool `json:"-"`
	// Overlap says that several clients may call Do of one world at once.
	Overlap bool `json:"-"`
	// GoValues says that the target takes and hands out values in its caller's memory.
	GoValues bool `json:"-"`
	// Notes tell people what Open found out.
	Notes []string `json:"notes,omitempty"`
}

// Named is a World that says how things are called there. Any other shares one account and one Region,
// that of Info, with all worlds; its account is learnt from the ARN of the first trail that is made.
// What stands around a World must pass Names on.
type Named interface {
	World
	// Names is asked once, before the first request.
	Names() Names
}

// Queued is a World that may have to wait until other worlds close, before it can send some requests.
type Queued interface {
	World
	// Await waits until Do can send such a request to a Region at once, or until waiting was long enough. Nothing else
	// waits for it, so that it must not be part of Do.
	Await(ctx context.Context, op model.Op, region string)
}

// Names say how things are called in a world, for package naming to translate the names of cases.
type Names struct {
	Partition string   // of ARNs; empty is aws
	Account   string   // of ARNs; empty is learnt
	Unsure    bool     // Account is a guess that the first trail's ARN corrects
	Secret    bool     // Account is replaced in all that is read of answers
	Regions   []string // the home Region and, where there is one, the other; empty is those of model.DefaultWorld

	// OtherAccount stands for an account that is not the caller's; empty is that of model.DefaultWorld.
	OtherAccount string
	// Bucket exists, and trails may use it; empty is any name.
	Bucket string
	// Tag is ten lower-case letters that are unique to the world; empty has some made. Names end with it.
	Tag string
	// Prefix, where given, begins all names, and the tag follows; strings that are no names, but which a
	// careless service might take for some, are changed too.
	Prefix string
	// Kept says that the world shares nothing with others, so that names stay as they are.
	Kept bool
	// Apart says that the world has an account for itself.
	Apart bool
	// Trails exist beforehand. CreateTrail is not sent, but lends them one by one.
	Trails []string
	// Others are the names of trails that exist and that no request is to name.
	Others []string
}

// Reply is one answer with what was seen on the wire.
type Reply struct {
	Answer model.Answer
	Body   value.Value // of a success or refusal
	// Instead lists what the target has used in place of names in the request: the name used, and the
	// one that was asked for. Of the name of a new trail, later requests use it too.
	Instead map[string]string
	// Lent is the trail which exists beforehand and stands for the one that CreateTrail asked for. Nothing was sent.
	Lent string
	// Objections are breaches of wire rules that show in this answer alone.
	Objections []model.Objection
	Remark     string // what the report should say of the run for this

	Sent     []byte // the request body as sent; empty in process
	Status   int    // HTTP status; 0 where there was none
	Received []byte // the answer's body as received, shortened to MaxKept bytes
	Problem  string // of an answer that is not definite: what happened
	TimedOut bool   // nothing came in time; the request may still take effect

	// Err, where not nil, ends the run: the request was not sent because that would be unsafe
	// (ErrRefused), or its answer shows that no verdict can be had (ErrInconclusive).
	Err error
}

// LentStore answers a CreateEventDataStore with a store of an earlier world, which is like new.
func LentStore(arn string, r model.Request, fresh bool) Reply {
	reply := Reply{Answer: model.Answer{Outcome: model.Succeeded, StoreARN: arn},
		Body: value.Obj("EventDataStoreArn", arn, "Name", r.Input.Get("Name"), "Status", "ENABLED")}
	if fresh {
		reply.Remark = "no more event data stores can be made: what concerns them was confirmed with those of earlier cases, turned off"
	}
	return reply
}

// MaxKept is how many bytes of an answer's body a Reply keeps.
const MaxKept = 16 << 10

// mark is something that a context says of its requests.
type mark uint8

const (
	Bare    mark = iota // they go out without a client library where possible: it is cheaper, and the same on the wire
	Patient             // they have the time that Limit gives them, so that what is slow is told from what never answers
	Fresh               // NewWorld gives a world that uses nothing of an earlier one: only its own requests show
)

// On returns a context with the mark.
func (m mark) On(ctx context.Context) context.Context { return context.WithValue(ctx, m, true) }

// In reports whether a context has the mark.
func (m mark) In(ctx context.Context) bool { return ctx.Value(m) != nil }

type askedKey struct{}

// OnAsked returns a context in which Open tells a function what it asks of the operations under test and what it is
// answered, each time before it goes on.
func OnAsked(ctx context.Context, told func(model.Request, Reply)) context.Context {
	return context.WithValue(ctx, askedKey{}, told)
}

// Asked tells whoever OnAsked named.
func Asked(ctx context.Context, r model.Request, reply Reply) {
	if told, ok := ctx.Value(askedKey{}).(func(model.Request, Reply)); ok && r.Op.Insights() {
		told(r, reply)
	}
}

// Limit is how long a request may take whose usual time limit is given: where it is Patient, ten times as long, up to
// half a minute.
func Limit(ctx context.Context, usual time.Duration) time.Duration {
	if !Patient.In(ctx) {
		return usual
	}
	return max(usual, min(10*usual, 30*time.Second))
}

// Sleep waits, and reports whether the context was still good at the end.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
