package gate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
	"github.com/insightconform/conform/targets/account/ledger"
	"github.com/insightconform/conform/targets/naming"
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
	partition := naming.PartitionOf(regions[0])
	actions := map[string][]string{}
	for name, op := range operations {
		if op.logging && !logging || op.stores && !storing {
			continue
		}
		statement := cmp.Or(op.statement, "Look")
		actions[statement] = append(actions[statement], op.permissions(name)...)
	}
	if storing {
		// The operations on trails that are used on event data stores too.
		actions["Stores"] = append(actions["Stores"],
			"cloudtrail:PutInsightSelectors", "cloudtrail:GetInsightSelectors", "cloudtrail:ListTags")
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
		resources []string
		condition condition
	}{
		{"Look", all, nil},
		{"ListTrails", all, condition{"StringEquals": {"aws:RequestedRegion": regions}}},
		{"Trails", trails, nil},
		{"NewBuckets", []string{bucket}, nil},
		{"Buckets", []string{bucket}, own},
		{"Objects", []string{bucket + "/*"}, own},
		{"Stores", stores, condition{"StringLike": {"aws:ResourceTag/" + ledger.TagKey: "?*"}}},
		{"NewStores", stores, condition{"StringLike": {"aws:RequestTag/" + ledger.TagKey: "?*"}}},
	} {
		list := actions[of.sid]
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

// operation is one that a run may send.
type operation struct {
	identifies bool     // tells which account this is, and may go out before that is known
	writes     bool     // changes something
	actions    []string // that are permitted; nil is the one that is called as the operation
	statement  string   // of the policy that permits them; empty is Look, for what knows no resource
	logging    bool     // is sent with --allow-logging alone
	stores     bool     // is sent with --stores alone
	creates    ledger.Kind
	members    []string // that its input may have; nil is any
}

// operations is all that the Gate admits, by service and operation; the policy is made of it too.
var operations = map[string]operation{
	"sts:GetCallerIdentity":              {identifies: true, actions: []string{}},
	"iam:ListAccountAliases":             {identifies: true},
	"organizations:DescribeOrganization": {identifies: true},

	"cloudtrail:DescribeTrails":      {statement: "ListTrails"},
	"cloudtrail:ListTags":            {statement: "Trails"},
	"cloudtrail:GetInsightSelectors": {statement: "Trails"},
	"cloudtrail:GetTrail":            {statement: "Trails"},
	"cloudtrail:GetTrailStatus":      {statement: "Trails"},
	"cloudtrail:GetEventSelectors":   {statement: "Trails"},
	"cloudtrail:CreateTrail": {writes: true, statement: "Trails",
		actions: []string{"cloudtrail:CreateTrail", "cloudtrail:AddTags"}, creates: ledger.Trail,
		members: []string{"Name", "S3BucketName", "IncludeGlobalServiceEvents", "IsMultiRegionTrail", "TagsList"}},
	"cloudtrail:UpdateTrail": {writes: true, statement: "Trails",
		members: []string{"Name", "IncludeGlobalServiceEvents", "IsMultiRegionTrail", "EnableLogFileValidation"}},
	"cloudtrail:DeleteTrail":         {writes: true, statement: "Trails", members: []string{"Name"}},
	"cloudtrail:PutInsightSelectors": {writes: true, statement: "Trails"},
	"cloudtrail:PutEventSelectors": {writes: true, statement: "Trails",
		members: []string{"TrailName", "EventSelectors", "AdvancedEventSelectors"}},
	"cloudtrail:StartLogging":        {writes: true, statement: "Trails", logging: true, members: []string{"Name"}},
	"cloudtrail:StopLogging":         {writes: true, statement: "Trails", logging: true, members: []string{"Name"}},
	"cloudtrail:ListEventDataStores": {statement: "ListTrails", stores: true},
	"cloudtrail:GetEventDataStore":   {statement: "Stores", stores: true},
	"cloudtrail:CreateEventDataStore": {writes: true, statement: "NewStores", stores: true,
		actions: []string{"cloudtrail:CreateEventDataStore", "cloudtrail:AddTags"}, creates: ledger.Store,
		members: []string{"Name", "AdvancedEventSelectors", "MultiRegionEnabled", "RetentionPeriod",
			"TerminationProtectionEnabled", "StartIngestion", "TagsList"}},
	"cloudtrail:UpdateEventDataStore": {writes: true, statement: "Stores", stores: true,
		members: []string{"EventDataStore", "AdvancedEventSelectors", "RetentionPeriod", "TerminationProtectionEnabled"}},
	"cloudtrail:DeleteEventDataStore": {writes: true, statement: "Stores", stores: true, members: []string{"EventDataStore"}},

	"s3:ListBuckets":          {actions: []string{"s3:ListAllMyBuckets"}},
	"s3:HeadBucket":           {actions: []string{"s3:ListBucket"}, statement: "Buckets"},
	"s3:ListObjectsV2":        {actions: []string{"s3:ListBucket"}, statement: "Buckets"},
	"s3:GetBucketTagging":     {statement: "Buckets"},
	"s3:CreateBucket":         {writes: true, statement: "NewBuckets"},
	"s3:PutBucketTagging":     {writes: true, statement: "Buckets"},
	"s3:PutPublicAccessBlock": {writes: true, actions: []string{"s3:PutBucketPublicAccessBlock"}, statement: "Buckets"},
	"s3:PutBucketPolicy":      {writes: true, statement: "Buckets"},
	"s3:DeleteBucket":         {writes: true, statement: "Buckets"},
	"s3:DeleteObject":         {writes: true, statement: "Objects"},
}

// Admits reports whether the Gate lets a request to CloudTrail have the members that it has.
func Admits(r model.Request) bool {
	op, ok := operations["cloudtrail:"+string(r.Op)]
	return ok && !slices.ContainsFunc(r.Input.Members(), op.lacks)
}

func (op operation) lacks(m value.Member) bool {
	return op.members != nil && !slices.Contains(op.members, m.Name)
}

// permissions are the actions that the operation of a name needs.
func (op operation) permissions(name string) []string {
	if op.actions == nil {
		return []string{name}
	}
	return op.actions
}
