package wire

import "slices"

// What an error code says besides the rules: whether to try again, and whether anything can be tried.
var (
	throttleCodes = []string{"ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
	// unavailableCodes are what a service answers on a bad day; a write may have been done all the same.
	unavailableCodes = []string{"InternalFailure", "InternalServerError", "InternalServiceError", "InternalError", "InternalServerException",
		"ServiceUnavailable", "ServiceUnavailableException"}
	accessCodes = []string{"UnrecognizedClientException", "ExpiredTokenException", "ExpiredToken", "InvalidSignatureException", "SignatureDoesNotMatch",
		"InvalidClientTokenId", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature"}
	absentCodes = []string{"UnsupportedOperationException", "UnknownOperationException", "InvalidAction", "NotImplemented", "UnknownOperation",
		"NotImplementedException", "UnrecognizedOperation", "InternalFailure"}
)

// Throttled reports whether a code says that there were too many requests.
func Throttled(code string) bool { return slices.Contains(throttleCodes, code) }

// Unavailable reports whether a code says that the service failed.
func Unavailable(code string) bool { return slices.Contains(unavailableCodes, code) }

// AccessDenied reports whether a code says that the credentials are not accepted.
func AccessDenied(code string) bool { return slices.Contains(accessCodes, code) }

// Absent reports whether a code says that an operation is not there at all.
func Absent(code string) bool { return slices.Contains(absentCodes, code) }
