package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tab is a page in a real browser, with all that it said and asked for.
type tab struct {
	t       *testing.T
	ctx     context.Context
	url     string
	mu      sync.Mutex
	said    []string
	fetched []string
}

// startBrowser starts a headless Chromium. Without one the test is skipped, or fails where the environment
// has CI.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no browser is installed: apt-get install chromium")
		}
		t.Skip("no browser is installed: apt-get install chromium")
	}
	guarded, cancel := context.WithTimeout(t.Context(), 8*time.Minute) // against a browser that hangs
	t.Cleanup(cancel)
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path)}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewContext(guarded, chromedp.WithAllocatorOptions(options...))
	t.Cleanup(stop)
	require.NoError(t, chromedp.Do(ctx))
	return ctx
}

// openPage opens a page from disk in a tab of its own.
func openPage(t *testing.T, parent context.Context, html string, before ...func(*tab)) *tab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	require.NoError(t, os.WriteFile(file, []byte(html), 0o666))
	ctx, cancel := chromedp.NewContext(parent)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, url: "file://" + file}
	require.NoError(t, chromedp.Listen(ctx, b.listen))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	b.size(1280)
	b.media("", "light")
	for _, f := range before {
		f(b)
	}
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(b.url)))
	return b
}

func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.fetched = append(b.fetched, e.Request.URL)
	case *network.EventWebSocketCreated:
		b.fetched = append(b.fetched, e.URL)
	case *runtime.EventConsoleAPICalled:
		b.said = append(b.said, fmt.Sprintf("console.%s", e.Type))
	case *runtime.EventExceptionThrown:
		b.said = append(b.said, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		b.said = append(b.said, e.Entry.Text)
	case *cdppage.EventJavascriptDialogOpening:
		b.said = append(b.said, "dialog: "+e.Message)
	}
}

// quiet asserts that the page said nothing and asked for nothing but itself.
func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.Empty(b.t, b.said, "the console is not clean")
	for _, url := range b.fetched {
		assert.Equal(b.t, b.url, strings.SplitN(url, "#", 2)[0], "a request was made")
	}
	assert.NotEmpty(b.t, b.fetched, "the network is not being watched")
}

func (b *tab) size(width int64) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 900)))
}

func (b *tab) media(medium, scheme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium,
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	require.NoError(b.t, err)
}

// eval runs a script in the page and decodes its result.
func eval[T any](b *tab, script string) T {
	b.t.Helper()
	var out T
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`JSON.stringify((() => {`+script+`})() ?? null)`))
	require.NoError(b.t, err, script)
	require.NoError(b.t, json.Unmarshal([]byte(text), &out), "%s gives %s", script, text)
	return out
}

func (b *tab) click(selector string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.Click(chromedp.CSS(selector))))
}

func (b *tab) press(keys string) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.KeyEvent(keys)))
}

// screenshot keeps a picture of the whole page for people to look at.
func (b *tab) screenshot(name string) {
	b.t.Helper()
	whole := true
	size := eval[[2]float64](b, `return [innerWidth, Math.min(document.documentElement.scrollHeight, 16000)]`)
	shot, err := chromedp.Call(b.ctx, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{CaptureBeyondViewport: &whole,
		Clip: &cdppage.Viewport{Width: size[0], Height: size[1], Scale: 1}})
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), shot.Data, 0o666))
}

// fits asserts that nothing makes the page scroll sideways.
func (b *tab) fits(what string) {
	b.t.Helper()
	assert.Empty(b.t, eval[string](b, tooWide), "%s is wider than the page", what)
}

const tooWide = `
	if (document.documentElement.scrollWidth <= innerWidth) return '';
	const beyond = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1);
	return beyond.slice(0, 5).map((e) => e.outerHTML.slice(0, 120)).join('\n') || 'something';`

