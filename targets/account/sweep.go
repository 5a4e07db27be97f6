package account

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/wire"
)

// State is what a sweep says of a resource, in words for people.
type State string

// The states of swept resources.
const (
	Found   State = "would delete" // a dry run ends here
	Deleted State = "deleted"      // is gone now
	Gone    State = "gone already" // was gone before
	Kept    State = "kept"         // is not touched
	Failed  State = "not deleted"  // could not be deleted
)

// Item is one resource of a sweep; without a name, all of its kind in a Region that could not be listed.
type Item struct {
	ledger.Resource
	State State
	Why   string // of Kept and Failed
}

// Sweep finds what runs have left in the account, by the ledger; without one it looks through the account for
// what bears the prefix and the tag of a ledger. It deletes that if asked to. The guards are those of a run.
// An error wraps targets.ErrUsage, ErrRefused, ErrUnreachable or ErrInconclusive.
func Sweep(ctx context.Context, o Options, remove bool) ([]Item, error) {
	if o.Ledger == "" && o.Prefix == "" {
		return nil, usage("a sweep without a ledger needs --prefix, which all names begin with")
	}
	o.Stores, o.AllowLogging = true, false
	service, err := connect(ctx, o)
	if err != nil {
		return nil, err
	}
	defer service.transport.CloseIdleConnections()
	s := &sweeper{service: service, delete: remove, forget: true, listed: map[ledger.Resource][]listed{}}
	if o.Ledger == "" {
		service.gate.Open(service.account, o.Prefix)
		items, err := s.search(ctx, o.Prefix)
		return items, cmp.Or(ctx.Err(), err)
	}
	if service.ledger, err = ledger.Open(o.Ledger, service.account, o.Prefix); err != nil {
		return nil, err
	}
	defer service.ledger.Close()
	service.gate.Open(service.account, service.ledger.Prefix)
	live := service.ledger.Live()
	for _, r := range live {
		switch {
		case r.Kind == ledger.Bucket && r.Region != o.Regions[0]:
			return nil, usage("the ledger has a %s; name its Region with --regions, first", r)
		case service.callers[r.Region] == nil:
			return nil, usage("the ledger has a %s; name its Region with --regions", r)
		}
	}
	return s.ledgered(ctx, live), ctx.Err()
}

// sweeper looks at resources one by one, and deletes those that are the ledger's.
type sweeper struct {
	service *service
	delete  bool
	forget  bool // what was intended and is not there was never made

	listed map[ledger.Resource][]listed // all of a kind in a Region, which stand under no name
}

// ledgered sweeps resources of the ledger: trails before the bucket that they write to.
func (s *sweeper) ledgered(ctx context.Context, live []ledger.Resource) []Item {
	var items []Item
	for _, kind := range []ledger.Kind{ledger.Trail, ledger.Store, ledger.Bucket} {
		for _, r := range live {
			if r.Kind == kind {
				items = append(items, s.one(ctx, r))
			}
		}
	}
	return items
}

// search looks through the account for names that bear the prefix.
func (s *sweeper) search(ctx context.Context, prefix string) ([]Item, error) {
	var found []ledger.Resource
	var unread []Item
	for _, region := range s.service.options.Regions {
		for _, kind := range []ledger.Kind{ledger.Trail, ledger.Store} {
			all, err := s.list(ctx, kind, region)
			switch {
			case err != nil && kind == ledger.Trail:
				return nil, err
			case err != nil && ctx.Err() != nil:
				return nil, ctx.Err()
			case err != nil:
				unread = append(unread, Item{kind.In(region, ""), Failed, reason(err)})
			}
			for _, x := range all {
				if x.home == region && strings.HasPrefix(x.name, prefix+"-") && !x.pending {
					found = append(found, kind.In(region, x.name))
				}
			}
		}
	}
	buckets, err := s.service.s3.ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return nil, s.service.asking(ctx, "S3", "ListBuckets", err)
	}
	for _, x := range buckets.Buckets {
		region := aws.ToString(x.BucketRegion)
		if name := aws.ToString(x.Name); strings.HasPrefix(name, prefix+"-") && (region == "" || region == s.service.options.Regions[0]) {
			found = append(found, ledger.Bucket.In(s.service.options.Regions[0], name))
		}
	}
	return append(s.ledgered(ctx, found), unread...), nil
}

