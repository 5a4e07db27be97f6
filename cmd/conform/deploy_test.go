package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/targets/embedded"
)

const deployFolder = "../../deploy"

// manifest reads a file under deploy/ and returns its YAML documents.
func manifest(t *testing.T, name string) []map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(deployFolder, name))
	require.NoError(t, err)
	var documents []map[string]any
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		document := map[string]any{}
		err := decoder.Decode(&document)
		if err == io.EOF {
			return documents
		}
		require.NoError(t, err, name)
		documents = append(documents, document)
	}
}

// within walks into a document: keys of maps, indices of lists.
func within(t *testing.T, x any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch key := step.(type) {
		case string:
			m, ok := x.(map[string]any)
			require.True(t, ok, "%v of %v", step, path)
			x, ok = m[key]
			require.True(t, ok, "%v of %v", step, path)
		case int:
			list, ok := x.([]any)
			require.True(t, ok && key < len(list), "%v of %v", step, path)
			x = list[key]
		}
	}
	return x
}

func texts(t *testing.T, x any) []string {
	t.Helper()
	list, ok := x.([]any)
	require.True(t, ok)
	var out []string
	for _, item := range list {
		out = append(out, item.(string))
	}
	return out
}

// comingCommands and comingFlags are what manifests use and the command may not have yet.
var (
	comingCommands []string
	comingFlags    []string
)

// requireUnderstood parses arguments with the real command's flags, without running it.
func requireUnderstood(t *testing.T, args []string) {
	t.Helper()
	root := (&process{wiring: production, stdout: io.Discard, stderr: io.Discard, environ: map[string]string{}}).rootCommand()
	cmd, rest, err := root.Find(args)
	if (err != nil || cmd == root) && slices.Contains(comingCommands, args[0]) {
		return
	}
	require.NoError(t, err, "%v", args)
	require.NotEqual(t, root, cmd, "%v", args)
	// A target that is to come makes the others unusable too: each flag is looked at by itself.
	for i := 0; i < len(rest); i++ {
		name, value, given := strings.Cut(strings.TrimPrefix(rest[i], "--"), "=")
		require.True(t, strings.HasPrefix(rest[i], "--"), "%q in %v", rest[i], args)
		flag := cmd.Flags().Lookup(name)
		if flag == nil {
			require.Contains(t, comingFlags, name, "%v", args)
		}
		if flag != nil && flag.NoOptDefVal != "" {
			continue
		}
		if !given && (flag != nil || name != "yes") {
			i++
			require.Less(t, i, len(rest), "%v", args)
			value = rest[i]
		}
		if flag != nil && (name != "target" || value != "account") {
			require.NoError(t, setFlag(cmd, name, value), "%v", args)
		}
	}
}

func setFlag(cmd *cobra.Command, name, value string) error { return cmd.Flags().Set(name, value) }

func TestKubernetesJob(t *testing.T) {
	documents := manifest(t, "kubernetes-job.yaml")
	require.Len(t, documents, 2)
	job := documents[0]
	assert.Equal(t, "batch/v1", job["apiVersion"])
	assert.Equal(t, "Job", job["kind"])
	assert.Equal(t, "Indexed", within(t, job, "spec", "completionMode"))
	pod := within(t, job, "spec", "template", "spec")
	assert.Equal(t, "Never", within(t, pod, "restartPolicy"), "a Job needs Never or OnFailure, and a divergence is no failure to repeat")
	container := within(t, pod, "containers", 0)
	args := texts(t, within(t, container, "args"))
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$(JOB_COMPLETION_INDEX)", "0")
	}
	requireUnderstood(t, args)
	environ := map[string]string{"JOB_COMPLETION_INDEX": "3"} // which Kubernetes sets
	for _, variable := range within(t, container, "env").([]any) {
		if value, ok := variable.(map[string]any)["value"]; ok {
			environ[within(t, variable, "name").(string)] = value.(string)
		}
	}
	shard, err := shardFromEnvironment(environ)
	require.NoError(t, err)
	assert.Equal(t, 3, shard.Index)
	assert.Equal(t, within(t, job, "spec", "completions"), shard.Count, "the count that the environment tells is the Job's")
	claim := within(t, documents[1], "metadata", "name")
	assert.Equal(t, claim, within(t, pod, "volumes", 0, "persistentVolumeClaim", "claimName"))
	assert.Equal(t, 0, within(t, job, "spec", "backoffLimitPerIndex"), "a share that diverges stops no other")

	merge := manifest(t, "kubernetes-merge.yaml")
	require.Len(t, merge, 1)
	pod = within(t, merge[0], "spec", "template", "spec")
	assert.Equal(t, claim, within(t, pod, "volumes", 0, "persistentVolumeClaim", "claimName"))
	merged := texts(t, within(t, pod, "containers", 0, "args"))
	require.Equal(t, "merge", merged[0])
	for index := range shard.Count {
		written := strings.ReplaceAll(args[len(args)-1], "report-0.", fmt.Sprintf("report-%d.", index))
		require.Less(t, index+1, len(merged))
		assert.Equal(t, written, "--report=json="+merged[index+1], "the report of each share is merged")
	}
	requireUnderstood(t, append(merged[:1:1], merged[shard.Count+1:]...))
}

