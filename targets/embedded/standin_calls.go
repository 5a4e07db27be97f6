package embedded

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
)

// standInCall answers an operation that the model does not know, in a Region.
type standInCall func(a *account, region string, in value.Value) response

var standInCalls = map[string]standInCall{
	"DescribeTrails": describeTrails, "ListTrails": listTrails, "ListEventDataStores": listStores,
	"AddTags": addTags, "RemoveTags": removeTags, "ListTags": listTags,
}

// own answers one of the standInCalls.
func (a *account) own(call standInCall, region string, body []byte) response {
	in, err := value.Parse(body)
	if err != nil || in.Kind() != value.Object {
		return refusal(codeSerialization, "The body is no JSON object.")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if out, ok := a.admit(model.Request{Region: region}); !ok {
		return out
	}
	return call(a, region, in)
}

// texts are the strings of a list; ok is false where the member is given and is no list of text.
func texts(v value.Value) (out []string, ok bool) {
	for _, item := range v.Items() {
		if item.Kind() != value.String {
			return nil, false
		}
		out = append(out, item.Text())
	}
	return out, !v.Given() || v.Kind() == value.List
}

// describeTrails shows the trails of a Region, and those of all Regions whose home is another one.
func describeTrails(a *account, region string, in value.Value) response {
	names, ok := texts(in.Get("trailNameList"))
	shadows := in.Get("includeShadowTrails")
	if !ok || shadows.Given() && shadows.Kind() != value.Bool {
		return refusal(codeSerialization, "trailNameList is a list of names, includeShadowTrails a boolean.")
	}
	for _, name := range names {
		switch of, err := arn.Parse(name); {
		case strings.HasPrefix(name, "arn:") && (err != nil || !strings.HasPrefix(of.Resource, "trail/")):
			return refusal(codeTrailARN, messages[codeTrailARN]+name)
		case !strings.HasPrefix(name, "arn:") && !model.ValidTrailName(name):
			return refusal(codeTrailName, messages[codeTrailName]+name)
		}
	}
	found := []value.Value{}
	for _, t := range a.state.Trails {
		seen := t.Home == region || t.MultiRegion && (!shadows.Given() || shadows.True())
		asked := len(names) == 0 || slices.Contains(names, t.Name) || slices.Contains(names, a.state.World.TrailARN(t.Home, t.Name))
		if seen && asked {
			found = append(found, a.standIn.trailDescription(a.state, t))
		}
	}
	return success(value.Obj("trailList", value.ListOf(found...)))
}

// pageOf is how many items one answer lists where the caller gives no number.
const pageOf = 50

// paged is the part of a list that a request asks for. Items have an ARN, by which they are in order: a token tells
// the last one before.
func paged(arnMember, listMember string, items []value.Value, in value.Value) response {
	most := pageOf
	if given := in.Get("MaxResults"); given.Given() {
		n, err := strconv.Atoi(given.String())
		if err != nil || n < 1 || n > 1000 {
			return refusal("InvalidMaxResultsException", "MaxResults is "+given.String()+"; 1 to 1000 are possible.")
		}
		most = n
	}
	of := func(item value.Value) string { return item.Get(arnMember).Text() }
	slices.SortFunc(items, func(a, b value.Value) int { return strings.Compare(of(a), of(b)) })
	if token := in.Get("NextToken"); token.Given() {
		last, err := base64.URLEncoding.DecodeString(token.Text())
		if err != nil || !strings.HasPrefix(string(last), "arn:") {
			return refusal("InvalidNextTokenException", "NextToken is none that was given.")
		}
		items = slices.DeleteFunc(items, func(item value.Value) bool { return of(item) <= string(last) })
	}
	body := value.Obj(listMember, value.ListOf(items[:min(most, len(items))]...))
	if len(items) > most {
		body = body.With("NextToken", value.Str(base64.URLEncoding.EncodeToString([]byte(of(items[most-1])))))
	}
	return success(body)
}

// listTrails lists the trails of an account, whatever their Region.
func listTrails(a *account, _ string, in value.Value) response {
	items := []value.Value{}
	for _, t := range a.state.Trails {
		items = append(items, value.Obj("TrailARN", a.state.World.TrailARN(t.Home, t.Name), "Name", t.Name, "HomeRegion", t.Home))
	}
	return paged("TrailARN", "Trails", items, in.With("MaxResults", value.Value{}))
}

// listStores lists the stores of a Region, with what the service still says of each.
func listStores(a *account, region string, in value.Value) response {
	items := []value.Value{}
	for _, s := range a.state.Stores {
		if s.Home == region {
			items = append(items, value.Obj("EventDataStoreArn", a.state.World.StoreARN(s.Home, s.ID),
				"Name", a.standIn.store(s.ID).settings.Get("Name")))
		}
	}
	return paged("EventDataStoreArn", "EventDataStores", items, in)
}

// tagsOf finds the resource that an ARN names, whose tags can be read and changed in its own Region only.
func (a *account) tagsOf(region, id string) (*kept, *response) {
	of, err := arn.Parse(id)
	kind, name, _ := strings.Cut(of.Resource, "/")
	switch {
	case err != nil || of.Service != "cloudtrail":
		return nil, refused(codeTrailARN, "%.300q is no ARN of a trail or event data store.", id)
	case kind != "trail" && kind != "eventdatastore":
		return nil, refused("ResourceTypeNotSupportedException", "%.300q is the ARN of neither a trail nor an event data store.", id)
	case of.AccountID != a.state.World.Account:
		return nil, refused(codeTrailARN, "AccountID in ARN is wrong: %.300q", id)
	}
	key := trailKey{of.Region, name}
	isStore := func(s model.Store) bool { return s.ID == name && s.Home == of.Region }
	switch here := of.Region == region && of.Partition == a.state.World.Partition; {
	case kind == "trail" && here && indexOf(a.state, key) >= 0:
		return a.standIn.trail(key), nil
	case kind == "trail":
		return nil, refused("ResourceNotFoundException", "There is no trail %.300q in %s.", id, region)
	case here && slices.ContainsFunc(a.state.Stores, isStore):
		return a.standIn.store(name), nil
	}
	return nil, refused(codeStoreNotFound, "There is no event data store %.300q in %s.", id, region)
}

const mostTags = 50

// tagged has further tags, or others in place of those of the same key.
func tagged(tags map[string]value.Value, list value.Value) (map[string]value.Value, *response) {
	if list.Given() && list.Kind() != value.List {
		return nil, refused(codeSerialization, "TagsList is no list.")
	}
	out, given := map[string]value.Value{}, map[string]bool{}
	maps.Copy(out, tags)
	for _, item := range list.Items() {
		key, text := item.Get("Key"), item.Get("Value")
		switch k := key.Text(); {
		case key.Kind() != value.String || text.Given() && text.Kind() != value.String:
			return nil, refused(codeSerialization, "A tag is {\"Key\", \"Value\"}, both text.")
		case k == "" || len(k) > 128 || len(text.Text()) > 256 || strings.HasPrefix(k, "aws:"):
			return nil, refused("InvalidTagParameterException", "%.140q is no key that a tag can have, or its value is too long.", k)
		case given[k]:
			return nil, refused("InvalidTagParameterException", "The key %q is given twice.", k)
		}
		given[key.Text()] = true
		out[key.Text()] = value.Str(text.Text())
	}
	if len(out) > mostTags {
		return nil, refused("TagsLimitExceededException", "The resource would have %d tags; %d are the most.", len(out), mostTags)
	}
	return out, nil
}

// tagList has the tags as answers list them, by key.
func (k *kept) tagList() value.Value {
	list := []value.Value{}
	for _, key := range slices.Sorted(maps.Keys(k.tags)) {
		list = append(list, value.Obj("Key", key, "Value", k.tags[key]))
	}
	return value.ListOf(list...)
}

func addTags(a *account, region string, in value.Value) response {
	k, problem := a.tagsOf(region, in.Get("ResourceId").Text())
	if problem == nil {
		var tags map[string]value.Value
		if tags, problem = tagged(k.tags, in.Get("TagsList")); problem == nil {
			k.tags = tags
			return success(value.Obj())
		}
	}
	return *problem
}

func removeTags(a *account, region string, in value.Value) response {
	k, problem := a.tagsOf(region, in.Get("ResourceId").Text())
	if problem == nil {
		_, problem = tagged(nil, in.Get("TagsList"))
	}
	if problem != nil {
		return *problem
	}
	for _, item := range in.Get("TagsList").Items() {
		delete(k.tags, item.Get("Key").Text())
	}
	return success(value.Obj())
}

func listTags(a *account, region string, in value.Value) response {
	ids, ok := texts(in.Get("ResourceIdList"))
	if !ok {
		return refusal(codeSerialization, "ResourceIdList is no list of ARNs.")
	}
	list := []value.Value{}
	for _, id := range ids {
		k, problem := a.tagsOf(region, id)
		if problem != nil {
			return *problem
		}
		list = append(list, value.Obj("ResourceId", id, "TagsList", k.tagList()))
	}
	return success(value.Obj("ResourceTagList", value.ListOf(list...)))
}
