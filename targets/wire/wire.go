// Package wire is the HTTP framing of CloudTrail's AWS JSON 1.1 protocol, without any I/O: the
// endpoint target encodes requests and reads answers with it, the embedded server does the reverse.
package wire

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

// ContentType is that of requests and of answers.
const ContentType = "application/x-amz-json-1.1"

// TargetHeader names the header that carries the operation.
const TargetHeader = "X-Amz-Target"

// The two prefixes of an operation's name in X-Amz-Target; both are documented to work.
const (
	ShortPrefix = "CloudTrail_20131101."
	LongPrefix  = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101."
)

// Target returns what a request has in X-Amz-Target, with the short prefix or the long one.
func Target(r model.Request) string {
	if r.OtherTarget {
		return LongPrefix + string(r.Op)
	}
	return ShortPrefix + string(r.Op)
}

// Encode returns the body of a request.
func Encode(r model.Request) []byte {
	if r.Raw != nil {
		return []byte(*r.Raw)
	}
	if r.Input.Kind() == value.Absent {
		return []byte("{}")
	}
	return r.Input.AppendJSON(make([]byte, 0, 256))
}

// DecodeRequest reads a request as a server gets it. A problem says in one line why no operation
// is known; the request then has none. OtherTarget is set for the long prefix. The caller fills in
// the Region, for which Signed helps.
func DecodeRequest(method string, header http.Header, body []byte) (r model.Request, problem string) {
	if method != http.MethodPost {
		r.Method = method
	}
	name := header.Get(TargetHeader)
	before, op, found := strings.Cut(name, ShortPrefix) // with which the long one ends
	long := before+ShortPrefix == LongPrefix
	switch {
	case name == "":
		problem = "no " + TargetHeader + " header"
	case !found || before != "" && !long:
		problem = "unknown " + TargetHeader + " prefix"
	case model.Op(op) == model.OpArrange || !slices.Contains(model.Ops, model.Op(op)):
		problem = "unknown operation"
	default:
		r.Op, r.OtherTarget = model.Op(op), long
	}
	if input, err := value.Parse(body); err == nil && input.Kind() == value.Object {
		r.Input = input
	} else {
		raw := string(body)
		r.Raw = &raw
	}
	return r, problem
}

// Signed reads the credential scope of a request: key, date, Region, service and a constant. All is empty without one.
func Signed(header http.Header) (scope struct{ Key, Region, Service string }) {
	_, of, _ := strings.Cut(header.Get("Authorization"), "Credential=")
	of, _, _ = strings.Cut(of, ",")
	parts := strings.Split(of, "/")
	if n := len(parts); n >= 5 {
		scope.Key, scope.Region, scope.Service = strings.Join(parts[:n-4], "/"), parts[n-3], parts[n-2]
	}
	return scope
}

