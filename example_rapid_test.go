package conform_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/insightconform/conform"
)

// mockProperty is the conformance of the mock as a property of rapid.
func mockProperty(t testing.TB) *conform.Property {
	mock := &Mock{trails: []string{"orders", "payments", "audit"}}
	p, err := conform.NewProperty(t.Context(), conform.Mock(mock, conform.MockOptions{Trails: mock.trails, Reset: mock.Reset}), conform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// go test -run TestMockProperty -rapid.checks=1000
func TestMockProperty(t *testing.T) { rapid.Check(t, mockProperty(t).Check) }

// go test -fuzz FuzzMock
func FuzzMock(f *testing.F) { f.Fuzz(rapid.MakeFuzz(mockProperty(f).Check)) }
