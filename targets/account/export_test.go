package account

// Abandon leaves a target as the end of its process would: nothing is cleaned up, files are released.
func Abandon(t *Target) {
	t.closing.Do(func() {})
	if t.ledger != nil {
		_ = t.ledger.Close()
	}
}
