package conform_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/insightconform/conform"

// architecture lists the rooms of the module from the top of the house to its ground, and what each may
// import. A room may only import rooms that stand below it in the list, so that there is no circle; it
// has all packages below its path that are no rooms of their own. "." is the root package.
var architecture = []struct {
	room string
	may  string
}{
	{"cmd/conform", ". internal/selftest internal/learn internal/proxy internal/judge internal/run internal/explore internal/vectors internal/files reports targets/embedded targets/account targets/endpoint targets generators/machine model"},
	{"internal/selftest", ". reports targets/embedded targets generators/catalogue generators model"},
	{".", "internal/run internal/property internal/explore internal/probe reports targets model"},

	{"internal/run", "internal/judge internal/explore internal/concurrent internal/diagnose internal/probe internal/session reports targets model"},
	{"internal/proxy", "internal/judge internal/files reports targets/endpoint targets model"},
	{"internal/learn", "internal/diagnose internal/probe internal/session reports targets generators/catalogue generators model"},
	{"internal/property", "internal/diagnose internal/probe internal/session reports targets generators model"},
	{"internal/explore", "internal/files internal/concurrent internal/diagnose internal/probe internal/session reports targets generators/machine generators/catalogue generators model"},
	{"internal/judge", "internal/session internal/files reports targets generators model"},
	{"internal/concurrent", "internal/session reports targets generators model"},
	{"internal/diagnose", "internal/session reports targets generators/catalogue generators model"},
	{"internal/probe", "internal/session reports targets generators model"},
	{"internal/session", "reports targets generators model"},
	{"internal/vectors", "internal/files model"},
	{"internal/golden", ""},
	{"internal/testing", "targets model"},

	{"reports", "internal/files targets model"},
	{"targets/embedded", "targets/endpoint targets model"},
	{"targets/account", "internal/files targets/endpoint targets generators model"},
	{"targets/endpoint", "targets generators model"},
	{"targets", "generators model"},
	{"generators/machine", "generators/catalogue generators model"},
	{"generators/catalogue", "generators model"},
	{"generators", "model"},
	{"model", ""},
	{"internal/files", ""},
}

// roomOf is the index of the room that a package belongs to, -1 where it belongs to none.
func roomOf(pkg string) int {
	best := -1
	for i, x := range architecture {
		if (pkg == x.room || strings.HasPrefix(pkg, x.room+"/")) && (best < 0 || len(x.room) > len(architecture[best].room)) {
			best = i
		}
	}
	return best
}

// TestArchitecture: every arrow runs down, and none is drawn that the table does not have.
func TestArchitecture(t *testing.T) {
	for i, x := range architecture {
		for _, below := range strings.Fields(x.may) {
			assert.Greater(t, slices.IndexFunc(architecture, func(y struct{ room, may string }) bool { return y.room == below }), i, "%s → %s", x.room, below)
		}
	}
	used := map[string]bool{}
	for _, p := range packages(t) {
		name := relative(p.ImportPath)
		from := roomOf(name)
		if !assert.GreaterOrEqual(t, from, 0, "%s belongs to no room of the table", name) {
			continue
		}
		for _, path := range p.Imports {
			if path != modulePath && !strings.HasPrefix(path, modulePath+"/") {
				continue
			}
			to := roomOf(relative(path))
			if to == from {
				continue
			}
			allowed := to >= 0 && slices.Contains(strings.Fields(architecture[from].may), architecture[to].room)
			assert.True(t, allowed, "%s must not import %s", name, relative(path))
			used[architecture[from].room+" → "+architecture[max(to, 0)].room] = true
		}
	}
	for _, x := range architecture {
		for _, below := range strings.Fields(x.may) {
			assert.True(t, used[x.room+" → "+below], "the table allows %s → %s, which nothing needs", x.room, below)
		}
	}
}

func relative(path string) string {
	if path == modulePath {
		return "."
	}
	return strings.TrimPrefix(path, modulePath+"/")
}

type listedPackage struct {
	ImportPath, Dir string
	Imports         []string
	GoFiles         []string
}

// packages lists the packages of the module as the go command sees them.
func packages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles", "./...").Output()
	require.NoError(t, err)
	var all []listedPackage
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p listedPackage
		if err := decoder.Decode(&p); err == io.EOF {
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}
