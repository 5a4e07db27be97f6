// Package mototest starts a real moto server for tests.
package mototest

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Start runs a moto server on a free port of the loopback address until the test is over, and returns
// its URL. Without moto the test is skipped, or fails where the environment has CI.
func Start(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("moto_server")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("moto_server is not installed: pip install 'moto[server]'")
		}
		t.Skip("moto_server is not installed: pip install 'moto[server]'")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	cmd := exec.CommandContext(t.Context(), path, "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // it was killed with the context
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	for range 300 {
		if answer, err := http.Get(url + "/moto-api/"); err == nil {
			answer.Body.Close()
			return url
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("moto does not answer at %s", url)
	return ""
}
