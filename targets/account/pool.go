package account

import (
	"cmp"
	"context"

	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

// The quotas of a Region, in which trails of all Regions and of the organization count, and stores pending deletion.
const (
	maxTrails   = 5
	maxStores   = 8
	quotaStores = 10
)

// pool is the trails or stores of a Region, lent to one world after the other; a run keeps stores for the next one,
// because a deleted one counts against the quota for seven days.
type pool struct {
	target  *target
	kind    ledger.Kind
	region  string
	counted bool // foreign is known
	foreign int  // that are not ours, but count

	mu   sync.Mutex
	ours []*resource // that may exist
}

// resource is a trail or store of ours, and what is known to set it apart from a new one.
type resource struct {
	ledger.Resource
	arn      string
	like     string      // what stands for it must have alike: behind a trail's prefix and tag, or what a store is made with
	logs     value.Value // the selectors of a new one; absent where they are not known
	lent     bool
	insights bool // Insights may be on
	events   bool // it was told what to log
	logging  bool // it may log
	multi    bool // it may count in all Regions
	spoilt   bool // a later world might see what this one did: it is deleted instead of lent again
}

// pool is that of a kind in a Region; nil where the Region is not used.
func (t *target) pool(kind ledger.Kind, region string) *pool { return t.pools[kind.In(region, "")] }

// idle finds what may be lent. A trail that takes more than one write to bring back may not: a new one costs two.
func (p *pool) idle(like string) *resource {
	for _, x := range p.ours {
		cheap := p.kind == ledger.Store || !(x.insights && x.events || x.insights && x.logging || x.events && x.logging)
		if !x.lent && !x.spoilt && x.like == like && cheap {
			return x
		}
	}
	return nil
}

// countEverywhere notes that a request makes a trail of all Regions. Such a trail is not lent again.
func (x *resource) countEverywhere(t *target, out model.Request) {
	if out.Input.Get("IsMultiRegionTrail").Given() && !x.multi {
		x.multi, x.spoilt = true, true
		t.multi.Add(1)
	}
}

func (p *pool) drop(x *resource) {
	if x.multi {
		p.target.multi.Add(-1)
	}
	p.ours = slices.DeleteFunc(p.ours, func(y *resource) bool { return x == y })
}

// makeRoom reports whether there is room for another. Of trails it deletes one that nobody uses.
func (p *pool) makeRoom(ctx context.Context) bool {
	if p.kind == ledger.Store {
		return len(p.ours) < maxStores && len(p.ours)+p.foreign < quotaStores
	}
	for {
		n := p.foreign + int(p.target.multi.Load())
		var unused *resource
		for _, x := range p.ours {
			if !x.multi {
				n++
			}
			if !x.lent && (unused == nil || x.spoilt && !unused.spoilt) {
				unused = x
			}
		}
		if n < maxTrails {
			return true
		}
		if unused == nil || !p.target.service.remove(ctx, unused.Resource, "") {
			return false
		}
		p.drop(unused)
	}
}

// reset brings a resource back to the state of a new one, and looks whether that shows.
func (p *pool) reset(ctx context.Context, x *resource) bool {
	s, known := p.target.service, x.logs.Kind() != value.Absent
	owner, update, member := value.Obj("TrailName", x.Name), model.OpPutEvents, "EventSelectors"
	if p.kind == ledger.Store {
		owner, update, member = value.Obj("EventDataStore", x.arn), model.OpUpdateStore, "AdvancedEventSelectors"
	}
	for _, undo := range []struct {
		due   bool
		op    model.Op
		input value.Value
	}{
		{x.insights, model.OpPut, owner.With("InsightSelectors", value.ListOf())},
		{x.logging, model.OpStop, value.Obj("Name", x.Name)},
		{x.events && known, update, owner.With(member, x.logs)},
	} {
		if undo.due && s.call(ctx, p.region, undo.op, undo.input).Answer.Outcome != model.Succeeded {
			return false
		}
	}
	alike, enough := 0, 2 // once may be an answer from before
	if p.kind == ledger.Store {
		enough = 1
	}
	if !s.until(ctx, func() bool {
		if alike++; !p.likeNew(ctx, x, owner) {
			alike = 0
		}
		return alike == enough
	}) {
		return false
	}
	x.insights, x.events, x.logging = false, x.events && !known, false
	return true
}

var defaultEvents = value.ListOf(value.Obj("ReadWriteType", "All", "IncludeManagementEvents", true))

func (p *pool) likeNew(ctx context.Context, x *resource, owner value.Value) bool {
	s := p.target.service
	if s.call(ctx, p.region, model.OpGet, owner).Answer.Code != "InsightNotEnabledException" {
		return false
	}
	if x.logging && s.call(ctx, p.region, model.OpStatus, value.Obj("Name", x.Name)).Answer.Logging != model.No {
		return false
	}
	if !x.events || p.kind == ledger.Store {
		return true
	}
	events := s.call(ctx, p.region, model.OpGetEvents, owner)
	selectors := events.Body.Get("EventSelectors").Items()
	return events.Answer.Outcome == model.Succeeded && len(events.Body.Get("AdvancedEventSelectors").Items()) == 0 && len(selectors) == 1 &&
		selectors[0].Get("ReadWriteType").Text() == "All" && selectors[0].Get("IncludeManagementEvents").True() &&
		len(selectors[0].Get("DataResources").Items()) == 0
}

// countTrails counts the trails of the Region, and refuses where they leave no room.
func (p *pool) countTrails(ctx context.Context) error {
	trails, err := p.target.service.list(ctx, ledger.Trail, p.region)
	if err != nil {
		return err
	}
	prefix := p.target.service.ledger.Prefix
	for _, x := range trails {
		if strings.HasPrefix(x.name, prefix+"-") && x.home == p.region {
			return gate.Refuse(gate.GuardPrefix, "%s has the trail %s, which bears the prefix and is not in the ledger; see 'conform sweep --prefix %s', or choose another --prefix",
				p.region, wire.Printable(x.name), prefix)
		}
	}
	if p.foreign = len(trails); p.foreign >= maxTrails {
		return gate.Refuse(gate.GuardQuota, "%s has %d trails already, and the quota is %d; choose another Region",
			p.region, p.foreign, maxTrails)
	}
	return nil
}

// countStores looks once through the Region's stores: those of earlier runs join the pool, the others count.
func (p *pool) countStores(ctx context.Context) error {
	if p.counted {
		return nil
	}
	s := p.target.service
	all, err := s.list(ctx, ledger.Store, p.region)
	if err != nil {
		return err
	}
	for _, x := range all {
		r := ledger.Store.In(p.region, x.name)
		var tags map[string]string
		if known := s.ledger.Event(r); !x.pending && known != "" && known != ledger.Gone {
			tags, _ = s.tagsOf(ctx, r, x.arn)
		}
		if tags[ledger.TagKey] != s.ledger.ID {
			p.foreign++
			continue
		}
		s.gate.Set(r, gate.Owned)
		s.gate.SetStore(storeID(x.arn), r)
		p.ours = append(p.ours, &resource{Resource: r, arn: s.arn(r, storeID(x.arn)), insights: true, events: true,
			like: x.name[strings.LastIndexByte(x.name, '-')+1:]})
	}
	p.counted = true
	return nil
}

// park deletes stores that cannot be lent again, and turns Insights off on those that stay for the next night.
func (p *pool) park(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ours = slices.DeleteFunc(p.ours, func(x *resource) bool {
		return (x.spoilt || !p.reset(ctx, x)) && p.target.service.remove(ctx, x.Resource, x.arn)
	})
}

// storeID is the identifier in what names a store.
func storeID(text string) string { return strings.ToLower(naming.StoreIDs.FindString(text)) }

// arn is that of a resource of ours; a store needs its ID.
func (s *service) arn(r ledger.Resource, id string) string {
	what := "trail/" + r.Name
	if r.Kind == ledger.Store {
		what = "eventdatastore/" + id
	}
	return "arn:" + s.partition + ":cloudtrail:" + r.Region + ":" + s.account + ":" + what
}

// listed is a trail or store as the service lists it.
type listed struct {
	name, home, arn string
	pending         bool // it is a deleted store
}

// listings say how trails and stores are listed; trails of other Regions are shadowed where they count.
var listings = map[ledger.Kind]struct {
	op        model.Op
	input     value.Value
	list, arn string
}{
	ledger.Trail: {"DescribeTrails", value.Obj("includeShadowTrails", true), "trailList", "TrailARN"},
	ledger.Store: {"ListEventDataStores", value.Obj(), "EventDataStores", "EventDataStoreArn"},
}

// list lists the trails that count in a Region, or its stores; none where there are no stores to be had.
func (s *service) list(ctx context.Context, kind ledger.Kind, region string) (out []listed, err error) {
	how := listings[kind]
	for range 20 {
		reply := s.call(ctx, region, how.op, how.input)
		if a := reply.Answer; kind == ledger.Store && a.Outcome == model.Refused && reply.Err == nil && !wire.Repeatable(a.Code) {
			return out, nil // closed, unsupported or not permitted: then there are none of ours either
		}
		if err := s.problem(ctx, region, how.op, reply); err != nil {
			return nil, err
		}
		for _, item := range reply.Body.Get(how.list).Items() {
			x := listed{item.Get("Name").Text(), region, item.Get(how.arn).Text(), item.Get("Status").Text() == "PENDING_DELETION"}
			if kind == ledger.Trail {
				parsed, _ := arn.Parse(x.arn)
				x.home = cmp.Or(item.Get("HomeRegion").Text(), parsed.Region)
			}
			out = append(out, x)
		}
		next := reply.Body.Get("NextToken").Text()
		if next == "" {
			break
		}
		how.input = how.input.With("NextToken", value.Str(next))
	}
	return out, nil
}

// remove deletes a resource, a store by its ID or ARN, and reports whether that is done.
func (s *service) remove(ctx context.Context, r ledger.Resource, store string) bool {
	var a model.Answer
	absent := false
	switch r.Kind {
	case ledger.Bucket:
		if endpoint.DropBucket(ctx, s.s3, r.Name) != nil {
			return false
		}
		a.Outcome = model.Succeeded
	case ledger.Trail:
		a = s.call(ctx, r.Region, model.OpDelete, value.Obj("Name", r.Name)).Answer
		absent = a.Outcome == model.Refused && a.Code == "TrailNotFoundException" && s.ledger.Event(r) != ledger.Intend
	case ledger.Store:
		id := storeID(store)
		s.gate.SetStore(id, r)
		input := value.Obj("EventDataStore", id)
		a = s.call(ctx, r.Region, model.OpDeleteStore, input).Answer
		if a.Code == "EventDataStoreTerminationProtectedException" {
			s.call(ctx, r.Region, model.OpUpdateStore, input.With("TerminationProtectionEnabled", value.Boolean(false)))
			a = s.call(ctx, r.Region, model.OpDeleteStore, input).Answer
		}
		absent = strings.Contains(a.Code, "NotFound") || strings.Contains(a.Code, "Inactive")
	}
	return (a.Outcome == model.Succeeded || absent) && s.gone(r) == nil
}

// tagsOf reads the tags of a resource.
func (s *service) tagsOf(ctx context.Context, r ledger.Resource, arn string) (map[string]string, error) {
	tags := map[string]string{}
	if r.Kind == ledger.Bucket {
		out, err := s.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &r.Name})
		if codeOf(err) == "NoSuchTagSet" {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		for _, tag := range out.TagSet {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		return tags, nil
	}
	reply := s.call(ctx, r.Region, "ListTags", value.Obj("ResourceIdList", value.Strs(arn)))
	switch {
	case reply.Err != nil:
		return nil, reply.Err
	case reply.Answer.Outcome != model.Succeeded:
		return nil, &smithy.GenericAPIError{Code: cmp.Or(reply.Answer.Code, reply.Problem, "no answer")}
	}
	for _, item := range reply.Body.Get("ResourceTagList").Items() {
		for _, tag := range item.Get("TagsList").Items() {
			tags[tag.Get("Key").Text()] = tag.Get("Value").Text()
		}
	}
	return tags, nil
}

// confirmTag notes that a resource is made, once it bears the ledger's tag.
func (s *service) confirmTag(ctx context.Context, r ledger.Resource, arn string) (err error) {
	tag, what := "", "it shows none"
	ends := func() bool { return errors.Is(err, targets.ErrRefused) || errors.Is(err, targets.ErrInconclusive) }
	s.until(ctx, func() bool {
		var tags map[string]string
		tags, err = s.tagsOf(ctx, r, arn)
		tag = tags[ledger.TagKey]
		return tag != "" || ends() || wire.Denied(codeOf(err)) || wire.Absent(codeOf(err))
	})
	switch {
	case tag == s.ledger.ID:
		s.gate.Set(r, gate.Owned)
		return s.ledger.Write(ledger.Made, r)
	case ctx.Err() != nil:
		return ctx.Err() // the ledger has the intention, and the clean-up looks again
	case ends():
		return err
	case tag != "":
		what = "it shows another"
	case err != nil:
		what = "reading it was answered with " + codeOf(err)
	}
	s.gate.Set(r, gate.Foreign)
	return gate.Refuse(gate.GuardTag, "the tag of the new %s cannot be confirmed: %s", r, what)
}

// intend notes in the ledger that a resource is about to be made, and lets the request through.
func (s *service) intend(r ledger.Resource) error {
	if err := s.ledger.Write(ledger.Intend, r); err != nil {
		return err
	}
	s.gate.Set(r, gate.Intended)
	return nil
}

// gone notes that a resource is no more, or never was.
func (s *service) gone(r ledger.Resource) error {
	s.gate.Set(r, gate.Unknown)
	return s.ledger.Write(ledger.Gone, r)
}
