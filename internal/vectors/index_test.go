package vectors

import (
	"fmt"
	"slices"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/wire"
)

// setVersion is that of the set: the first number rises where vectors go or allowed answers change, the second where
// vectors come, the third where only words change.
const setVersion = "1.0.0"

// probe makes the steps of a probe, each of which is to be answered by success, or as given for the last.
func probe(last []Pattern, requests ...model.Request) []Step {
	n := &naming{}
	var steps []Step
	for i, r := range requests {
		step := n.step(r)
		step.Allowed = []Pattern{{Outcome: Success}}
		if i == len(requests)-1 && last != nil {
			step.Allowed = last
		}
		if (chosen{Requests: requests}).begins(i) && i < len(requests)-1 { // its own probe sends it
			step.If = string(model.CanLog)
		}
		if r.Op == model.OpCreateStore {
			n.stores++
			step.Save = map[string]string{fmt.Sprintf("store%d", n.stores): "EventDataStoreArn"}
		}
		steps = append(steps, step)
	}
	return steps
}

func capabilities() map[string]Capability {
	const name = generators.NameAlpha
	classes := generators.EventClasses()
	create, start := generators.Create(name), generators.Start(name)
	arranged := func(condition int) []Step {
		return probe(nil, generators.CreateFragile(name, generators.Everything()), generators.Arrange(name, condition))
	}
	stores := []model.Request{generators.CreateStore(0, generators.SourceStore), generators.CreateStore(1, generators.InsightStore)}
	first := model.StoreID(0)
	present := []Pattern{{Outcome: Present}}
	one := func(requests ...model.Request) [][]Step { return [][]Step{probe(nil, requests...)} }
	after := func(requests ...model.Request) [][]Step { return one(append([]model.Request{create}, requests...)...) }
	data, both := model.Data, model.Management|model.Data
	all := classes[model.ManagementEvents|model.DataEvents]
	put := func(set model.Selectors) []Step {
		return probe(present, create, start, generators.PutEvents(name, all), generators.Put(name, set))
	}
	own := generators.With(create, "S3BucketName", generators.CreateFragile(name, generators.Everything()).Input.Get("S3BucketName"))
	bucket := probe(nil, own, generators.Arrange(name, 0), generators.With(own, "Name", generators.Create(generators.NameBeta).Input.Get("Name")))
	bucket[2].Allowed = []Pattern{{Outcome: Refused, Codes: []string{"S3BucketDoesNotExistException"}}}
	away := generators.In(model.DefaultWorld.Away, create)
	regions := probe(nil, create, generators.In(model.DefaultWorld.Away, generators.Get(name)), away)
	regions[1].Allowed = []Pattern{{Outcome: Refused, Codes: []string{"TrailNotFoundException", "InvalidHomeRegionException"}}}
	regions[2].Allowed = (&naming{}).patterns([]Pattern{{Outcome: Success,
		Members: map[string]Member{"TrailARN": {In: []string{model.DefaultWorld.TrailARN(model.DefaultWorld.Away, name)}}}}})
	withStores := func(requests ...model.Request) [][]Step { return one(append(slices.Clone(stores), requests...)...) }
	plainStore := generators.PutStore(first, model.StoreID(1), model.MakeSelectors(model.Management, 0))
	byARN := func(id string) string { return model.DefaultWorld.StoreARN(model.DefaultWorld.Home, id) }
	out := map[model.Capability]Capability{
		model.CanPut: {"PutInsightSelectors", [][]Step{probe(present, create, start, generators.PlainPut(name)),
			probe(present, create, start, generators.Put(name, 0)), probe(present, append(slices.Clone(stores), plainStore)...)}},
		model.CanGet: {"GetInsightSelectors", [][]Step{probe(present, create, generators.Get(name)),
			probe(present, append(slices.Clone(stores), generators.GetStore(first))...)}},
		model.CanCreate:         {"CreateTrail", one(create)},
		model.CanUpdate:         {"UpdateTrail", after(generators.Update(name))},
		model.CanDelete:         {"DeleteTrail", after(generators.Delete(name))},
		model.CanGetTrail:       {"GetTrail", after(generators.GetTrail(name))},
		model.CanStatus:         {"GetTrailStatus", after(generators.Status(name))},
		model.CanLog:            {"StartLogging", after(generators.Start(name))},
		model.CanStop:           {"StopLogging on a trail that is logging", after(start, generators.Stop(name))},
		model.CanPutEvents:      {"PutEventSelectors", after(generators.PutEvents(name, all))},
		model.CanAdvancedEvents: {"PutEventSelectors with AdvancedEventSelectors", after(generators.PutEvents(name, classes[len(classes)-1]))},
		model.CanGetEvents:      {"GetEventSelectors", after(generators.GetEvents(name))},
		model.CanStores: {"event data stores, and Insights on them", [][]Step{
			probe(present, append(slices.Clone(stores), plainStore)...),
			probe(present, append(slices.Clone(stores), generators.PutStore(byARN(first), byARN(model.StoreID(1)), model.MakeSelectors(model.Management, 0)))...),
			probe(present, append(slices.Clone(stores), generators.GetStore(first))...)}},
		model.CanUpdateStores:  {"UpdateEventDataStore", withStores(generators.UpdateStore(first, generators.SourceStore))},
		model.CanStopStores:    {"StopEventDataStoreIngestion and StartEventDataStoreIngestion", withStores(generators.OnStore(model.OpStopIngestion, first), generators.OnStore(model.OpStartIngestion, first))},
		model.CanDeleteStores:  {"DeleteEventDataStore", withStores(generators.OnStore(model.OpDeleteStore, first))},
		model.CanRestoreStores: {"RestoreEventDataStore", withStores(generators.OnStore(model.OpDeleteStore, first), generators.OnStore(model.OpRestoreStore, first))},
		model.CanInsightData: {"Insights on data events", [][]Step{put(model.MakeSelectors(data, 0)), put(model.MakeSelectors(0, data)),
			put(model.MakeSelectors(both, both))}},
		model.CanRegions:        {"a second Region with trails of its own", [][]Step{regions}},
		model.CanLoseBucket:     {"a bucket that is gone, or whose policy forbids to write, by S3 or by /_conform/arrange", [][]Step{arranged(6), bucket}},
		model.CanLoseKey:        {"a key that cannot be used, by /_conform/arrange", [][]Step{arranged(6)}},
		model.CanArrangeAccount: {"conditions of the account, by /_conform/arrange", [][]Step{arranged(6)}},
	}
	named := map[string]Capability{}
	for c, x := range out {
		named[string(c)] = x
	}
	return named
}

