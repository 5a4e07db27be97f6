package gate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/ledger"
)

var usage = targets.Class(targets.ErrUsage)

// Document is an IAM policy.
type Document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]any `json:",omitempty"`
}

// Policy returns the least-privilege IAM policy of a run: just the operations that the Gate admits. It
// names no account: of what it allows, buckets alone could be another account's, and those the condition
// on aws:ResourceAccount leaves out. Names have the prefix; an empty one is "conform-", which each new
// ledger's begins with. logging and storing permit what costs money.
func Policy(prefix string, regions []string, logging, storing bool) (Document, error) {
	if len(regions) == 0 {
		return Document{}, usage("name the Regions with --regions, such as --regions us-east-1")
	}
	for _, region := range regions {
		if !ledger.ValidRegion(region) {
			return Document{}, usage("--regions: %q is no Region", region)
		}
	}
	if err := ledger.CheckPrefix(prefix); err != nil {
		return Document{}, err
	}
	prefix = cmp.Or(prefix, strings.TrimSuffix(ledger.DefaultPrefix, "-")) + "-"
	partition := PartitionOf(regions[0])
	actions := map[scope][]string{}
	for name, op := range operations {
		if op.logging && !logging || op.stores && !storing {
			continue
		}
		actions[op.scope] = append(actions[op.scope], op.permissions(name)...)
	}
	if storing {
		actions[taggedStore] = append(actions[taggedStore], storeActions...)
	}
	var trails, stores []string
	for _, region := range regions {
		trails = append(trails, fmt.Sprintf("arn:%s:cloudtrail:%s:*:trail/%s*", partition, region, prefix))
		stores = append(stores, fmt.Sprintf("arn:%s:cloudtrail:%s:*:eventdatastore/*", partition, region))
	}
	type condition = map[string]map[string]any
	own := condition{"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}
	all, bucket := []string{"*"}, "arn:"+partition+":s3:::"+prefix+"*"
	document := Document{Version: "2012-10-17"}
	for _, of := range []struct {
		sid       string
		scope     scope
		resources []string
		condition condition
	}{
		{"Look", everything, all, nil},
		{"ListTrails", inRegions, all, condition{"StringEquals": {"aws:RequestedRegion": regions}}},
		{"Trails", prefixTrail, trails, nil},
		{"NewBuckets", newBucket, []string{bucket}, nil},
		{"Buckets", prefixS3, []string{bucket}, own},
		{"Objects", prefixKeys, []string{bucket + "/*"}, own},
		{"Stores", taggedStore, stores, condition{"StringLike": {"aws:ResourceTag/" + ledger.TagKey: "?*"}}},
		{"NewStores", newStore, stores, condition{"StringLike": {"aws:RequestTag/" + ledger.TagKey: "?*"}}},
	} {
		list := actions[of.scope]
		slices.Sort(list)
		if list = slices.Compact(list); len(list) > 0 {
			document.Statement = append(document.Statement, statement{Sid: of.sid, Effect: "Allow", Action: list,
				Resource: of.resources, Condition: of.condition})
		}
	}
	return document, nil
}

// JSON renders the policy as IAM takes it.
func (d Document) JSON() []byte {
	text, _ := json.MarshalIndent(d, "", "  ") // of strings alone
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

// operation is one that a run may send.
type operation struct {
	identifies bool     // tells which account this is, and may go out before that is known
	writes     bool     // changes something
	actions    []string // that are permitted; nil is the one that is called as the operation
	scope      scope
	logging    bool // is sent with --allow-logging alone
	stores     bool // is sent with --stores alone
	creates    ledger.Kind
	members    []string // that its input may have; nil is any
}

// scope says what the permission is limited to.
type scope uint8

const (
	everything  scope = iota // the action knows no resource
	inRegions                // it lists what there is in a Region
	prefixTrail              // trails whose names bear the prefix
	prefixS3                 // buckets whose names do
	newBucket                // buckets that are made with such a name
	prefixKeys               // objects in them
	taggedStore              // event data stores with the tag
	newStore                 // event data stores that are made with the tag
)

// operations is all that the Gate admits, by service and operation; the policy is made of it too.
var operations = map[string]operation{
	"sts:GetCallerIdentity":              {identifies: true, actions: []string{}},
	"iam:ListAccountAliases":             {identifies: true},
	"organizations:DescribeOrganization": {identifies: true},

	"cloudtrail:DescribeTrails":      {scope: inRegions},
	"cloudtrail:ListTags":            {scope: prefixTrail},
	"cloudtrail:GetInsightSelectors": {scope: prefixTrail},
	"cloudtrail:GetTrail":            {scope: prefixTrail},
	"cloudtrail:GetTrailStatus":      {scope: prefixTrail},
	"cloudtrail:GetEventSelectors":   {scope: prefixTrail},
	"cloudtrail:CreateTrail": {writes: true, scope: prefixTrail,
		actions: []string{"cloudtrail:CreateTrail", "cloudtrail:AddTags"}, creates: ledger.Trail,
		members: []string{"Name", "S3BucketName", "IncludeGlobalServiceEvents", "IsMultiRegionTrail", "TagsList"}},
	"cloudtrail:UpdateTrail": {writes: true, scope: prefixTrail,
		members: []string{"Name", "IncludeGlobalServiceEvents", "IsMultiRegionTrail", "EnableLogFileValidation"}},
	"cloudtrail:DeleteTrail":         {writes: true, scope: prefixTrail, members: []string{"Name"}},
	"cloudtrail:PutInsightSelectors": {writes: true, scope: prefixTrail},
	"cloudtrail:PutEventSelectors": {writes: true, scope: prefixTrail,
		members: []string{"TrailName", "EventSelectors", "AdvancedEventSelectors"}},
	"cloudtrail:StartLogging":        {writes: true, scope: prefixTrail, logging: true, members: []string{"Name"}},
	"cloudtrail:StopLogging":         {writes: true, scope: prefixTrail, logging: true, members: []string{"Name"}},
	"cloudtrail:ListEventDataStores": {scope: inRegions, stores: true},
	"cloudtrail:GetEventDataStore":   {scope: taggedStore, stores: true},
	"cloudtrail:CreateEventDataStore": {writes: true, scope: newStore, stores: true,
		actions: []string{"cloudtrail:CreateEventDataStore", "cloudtrail:AddTags"}, creates: ledger.Store,
		members: []string{"Name", "AdvancedEventSelectors", "MultiRegionEnabled", "RetentionPeriod",
			"TerminationProtectionEnabled", "StartIngestion", "TagsList"}},
	"cloudtrail:UpdateEventDataStore": {writes: true, scope: taggedStore, stores: true,
		members: []string{"EventDataStore", "AdvancedEventSelectors", "RetentionPeriod", "TerminationProtectionEnabled"}},
	"cloudtrail:DeleteEventDataStore": {writes: true, scope: taggedStore, stores: true, members: []string{"EventDataStore"}},

	"s3:ListBuckets":          {actions: []string{"s3:ListAllMyBuckets"}},
	"s3:HeadBucket":           {actions: []string{"s3:ListBucket"}, scope: prefixS3},
	"s3:ListObjectsV2":        {actions: []string{"s3:ListBucket"}, scope: prefixS3},
	"s3:GetBucketTagging":     {scope: prefixS3},
	"s3:CreateBucket":         {writes: true, scope: newBucket},
	"s3:PutBucketTagging":     {writes: true, scope: prefixS3},
	"s3:PutPublicAccessBlock": {writes: true, actions: []string{"s3:PutBucketPublicAccessBlock"}, scope: prefixS3},
	"s3:PutBucketPolicy":      {writes: true, scope: prefixS3},
	"s3:DeleteBucket":         {writes: true, scope: prefixS3},
	"s3:DeleteObject":         {writes: true, scope: prefixKeys},
}

// permissions are the actions that the operation of a name needs.
func (op operation) permissions(name string) []string {
	if op.actions == nil {
		return []string{name}
	}
	return op.actions
}

// storeActions are those on trails that a run with stores needs on event data stores too.
var storeActions = []string{"cloudtrail:PutInsightSelectors", "cloudtrail:GetInsightSelectors", "cloudtrail:ListTags"}
