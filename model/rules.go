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

// Order names the deviation of answering the code of another broken rule than the first.
const Order ID = "order"

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

// Known reports whether some rule speaks of a code.
func Known(code string) bool {
	return code == codeNotEnabled || code == codeTrailExists || slices.ContainsFunc(Rules, func(r Rule) bool {
		return code != "" && (r.Code == code || slices.Contains(r.Also, code))
	})
}

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

// Rules are all rules in the order of the page; the error rules in the order in which the reference selects them.
var Rules []Rule

var ruleIndex = map[ID]int{}

// add puts a rule into the table.
func add(r Rule) ID {
	ruleIndex[r.ID] = len(Rules)
	Rules = append(Rules, r)
	return r.ID
}

// The rules.
var (
	WireProtocol = add(Rule{ID: "wire/protocol", Level: Documented, Source: "SM", Needs: needs{CanRawWire},
		Statement: "A POST to / as application/x-amz-json-1.1 works with the short and with the long X-Amz-Target prefix."})
	WireErrorShape = add(Rule{ID: "wire/error-shape", Level: Observed, Source: "W",
		Statement: "An error answers an object with the code in __type (or code, or X-Amzn-ErrorType) and at most a message beside it."})
	WireErrorStatus = add(Rule{ID: "wire/error-status", Level: Documented, Source: "API",
		Statement: "An error has HTTP status 400."})
	WireMembers = add(Rule{ID: "wire/members", Level: Documented, Source: "SM",
		Statement: "A success answers 200 with members spelt TrailARN, InsightSelectors, EventDataStoreArn, InsightsDestination, InsightType, EventCategories."})
	WireUnknownMembers = add(Rule{ID: "wire/unknown-members", Level: Inferred, Source: "-", Needs: needs{CanRawWire},
		Also: codes{codeSerialization, codeValidation}, Statement: "Unknown members of a request are ignored."})
	WireNoCrash = add(Rule{ID: "wire/no-crash", Level: Documented, Source: "API",
		Statement: "No request, however malformed, gets a 5xx, a dropped connection or never an answer, and no well-formed one an answer that is not JSON."})

	StateInitiallyOff = add(Rule{ID: "state/initially-off", Level: Documented, Source: "API",
		Statement: "A new trail has Insights off."})
	PutStores = add(Rule{ID: "put/stores", Level: Documented, Source: "S0",
		Statement: "A valid Put on a trail answers 200 with the full trail ARN and the requested selectors as a set."})
	PutReplacesList = add(Rule{ID: "put/replaces-list", Level: Observed, Source: "TF, S0",
		Statement: "A second Put replaces the whole list: a type that it does not name is off."})
	PutOverwritesCategories = add(Rule{ID: "put/overwrites-categories", Level: Documented, Source: "S0",
		Needs: needs{CanInsightData}, Statement: "The categories given for a type replace its earlier ones."})
	PutDefaultManagement = add(Rule{ID: "put/default-management", Level: Documented, Source: "S0",
		Statement: "Without EventCategories the type is on for Management alone."})
	PutEmptyDisables = add(Rule{ID: "put/empty-disables", Level: Documented, Source: "S0, UG",
		Statement: "An empty list of selectors answers 200 with an empty list and turns Insights off."})
	PutEmptyWhenOff = add(Rule{ID: "put/empty-when-off", Level: Inferred, Source: "SM",
		Statement: "An empty list of selectors when Insights is off already succeeds and changes nothing."})
	PutIdempotent = add(Rule{ID: "put/idempotent", Level: Documented, Source: "SM",
		Statement: "The same Put twice leaves the same state."})
	PutOrderFree = add(Rule{ID: "put/order-free", Level: Observed, Source: "TF, CFN",
		Statement: "The order of selectors and of categories carries no meaning."})
	GetReflectsPut = add(Rule{ID: "get/reflects-put", Level: Documented, Source: "API", Needs: needs{CanGet},
		Statement: "Get answers the selectors last stored, as a set, and the full ARN; for a store also the destination."})
	GetNotEnabled = add(Rule{ID: "get/not-enabled", Level: Documented, Source: "API", Needs: needs{CanGet},
		Statement: "Get while Insights is off answers InsightNotEnabledException."})
	TrailHasInsights = add(Rule{ID: "trail/has-insight-selectors", Level: Documented, Source: "API, W",
		Needs: needs{CanGetTrail}, Statement: "GetTrail's HasInsightSelectors is true exactly when Insights is on."})
	TrailNameOrARN = add(Rule{ID: "trail/name-or-arn", Level: Observed, Source: "TF, API",
		Statement: "TrailName may be the name or the ARN, with the same effect."})
	AnswerOneOwner = add(Rule{ID: "answer/one-owner", Level: Documented, Source: "API",
		Statement: "A trail's answer has TrailARN alone; a store's has EventDataStoreArn (and InsightsDestination) alone."})
	AnswerOneEntry = add(Rule{ID: "answer/one-entry-per-type", Level: Documented, Source: "S0",
		Statement: "An answer lists exactly one entry per requested type, all values from the enums."})
	StateIsolated = add(Rule{ID: "state/isolated", Level: Documented, Source: "S0",
		Statement: "A Put on one trail or store changes no other."})
	ErrorAtomic = add(Rule{ID: "error/atomic", Level: Documented, Source: "API",
		Statement: "A call that fails changes nothing, even when one of several selectors was valid."})
	PutCategoriesEmpty = add(Rule{ID: "put/categories-empty", Level: Inferred, Source: "-",
		Also:      codes{codeSelectors, codeParameter, codeValidation},
		Statement: "An empty list of categories means the same as an absent one."})
	PutDuplicateType = add(Rule{ID: "put/duplicate-type", Level: Inferred, Source: "-",
		Also: codes{codeSelectors, codeParameter}, Statement: "The same type twice with the same categories is stored once."})
	PutDuplicateCategory = add(Rule{ID: "put/duplicate-category", Level: Inferred, Source: "-",
		Also: codes{codeSelectors, codeParameter}, Statement: "The same category twice is stored once."})

	LogsReadOnlyError = add(Rule{ID: "logs/read-only-error-rate", Level: Documented, Source: "S0",
		Needs:     needs{CanPutEvents},
		Statement: "ApiErrorRateInsight on a trail that logs only read management events is fine."})
	LogsDisable = add(Rule{ID: "logs/disable-needs-nothing", Level: Inferred, Source: "TF", Needs: needs{CanPutEvents},
		Statement: "An empty list of selectors has no prerequisite."})
	LogsSelectorsLater = add(Rule{ID: "logs/selectors-change-later", Level: Inferred, Source: "-",
		Needs: needs{CanPutEvents}, Also: codes{codeEventSelectors, codeSelectors, codeNotPermitted},
		Statement: "PutEventSelectors that removes a prerequisite while Insights is on succeeds and keeps Insights."})
	LogsStop = add(Rule{ID: "logs/stop-logging", Level: Documented, OfRead: Inferred, Source: "UG",
		Needs: needs{CanLog, CanStop, CanGet}, Statement: "StopLogging turns Insights off on the trail."})
	LogsStart = add(Rule{ID: "logs/start-logging", Level: Documented, OfRead: Inferred, Source: "UG",
		Needs: needs{CanLog, CanStop, CanGet}, Statement: "StartLogging after StopLogging brings the stored selectors back."})
	LogsPutStopped = add(Rule{ID: "logs/put-while-stopped", Level: Inferred, Source: "-", Needs: needs{CanLog},
		Also:      codes{codeParameter, codeSelectors, codeNotPermitted, codeUnsupported},
		Statement: "Put on a trail that is not logging succeeds."})
	LogsVisible = add(Rule{ID: "logs/visible", Level: Documented, Source: "S0, W",
		Needs:     needs{CanPutEvents, CanGetEvents},
		Statement: "GetEventSelectors and GetEventDataStore show event selectors that log what was last stored."})
	TrailCreateExisting = add(Rule{ID: "trail/create-existing", Level: Inferred, Source: "API", Needs: needs{CanCreate},
		Statement: "CreateTrail with the name of a trail that exists is refused, and the trail keeps its selectors."})
	TrailUpdateKeeps = add(Rule{ID: "trail/update-keeps", Level: Inferred, Source: "-", Needs: needs{CanUpdate},
		Statement: "UpdateTrail of other settings keeps Insights."})
	TrailDeleteForgets = add(Rule{ID: "trail/delete-forgets", Level: Documented, Source: "UG",
		Needs:     needs{CanCreate, CanDelete},
		Statement: "A deleted trail answers TrailNotFoundException, and a new trail of its name starts off."})

	WireWrongType = add(Rule{ID: "wire/wrong-type", Level: Inferred, Source: "S0", Code: codeSerialization,
		Needs: needs{CanRawWire}, Also: codes{codeSelectors, codeParameter, codeValidation},
		Statement: "A member of the wrong JSON type is refused."})
	InputSelectorsMissing = add(Rule{ID: "input/selectors-missing", Level: Documented, Source: "S0", Code: codeParameter,
		RefusalOnly: true, Also: codes{codeSelectors, codeCombination, codeValidation, codeSerialization},
		Statement: "InsightSelectors is required; leaving it out never turns Insights off."})
	InputNoResource = add(Rule{ID: "input/no-resource", Level: Inferred, Source: "-", Code: codeCombination,
		Also:      codes{codeParameter, codeTrailName, codeValidation},
		Statement: "A trail or an event data store must be named."})
	InputTrailAndStore = add(Rule{ID: "input/trail-and-store", Level: Documented, Source: "S0", Code: codeCombination,
		Also: codes{codeParameter}, Statement: "TrailName cannot be combined with EventDataStore or InsightsDestination."})
	InputStoreNeedsBoth = add(Rule{ID: "input/store-needs-both", Level: Documented, Source: "S0", Code: codeCombination,
		RefusalOnly: true, Needs: needs{CanStores}, Also: codes{codeParameter, codeSelectors},
		Statement: "Enabling Insights on a store needs both EventDataStore and InsightsDestination."})
	TrailNameSyntax = add(Rule{ID: "trail/name-syntax", Level: Documented, Source: "S0", Code: codeTrailName,
		Also:      codes{codeNotFound},
		Statement: "A trail name has 3 to 128 letters, digits, dots, dashes and underscores, starts and ends with a letter or digit, has no two of ._- side by side and is no IPv4 address."})
	TrailARNSyntax = add(Rule{ID: "trail/arn-syntax", Level: Documented, Source: "S0", Code: codeARN,
		Also:      codes{codeTrailName, codeNotFound, codeParameter},
		Statement: "A TrailName that starts with arn: must be the ARN of a trail."})
	StoreIDSyntax = add(Rule{ID: "store/id-syntax", Level: Documented, Source: "S0", Code: codeParameter,
		RefusalOnly: true, Needs: needs{CanStores},
		Also:      codes{codeValidation, codeARN, codeSelectors, codeStoreARN, codeStoreNotFound},
		Statement: "EventDataStore and InsightsDestination have 3 to 256 of the characters a-zA-Z0-9._/-: and are no ARN of another kind."})
	SelectorTypeInvalid = add(Rule{ID: "selector/type-invalid", Level: Documented, Source: "S0", Code: codeSelectors,
		Also:      codes{codeParameter, codeValidation, codeSerialization},
		Statement: "InsightType is ApiCallRateInsight or ApiErrorRateInsight, in this letter case."})
	SelectorTypeMissing = add(Rule{ID: "selector/type-missing", Level: Inferred, Source: "-", Code: codeSelectors,
		Also: codes{codeParameter, codeValidation}, Statement: "Every selector names its InsightType."})
	SelectorCategory = add(Rule{ID: "selector/category-invalid", Level: Documented, Source: "S0", Code: codeSelectors,
		RefusalOnly: true, Also: codes{codeParameter, codeValidation, codeSerialization},
		Statement: "An event category is Management or Data, in this letter case."})
	StoreDataCategory = add(Rule{ID: "store/data-category", Level: Documented, Source: "S0", Code: codeSelectors,
		RefusalOnly: true, Needs: needs{CanStores}, Also: codes{codeParameter, codeCombination, codeUnsupported},
		Statement: "Data is no category for an event data store."})
	TrailNotFound = add(Rule{ID: "trail/not-found", Level: Documented, Source: "S0, W", Code: codeNotFound,
		Statement: "A well-formed name or own ARN without such a trail answers TrailNotFoundException."})
	TrailOtherAccount = add(Rule{ID: "trail/other-account", Level: Inferred, Source: "W", Code: codeARN,
		Also: codes{codeNotFound, codeAccess, codeMember}, Statement: "The ARN of another account's trail is refused."})
	TrailHomeRegion = add(Rule{ID: "trail/home-region", Level: Documented, Source: "API, W", Code: codeHomeRegion,
		Needs: needs{CanRegions}, Also: codes{codeNotFound, codeARN},
		Statement: "A trail is changed only from its home Region."})
	StoreNotFound = add(Rule{ID: "store/not-found", Level: Documented, Source: "S0", Code: codeParameter,
		RefusalOnly: true, Needs: needs{CanStores}, Also: codes{codeARN, codeSelectors, codeStoreNotFound, codeStoreARN},
		Statement: "A well-formed store identifier without such a store is refused."})
	StoreOtherAccount = add(Rule{ID: "store/other-account", Level: Documented, Source: "S0", Code: codeParameter,
		RefusalOnly: true, Needs: needs{CanStores},
		Also:      codes{codeARN, codeSelectors, codeNotPermitted, codeAccess, codeStoreNotFound, codeStoreARN},
		Statement: "Source and destination must belong to the caller's account."})
	StoreInactive = add(Rule{ID: "store/inactive", Level: Documented, Source: "UG", Code: codeParameter, RefusalOnly: true,
		Needs:     needs{CanStores, CanDeleteStores},
		Also:      codes{codeSelectors, codeNotPermitted, codeStoreInactive, codeStoreNotFound, codeStoreStatus},
		Statement: "A store that is pending deletion can be neither source nor destination."})
	OrgMemberAccount = add(Rule{ID: "org/member-account", Level: Documented, Source: "S0", Code: codeMember,
		Needs: needs{CanArrangeAccount}, Also: codes{codeNotPermitted, codeAccess, codeARN},
		Statement: "A member account that is no delegated administrator cannot change an organization trail."})
	OrgNoServiceRole = add(Rule{ID: "org/no-service-role", Level: Documented, Source: "S0", Code: codeNoRole,
		Needs:     needs{CanArrangeAccount},
		Statement: "Without the service-linked role in the management account an organization trail cannot be changed."})
	TrailNotPermitted = add(Rule{ID: "trail/not-permitted", Level: Documented, Source: "S0", Code: codeNotPermitted,
		Needs: needs{CanArrangeAccount}, Also: codes{codeUnsupported, codeAccess},
		Statement: "A trail that a service owns cannot be changed by the caller."})
	LogsCallRate = add(Rule{ID: "logs/call-rate-needs-write", Level: Documented, Source: "S0", Code: codeSelectors,
		RefusalOnly: true, Needs: needs{CanPutEvents}, Also: codes{codeParameter, codeCombination, codeNotPermitted},
		Statement: "ApiCallRateInsight on Management needs a resource that logs write management events."})
	LogsErrorRate = add(Rule{ID: "logs/error-rate-needs-management", Level: Documented, Source: "S0", Code: codeSelectors,
		RefusalOnly: true, Needs: needs{CanPutEvents}, Also: codes{codeParameter, codeCombination, codeNotPermitted},
		Statement: "ApiErrorRateInsight on Management needs a resource that logs read or write management events."})
	LogsData = add(Rule{ID: "logs/data-needs-data", Level: Documented, Source: "S0, LAB", Code: codeParameter,
		RefusalOnly: true, Needs: needs{CanInsightData}, Also: codes{codeSelectors, codeCombination, codeNotPermitted},
		Statement: "Either type on Data needs a trail that logs data events."})
	StoreDestination = add(Rule{ID: "store/destination-not-insight", Level: Documented, Source: "S0", Code: codeSelectors,
		Needs: needs{CanStores}, Statement: "The destination must log the Insight category."})
	StoreSource = add(Rule{ID: "store/source-not-management", Level: Documented, Source: "S0", Code: codeSelectors,
		Needs: needs{CanStores}, Statement: "The source must log management events, write ones for ApiCallRateInsight."})
	StoreSame = add(Rule{ID: "store/same-store", Level: Inferred, Source: "-", Code: codeSelectors,
		Needs: needs{CanStores}, Also: codes{codeParameter, codeCombination},
		Statement: "Source and destination are two stores."})
	BucketMissingRule = add(Rule{ID: "bucket/missing", Level: Documented, Source: "S0", Code: codeBucketGone,
		MayPass: true, Needs: needs{CanLoseBucket}, Also: codes{codeBucketPolicy},
		Statement: "While the trail's bucket is gone, Put answers S3BucketDoesNotExistException."})
	BucketPolicy = add(Rule{ID: "bucket/policy", Level: Documented, Source: "S0", Code: codeBucketPolicy,
		Needs: needs{CanLoseBucket}, Also: codes{codeEncryption},
		Statement: "While the bucket policy does not let CloudTrail write, Put answers InsufficientS3BucketPolicyException."})
	KMSPolicy = add(Rule{ID: "kms/policy", Level: Documented, Source: "S0", Code: codeEncryption, Needs: needs{CanLoseKey},
		Also:      codes{codeKMS},
		Statement: "While the key policy does not let CloudTrail encrypt, Put answers InsufficientEncryptionPolicyException."})
	KMSUnusable = add(Rule{ID: "kms/unusable", Level: Documented, Source: "S0", Code: codeKMS, MayPass: true,
		Needs: needs{CanLoseKey}, Also: codes{codeEncryption},
		Statement: "While the key is disabled or pending deletion, Put answers KmsException."})
	PutDuplicateDiffering = add(Rule{ID: "put/duplicate-type-differing", Level: Inferred, Source: "-", Code: codeSelectors,
		MayPass: true, Needs: needs{CanInsightData}, Also: codes{codeParameter},
		Statement: "The same type twice with different categories is refused; whatever Put answers, Get answers the same."})

	StoreEnables = add(Rule{ID: "store/enables", Level: Documented, Source: "S0", Needs: needs{CanStores},
		Statement: "A source that logs management events and a destination of category Insight: 200 with both ARNs."})
	StoreARNOrSuffix = add(Rule{ID: "store/arn-or-suffix", Level: Documented, Source: "S0", Needs: needs{CanStores},
		Statement: "A store's ARN and its ID suffix mean the same; answers carry ARNs."})
	StoreDisable = add(Rule{ID: "store/disable", Level: Documented, Source: "S0", Needs: needs{CanStores},
		Statement: "An empty list for a store without a destination succeeds and turns Insights off."})
	StoreDisableWithDst = add(Rule{ID: "store/disable-with-destination", Level: Inferred, Source: "-",
		Needs: needs{CanStores}, Also: codes{codeCombination, codeParameter},
		Statement: "An empty list for a store with a destination succeeds too."})
	StoreRepoint = add(Rule{ID: "store/repoint", Level: Inferred, Source: "-", Needs: needs{CanStores},
		Statement: "A Put with another destination succeeds and replaces the destination."})
	StoreNotIngesting = add(Rule{ID: "store/not-ingesting", Level: Inferred, Source: "-", Needs: needs{CanStores},
		Also:      codes{codeParameter, codeSelectors, codeNotPermitted, codeStoreInactive, codeStoreNotFound, codeStoreStatus},
		Statement: "A store that is neither enabled nor pending deletion can be source or destination."})
	StoreDefaultCategory = add(Rule{ID: "store/default-category", Level: Documented, OfRead: Inferred, Source: "S0",
		Needs:     needs{CanStores},
		Statement: "EventCategories Management on an event data store is accepted and means the same as none."})
	StoreStopIngestion = add(Rule{ID: "store/stop-ingestion", Level: Documented, OfRead: Inferred, Source: "UG",
		Needs:     needs{CanStores, CanStopStores, CanGet},
		Statement: "StopEventDataStoreIngestion and StartEventDataStoreIngestion keep the selectors."})
	StoreUpdateGuard = add(Rule{ID: "store/update-guard", Level: Documented, Source: "UG",
		Needs:     needs{CanStores, CanUpdateStores},
		Statement: "UpdateEventDataStore that breaks a live prerequisite answers InvalidInsightSelectorsException; with Insights off it succeeds."})
	StoreNoData = add(Rule{ID: "store/no-data", Level: Documented, Source: "S0", Needs: needs{CanStores, CanGet},
		Statement: "Get never shows Data on an event data store."})
	_ = add(Rule{ID: "store/delete-restore", Level: Inferred, Source: "-", Silent: true,
		Needs:     needs{CanStores, CanDeleteStores, CanRestoreStores},
		Statement: "What deleting and restoring a store does to its selectors is not claimed."})

	_ = add(Rule{ID: "throttled", Level: Documented, Source: "API", Silent: true,
		Statement: "ThrottlingException may come at any time: the harness waits and repeats."})
	Busy = add(Rule{ID: "busy", Level: Documented, Source: "SM", Silent: true,
		Statement: "ConflictException from a write, with HTTP 400 or 409, is no verdict unless it outlasts the repeats."})
	_ = add(Rule{ID: "access", Level: Documented, Source: "API", Silent: true,
		Statement: "Refused credentials make a run inconclusive."})
	_ = add(Rule{ID: "unsupported", Level: Documented, Source: "API", Silent: true,
		Statement: "UnsupportedOperationException for a whole operation, for all Puts with Data or for all on stores means that the capability is absent."})
)

// RuleOf returns the rule of that id, nil where there is none.
func RuleOf(id ID) *Rule {
	if i, ok := ruleIndex[id]; ok {
		return &Rules[i]
	}
	return nil
}

// Place is the place of an error rule in the reference's order of errors, from 1; 0 for another rule.
func Place(id ID) int { return slices.Index(ErrorRules(), id) + 1 }

// ErrorRules lists the rules that stand in the error order, in that order.
func ErrorRules() (ids []ID) {
	for _, r := range Rules {
		if r.Code != "" {
			ids = append(ids, r.ID)
		}
	}
	return ids
}
