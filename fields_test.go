package conform_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform"
)

// TestFieldsOnThePage: the page of mocks has each field of the options with its type.
func TestFieldsOnThePage(t *testing.T) {
	text, err := os.ReadFile("docs/testing-a-go-mock.md")
	require.NoError(t, err)
	rows := 0
	for _, options := range []reflect.Type{reflect.TypeFor[conform.MockOptions](), reflect.TypeFor[conform.Options]()} {
		_, table, _ := strings.Cut(string(text), "| `Options` | type |")
		if options == reflect.TypeFor[conform.MockOptions]() {
			_, table, _ = strings.Cut(string(text), "| `MockOptions` | type |")
		}
		for i := range options.NumField() {
			field := options.Field(i)
			assert.Contains(t, table, "\n| `"+field.Name+"` | `"+field.Type.String()+"` | ")
			rows++
		}
	}
	assert.Equal(t, rows+2, strings.Count(string(text), "\n| `"), "no row of a field that is gone")
}