// index is that of a set of vectors.
func index(list []Vector) Index {
	x := Index{Schema: IndexSchema, Version: setVersion, Without: map[model.ID]string{}, Capabilities: capabilities(),
		Codes: Codes{Listed: listedCodes(), Missing: []string{}, Repeat: []string{}, Inconclusive: []string{}}}
	for i := range model.Rules {
		rule := &model.Rules[i]
		n := len((&Set{Vectors: list}).Of(rule.ID))
		switch {
		case rule.Silent:
		case n > 0:
			x.Rules = append(x.Rules, Rule{rule.ID, rule.Level, rule.Statement, rule.Source, n})
		case rule.OfMocks():
			x.Without[rule.ID] = "only a mock within its caller's process can break it"
		}
	}
	for _, code := range []string{"UnknownOperationException", "UnknownOperation", "UnsupportedOperationException", "UnsupportedOperation",
		"InvalidAction", "MissingAction", "NotImplemented", "NotImplementedException", "ActionNotFoundException", "UnrecognizedOperation"} {
		if wire.Absent(code) {
			x.Codes.Missing = append(x.Codes.Missing, code)
		}
	}
	for _, code := range []string{"ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown", wire.Busy} {
		if wire.Throttled(code) || code == wire.Busy {
			x.Codes.Repeat = append(x.Codes.Repeat, code)
		}
	}
	for _, code := range []string{"InvalidSignatureException", "SignatureDoesNotMatch", "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired",
		"UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature", "InvalidAccessKeyId"} {
		if wire.Unauthenticated(code) {
			x.Codes.Inconclusive = append(x.Codes.Inconclusive, code)
		}
	}
	return x
}
