package formats_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/internal/golden"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/badge"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/html"
	"github.com/insightconform/conform/reports/markdown"
	"github.com/insightconform/conform/reports/plain"
	"github.com/insightconform/conform/reports/text"
)

// sample is a matrix of some rules in which each state occurs; whole ones change with each rule that is added.
func sample() *reports.Matrix {
	started := time.Date(2026, 11, 30, 2, 17, 0, 0, time.UTC)
	column := func(name string, verdict reports.Verdict, partial bool) reports.MatrixColumn {
		return reports.MatrixColumn{Name: name, Address: "endpoint http://127.0.0.1:5000", Started: started, Conform: "v0.1.0", Verdict: verdict, Partial: partial,
			Reason: "why it is so", Command: "conform run --endpoint http://127.0.0.1:5000 --seed 1", States: map[string]int{}}
	}
	m := &reports.Matrix{Columns: []reports.MatrixColumn{column("moto 5.2.2", reports.Diverges, false), column("right 1.0", reports.Conforms, false),
		column("an emulator with a rather long name 2026.11", reports.Conforms, true), column("nothing", reports.Inconclusive, true)}}
	seen := func(state, seen, expected string, more int) reports.MatrixCell {
		return reports.MatrixCell{State: state, Seen: seen, Expected: expected, More: more}
	}
	is := func(state, why string) reports.MatrixCell { return reports.MatrixCell{State: state, Why: why} }
	kept, soFar, none := is(reports.RuleKept, ""), is(reports.RuleKeptSoFar, ""), is(reports.RuleNotJudged, reports.NotMentioned)
	for _, row := range []struct {
		rule  model.ID
		cells [3]reports.MatrixCell
	}{
		{model.WireNoCrash, [3]reports.MatrixCell{seen(reports.RuleViolated, "Put → HTTP 500 with HTML", "InvalidParameterException", 1), kept, soFar}},
		{model.WireMembers, [3]reports.MatrixCell{kept, kept, soFar}},
		{model.PutStores, [3]reports.MatrixCell{kept, kept, soFar}},
		{model.PutReplacesList, [3]reports.MatrixCell{seen(reports.RuleKnown, "Put → [ApiCallRateInsight, ApiErrorRateInsight]", "[ApiErrorRateInsight]", 0), kept, soFar}},
		{model.PutEmptyWhenOff, [3]reports.MatrixCell{seen(reports.RuleBelow, "Put → TrailNotFoundException", "HTTP 200 with []", 0), kept, soFar}},
		{model.PutIdempotent, [3]reports.MatrixCell{is(reports.RuleDeviates, ""), kept, soFar}},
		{model.GetReflectsPut, [3]reports.MatrixCell{seen(reports.Unrepeated, "Get → []", "[ApiCallRateInsight]", 0), kept, soFar}},
		{model.GetNotEnabled, [3]reports.MatrixCell{is(reports.RuleNotJudged, "hidden behind get/reflects-put"), kept, soFar}},
		{model.TrailNotFound, [3]reports.MatrixCell{kept, kept, soFar}},
		{model.TrailHomeRegion, [3]reports.MatrixCell{is(reports.RuleNotCovered, "the target has one Region"), kept, soFar}},
		{model.StoreEnables, [3]reports.MatrixCell{is(reports.RuleNotCovered, "CreateEventDataStore answers 501"), kept, is(reports.RuleLeftOut, "by --skip store/*")}},
	} {
		family, name, _ := strings.Cut(string(row.rule), "/")
		if n := len(m.Families); n == 0 || m.Families[n-1].Name != family {
			m.Families = append(m.Families, reports.MatrixRow{Name: family})
		}
		of := &m.Families[len(m.Families)-1]
		rule := reports.MatrixRow{Name: name, Rule: row.rule}
		for i, cell := range append(row.cells[:], none) {
			cell.States = map[string]int{cell.State: 1}
			rule.Cells = append(rule.Cells, cell)
			m.Columns[i].States[cell.State]++
		}
		of.Rules = append(of.Rules, rule)
	}
	m.Sum()
	return m
}

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, write(&b))
	return b.String()
}

func matrixText(t *testing.T, m *reports.Matrix, options text.Options) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return text.Matrix(w, m, options) })
}

func matrixMarkdown(t *testing.T, m *reports.Matrix) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return markdown.Matrix(w, m) })
}

func matrixHTML(t *testing.T, m *reports.Matrix) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return html.WriteMatrix(w, m) })
}

func badgeOf(t *testing.T, c *reports.MatrixColumn) string {
	t.Helper()
	return written(t, func(w io.Writer) error { return badge.Write(w, c) })
}

