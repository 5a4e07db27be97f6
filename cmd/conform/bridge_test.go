package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/reports"
)

// pythonMock is a mock as some application might have it; REPLACE says how a Put stores its list.
const pythonMock = `
class Error(Exception):
    def __init__(self, code):
        self.code = code

class CloudTrail:
    def __init__(self):
        self.trails = {}

    def find(self, name):
        short = name.rpartition("/")[2]
        if short not in self.trails:
            raise Error("TrailNotFoundException")
        return short

    def create_trail(self, Name, **_):
        self.trails[Name] = []
        return {"Name": Name, "TrailARN": self.arn(Name)}

    def delete_trail(self, Name):
        del self.trails[self.find(Name)]
        return {}

    def arn(self, name):
        return "arn:aws:cloudtrail:us-east-1:123456789012:trail/" + name

    def put_insight_selectors(self, TrailName, InsightSelectors):
        name = self.find(TrailName)
        self.trails[name] = REPLACE
        return {"TrailARN": self.arn(name), "InsightSelectors": self.trails[name]}

    def get_insight_selectors(self, TrailName):
        name = self.find(TrailName)
        if not self.trails[name]:
            raise Error("InsightNotEnabledException")
        return {"TrailARN": self.arn(name), "InsightSelectors": self.trails[name]}
`

// TestBridgeOfThePage serves a mock of another language by the bridge of the page, a right one and a wrong one.
func TestBridgeOfThePage(t *testing.T) {
	block := regexp.MustCompile("(?s)```python\n(.*?)```").FindStringSubmatch(page(t, "docs/testing-a-go-mock.md"))
	require.NotNil(t, block)
	code := regexp.MustCompile(`(?m)^\s*\S`).FindAllString(block[1], -1)
	assert.LessOrEqual(t, len(code), 32, "the bridge is short")
	for replace, want := range map[string]int{"InsightSelectors": reports.ExitConforms, "self.trails[name] + InsightSelectors": reports.ExitDiverges} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "bridge.py"), []byte(block[1]), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "mock_cloudtrail.py"), []byte(strings.Replace(pythonMock, "REPLACE", replace, 1)), 0o600))
		free, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		address := free.Addr().String()
		free.Close()
		bridge := exec.CommandContext(t.Context(), "python3", "bridge.py", address[strings.LastIndexByte(address, ':')+1:])
		bridge.Dir, bridge.Stderr = dir, io.Discard
		bridge.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
		require.NoError(t, bridge.Start())
		t.Cleanup(func() { bridge.Wait() }) // the context of a test ends before its clean-up
		got := command(t, "run", "--endpoint", "http://"+address, "--wait", "20s", "--suite", "systematic", "--requests", "400", "--seed", "1", "--traces", "none",
			"--only", "put/replaces-list,put/empty-disables,get/not-enabled")
		assert.Equal(t, want, got.code, "%s\n%s%s", replace, got.stdout, got.stderr)
		if want == reports.ExitDiverges {
			assert.Contains(t, got.stdout, "put/replaces-list")
		}
	}
}
