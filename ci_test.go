package conform_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestVulnerabilitiesAreToldFromNoData: a vulnerability fails the check; data that cannot be had is said, and does not.
func TestVulnerabilitiesAreToldFromNoData(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		status string
		code   int
		says   string
	}{
		"none":           {"No vulnerabilities found.", "0", 0, "govulncheck of .: no known vulnerability is called"},
		"one":            {"Vulnerability #1: GO-2026-0001", "3", 1, "Vulnerability #1: GO-2026-0001"},
		"no data":        {`govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev/index/modules.json.gz": dial tcp: no such host`, "1", 0, "NOT CHECKED: govulncheck of . cannot have its data"},
		"no govulncheck": {`go: golang.org/x/vuln/cmd/govulncheck@v1.9.0: Get "https://proxy.golang.org/x": dial tcp: no such host`, "1", 0, "NOT CHECKED"},
		"no end":         {"", "124", 0, "NOT CHECKED: govulncheck of . did not end"},
		"no build":       {"go: errors parsing go.mod", "1", 1, "errors parsing"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			script := "#!/bin/sh\nprintf '%s\\n' \"$FAKE_OUTPUT\"\nexit $FAKE_STATUS\n"
			require.NoError(t, os.WriteFile(filepath.Join(folder, "go"), []byte(script), 0o755))
			cmd := exec.CommandContext(t.Context(), ".ci/vulnerabilities")
			cmd.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "FAKE_OUTPUT="+test.output, "FAKE_STATUS="+test.status)
			out, _ := cmd.CombinedOutput()
			assert.Equal(t, test.code, cmd.ProcessState.ExitCode(), string(out))
			assert.Contains(t, string(out), test.says)
		})
	}
}
