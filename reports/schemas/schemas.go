// Package schemas has the JSON Schemas of the files that conform writes and reads. They refer to each
// other by their file names.
package schemas

import "embed"

// Files has the schemas as they are published: report-1.json of the report, events-1.json of a line of
// its event stream, trace-1.json of a recorded divergence, precedence-1.json of a learned precedence of
// errors, order-1.json of an error order.
//
//go:embed *.json
var Files embed.FS
