package vectors

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/insightconform/conform/internal/files"
)

//go:embed runners/python/test_vectors.py runners/javascript/vectors.test.mjs
var runners embed.FS

// ErrFolder is the class of errors that say that a folder is no place for a set, or holds none.
var ErrFolder = errors.New("no folder of vectors")

// contents lists the files of this version's set, runners too, and reads them.
func contents() (map[string][]byte, error) {
	out := map[string][]byte{}
	read := func(from fs.FS) error {
		return fs.WalkDir(from, ".", func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				out[path], err = fs.ReadFile(from, path)
			}
			return err
		})
	}
	return out, errors.Join(read(Files()), read(runners))
}

// staged begins the name of the folder in which a set is written before it takes the place of an older one.
const staged = ".conform-vectors-"

// Write writes the set of this version into a folder, which may be missing, empty, or hold an older set: that is
// replaced. Files that are of no set are left alone and refused. All is written aside first, and the index comes last:
// where there is no room, an older set stays, and at no moment is half a set taken for one.
func Write(dir string) (err error) {
	all, err := contents()
	if err != nil {
		return err
	}
	old, err := present(dir, all)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	stage, err := os.MkdirTemp(dir, staged)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	names := slices.Sorted(maps.Keys(all))
	for _, name := range names {
		if err := put(stage, name, all[name]); err != nil {
			return err
		}
	}
	if err := remove(dir, IndexFile); err != nil {
		return err
	}
	for _, name := range old { // of families that this set does not have
		if _, kept := all[name]; !kept {
			if err := remove(dir, name); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return strings.Compare(lastOf(a), lastOf(b)) })
	for _, name := range names {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(stage, filepath.FromSlash(name)), to); err != nil {
			return err
		}
	}
	return nil
}

// lastOf puts the index behind all that it speaks of.
func lastOf(name string) string {
	if name == IndexFile {
		return "1"
	}
	return "0"
}

func put(dir, name string, data []byte) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return files.Write(path, func(w io.Writer) error { _, err := w.Write(data); return err })
}

func remove(dir, name string) error {
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// present lists the files that a folder has of an older set. What is of none is an error.
func present(dir string, all map[string][]byte) (old []string, err error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%w: %s is no folder", ErrFolder, dir)
	}
	if set, err := Read(os.DirFS(dir)); err == nil {
		old = set.Index.Files
	}
	err = fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		_, known := all[path]
		switch {
		case entry.IsDir() && strings.HasPrefix(path, staged): // of a writer that was killed
			return fs.SkipDir
		case entry.IsDir() && (entry.Name() == "__pycache__" || entry.Name() == ".pytest_cache"): // what running it leaves
			return fs.SkipDir
		case entry.IsDir() || known || slices.Contains(old, path):
			return nil
		}
		return fmt.Errorf("%w: %s has %s, which is of no set; give a folder that is empty, or that holds an older set", ErrFolder, dir, path)
	})
	return old, err
}
