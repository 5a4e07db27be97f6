package account

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// operation is one that a run may send.
type operation struct {
	identifies bool // tells which account this is, and may go out before that is known
	writes     bool // changes something
	actions    []string
	scope      scope
	needs      need
}

// scope says what the permission is limited to.
type scope uint8

const (
	everything  scope = iota // the action knows no resource, or lists what there is
	prefixTrail              // trails whose names bear the prefix
	prefixS3                 // buckets whose names do
	newBucket                // buckets that are made with such a name
	prefixKeys               // objects in them
	taggedStore              // event data stores with the tag
	newStore                 // event data stores that are made with the tag
)

// need says with which flag alone an operation is sent.
type need uint8

const (
	always need = iota
	needsLogging
	needsStores
)

// operations is all that may be sent, by service and operation. The gate admits nothing else, and the
// policy is made of it.
var operations = map[string]operation{
	"sts:GetCallerIdentity":              {identifies: true},
	"iam:ListAccountAliases":             {identifies: true, actions: []string{"iam:ListAccountAliases"}},
	"organizations:DescribeOrganization": {identifies: true, actions: []string{"organizations:DescribeOrganization"}},

	"cloudtrail:DescribeTrails":       {actions: []string{"cloudtrail:DescribeTrails"}},
	"cloudtrail:ListTags":             {actions: []string{"cloudtrail:ListTags"}, scope: prefixTrail},
	"cloudtrail:GetInsightSelectors":  {actions: []string{"cloudtrail:GetInsightSelectors"}, scope: prefixTrail},
	"cloudtrail:GetTrail":             {actions: []string{"cloudtrail:GetTrail"}, scope: prefixTrail},
	"cloudtrail:GetTrailStatus":       {actions: []string{"cloudtrail:GetTrailStatus"}, scope: prefixTrail},
	"cloudtrail:GetEventSelectors":    {actions: []string{"cloudtrail:GetEventSelectors"}, scope: prefixTrail},
	"cloudtrail:CreateTrail":          {writes: true, actions: []string{"cloudtrail:CreateTrail", "cloudtrail:AddTags"}, scope: prefixTrail},
	"cloudtrail:UpdateTrail":          {writes: true, actions: []string{"cloudtrail:UpdateTrail"}, scope: prefixTrail},
	"cloudtrail:DeleteTrail":          {writes: true, actions: []string{"cloudtrail:DeleteTrail"}, scope: prefixTrail},
	"cloudtrail:PutInsightSelectors":  {writes: true, actions: []string{"cloudtrail:PutInsightSelectors"}, scope: prefixTrail},
	"cloudtrail:PutEventSelectors":    {writes: true, actions: []string{"cloudtrail:PutEventSelectors"}, scope: prefixTrail},
	"cloudtrail:StartLogging":         {writes: true, actions: []string{"cloudtrail:StartLogging"}, scope: prefixTrail, needs: needsLogging},
	"cloudtrail:StopLogging":          {writes: true, actions: []string{"cloudtrail:StopLogging"}, scope: prefixTrail, needs: needsLogging},
	"cloudtrail:ListEventDataStores":  {actions: []string{"cloudtrail:ListEventDataStores"}, needs: needsStores},
	"cloudtrail:GetEventDataStore":    {actions: []string{"cloudtrail:GetEventDataStore"}, scope: taggedStore, needs: needsStores},
	"cloudtrail:CreateEventDataStore": {writes: true, actions: []string{"cloudtrail:CreateEventDataStore", "cloudtrail:AddTags"}, scope: newStore, needs: needsStores},
	"cloudtrail:UpdateEventDataStore": {writes: true, actions: []string{"cloudtrail:UpdateEventDataStore"}, scope: taggedStore, needs: needsStores},
	"cloudtrail:DeleteEventDataStore": {writes: true, actions: []string{"cloudtrail:DeleteEventDataStore"}, scope: taggedStore, needs: needsStores},

	"s3:ListBuckets":          {actions: []string{"s3:ListAllMyBuckets"}},
	"s3:HeadBucket":           {actions: []string{"s3:ListBucket"}, scope: prefixS3},
	"s3:ListObjectsV2":        {actions: []string{"s3:ListBucket"}, scope: prefixS3},
	"s3:GetBucketTagging":     {actions: []string{"s3:GetBucketTagging"}, scope: prefixS3},
	"s3:CreateBucket":         {writes: true, actions: []string{"s3:CreateBucket"}, scope: newBucket},
	"s3:PutBucketTagging":     {writes: true, actions: []string{"s3:PutBucketTagging"}, scope: prefixS3},
	"s3:PutPublicAccessBlock": {writes: true, actions: []string{"s3:PutBucketPublicAccessBlock"}, scope: prefixS3},
	"s3:PutBucketPolicy":      {writes: true, actions: []string{"s3:PutBucketPolicy"}, scope: prefixS3},
	"s3:DeleteBucket":         {writes: true, actions: []string{"s3:DeleteBucket"}, scope: prefixS3},
	"s3:DeleteObject":         {writes: true, actions: []string{"s3:DeleteObject"}, scope: prefixKeys},
}

// storeActions are those on trails that a run with stores needs on event data stores too.
var storeActions = []string{"cloudtrail:PutInsightSelectors", "cloudtrail:GetInsightSelectors", "cloudtrail:ListTags"}

// TagKey is the tag on all that a run creates; its value is the ledger's ID.
const TagKey = "conform-ledger"

// PolicyOptions say what a policy is for.
type PolicyOptions struct {
	Prefix  string   // of the names; empty is the default, "conform-", which each new ledger's prefix begins with
	Regions []string // that the run uses
	Logging bool     // StartLogging may be sent
	Stores  bool     // event data stores may be made
}

// DefaultPrefix begins the prefix of every ledger that is given none.
const DefaultPrefix = "conform-"

// Document is an IAM policy.
type Document struct {
	Version   string
	Statement []Statement
}

// Statement is one statement of a policy.
type Statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]any `json:",omitempty"`
}

// Policy returns the least-privilege IAM policy of a run: just the operations that the gate admits. It
// names no account: of what it allows, buckets alone could be another account's, and those the condition
// on aws:ResourceAccount leaves out.
func Policy(o PolicyOptions) (Document, error) {
	if len(o.Regions) == 0 {
		return Document{}, usage("name the Regions with --regions, such as --regions us-east-1")
	}
	for _, region := range o.Regions {
		if !regionSyntax.MatchString(region) {
			return Document{}, usage("--regions: %q is no Region", region)
		}
	}
	prefix := o.Prefix
	if prefix == "" {
		prefix = DefaultPrefix
	} else if err := CheckPrefix(prefix); err != nil {
		return Document{}, err
	} else {
		prefix += "-"
	}
	partition := partitionOf(o.Regions[0])
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
			document.Statement = append(document.Statement, Statement{Sid: sid, Effect: "Allow", Action: list, Resource: resource, Condition: condition})
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
		tagged := map[string]any{"aws:ResourceTag/" + TagKey: "?*"}
		actions[taggedStore] = append(actions[taggedStore], storeActions...)
		add("Stores", taggedStore, stores, map[string]map[string]any{"StringLike": tagged})
		add("NewStores", newStore, stores, map[string]map[string]any{"StringLike": {"aws:RequestTag/" + TagKey: "?*"}})
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

// partitionOf tells a Region's partition by its name.
func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
