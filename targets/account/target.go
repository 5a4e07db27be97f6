// Package account is the target for the real service in a sandbox account. All that could do harm is
// here, and every request passes one gate before it is signed: see package gate for what it refuses.
//
// What a run needs it creates itself, notes in a ledger before, and deletes at its end; what a crash
// leaves, Sweep finds. Trails are few (five in a Region) and writes slow (one a second), so that worlds
// share a pool of trails, which are brought back to the state of a new one in between.
package account

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/endpoint"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/pace"
)

// defaultSettle is how long a change may take to show where the options say nothing.
const defaultSettle = 60 * time.Second

// Options say which account may be used, and how.
type Options struct {
	Accounts []string // the ids of the accounts that may be changed
	Regions  []string // the Regions to use; a world has one for its home, and the next one beside it
	Prefix   string   // of all names; empty is the ledger's, or a new random one
	Ledger   string   // the file that lists what was created

	AllowManagementAccount bool // an organization's management account may be used
	AllowUnknownAlias      bool // an account whose alias cannot be read may be used
	AllowLogging           bool // StartLogging may be sent, which costs money
	Stores                 bool // event data stores may be made, which cost money
	KeepAccountIDs         bool // leave the account id in what is kept of requests and answers

	Timeout time.Duration  // of one request
	Settle  time.Duration  // how long a change may take to show
	Pace    endpoint.Pacer // nil is none
	Proxy   endpoint.Proxy // is asked for HTTPS alone; nil is none

	// Set by tests alone, through ForTest.
	endpoint    *url.URL
	credentials aws.CredentialsProvider
}

// ForTest has all requests go to a test's server. No flag, variable or setting can name it.
func ForTest(t testing.TB, o Options, server string, credentials aws.CredentialsProvider) Options {
	if !testing.Testing() || t == nil {
		panic("account.ForTest outside a test")
	}
	to, err := url.Parse(server)
	if err != nil || to.Host == "" {
		t.Fatalf("%q is no URL of a server", server)
	}
	o.endpoint, o.credentials = to, credentials
	return o
}

type target struct {
	options Options
	service *service
	bucket  ledger.Resource
	pools   map[ledger.Resource]*pool // by kind and Region, without a name
	multi   atomic.Int32              // trails of ours that count in all Regions

	mu   sync.Mutex
	busy []int // open worlds, by the Region that is their home

	closing sync.Once
}

// New checks the options; nothing is sent before Open.
func New(o Options) (*target, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Ledger == "" {
		return nil, usage("--target account needs --ledger PATH, the file that lists what was created")
	}
	return &target{options: o, pools: map[ledger.Resource]*pool{}}, nil
}

// Open implements targets.Target: guards speak, what earlier runs left is deleted, and the bucket is made.
func (t *target) Open(ctx context.Context) (targets.Info, error) {
	o := t.options
	info := targets.Info{Name: "account", Region: o.Regions[0], Eventual: true, RawRequests: true, Away: len(o.Regions) > 1}
	var err error
	if t.service, err = connect(ctx, o); err != nil {
		return info, err
	}
	info.Notes = append(info.Notes, t.service.notes...)
	if t.service.ledger, err = ledger.Open(o.Ledger, t.service.account, o.Prefix); err != nil {
		return info, err
	}
	t.service.gate.Open(t.service.account, t.service.ledger.Prefix)
	switch removed, failed, _ := t.removeLeft(ctx); {
	case ctx.Err() != nil:
		return info, ctx.Err()
	case failed > 0:
		info.Notes = append(info.Notes, fmt.Sprintf("of what an earlier run has left, %d could be removed and %d could not; see 'conform sweep'", removed, failed))
	case removed > 0:
		info.Notes = append(info.Notes, fmt.Sprintf("removed %d resources that an earlier run had left", removed))
	}
	t.busy = make([]int, len(o.Regions))
	info.Room = maxTrails
	for _, region := range o.Regions {
		for kind := range listings {
			t.pools[kind.In(region, "")] = &pool{target: t, kind: kind, region: region}
		}
		p := t.pool(ledger.Trail, region)
		if err := p.countTrails(ctx); err != nil {
			return info, err
		}
		info.Room = min(info.Room, maxTrails-p.foreign)
	}
	info.Workers = len(o.Regions)
	if err := t.provision(ctx); err != nil {
		return info, err
	}
	if err := t.tryWithoutLogging(ctx); err != nil {
		return info, err
	}
	info.Notes = append(info.Notes, fmt.Sprintf("all that this run creates begins with %s and is listed in %s",
		t.service.ledger.Prefix, t.service.ledger.Path))
	return info, nil
}

