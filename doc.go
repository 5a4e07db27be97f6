// Package conform answers one question about anything that offers CloudTrail's PutInsightSelectors, be
// it an emulator, a mock or an account: does it behave as the real operation is documented to?
//
// Run drives requests at a targets.Target, compares every answer with the reference model in package
// model, and returns a report. Check does the same inside a go test, and Test with a subtest for each rule.
// Replay plays the traces of what was found again.
//
// # What a result means
//
// A confirmed divergence means that the target gave, repeatedly, an answer which no reading of the
// rules accepts that package model knows of; the report shows the sequence and the source of the rule.
// The absence of divergences means that none was found among the requests that were tried, which the
// report's coverage lists. It says nothing of what was not covered, of message texts, or of the events
// that Insights delivers.
//
// # Stability
//
// Stable: Run, Check, Test, Replay, Options, Mock, MockOptions, and the JSON form of a report; and with them all that they
// take and return: TB, Shard, targets.Target with what its methods take and return, reports.Report, Trace, Baseline,
// Update and Event, model.Profile and Level, and what the exported fields of these are made of. Structs may get more
// fields, and types more methods; an interface that others implement gets none. Experimental, and subject to change:
// everything else that this module exports.
package conform
