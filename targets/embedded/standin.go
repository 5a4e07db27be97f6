package embedded

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// standIn is what an account keeps beyond the model, so that clients can work with it: the settings of its trails and
// stores, which are read back as they were given, and their tags.
type standIn struct {
	trails map[trailKey]*kept
	stores map[string]*kept // by ID
}

func newStandIn() *standIn { return &standIn{map[trailKey]*kept{}, map[string]*kept{}} }

// kept is what there is of one resource.
type kept struct {
	settings value.Value // as answers show them
	status   value.Value // when a trail began and ended to log
	tags     map[string]value.Value
}

// setting is a member that a resource is made or changed with.
type setting struct {
	given, shown string // its name in requests and in answers
	kind         value.Kind
	otherwise    value.Value // where it was never given
}

var (
	yes, no = value.Boolean(true), value.Boolean(false)

	trailSettings = []setting{
		{"S3BucketName", "S3BucketName", value.String, value.Value{}},
		{"S3KeyPrefix", "S3KeyPrefix", value.String, value.Value{}},
		{"SnsTopicName", "SnsTopicName", value.String, value.Value{}},
		{"IncludeGlobalServiceEvents", "IncludeGlobalServiceEvents", value.Bool, yes},
		{"IsMultiRegionTrail", "IsMultiRegionTrail", value.Bool, no},
		{"EnableLogFileValidation", "LogFileValidationEnabled", value.Bool, no},
		{"CloudWatchLogsLogGroupArn", "CloudWatchLogsLogGroupArn", value.String, value.Value{}},
		{"CloudWatchLogsRoleArn", "CloudWatchLogsRoleArn", value.String, value.Value{}},
		{"KmsKeyId", "KmsKeyId", value.String, value.Value{}},
		{"IsOrganizationTrail", "IsOrganizationTrail", value.Bool, no},
	}
	storeSettings = []setting{
		{"Name", "Name", value.String, value.Value{}},
		{"MultiRegionEnabled", "MultiRegionEnabled", value.Bool, yes},
		{"OrganizationEnabled", "OrganizationEnabled", value.Bool, no},
		{"BillingMode", "BillingMode", value.String, value.Str(extendable)},
		{"RetentionPeriod", "RetentionPeriod", value.Number, value.Value{}},
		{"TerminationProtectionEnabled", "TerminationProtectionEnabled", value.Bool, yes},
		{"KmsKeyId", "KmsKeyId", value.String, value.Value{}},
	}
)

// managementEvents are what a store logs that was made without selectors.
var managementEvents = value.ListOf(value.Obj("Name", "Default management events",
	"FieldSelectors", value.ListOf(value.Obj("Field", "eventCategory", "Equals", value.Strs("Management")))))

// The two billing modes of a store, with which the longest retention and the one that is not given come, in days.
const (
	extendable = "EXTENDABLE_RETENTION_PRICING"
	fixed      = "FIXED_RETENTION_PRICING"
)

var retentions = map[string]struct{ otherwise, most int }{extendable: {366, 3653}, fixed: {2557, 2557}}

func defaults(of []setting) value.Value {
	out := value.Obj()
	for _, s := range of {
		out = out.With(s.shown, s.otherwise)
	}
	return out
}

// changed has the settings that a request gives; empty text takes one away. A refusal says which has the wrong type.
func changed(old value.Value, of []setting, in value.Value) (value.Value, *response) {
	for _, s := range of {
		given := in.Get(s.given)
		switch {
		case !given.Given():
			continue
		case given.Kind() != s.kind:
			return old, refused(codeSerialization, "%s has the wrong type.", s.given)
		case given.Kind() == value.String && given.Text() == "":
			given = s.otherwise
		}
		old = old.With(s.shown, given)
	}
	return old, nil
}

func refused(code, format string, args ...any) *response {
	out := refusal(code, fmt.Sprintf(format, args...))
	return &out
}

// merged is an object with the members of another one.
func merged(body, more value.Value) value.Value {
	for _, m := range more.Members() {
		body = body.With(m.Name, m.Value)
	}
	return body
}