// TestComparisonOnAPhone: the columns that are compared have names, and stand side by side without scrolling.
func TestComparisonOnAPhone(t *testing.T) {
	b := openPage(t, startBrowser(t), page(t, "comparison"))
	b.size(390)
	beyond := eval[[]string](b, `return [...document.querySelectorAll('.reports th, .reports td, .matrix thead th, .matrix td')]
		.filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth).map((e) => e.textContent)`)
	assert.Empty(t, beyond)
	names := eval[[]string](b, `return [...document.querySelectorAll('.matrix thead th a')].map((e) => e.textContent)`)
	assert.Greater(t, len(names), 1)
	for i, name := range names {
		assert.Regexp(t, fmt.Sprintf(`^%d\. \w`, i+1), name)
	}
	b.quiet()
}

// The checks below see what they are to see, and the page's policy stops what they would not.
func TestPageChecksCanFail(t *testing.T) {
	b := openPage(t, startBrowser(t), page(t, "conforming"))
	eval[any](b, `document.querySelector('.lead').style.color = '#bbb'; document.querySelector('footer').style.width = '3000px'`)
	assert.NotEmpty(t, eval[[]string](b, lowContrast))
	assert.NotEmpty(t, eval[string](b, tooWide))
	b.quiet()
	eval[any](b, `
		const script = document.createElement('script');
		script.textContent = 'document.title = "taken over"';
		document.body.append(script);
		new Image().src = 'http://127.0.0.1:9/'`)
	assert.NotContains(t, eval[string](b, `return document.title`), "taken over")
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return strings.Count(strings.Join(b.said, " "), "Content Security Policy") >= 2
	}, 2*time.Minute, 20*time.Millisecond, "the policy stops both")
}

func pagesToOpen(t *testing.T) map[string]string {
	return map[string]string{
		"conforming":   page(t, "conforming"),
		"inconclusive": page(t, "inconclusive"),
		"everything":   page(t, "everything"),
		"hostile":      page(t, "hostile"),
		"comparison":   page(t, "comparison"),
		"matrix":       page(t, "matrix"),
		"racing":       page(t, "racing"),
	}
}

func TestPageOpens(t *testing.T) {
	browser := startBrowser(t)
	for name, html := range pagesToOpen(t) {
		t.Run(name, func(t *testing.T) {
			b := openPage(t, browser, html)
			for _, scheme := range []string{"light", "dark"} {
				b.media("", scheme)
				for _, width := range []int64{1280, 768, 390, 360} {
					b.size(width)
					b.fits(fmt.Sprintf("%s at %d", scheme, width))
					if width != 768 && (name == "everything" || name == "comparison" || name == "matrix" || name == "racing") {
						b.screenshot(fmt.Sprintf("%s-%d-%s", name, width, scheme))
					}
				}
				eval[any](b, `for (const part of document.querySelectorAll('details')) part.open = true`)
				b.fits(scheme + " with all parts open")
				assert.Empty(t, eval[[]string](b, lowContrast), "%s has too little contrast", scheme)
				eval[any](b, `for (const part of document.querySelectorAll('details')) part.open = false`)
			}
			b.accessible()
			b.quiet()
		})
	}
}

// lowContrast lists texts whose contrast with what is behind them is below 4.5 to 1, or 3 to 1 where they
// are large.
const lowContrast = `
	const context = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
	const parsed = new Map();
	const parse = (colour) => {
		if (!parsed.has(colour)) {
			context.clearRect(0, 0, 1, 1); context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
			parsed.set(colour, [...context.getImageData(0, 0, 1, 1).data]);
		}
		return parsed.get(colour);
	};
	const behind = (element) => {
		const layers = [];
		for (let e = element; e; e = e.parentElement) {
			const layer = parse(getComputedStyle(e).backgroundColor);
			layers.push(layer);
			if (layer[3] === 255) break;
		}
		return layers.reverse().reduce((below, [r, g, b, a]) => [r, g, b].map((c, i) => c * a / 255 + below[i] * (1 - a / 255)), [255, 255, 255]);
	};
	const luminance = (rgb) => rgb.slice(0, 3).map((c) => c / 255).map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
	const low = new Set();
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const element = texts.currentNode.parentElement;
		if (!texts.currentNode.data.trim() || element.closest('script, style, .vh, svg, [hidden], .skip, .hint') || !element.getClientRects().length) continue;
		const style = getComputedStyle(element);
		const [light, dark] = [luminance(parse(style.color)), luminance(behind(element))].sort((a, b) => b - a);
		const large = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700;
		const ratio = (light + .05) / (dark + .05);
		if (ratio < (large ? 3 : 4.5)) low.add(element.tagName + '.' + element.className + ' in ' + element.parentElement.className + ' ' + ratio.toFixed(2) + ' ' + style.color);
	}
	return [...low].slice(0, 20);`