// one looks at a resource: is it there, does it bear the tag, can it go.
func (s *sweeper) one(ctx context.Context, r ledger.Resource) Item {
	if ctx.Err() != nil {
		return Item{r, Failed, "interrupted"}
	}
	arn, tags, why := s.look(ctx, r)
	book, tag := s.service.ledger, tags[ledger.TagKey]
	switch event := book.Event(r); {
	case why != "":
		return Item{r, Failed, why}
	case arn == "":
		if s.delete && (s.forget || event == ledger.Made) {
			if err := book.Write(ledger.Gone, r); err != nil {
				return Item{r, Failed, err.Error()}
			}
		}
		return Item{r, Gone, ""}
	case len(tags) == 0 && r.Kind == ledger.Bucket && event == ledger.Intend && s.empty(ctx, r):
		// A crash between making and tagging: nothing can be in it yet.
		if s.delete {
			s.service.gate.Set(r, gate.Intended)
			if err := s.service.tagBucket(ctx, r); err != nil {
				return Item{r, Failed, wire.Printable(err.Error())}
			}
		}
	case tag == "" || book != nil && tag != book.ID:
		return Item{r, Kept, "it does not bear the tag " + ledger.TagKey + " of the ledger"}
	}
	if !s.delete {
		return Item{r, Found, ""}
	}
	s.service.gate.Set(r, gate.Owned)
	switch {
	case s.service.remove(ctx, r, arn):
		return Item{r, Deleted, ""}
	case ctx.Err() != nil:
		return Item{r, Failed, "interrupted"}
	}
	return Item{r, Failed, "it could not be deleted"}
}

// empty reports whether nothing is in a bucket.
func (s *sweeper) empty(ctx context.Context, r ledger.Resource) bool {
	list, err := s.service.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &r.Name})
	return err == nil && len(list.Contents) == 0
}

// look finds a resource, and which tags it bears. Of what is not there, the ARN is empty.
func (s *sweeper) look(ctx context.Context, r ledger.Resource) (arn string, tags map[string]string, why string) {
	arn = r.Name
	if r.Kind != ledger.Bucket {
		all, err := s.list(ctx, r.Kind, r.Region)
		i := slices.IndexFunc(all, func(x listed) bool { return x.name == r.Name && x.home == r.Region && !x.pending })
		switch {
		case err != nil:
			return "", nil, reason(err)
		case i < 0:
			return "", nil, ""
		case r.Kind == ledger.Trail && all[i].arn != s.service.arn(r, ""):
			return "", nil, "its ARN is not that of a trail of this account and Region"
		}
		arn = all[i].arn
	}
	tags, err := s.service.tagsOf(ctx, r, arn)
	switch {
	case codeOf(err) == "NoSuchBucket":
		return "", nil, ""
	case err != nil:
		why = "its tags cannot be read: " + codeOf(err)
	}
	return arn, tags, why
}

// list lists the trails or stores of a Region, once.
func (s *sweeper) list(ctx context.Context, kind ledger.Kind, region string) ([]listed, error) {
	at := kind.In(region, "")
	if all, known := s.listed[at]; known {
		return all, nil
	}
	all, err := s.service.list(ctx, kind, region)
	if err == nil {
		s.listed[at] = all
	}
	return all, err
}

// reason is an error without its class.
func reason(err error) string {
	_, text, _ := strings.Cut(err.Error(), ": ")
	return cmp.Or(text, err.Error())
}
