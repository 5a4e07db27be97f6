package gate

import "github.com/insightconform/conform/targets/account/ledger"

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