var controls = map[string]bool{"button": true, "link": true, "textbox": true, "searchbox": true, "combobox": true, "checkbox": true, "DisclosureTriangle": true, "region": true, "navigation": true, "search": true}

// accessible asserts what a reader who cannot see the page depends on.
func (b *tab) accessible() {
	b.t.Helper()
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	require.NoError(b.t, err)
	found := map[string]int{}
	for _, node := range tree.Nodes {
		if node.Ignored || node.Role == nil {
			continue
		}
		var role, name string
		require.NoError(b.t, json.Unmarshal(node.Role.Value, &role))
		if node.Name != nil {
			require.NoError(b.t, json.Unmarshal(node.Name.Value, &name))
		}
		found[role]++
		if controls[role] {
			assert.NotEmpty(b.t, strings.TrimSpace(name), "a %s has no name", role)
		}
	}
	roles := []string{"main", "navigation", "banner", "heading", "button", "table"}
	if eval[bool](b, `return Boolean(document.querySelector('#filter'))`) {
		roles = append(roles, "searchbox")
	}
	for _, role := range roles {
		assert.Positive(b.t, found[role], "there is no %s", role)
	}
	levels := eval[[]int](b, `return [...document.querySelectorAll('h1, h2, h3, h4')].map((h) => Number(h.tagName[1]))`)
	before := 0
	for i, level := range levels {
		assert.LessOrEqual(b.t, level, before+1, "heading %d leaves out a level", i)
		before = level
	}
	assert.Equal(b.t, 1, strings.Count(fmt.Sprint(levels), "1"), "there is one main heading")
	assert.Empty(b.t, eval[[]string](b, `return [...document.querySelectorAll('table')].filter((table) => !table.querySelector('th[scope=col]') || !table.querySelector('th[scope=row]')).map((table) => table.outerHTML.slice(0, 80))`), "a table lacks headers")
	assert.Equal(b.t, "en", eval[string](b, `return document.documentElement.lang`))
}

func TestPageThemes(t *testing.T) {
	b := openPage(t, startBrowser(t), page(t, "everything"))
	background := func() string { return eval[string](b, `return getComputedStyle(document.body).backgroundColor`) }
	b.media("", "light")
	light := background()
	b.media("", "dark")
	dark := background()
	assert.NotEqual(t, light, dark, "the page follows the system")
	name := func() string {
		return eval[string](b, `return document.querySelector('#theme').getAttribute('aria-label')`)
	}
	assert.Equal(t, "Change to light colours", name())
	b.click("#theme")
	assert.Equal(t, light, background())
	assert.Equal(t, "Change to dark colours", name())
	b.media("", "light")
	b.click("#theme")
	assert.Equal(t, dark, background())
	// The reader's choice holds whatever the system says.
	b.media("", "light")
	assert.Equal(t, dark, background())
	b.media("print", "dark")
	assert.Equal(t, "rgb(255, 255, 255)", background(), "paper is white")
	b.quiet()
}

