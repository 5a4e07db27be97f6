package generators

import (
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// Representative is one class of values of a member: a name for people, a value, and the error rules
// that it breaks in a request that is otherwise plain.
type Representative struct {
	Name   string
	Value  value.Value // Absent leaves the member out
	Region string      // where the request is sent, where that belongs to the class
	Breaks []model.ID
}

// classes lists some that break the same rules, from alternating names and values or strings.
func classes(breaks ids, namesAndValues ...any) (out []Representative) {
	for i := 0; i < len(namesAndValues); i += 2 {
		v, ok := namesAndValues[i+1].(value.Value)
		if !ok {
			v = value.Str(namesAndValues[i+1].(string))
		}
		out = append(out, Representative{Name: namesAndValues[i].(string), Value: v, Breaks: breaks})
	}
	return out
}

type ids = []model.ID

func Valid(name string, v value.Value) Representative { return Representative{Name: name, Value: v} }

const (
	UnknownName  = "nobody"
	UnknownStore = "9f8e7d6c-5b4a-4392-8a1b-0c9d8e7f6a5b"
	nowhere      = "xx-nowhere-9"
)

// wrongTypes lists a value of each JSON type that is no string and not null.
func wrongTypes(text string) []Representative {
	return classes(ids{model.WireWrongType}, "a number", value.Num("5"), "a list", value.Strs(text),
		"an object", value.Obj("Name", text), "a boolean", value.Boolean(true))
}

// BadTrailNames lists the classes of TrailName that are wrong in themselves, for any state.
func BadTrailNames(w *model.World) []Representative {
	partition := ":" + w.Partition + ":"
	// A right ARN with parts of it replaced.
	but := func(oldNew ...string) string {
		return strings.NewReplacer(oldNew...).Replace(w.TrailARN(w.Home, NameAlpha))
	}
	return slices.Concat(
		classes(ids{model.TrailNameSyntax},
			"of 2 characters", "ab", "of 129 characters", NameLong+"x", "two punctuation marks side by side", "my-_trail",
			"an IPv4 address", "192.168.5.4", "starts with a dot", ".alpha", "starts with a dash", "-alpha",
			"ends with a dash", "alpha-", "ends with an underscore", "alpha_", "a space within", "al pha",
			"not ASCII", "tråil", "a control character", "al\u0001pha", "ends with a newline", "alpha\n",
			"a slash", "trail/alpha", "of 10,000 characters", strings.Repeat("a", 10000), "empty", "", "white space", "   ",
			"ARN in capitals", "ARN:aws:cloudtrail:"+w.Home+":"+w.Account+":trail/alpha"),
		classes(ids{model.TrailARNSyntax},
			"ARN of another service", but("cloudtrail", "s3"),
			"ARN of an event data store", but("trail/alpha", "eventdatastore/"+UnknownStore),
			"ARN of another resource kind", but("trail/alpha", "channel/alpha"),
			"ARN with a bad name", but("trail/alpha", "trail/my-_trail"),
			"ARN without a name", but("trail/alpha", "trail/"),
			"ARN without a resource kind", but("trail/alpha", "alpha"),
			"ARN cut short", "arn:"+w.Partition+":cloudtrail:"+w.Home,
			"ARN without an account", but(w.Account, ""),
			"ARN without a Region", but(w.Home, ""),
			"ARN of another partition", but(partition, ":aws-us-gov:"),
			"no more than arn:", "arn:"),
		classes(ids{model.TrailARNSyntax, model.TrailHomeRegion},
			"ARN of a Region that does not exist", but(w.Home, nowhere),
			"ARN of another partition and Region", but(partition, ":aws-cn:", w.Home, "cn-north-1")),
		classes(ids{model.TrailNotFound},
			"unknown name", UnknownName, "unknown name of 3 characters", "zzz", "unknown name with a digit first", "4all",
			"unknown name of 128 characters", strings.Repeat("z", 128), "unknown name with all punctuation", "a.b-c_d",
			"ARN of an unknown trail", w.TrailARN(w.Home, UnknownName)),
		classes(ids{model.TrailNotFound, model.TrailHomeRegion},
			"ARN of an unknown trail in another Region", w.TrailARN(w.Away, UnknownName)),
		classes(ids{model.TrailOtherAccount}, "ARN of another account", but(w.Account, w.OtherAccount)),
		classes(ids{model.TrailOtherAccount, model.TrailHomeRegion},
			"ARN of another account and Region", but(w.Home, w.Away, w.Account, w.OtherAccount)),
		classes(ids{model.InputNoResource}, "absent", value.Value{}, "null", value.NullValue),
		wrongTypes(NameAlpha))
}

// TrailNames lists the classes of TrailName in a state: all ways to name its trails, and BadTrailNames.
func TrailNames(s model.State) []Representative {
	w := s.World
	elsewhere := ids{model.TrailHomeRegion}
	var out, variants []Representative
	for _, t := range s.Trails {
		name, arn := t.Name, w.TrailARN(t.Home, t.Name)
		if t.Home != w.Home {
			if _, twice := s.Trail(w.Home, name); !twice {
				variants = append(variants, classes(elsewhere, "name of "+name+" in another Region", name)...)
			}
			variants = append(variants, classes(elsewhere, "ARN of "+name+" in another Region", arn)...)
			variants = append(variants, Representative{Name: name + " in its Region", Value: value.Str(name), Region: t.Home})
			continue
		}
		out = append(out, classes(nil, "name of "+name, name, "ARN of "+name, arn)...)
		other := SwapCase(name)
		if _, there := s.Trail(w.Home, other); !there && other != name {
			variants = append(variants, classes(ids{model.TrailNotFound}, name+" in another letter case", other,
				"ARN of "+name+" in another letter case", w.TrailARN(w.Home, other))...)
		}
		if _, there := s.Trail(w.Away, name); !there {
			variants = append(variants,
				Representative{"name of " + name + " from another Region", value.Str(name), w.Away, elsewhere},
				Representative{"ARN of " + name + " from another Region", value.Str(arn), w.Away, elsewhere})
		}
	}
	return slices.Concat(out, BadTrailNames(w), variants)
}

// SwapCase changes the letter case of the first letter.
func SwapCase(s string) string {
	if s[0] >= 'a' && s[0] <= 'z' {
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// badStoreNames lists the classes of EventDataStore and InsightsDestination that are wrong in themselves.
func badStoreNames(w *model.World) []Representative {
	// A right ARN with parts of it replaced.
	but := func(oldNew ...string) string {
		return strings.NewReplacer(oldNew...).Replace(w.StoreARN(w.Home, UnknownStore))
	}
	return slices.Concat(
		classes(ids{model.StoreIDSyntax},
			"of 2 characters", "ab", "of 257 characters", strings.Repeat("a", 257), "a space within", "00000000 0000",
			"not ASCII", "störe", "a control character", "store\u0001", "an asterisk", "store*",
			"ARN of a trail", w.TrailARN(w.Home, NameAlpha), "ARN of a channel", but("eventdatastore", "channel"),
			"ARN of another service", but("cloudtrail", "s3"), "ARN cut short", "arn:"+w.Partition+":cloudtrail:"+w.Home,
			"ARN of another partition", but(":"+w.Partition+":", ":aws-us-gov:")),
		classes(ids{model.StoreNotFound},
			"unknown identifier", UnknownStore, "identifier of a store not yet created", model.StoreID(77),
			"unknown identifier of 256 characters", strings.Repeat("a", 256), "unknown identifier of 3 characters", "abc",
			"ARN of an unknown store", w.StoreARN(w.Home, UnknownStore),
			"ARN of a store in another Region", w.StoreARN(w.Away, model.StoreID(0))),
		classes(ids{model.StoreOtherAccount},
			"ARN of another account", but(w.Account, w.OtherAccount, UnknownStore, model.StoreID(0)),
			"ARN of another account, unknown store", but(w.Account, w.OtherAccount)),
		classes(nil, "null", value.NullValue),
		wrongTypes(UnknownStore))
}

// StoreNames lists the classes of EventDataStore and InsightsDestination in a state.
func StoreNames(s model.State) []Representative {
	var out []Representative
	for i, x := range s.Stores {
		name, breaks := fmt.Sprint("store ", i%10), ids(nil)
		if x.Pending {
			name, breaks = name+", pending deletion", ids{model.StoreInactive}
		}
		if x.Home == s.World.Home {
			out = append(out, classes(breaks, "ARN of "+name, s.World.StoreARN(x.Home, x.ID), "identifier of "+name, x.ID)...)
		}
	}
	return append(out, badStoreNames(s.World)...)
}

// Selector is one item of InsightSelectors.
func Selector(insight string, categories ...string) value.Value {
	return value.Obj("InsightType", insight, "EventCategories", value.Strs(categories...))
}

// The spellings that requests use most.
var (
	callRate, errorRate = model.TypeNames[model.CallRate], model.TypeNames[model.ErrorRate]
	management, data    = model.CategoryNames[0], model.CategoryNames[1]
)

// PlainSelectors lists the 15 non-empty sets of selectors in their usual order, and the empty one.
func PlainSelectors() (out []Representative) {
	for _, set := range AllSelectors() {
		name := set.String()
		if set == 0 {
			name = "the empty list"
		}
		out = append(out, Valid(name, set.Value()))
	}
	return out
}

// VariantSelectors lists lists that are valid, or refused only by some, without being spelt plainly:
// other orders, absent, null and empty categories, duplicates, unknown members.
func VariantSelectors() []Representative {
	list := func(name string, items ...value.Value) Representative { return Valid(name, value.ListOf(items...)) }
	differing := func(name string, items ...value.Value) Representative {
		return Representative{Name: name, Value: value.ListOf(items...), Breaks: ids{model.PutDuplicateDiffering}}
	}
	calls := func(categories ...string) value.Value { return Selector(callRate, categories...) }
	errors := func(categories ...string) value.Value { return Selector(errorRate, categories...) }
	bare := func(insight string) value.Value { return value.Obj("InsightType", insight) }
	both := []string{management, data}
	turned := []string{data, management}
	return []Representative{
		list("types in the other order", errors(management), calls(management)),
		list("categories in the other order", calls(turned...)),
		list("types and categories in the other order", errors(turned...), calls(turned...)),
		list("members in the other order", value.Obj("EventCategories", value.Strs(management), "InsightType", callRate)),
		list("call rate without categories", bare(callRate)),
		list("error rate without categories", bare(errorRate)),
		list("both types without categories", bare(callRate), bare(errorRate)),
		list("one type without categories", bare(callRate), errors(management)),
		list("categories null", value.Obj("InsightType", callRate, "EventCategories", value.NullValue)),
		list("categories null beside a valid selector", calls(management),
			value.Obj("InsightType", errorRate, "EventCategories", value.NullValue)),
		list("categories empty", calls()),
		list("categories of error rate empty", errors()),
		list("categories of both types empty", calls(), errors()),
		list("categories empty beside a valid selector", calls(management), errors()),
		list("categories empty before a valid selector", calls(), errors(management)),
		list("a type twice", calls(management), calls(management)),
		list("a type twice with two categories", calls(both...), calls(turned...)),
		list("a type three times", errors(management), errors(management), errors(management)),
		list("a type twice around another", calls(management), errors(management), calls(management)),
		list("a type twice, once without categories", calls(management), bare(callRate)),
		list("a category twice", calls(management, management)),
		list("a category twice around another", errors(management, data, management)),
		list("an unknown member in a selector", calls(management).With("Nonsense", value.Str("x"))),
		differing("a type twice with other categories", calls(management), calls(data)),
		differing("a type twice with more categories", errors(management), errors(both...)),
		differing("a type twice with fewer categories", calls(both...), calls(data)),
		differing("a type twice with other categories beside another", calls(management), errors(management), calls(data)),
		differing("a type three times, once with other categories", calls(management), calls(data), calls(management)),
	}
}

// changed is classes with another value each, and with something before their names.
func changed(reps []Representative, before string, change func(value.Value) value.Value) []Representative {
	for i, r := range reps {
		reps[i].Name, reps[i].Value = before+r.Name, change(r.Value)
	}
	return reps
}

// BadItems lists the selectors that are wrong in themselves.
func BadItems() []Representative {
	ofType := func(v value.Value) value.Value {
		return value.Obj("InsightType", v, "EventCategories", value.Strs(management))
	}
	ofCategory := func(v value.Value) value.Value {
		return value.Obj("InsightType", callRate, "EventCategories", value.ListOf(v))
	}
	ofCategories := func(v value.Value) value.Value { return value.Obj("InsightType", callRate, "EventCategories", v) }
	wrongType := ids{model.WireWrongType}
	out := slices.Concat(
		changed(classes(ids{model.SelectorTypeInvalid},
			"unknown type", "ApiLatencyInsight", "type in lower case", strings.ToLower(callRate),
			"type in capitals", strings.ToUpper(errorRate), "type with its first letter small", "apiErrorRateInsight",
			"type empty", "", "type with a space", callRate+" ", "type with a control character", "Api\u0007CallRateInsight",
			"type not ASCII", "ÀpiCallRateInsight", "type without its ending", "ApiCallRate",
			"type of 10,000 characters", strings.Repeat("A", 10000)), "", ofType),
		changed(classes(ids{model.SelectorTypeMissing}, "absent", value.Value{}, "null", value.NullValue), "type ", ofType),
		classes(ids{model.SelectorTypeMissing}, "an empty object", value.Obj()),
		changed(classes(ids{model.SelectorCategory},
			"unknown category", "Network", "category in lower case", "management", "category in capitals", "DATA",
			"category empty", "", "category Insight", "Insight", "category with a space", " Management",
			"category with a control character", "Data\u0000",
			"category of 10,000 characters", strings.Repeat("M", 10000)), "", ofCategory),
		classes(ids{model.SelectorCategory},
			"an unknown category after a valid one", Selector(callRate, management, "Network"),
			"an unknown category before a valid one", Selector(callRate, "Network", management)))
	for _, x := range wrongTypes(callRate) {
		out = append(out, classes(wrongType, "type "+x.Name, ofType(x.Value))...)
		if x.Value.Kind() != value.Object { // an object is one, if an odd one
			out = append(out, classes(wrongType, "a selector "+x.Name, x.Value)...)
		}
	}
	return slices.Concat(out,
		classes(wrongType, "a selector a string", callRate),
		classes(ids{model.WireWrongType, model.SelectorTypeMissing}, "a selector null", value.NullValue),
		changed(classes(wrongType, "a string", management, "an empty string", "", "the list as text", value.Strs(management).String(), "an object", value.Obj("Management", true),
			"a number", value.Num("1"), "a boolean", value.Boolean(true)), "categories ", ofCategories),
		changed(classes(wrongType, "a number", value.Num("1"), "an object", value.Obj()), "a category ", ofCategory),
		changed(classes(ids{model.WireWrongType, model.SelectorCategory}, "null", value.NullValue), "a category ", ofCategory))
}

// BadSelectors lists the classes of InsightSelectors that are wrong in themselves.
func BadSelectors() []Representative {
	out := changed(BadItems(), "", func(item value.Value) value.Value { return value.ListOf(item) })
	good := Selector(errorRate, management)
	for _, item := range []int{0, 10, 13} { // one of each rule of the selectors
		bad := BadItems()[item]
		out = append(out, classes(bad.Breaks, bad.Name+" after a valid selector", value.ListOf(good, bad.Value),
			bad.Name+" before a valid selector", value.ListOf(bad.Value, good))...)
	}
	return slices.Concat(out,
		classes(ids{model.InputSelectorsMissing}, "absent", value.Value{}, "null", value.NullValue),
		classes(ids{model.WireWrongType, model.InputSelectorsMissing}, "a string", callRate, "an empty string", "",
			"the list as text", PlainSelectors()[1].Value.String(), "a number", value.Num("0"),
			"a boolean", value.Boolean(false), "an object", Selector(callRate, management),
			"an empty object instead of the list", value.Obj()))
}

// eventClass is what PutEventSelectors may make a trail log, in one of the ways to say it.
type eventClass struct {
	Name  string
	logs  model.Logs
	Input value.Value // without TrailName
}

var s3Objects = value.ListOf(value.Obj("Type", "AWS::S3::Object", "Values", value.Strs("arn:aws:s3")))

// EventClasses lists the classes of logs by basic selectors, each at its index, then in other ways and by advanced ones.
func EventClasses() []eventClass {
	eventSelectors := func(items ...value.Value) value.Value { return value.Obj("EventSelectors", value.ListOf(items...)) }
	basic := func(readWrite string, include bool, dataToo bool) value.Value {
		v := value.Obj("ReadWriteType", readWrite, "IncludeManagementEvents", include)
		if dataToo {
			v = v.With("DataResources", s3Objects)
		}
		return v
	}
	var out []eventClass
	for logs := range model.Logs(8) {
		readWrite := [...]string{"All", "WriteOnly", "ReadOnly", "All"}[logs&model.ManagementEvents]
		v := basic(readWrite, logs&model.ManagementEvents != 0, logs&model.DataEvents != 0)
		out = append(out, eventClass{"basic " + logs.String(), logs, eventSelectors(v)})
	}
	out = append(out,
		eventClass{"basic RW from two selectors", model.ManagementEvents,
			eventSelectors(basic("ReadOnly", true, false), basic("WriteOnly", true, false))},
		eventClass{"basic RD, data of write calls alone", model.ReadEvents | model.DataEvents,
			eventSelectors(basic("ReadOnly", true, false), basic("WriteOnly", false, true))},
		eventClass{"basic RW by default", model.ManagementEvents, value.Obj("EventSelectors", value.ListOf(value.Obj()))},
		eventClass{"basic RW, data of no value", model.ManagementEvents,
			eventSelectors(basic("All", true, false).With("DataResources", value.ListOf(value.Obj("Type", "AWS::S3::Object", "Values", value.ListOf()))))},
		eventClass{"basic D, of read calls alone", model.DataEvents, eventSelectors(basic("ReadOnly", false, true))},
	)
	for logs := model.Logs(1); logs < 8; logs++ {
		out = append(out, eventClass{"advanced " + logs.String(), logs, value.Obj("AdvancedEventSelectors", advanced(logs))})
	}
	return out
}

// advanced lists the advanced event selectors that log something.
func advanced(logs model.Logs) value.Value {
	field := func(name, item string) value.Value {
		return value.Obj("Field", name, "Equals", value.Strs(item))
	}
	one := func(name string, fields ...value.Value) value.Value {
		return value.Obj("Name", name, "FieldSelectors", value.ListOf(fields...))
	}
	var items []value.Value
	switch logs & model.ManagementEvents {
	case model.ManagementEvents:
		items = append(items, one("management", field("eventCategory", "Management")))
	case model.ReadEvents:
		items = append(items, one("read", field("eventCategory", "Management"), field("readOnly", "true")))
	case model.WriteEvents:
		items = append(items, one("write", field("eventCategory", "Management"), field("readOnly", "false")))
	}
	if logs&model.DataEvents != 0 {
		items = append(items, one("data", field("eventCategory", "Data"), field("resources.type", "AWS::S3::Object")))
	}
	if logs&model.InsightEvents != 0 {
		items = append(items, one("insight", field("eventCategory", "Insight")))
	}
	return value.ListOf(items...)
}

// StoreKind is what an event data store may log.
type StoreKind struct {
	Name      string
	Selectors value.Value
	Stopped   bool // created with StartIngestion false
}

// The kinds of event data store.
var (
	SourceStore  = StoreKind{Name: "management source", Selectors: advanced(model.ManagementEvents)}
	InsightStore = StoreKind{Name: "insight destination", Selectors: advanced(model.InsightEvents)}
	ReadStore    = StoreKind{Name: "read-only source", Selectors: advanced(model.ReadEvents)}
	writeStore   = StoreKind{Name: "write-only source", Selectors: advanced(model.WriteEvents)}
	DataStore    = StoreKind{Name: "data-only store", Selectors: advanced(model.DataEvents)}
	IdleSource   = StoreKind{Name: "source without ingestion", Selectors: advanced(model.ManagementEvents), Stopped: true}
	IdleInsight  = StoreKind{Name: "destination without ingestion", Selectors: advanced(model.InsightEvents), Stopped: true}
	MixedStore   = StoreKind{Name: "store of both categories",
		Selectors: advanced(model.ManagementEvents | model.InsightEvents)}
	storeKinds     = []StoreKind{SourceStore, InsightStore, ReadStore, writeStore, DataStore, IdleSource, IdleInsight}
	SourceVariants = []StoreKind{SourceStore, ReadStore, writeStore, DataStore}
)

// Wholes lists what can be wrong with a Put or Get beside its members. All need CanRawWire.
func Wholes() (out []func(model.Request) model.Request) {
	for _, body := range []string{"not json", `{"TrailName": "alpha", "InsightSel`, `["alpha"]`, `"alpha"`, "null", "", "0",
		`{"TrailName": "alpha`, "{\"TrailName\": \"\xff\xfe\"}", `{"TrailName": "alpha",}`, `{} {}`, "<TrailName>alpha</TrailName>",
		strings.Repeat("[", 10000) + strings.Repeat("]", 10000)} {
		out = append(out, func(r model.Request) model.Request { r.Input, r.Raw = value.Obj(), &body; return r })
	}
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		out = append(out, func(r model.Request) model.Request { r.Method = method; return r })
	}
	out = append(out, func(r model.Request) model.Request { r.OtherTarget = true; return r })
	for _, unknown := range []value.Member{{Name: "Nonsense", Value: value.Str("x")},
		{Name: "Tags", Value: value.ListOf(value.Obj("Key", "a", "Value", "b"))},
		{Name: "trailName", Value: value.Str(UnknownName)}} { // in another letter case
		out = append(out, func(r model.Request) model.Request { return With(r, unknown.Name, unknown.Value) })
	}
	return out
}

// AllSelectors lists the 16 sets that requests without duplicates can store, the empty one first.
func AllSelectors() (all []model.Selectors) {
	for i := range model.Categories(16) {
		all = append(all, model.MakeSelectors(i/4, i%4))
	}
	return all
}
