package account

import (
	"fmt"

	"github.com/insightconform/conform/targets"
)

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", targets.ErrUsage, fmt.Sprintf(format, args...))
}

func unreachable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", targets.ErrUnreachable, fmt.Sprintf(format, args...))
}

func inconclusive(format string, args ...any) error {
	return fmt.Errorf("%w: %s", targets.ErrInconclusive, fmt.Sprintf(format, args...))
}
