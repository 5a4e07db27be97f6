package account

import (
	"fmt"
	"math"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets/account/gate"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/pace"
)

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
		if o.Prefix, err = ledger.ReadPrefix(o.Ledger); err != nil {
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
