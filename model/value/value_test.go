package value_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model/value"
)

// TestParseValue: what is read is what encoding/json reads, and nothing may follow it.
func TestParseValue(t *testing.T) {
	for text, want := range map[string]string{
		`{"b":1,"a":[true,null,"x"]}`: `{"a":[true,null,"x"],"b":1}`,
		`{"a":1,"a":2}`:               `{"a":2}`,
		" 1.50e3 \n":                  `1.50e3`,
		"\"\xff\"":                    "\"\uFFFD\"",
		`"\ud800"`:                    "\"\uFFFD\"",
	} {
		v, err := value.Parse([]byte(text))
		require.NoError(t, err, text)
		assert.Equal(t, want, v.String())
	}
	many := `{` + strings.Repeat(`"a":0,`, 5)
	for _, c := range "bcdefghijklmnopqrstuvwxyz" {
		many += `"` + string(c) + `":0,`
	}
	v, err := value.Parse([]byte(many + `"a":1,"z":2}`))
	require.NoError(t, err)
	assert.Len(t, v.Members(), 26)
	assert.Equal(t, "1 2", v.Get("a").String()+" "+v.Get("z").String())
	for _, text := range []string{"", "{", `{"a":1}}`, `[1]]`, `{} {}`, `{"a":01}`, "nul", `{"a" 1}`, strings.Repeat("[", 20_000)} {
		_, err := value.Parse([]byte(text))
		assert.Error(t, err, text[:min(len(text), 20)])
	}
}
