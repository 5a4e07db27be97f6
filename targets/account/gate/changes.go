package gate

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/naming"
	"github.com/insightconform/conform/targets/wire"
)

func (g *Gate) bucket(op, region string, req *http.Request) error {
	name, _ := bucketPath(g.bases[base{S3, region}], req)
	if !strings.HasPrefix(name, g.prefix+"-") {
		return Refuse(GuardPrefix, "the bucket %s does not bear the prefix %s", wire.Printable(name), g.prefix)
	}
	is := g.known[ledger.Bucket.In(region, name)]
	if is == Owned || is == Intended && (op == "CreateBucket" || op == "PutBucketTagging") {
		return nil
	}
	return Refuse(guardOwner, "the ledger has no bucket %s in %s whose tag was checked", wire.Printable(name), region)
}

// cloudTrail checks a request that changes trails or stores, or would if its names were others.
func (g *Gate) cloudTrail(name string, op operation, region string, body []byte) error {
	if g.harmless(body) {
		return nil
	}
	input, err := strictObject(body)
	if err != nil {
		return Refuse(guardOperation, "a body of %s that no run sends: %s", name, err)
	}
	for _, m := range input.Members() {
		if op.members != nil && !slices.Contains(op.members, m.Name) {
			return Refuse(guardOperation, "%s with %s is nothing that a run sends", name, wire.Printable(m.Name))
		}
	}
	if op.creates != "" {
		called := input.Get("Name")
		if called.Kind() != value.String || !strings.HasPrefix(called.Text(), g.prefix+"-") {
			return Refuse(GuardPrefix, "the name of a new %s does not bear the prefix %s", op.creates, g.prefix)
		}
		if g.known[op.creates.In(region, called.Text())] == Unknown {
			return Refuse(guardLedger, "a %s would be created that is not in the ledger", op.creates)
		}
	}
	for _, m := range input.Members() {
		check := func(s string) error { return g.trailString(region, s) }
		switch naming.FoldedName(m.Name) {
		case "eventdatastore", "insightsdestination", "eventdatastorearn", "insightsdestinationarn":
			check = g.storeString
		case "s3bucketname":
			check = g.bucketString
		case "eventselectors", "advancedeventselectors", "tagslist":
			continue
		case "trailname", "name", "trailarn":
			if op.creates == ledger.Store && m.Name == "Name" {
				continue
			}
		default:
			check = func(s string) error {
				if naming.IsARN(s) {
					return g.trailString(region, s)
				}
				return nil
			}
		}
		if err := eachString(m.Value, check); err != nil {
			return err
		}
	}
	return nil
}

// trailString checks a string that names a trail, in every way in which a service might read it.
func (g *Gate) trailString(region, s string) error {
	named, account, err := g.accountOf(s)
	switch {
	case err != nil:
		return err
	case account == OtherAccount:
		region = "" // nothing of ours is there
	case named != "":
		region = named
	}
	for _, name := range readings(s) {
		if err := g.trailName(region, name); err != nil {
			return err
		}
	}
	return nil
}

// accountOf reads what might be taken for an ARN, and refuses accounts neither the caller's nor nobody's.
func (g *Gate) accountOf(s string) (region, account string, err error) {
	parts := strings.SplitN(s, ":", 6)
	if !naming.IsARN(s) || len(parts) < 5 {
		return "", "", nil
	}
	region, account = parts[3], parts[4]
	if account != "" && account != g.account && account != OtherAccount {
		err = Refuse(GuardAccount, "an ARN of an account that is not the caller's")
	}
	return region, account, err
}

// trailName admits a trail of the ledger's, and names that this process made up, which nothing else bears.
func (g *Gate) trailName(region, name string) error {
	rest, ok := strings.CutPrefix(name, g.prefix+"-")
	if !ok {
		return Refuse(GuardPrefix, "the trail name %s does not bear the prefix %s", wire.Printable(name), g.prefix)
	}
	is := g.known[ledger.Trail.In(region, name)]
	if is == Foreign {
		return Refuse(GuardTag, "the trail %s bears another tag than the ledger's", wire.Printable(name))
	}
	if is == Owned || len(rest) > naming.TagLength && rest[naming.TagLength] == '-' && g.tags[rest[:naming.TagLength]] {
		return nil
	}
	return Refuse(guardOwner, "the ledger has no trail %s in %s whose tag was checked", wire.Printable(name), wire.Printable(region))
}

// storeString checks a string that names an event data store: all IDs in it must be known.
func (g *Gate) storeString(s string) error {
	if _, _, err := g.accountOf(s); err != nil {
		return err
	}
	for _, id := range naming.StoreIDs.FindAllString(s, -1) {
		lower, madeUp := strings.ToLower(id), false // by this process, as the ID of a store that there is not
		for tag := range g.tags {
			madeUp = madeUp || strings.HasPrefix(lower, naming.MissingStores(tag))
		}
		if r, ok := g.stores[lower]; !madeUp && !(ok && g.known[r] == Owned) {
			return Refuse(guardOwner, "the ledger has no event data store %s whose tag was checked", id)
		}
	}
	return nil
}

func (g *Gate) bucketString(s string) error {
	for r, is := range g.known {
		if r.Kind == ledger.Bucket && r.Name == s && is == Owned {
			return nil
		}
	}
	return Refuse(guardOwner, "the ledger has no bucket %s whose tag was checked", wire.Printable(s))
}

// readings lists the trail names that a string may be taken for, however carelessly.
func readings(s string) (names []string) {
	if naming.IsARN(s) {
		parts := strings.SplitN(s, ":", 6)
		if len(parts) < 6 {
			return nil
		}
		s = parts[5]
	}
	naming.MapNames(s, func(name string) string {
		if model.ValidTrailName(name) {
			names = append(names, name)
		}
		return name
	})
	return names
}

// eachString checks all strings that a value holds, and returns the first objection.
func eachString(v value.Value, check func(string) error) (err error) {
	generators.MapStrings(v, func(s string) string {
		err = cmp.Or(err, check(s))
		return s
	})
	return err
}
