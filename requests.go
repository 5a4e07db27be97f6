package conform

import (
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
)

// locate splits the name of a resource as model.Resource gives it.
func locate(resource string) (kind, region, name string) {
	kind, rest, _ := strings.Cut(resource, "/")
	region, name, _ = strings.Cut(rest, "/")
	if region == model.DefaultWorld.Home {
		region = ""
	}
	return kind, region, name
}

// getOf is the GetInsightSelectors of a resource, from its own Region.
func getOf(resource string) model.Request {
	kind, region, name := locate(resource)
	r := generators.Get(name)
	if kind == "store" {
		r = generators.GetStore(name)
	}
	r.Region = region
	return r
}

// newTrail makes the trail that the tour walks on, logging where that can be said.
func newTrail(scope generators.Scope) []model.Request {
	requests := []model.Request{generators.Create(generators.NameAlpha)}
	if scope.Can[model.CanLog] {
		requests = append(requests, generators.Start(generators.NameAlpha))
	}
	return requests
}

// plainPut enables the plainest selector.
func plainPut(trail string) model.Request {
	return generators.Put(trail, model.MakeSelectors(model.Management, 0))
}
