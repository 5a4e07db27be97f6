package formats_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/events"
)

// pagesVariable names the folder into which TestPages writes: the browser tests of e2e open what is there,
// and hold the documents to their schemas.
const pagesVariable = "CONFORM_PAGES"

// TestPages writes the pages that a browser has to open, and documents of each published schema.
func TestPages(t *testing.T) {
	folder := os.Getenv(pagesVariable)
	if folder == "" {
		folder = t.TempDir()
	}
	keep := func(name string, data []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), data, 0o666))
	}
	pages := map[string][]*reports.Report{
		"conforming": {conforming()}, "inconclusive": {inconclusive()}, "everything": {everything()}, "hostile": {hostile()}, "large": {large()},
		"racing":     {racing()},
		"comparison": {conforming(), everything(), interrupted()},
	}
	for name, text := range spoilingTexts {
		pages["spoilt-"+name] = spoiled(text)[1:]
		if name == "markup" || name == "length" {
			pages["spoilt-"+name] = spoiled(text)
		}
	}
	for name, list := range pages {
		keep(name+".html", []byte(htmlOf(t, list...)))
	}
	keep("matrix.html", []byte(matrixHTML(t, sample())))

	odd := &reports.Report{Verdict: reports.Failed, Precedence: &reports.Precedence{Schema: reports.PrecedenceSchema}, Coverage: reports.Coverage{Walk: &reports.Walk{}}}
	for name, r := range map[string]*reports.Report{"conforming": conforming(), "diverging": diverging(), "inconclusive": inconclusive(),
		"interrupted": interrupted(), "racing": racing(), "hostile": hostile(), "evidenced": evidenced(), "odd": odd} {
		var b bytes.Buffer
		require.NoError(t, reports.JSON(&b, r))
		keep(name+".report-1.json", b.Bytes())
		keep(name+".events-1.json", []byte(rendered(t, events.Write, r)))
	}
	var learned bytes.Buffer
	require.NoError(t, evidenced().Precedence.JSON(&learned, true))
	keep("evidenced.precedence-1.json", learned.Bytes())
	data, err := json.Marshal(&model.Profile{Schema: model.ProfileSchema, Name: "reference", Order: model.ErrorRules()})
	require.NoError(t, err)
	keep("reference.order-1.json", bytes.Replace(data, []byte(`"holds":null`), []byte(`"holds":[]`), 1))
}