func (x *standIn) trail(key trailKey) *kept {
	if x.trails[key] == nil {
		x.trails[key] = &kept{settings: defaults(trailSettings), tags: map[string]value.Value{}}
	}
	return x.trails[key]
}

func (x *standIn) store(id string) *kept {
	if x.stores[id] == nil {
		x.stores[id] = &kept{settings: defaults(storeSettings), tags: map[string]value.Value{}}
	}
	return x.stores[id]
}

// proposal is what a request makes of what is kept of a resource: nil where it changes no settings. A refusal is one
// that the service has reasons for of which the model knows nothing.
func (x *standIn) proposal(c *call) (next *kept, out *response) {
	in := c.request.Input
	switch c.request.Op {
	case model.OpCreate, model.OpUpdate:
		old := &kept{settings: defaults(trailSettings), tags: map[string]value.Value{}}
		if c.request.Op == model.OpUpdate {
			old = x.trail(namedKey(c.state, c.request))
		}
		return old.changed(trailSettings, in, trailProblem)
	case model.OpCreateStore, model.OpUpdateStore:
		old, id := &kept{settings: defaults(storeSettings), tags: map[string]value.Value{}}, ""
		if i := c.store(); i >= 0 && c.request.Op == model.OpUpdateStore {
			id = c.state.Stores[i].ID
			old = x.store(id)
		}
		return old.changed(storeSettings, in, func(settings value.Value) *response { return x.storeProblem(c, id, settings) })
	case model.OpDeleteStore:
		if i := c.store(); i >= 0 && x.store(c.state.Stores[i].ID).settings.Get("TerminationProtectionEnabled").True() {
			return nil, refused("EventDataStoreTerminationProtectedException",
				"The event data store cannot be deleted because termination protection is enabled for it.")
		}
	}
	return nil, nil
}

func (k kept) changed(of []setting, in value.Value, problem func(value.Value) *response) (*kept, *response) {
	var out *response
	if k.settings, out = changed(k.settings, of, in); out == nil {
		out = problem(k.settings)
	}
	if out == nil {
		k.tags, out = tagged(k.tags, in.Get("TagsList"))
	}
	return &k, out
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func trailProblem(settings value.Value) *response {
	bucket, prefix := settings.Get("S3BucketName").Text(), settings.Get("S3KeyPrefix").Text()
	switch {
	case !bucketName.MatchString(bucket):
		return refused("InvalidS3BucketNameException", "%.80q is no name of a bucket.", bucket)
	case len(prefix) > 200:
		return refused("InvalidS3PrefixException", "The prefix has %d characters; 200 are the most.", len(prefix))
	case settings.Get("IsMultiRegionTrail").True() && !settings.Get("IncludeGlobalServiceEvents").True():
		return refused(codeCombination, "Multi-Region trail must include global service events.")
	}
	return nil
}

var storeName = regexp.MustCompile(`^[a-zA-Z0-9._-]{3,128}$`)

// storeProblem says what is wrong with the settings of the store of that ID, which is empty for a new one.
func (x *standIn) storeProblem(c *call, id string, settings value.Value) *response {
	name, mode := settings.Get("Name").Text(), settings.Get("BillingMode").Text()
	retention := settings.Get("RetentionPeriod")
	days, err := strconv.Atoi(cmp.Or(retention.Text(), strconv.Itoa(retentions[mode].otherwise)))
	switch {
	case !storeName.MatchString(name):
		return refused(codeParameter, "%.140q is no name of an event data store.", name)
	case slices.ContainsFunc(c.state.Stores, func(s model.Store) bool {
		return s.ID != id && s.Home == c.request.Region && !s.Pending && x.store(s.ID).settings.Get("Name").Text() == name
	}):
		return refused("EventDataStoreAlreadyExistsException", "There is an event data store of the name %s already.", name)
	case retentions[mode].most == 0:
		return refused(codeParameter, "BillingMode is neither %s nor %s.", extendable, fixed)
	case err != nil || days < 7 || days > retentions[mode].most:
		return refused(codeParameter, "RetentionPeriod is %s; 7 to %d days are possible with %s.", retention, retentions[mode].most, mode)
	}
	return nil
}

// note keeps what a request that was carried out has changed, and adds to its answer what is known beyond the model.
func (x *standIn) note(c *call, after model.State, next *kept, body value.Value) value.Value {
	op, now := c.request.Op, time.Now().UTC()
	switch key := namedKey(after, c.request); op {
	case model.OpCreate, model.OpUpdate:
		x.trails[key] = next
		return merged(x.trailBody(after, key), body)
	case model.OpTrail:
		if i := indexOf(after, key); i >= 0 {
			return body.With("Trail", merged(x.trailDescription(after, after.Trails[i]), body.Get("Trail")))
		}
	case model.OpStatus:
		return merged(body, x.trail(key).status)
	case model.OpStart, model.OpStop:
		word := map[model.Op]string{model.OpStart: "Start", model.OpStop: "Stop"}[op]
		past := map[model.Op]string{model.OpStart: "Started", model.OpStop: "Stopped"}[op]
		k := x.trail(key)
		k.status = merged(k.status, value.Obj(word+"LoggingTime", seconds(now), "TimeLogging"+past, now.Format(time.RFC3339)))
	case model.OpDelete, model.OpDeleteStore:
		x.forget(after)
	case model.OpCreateStore, model.OpUpdateStore, model.OpGetStore, model.OpRestoreStore:
		i := len(after.Stores) - 1
		if op != model.OpCreateStore {
			i = c.store()
		}
		if i < 0 {
			return body
		}
		id := after.Stores[i].ID
		if next != nil {
			if next.settings = next.settings.With("UpdatedTimestamp", seconds(now)); op == model.OpCreateStore {
				next.settings = next.settings.With("CreatedTimestamp", seconds(now))
			}
			x.stores[id] = next
		}
		if body = merged(x.storeBody(id), body); op == model.OpCreateStore {
			return body.With("TagsList", x.store(id).tagList())
		}
	}
	return body
}

func seconds(t time.Time) value.Value {
	return value.Num(strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64))
}

