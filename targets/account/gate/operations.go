package gate

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

// operations is all that may be sent, by service and operation. The Gate admits nothing else, and the
// policy is made of it.
var operations = map[string]operation{
	"sts:GetCallerIdentity":              {identifies: true},
	"iam:ListAccountAliases":             {identifies: true, actions: []string{"iam:ListAccountAliases"}},
	"organizations:DescribeOrganization": {identifies: true, actions: []string{"organizations:DescribeOrganization"}},

	"cloudtrail:DescribeTrails":      {actions: []string{"cloudtrail:DescribeTrails"}},
	"cloudtrail:ListTags":            {actions: []string{"cloudtrail:ListTags"}, scope: prefixTrail},
	"cloudtrail:GetInsightSelectors": {actions: []string{"cloudtrail:GetInsightSelectors"}, scope: prefixTrail},
	"cloudtrail:GetTrail":            {actions: []string{"cloudtrail:GetTrail"}, scope: prefixTrail},
	"cloudtrail:GetTrailStatus":      {actions: []string{"cloudtrail:GetTrailStatus"}, scope: prefixTrail},
	"cloudtrail:GetEventSelectors":   {actions: []string{"cloudtrail:GetEventSelectors"}, scope: prefixTrail},
	"cloudtrail:CreateTrail":         {writes: true, actions: []string{"cloudtrail:CreateTrail", "cloudtrail:AddTags"}, scope: prefixTrail},
	"cloudtrail:UpdateTrail":         {writes: true, actions: []string{"cloudtrail:UpdateTrail"}, scope: prefixTrail},
	"cloudtrail:DeleteTrail":         {writes: true, actions: []string{"cloudtrail:DeleteTrail"}, scope: prefixTrail},
	"cloudtrail:PutInsightSelectors": {writes: true, actions: []string{"cloudtrail:PutInsightSelectors"}, scope: prefixTrail},
	"cloudtrail:PutEventSelectors":   {writes: true, actions: []string{"cloudtrail:PutEventSelectors"}, scope: prefixTrail},
	"cloudtrail:StartLogging":        {writes: true, actions: []string{"cloudtrail:StartLogging"}, scope: prefixTrail, needs: needsLogging},
	"cloudtrail:StopLogging":         {writes: true, actions: []string{"cloudtrail:StopLogging"}, scope: prefixTrail, needs: needsLogging},
	"cloudtrail:ListEventDataStores": {actions: []string{"cloudtrail:ListEventDataStores"}, needs: needsStores},
	"cloudtrail:GetEventDataStore":   {actions: []string{"cloudtrail:GetEventDataStore"}, scope: taggedStore, needs: needsStores},
	"cloudtrail:CreateEventDataStore": {writes: true, actions: []string{"cloudtrail:CreateEventDataStore",
		"cloudtrail:AddTags"}, scope: newStore, needs: needsStores},
	"cloudtrail:UpdateEventDataStore": {writes: true, actions: []string{"cloudtrail:UpdateEventDataStore"},
		scope: taggedStore, needs: needsStores},
	"cloudtrail:DeleteEventDataStore": {writes: true, actions: []string{"cloudtrail:DeleteEventDataStore"},
		scope: taggedStore, needs: needsStores},

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

// Writes reports whether an operation of CloudTrail's changes anything.
func Writes(operation string) bool { return operations[CloudTrail+":"+operation].writes }
