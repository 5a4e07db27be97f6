package e2e

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// served starts the stand-in with some flags and returns its URL, and what it has written to standard error so far.
func served(t *testing.T, flags ...string) (url string, log func() string) {
	t.Helper()
	command := exec.Command(build(t), append([]string{"serve", "--addr", "127.0.0.1:0", "--log"}, flags...)...)
	lines, err := os.CreateTemp(t.TempDir(), "log")
	require.NoError(t, err)
	command.Stderr = lines
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
	})
	first, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	_, url, ok := strings.Cut(strings.TrimSpace(first), "http://")
	require.True(t, ok, first)
	return "http://" + url, func() string {
		data, err := os.ReadFile(lines.Name())
		require.NoError(t, err)
		return string(data)
	}
}

// TestClientsOfTheStandIn has clients in three languages do what an infrastructure tool does with a trail and a store.
func TestClientsOfTheStandIn(t *testing.T) {
	url, log := served(t)
	for name, client := range map[string]struct {
		needs   string // what tells whether the client is installed
		program []string
	}{
		"boto3":              {"python3 -c 'import boto3'", []string{"python3", "testdata/stand_in.py"}},
		"AWS CLI":            {"aws --version", []string{"bash", "testdata/stand_in.sh"}},
		"SDK for JavaScript": {"test -d node_modules/@aws-sdk/client-cloudtrail && node --version", []string{"node", "testdata/stand_in.mjs"}},
	} {
		t.Run(name, func(t *testing.T) {
			if output, err := exec.Command("bash", "-c", client.needs).CombinedOutput(); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatalf("it is not installed: %s", output)
				}
				t.Skipf("it is not installed: %s", output)
			}
			command := exec.Command(client.program[0], append(client.program[1:], url)...)
			var stderr bytes.Buffer
			command.Stderr = &stderr
			output, err := command.Output()
			require.NoError(t, err, stderr.String()+string(output))
			assert.Equal(t, "done\n", string(output))
		})
	}
	if !t.Failed() && os.Getenv("CI") != "" {
		assert.Contains(t, log(), "DescribeTrails eu-south-2 → 200")
		assert.Contains(t, log(), "DeleteEventDataStore ca-west-1 arn:aws:cloudtrail:ca-west-1:222222222222:eventdatastore/")
		assert.Contains(t, log(), " → 400 EventDataStoreTerminationProtectedException ")
		assert.NotContains(t, log(), "Signature", "no line has what requests are signed with")
	}
}
