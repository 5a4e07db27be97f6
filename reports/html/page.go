// Package html shows reports as one page that needs nothing but itself.
package html

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

//go:embed *.tmpl
var htmlFiles embed.FS

var (
	//go:embed style.css
	htmlStyle string
	//go:embed script.js
	htmlScript string
)

// The page carries its style and script inside, and its policy lets nothing else run or load.
var htmlPolicy = "default-src 'none'; style-src '" + digest(htmlStyle) + "'; script-src '" + digest(htmlScript) + "'; base-uri 'none'; form-action 'none'"

var htmlPages = template.Must(template.New("").Funcs(functions).ParseFS(htmlFiles, "*.tmpl"))

// functions are what the templates say values with. Each makes the texts that it gets harmless.
var functions = template.FuncMap{
	"clean": func(s any) string { return clean(fmt.Sprint(s)) }, "long": long, "cleanAll": cleanAll[string],
	"grouped": plain.Grouped, "operation": operation, "class": func(state string) string { return strings.ReplaceAll(state, " ", "-") },
	"command": plain.Message[string],
	"level":   level, "anchor": anchor, "sources": sources, "lacking": describe.Lacking, "notJudged": describe.NotJudged, "meaning": meaning,
	"verdictClass": verdictClass, "headline": headline,
	"facts": runFacts, "summary": summary, "precedence": newPrecedenceView, "timeline": newTimelineView, "walk": newWalkView, "states": statesOf,
	"certificate": certificateFacts,
	"coverage": func(c reports.Coverage) []fact {
		return coverageFacts(c, "transitions between the states of one trail", "pairs of error rules that one request breaks together")
	},
	"settling":     settling,
	"outcomeClass": func(s string) string { return cmp.Or(outcomeClass[s], "not-covered") },
	"standing":     standing, "sightings": sightings, "request": request, "answer": answer,
	"wire": wire, "resource": resource, "selectors": selectorRows, "logs": logsInWords,
	"sequence":     func(steps []reports.Step) string { return describe.Steps(steps, plain.MaxShown) },
	"span":         func(columns []*reportView) int { return len(columns) + 1 },
	"certificates": some[reports.Certificate], "deviations": some[reports.Deviation], "replays": some[reports.Replay],
}

// some is the beginning of a list that a target or a file can make long.
func some[T any](list []T) []T { return list[:min(len(list), maxOnPage)] }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// htmlPage is what the templates show. All its texts are harmless already; the templates escape markup.
type htmlPage struct {
	Title   string
	Policy  string
	Style   template.CSS
	Script  template.JS
	Many    bool
	Reports []*reportView
	Matrix  *comparisonView
}

// Write writes one page that needs nothing but itself: of one report all that it has, of several a
// matrix of targets and rules followed by what each diverges in. It stays below about 2 MB: where
// there is more to show, divergences that come later are shown with less.
func Write(w io.Writer, list ...*reports.Report) error {
	if len(list) == 0 {
		return errors.New("there is no report to show")
	}
	page := htmlPage{Policy: htmlPolicy, Style: template.CSS(htmlStyle), Script: template.JS(htmlScript), Many: len(list) > 1}
	room := roomForDivergences
	for i, r := range list {
		page.Reports = append(page.Reports, newReportView(r.Normalized(), i, page.Many))
	}
	for _, view := range page.Reports {
		var err error
		if room, err = view.renderDivergences(room); err != nil {
			return err
		}
	}
	page.Title = "conform: " + page.Reports[0].Name + ", " + clean(list[0].Verdict)
	if page.Many {
		page.Matrix = newComparison(page.Reports)
		page.Title = "conform: " + plain.Counted(len(list), "report") + " compared"
	}
	var out bytes.Buffer
	if err := htmlPages.ExecuteTemplate(&out, "page.tmpl", page); err != nil {
		return err
	}
	// A page that is printed to a log must hold no command for whatever reads the log.
	_, err := w.Write(plain.InlineCommand.ReplaceAll(out.Bytes(), []byte("#&#35;$1")))
	return err
}

// roomForDivergences is how many bytes of a page may go to divergences.
const roomForDivergences = 1_400_000

// renderDivergences shows each within what room is left: all in brief, then their steps, then the scripts.
func (v *reportView) renderDivergences(room int) (int, error) {
	for round := range 3 {
		for _, d := range v.Divergences {
			if round == 2 && (d.Brief || len(d.scripts) == 0) {
				continue
			}
			fuller := *d
			fuller.Brief = round == 0
			if round == 2 {
				fuller.Scripts = d.scripts
			}
			var out bytes.Buffer
			if err := htmlPages.ExecuteTemplate(&out, "divergence", &fuller); err != nil {
				return 0, err
			}
			if more := out.Len() - len(d.HTML); round == 0 || more <= room {
				room -= more
				fuller.HTML = template.HTML(out.String())
				*d = fuller
			}
		}
	}
	return room, nil
}
