package generators

import (
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

func breaking(name string, v value.Value, rules ...model.ID) Representative {
	return Representative{Name: name, Value: v, Breaks: rules}
}

func Valid(name string, v value.Value) Representative { return Representative{Name: name, Value: v} }

const (
	UnknownName  = "nobody"
	UnknownStore = "9f8e7d6c-5b4a-4392-8a1b-0c9d8e7f6a5b"
	nowhere      = "xx-nowhere-9"
)

// breakingText is breaking for a string.
func breakingText(name, text string, rules ...model.ID) Representative {
	return breaking(name, value.Str(text), rules...)
}

// breakingTexts is breakingText for several strings, each with its name.
func breakingTexts(rule model.ID, texts ...[2]string) (out []Representative) {
	for _, x := range texts {
		out = append(out, breakingText(x[0], x[1], rule))
	}
	return out
}

// wrongTypes lists a value of each JSON type that is no string and not null.
func wrongTypes(text string, rules ...model.ID) []Representative {
	return []Representative{
		breaking("a number", value.Num("5"), rules...),
		breaking("a list", value.Strs(text), rules...),
		breaking("an object", value.Obj("Name", text), rules...),
		breaking("a boolean", value.Boolean(true), rules...),
	}
}

// BadTrailNames lists the classes of TrailName that are wrong in themselves, for any state.
func BadTrailNames(w *model.World) []Representative {
	partition := ":" + w.Partition + ":"
	// A right ARN with parts of it replaced.
	but := func(oldNew ...string) string {
		return strings.NewReplacer(oldNew...).Replace(w.TrailARN(w.Home, NameAlpha))
	}
	out := breakingTexts(model.TrailNameSyntax, [][2]string{
		{"of 2 characters", "ab"}, {"of 129 characters", NameLong + "x"}, {"two punctuation marks side by side", "my-_trail"},
		{"an IPv4 address", "192.168.5.4"}, {"starts with a dot", ".alpha"}, {"starts with a dash", "-alpha"},
		{"ends with a dash", "alpha-"}, {"ends with an underscore", "alpha_"}, {"a space within", "al pha"},
		{"not ASCII", "tråil"}, {"a control character", "al\u0001pha"}, {"ends with a newline", "alpha\n"},
		{"a slash", "trail/alpha"}, {"of 10,000 characters", strings.Repeat("a", 10000)}, {"empty",
			""}, {"white space", "   "},
		{"ARN in capitals", "ARN:aws:cloudtrail:" + w.Home + ":" + w.Account + ":trail/alpha"},
	}...)
	out = append(out, breakingTexts(model.TrailARNSyntax, [][2]string{
		{"ARN of another service", but("cloudtrail", "s3")},
		{"ARN of an event data store", but("trail/alpha", "eventdatastore/"+UnknownStore)},
		{"ARN of another resource kind", but("trail/alpha", "channel/alpha")},
		{"ARN with a bad name", but("trail/alpha", "trail/my-_trail")},
		{"ARN without a name", but("trail/alpha", "trail/")},
		{"ARN without a resource kind", but("trail/alpha", "alpha")},
		{"ARN cut short", "arn:" + w.Partition + ":cloudtrail:" + w.Home},
		{"ARN without an account", but(w.Account, "")},
		{"ARN without a Region", but(w.Home, "")},
		{"ARN of another partition", but(partition, ":aws-us-gov:")},
		{"no more than arn:", "arn:"},
	}...)...)
	out = append(out,
		breakingText("ARN of a Region that does not exist", but(w.Home, nowhere), model.TrailARNSyntax,
			model.TrailHomeRegion),
		breakingText("ARN of another partition and Region", but(partition, ":aws-cn:", w.Home, "cn-north-1"),
			model.TrailARNSyntax, model.TrailHomeRegion),
		breakingText("unknown name", UnknownName, model.TrailNotFound),
		breakingText("unknown name of 3 characters", "zzz", model.TrailNotFound),
		breakingText("unknown name of 128 characters", strings.Repeat("z", 128), model.TrailNotFound),
		breakingText("unknown name with all punctuation", "a.b-c_d", model.TrailNotFound),
		breakingText("ARN of an unknown trail", w.TrailARN(w.Home, UnknownName), model.TrailNotFound),
		breakingText("ARN of an unknown trail in another Region", w.TrailARN(w.Away, UnknownName),
			model.TrailNotFound, model.TrailHomeRegion),
		breakingText("ARN of another account", but(w.Account, w.OtherAccount), model.TrailOtherAccount),
		breakingText("ARN of another account and Region", but(w.Home, w.Away, w.Account, w.OtherAccount),
			model.TrailOtherAccount, model.TrailHomeRegion),
		breaking("absent", value.Value{}, model.InputNoResource),
		breaking("null", value.NullValue, model.InputNoResource),
	)
	return append(out, wrongTypes(NameAlpha, model.WireWrongType)...)
}

// TrailNames lists the classes of TrailName in a state: all ways to name its trails, and BadTrailNames.
func TrailNames(s model.State) []Representative {
	w := s.World
	var out, variants []Representative
	for _, t := range s.Trails {
		arn := w.TrailARN(t.Home, t.Name)
		if t.Home != w.Home {
			byName := breaking("name of "+t.Name+" in another Region", value.Str(t.Name), model.TrailHomeRegion)
			if _, twice := s.Trail(w.Home, t.Name); !twice {
				variants = append(variants, byName)
			}
			variants = append(variants, breaking("ARN of "+t.Name+" in another Region", value.Str(arn), model.TrailHomeRegion),
				Representative{Name: t.Name + " in its Region", Value: value.Str(t.Name), Region: t.Home})
			continue
		}
		out = append(out, Valid("name of "+t.Name, value.Str(t.Name)), Valid("ARN of "+t.Name, value.Str(arn)))
		if other := SwapCase(t.Name); other != t.Name {
			if _, there := s.Trail(w.Home, other); !there {
				variants = append(variants, breaking(t.Name+" in another letter case", value.Str(other), model.TrailNotFound),
					breaking("ARN of "+t.Name+" in another letter case", value.Str(w.TrailARN(w.Home, other)), model.TrailNotFound))
			}
		}
		if _, there := s.Trail(w.Away, t.Name); !there {
			variants = append(variants,
				Representative{"name of " + t.Name + " from another Region", value.Str(t.Name), w.Away,
					[]model.ID{model.TrailHomeRegion}},
				Representative{"ARN of " + t.Name + " from another Region", value.Str(arn), w.Away,
					[]model.ID{model.TrailHomeRegion}})
		}
	}
	return append(append(out, BadTrailNames(w)...), variants...)
}

// SwapCase changes the letter case of the first letter.
func SwapCase(s string) string {
	if s[0] >= 'a' && s[0] <= 'z' {
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// badStoreNames lists the classes of EventDataStore and InsightsDestination that are wrong in
// themselves. The empty string is among them: it is not to be combined with a TrailName.
func badStoreNames(w *model.World) []Representative {
	// A right ARN with parts of it replaced.
	but := func(oldNew ...string) string {
		return strings.NewReplacer(oldNew...).Replace(w.StoreARN(w.Home, UnknownStore))
	}
	out := breakingTexts(model.StoreIDSyntax, [][2]string{
		{"of 2 characters", "ab"}, {"of 257 characters", strings.Repeat("a", 257)}, {"a space within", "00000000 0000"},
		{"not ASCII", "störe"}, {"a control character", "store\u0001"}, {"an asterisk", "store*"},
		{"ARN of a trail", w.TrailARN(w.Home, NameAlpha)},
		{"ARN of a channel", but("eventdatastore", "channel")},
		{"ARN of another service", but("cloudtrail", "s3")},
		{"ARN cut short", "arn:" + w.Partition + ":cloudtrail:" + w.Home},
		{"ARN of another partition", but(":"+w.Partition+":", ":aws-us-gov:")},
	}...)
	out = append(out,
		breakingText("unknown identifier", UnknownStore, model.StoreNotFound),
		breakingText("identifier of a store not yet created", model.StoreID(77), model.StoreNotFound),
		breakingText("unknown identifier of 256 characters", strings.Repeat("a", 256), model.StoreNotFound),
		breakingText("unknown identifier of 3 characters", "abc", model.StoreNotFound),
		breakingText("ARN of an unknown store", w.StoreARN(w.Home, UnknownStore), model.StoreNotFound),
		breakingText("ARN of a store in another Region", w.StoreARN(w.Away, model.StoreID(0)), model.StoreNotFound),
		breakingText("ARN of another account", but(w.Account, w.OtherAccount, UnknownStore, model.StoreID(0)),
			model.StoreOtherAccount),
		breakingText("ARN of another account, unknown store", but(w.Account, w.OtherAccount), model.StoreOtherAccount),
		breaking("null", value.NullValue),
	)
	return append(out, wrongTypes(UnknownStore, model.WireWrongType)...)
}

// StoreNames lists the classes of EventDataStore and InsightsDestination in a state.
func StoreNames(s model.State) []Representative {
	var out []Representative
	for i, x := range s.Stores {
		name := "store " + string([]byte{'0' + byte(i%10)})
		r := []Representative{Valid("ARN of "+name, value.Str(s.World.StoreARN(x.Home, x.ID))),
			Valid("identifier of "+name, value.Str(x.ID))}
		if x.Home != s.World.Home {
			continue
		}
		if x.Pending {
			r[0].Breaks, r[1].Breaks = []model.ID{model.StoreInactive}, []model.ID{model.StoreInactive}
			r[0].Name += ", pending deletion"
			r[1].Name += ", pending deletion"
		}
		out = append(out, r...)
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
func PlainSelectors() []Representative {
	var out []Representative
	for _, set := range model.AllSelectors() {
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
		return breaking(name, value.ListOf(items...), model.PutDuplicateDiffering)
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

// BadItems lists the selectors that are wrong in themselves.
func BadItems() []Representative {
	ofCategories := func(v value.Value) value.Value { return value.Obj("InsightType", callRate, "EventCategories", v) }
	var out []Representative
	for _, x := range [][2]string{
		{"unknown type", "ApiLatencyInsight"}, {"type in lower case",
			strings.ToLower(callRate)}, {"type in capitals", strings.ToUpper(errorRate)},
		{"type with its first letter small", "apiErrorRateInsight"}, {"type empty", ""}, {"type with a space", callRate + " "},
		{"type with a control character", "Api\u0007CallRateInsight"}, {"type not ASCII", "ÀpiCallRateInsight"},
		{"type without its ending", "ApiCallRate"}, {"type of 10,000 characters", strings.Repeat("A", 10000)},
	} {
		out = append(out, breaking(x[0], Selector(x[1], management), model.SelectorTypeInvalid))
	}
	out = append(out,
		breaking("type absent", value.Obj("EventCategories", value.Strs(management)), model.SelectorTypeMissing),
		breaking("type null", value.Obj("InsightType", value.NullValue, "EventCategories", value.Strs(management)),
			model.SelectorTypeMissing),
		breaking("an empty object", value.Obj(), model.SelectorTypeMissing))
	for _, x := range [][2]string{
		{"unknown category", "Network"}, {"category in lower case", "management"}, {"category in capitals", "DATA"},
		{"category empty", ""}, {"category Insight", "Insight"}, {"category with a space", " Management"},
		{"category with a control character", "Data\u0000"}, {"category of 10,000 characters", strings.Repeat("M", 10000)},
	} {
		out = append(out, breaking(x[0], Selector(callRate, x[1]), model.SelectorCategory))
	}
	out = append(out,
		breaking("an unknown category after a valid one", Selector(callRate, management, "Network"), model.SelectorCategory),
		breaking("an unknown category before a valid one", Selector(callRate, "Network", management), model.SelectorCategory))
	for _, x := range wrongTypes(callRate, model.WireWrongType) {
		out = append(out, breaking("type "+x.Name,
			value.Obj("InsightType", x.Value, "EventCategories", value.Strs(management)), x.Breaks...))
		if x.Value.Kind() != value.Object { // an object is one, if an odd one
			out = append(out, breaking("a selector "+x.Name, x.Value, x.Breaks...))
		}
	}
	out = append(out,
		breaking("a selector a string", value.Str(callRate), model.WireWrongType),
		breaking("a selector null", value.NullValue, model.WireWrongType, model.SelectorTypeMissing),
		breaking("categories a string", ofCategories(value.Str(management)), model.WireWrongType),
		breaking("categories an object", ofCategories(value.Obj("Management", true)), model.WireWrongType),
		breaking("categories a number", ofCategories(value.Num("1")), model.WireWrongType),
		breaking("categories a boolean", ofCategories(value.Boolean(true)), model.WireWrongType),
		breaking("a category a number", ofCategories(value.ListOf(value.Num("1"))), model.WireWrongType),
		breaking("a category an object", ofCategories(value.ListOf(value.Obj())), model.WireWrongType),
		breaking("a category null", ofCategories(value.ListOf(value.NullValue)), model.WireWrongType, model.SelectorCategory),
	)
	return out
}

// BadSelectors lists the classes of InsightSelectors that are wrong in themselves.
func BadSelectors() []Representative {
	var out []Representative
	for _, item := range BadItems() {
		out = append(out, breaking(item.Name, value.ListOf(item.Value), item.Breaks...))
	}
	good := Selector(errorRate, management)
	for _, item := range []int{0, 10, 13} { // one of each rule of the selectors
		bad := BadItems()[item]
		out = append(out, breaking(bad.Name+" after a valid selector", value.ListOf(good, bad.Value), bad.Breaks...),
			breaking(bad.Name+" before a valid selector", value.ListOf(bad.Value, good), bad.Breaks...))
	}
	out = append(out, breaking("absent", value.Value{}, model.InputSelectorsMissing),
		breaking("null", value.NullValue, model.InputSelectorsMissing),
		breaking("a string", value.Str(callRate), model.WireWrongType, model.InputSelectorsMissing),
		breaking("a number", value.Num("0"), model.WireWrongType, model.InputSelectorsMissing),
		breaking("a boolean", value.Boolean(false), model.WireWrongType, model.InputSelectorsMissing),
		breaking("an object", Selector(callRate, management), model.WireWrongType, model.InputSelectorsMissing),
		breaking("an empty object instead of the list", value.Obj(), model.WireWrongType, model.InputSelectorsMissing))
	return out
}

// EventClass is what PutEventSelectors may make a trail log, in one of the ways to say it.
type EventClass struct {
	Name  string
	logs  model.Logs
	Input value.Value // without TrailName
}

var s3Objects = value.ListOf(value.Obj("Type", "AWS::S3::Object", "Values", value.Strs("arn:aws:s3")))

// EventClasses lists the eight classes of logs twice over: by basic selectors (one for each class, at
// its index), then in other ways and by advanced selectors.
func EventClasses() []EventClass {
	eventSelectors := func(items ...value.Value) value.Value { return value.Obj("EventSelectors", value.ListOf(items...)) }
	basic := func(readWrite string, include bool, dataToo bool) value.Value {
		v := value.Obj("ReadWriteType", readWrite, "IncludeManagementEvents", include)
		if dataToo {
			v = v.With("DataResources", s3Objects)
		}
		return v
	}
	var out []EventClass
	for logs := range model.Logs(8) {
		readWrite := "All"
		switch logs & model.ManagementEvents {
		case model.ReadEvents:
			readWrite = "ReadOnly"
		case model.WriteEvents:
			readWrite = "WriteOnly"
		}
		v := basic(readWrite, logs&model.ManagementEvents != 0, logs&model.DataEvents != 0)
		out = append(out, EventClass{"basic " + logs.String(), logs, eventSelectors(v)})
	}
	out = append(out,
		EventClass{"basic RW from two selectors", model.ManagementEvents,
			eventSelectors(basic("ReadOnly", true, false), basic("WriteOnly", true, false))},
		EventClass{"basic RD, data of write calls alone", model.ReadEvents | model.DataEvents,
			eventSelectors(basic("ReadOnly", true, false), basic("WriteOnly", false, true))},
		EventClass{"basic RW by default", model.ManagementEvents, value.Obj("EventSelectors", value.ListOf(value.Obj()))},
		EventClass{"basic RW, data of no value", model.ManagementEvents,
			eventSelectors(basic("All", true, false).With("DataResources", value.ListOf(value.Obj("Type", "AWS::S3::Object", "Values", value.ListOf()))))},
		EventClass{"basic D, of read calls alone", model.DataEvents, eventSelectors(basic("ReadOnly", false, true))},
	)
	for logs := model.Logs(1); logs < 8; logs++ {
		out = append(out, EventClass{"advanced " + logs.String(), logs, value.Obj("AdvancedEventSelectors", advanced(logs))})
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
	WriteStore   = StoreKind{Name: "write-only source", Selectors: advanced(model.WriteEvents)}
	DataStore    = StoreKind{Name: "data-only store", Selectors: advanced(model.DataEvents)}
	IdleSource   = StoreKind{Name: "source without ingestion", Selectors: advanced(model.ManagementEvents), Stopped: true}
	IdleInsight  = StoreKind{Name: "destination without ingestion", Selectors: advanced(model.InsightEvents), Stopped: true}
	MixedStore   = StoreKind{Name: "store of both categories",
		Selectors: advanced(model.ManagementEvents | model.InsightEvents)}
	storeKinds     = []StoreKind{SourceStore, InsightStore, ReadStore, WriteStore, DataStore, IdleSource, IdleInsight}
	SourceVariants = []StoreKind{SourceStore, ReadStore, WriteStore, DataStore}
)

// whole is a request that is malformed, or odd, as a whole.
type whole struct {
	Name  string
	Apply func(model.Request) model.Request
}

// Wholes lists what can be wrong with a Put or Get beside its members. All need CanRawWire.
func Wholes() []whole {
	raw := func(name, body string) whole {
		return whole{name, func(r model.Request) model.Request { r.Input, r.Raw = value.Obj(), &body; return r }}
	}
	method := func(name string) whole {
		return whole{"method " + name, func(r model.Request) model.Request { r.Method = name; return r }}
	}
	member := func(name, member string, v value.Value) whole {
		return whole{name, func(r model.Request) model.Request { r.Input = r.Input.With(member, v); return r }}
	}
	return []whole{
		raw("no JSON", "not json"), raw("JSON cut short",
			`{"TrailName": "alpha", "InsightSel`), raw("a top-level array", `["alpha"]`),
		raw("a top-level string", `"alpha"`), raw("a top-level null", "null"), raw("an empty body", ""), raw("a number", "0"),
		raw("an unclosed string", `{"TrailName": "alpha`), raw("bytes that are no UTF-8", "{\"TrailName\": \"\xff\xfe\"}"),
		raw("a trailing comma", `{"TrailName": "alpha",}`), raw("two values", `{} {}`), raw("XML",
			"<TrailName>alpha</TrailName>"),
		raw("arrays 10,000 deep", strings.Repeat("[", 10000)+strings.Repeat("]", 10000)),
		method("GET"), method("PUT"), method("DELETE"),
		{"the other target prefix", func(r model.Request) model.Request { r.OtherTarget = true; return r }},
		member("an unknown member", "Nonsense", value.Str("x")),
		member("an unknown member that is an object", "Tags", value.ListOf(value.Obj("Key", "a", "Value", "b"))),
		member("a member in another letter case", "trailName", value.Str(UnknownName)),
	}
}