// removeLeft deletes what the ledger has but for stores, which outlast runs. why is that of the last failure.
func (t *target) removeLeft(ctx context.Context) (removed, failed int, why string) {
	left := slices.DeleteFunc(t.service.ledger.Live(), func(r ledger.Resource) bool { return r.Kind == ledger.Store })
	s := &sweeper{service: t.service, delete: true, listed: map[ledger.Resource][]listed{}}
	for _, item := range s.ledgered(ctx, left) {
		switch item.State {
		case Deleted:
			removed++
		case Kept, Failed:
			failed++
			why = item.Why
		}
	}
	return removed, failed, why
}

// tryWithoutLogging finds out whether a trail that does not log takes Insights, as suites need unless it may log.
func (t *target) tryWithoutLogging(ctx context.Context) error {
	if t.options.AllowLogging {
		return nil
	}
	w, err := naming.Wrap(t).NewWorld(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = w.Close(ctx) }()
	const name = generators.NameAlpha
	created := w.Do(ctx, generators.Create(name))
	if err := t.service.problem(ctx, t.options.Regions[0], "CreateTrail", created); err != nil {
		return err
	}
	put := w.Do(ctx, generators.Put(name, model.MakeSelectors(model.Management, 0)))
	const remedy = "; pass --allow-logging, which costs money, to test on trails that do"
	switch a := put.Answer; {
	case put.Err != nil:
		return put.Err
	case ctx.Err() != nil:
		return ctx.Err()
	case a.Outcome == model.Refused && slices.Contains(model.RuleOf(model.LogsPutStopped).Also, a.Code):
		return inconclusive("PutInsightSelectors on a trail that does not log answered %s%s", a.Code, remedy)
	case a.Outcome != model.Succeeded:
		return nil // the run will tell
	}
	shown := t.service.until(ctx, func() bool {
		get := w.Do(ctx, generators.Get(name))
		return get.Err != nil || get.Answer.Definite() && get.Answer.Code != "InsightNotEnabledException"
	})
	if !shown && ctx.Err() == nil {
		return inconclusive("GetInsightSelectors does not show what PutInsightSelectors stored on a trail that does not log%s", remedy)
	}
	return ctx.Err()
}

// until repeats a look until it is satisfied, for at most as long as a change may take to show.
func (s *service) until(ctx context.Context, look func() bool) bool {
	limit := s.options.Settle
	deadline := time.Now().Add(limit)
	for pause := min(limit/50, 200*time.Millisecond); ; pause = min(2*pause, 5*time.Second) {
		if look() {
			return true
		}
		if time.Now().Add(pause).After(deadline) || !targets.Sleep(ctx, pause) {
			return false
		}
	}
}

// Close deletes what the run has created, also after an interruption; what it cannot stays in the ledger.
func (t *target) Close() (err error) {
	t.closing.Do(func() {
		if t.service == nil {
			return
		}
		defer t.service.transport.CloseIdleConnections()
		if t.service.ledger == nil {
			return
		}
		defer t.service.ledger.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		for _, region := range t.options.Regions {
			if p := t.pool(ledger.Store, region); p != nil {
				p.park(ctx)
			}
		}
		if _, failed, why := t.removeLeft(ctx); failed > 0 {
			err = fmt.Errorf("%d resources could not be deleted (%s); 'conform sweep --ledger %s' lists them, and deletes them with --yes", failed, why, t.service.ledger.Path)
		}
	})
	return err
}