func TestPageRulesAndDivergences(t *testing.T) {
	b := openPage(t, startBrowser(t), page(t, "everything"))
	open := func(selector string) bool { return eval[bool](b, `return document.querySelector('`+selector+`').open`) }
	rule := "#rule-put-empty-disables"
	assert.False(t, open(rule))
	require.NoError(t, chromedp.Do(b.ctx, chromedp.Focus(chromedp.CSS(rule+" > summary"))))
	assert.Contains(t, eval[string](b, `return [...document.querySelectorAll('.hint.shown')].map((h) => h.textContent).join()`), "turns Insights off. (violated, documented)", "the focus shows a rule's sentence")
	b.press(kb.Enter)
	assert.True(t, open(rule), "a key opens a rule")
	assert.Empty(t, eval[[]string](b, `return [...document.querySelectorAll('.hint.shown')].map((h) => h.textContent)`))
	b.click(rule + " .body a")
	id := eval[string](b, `return location.hash`)
	assert.Regexp(t, `^#d\d+$`, id)
	assert.True(t, eval[bool](b, `const top = document.querySelector(location.hash).getBoundingClientRect().top; return top >= 0 && top < innerHeight`), "the link shows the divergence")
	assert.Contains(t, eval[string](b, `return document.querySelector(location.hash).textContent`), "put/empty-disables")
	b.click(id + " .tags a")
	assert.Equal(t, rule, eval[string](b, `return location.hash`))

	b.click("#open-all")
	assert.Zero(t, eval[int](b, `return document.querySelectorAll('.divergence > .folds > .fold:not([open])').length`))
	assert.NotZero(t, eval[int](b, `return [...document.querySelectorAll('.ladder .step')].filter((e) => e.checkVisibility()).length`))
	b.click("#close-all")
	assert.Zero(t, eval[int](b, `return document.querySelectorAll('.divergence > .folds > .fold[open]').length`))
	b.quiet()
}

func TestPageFilter(t *testing.T) {
	b := openPage(t, startBrowser(t), page(t, "everything"))
	visible := func(selector string) int {
		return eval[int](b, `return [...document.querySelectorAll('`+selector+`')].filter((e) => e.checkVisibility()).length`)
	}
	choose := func(id, value string) {
		eval[any](b, fmt.Sprintf(`const f = document.querySelector('%s'); f.value = '%s'; f.dispatchEvent(new Event('input', { bubbles: true }))`, id, value))
	}
	rules, divergences := visible(".cells .rule"), visible(".divergence")
	require.Equal(t, 5, divergences)
	require.NoError(t, chromedp.Do(b.ctx, chromedp.SendKeys(chromedp.CSS("#f-text"), "empty-disables")))
	assert.Equal(t, 1, visible(".cells .rule"))
	assert.Equal(t, 1, visible(".divergence"))
	assert.Equal(t, 1, visible("div.family"))
	assert.Equal(t, fmt.Sprintf("1 of %d rules, 1 of 5 divergences", rules), eval[string](b, `return document.querySelector('#f-count').textContent`))
	b.click("#f-clear")
	assert.Equal(t, rules, visible(".cells .rule"))
	assert.Equal(t, divergences, visible(".divergence"))
	choose("#f-level", "inferred")
	assert.Equal(t, 2, visible(".divergence"))
	choose("#f-family", "wire")
	assert.Equal(t, 0, visible(".divergence"))
	choose("#f-level", "")
	assert.Equal(t, 1, visible(".divergence"))
	assert.Equal(t, 7, visible(".cells .rule"))
	b.click("#f-clear")
	choose("#f-state", "violated")
	assert.Equal(t, 3, visible(".cells .rule"), "one was not confirmed")
	assert.Equal(t, divergences, visible(".divergence"))
	b.quiet()

	b = openPage(t, b.ctx, page(t, "comparison"))
	rules = visible("tr.rule")
	b.click("#f-differs")
	assert.Equal(t, eval[int](b, `return document.querySelectorAll('tr[data-differs]').length`), visible("tr.rule"))
	assert.Less(t, visible("tr.rule"), rules)
	b.click("td.violated a")
	assert.True(t, eval[bool](b, `return document.querySelector(location.hash).checkVisibility()`), "a cell leads to its divergence")
	b.quiet()
}

func TestPageCopies(t *testing.T) {
	b := openPage(t, startBrowser(t), page(t, "everything"))
	for _, permission := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.CallBrowser(b.ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: permission}, Setting: browser.PermissionSettingGranted})
		require.NoError(t, err)
	}
	b.click("#open-all")
	for _, block := range []string{"#answer .copy", "#d1 .folds .copy"} {
		b.click(block + " button")
		require.NoError(t, chromedp.Do(b.ctx, chromedp.WaitVisible(chromedp.CSS(block+" button"))))
		_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](`document.querySelector('#said').textContent === 'Copied'`))
		require.NoError(t, err)
		got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise))
		require.NoError(t, err)
		want := eval[string](b, `return document.querySelector('`+block+` code').textContent`)
		assert.Equal(t, want, got)
		assert.Contains(t, got, "conform r")
	}
	b.quiet()
}

