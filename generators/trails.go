package generators

import (
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// Alike are names that a careless server takes for each other.
type Alike struct {
	Names   [3]string // of trails of one world
	Unknown []string  // of none
}

// AlikeNames are alike by beginning, end, a digit first or letter case, and by separators.
var AlikeNames = []Alike{
	{[3]string{"alpha.one2", "alpha.one", "4alpha.one"}, []string{"alpha.on", "pha.one", "alpha.one-9", "xalpha.one", "Alpha.one"}},
	{[3]string{"alpha.one-x", "alpha.one_x", "alpha.onex"}, []string{"alpha-one-x", "alpha.o.nex"}},
}

// Updates lists UpdateTrails of one setting each, on none of which insights depend.
func Updates(trail string) (out []model.Request) {
	for _, settings := range []value.Value{value.Obj(), value.Obj("IncludeGlobalServiceEvents", true),
		value.Obj("EnableLogFileValidation", true), value.Obj("S3BucketName", SharedBucket), value.Obj("S3KeyPrefix", "conform"),
		value.Obj("SnsTopicName", "conform"), value.Obj("KmsKeyId", ""), value.Obj("CloudWatchLogsLogGroupArn", ""),
		value.Obj("IsOrganizationTrail", false), value.Obj("IsMultiRegionTrail", true), value.Obj("IsMultiRegionTrail", false)} {
		r := OnTrail(model.OpUpdate, trail)
		for _, m := range settings.Members() {
			r = With(r, m.Name, m.Value)
		}
		out = append(out, r)
	}
	return out
}