func TestGitHubWorkflow(t *testing.T) {
	documents := manifest(t, "github-nightly.yml")
	require.Len(t, documents, 1)
	workflow := documents[0]
	assert.NotEmpty(t, within(t, workflow, "on", "schedule", 0, "cron"))
	assert.Equal(t, map[string]any{"contents": "read", "id-token": "write"}, within(t, workflow, "permissions"))
	commands, uploads := 0, 0
	for _, step := range within(t, workflow, "jobs", "check", "steps").([]any) {
		if uses, ok := step.(map[string]any)["uses"].(string); ok {
			assert.Regexp(t, `^(actions|aws-actions)/[a-z-]+@v[0-9]+$`, uses)
			if strings.HasPrefix(uses, "actions/upload-artifact") {
				uploads++
				assert.Equal(t, "always()", step.(map[string]any)["if"])
				assert.Contains(t, within(t, step, "with", "path"), "conform.html")
			}
			continue
		}
		for _, command := range regexp.MustCompile(`conform (run|plan|sweep|report) .*`).FindAllString(within(t, step, "run").(string), -1) {
			command, _, _ = strings.Cut(command, " >> ")
			words := strings.Fields(strings.ReplaceAll(command, `${BASELINE:+--baseline "$BASELINE"}`, "--baseline conform-baseline.yaml"))
			commands++
			if words[1] == "report" {
				words = slices.Delete(words, 2, 3) // the file
			}
			requireUnderstood(t, words[1:])
		}
	}
	assert.Equal(t, 5, commands)
	assert.Equal(t, 1, uploads)
	variables := within(t, workflow, "jobs", "check", "env").(map[string]any)
	for name := range variables {
		assert.Contains(t, []string{"CONFORM_ACCOUNT", "CONFORM_REGIONS", "CONFORM_PREFIX"}, name)
	}
	assert.Contains(t, string(mustRead(t, "github-nightly.yml")), "go install github.com/insightconform/conform/cmd/conform@", "it works in any repository")
	assert.NotRegexp(t, `[0-9]{12}`, string(mustRead(t, "github-nightly.yml")), "no account id")
	assert.NotRegexp(t, `(?i)secret|access.key`, string(mustRead(t, "github-nightly.yml")))
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(deployFolder, name))
	require.NoError(t, err)
	return data
}

