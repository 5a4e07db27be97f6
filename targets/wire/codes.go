package wire

import "slices"

// What error codes mean, whatever the operation.
var (
	throttled = []string{"ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException",
		"RequestLimitExceeded", "SlowDown"}

	unavailable = []string{"InternalFailure", "InternalServerError", "InternalServiceError", "InternalError", "InternalServerException",
		"ServiceUnavailable", "ServiceUnavailableException"}

	absent = []string{"UnknownOperationException", "UnknownOperation", "UnsupportedOperationException", "UnsupportedOperation",
		"InvalidAction", "MissingAction", "NotImplemented", "NotImplementedException", "ActionNotFoundException", "UnrecognizedOperation"}

	badSignature = []string{"InvalidSignatureException", "SignatureDoesNotMatch"}

	expired = []string{"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}

	badCredentials = []string{"UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "IncompleteSignature", "InvalidAccessKeyId"}

	denied = []string{"AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "NotAuthorized"}
)

// Throttled reports whether a code says that the request came too fast and was not carried out.
func Throttled(code string) bool { return slices.Contains(throttled, code) }

// Busy is the code by which a write says that its trail or store is not ready, or that another call is
// changing it. It comes with HTTP 400 or 409.
const Busy = "ConflictException"

// Unavailable reports whether a code is what a service answers on a bad day. A write may have been done
// all the same.
func Unavailable(code string) bool { return slices.Contains(unavailable, code) }

// Repeatable reports whether a caller may repeat the request: Throttled, or Unavailable.
func Repeatable(code string) bool { return Throttled(code) || Unavailable(code) }

// Absent reports whether a code says that the target does not have the operation at all, where it
// sends that code to every call of it.
func Absent(code string) bool { return slices.Contains(absent, code) }

// Unauthenticated reports whether a code says that the caller is not known, so that no answer tells
// anything of the operation.
func Unauthenticated(code string) bool {
	return BadSignature(code) || Expired(code) || BadCredentials(code)
}

// BadSignature reports whether a code says that a request is not signed by who it claims to be from.
func BadSignature(code string) bool { return slices.Contains(badSignature, code) }

// Expired reports whether a code says that the credentials were valid once.
func Expired(code string) bool { return slices.Contains(expired, code) }

// BadCredentials reports whether a code says that the credentials are missing, or nobody's.
func BadCredentials(code string) bool { return slices.Contains(badCredentials, code) }

// Denied reports whether a code says that the caller lacks a permission.
func Denied(code string) bool { return slices.Contains(denied, code) }