func TestPagePictures(t *testing.T) {
	b := openPage(t, startBrowser(t), page(t, "everything"))
	text := func(id string) string { return eval[string](b, `return document.querySelector('`+id+`').textContent`) }
	assert.Equal(t, 1, eval[int](b, `return document.querySelectorAll('#walk a[tabindex="0"]').length`), "the picture is one stop of the tab key")
	require.NoError(t, chromedp.Do(b.ctx, chromedp.Focus(chromedp.CSS("#walk a"))))
	first := text("#walk-detail")
	assert.Contains(t, first, "The trail logs nothing, on: off. 16 of 24 requests covered. Not covered: Put error rate: Management ·")
	b.press(kb.ArrowDown)
	assert.Contains(t, text("#walk-detail"), "The trail logs nothing, on: error rate: Management. 24 of 24 requests covered.")
	b.press(kb.ArrowRight)
	assert.Contains(t, text("#walk-detail"), "logs write, on: error rate: Management.")
	b.press(kb.ArrowUp)
	assert.Contains(t, text("#walk-detail"), "logs write, on: off.")
	b.press(kb.End)
	assert.Contains(t, text("#walk-detail"), "logs write, read, data, on: call rate: Management, Data; error rate: Management, Data.")
	require.NoError(t, chromedp.Do(b.ctx, chromedp.Focus(chromedp.CSS("#heat td a"))))
	assert.Contains(t, text("#heat-detail"), "wire/wrong-type with")
	before := text("#heat-detail")
	b.press(kb.ArrowRight)
	assert.NotEqual(t, before, text("#heat-detail"))
	eval[any](b, `document.querySelector('#heat td.alike a').click()`)
	assert.Contains(t, text("#heat-detail"), "both alone are answered alike")
	assert.Empty(t, eval[string](b, `return location.hash`), "choosing a cell stays where it is")
	b.quiet()
}

// Every control can be reached with the tab key alone, in the order of the page.
// What several clients did is a picture with a row for each, in a box that scrolls by itself.
func TestPageOfSeveralClients(t *testing.T) {
	b := openPage(t, startBrowser(t), page(t, "racing"))
	assert.Equal(t, "before, client 1, client 2, at rest, time →", eval[string](b,
		`return [...document.querySelector('.overlap svg').querySelectorAll('text.name')].map((t) => t.textContent).join(', ')`))
	edges := func(bar string) string {
		return `document.querySelector('.overlap').querySelectorAll('.bar-of')[` + bar + `].querySelector('rect').getBoundingClientRect()`
	}
	// Bars 3 and 4 are the Puts that overlap, 5 a Put after them, 6 what is read at rest.
	assert.True(t, eval[bool](b, `const [a, b] = [`+edges("3")+`, `+edges("4")+`]; return a.left < b.right && b.left < a.right && a.top !== b.top`))
	assert.True(t, eval[bool](b, `const [a, b] = [`+edges("4")+`, `+edges("5")+`]; return a.right < b.left && a.top === b.top`))
	assert.Contains(t, eval[string](b, `return document.querySelector('.overlap .wrong title').textContent`), "This answer cannot be explained. 7. at rest: Get")
	assert.Contains(t, eval[string](b, `return document.querySelector('.overlap .wrong text').textContent`), "✗", "not by colour alone")
	assert.Contains(t, eval[string](b, `return document.querySelector('.overlap .why').textContent`), "which no order explains")
	assert.True(t, eval[bool](b, `return [...document.querySelectorAll('.bar-of')].every((bar) => {
		const box = bar.querySelector('rect').getBoundingClientRect();
		return [...bar.querySelectorAll('text')].every((t) => t.getBoundingClientRect().right <= box.right + 1 && t.getBoundingClientRect().bottom <= box.bottom + 1);
	})`), "each text fits its bar")
	b.size(360)
	b.fits("on a phone")
	assert.True(t, eval[bool](b, `const box = document.querySelector('.overlap .wide'); return box.scrollWidth > box.clientWidth`), "the picture scrolls")
	b.quiet()
}

