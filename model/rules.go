package model

import (
	"fmt"
	"slices"
	"strings"
)

// ID is the stable name of a rule, family first: "put/replaces-list".
type ID string

// Family is the part before the slash.
func (id ID) Family() string { family, _, _ := strings.Cut(string(id), "/"); return family }

// Level says what a rule rests on. A higher level is stronger.
type Level uint8

// The levels of evidence.
const (
	Inferred   Level = iota + 1 // the documentation is silent; the reference was chosen
	Observed                    // a recorded answer of the real service says so
	Documented                  // the API reference, user guide or service model says so
)

var levelNames = []string{"", "inferred", "observed", "documented"}

// String spells the level as reports do.
func (l Level) String() string { return levelNames[l] }

// MarshalText spells the level as reports do.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (l *Level) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLevel(string(text))
	return err
}

// ParseLevel reads the name of a level.
func ParseLevel(name string) (Level, error) {
	if l := slices.Index(levelNames, name); l > 0 {
		return Level(l), nil
	}
	return 0, fmt.Errorf("%q is no level; use documented, observed or inferred", name)
}

// The ids of the rules.
const (
	WireProtocol       ID = "wire/protocol"
	WireErrorShape     ID = "wire/error-shape"
	WireErrorStatus    ID = "wire/error-status"
	WireMembers        ID = "wire/members"
	WireUnknownMembers ID = "wire/unknown-members"
	WireWrongType      ID = "wire/wrong-type"
	WireNoCrash        ID = "wire/no-crash"

	StateInitiallyOff       ID = "state/initially-off"
	PutStores               ID = "put/stores"
	PutReplacesList         ID = "put/replaces-list"
	PutOverwritesCategories ID = "put/overwrites-categories"
	PutDefaultManagement    ID = "put/default-management"
	PutEmptyDisables        ID = "put/empty-disables"
	PutEmptyWhenOff         ID = "put/empty-when-off"
	PutIdempotent           ID = "put/idempotent"
	PutOrderFree            ID = "put/order-free"
	GetReflectsPut          ID = "get/reflects-put"
	GetNotEnabled           ID = "get/not-enabled"
	TrailHasInsights        ID = "trail/has-insight-selectors"
	TrailNameOrARN          ID = "trail/name-or-arn"
	AnswerOneOwner          ID = "answer/one-owner"
	AnswerOneEntry          ID = "answer/one-entry-per-type"
	StateIsolated           ID = "state/isolated"
	ErrorAtomic             ID = "error/atomic"
	PutCategoriesEmpty      ID = "put/categories-empty"
	PutDuplicateType        ID = "put/duplicate-type"
	PutDuplicateDiffering   ID = "put/duplicate-type-differing"
	PutDuplicateCategory    ID = "put/duplicate-category"

	LogsCallRate        ID = "logs/call-rate-needs-write"
	LogsErrorRate       ID = "logs/error-rate-needs-management"
	LogsData            ID = "logs/data-needs-data"
	LogsReadOnlyError   ID = "logs/read-only-error-rate"
	LogsDisable         ID = "logs/disable-needs-nothing"
	LogsSelectorsLater  ID = "logs/selectors-change-later"
	LogsStop            ID = "logs/stop-logging"
	LogsStart           ID = "logs/start-logging"
	LogsPutStopped      ID = "logs/put-while-stopped"
	LogsVisible         ID = "logs/visible"
	TrailCreateExisting ID = "trail/create-existing"
	TrailUpdateKeeps    ID = "trail/update-keeps"
	TrailDeleteForgets  ID = "trail/delete-forgets"

	InputSelectorsMissing ID = "input/selectors-missing"
	InputNoResource       ID = "input/no-resource"
	InputTrailAndStore    ID = "input/trail-and-store"
	InputStoreNeedsBoth   ID = "input/store-needs-both"
	TrailNameSyntax       ID = "trail/name-syntax"
	TrailARNSyntax        ID = "trail/arn-syntax"
	StoreIDSyntax         ID = "store/id-syntax"
	SelectorTypeInvalid   ID = "selector/type-invalid"
	SelectorTypeMissing   ID = "selector/type-missing"
	SelectorCategory      ID = "selector/category-invalid"
	StoreDataCategory     ID = "store/data-category"
	TrailNotFound         ID = "trail/not-found"
	TrailOtherAccount     ID = "trail/other-account"
	TrailHomeRegion       ID = "trail/home-region"
	StoreNotFound         ID = "store/not-found"
	StoreOtherAccount     ID = "store/other-account"
	StoreInactive         ID = "store/inactive"
	OrgMemberAccount      ID = "org/member-account"
	OrgNoServiceRole      ID = "org/no-service-role"
	TrailNotPermitted     ID = "trail/not-permitted"
	StoreDestination      ID = "store/destination-not-insight"
	StoreSource           ID = "store/source-not-management"
	StoreSame             ID = "store/same-store"
	BucketMissingRule     ID = "bucket/missing"
	BucketPolicy          ID = "bucket/policy"
	KMSPolicy             ID = "kms/policy"
	KMSUnusable           ID = "kms/unusable"

	StoreEnables         ID = "store/enables"
	StoreARNOrSuffix     ID = "store/arn-or-suffix"
	StoreDisable         ID = "store/disable"
	StoreDisableWithDst  ID = "store/disable-with-destination"
	StoreRepoint         ID = "store/repoint"
	StoreNotIngesting    ID = "store/not-ingesting"
	StoreDefaultCategory ID = "store/default-category"
	StoreStopIngestion   ID = "store/stop-ingestion"
	StoreUpdateGuard     ID = "store/update-guard"
	StoreNoData          ID = "store/no-data"

	// Busy is what ConflictException breaks that outlasts the repeats, where no rule promised anything else.
	Busy ID = "busy"
	// Order names the deviation of answering the code of another broken rule than the first.
	Order ID = "order"
)

