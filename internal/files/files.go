// Package files reads files within bounds, and replaces them so that a reader never finds half of one.
package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Read reads a regular file of at most so many bytes, or stdin where there is one and the path is "-". Anything else that
// has a path, such as a pipe or a device, is refused unopened: it may never end. Nothing is waited for once ctx has ended.
func Read(ctx context.Context, stdin io.Reader, path string, most int64) ([]byte, error) {
	var data []byte
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		data, err = read(stdin, path, most)
	}()
	select {
	case <-done:
		return data, err
	case <-ctx.Done():
		return nil, fmt.Errorf("interrupted while reading %s: %w", path, ctx.Err())
	}
}

// kinds names what is no regular file, nor a device.
var kinds = map[fs.FileMode]string{fs.ModeDir: "a directory", fs.ModeNamedPipe: "a pipe", fs.ModeSocket: "a socket"}

func read(in io.Reader, path string, most int64) ([]byte, error) {
	var data bytes.Buffer
	if path != "-" || in == nil {
		info, problem := os.Stat(path)
		if problem == nil && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is %s; give the path of a file", path, cmp.Or(kinds[info.Mode().Type()], "a device"))
		}
		file, err := os.Open(path)
		if err = cmp.Or(err, problem); err != nil {
			return nil, fmt.Errorf("%w; give the path of a readable file", err)
		}
		defer file.Close()
		in = file
		data.Grow(int(min(info.Size(), most)) + bytes.MinRead)
	}
	n, err := data.ReadFrom(io.LimitReader(in, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("%s is larger than %d MiB, the most that is read of it; give the file that was meant", path, most>>20)
	}
	return data.Bytes(), err
}

// CheckWritable finds out whether Write could write the file, and leaves no trace.
func CheckWritable(path string) error {
	file, direct, err := destination(path)
	if err != nil || direct {
		return err
	}
	temporary, err := createBeside(file)
	if err != nil {
		return err
	}
	return errors.Join(temporary.Close(), os.Remove(temporary.Name()))
}

// CheckFolder finds out whether files could be written into a folder, which may be missing, and leaves no trace.
func CheckFolder(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path {
		return CheckFolder(filepath.Dir(path)) // where it will be made
	}
	return CheckWritable(filepath.Join(path, "conform.tmp"))
}

// Write replaces a file by what render writes, or leaves it as it was.
func Write(path string, render func(io.Writer) error) (err error) {
	file, direct, err := destination(path)
	if err != nil {
		return err
	}
	if direct {
		device, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|syscall.O_NONBLOCK, 0) // waits for no reader
		if err != nil {
			return err
		}
		return errors.Join(render(device), device.Close())
	}
	temporary, err := createBeside(file)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			temporary.Close() // a second Close does no harm
			os.Remove(temporary.Name())
		}
	}()
	if err := render(temporary); err != nil {
		return err
	}
	if info, err := os.Stat(file); err == nil {
		if err := temporary.Chmod(info.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := errors.Join(temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}

// Partial names a file beside one that is to be written little by little, and what replaces the one by the other when it is
// whole. A device or a pipe is written in place.
func Partial(path string) (partial string, replace func() error, err error) {
	file, direct, err := destination(path)
	if err != nil || direct {
		return file, func() error { return nil }, err
	}
	partial = file + ".partial"
	return partial, func() error { return os.Rename(partial, file) }, nil
}

// InPlace reports whether Write writes into what is there, such as a device or a pipe, instead of replacing a file.
func InPlace(path string) bool {
	_, direct, err := destination(path)
	return direct && err == nil
}

// destination follows symbolic links, and says whether the file is a device or a pipe, to be written in place.
func destination(path string) (file string, direct bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, false, nil
	case err != nil:
		return "", false, err
	case info.Mode()&(fs.ModeDir|fs.ModeSocket) != 0:
		return "", false, &fs.PathError{Op: "write", Path: path, Err: errors.New("is " + kinds[info.Mode().Type()])}
	case !info.Mode().IsRegular(), strings.HasPrefix(path, "/dev/"), strings.HasPrefix(path, "/proc/"):
		return path, true, nil
	}
	file, err = filepath.EvalSymlinks(path)
	return file, false, err
}

// createBeside makes an empty file in the same directory, with the permissions of any new file.
func createBeside(path string) (*os.File, error) {
	directory, base := filepath.Split(path)
	if base == "" {
		return nil, &fs.PathError{Op: "write", Path: path, Err: errors.New("is a directory")}
	}
	for {
		name := filepath.Join(directory, fmt.Sprintf(".conform-%08x.tmp", rand.Uint32()))
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if cause, ok := errors.AsType[*fs.PathError](err); ok { // people know the report, not the file beside it
			err = &fs.PathError{Op: "write", Path: path, Err: cause.Err}
		}
		return file, err
	}
}
