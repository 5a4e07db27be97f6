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
