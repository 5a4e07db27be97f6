package reports

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/insightconform/conform/model"
)

func TestReadOrder(t *testing.T) {
	ids, err := json.Marshal(model.ErrorRules())
	require.NoError(t, err)
	order := string(ids)
	for text, want := range map[string]string{
		`{`:              "not an error order",
		`{"schema":"x"}`: `schema "x"`,
		`{"schema":"conform/order/1","order":["put/stores"]}`:                             "no error rule",
		`{"schema":"conform/order/1","order":` + order + `,"holds":[],"extra":1}`:         "not an error order",
		`{"schema":"conform/order/1","order":` + order + `,"holds":[["kms/policy","x"]]}`: "does not agree",
	} {
		_, err := ReadOrder([]byte(text))
		assert.ErrorContains(t, err, want)
	}
	p, err := ReadOrder([]byte(`{"schema":"conform/order/1","name":"x","order":` + order + `,"holds":[["store/id-syntax","kms/policy"]]}`))
	require.NoError(t, err)
	assert.Equal(t, [][2]model.ID{{"store/id-syntax", "kms/policy"}}, p.Holds)
}
