// Package files replaces files so that a reader never finds half of one.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

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

// Write replaces a file by what render writes, or leaves it as it was.
func Write(path string, render func(io.Writer) error) (err error) {
	file, direct, err := destination(path)
	if err != nil {
		return err
	}
	if direct {
		device, err := os.OpenFile(file, os.O_WRONLY, 0)
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
	case info.IsDir():
		return "", false, &fs.PathError{Op: "write", Path: path, Err: errors.New("is a directory")}
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
