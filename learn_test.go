package conform_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/mototest"
)

func TestZZ(t *testing.T) {
	for range 2 {
		t0 := time.Now()
		p, err := conform.Learn(t.Context(), embedded.InProcess(embedded.ServerOptions{}), conform.Options{})
		require.NoError(t, err)
		n := map[string]int{}
		for _, c := range p.Cells {
			n[c.Status]++
			if c.Status != reports.CellFirst && c.Status != reports.CellImpossible && c.Status != reports.CellIndistinguishable {
				fmt.Println(c.First, c.Second, c.Status, c.Answer, c.Why, c.Own)
			}
		}
		fmt.Println(n, p.Requests, len(p.Holds), p.Cycles, p.Codes, p.Unmeasured, time.Since(t0))
	}
}

func TestZZMoto(t *testing.T) {
	target, err := endpoint.New(endpoint.Options{URL: mototest.Start(t)})
	require.NoError(t, err)
	t0 := time.Now()
	p, err := conform.Learn(t.Context(), target, conform.Options{})
	require.NoError(t, err)
	n := map[string]int{}
	for _, c := range p.Cells {
		n[c.Status]++
		if c.Status != reports.CellImpossible {
			fmt.Println(c.First, c.Second, c.Status, c.Answer, c.Why, c.Own)
		}
	}
	fmt.Println(n, p.Requests, len(p.Holds), p.Cycles, p.Codes, p.Unmeasured, time.Since(t0))
}
