package model

import (
	"fmt"
	"strings"

	"github.com/insightconform/conform/model/value"
)

// Op is an API operation, or an event in the target's environment (OpArrange).
type Op string

// The operations that the model knows.
const (
	OpPut            Op = "PutInsightSelectors"
	OpGet            Op = "GetInsightSelectors"
	OpCreate         Op = "CreateTrail"
	OpUpdate         Op = "UpdateTrail"
	OpDelete         Op = "DeleteTrail"
	OpTrail          Op = "GetTrail"
	OpStatus         Op = "GetTrailStatus"
	OpStart          Op = "StartLogging"
	OpStop           Op = "StopLogging"
	OpPutEvents      Op = "PutEventSelectors"
	OpGetEvents      Op = "GetEventSelectors"
	OpCreateStore    Op = "CreateEventDataStore"
	OpGetStore       Op = "GetEventDataStore"
	OpUpdateStore    Op = "UpdateEventDataStore"
	OpDeleteStore    Op = "DeleteEventDataStore"
	OpRestoreStore   Op = "RestoreEventDataStore"
	OpStartIngestion Op = "StartEventDataStoreIngestion"
	OpStopIngestion  Op = "StopEventDataStoreIngestion"

	// OpArrange is no API call: it changes a trail's surroundings, such as its bucket or key. Its
	// input has TrailName and Condition, one of the names that ConditionNames lists.
	OpArrange Op = "Arrange"
)

// Ops lists all operations in a fixed order.
var Ops = []Op{OpPut, OpGet, OpCreate, OpUpdate, OpDelete, OpTrail, OpStatus, OpStart, OpStop, OpPutEvents, OpGetEvents,
	OpCreateStore, OpGetStore, OpUpdateStore, OpDeleteStore, OpRestoreStore, OpStartIngestion, OpStopIngestion, OpArrange}

var opNeeds = map[Op]Capability{
	OpPut: CanPut, OpGet: CanGet, OpCreate: CanCreate, OpUpdate: CanUpdate, OpDelete: CanDelete, OpTrail: CanGetTrail,
	OpStatus: CanStatus, OpStart: CanLog, OpStop: CanStop, OpPutEvents: CanPutEvents, OpGetEvents: CanGetEvents,
	OpCreateStore: CanStores, OpGetStore: CanStores, OpUpdateStore: CanUpdateStores, OpDeleteStore: CanDeleteStores,
	OpRestoreStore: CanRestoreStores, OpStartIngestion: CanStopStores, OpStopIngestion: CanStopStores,
}

// Needs is the capability of a target that has the operation; ok is false where it is none of CloudTrail's.
func (op Op) Needs() (c Capability, ok bool) { c, ok = opNeeds[op]; return c, ok }

// Insights reports whether the operation is one of the two under test.
func (op Op) Insights() bool { return op == OpPut || op == OpGet }

// Reads reports whether the operation only reads.
func (op Op) Reads() bool { return strings.HasPrefix(string(op), "Get") }

// Request is one call in symbolic form: its names are those of a World, which a target replaces by its own.
type Request struct {
	Op          Op          `json:"op"`
	Region      string      `json:"region,omitempty"` // where it is sent; empty is the home Region
	Input       value.Value `json:"input"`
	Raw         *string     `json:"raw,omitempty"`          // if not nil, sent instead of Input: a body that is no JSON object
	Method      string      `json:"method,omitempty"`       // if not empty, in place of POST
	OtherTarget bool        `json:"other_target,omitempty"` // with the X-Amz-Target prefix that is not used otherwise
}

// GoString renders the request on one line, for the logs of property tests.
func (r Request) GoString() string {
	text := string(r.Op)
	if r.Region != "" {
		text += " in " + r.Region
	}
	if r.Method != "" {
		text += " by " + r.Method
	}
	if r.OtherTarget {
		text += " with the other target prefix"
	}
	if r.Raw != nil {
		return text + fmt.Sprintf(" raw %.200q", *r.Raw)
	}
	return text + " " + r.Input.String()
}

// Malformed reports whether the request is no JSON POST of an object: then only wire/no-crash is held.
func (r Request) Malformed() bool { return r.Raw != nil || (r.Method != "" && r.Method != "POST") }

// Outcome is the kind of an answer.
type Outcome uint8

// The outcomes. The last three occur only in what the model expects.
const (
	Unanswered Outcome = iota // a timeout, a lost connection: applied or not applied
	Crashed                   // a 5xx, or no JSON where JSON is due: applied or not applied
	Succeeded
	Refused
	AnySuccess
	AnyRefusal
	AnyAnswer
)

// Truth is a boolean that may be unclaimed.
type Truth uint8

// The values of Truth.
const (
	unclaimed Truth = iota
	No
	Yes
)

func truth(b bool) Truth {
	if b {
		return Yes
	}
	return No
}

// Answer is a normalised result: of a success the members that the rules speak of, of a refusal its
// code. It is comparable. In a Branch it says what is expected, where zero values of the members
// below Selectors claim nothing.
type Answer struct {
	Outcome   Outcome
	Selectors Selectors // as a set
	Repeated  bool      // an entry, or a category within one, is listed more than once

	HasInsights Truth
	Logging     Truth
	Logs, Open  Logs // what the event selectors log, with the mark Shown, and what is not claimed of that

	Code        string // of a refusal, without namespace
	TrailARN    string
	StoreARN    string
	Destination string // InsightsDestination
	Alien       string // the first listed type or category that is in no enum
}

var outcomeKinds = [...]string{Unanswered: "no answer", Crashed: "5xx", Succeeded: "success",
	Refused: "an error without a code", AnySuccess: "success", AnyRefusal: "any error", AnyAnswer: "any answer"}

// Kind is the answer's class, as signatures and reports name it: an error code, "success", …
func (a Answer) Kind() string {
	if a.Outcome == Refused && a.Code != "" {
		return a.Code
	}
	return outcomeKinds[a.Outcome]
}

// Refusal returns the answer with an error code.
func Refusal(code string) Answer { return Answer{Outcome: Refused, Code: code} }

// Definite reports whether the answer settles what happened.
func (a Answer) Definite() bool { return a.Outcome != Unanswered && a.Outcome != Crashed }
