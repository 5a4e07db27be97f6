package account

// Target is for tests in other packages.
type Target = target

// Abandon leaves a target as the end of its process would: nothing is cleaned up, files are released.
func Abandon(t *target) {
	t.closing.Do(func() {})
	if t.service != nil && t.service.ledger != nil {
		_ = t.service.ledger.Close()
	}
}