// NewWorld implements targets.Target. A new world is at home in the Region with the fewest.
func (t *target) NewWorld(ctx context.Context) (targets.World, error) {
	if t.service == nil || t.service.ledger == nil {
		return nil, errors.New("the target is not open")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	index := slices.Index(t.busy, slices.Min(t.busy))
	t.busy[index]++
	w := &world{target: t, index: index, fresh: targets.Fresh.In(ctx), tag: naming.NewTag(), used: map[string]bool{}}
	t.service.gate.Issue(w.tag)
	return w, nil
}

// provision makes the bucket of all trails: closed to the public, and open to CloudTrail for these trails alone.
func (t *target) provision(ctx context.Context) error {
	s := t.service
	t.bucket = ledger.Bucket.In(t.options.Regions[0], s.ledger.Prefix+"-"+ledger.RandomName(12))
	if err := s.intend(t.bucket); err != nil {
		return err
	}
	name := &t.bucket.Name
	if err := endpoint.MakeBucket(ctx, s.s3, *name); err != nil {
		return s.asking(ctx, "S3", "CreateBucket", err)
	}
	if err := s.tagBucket(ctx, t.bucket); err != nil {
		return err
	}
	on := aws.Bool(true)
	if _, err := s.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: name,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: on, BlockPublicPolicy: on, IgnorePublicAcls: on, RestrictPublicBuckets: on}}); err != nil {
		return s.asking(ctx, "S3", "PutPublicAccessBlock", err)
	}
	policy := t.bucketPolicy()
	if _, err := s.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: name, Policy: &policy}); err != nil {
		return s.asking(ctx, "S3", "PutBucketPolicy", err)
	}
	return nil
}

func (s *service) tagBucket(ctx context.Context, r ledger.Resource) error {
	if _, err := s.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &r.Name,
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String(ledger.TagKey), Value: aws.String(s.ledger.ID)}}}}); err != nil {
		return s.asking(ctx, "S3", "PutBucketTagging", err)
	}
	return s.confirmTag(ctx, r, "")
}

// bucketPolicy lets CloudTrail write for trails of this account that bear the prefix.
func (t *target) bucketPolicy() string {
	s := t.service
	var sources []string
	for _, region := range t.options.Regions {
		sources = append(sources, fmt.Sprintf("arn:%s:cloudtrail:%s:%s:trail/%s-*", s.partition, region, s.account, s.ledger.Prefix))
	}
	ours := value.Obj("ArnLike", value.Obj("aws:SourceArn", value.Strs(sources...)))
	return endpoint.BucketPolicy("arn:"+s.partition+":s3:::"+t.bucket.Name, "Allow", "/AWSLogs/"+s.account+"/*",
		ours, ours.With("StringEquals", value.Obj("s3:x-amz-acl", "bucket-owner-full-control")))
}

type plannedResource struct {
	Kind  ledger.Kind `json:"kind"`
	Count int         `json:"count"` // at most, at a time
	Where string      `json:"where"`
	Why   string      `json:"why"`
}

type plannedCost struct {
	What string `json:"what"`
	Cost string `json:"cost"`
	Why  string `json:"why"`
}

// planned says what a run would do. Nothing is sent to find that out.
type planned struct {
	Regions   []string          `json:"regions"`
	Resources []plannedResource `json:"resources"`
	Writes    int               `json:"writes"`
	Reads     int               `json:"reads"`
	Minutes   float64           `json:"minutes"` // at the quota, in all Regions side by side
	Why       string            `json:"why"`     // what the minutes rest on
	Costs     []plannedCost     `json:"costs"`
	Policy    gate.Document     `json:"policy"`
}

