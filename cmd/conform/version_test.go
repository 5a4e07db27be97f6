package main

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/insightconform/conform"

// TestInstalledVersion installs the command as its users do, by its path and a version, and asks it which
// one it is. The version comes from a module proxy of files, made from the working tree.
func TestInstalledVersion(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command as a module of its own")
	}
	if _, err := exec.Command("git", "-C", repository, "rev-parse").Output(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("the working tree is no git repository: ", err)
		}
		t.Skip("the working tree is no git repository: ", err)
	}
	version := fmt.Sprintf("v0.0.0-test.%d", time.Now().UnixNano()) // never met before, so never cached
	proxy := moduleProxy(t, version)
	cache := goEnvironment(t, "GOMODCACHE")
	t.Cleanup(func() { // the version was only for this test
		os.RemoveAll(filepath.Join(cache, modulePath+"@"+version))
		leftovers, _ := filepath.Glob(filepath.Join(cache, "cache", "download", modulePath, "@v", version+".*"))
		for _, file := range leftovers {
			os.Remove(file)
		}
		list := filepath.Join(cache, "cache", "download", modulePath, "@v", "list")
		if known, err := os.ReadFile(list); err == nil {
			os.WriteFile(list, []byte(strings.ReplaceAll(string(known), version+"\n", "")), 0o666)
		}
	})

	bin := t.TempDir()
	install := exec.CommandContext(t.Context(), "go", "install", modulePath+"/cmd/conform@"+version)
	install.Dir = t.TempDir()
	install.Env = append(os.Environ(), "GOBIN="+bin, "GOPROXY=file://"+filepath.ToSlash(proxy)+","+goEnvironment(t, "GOPROXY"),
		"GOFLAGS=-modcacherw", "GOPRIVATE=", "GONOPROXY=", "GOSUMDB=off", "GOWORK=off")
	output, err := install.CombinedOutput()
	require.NoError(t, err, string(output))

	output, err = exec.CommandContext(t.Context(), filepath.Join(bin, "conform"), "--version").CombinedOutput()
	require.NoError(t, err)
	assert.Regexp(t, `^conform `+version+`, go1\.\d+\S*\n$`, string(output))
	shown, err := exec.CommandContext(t.Context(), filepath.Join(bin, "conform"), "run", "--requests", "60", "--traces", "none").Output()
	assert.Error(t, err, "too few requests for a verdict")
	assert.Contains(t, string(shown), "conform "+version+" · embedded ")
}

func goEnvironment(t *testing.T, name string) string {
	t.Helper()
	value, err := exec.Command("go", "env", name).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(value))
}

// moduleProxy makes a folder that serves the working tree as one version of the module.
func moduleProxy(t *testing.T, version string) string {
	t.Helper()
	proxy := t.TempDir()
	versions := filepath.Join(proxy, modulePath, "@v")
	require.NoError(t, os.MkdirAll(versions, 0o777))
	put := func(extension, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(versions, version+extension), []byte(text), 0o666))
	}
	put(".info", fmt.Sprintf(`{"Version":%q,"Time":"2020-01-01T00:00:00Z"}`, version))
	put(".mod", page(t, "go.mod"))
	require.NoError(t, os.WriteFile(filepath.Join(versions, "list"), []byte(version+"\n"), 0o666))

	archive, err := os.Create(filepath.Join(versions, version+".zip"))
	require.NoError(t, err)
	defer archive.Close()
	w := zip.NewWriter(archive)
	tracked, err := exec.Command("git", "-C", repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimRight(string(tracked), "\x00"), "\x00") {
		if strings.HasPrefix(name, "bench/") || strings.HasPrefix(name, "e2e/") {
			continue // modules of their own, which no version of this one has
		}
		file, err := os.Open(filepath.Join(repository, name))
		if os.IsNotExist(err) {
			continue // removed, and not yet committed
		}
		require.NoError(t, err)
		entry, err := w.Create(modulePath + "@" + version + "/" + name)
		require.NoError(t, err)
		_, err = io.Copy(entry, file)
		require.NoError(t, err)
		require.NoError(t, file.Close())
	}
	require.NoError(t, w.Close())
	return proxy
}

// TestRevision: a build from a checkout says which revision it is, and whether there were changes.
func TestRevision(t *testing.T) {
	settings := []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "27c0e640"},
		{Key: "vcs.time", Value: "2026-11-30T06:58:32Z"}, {Key: "vcs.modified", Value: "false"}}
	assert.Equal(t, "revision 27c0e640 of 2026-11-30T06:58:32Z", revision(settings))
	settings[3].Value = "true"
	assert.Equal(t, "revision 27c0e640 of 2026-11-30T06:58:32Z, with uncommitted changes", revision(settings))
	assert.Empty(t, revision(settings[:1]), "a build without the repository")
}