// forget lets go of what resources had that are there no longer.
func (x *standIn) forget(after model.State) {
	maps.DeleteFunc(x.trails, func(key trailKey, _ *kept) bool { return indexOf(after, key) < 0 })
	maps.DeleteFunc(x.stores, func(id string, _ *kept) bool {
		return !slices.ContainsFunc(after.Stores, func(s model.Store) bool { return s.ID == id })
	})
}

// trailBody has the members of a trail that CreateTrail and UpdateTrail answer, where they are more than the model's.
func (x *standIn) trailBody(s model.State, key trailKey) value.Value {
	settings := x.trail(key).settings
	topic := settings.Get("SnsTopicName").Text()
	if topic == "" {
		return settings
	} else if !strings.HasPrefix(topic, "arn:") {
		topic = fmt.Sprintf("arn:%s:sns:%s:%s:%s", s.World.Partition, key.region, s.World.Account, topic)
	}
	return settings.With("SnsTopicARN", value.Str(topic))
}

// trailDescription is a trail as GetTrail and DescribeTrails show it.
func (x *standIn) trailDescription(s model.State, t model.Trail) value.Value {
	return merged(value.Obj("Name", t.Name, "TrailARN", s.World.TrailARN(t.Home, t.Name), "HomeRegion", t.Home,
		"HasCustomEventSelectors", t.Events != "", "HasInsightSelectors", t.Insights.On()), x.trailBody(s, keyOf(t)))
}

// storeBody has the members of a store that are more than the model's.
func (x *standIn) storeBody(id string) value.Value {
	settings := x.store(id).settings
	if !settings.Get("RetentionPeriod").Given() {
		days := retentions[settings.Get("BillingMode").Text()].otherwise
		settings = settings.With("RetentionPeriod", value.Num(strconv.Itoa(days)))
	}
	return settings.With("AdvancedEventSelectors", managementEvents)
}
