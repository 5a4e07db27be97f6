package embedded_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/embedded"
)

// TestRacesAreRightOneAtATime: calls that do not overlap show nothing of a race, in process and over HTTP.
func TestRacesAreRightOneAtATime(t *testing.T) {
	const requests = 800
	for _, race := range embedded.Races {
		o := embedded.ServerOptions{Fault: race.Name}
		for name, target := range map[string]targets.Target{
			"in process": embedded.InProcess(o), "over HTTP": embedded.NewTarget(embedded.Options{ServerOptions: o}),
		} {
			t.Run(race.Name+" "+name, func(t *testing.T) {
				t.Parallel()
				report := requireNoViolation(t, race.Name, target, conform.Options{Seed: 1, Requests: requests, Suites: []string{conform.Systematic, conform.Random}})
				assert.Greater(t, report.Requests, requests/2)
			})
		}
	}
}