func TestPageKeyboard(t *testing.T) {
	b := openPage(t, startBrowser(t), page(t, "everything"))
	want := eval[int](b, `
		window.reachable = [...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]')].filter((e) => e.checkVisibility() && e.tabIndex >= 0);
		return reachable.length`)
	seen := map[int]bool{}
	last := -1
	for range want + 5 {
		b.press(kb.Tab)
		at := eval[int](b, `
			const e = document.activeElement;
			const style = getComputedStyle(e);
			if (e !== document.body && !e.closest('svg') && e.matches(':focus-visible') && style.outlineStyle === 'none') return -2;
			return reachable.indexOf(e)`)
		require.NotEqual(t, -2, at, "an element does not show that it has the focus")
		if at < 0 {
			break
		}
		require.Greater(t, at, last, "the tab key leaves the order of the page")
		seen[at], last = true, at
	}
	assert.Len(t, seen, want, "something is out of reach")
	assert.Greater(t, want, 100)
	b.quiet()
}

func TestPageWithoutScript(t *testing.T) {
	b := openPage(t, startBrowser(t), page(t, "everything"), func(b *tab) {
		_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		require.NoError(b.t, err)
	})
	assert.Zero(t, eval[int](b, `return [...document.querySelectorAll('button, input, select')].filter((e) => e.checkVisibility()).length`), "a control without effect is shown")
	b.click("#d2 .fold > summary")
	assert.True(t, eval[bool](b, `return document.querySelector('#d2 .ladder').checkVisibility()`))
	b.click("#rule-put-stores > summary")
	assert.True(t, eval[bool](b, `return document.querySelector('#rule-put-stores .statement').checkVisibility()`))
	assert.Contains(t, eval[string](b, `return document.querySelector('#walk-0').textContent`), "16 of 24")
	b.fits("the page without script")
	b.quiet()
}

// TestMatrixOpens: a family of the matrix opens into its rules, without script at its name, with it at each of its cells.
func TestMatrixOpens(t *testing.T) {
	browser := startBrowser(t)
	visible := func(b *tab) []string {
		return eval[[]string](b, `return [...document.querySelectorAll('.folded .rule .name')].filter((e) => e.checkVisibility()).map((e) => e.textContent)`)
	}
	put := []string{"stores", "replaces-list", "empty-when-off", "idempotent"}
	without := openPage(t, browser, page(t, "matrix"), func(b *tab) {
		_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		require.NoError(b.t, err)
	})
	assert.Empty(t, visible(without))
	without.click(".folded tbody:nth-of-type(2) .family-row summary")
	assert.Equal(t, put, visible(without))
	for _, width := range []int64{1280, 390, 360} {
		without.size(width)
		without.fits("an open family")
		assert.Empty(t, eval[[]string](without, `return [...document.querySelectorAll('th, td')].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText)`),
			"texts stand over the next cell at %d", width)
	}
	without.quiet()

	b := openPage(t, browser, page(t, "matrix"))
	b.click(".folded tbody:nth-of-type(2) .family-row td:nth-of-type(3)")
	assert.Equal(t, put, visible(b))
	assert.Contains(t, eval[string](b, `return document.querySelector('.folded .rule td.known').innerText`), "Put → [ApiCallRateInsight, ApiErrorRateInsight]")
	b.click(".folded tbody:nth-of-type(2) .family-row summary")
	assert.Empty(t, visible(b))
	b.click("#open-all")
	assert.Len(t, visible(b), 11)
	b.click("#close-all")
	assert.Empty(t, visible(b))
	backgrounds := eval[[][]string](b, `return [...document.querySelectorAll('.folded td')].map((e) => [e.className, getComputedStyle(e).backgroundColor])`)
	green := eval[string](b, `return getComputedStyle(document.querySelector('.folded td.kept')).backgroundColor`)
	for _, cell := range backgrounds {
		assert.Equal(t, cell[0] == "kept", cell[1] == green, cell[0])
	}
	b.quiet()
}

