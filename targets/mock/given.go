package mock

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/wire"
)

// A fake without PutInsightSelectors shows what it was given. Its user says what that is, and what it answers is held
// against that.

// maxGiven is how many trails may be given: one world holds them all, and all that reads them.
const maxGiven = 12

// readOnly reports whether nothing but reads is tested.
func (o *Options) readOnly() bool { return o.Contents != nil }

// given lists the trails with contents, those with Insights first, so that most cases are about one of them.
func (o *Options) given() []string {
	off := func(name string) int { return min(1, len(o.Contents[name])) }
	return slices.SortedFunc(maps.Keys(o.Contents), func(a, b string) int {
		return cmp.Or(off(b)-off(a), cmp.Compare(a, b))
	})
}

// others lists the trails whose contents are not known.
func (o *Options) others() []string {
	return slices.DeleteFunc(slices.Clone(o.Trails), func(name string) bool { _, given := o.Contents[name]; return given })
}

// checkGiven reads the contents as an answer of GetInsightSelectors is read.
func (t *target) checkGiven() (given []model.Selectors, err error) {
	switch {
	case t.calls[model.OpPut] != nil:
		return nil, usage("Contents is for a value without %[1]s; leave it out, or name a mere stub in Without: []string{%[1]q}",
			model.OpPut)
	case t.calls[model.OpGet] == nil:
		return nil, usage("%s", problemOf(t.value, model.OpGet))
	case len(t.options.Contents) == 0:
		return nil, usage("Contents names no trail; say what each trail of the mock holds")
	case len(t.options.Contents) > maxGiven:
		return nil, usage("Contents has %d trails; choose %d at most", len(t.options.Contents), maxGiven)
	}
	for _, name := range t.lent {
		if !model.ValidTrailName(name) {
			return nil, usage("Contents: %q is not a trail name", name)
		}
		set, problem := selectorsOf(t.options.Contents[name])
		if problem != "" {
			return nil, usage("Contents: %q has %s", name, problem)
		}
		given = append(given, set)
	}
	return given, nil
}

// selectorsOf are selectors as the model has them, or what is wrong with them.
func selectorsOf(list []types.InsightSelector) (set model.Selectors, problem string) {
	encoded, err := json.Marshal(cloudtrail.GetInsightSelectorsOutput{InsightSelectors: list})
	body, err2 := value.Parse(encoded)
	if err = cmp.Or(err, err2); err != nil {
		return 0, err.Error()
	}
	a, _ := wire.ReadSuccess(model.OpGet, body)
	kinds := map[types.InsightType]bool{}
	for _, s := range list {
		if kinds[s.InsightType] {
			return 0, fmt.Sprintf("the InsightType %s twice", s.InsightType)
		}
		kinds[s.InsightType] = true
		if s.EventCategories != nil && len(s.EventCategories) == 0 {
			return 0, fmt.Sprintf("empty EventCategories for %s; leave them out, which means Management", s.InsightType)
		}
	}
	switch {
	case a.Alien != "":
		return 0, fmt.Sprintf("%s, which is no InsightType and no event category", a.Alien)
	case a.Repeated:
		return 0, "an event category twice"
	}
	return a.Selectors, ""
}
