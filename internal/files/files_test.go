package files

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestWriteReplacesAtomically(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report.json")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o640))

	failure := errors.New("no more ink")
	err := Write(path, func(w io.Writer) error {
		io.WriteString(w, "half")
		return failure
	})
	assert.ErrorIs(t, err, failure)
	kept, _ := os.ReadFile(path)
	assert.Equal(t, "old", string(kept))
	assert.Equal(t, []string{"report.json"}, entries(t, dir))

	assert.PanicsWithValue(t, "render", func() { Write(path, func(io.Writer) error { panic("render") }) })

	require.NoError(t, CheckWritable(path))
	require.NoError(t, Write(path, func(w io.Writer) error { _, err := io.WriteString(w, "{}"); return err }))
	written, _ := os.ReadFile(path)
	assert.Equal(t, "{}", string(written))
	info, _ := os.Stat(path)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
}

func TestWriteThroughLinksAndDevices(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	require.NoError(t, os.Symlink(file, link))
	hello := func(w io.Writer) error { _, err := io.WriteString(w, "hello"); return err }
	require.NoError(t, Write(link, hello))
	written, _ := os.ReadFile(file)
	assert.Equal(t, "hello", string(written))
	info, _ := os.Lstat(link)
	assert.NotZero(t, info.Mode()&os.ModeSymlink)

	require.NoError(t, CheckWritable("/dev/null"))
	require.NoError(t, Write("/dev/null", hello))
	info, _ = os.Stat("/dev/null")
	assert.NotZero(t, info.Mode()&os.ModeDevice, "still a device")
}

func TestCheckWritableRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	for path, want := range map[string]string{
		dir:                                            "is a directory",
		filepath.Join(dir, "none", "r.json"):           "no such file or directory",
		filepath.Join(dir, "none") + "/":               "is a directory",
		filepath.Join(file, "r.json"):                  "not a directory",
		filepath.Join(dir, strings.Repeat("x", 300)):   "file name too long",
		filepath.Join(dir, "report.json") + "\x00.exe": "invalid argument",
	} {
		err := CheckWritable(path)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), ".tmp")
	}
	assert.Equal(t, []string{"file"}, entries(t, dir))
}
