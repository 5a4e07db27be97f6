//go:build unix

package ledger

import (
	"os"
	"syscall"
)

// lockFile keeps other processes out for as long as this one lives.
func lockFile(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