// The error codes that the rules speak of.
const (
	codeAccess         = "AccessDeniedException"
	codeARN            = "CloudTrailARNInvalidException"
	codeBucketGone     = "S3BucketDoesNotExistException"
	codeBucketPolicy   = "InsufficientS3BucketPolicyException"
	codeCombination    = "InvalidParameterCombinationException"
	codeEncryption     = "InsufficientEncryptionPolicyException"
	codeEventSelectors = "InvalidEventSelectorsException"
	codeHomeRegion     = "InvalidHomeRegionException"
	codeKMS            = "KmsException"
	codeMember         = "NotOrganizationMasterAccountException"
	codeNoRole         = "NoManagementAccountSLRExistsException"
	codeNotEnabled     = "InsightNotEnabledException"
	codeNotFound       = "TrailNotFoundException"
	codeNotPermitted   = "OperationNotPermittedException"
	codeParameter      = "InvalidParameterException"
	codeSelectors      = "InvalidInsightSelectorsException"
	codeSerialization  = "SerializationException"
	codeStoreARN       = "EventDataStoreARNInvalidException"
	codeStoreInactive  = "InactiveEventDataStoreException"
	codeStoreNotFound  = "EventDataStoreNotFoundException"
	codeStoreStatus    = "InvalidEventDataStoreStatusException"
	codeTrailExists    = "TrailAlreadyExistsException"
	codeTrailName      = "InvalidTrailNameException"
	codeUnsupported    = "UnsupportedOperationException"
	codeValidation     = "ValidationException"
)

// Undocumented reports whether a code that some rule accepts is not in the error list of the operation (Put or Get).
func Undocumented(op Op, code string) bool {
	switch code {
	case codeValidation, codeSerialization, codeAccess, codeStoreARN, codeStoreNotFound, codeStoreInactive, codeStoreStatus:
		return op.Insights()
	}
	return op == OpGet && code == codeHomeRegion
}

// Rule is one requirement of the reference behaviour.
type Rule struct {
	ID        ID
	Level     Level
	Source    string // S0, API, SM, UG, CFN, TF, W, LAB as in Sources; "-" where there is none
	Statement string // one sentence

	Code        string       // the error that the reference answers, empty for a rule that is no error
	Also        []string     // the errors that are accepted beside it
	RefusalOnly bool         // no source names the code, only the refusal: an unlisted 4xx code is at level inferred
	OfRead      Level        // of what a Get shows, where it is lower than that of the effect
	MayPass     bool         // the request may as well succeed when nothing else is broken
	Silent      bool         // the rule makes no claim that an answer could contradict
	Needs       []Capability // without which the rule cannot be tried
}

// Family is the part of the id before the slash.
func (r *Rule) Family() string { return r.ID.Family() }