// buildCommand is the line of the Dockerfile that builds the binary, as a shell command to a path.
func buildCommand(t *testing.T, to string) string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .*) -o /conform (.*)$`).FindSubmatch(mustRead(t, "Dockerfile"))
	require.NotNil(t, line)
	return string(line[1]) + " -o " + to + " " + string(line[2])
}

// copySource copies what the build needs.
func copySource(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "another place")
	require.NoError(t, filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		name := strings.TrimPrefix(path, "../..")
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 2 && d.Name()[0] == '.'):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), data, 0o644)
	}))
	return to
}

func shell(t *testing.T, folder, command string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// TestReproducibleBinary: one source gives one binary wherever it is built, and it runs in an empty
// root, with a certificate authority of its own where it is told one.
func TestReproducibleBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command twice")
	}
	folder := t.TempDir()
	t.Setenv("VERSION", "v9.8.7-of-the-image")
	first, second := filepath.Join(folder, "first"), filepath.Join(folder, "second")
	shell(t, "../..", buildCommand(t, "'"+first+"'"))
	shell(t, copySource(t), buildCommand(t, "'"+second+"'"))
	one, err := os.ReadFile(first)
	require.NoError(t, err)
	two, err := os.ReadFile(second)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(one, two), "%d and %d bytes", len(one), len(two))
	assert.NotContains(t, string(one), filepath.Dir(folder), "no path of the machine is in it")

	said, err := exec.CommandContext(t.Context(), first, "version").Output()
	require.NoError(t, err)
	assert.Regexp(t, `^conform v9\.8\.7-of-the-image, go1\.\d+\S*\n$`, string(said))
	assert.Contains(t, string(mustRead(t, "Dockerfile")), "\nARG VERSION\nRUN ", "the image can be told its version")

	t.Run("in an empty root", func(t *testing.T) { inEmptyRoot(t, one) })
}

func inEmptyRoot(t *testing.T, binary []byte) {
	if os.Getuid() != 0 {
		t.Skip("only root may change the root directory")
	}
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "conform"), binary, 0o755))
	certificate, authority := localAuthority(t)
	handler, err := embedded.NewServer(embedded.ServerOptions{})
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)

	run := func(environ []string, args ...string) (int, string) {
		cmd := exec.CommandContext(t.Context(), "/conform", args...)
		cmd.Env, cmd.Dir = environ, "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		out, _ := cmd.CombinedOutput()
		return cmd.ProcessState.ExitCode(), string(out)
	}
	code, out := run(nil, "--version")
	assert.Equal(t, reports.ExitConforms, code, out)
	check := []string{"run", "--endpoint", server.URL, "--requests", "300", "--seed", "1", "--traces", "none"}
	code, out = run(nil, check...)
	assert.Equal(t, reports.ExitInconclusive, code, out)
	assert.Contains(t, out, "certificate", "the embedded roots know nothing of a local authority")

	require.NoError(t, os.WriteFile(filepath.Join(root, "ca.pem"), authority, 0o644))
	code, out = run([]string{"SSL_CERT_FILE=/ca.pem"}, check...)
	assert.Contains(t, []int{reports.ExitConforms, reports.ExitInconclusive}, code, out)
	assert.Contains(t, out, "requests in", "it was tested")
	assert.NotContains(t, out, "certificate")

	files, err := os.ReadDir(root)
	require.NoError(t, err)
	assert.Len(t, files, 2, "the binary and the authority, and nothing else was needed or left")

	// What it finds it writes into the folder that the image gives its user.
	assert.Regexp(t, `(?m)^COPY --from=build --chown=65532:65532 /work /work\nWORKDIR /work\nUSER 65532:65532$`, string(mustRead(t, "Dockerfile")))
	require.NoError(t, os.Chmod(root, 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(root, "work"), 0o755))
	require.NoError(t, os.Chown(filepath.Join(root, "work"), 65532, 65532))
	cmd := exec.CommandContext(t.Context(), "/conform", "run", "--fault", "appends-selectors", "--requests", "600", "--seed", "1")
	cmd.Env, cmd.Dir = []string{}, "/work"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	said, _ := cmd.CombinedOutput()
	assert.Equal(t, reports.ExitDiverges, cmd.ProcessState.ExitCode(), string(said))
	traces, err := filepath.Glob(filepath.Join(root, "work", "conform-traces", "*", "*.json"))
	require.NoError(t, err)
	assert.NotEmpty(t, traces)
}

// TestEmbeddedRoots: where the machine has no roots of trust, those of the binary are used.
func TestEmbeddedRoots(t *testing.T) {
	if os.Getenv("CONFORM_TEST_ROOTS") == "" {
		self, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestEmbeddedRoots$")
		empty := t.TempDir()
		cmd.Env = []string{"CONFORM_TEST_ROOTS=1", "SSL_CERT_FILE=" + filepath.Join(empty, "none"), "SSL_CERT_DIR=" + empty}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return
	}
	pool, err := x509.SystemCertPool()
	require.NoError(t, err)
	none := x509.NewCertPool()
	require.False(t, pool.Equal(none), "there are roots")
}

// localAuthority makes a certificate for loopback and returns it with its authority's.
func localAuthority(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	now := time.Now()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "local authority"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	authority, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	require.NoError(t, err)
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "loopback"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, ca, &own.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: own}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority})
}
