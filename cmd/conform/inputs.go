package main

import (
	"io"
	"os"

	"github.com/insightconform/conform/internal/files"
)

const (
	maxFile   = 1 << 20   // of a file that people write: a configuration, an error order
	maxReport = 512 << 20 // of what is read as a report, so that a slip of the finger does not fill the memory
)

// readSmallFile reads a file that a person wrote and a setting names; anything else is wrong usage.
func readSmallFile(setting, path string) ([]byte, error) {
	flag := "--" + setting + ": "
	file, err := openFile(flag, path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	switch {
	case err != nil:
		return nil, usagef("%s%w; give the path of a readable file", flag, err)
	case len(data) > maxFile:
		return nil, usagef("%s%s is larger than %d bytes; give the file that was meant", flag, path, maxFile)
	}
	return data, nil
}

// openFile opens what is to be read and no directory. Its errors begin with the given words.
func openFile(words, path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, usagef("%s%w; give the path of a readable file", words, err)
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		file.Close()
		return nil, usagef("%s%s is a directory; give the path of a file", words, path)
	}
	return file, nil
}

// readWholeFile reads a file that conform may have written; anything else is wrong usage.
func readWholeFile(path string) ([]byte, error) {
	file, err := openFile("", path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readWhole(file, path)
}

func readWhole(in io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxReport+1))
	switch {
	case err != nil:
		return nil, usagef("%s: %w", name, err)
	case len(data) > maxReport:
		return nil, usagef("%s is larger than %d bytes, so it cannot be what was meant", name, maxReport)
	}
	return data, nil
}

// mustBeWritable sees that the file of a setting can be written, where there is one. words begin the error,
// and remedy ends it.
func mustBeWritable(words, path, remedy string) error {
	if path == "" {
		return nil
	}
	if err := files.CheckWritable(path); err != nil {
		return usagef("%s: %w%s", words, err, remedy)
	}
	return nil
}
