package selftest

import (
	"os"
	"testing"

	"github.com/insightconform/conform/reports"
)

func TestZZ(t *testing.T) {
	s, err := Run(t.Context(), Options{Seed: 1})
	t.Log(err)
	reports.SelftestText(os.Stdout, s, reports.TextOptions{})
}
