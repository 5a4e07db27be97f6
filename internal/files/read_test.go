package files

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadRefuses: what is no regular file, or too large, is refused at once, whatever it would give.
func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, syscall.Mkfifo(at("pipe"), 0o600))
	require.NoError(t, os.Symlink("/dev/zero", at("zero")))
	require.NoError(t, os.Symlink(at("pipe"), at("link")))
	listener, err := net.Listen("unix", at("socket"))
	require.NoError(t, err)
	defer listener.Close()
	require.NoError(t, os.WriteFile(at("large"), make([]byte, 1<<20+1), 0o600))
	require.NoError(t, os.WriteFile(at("right"), make([]byte, 1<<20), 0o600))
	for path, want := range map[string]string{
		dir: " is a directory; give", at("pipe"): " is a pipe; give", at("zero"): " is a device; give", at("link"): " is a pipe; give",
		at("socket"): " is a socket; give", at("large"): " is larger than 1 MiB", at("none"): "no such file or directory; give", "-": "no such file",
	} {
		_, err := Read(t.Context(), nil, path, 1<<20)
		assert.ErrorContains(t, err, want, path)
	}
	data, err := Read(t.Context(), nil, at("right"), 1<<20)
	require.NoError(t, err)
	assert.Len(t, data, 1<<20)
	data, err = Read(t.Context(), strings.NewReader("in"), "-", 2)
	require.NoError(t, err)
	assert.Equal(t, "in", string(data))
	_, err = Read(t.Context(), endless{}, "-", 1<<20)
	assert.ErrorContains(t, err, "larger than 1 MiB")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestReadEndsWithItsContext, although what is read from never does.
func TestReadEndsWithItsContext(t *testing.T) {
	never, hold := io.Pipe()
	defer hold.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Read(ctx, never, "-", 100)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "interrupted while reading -")
}

// TestCheckFolder finds what keeps files from being written, and makes nothing.
func TestCheckFolder(t *testing.T) {
	dir := t.TempDir()
	file, dangling := filepath.Join(dir, "file"), filepath.Join(dir, "dangling")
	require.NoError(t, os.WriteFile(file, []byte("kept"), 0o600))
	require.NoError(t, os.Symlink(filepath.Join(dir, "gone"), dangling))
	for _, path := range []string{file, filepath.Join(file, "traces"), filepath.Join(file, "a", "b"), dangling, filepath.Join(dangling, "a"), "/proc/conform-traces"} {
		assert.Error(t, CheckFolder(path), path)
	}
	for _, path := range []string{dir, filepath.Join(dir, "new"), filepath.Join(dir, "a", "b", "c"), "."} {
		assert.NoError(t, CheckFolder(path), path)
	}
	assert.Equal(t, []string{"dangling", "file"}, entries(t, dir))
	kept, _ := os.ReadFile(file)
	assert.Equal(t, "kept", string(kept))
}

// TestWriteToAPipe: what is read is written to, and waits for nobody where it is not.
func TestWriteToAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	all := func(w io.Writer) error { _, err := io.WriteString(w, "all"); return err }
	require.NoError(t, CheckWritable(pipe), "which may yet be read")
	require.ErrorIs(t, Write(pipe, all), syscall.ENXIO)
	reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer reader.Close()
	require.NoError(t, CheckWritable(pipe))
	require.NoError(t, Write(pipe, all))
	data, err := io.ReadAll(reader)
	require.NoError(t, err)
	assert.Equal(t, "all", string(data))
}