// Sources explains the abbreviations in Rule.Source.
var Sources = map[string]string{
	"S0":  "API reference page of PutInsightSelectors",
	"API": "CloudTrail API Reference, other pages",
	"SM":  "service model (botocore 1.44.8, 2026-11)",
	"UG":  "CloudTrail User Guide",
	"CFN": "CloudFormation resource schemas",
	"TF":  "terraform-provider-aws, recorded acceptance runs (PRs 12390, 37591)",
	"W": "recorded wire bodies (aws-sdk-go-v2 issue 1957, a 2021 terraform debug log, cloudbeat issue 1750, placebo recordings of " +
		"cloud-custodian, log records of invictus-ir/aws_dataset and stratus-red-team, error texts in public issues: " +
		"steampipe-plugin-aws 577, cq-provider-aws 405, aws-recon 22, cloud-nuke 906, aws-cli 3048, aws-cdk 13966)",
	"LAB": "one third-party lab, 2026-03, weak",
	"-":   "no source: the documentation is silent",
}

// Capability is something that a target may or may not be able to do, found by probing.
type Capability string

// The capabilities.
const (
	CanPut            Capability = "put-insight-selectors"
	CanGet            Capability = "get-insight-selectors"
	CanCreate         Capability = "create-trail"
	CanUpdate         Capability = "update-trail"
	CanDelete         Capability = "delete-trail"
	CanGetTrail       Capability = "get-trail"
	CanStatus         Capability = "get-trail-status"
	CanLog            Capability = "start-logging"
	CanStop           Capability = "stop-logging"
	CanPutEvents      Capability = "put-event-selectors"
	CanAdvancedEvents Capability = "advanced-event-selectors"
	CanGetEvents      Capability = "get-event-selectors"
	CanStores         Capability = "event-data-stores"
	CanUpdateStores   Capability = "update-event-data-store"
	CanDeleteStores   Capability = "delete-event-data-store"
	CanRestoreStores  Capability = "restore-event-data-store"
	CanStopStores     Capability = "stop-event-data-store-ingestion"
	CanInsightData    Capability = "insights-on-data-events"
	CanRegions        Capability = "regions"
	CanLoseBucket     Capability = "bucket-conditions"
	CanLoseKey        Capability = "key-conditions"
	CanArrangeAccount Capability = "account-conditions"
	CanRawWire        Capability = "raw-requests"
)

// Capabilities lists all of them in a fixed order.
var Capabilities = []Capability{CanPut, CanGet, CanCreate, CanUpdate, CanDelete, CanGetTrail, CanStatus, CanLog, CanStop,
	CanPutEvents, CanAdvancedEvents, CanGetEvents, CanStores, CanUpdateStores, CanDeleteStores, CanRestoreStores,
	CanStopStores, CanInsightData, CanRegions, CanLoseBucket, CanLoseKey, CanArrangeAccount, CanRawWire}

type (
	codes = []string
	needs = []Capability
)

