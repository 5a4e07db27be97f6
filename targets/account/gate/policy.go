package gate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/ledger"
)

// PolicyOptions say what a policy is for.
type PolicyOptions struct {
	Prefix  string   // of the names; empty is the default, "conform-", which each new ledger's prefix begins with
	Regions []string // that the run uses
	Logging bool     // StartLogging may be sent
	Stores  bool     // event data stores may be made
}

// Document is an IAM policy.
type Document struct {
	Version   string
	Statement []statement
}

// statement is one statement of a policy.
type statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]any `json:",omitempty"`
}

// Policy returns the least-privilege IAM policy of a run: just the operations that the Gate admits. It
// names no account: of what it allows, buckets alone could be another account's, and those the condition
// on aws:ResourceAccount leaves out.
func Policy(o PolicyOptions) (Document, error) {
	if len(o.Regions) == 0 {
		return Document{}, fmt.Errorf("%w: name the Regions with --regions, such as --regions us-east-1", targets.ErrUsage)
	}
	for _, region := range o.Regions {
		if !ledger.ValidRegion(region) {
			return Document{}, fmt.Errorf("%w: --regions: %q is no Region", targets.ErrUsage, region)
		}
	}
	prefix := o.Prefix
	if prefix == "" {
		prefix = ledger.DefaultPrefix
	} else if err := ledger.CheckPrefix(prefix); err != nil {
		return Document{}, err
	} else {
		prefix += "-"
	}
	partition := PartitionOf(o.Regions[0])
	actions := map[scope][]string{}
	for _, op := range operations {
		if op.needs == needsLogging && !o.Logging || op.needs == needsStores && !o.Stores {
			continue
		}
		actions[op.scope] = append(actions[op.scope], op.actions...)
	}
	var trails, stores []string
	for _, region := range o.Regions {
		trails = append(trails, fmt.Sprintf("arn:%s:cloudtrail:%s:*:trail/%s*", partition, region, prefix))
		stores = append(stores, fmt.Sprintf("arn:%s:cloudtrail:%s:*:eventdatastore/*", partition, region))
	}
	own := map[string]any{"aws:ResourceAccount": "${aws:PrincipalAccount}"}
	inRegions := map[string]any{"aws:RequestedRegion": o.Regions}
	document := Document{Version: "2012-10-17"}
	add := func(sid string, s scope, resource []string, condition map[string]map[string]any) {
		list := slices.Clone(actions[s])
		slices.Sort(list)
		if list = slices.Compact(list); len(list) > 0 {
			document.Statement = append(document.Statement, statement{Sid: sid, Effect: "Allow", Action: list,
				Resource: resource, Condition: condition})
		}
	}
	list := actions[everything]
	regional := slices.DeleteFunc(slices.Clone(list), func(a string) bool { return !strings.HasPrefix(a, "cloudtrail:") })
	actions[everything] = slices.DeleteFunc(list, func(a string) bool { return strings.HasPrefix(a, "cloudtrail:") })
	add("Look", everything, []string{"*"}, nil)
	actions[everything] = regional
	add("ListTrails", everything, []string{"*"}, map[string]map[string]any{"StringEquals": inRegions})
	add("Trails", prefixTrail, trails, nil)
	bucket := "arn:" + partition + ":s3:::" + prefix + "*"
	add("NewBuckets", newBucket, []string{bucket}, nil)
	add("Buckets", prefixS3, []string{bucket}, map[string]map[string]any{"StringEquals": own})
	add("Objects", prefixKeys, []string{bucket + "/*"}, map[string]map[string]any{"StringEquals": own})
	if o.Stores {
		tagged := map[string]any{"aws:ResourceTag/" + ledger.TagKey: "?*"}
		actions[taggedStore] = append(actions[taggedStore], storeActions...)
		add("Stores", taggedStore, stores, map[string]map[string]any{"StringLike": tagged})
		add("NewStores", newStore, stores, map[string]map[string]any{"StringLike": {"aws:RequestTag/" + ledger.TagKey: "?*"}})
	}
	return document, nil
}

// JSON renders the policy as IAM takes it.
func (d Document) JSON() []byte {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic(err) // of strings alone
	}
	return append(text, '\n')
}

// PartitionOf tells a Region's partition by its name.
func PartitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
