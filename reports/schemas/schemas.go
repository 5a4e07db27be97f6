// Package schemas has the JSON Schemas of the files that conform writes.
package schemas

import _ "embed"

// Trace is the schema of a recorded divergence, conform/trace/1.
//
//go:embed trace-1.json
var Trace []byte
