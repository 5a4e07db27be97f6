package judge_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
	"github.com/insightconform/conform/internal/judge"
	"github.com/insightconform/conform/internal/judge/recorded"
	"github.com/insightconform/conform/internal/testing/choices"
	"github.com/insightconform/conform/internal/testing/recording"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/embedded"
)

// callsOf are what a run says to a server over HTTP, and hears.
func callsOf(t *testing.T, server embedded.ServerOptions, o conform.Options) []recording.Call {
	t.Helper()
	var recorder recording.Recorder
	target := embedded.NewTarget(embedded.Options{ServerOptions: server, Wrap: func(s *embedded.Server) http.Handler { return recorder.Handler(s) }})
	_, err := conform.Run(t.Context(), target, o)
	require.NoError(t, err)
	return withOwnStores(recorder.Calls())
}

var storeID = regexp.MustCompile(`c0f00000-0000-4000-9000-[0-9]{12}`)

// withOwnStores gives each event data store an ID of its own: the embedded server forgets an account that is used again,
// and begins to count anew, which the service does not.
func withOwnStores(calls []recording.Call) []recording.Call {
	generation, made := 0, map[string]bool{}
	for i := range calls {
		c := &calls[i]
		if strings.HasSuffix(c.Request.Get("X-Amz-Target"), ".CreateEventDataStore") {
			if id := storeID.FindString(string(c.Received)); made[id] {
				generation, made = generation+1, map[string]bool{id: true}
			} else {
				made[id] = true
			}
		}
		own := func(text []byte) []byte {
			return storeID.ReplaceAllFunc(text, func(id []byte) []byte { return fmt.Appendf(nil, "c0f00000-0000-4%03x-9000-%s", generation, id[24:]) })
		}
		c.Sent, c.Received = own(c.Sent), own(c.Received)
	}
	return calls
}

// readAndJudged judges what is in a file or folder.
func readAndJudged(t testing.TB, path string) *judge.Judgement {
	t.Helper()
	j := judge.New(0)
	_, err := recorded.Read(t.Context(), []string{path}, recorded.Options{},
		func(x recorded.Exchange) error { j.Exchange(x); return nil }, func(g recorded.Gap) error { j.Gap(g); return nil })
	require.NoError(t, err)
	j.Finish()
	return j
}

// written are the formats in which a run is written down.
func written(t *testing.T, calls []recording.Call, seed uint64) map[string]string {
	t.Helper()
	folder := t.TempDir()
	begin := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	out := map[string]string{}
	for name, content := range map[string][]byte{
		"har": recording.HAR(calls, recording.HTTPOptions{}), "vcrpy": recording.VCRPy(calls, recording.HTTPOptions{}, false),
		"go-vcr": recording.GoVCR(calls, recording.HTTPOptions{}, 2),
		"lookup": recording.Lookup(recording.Timed(calls, begin, 2*time.Second), seed, "700000000000", "us-east-1"),
	} {
		out[name] = filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(out[name], content, 0o600))
	}
	for step, name := range map[time.Duration]string{300 * time.Millisecond: "fast logs", 90 * time.Second: "slow logs"} {
		out[name] = filepath.Join(folder, name)
		require.NoError(t, recording.Logs(out[name], recording.Timed(calls, begin, step), recording.LogOptions{Seed: seed, Shuffle: true, Double: true}))
	}
	return out
}

// inCI is how often something is tried where time is no matter.
func inCI(ci, else_ int) int {
	if os.Getenv("CI") != "" {
		return ci
	}
	return else_
}

// ofTheService takes accepted branches at random that the service may take: it makes no trail twice, which is what a log
// without a beginning rests on.
func ofTheService(seed uint64) choices.Chooser {
	return choices.But(model.TrailCreateExisting, choices.Random(seed, 0))
}