func TestMatrixFormats(t *testing.T) {
	for name, width := range map[string]int{"-80": 80, "-120": 120} {
		golden.Check(t, "testdata/matrix"+name+".txt", matrixText(t, sample(), text.Options{Width: width}))
	}
	golden.Check(t, "testdata/matrix-color.txt", matrixText(t, sample(), text.Options{Width: 80, Color: true}))
	golden.Check(t, "testdata/matrix.md", matrixMarkdown(t, sample()))
	page := matrixHTML(t, sample())
	wellFormed(t, page)
	_, page, _ = strings.Cut(page, "<main")
	page, _, _ = strings.Cut(page, "<footer")
	golden.Check(t, "testdata/matrix.html", "<main"+page+"\n")
	for line := range strings.Lines(matrixText(t, sample(), text.Options{Width: 80})) {
		assert.LessOrEqual(t, plain.Length(line), 81)
	}
}

func TestBadges(t *testing.T) {
	m := sample()
	for i, name := range []string{"diverges", "conforms", "partial", "inconclusive"} {
		svg := badgeOf(t, &m.Columns[i])
		golden.Check(t, "testdata/badge-"+name+".svg", svg)
		require.NoError(t, xml.Unmarshal([]byte(svg), &struct{}{}))
		assert.NotRegexp(t, ` id=|url\(|href|@import|<script|<style`, svg, "it loads nothing, and several stand on one page")
		assert.Equal(t, name == "conforms", strings.Contains(svg, green), "only what passes is green")
	}
}

const green = "#1a6a4d"

// TestMatrixIsGreenOnlyWhereAllIsKept: whatever a cell is of, it looks kept only where all of it was judged and is kept, in a
// run that went through; and no two states look the same.
func TestMatrixIsGreenOnlyWhereAllIsKept(t *testing.T) {
	cells := regexp.MustCompile(`<td class="([^"]*)"><svg class="mark ([^"]*)"[^>]*>.*?</svg>(.*?)</td>`)
	words := map[string]string{}
	for _, cell := range cells.FindAllStringSubmatch(matrixHTML(t, sample()), -1) {
		said := anyTag.ReplaceAllString(cell[3], " ")
		assert.Equal(t, cell[1], cell[2], "the sign is that of the state")
		if cell[1] == "kept" {
			assert.Regexp(t, `^ ?(\d+ )?kept\s*$`, said)
		} else {
			assert.NotRegexp(t, `^ ?(\d+ )?kept\s*$`, said)
		}
		words[cell[1]] = said
	}
	assert.Len(t, words, len(reports.MatrixStates)+1, "each state is there, and what is kept in part")
	for line := range strings.Lines(matrixMarkdown(t, sample())) {
		for _, cell := range strings.Split(line, " | ") {
			if strings.HasPrefix(cell, "✅") {
				assert.Regexp(t, `^✅ ((\d+ )?kept|conforms)( \|)?\s*$`, cell)
			}
		}
	}
}

// TestHostileMatrix: no text of a report is more than text in a matrix.
func TestHostileMatrix(t *testing.T) {
	known := shapeOf(matrixHTML(t, sample()))
	for name, evil := range wicked {
		m := reports.NewMatrix([]*reports.Report{describe.Shown(filledWith(evil)), conforming()})
		page := matrixHTML(t, m)
		outputs := map[string]string{"text": matrixText(t, m, text.Options{}), "narrow": matrixText(t, m, text.Options{Width: 80}),
			"markdown": matrixMarkdown(t, m), "html": page, "badge": badgeOf(t, &m.Columns[0])}
		for format, output := range outputs {
			for _, c := range output {
				if c != '\n' && (c == unicode.ReplacementChar || !unicode.IsPrint(c)) {
					t.Errorf("%s, %s: %U reaches the reader", name, format, c)
					break
				}
			}
			assert.NotRegexp(t, `##[A-Za-z]*\[`, output, "%s, %s: a command in a line", name, format)
			assert.NotRegexp(t, `(?m)^\s*::`, output, "%s, %s: a command", name, format)
		}
		assertHarmless(t, page, known)
		require.NoError(t, xml.Unmarshal([]byte(outputs["badge"]), &struct{}{}), name)
		assert.Less(t, len(outputs["badge"]), 10_000)
		for _, markup := range []string{"`", "](", "![", "~~", "_it_", "@<", "://", "www.", "$x$", "\\"} {
			assert.NotContains(t, strings.ReplaceAll(outputs["markdown"], "&#64;</span>", ""), markup, name)
		}
	}
}