// Plan says what a run with these options would create, how long the quotas make it, what it may cost,
// and what it must be permitted, if its suites make some fresh worlds with a trail each, and send some
// writes and reads, by what the service counts them as. The prefix of a ledger that is there counts.
func Plan(o Options, worlds, writes, reads int) (planned, error) {
	if len(o.Accounts) == 0 { // a plan needs none
		o.Accounts = []string{model.DefaultWorld.Account}
	}
	if err := o.check(); err != nil {
		return planned{}, err
	}
	if o.Prefix == "" && o.Ledger != "" {
		var err error
		if o.Prefix, err = ledger.ReadPrefix(context.Background(), o.Ledger); err != nil {
			return planned{}, err
		}
	}
	policy, err := gate.Policy(o.Prefix, o.Regions, o.AllowLogging, o.Stores)
	if err != nil {
		return planned{}, err
	}
	p := planned{Regions: o.Regions, Policy: policy}
	n := len(o.Regions)
	p.Resources = []plannedResource{
		{ledger.Bucket, 1, o.Regions[0], "every trail must name one; public access is blocked, and only CloudTrail may write, for trails of the prefix"},
		{ledger.Trail, maxTrails * n, fmt.Sprintf("at most %d in each Region, fewer where there are others", maxTrails),
			"worlds share them, and they are brought back to the state of new ones in between"},
	}
	// A trail that is lent costs one write to bring back, a new one two; each look at a tag or a state is a read.
	p.Writes = writes + worlds + maxTrails*n
	p.Reads = reads + 3*worlds + 4*n
	if o.Stores {
		p.Resources = append(p.Resources, plannedResource{ledger.Store, maxStores * n, fmt.Sprintf("at most %d in each Region", maxStores),
			"kept from run to run, because a deleted one counts against the quota of 10 for seven days"})
	}
	p.Minutes = math.Ceil(pace.Default.Seconds(p.Writes, p.Reads)/60/float64(n)*10) / 10
	p.Why = fmt.Sprintf("%v write and %v reads a second in each Region; reads go out while a write waits for its turn",
		pace.Default.Writes, pace.Default.Reads)
	p.Costs = costsOf(o)
	return p, nil
}

// Capabilities are what a run with these options can do, unless the account lacks it: nothing around a
// trail is broken in an account, and what costs money only on demand.
func Capabilities(o Options) map[model.Capability]bool {
	can := map[model.Capability]bool{model.CanRegions: len(o.Regions) > 1, model.CanLog: o.AllowLogging, model.CanStop: o.AllowLogging,
		model.CanStores: o.Stores, model.CanUpdateStores: o.Stores}
	for _, c := range []model.Capability{model.CanPut, model.CanGet, model.CanCreate, model.CanUpdate, model.CanDelete,
		model.CanGetTrail, model.CanStatus,
		model.CanPutEvents, model.CanAdvancedEvents, model.CanGetEvents, model.CanRawWire} {
		can[c] = true
	}
	return can
}

func costsOf(o Options) []plannedCost {
	costs := []plannedCost{
		{"trails that do not log", "nothing", "a trail is paid for by the events that it delivers"},
		{"requests to CloudTrail", "nothing", "management requests are free"},
		{"the bucket", "less than $0.01 a run", "some ten requests of S3 at $0.005 for 1,000, and hardly any objects"},
	}
	if o.AllowLogging {
		costs = append(costs,
			plannedCost{"management events of trails that log", "$2.00 for 100,000 events",
				"the first copy of an account's management events in a Region is free, each further trail that logs delivers another"},
			plannedCost{"data events of trails that log", "$0.10 for 100,000 events",
				"some cases log the data events of all S3 objects and functions, so an account without traffic costs nothing"},
			plannedCost{"Insights", "$0.35 for 100,000 management events analysed, and $0.03 for 100,000 data events, for each type", "they are analysed while Insights is on"})
	}
	if o.Stores {
		costs = append(costs, plannedCost{"event data stores", "$0.75 for each GB taken in, $0.35 for 100,000 events analysed",
			"stores stay from run to run and take in the account's management events all the time, retained for seven days"})
	}
	return costs
}