// TestRecordingsOfRightServers: whatever accepted branch a server takes, no recording of it contradicts a rule, in any format.
func TestRecordingsOfRightServers(t *testing.T) {
	t.Parallel()
	for seed := range uint64(inCI(6, 2)) {
		calls := callsOf(t, embedded.ServerOptions{Chooser: ofTheService(seed)}, conform.Options{Seed: seed + 1, Requests: 300, Workers: 1})
		for name, path := range written(t, calls, seed) {
			j := readAndJudged(t, path)
			requireNone(t, fmt.Sprintf("seed %d, %s", seed, name), j)
			assert.Greater(t, j.Judged, 100, "seed %d, %s: %v", seed, name, j.NotJudged)
		}
	}
}

// TestCutOutsOfLogs: wherever log files begin and end, and whichever are missing that digests tell of, nothing is accused.
func TestCutOutsOfLogs(t *testing.T) {
	t.Parallel()
	const each = 50
	for seed := range uint64(inCI(8, 1)) {
		calls := callsOf(t, embedded.ServerOptions{Chooser: ofTheService(seed)}, conform.Options{Seed: seed + 1, Requests: 200, Workers: 1})
		random := rand.New(rand.NewPCG(seed, 2))
		begin := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
		for i := range each {
			folder := t.TempDir()
			from := random.IntN(len(calls) / 2)
			part := calls[from : from+len(calls)/4+random.IntN(len(calls)/4)]
			step := time.Duration(200+random.IntN(60_000)) * time.Millisecond
			require.NoError(t, recording.Logs(folder, recording.Timed(part, begin, step),
				recording.LogOptions{Seed: seed, Shuffle: true, Double: true, Noise: i%2 == 0, Digests: true, PerFile: 5 + random.IntN(20)}))
			removed := 0
			require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && !entry.IsDir() && !strings.Contains(path, "Digest") && random.IntN(6) == 0 {
					removed++
					return os.Remove(path)
				}
				return err
			}))
			requireNone(t, fmt.Sprintf("seed %d, cut-out %d, %d files missing", seed, i, removed), readAndJudged(t, folder))
		}
	}
}

// unlogged are the faults of error codes that logs do not show, and why.
var unlogged = map[string]string{
	"trail/other-account/wrong-code": anotherAccount, "store/other-account/wrong-code": anotherAccount, "store/other-account/ignored": anotherAccount,
	"trail/not-found/ignored": neverNamed, "store/not-found/ignored": neverNamed,
}

const (
	anotherAccount = "another account may be that of an organization"
	neverNamed     = "what was not named before may be there"
)

// asLogged are calls as a log tells of them, more than a minute apart.
func asLogged(list []recorded.Exchange) []recorded.Exchange {
	list = slices.Clone(list)
	at := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	for i := range list {
		x := &list[i]
		x.Format, x.Account, x.Service, x.Start, x.End = recorded.FormatLog, "123456789012", true, at, at.Add(time.Second-1)
		x.Bare = x.Request.Op.Reads() && x.Reply.Answer.Outcome == model.Succeeded
		x.Reply.Objections, x.Reply.Status, x.Reply.Body = nil, 0, value.Value{}
		at = at.Add(70 * time.Second)
	}
	return list
}

// TestLogsShowWrongCodes: a wrong code, and a success in place of a refusal, is found in log files.
func TestLogsShowWrongCodes(t *testing.T) {
	t.Parallel()
	n := 0
	for _, f := range embedded.Faults {
		if f.Deep || f.Computed || !strings.HasSuffix(f.Name, "/ignored") && !strings.HasSuffix(f.Name, "/wrong-code") {
			continue
		}
		if n++; n%inCI(2, 8) != 0 {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			found := false
			for _, list := range record(t, embedded.ServerOptions{Fault: f.Name}, conform.Options{Seed: 1, Workers: 1, StopAtFirst: true}) {
				found = found || len(judgeAll([][]recorded.Exchange{asLogged(list)}).Found) > 0
			}
			assert.True(t, found || unlogged[f.Name] != "")
		})
	}
}