// What error codes mean, whatever the operation.
var (
	// Throttled reports whether a code says that the request came too fast and was not carried out.
	Throttled = among("ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException",
		"RequestLimitExceeded", "SlowDown")
	// Unavailable reports whether a code is what a service answers on a bad day. A write may have been done
	// all the same.
	Unavailable = among("InternalFailure", "InternalServerError", "InternalServiceError", "InternalError",
		"InternalServerException", "ServiceUnavailable", "ServiceUnavailableException")
	// Absent reports whether a code says that the target does not have the operation at all, where it
	// sends that code to every call of it.
	Absent = among("UnknownOperationException", "UnknownOperation", "UnsupportedOperationException", "UnsupportedOperation",
		"InvalidAction", "MissingAction", "NotImplemented", "NotImplementedException", "ActionNotFoundException", "UnrecognizedOperation")
	// BadSignature reports whether a code says that a request is not signed by who it claims to be from.
	BadSignature = among("InvalidSignatureException", "SignatureDoesNotMatch")
	// Expired reports whether a code says that the credentials were valid once.
	Expired = among("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired")
	// BadCredentials reports whether a code says that the credentials are missing, or nobody's.
	BadCredentials = among("UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "IncompleteSignature", "InvalidAccessKeyId")
	// Denied reports whether a code says that the caller lacks a permission.
	Denied = among("AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "NotAuthorized")
)

func among(codes ...string) func(code string) bool {
	return func(code string) bool { return slices.Contains(codes, code) }
}

// Busy is the code by which a write says that its trail or store is not ready, or that another call is
// changing it. It comes with HTTP 400 or 409.
const Busy = "ConflictException"

// Repeatable reports whether a caller may repeat the request: Throttled, or Unavailable.
func Repeatable(code string) bool { return Throttled(code) || Unavailable(code) }

// listed are the codes of which some rule speaks, by what is left of them without ending and letter case.
var listed = func() map[string]string {
	codes := []string{"InsightNotEnabledException", "TrailAlreadyExistsException", Busy}
	for i := range model.Rules {
		codes = append(append(codes, model.Rules[i].Code), model.Rules[i].Also...)
	}
	by := map[string]string{}
	for _, code := range codes {
		if code != "" {
			by[stem(code)] = code
		}
	}
	return by
}()

// known reports whether some rule speaks of a code.
func known(code string) bool { return code != "" && listed[stem(code)] == code }

func stem(code string) string {
	code = strings.ToLower(code)
	for _, ending := range []string{"exception", "error", "fault"} {
		code = strings.TrimSuffix(code, ending)
	}
	return code
}

// Listed is what is expected of an error code.
const Listed = "error codes as they are listed"

// Placed is where an error code is expected.
const Placed = "the error code in __type, code or X-Amzn-ErrorType"

// Spelling returns the code that another spelling of it means, and what there is to say against that: another ending,
// or letter case. A code that is right, or means something of its own, is returned as it is.
func Spelling(code string) (meant string, objections []model.Objection) {
	right, difference := listed[stem(code)], "codes with another ending"
	switch {
	case right == "" || right == code || Absent(code) || Denied(code) || Repeatable(code) || Unauthenticated(code):
		return code, nil
	case right == code+"Exception":
		difference = "codes without Exception at their end"
	case strings.EqualFold(code, right):
		difference = "codes in another letter case"
	}
	return right, []model.Objection{{Rule: model.WireErrorShape, Level: model.Observed, Expected: Listed, Actual: difference}}
}

// Full reports whether a code says that a quota is reached.
func Full(code string) bool {
	return strings.HasPrefix(code, "Maximum") || strings.Contains(code, "LimitExceeded") && !Throttled(code)
}

// Missing reports whether a refusal says that the target does not have the operation (behaviour.md, section 8): by
// its code, or by a 501, or by a 404 without a code that any rule knows.
func Missing(reply targets.Reply) bool {
	code := reply.Answer.Code
	return Absent(code) || reply.Status == http.StatusNotImplemented || reply.Status == http.StatusNotFound && !known(code)
}

// NotOffered reports whether a refusal says that the target does not offer what is asked of an operation that it has:
// as Missing, but that a 404 with any code speaks of a resource.
func NotOffered(reply targets.Reply) bool {
	return Missing(reply) && (reply.Answer.Code == "" || Absent(reply.Answer.Code))
}

// Unauthenticated reports whether a code says that the caller is not known, and nothing of the operation.
func Unauthenticated(code string) bool {
	return BadSignature(code) || Expired(code) || BadCredentials(code)
}

// The bounds of what is kept of an answer. What is compared is what is kept: it says of a longer text which one it was.
const (
	maxText       = 300 // bytes of an ARN, a code or a reason
	maxObjections = 16
	more          = "… (shortened)"
)

var reading sync.Mutex // held while a large answer is read, which parsed may have a hundred times its size

// Bounded is a text as it is kept: of a long one, its beginning, its length, and a digest that tells it from others.
func Bounded(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return cut(s, limit, fmt.Sprintf("… (%d bytes in all, SHA-256 %x…)", len(s), sum[:8]))
}

func cut(s string, limit int, end string) string {
	return strings.ToValidUTF8(s[:limit-len(end)], "") + end
}

// Brief is a reply with its texts shortened, and its bytes and the members of its body to a limit.
func Brief(reply targets.Reply, limit int) targets.Reply {
	a := &reply.Answer
	for _, text := range []*string{&a.Code, &a.TrailARN, &a.StoreARN, &a.Destination, &a.Alien, &reply.Problem} {
		*text = Bounded(strings.ToValidUTF8(*text, "\ufffd"), maxText)
	}
	if len(reply.Received) > limit {
		reply.Received, reply.Body = []byte(cut(string(reply.Received), limit, more)), withoutExcess(reply.Body, limit)
	}
	return reply
}

// withoutExcess keeps of a large body the members that mean something, each bounded. All of it has been read before.
func withoutExcess(body value.Value, limit int) value.Value {
	if body.Kind() != value.Object {
		return body
	}
	kept := value.Obj("…", more)
	for _, name := range slices.Concat(codeMembers, strangeMembers, messageMembers, []string{"Error", "error", "TrailARN", "EventDataStoreArn", "InsightSelectors",
		"InsightsDestination", "Name", "Trail", "IsLogging", "EventSelectors", "AdvancedEventSelectors", "Status"}) {
		v := body.Get(name)
		if text := v.String(); len(text) > limit {
			v = value.Str(cut(text, limit, more))
		}
		kept = kept.With(name, v)
	}
	return kept
}

// objecting adds objections, each once: a list may have the same fault a hundred thousand times.
func objecting(all []model.Objection, more ...model.Objection) []model.Objection {
	for _, o := range more {
		if o.Actual = Bounded(o.Actual, maxText); len(all) < maxObjections && !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	return all
}
