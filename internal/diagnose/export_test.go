package diagnose

// What the tests of shrinking, which explore first and so stand outside this package, look into.
var (
	NameOf          = nameOf
	Plainness       = plainness
	SimplerCases    = simplerCases
	SimplerRequests = simplerRequests
	Forgot          = (*Divergence).forgot
)

// MaxPaired is the length of a case up to which leaving out pairs is tried.
const MaxPaired = maxPaired
