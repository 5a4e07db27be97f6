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
	kind, region, name := named(s, touched)
	switch {
	case kind == "trail":
		add(region, Get(name))
		add(region, GetTrail(name))
		switch touched.Op {
		case model.OpCreate, model.OpStart, model.OpStop:
			add(region, Status(name))
		case model.OpPutEvents:
			add(region, GetEvents(name))
		}
	case kind == "store":
		add(region, GetStore(name))
		if touched.Op == model.OpCreateStore || touched.Op == model.OpUpdateStore {
			add(region, OnStore(model.OpGetStore, s.World.StoreARN(region, name)))
		}
	}
	for i := range s.Trails {
		if t := &s.Trails[i]; t.Name != name || t.Home != region {
			add(t.Home, Get(t.Name))
		}
	}
	for i := range s.Stores {
		if x := &s.Stores[i]; x.ID != name {
			add(x.Home, GetStore(x.ID))
		}
	}
	return out
}

// named finds the trail or store that a write named, in its home Region; the deleted trail too.
func named(s model.State, r model.Request) (kind, region, name string) {
	if parts := strings.SplitN(model.Resource(s, r), "/", 3); len(parts) == 3 {
		return parts[0], parts[1], parts[2]
	}
	region, name = cmp.Or(r.Region, s.World.Home), r.Input.Get("Name").Text()
	if parts := strings.SplitN(name, ":", 6); len(parts) == 6 {
		region, name = parts[3], strings.TrimPrefix(parts[5], "trail/")
	}
	if r.Op != model.OpDelete || !model.ValidTrailName(name) {
		return "", "", ""
	}
	return "trail", region, name
}