// Rules is the table of all rules, in the order of the reference page; the error rules in the
// order in which the reference selects them.
var Rules = []Rule{
	{ID: WireProtocol, Level: Documented, Source: "SM", Needs: needs{CanRawWire},
		Statement: "A POST to / as application/x-amz-json-1.1 works with the short and with the long X-Amz-Target prefix."},
	{ID: WireErrorShape, Level: Observed, Source: "W",
		Statement: "An error answers an object with the code in __type (or code, or X-Amzn-ErrorType) and at most a message beside it."},
	{ID: WireErrorStatus, Level: Documented, Source: "API", Statement: "An error has HTTP status 400."},
	{ID: WireMembers, Level: Documented, Source: "SM",
		Statement: "A success answers 200 with members spelt TrailARN, InsightSelectors, EventDataStoreArn, InsightsDestination, InsightType, EventCategories."},
	{ID: WireUnknownMembers, Level: Inferred, Source: "-", Needs: needs{CanRawWire},
		Also: codes{codeSerialization, codeValidation}, Statement: "Unknown members of a request are ignored."},
	{ID: WireNoCrash, Level: Documented, Source: "API",
		Statement: "No request, however malformed, gets a 5xx, a dropped connection or never an answer, and no well-formed one an answer that is not JSON."},

	{ID: StateInitiallyOff, Level: Documented, Source: "API", Statement: "A new trail has Insights off."},
	{ID: PutStores, Level: Documented, Source: "S0",
		Statement: "A valid Put on a trail answers 200 with the full trail ARN and the requested selectors as a set."},
	{ID: PutReplacesList, Level: Observed, Source: "TF, S0",
		Statement: "A second Put replaces the whole list: a type that it does not name is off."},
	{ID: PutOverwritesCategories, Level: Documented, Source: "S0", Needs: needs{CanInsightData},
		Statement: "The categories given for a type replace its earlier ones."},
	{ID: PutDefaultManagement, Level: Documented, Source: "S0",
		Statement: "Without EventCategories the type is on for Management alone."},
	{ID: PutEmptyDisables, Level: Documented, Source: "S0, UG",
		Statement: "An empty list of selectors answers 200 with an empty list and turns Insights off."},
	{ID: PutEmptyWhenOff, Level: Inferred, Source: "SM",
		Statement: "An empty list of selectors when Insights is off already succeeds and changes nothing."},
	{ID: PutIdempotent, Level: Documented, Source: "SM", Statement: "The same Put twice leaves the same state."},
	{ID: PutOrderFree, Level: Observed, Source: "TF, CFN",
		Statement: "The order of selectors and of categories carries no meaning."},
	{ID: GetReflectsPut, Level: Documented, Source: "API", Needs: needs{CanGet},
		Statement: "Get answers the selectors last stored, as a set, and the full ARN; for a store also the destination."},
	{ID: GetNotEnabled, Level: Documented, Source: "API", Needs: needs{CanGet},
		Statement: "Get while Insights is off answers InsightNotEnabledException."},
	{ID: TrailHasInsights, Level: Documented, Source: "API, W", Needs: needs{CanGetTrail},
		Statement: "GetTrail's HasInsightSelectors is true exactly when Insights is on."},
	{ID: TrailNameOrARN, Level: Observed, Source: "TF, API",
		Statement: "TrailName may be the name or the ARN, with the same effect."},
	{ID: AnswerOneOwner, Level: Documented, Source: "API",
		Statement: "A trail's answer has TrailARN alone; a store's has EventDataStoreArn (and InsightsDestination) alone."},
	{ID: AnswerOneEntry, Level: Documented, Source: "S0",
		Statement: "An answer lists exactly one entry per requested type, all values from the enums."},
	{ID: StateIsolated, Level: Documented, Source: "S0", Statement: "A Put on one trail or store changes no other."},
	{ID: ErrorAtomic, Level: Documented, Source: "API",
		Statement: "A call that fails changes nothing, even when one of several selectors was valid."},
	{ID: PutCategoriesEmpty, Level: Inferred, Source: "-", Also: codes{codeSelectors, codeParameter, codeValidation},
		Statement: "An empty list of categories means the same as an absent one."},
	{ID: PutDuplicateType, Level: Inferred, Source: "-", Also: codes{codeSelectors, codeParameter},
		Statement: "The same type twice with the same categories is stored once."},
	{ID: PutDuplicateCategory, Level: Inferred, Source: "-", Also: codes{codeSelectors, codeParameter},
		Statement: "The same category twice is stored once."},

	{ID: LogsReadOnlyError, Level: Documented, Source: "S0", Needs: needs{CanPutEvents},
		Statement: "ApiErrorRateInsight on a trail that logs only read management events is fine."},
	{ID: LogsDisable, Level: Inferred, Source: "TF", Needs: needs{CanPutEvents},
		Statement: "An empty list of selectors has no prerequisite."},
	{ID: LogsSelectorsLater, Level: Inferred, Source: "-", Needs: needs{CanPutEvents},
		Also:      codes{codeEventSelectors, codeSelectors, codeNotPermitted},
		Statement: "PutEventSelectors that removes a prerequisite while Insights is on succeeds and keeps Insights."},
	{ID: LogsStop, Level: Documented, OfRead: Inferred, Source: "UG", Needs: needs{CanLog, CanStop, CanGet},
		Statement: "StopLogging turns Insights off on the trail."},
	{ID: LogsStart, Level: Documented, OfRead: Inferred, Source: "UG", Needs: needs{CanLog, CanStop, CanGet},
		Statement: "StartLogging after StopLogging brings the stored selectors back."},
	{ID: LogsPutStopped, Level: Inferred, Source: "-", Needs: needs{CanLog},
		Also:      codes{codeParameter, codeSelectors, codeNotPermitted, codeUnsupported},
		Statement: "Put on a trail that is not logging succeeds."},
	{ID: LogsVisible, Level: Documented, Source: "S0, W", Needs: needs{CanPutEvents, CanGetEvents},
		Statement: "GetEventSelectors and GetEventDataStore show event selectors that log what was last stored."},
	{ID: TrailCreateExisting, Level: Inferred, Source: "API", Needs: needs{CanCreate},
		Statement: "CreateTrail with the name of a trail that exists is refused, and the trail keeps its selectors."},
	{ID: TrailUpdateKeeps, Level: Inferred, Source: "-", Needs: needs{CanUpdate},
		Statement: "UpdateTrail of other settings keeps Insights."},
	{ID: TrailDeleteForgets, Level: Documented, Source: "UG", Needs: needs{CanCreate, CanDelete},
		Statement: "A deleted trail answers TrailNotFoundException, and a new trail of its name starts off."},

	{ID: WireWrongType, Level: Inferred, Source: "S0", Code: codeSerialization, Needs: needs{CanRawWire},
		Also: codes{codeSelectors, codeParameter, codeValidation}, Statement: "A member of the wrong JSON type is refused."},
	{ID: InputSelectorsMissing, Level: Documented, Source: "S0", Code: codeParameter, RefusalOnly: true,
		Also:      codes{codeSelectors, codeCombination, codeValidation, codeSerialization},
		Statement: "InsightSelectors is required; leaving it out never turns Insights off."},
	{ID: InputNoResource, Level: Inferred, Source: "-", Code: codeCombination,
		Also:      codes{codeParameter, codeTrailName, codeValidation},
		Statement: "A trail or an event data store must be named."},
	{ID: InputTrailAndStore, Level: Documented, Source: "S0", Code: codeCombination, Also: codes{codeParameter},
		Statement: "TrailName cannot be combined with EventDataStore or InsightsDestination."},
	{ID: InputStoreNeedsBoth, Level: Documented, Source: "S0", Code: codeCombination, RefusalOnly: true, Needs: needs{CanStores},
		Also:      codes{codeParameter, codeSelectors},
		Statement: "Enabling Insights on a store needs both EventDataStore and InsightsDestination."},
	{ID: TrailNameSyntax, Level: Documented, Source: "S0", Code: codeTrailName, Also: codes{codeNotFound},
		Statement: "A trail name has 3 to 128 letters, digits, dots, dashes and underscores, starts and ends with a letter or digit, has no two of ._- side by side and is no IPv4 address."},
	{ID: TrailARNSyntax, Level: Documented, Source: "S0", Code: codeARN,
		Also:      codes{codeTrailName, codeNotFound, codeParameter},
		Statement: "A TrailName that starts with arn: must be the ARN of a trail."},
	{ID: StoreIDSyntax, Level: Documented, Source: "S0", Code: codeParameter, RefusalOnly: true, Needs: needs{CanStores},
		Also:      codes{codeValidation, codeARN, codeSelectors, codeStoreARN, codeStoreNotFound},
		Statement: "EventDataStore and InsightsDestination have 3 to 256 of the characters a-zA-Z0-9._/-: and are no ARN of another kind."},
	{ID: SelectorTypeInvalid, Level: Documented, Source: "S0", Code: codeSelectors,
		Also:      codes{codeParameter, codeValidation, codeSerialization},
		Statement: "InsightType is ApiCallRateInsight or ApiErrorRateInsight, in this letter case."},
	{ID: SelectorTypeMissing, Level: Inferred, Source: "-", Code: codeSelectors,
		Also: codes{codeParameter, codeValidation}, Statement: "Every selector names its InsightType."},
	{ID: SelectorCategory, Level: Documented, Source: "S0", Code: codeSelectors, RefusalOnly: true,
		Also:      codes{codeParameter, codeValidation, codeSerialization},
		Statement: "An event category is Management or Data, in this letter case."},
	{ID: StoreDataCategory, Level: Documented, Source: "S0", Code: codeSelectors, RefusalOnly: true, Needs: needs{CanStores},
		Also:      codes{codeParameter, codeCombination, codeUnsupported},
		Statement: "Data is no category for an event data store."},
	{ID: TrailNotFound, Level: Documented, Source: "S0, W", Code: codeNotFound,
		Statement: "A well-formed name or own ARN without such a trail answers TrailNotFoundException."},
	{ID: TrailOtherAccount, Level: Inferred, Source: "W", Code: codeARN, Also: codes{codeNotFound, codeAccess, codeMember},
		Statement: "The ARN of another account's trail is refused."},
	{ID: TrailHomeRegion, Level: Documented, Source: "API, W", Code: codeHomeRegion, Needs: needs{CanRegions},
		Also: codes{codeNotFound, codeARN}, Statement: "A trail is changed only from its home Region."},
	{ID: StoreNotFound, Level: Documented, Source: "S0", Code: codeParameter, RefusalOnly: true, Needs: needs{CanStores},
		Also:      codes{codeARN, codeSelectors, codeStoreNotFound, codeStoreARN},
		Statement: "A well-formed store identifier without such a store is refused."},
	{ID: StoreOtherAccount, Level: Documented, Source: "S0", Code: codeParameter, RefusalOnly: true, Needs: needs{CanStores},
		Also:      codes{codeARN, codeSelectors, codeNotPermitted, codeAccess, codeStoreNotFound, codeStoreARN},
		Statement: "Source and destination must belong to the caller's account."},
	{ID: StoreInactive, Level: Documented, Source: "UG", Code: codeParameter, RefusalOnly: true, Needs: needs{CanStores, CanDeleteStores},
		Also:      codes{codeSelectors, codeNotPermitted, codeStoreInactive, codeStoreNotFound, codeStoreStatus},
		Statement: "A store that is pending deletion can be neither source nor destination."},
	{ID: OrgMemberAccount, Level: Documented, Source: "S0", Code: codeMember, Needs: needs{CanArrangeAccount},
		Also:      codes{codeNotPermitted, codeAccess, codeARN},
		Statement: "A member account that is no delegated administrator cannot change an organization trail."},
	{ID: OrgNoServiceRole, Level: Documented, Source: "S0", Code: codeNoRole, Needs: needs{CanArrangeAccount},
		Statement: "Without the service-linked role in the management account an organization trail cannot be changed."},
	{ID: TrailNotPermitted, Level: Documented, Source: "S0", Code: codeNotPermitted, Needs: needs{CanArrangeAccount},
		Also: codes{codeUnsupported, codeAccess}, Statement: "A trail that a service owns cannot be changed by the caller."},
	{ID: LogsCallRate, Level: Documented, Source: "S0", Code: codeSelectors, RefusalOnly: true, Needs: needs{CanPutEvents},
		Also:      codes{codeParameter, codeCombination, codeNotPermitted},
		Statement: "ApiCallRateInsight on Management needs a resource that logs write management events."},
	{ID: LogsErrorRate, Level: Documented, Source: "S0", Code: codeSelectors, RefusalOnly: true, Needs: needs{CanPutEvents},
		Also:      codes{codeParameter, codeCombination, codeNotPermitted},
		Statement: "ApiErrorRateInsight on Management needs a resource that logs read or write management events."},
	{ID: LogsData, Level: Documented, Source: "S0, LAB", Code: codeParameter, RefusalOnly: true, Needs: needs{CanInsightData},
		Also:      codes{codeSelectors, codeCombination, codeNotPermitted},
		Statement: "Either type on Data needs a trail that logs data events."},
	{ID: StoreDestination, Level: Documented, Source: "S0", Code: codeSelectors, Needs: needs{CanStores},
		Statement: "The destination must log the Insight category."},
	{ID: StoreSource, Level: Documented, Source: "S0", Code: codeSelectors, Needs: needs{CanStores},
		Statement: "The source must log management events, write ones for ApiCallRateInsight."},
	{ID: StoreSame, Level: Inferred, Source: "-", Code: codeSelectors, Needs: needs{CanStores},
		Also: codes{codeParameter, codeCombination}, Statement: "Source and destination are two stores."},
	{ID: BucketMissingRule, Level: Documented, Source: "S0", Code: codeBucketGone, MayPass: true, Needs: needs{CanLoseBucket},
		Also:      codes{codeBucketPolicy},
		Statement: "While the trail's bucket is gone, Put answers S3BucketDoesNotExistException."},
	{ID: BucketPolicy, Level: Documented, Source: "S0", Code: codeBucketPolicy, Needs: needs{CanLoseBucket},
		Also:      codes{codeEncryption},
		Statement: "While the bucket policy does not let CloudTrail write, Put answers InsufficientS3BucketPolicyException."},
	{ID: KMSPolicy, Level: Documented, Source: "S0", Code: codeEncryption, Needs: needs{CanLoseKey}, Also: codes{codeKMS},
		Statement: "While the key policy does not let CloudTrail encrypt, Put answers InsufficientEncryptionPolicyException."},
	{ID: KMSUnusable, Level: Documented, Source: "S0", Code: codeKMS, MayPass: true, Needs: needs{CanLoseKey},
		Also: codes{codeEncryption}, Statement: "While the key is disabled or pending deletion, Put answers KmsException."},
	{ID: PutDuplicateDiffering, Level: Inferred, Source: "-", Code: codeSelectors, MayPass: true, Needs: needs{CanInsightData},
		Also:      codes{codeParameter},
		Statement: "The same type twice with different categories is refused; whatever Put answers, Get answers the same."},

	{ID: StoreEnables, Level: Documented, Source: "S0", Needs: needs{CanStores},
		Statement: "A source that logs management events and a destination of category Insight: 200 with both ARNs."},
	{ID: StoreARNOrSuffix, Level: Documented, Source: "S0", Needs: needs{CanStores},
		Statement: "A store's ARN and its ID suffix mean the same; answers carry ARNs."},
	{ID: StoreDisable, Level: Documented, Source: "S0", Needs: needs{CanStores},
		Statement: "An empty list for a store without a destination succeeds and turns Insights off."},
	{ID: StoreDisableWithDst, Level: Inferred, Source: "-", Needs: needs{CanStores},
		Also: codes{codeCombination, codeParameter}, Statement: "An empty list for a store with a destination succeeds too."},
	{ID: StoreRepoint, Level: Inferred, Source: "-", Needs: needs{CanStores},
		Statement: "A Put with another destination succeeds and replaces the destination."},
	{ID: StoreNotIngesting, Level: Inferred, Source: "-", Needs: needs{CanStores},
		Also:      codes{codeParameter, codeSelectors, codeNotPermitted, codeStoreInactive, codeStoreNotFound, codeStoreStatus},
		Statement: "A store that is neither enabled nor pending deletion can be source or destination."},
	{ID: StoreDefaultCategory, Level: Documented, OfRead: Inferred, Source: "S0", Needs: needs{CanStores},
		Statement: "EventCategories Management on an event data store is accepted and means the same as none."},
	{ID: StoreStopIngestion, Level: Documented, OfRead: Inferred, Source: "UG", Needs: needs{CanStores, CanStopStores, CanGet},
		Statement: "StopEventDataStoreIngestion and StartEventDataStoreIngestion keep the selectors."},
	{ID: StoreUpdateGuard, Level: Documented, Source: "UG", Needs: needs{CanStores, CanUpdateStores},
		Statement: "UpdateEventDataStore that breaks a live prerequisite answers InvalidInsightSelectorsException; with Insights off it succeeds."},
	{ID: StoreNoData, Level: Documented, Source: "S0", Needs: needs{CanStores, CanGet},
		Statement: "Get never shows Data on an event data store."},
	{ID: "store/delete-restore", Level: Inferred, Source: "-", Needs: needs{CanStores, CanDeleteStores, CanRestoreStores}, Silent: true,
		Statement: "What deleting and restoring a store does to its selectors is not claimed."},

	{ID: "throttled", Level: Documented, Source: "API", Silent: true,
		Statement: "ThrottlingException may come at any time: the harness waits and repeats."},
	{ID: Busy, Level: Documented, Source: "SM", Silent: true,
		Statement: "ConflictException from a write, with HTTP 400 or 409, is no verdict unless it outlasts the repeats."},
	{ID: "access", Level: Documented, Source: "API", Silent: true,
		Statement: "Refused credentials make a run inconclusive."},
	{ID: "unsupported", Level: Documented, Source: "API", Silent: true,
		Statement: "UnsupportedOperationException for a whole operation, for all Puts with Data or for all on stores means that the capability is absent."},
}

var ruleIndex = func() map[ID]*Rule {
	index := make(map[ID]*Rule, len(Rules))
	for i := range Rules {
		index[Rules[i].ID] = &Rules[i]
	}
	return index
}()

// RuleOf returns the rule of that id, nil where there is none.
func RuleOf(id ID) *Rule { return ruleIndex[id] }

// Place is the place of an error rule in the reference's order of errors, from 1; 0 for another rule.
func Place(id ID) int { return slices.Index(ErrorRules(), id) + 1 }

// ErrorRules lists the rules that stand in the error order, in that order.
func ErrorRules() []ID {
	var ids []ID
	for i := range Rules {
		if Rules[i].Code != "" {
			ids = append(ids, Rules[i].ID)
		}
	}
	return ids
}
