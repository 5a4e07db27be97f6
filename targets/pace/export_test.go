package pace

import "time"

// Limiter is for tests in other packages.
type Limiter = limiter

// Rate returns the present rate of a class in requests a second.
func (l *limiter) Rate(region string, write bool) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return float64(l.bucket(time.Now(), region, write).tokens.Limit())
}
