package recorded_test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/judge/recorded"
)

// writeLogs writes so many bytes of log records, compressed, of which every so manieth is of CloudTrail.
func writeLogs(t testing.TB, path string, size, every int) {
	t.Helper()
	out, err := os.Create(path)
	require.NoError(t, err)
	defer out.Close()
	packer, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	require.NoError(t, err)
	w := bufio.NewWriter(packer)
	padding := strings.Repeat(`{"name":"x","value":[1,2,3]},`, 40) + `{}`
	_, _ = io.WriteString(w, `{"Records":[`)
	for n, i := 0, 0; n < size; i++ {
		at := time.Date(2026, 3, 4, 0, 0, i/20, 0, time.UTC).Format(time.RFC3339)
		record := fmt.Sprintf(`{"eventTime":%q,"userIdentity":{"type":"IAMUser","accountId":"123456789012"},"eventSource":"s3.amazonaws.com",`+
			`"eventName":"GetObject","awsRegion":"us-east-1","requestParameters":{"list":[%s]},"responseElements":null,"eventID":"%d",`+
			`"recipientAccountId":"123456789012"}`, at, padding, i)
		if i%every == 0 {
			record = fmt.Sprintf(`{"eventTime":%q,"userIdentity":{"type":"IAMUser","accountId":"123456789012"},"eventSource":"cloudtrail.amazonaws.com",`+
				`"eventName":"PutInsightSelectors","awsRegion":"us-east-1","requestParameters":{"trailName":"trail-%d","insightSelectors":[]},`+
				`"responseElements":null,"eventID":"%d","recipientAccountId":"123456789012"}`, at, i, i)
		}
		if i > 0 {
			record = "," + record
		}
		written, _ := io.WriteString(w, record)
		n += written
	}
	_, _ = io.WriteString(w, `]}`)
	require.NoError(t, w.Flush())
	require.NoError(t, packer.Close())
}

// peak reads a file, and returns the most that the heap had meanwhile beyond what it had before.
func peak(t testing.TB, path string) (bytes uint64, sum recorded.Summary) {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	before, n := stats.HeapAlloc, 0
	look := func() {
		runtime.ReadMemStats(&stats)
		bytes = max(bytes, stats.HeapAlloc-min(before, stats.HeapAlloc))
	}
	sum, err := recorded.Read(t.Context(), []string{path}, recorded.Options{Progress: func(int64, int64) { look() }, TempDir: t.TempDir()},
		func(recorded.Exchange) error {
			if n++; n%1000 == 0 {
				look()
			}
			return nil
		}, func(recorded.Gap) error { return nil })
	require.NoError(t, err)
	return bytes, sum
}

// TestMemory: however much is read, the memory that it takes is bounded.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 80 MiB")
	}
	path := filepath.Join(t.TempDir(), "logs.json.gz")
	writeLogs(t, path, 80<<20, 2)
	bytes, sum := peak(t, path)
	t.Logf("%d MiB for %d records, %d of them of CloudTrail", bytes>>20, sum.Read, sum.Exchanges)
	assert.Less(t, bytes>>20, uint64(100))
	assert.Equal(t, (sum.Read+1)/2, sum.Exchanges)
}

// BenchmarkRead reads a GiB of log records, of which each thousandth is of CloudTrail.
func BenchmarkRead(b *testing.B) {
	const size = 1 << 30
	path := filepath.Join(b.TempDir(), "logs.json.gz")
	writeLogs(b, path, size, 1000)
	b.SetBytes(size)
	for b.Loop() {
		bytes, _ := peak(b, path)
		b.ReportMetric(float64(bytes>>20), "MiB")
	}
}
