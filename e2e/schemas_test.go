package e2e

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// schemas are the published ones.
var schemas = os.DirFS("../reports/schemas")

// compiled compiles a published schema with those that it refers to.
func compiled(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	const home = "https://github.com/insightconform/conform/reports/schemas/"
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	names, err := fs.Glob(schemas, "*.json")
	require.NoError(t, err)
	for _, file := range names {
		data, err := fs.ReadFile(schemas, file)
		require.NoError(t, err)
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		require.NoError(t, err)
		require.NoError(t, compiler.AddResource(home+file, document))
	}
	schema, err := compiler.Compile(home + name)
	require.NoError(t, err)
	return schema
}

// problem says why a document does not fit a schema, nil where it does.
func problem(t *testing.T, schema *jsonschema.Schema, data []byte) error {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err, string(data))
	return schema.Validate(document)
}

// fit holds the documents of a file to a schema and counts them: a stream has one on each line.
func fit(t *testing.T, file, schema string) int {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	documents := [][]byte{data}
	if schema == "events-1.json" {
		documents = bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	}
	for _, document := range documents {
		assert.NoError(t, problem(t, compiled(t, schema), document), file)
	}
	return len(documents)
}

// TestDocumentsFitTheirSchemas: what the tests of the formats write, and what those must not accept.
func TestDocumentsFitTheirSchemas(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(pages, "*.json"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 16)
	for _, file := range files {
		_, schema, _ := strings.Cut(filepath.Base(file), ".")
		fit(t, file, schema)
	}
	data, err := os.ReadFile(filepath.Join(pages, "conforming.report-1.json"))
	require.NoError(t, err)
	for _, wrong := range [][2]string{{`"seed"`, `"sede"`}, {`"conforms"`, `"fine"`}, {`"exercised": true`, `"exercised": true, "more": 1`}, {`"covered"`, `"maybe"`}} {
		assert.Error(t, problem(t, compiled(t, "report-1.json"), bytes.Replace(data, []byte(wrong[0]), []byte(wrong[1]), 1)), wrong[1])
	}
}

// TestFilesOfRunsFitTheirSchemas: what the command writes, and traces that were stored long ago.
func TestFilesOfRunsFitTheirSchemas(t *testing.T) {
	binary, folder := build(t), t.TempDir()
	for name, args := range map[string][]string{
		"conforming": {"run", "--requests", "2000"},
		"diverging":  {"run", "--fault", "appends-selectors", "--requests", "3000"},
		"stores":     {"run", "--fault", "update-guard-missing", "--requests", "6000"},
		"certified":  {"run", "--suite", "complete", "--machine", "management"},
		"racing":     {"run", "--suite", "concurrent", "--fault", "race-union"},
		"nothing":    {"run", "--endpoint", "http://127.0.0.1:1"},
	} {
		command := exec.Command(binary, append(args, "--seed", "1", "--report", "json="+name+".report-1.json", "--report", "ndjson="+name+".events-1.json")...)
		command.Dir = folder
		output, err := command.CombinedOutput()
		var exit *exec.ExitError
		require.True(t, err == nil || errors.As(err, &exit), "%v: %s", err, output)
	}
	learned := exec.Command(binary, "learn", "--out", "reference.precedence-1.json", "--profile", "reference.order-1.json")
	learned.Dir = folder
	output, err := learned.CombinedOutput()
	require.NoError(t, err, string(output))

	judged := exec.Command(binary, "judge", "--evidence", "seen.evidence-1.json", "diverging.report-1.json")
	judged.Dir = folder
	_, _ = judged.CombinedOutput() // it exits with 1: the report has divergences
	require.FileExists(t, filepath.Join(folder, "seen.evidence-1.json"))

	kinds := map[string]int{}
	check := func(pattern, schema string) {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			kinds[schema] += fit(t, file, schema)
		}
	}
	for _, schema := range []string{"report-1.json", "events-1.json", "precedence-1.json", "order-1.json", "evidence-1.json"} {
		check(filepath.Join(folder, "*."+schema), schema)
	}
	check(filepath.Join(folder, "conform-traces", "*", "*.json"), "trace-1.json")
	check(filepath.Join(folder, "conform-traces", "*", "*.calls"), "calls-1.json")
	check(filepath.Join(repository, "model", "evidence", "*.json"), "evidence-1.json")
	check(filepath.Join(repository, "cmd", "conform", "testdata", "traces-1", "*.json"), "trace-1.json")
	for _, schema := range []string{"report-1.json", "events-1.json", "precedence-1.json", "order-1.json", "trace-1.json", "calls-1.json", "evidence-1.json"} {
		assert.Positive(t, kinds[schema], schema)
	}
}

// TestVectorsFitTheirSchema: the set that the command writes, by the schema that it writes beside it, and what that refuses.
func TestVectorsFitTheirSchema(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "vectors")
	output, err := exec.Command(build(t), "vectors", "--out", folder).CombinedOutput()
	require.NoError(t, err, string(output))
	data, err := os.ReadFile(filepath.Join(folder, "schema", "vectors-1.json"))
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("vectors-1.json", document))
	schema, err := compiler.Compile("vectors-1.json")
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 10)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NoError(t, problem(t, schema, data), file)
	}
	data, err = os.ReadFile(filepath.Join(folder, "put.json"))
	require.NoError(t, err)
	for _, wrong := range [][2]string{{`"level"`, `"lewel"`}, {`"outcome":"success"`, `"outcome":"fine"`}, {`"requires":[]`, `"requires":["x"]`},
		{`"allowed":[`, `"allowed":[{},`}, {`conform/vectors/1`, `conform/vectors/2`}} {
		assert.Contains(t, string(data), wrong[0])
		assert.Error(t, problem(t, schema, bytes.Replace(data, []byte(wrong[0]), []byte(wrong[1]), 1)), wrong[1])
	}
}
