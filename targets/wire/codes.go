package wire

import (
	"net/http"
	"slices"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

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

// known reports whether some rule speaks of a code.
func known(code string) bool {
	return code == "InsightNotEnabledException" || code == "TrailAlreadyExistsException" || slices.ContainsFunc(model.Rules, func(r model.Rule) bool {
		return code != "" && (r.Code == code || slices.Contains(r.Also, code))
	})
}

// Missing reports whether a refusal says that the target does not have the operation (behaviour.md, section 8): by
// its code, or by a 501, or by a 404 without a code that any rule knows.
func Missing(reply targets.Reply) bool {
	code := reply.Answer.Code
	return Absent(code) || reply.Status == http.StatusNotImplemented || reply.Status == http.StatusNotFound && !known(code)
}

// Unauthenticated reports whether a code says that the caller is not known, and nothing of the operation.
func Unauthenticated(code string) bool {
	return BadSignature(code) || Expired(code) || BadCredentials(code)
}