// TestBadgesAreDrawn: the texts of a badge fit into it, and are no wider than they were measured.
func TestBadgesAreDrawn(t *testing.T) {
	badges := "<!doctype html><title>badges</title>"
	for _, name := range []string{"diverges", "conforms", "partial", "inconclusive"} {
		svg, err := os.ReadFile(filepath.Join(repository, "reports", "formats", "testdata", "badge-"+name+".svg"))
		require.NoError(t, err)
		badges += "<p>" + string(svg) + "</p>"
	}
	b := openPage(t, startBrowser(t), badges)
	assert.Equal(t, 8, eval[int](b, `return document.querySelectorAll('svg text').length`))
	assert.Empty(t, eval[[]string](b, `return [...document.querySelectorAll('svg text')].filter((e) =>
		e.getBoundingClientRect().right > e.closest('svg').getBoundingClientRect().right - 3 ||
		Math.abs(e.getComputedTextLength() - e.textLength.baseVal.value) > 1).map((e) => e.textContent)`))
	b.quiet()
}

// pagesOf counts the pages of a document.
var pagesOf = regexp.MustCompile(`/Type\s*/Page[^s]`)

// TestPagePrints: what is folded stays folded, so that a report is some pages of paper and not dozens.
func TestPagePrints(t *testing.T) {
	parent := startBrowser(t)
	for name, most := range map[string]int{"everything": 10, "comparison": 12, "large": 25} {
		b := openPage(t, parent, page(t, name))
		pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFPrintBackground()))
		require.NoError(t, err)
		assert.Greater(t, len(pdf), 50_000)
		require.NoError(t, os.WriteFile(filepath.Join(t.ArtifactDir(), name+".pdf"), pdf, 0o666))
		printed := len(pagesOf.FindAll(pdf, -1))
		t.Logf("%s: %d pages", name, printed)
		assert.Positive(t, printed)
		assert.LessOrEqual(t, printed, most, name)

		b.media("print", "dark")
		b.size(718) // of A4 within its margins
		for _, selector := range []string{".side", ".filter", ".copy button", ".script", ".wire", ".fold:not([open])"} {
			assert.Zero(t, eval[int](b, `return [...document.querySelectorAll('`+selector+`')].filter((e) => e.checkVisibility()).length`), "%s is printed", selector)
		}
		b.fits("the printed page")
		b.screenshot(name + "-print")
		b.quiet()
	}
}

// What a target answers does nothing in a browser, wherever it appears.
func TestPageIsHarmless(t *testing.T) {
	browser := startBrowser(t)
	// The other kinds are no more than text to a browser.
	for _, name := range []string{"markup", "script", "style", "attribute", "apostrophe", "comment", "template", "bidi", "length"} {
		t.Run(name, func(t *testing.T) {
			b := openPage(t, browser, page(t, "spoilt-"+name))
			b.size(360)
			b.fits("the page")
			assert.Equal(t, 1, eval[int](b, `return document.scripts.length`))
			assert.Equal(t, 1, eval[int](b, `return document.querySelectorAll('style').length`))
			assert.Zero(t, eval[int](b, `return document.querySelectorAll('img, iframe, object, embed, link, base, form, [onerror], [onclick], [onfocus], [onmouseover], a:not([href^="#"])').length`))
			b.quiet()
		})
	}
}

// The largest page that is promised opens, and its parts work.
func TestLargePageOpens(t *testing.T) {
	b := openPage(t, startBrowser(t), page(t, "large"))
	assert.Equal(t, 40, eval[int](b, `return document.querySelectorAll('.divergence').length`))
	require.NoError(t, chromedp.Do(b.ctx, chromedp.SendKeys(chromedp.CSS("#f-text"), "overwrites-categories")))
	assert.Equal(t, 1, eval[int](b, `return [...document.querySelectorAll('.divergence')].filter((e) => e.checkVisibility()).length`))
	b.click("#f-clear")
	b.click("#open-all")
	b.size(360)
	b.fits("the large page")
	b.quiet()
}
