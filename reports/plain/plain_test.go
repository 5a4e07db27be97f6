package plain

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain ünï":    "plain ünï",
		"a\nb\tc":      `a\nb\tc`,
		"\x1b[31m":     `\x1b[31m`,
		"\u009b":       `\u009b`,
		"\u202e":       `\u202e`,
		"\xff\xc3":     `\xff\xc3`,
		"\U000e0041":   `\U000e0041`,
		"\ufffd":       "\ufffd",
		`back\slash"'`: `back\slash"'`,
	} {
		assert.Equal(t, want, Visible(in))
	}
}

func TestShorten(t *testing.T) {
	assert.Equal(t, "abc", Shorten("abc", 3))
	assert.Equal(t, "ab…", Shorten("abcd", 3))
	assert.Equal(t, "éé…", Shorten("éééé", 3))
	assert.Equal(t, "ééé", Shorten("ééé", 3))
	assert.Equal(t, "…", Shorten("abcd", 1))
	assert.Equal(t, "abcd", Shorten("abcd", 0))
}

func TestFold(t *testing.T) {
	for _, test := range []struct {
		width int
		line  string
		want  string
	}{
		{20, "running text that is not indented", "running text that is\nnot indented"},
		{20, "  a text with an indent of its own", "  a text with an\n    indent of its\n    own"},
		{30, "  label  what is said of it goes on", "  label  what is said of it\n         goes on"},
		{30, "  a label beyond half  what is said of it", "  a label beyond half\n    what is said of it"},
		{24, "a → Put [A] → Put [B, C] → Get", "a → Put [A] → Put [B, C]\n→ Get"},
		{20, "  expected  a-word-that-is-too-long, more", "  expected\na-word-that-is-too-long,\n    more"},
		{0, "  as long as it is", "  as long as it is"},
		{10, "", ""},
		{10, "é é é é é é é", "é é é é é\né é"},
	} {
		assert.Equal(t, test.want, FoldLines(test.line, test.width))
	}
}
