package generators

import (
	"cmp"
	"strings"

	"github.com/insightconform/conform/model"
)

// Reads lists the reads that tell states apart after a write: of the resource that the write named
// GetInsightSelectors, and the other reads where they are due; then GetInsightSelectors of every other
// resource in s, the state after the write.
func Reads(s model.State, touched model.Request, scope Scope) []model.Request {
	if touched.Op.Reads() {
		return nil
	}
	out := make([]model.Request, 0, 4+len(s.Trails)+len(s.Stores))
	add := func(region string, r model.Request) {
		if need, _ := r.Op.Needs(); scope.Can[need] {
			if region != s.World.Home {
				r.Region = region
			}
			out = append(out, r)
		}
	}
	region, name := trailNamed(s, touched)
	if name != "" {
		add(region, Get(name))
		add(region, GetTrail(name))
		switch touched.Op {
		case model.OpCreate, model.OpStart, model.OpStop:
			add(region, Status(name))
		case model.OpPutEvents:
			add(region, GetEvents(name))
		}
	}
	store := ""
	if kind, rest, _ := strings.Cut(model.Resource(s, touched), "/"); kind == "store" {
		at, id, _ := strings.Cut(rest, "/")
		store = id
		add(at, GetStore(id))
		switch touched.Op {
		case model.OpCreateStore, model.OpUpdateStore:
			add(at, OnStore(model.OpGetStore, id))
		}
	}
	for i := range s.Trails {
		if t := &s.Trails[i]; t.Name != name || t.Home != region {
			add(t.Home, Get(t.Name))
		}
	}
	for i := range s.Stores {
		if x := &s.Stores[i]; x.ID != store {
			add(x.Home, GetStore(x.ID))
		}
	}
	return out
}

// trailNamed finds the trail that a write named, in its home Region; the deleted one too.
func trailNamed(s model.State, r model.Request) (region, name string) {
	if resource := model.Resource(s, r); strings.HasPrefix(resource, "trail/") {
		region, name, _ = strings.Cut(strings.TrimPrefix(resource, "trail/"), "/")
		return region, name
	}
	if r.Op != model.OpDelete {
		return "", ""
	}
	region, name = cmp.Or(r.Region, s.World.Home), r.Input.Get("Name").Text()
	if parts := strings.SplitN(name, ":", 6); len(parts) == 6 {
		region, name = parts[3], strings.TrimPrefix(parts[5], "trail/")
	}
	if !model.ValidTrailName(name) {
		return "", ""
	}
	return region, name
}
