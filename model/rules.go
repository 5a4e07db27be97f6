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

var undocumented = []string{codeValidation, codeSerialization, codeAccess, codeStoreARN, codeStoreNotFound, codeStoreInactive, codeStoreStatus}

// Undocumented reports whether a code that some rule accepts is not in the error list of the operation (Put or Get).
func Undocumented(op Op, code string) bool {
	return op.Insights() && slices.Contains(undocumented, code) || op == OpGet && code == codeHomeRegion
}

// Rule is one requirement of the reference behaviour.
type Rule struct {
	ID        ID
	Level     Level
	Source    string // S0, API, SM, UG, CFN, TF, W, LAB as on the page; "-" where there is none
	Statement string // one sentence

	Code        string       // the error that the reference answers, empty for a rule that is no error
	Also        []string     // the errors that are accepted beside it
	RefusalOnly bool         // no source names the code, only the refusal: an unlisted 4xx code is at level inferred
	OfRead      Level        // of what a Get shows, where it is lower than that of the effect
	OfMalformed Level        // of malformed requests and of values of a wrong type, where it is lower
	MayPass     bool         // the request may as well succeed when nothing else is broken
	Silent      bool         // the rule makes no claim that an answer could contradict
	Needs       []Capability // without which the rule cannot be tried
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

	// CanGoValues is of mocks alone, which take and hand out values in their caller's memory. It is none of Capabilities.
	CanGoValues Capability = "go-values"
	// CanOverlap is of runs with several clients at once. It is none of Capabilities.
	CanOverlap Capability = "several-clients"
)

// Capabilities lists all of them in a fixed order.
var Capabilities = []Capability{CanPut, CanGet, CanCreate, CanUpdate, CanDelete, CanGetTrail, CanStatus, CanLog, CanStop,
	CanPutEvents, CanAdvancedEvents, CanGetEvents, CanStores, CanUpdateStores, CanDeleteStores, CanRestoreStores,
	CanStopStores, CanInsightData, CanRegions, CanLoseBucket, CanLoseKey, CanArrangeAccount, CanRawWire}

type codes = []string
type needs = []Capability

// Rules are all rules in the order of the page; the error rules in the order in which the reference selects them.
var Rules []Rule

var ruleIndex = map[ID]int{}

// add puts a rule into the table.
func add(id ID, level Level, source string, r Rule, statement string) ID {
	r.ID, r.Level, r.Source, r.Statement = id, level, source, statement
	ruleIndex[r.ID] = len(Rules)
	Rules = append(Rules, r)
	return r.ID
}

// The rules.
var (
	WireProtocol = add("wire/protocol", Documented, "SM", Rule{Needs: needs{CanRawWire}},
		"A POST to / as application/x-amz-json-1.1 works with the short and with the long X-Amz-Target prefix.")
	WireErrorShape = add("wire/error-shape", Observed, "W", Rule{},
		"An error answers an object with the code in __type (or code, or X-Amzn-ErrorType) and at most a message beside it.")
	WireErrorStatus = add("wire/error-status", Documented, "API", Rule{}, "An error has HTTP status 400.")
	WireMembers     = add("wire/members", Documented, "SM", Rule{},
		"A success answers 200 with members spelt TrailARN, InsightSelectors, EventDataStoreArn, InsightsDestination, InsightType, EventCategories.")
	WireUnknownMembers = add("wire/unknown-members", Inferred, "-", Rule{Needs: needs{CanRawWire},
		Also: codes{codeSerialization, codeValidation}}, "Unknown members of a request are ignored.")
	WireNoCrash = add("wire/no-crash", Documented, "API", Rule{OfMalformed: Inferred},
		"No request, however malformed, gets a 5xx, a dropped connection or never an answer, and no well-formed one an answer that is not JSON.")

	StateInitiallyOff = add("state/initially-off", Documented, "API", Rule{}, "A new trail has Insights off.")
	PutStores         = add("put/stores", Documented, "S0", Rule{},
		"A valid Put on a trail answers 200 with the full trail ARN and the requested selectors as a set.")
	PutReplacesList = add("put/replaces-list", Observed, "TF, S0", Rule{},
		"A second Put replaces the whole list: a type that it does not name is off.")
	PutOverwritesCategories = add("put/overwrites-categories", Documented, "S0", Rule{Needs: needs{CanInsightData}},
		"The categories given for a type replace its earlier ones.")
	PutDefaultManagement = add("put/default-management", Documented, "S0", Rule{},
		"Without EventCategories the type is on for Management alone.")
	PutEmptyDisables = add("put/empty-disables", Documented, "S0, UG", Rule{},
		"An empty list of selectors answers 200 with an empty list and turns Insights off.")
	PutEmptyWhenOff = add("put/empty-when-off", Inferred, "SM", Rule{},
		"An empty list of selectors when Insights is off already succeeds and changes nothing.")
	PutIdempotent = add("put/idempotent", Documented, "SM", Rule{}, "The same Put twice leaves the same state.")
	PutOrderFree  = add("put/order-free", Observed, "TF, CFN", Rule{},
		"The order of selectors and of categories carries no meaning.")
	GetReflectsPut = add("get/reflects-put", Documented, "API", Rule{Needs: needs{CanGet}},
		"Get answers the selectors last stored, as a set, and the full ARN; for a store also the destination.")
	GetNotEnabled = add("get/not-enabled", Documented, "API", Rule{Needs: needs{CanGet}},
		"Get while Insights is off answers InsightNotEnabledException.")
	TrailHasInsights = add("trail/has-insight-selectors", Documented, "API, W", Rule{Needs: needs{CanGetTrail}},
		"GetTrail's HasInsightSelectors is true exactly when Insights is on.")
	TrailNameOrARN = add("trail/name-or-arn", Observed, "TF, API", Rule{},
		"TrailName may be the name or the ARN, with the same effect.")
	AnswerOneOwner = add("answer/one-owner", Documented, "API", Rule{},
		"A trail's answer has TrailARN alone; a store's has EventDataStoreArn (and InsightsDestination) alone.")
	AnswerOneEntry = add("answer/one-entry-per-type", Documented, "S0", Rule{},
		"An answer lists exactly one entry per requested type, all values from the enums.")
	StateIsolated = add("state/isolated", Documented, "S0", Rule{}, "A Put on one trail or store changes no other.")
	ErrorAtomic   = add("error/atomic", Documented, "API", Rule{},
		"A call that fails changes nothing, even when one of several selectors was valid.")
	PutCategoriesEmpty = add("put/categories-empty", Inferred, "-", Rule{
		Also: codes{codeSelectors, codeParameter, codeValidation}},
		"An empty list of categories means the same as an absent one.")
	PutDuplicateType = add("put/duplicate-type", Inferred, "-", Rule{Also: codes{codeSelectors, codeParameter}},
		"The same type twice with the same categories is stored once.")
	PutDuplicateCategory = add("put/duplicate-category", Inferred, "-", Rule{Also: codes{codeSelectors, codeParameter}},
		"The same category twice is stored once.")

	LogsReadOnlyError = add("logs/read-only-error-rate", Documented, "S0", Rule{Needs: needs{CanPutEvents}},
		"ApiErrorRateInsight on a trail that logs only read management events is fine.")
	LogsDisable = add("logs/disable-needs-nothing", Inferred, "TF", Rule{Needs: needs{CanPutEvents}},
		"An empty list of selectors has no prerequisite.")
	LogsSelectorsLater = add("logs/selectors-change-later", Inferred, "-", Rule{Needs: needs{CanPutEvents},
		Also: codes{codeEventSelectors, codeSelectors, codeNotPermitted}},
		"PutEventSelectors that removes a prerequisite while Insights is on succeeds and keeps Insights.")
	LogsStop = add("logs/stop-logging", Documented, "UG", Rule{OfRead: Inferred, Needs: needs{CanLog, CanStop, CanGet}},
		"StopLogging turns Insights off on the trail.")
	LogsStart = add("logs/start-logging", Documented, "UG", Rule{OfRead: Inferred,
		Needs: needs{CanLog, CanStop, CanGet}}, "StartLogging after StopLogging brings the stored selectors back.")
	LogsPutStopped = add("logs/put-while-stopped", Inferred, "-", Rule{Needs: needs{CanLog},
		Also: codes{codeParameter, codeSelectors, codeNotPermitted, codeUnsupported}},
		"Put on a trail that is not logging succeeds.")
	LogsVisible = add("logs/visible", Documented, "S0, W", Rule{Needs: needs{CanPutEvents, CanGetEvents}},
		"GetEventSelectors and GetEventDataStore show event selectors that log what was last stored.")
	TrailCreateExisting = add("trail/create-existing", Inferred, "API", Rule{Needs: needs{CanCreate}},
		"CreateTrail with the name of a trail that exists is refused, and the trail keeps its selectors.")
	TrailUpdateKeeps = add("trail/update-keeps", Inferred, "-", Rule{Needs: needs{CanUpdate}},
		"UpdateTrail of other settings keeps Insights.")
	TrailDeleteForgets = add("trail/delete-forgets", Documented, "UG", Rule{Needs: needs{CanCreate, CanDelete}},
		"A deleted trail answers TrailNotFoundException, and a new trail of its name starts off.")

	WireWrongType = add("wire/wrong-type", Inferred, "S0", Rule{Code: codeSerialization, Needs: needs{CanRawWire},
		Also: codes{codeSelectors, codeParameter, codeValidation}}, "A member of the wrong JSON type is refused.")
	InputSelectorsMissing = add("input/selectors-missing", Documented, "S0", Rule{Code: codeParameter, RefusalOnly: true,
		Also: codes{codeSelectors, codeCombination, codeValidation, codeSerialization}},
		"InsightSelectors is required; leaving it out never turns Insights off.")
	InputNoResource = add("input/no-resource", Inferred, "-", Rule{Code: codeCombination,
		Also: codes{codeParameter, codeTrailName, codeValidation}}, "A trail or an event data store must be named.")
	InputTrailAndStore = add("input/trail-and-store", Documented, "S0", Rule{Code: codeCombination,
		Also: codes{codeParameter}}, "TrailName cannot be combined with EventDataStore or InsightsDestination.")
	InputStoreNeedsBoth = add("input/store-needs-both", Documented, "S0", Rule{Code: codeCombination, RefusalOnly: true,
		Needs: needs{CanStores}, Also: codes{codeParameter, codeSelectors}},
		"Enabling Insights on a store needs both EventDataStore and InsightsDestination.")
	TrailNameSyntax = add("trail/name-syntax", Documented, "S0", Rule{Code: codeTrailName, Also: codes{codeNotFound}},
		"A trail name has 3 to 128 letters, digits, dots, dashes and underscores, starts and ends with a letter or digit, has no two of ._- side by side and is no IPv4 address.")
	TrailARNSyntax = add("trail/arn-syntax", Documented, "S0", Rule{Code: codeARN,
		Also: codes{codeTrailName, codeNotFound, codeParameter}},
		"A TrailName that starts with arn: must be the ARN of a trail.")
	StoreIDSyntax = add("store/id-syntax", Documented, "S0", Rule{Code: codeParameter, RefusalOnly: true,
		Needs: needs{CanStores}, Also: codes{codeValidation, codeARN, codeSelectors, codeStoreARN, codeStoreNotFound}},
		"EventDataStore and InsightsDestination have 3 to 256 of the characters a-zA-Z0-9._/-: and are no ARN of another kind.")
	SelectorTypeInvalid = add("selector/type-invalid", Documented, "S0", Rule{Code: codeSelectors,
		Also: codes{codeParameter, codeValidation, codeSerialization}},
		"InsightType is ApiCallRateInsight or ApiErrorRateInsight, in this letter case.")
	SelectorTypeMissing = add("selector/type-missing", Inferred, "-", Rule{Code: codeSelectors,
		Also: codes{codeParameter, codeValidation}}, "Every selector names its InsightType.")
	SelectorCategory = add("selector/category-invalid", Documented, "S0", Rule{Code: codeSelectors, RefusalOnly: true,
		Also: codes{codeParameter, codeValidation, codeSerialization}},
		"An event category is Management or Data, in this letter case.")
	StoreDataCategory = add("store/data-category", Documented, "S0", Rule{Code: codeSelectors, RefusalOnly: true,
		Needs: needs{CanStores}, Also: codes{codeParameter, codeCombination, codeUnsupported}},
		"Data is no category for an event data store.")
	TrailNotFound = add("trail/not-found", Documented, "S0, W", Rule{Code: codeNotFound},
		"A well-formed name or own ARN without such a trail answers TrailNotFoundException.")
	TrailOtherAccount = add("trail/other-account", Inferred, "W", Rule{Code: codeARN,
		Also: codes{codeNotFound, codeAccess, codeMember}}, "The ARN of another account's trail is refused.")
	TrailHomeRegion = add("trail/home-region", Documented, "API, W", Rule{Code: codeHomeRegion, Needs: needs{CanRegions},
		Also: codes{codeNotFound, codeARN}}, "A trail is changed only from its home Region.")
	StoreNotFound = add("store/not-found", Documented, "S0", Rule{Code: codeParameter, RefusalOnly: true,
		Needs: needs{CanStores}, Also: codes{codeARN, codeSelectors, codeStoreNotFound, codeStoreARN}},
		"A well-formed store identifier without such a store is refused.")
	StoreOtherAccount = add("store/other-account", Documented, "S0", Rule{Code: codeParameter, RefusalOnly: true,
		Needs: needs{CanStores}, Also: codes{codeARN, codeSelectors, codeNotPermitted, codeAccess, codeStoreNotFound, codeStoreARN}},
		"Source and destination must belong to the caller's account.")
	StoreInactive = add("store/inactive", Documented, "UG", Rule{Code: codeParameter, RefusalOnly: true,
		Needs: needs{CanStores, CanDeleteStores}, Also: codes{codeSelectors, codeNotPermitted, codeStoreInactive, codeStoreNotFound, codeStoreStatus}},
		"A store that is pending deletion can be neither source nor destination.")
	OrgMemberAccount = add("org/member-account", Documented, "S0", Rule{Code: codeMember,
		Needs: needs{CanArrangeAccount}, Also: codes{codeNotPermitted, codeAccess, codeARN}},
		"A member account that is no delegated administrator cannot change an organization trail.")
	OrgNoServiceRole = add("org/no-service-role", Documented, "S0", Rule{Code: codeNoRole,
		Needs: needs{CanArrangeAccount}},
		"Without the service-linked role in the management account an organization trail cannot be changed.")
	TrailNotPermitted = add("trail/not-permitted", Documented, "S0", Rule{Code: codeNotPermitted,
		Needs: needs{CanArrangeAccount}, Also: codes{codeUnsupported, codeAccess}},
		"A trail that a service owns cannot be changed by the caller.")
	LogsCallRate = add("logs/call-rate-needs-write", Documented, "S0", Rule{Code: codeSelectors, RefusalOnly: true,
		Needs: needs{CanPutEvents}, Also: codes{codeParameter, codeCombination, codeNotPermitted}},
		"ApiCallRateInsight on Management needs a resource that logs write management events.")
	LogsErrorRate = add("logs/error-rate-needs-management", Documented, "S0", Rule{Code: codeSelectors, RefusalOnly: true,
		Needs: needs{CanPutEvents}, Also: codes{codeParameter, codeCombination, codeNotPermitted}},
		"ApiErrorRateInsight on Management needs a resource that logs read or write management events.")
	LogsData = add("logs/data-needs-data", Documented, "S0, LAB", Rule{Code: codeParameter, RefusalOnly: true,
		Needs: needs{CanInsightData}, Also: codes{codeSelectors, codeCombination, codeNotPermitted}},
		"Either type on Data needs a trail that logs data events.")
	StoreDestination = add("store/destination-not-insight", Documented, "S0", Rule{Code: codeSelectors,
		Needs: needs{CanStores}}, "The destination must log the Insight category.")
	StoreSource = add("store/source-not-management", Documented, "S0", Rule{Code: codeSelectors,
		Needs: needs{CanStores}}, "The source must log management events, write ones for ApiCallRateInsight.")
	StoreSame = add("store/same-store", Inferred, "-", Rule{Code: codeSelectors, Needs: needs{CanStores},
		Also: codes{codeParameter, codeCombination}}, "Source and destination are two stores.")
	BucketMissingRule = add("bucket/missing", Documented, "S0", Rule{Code: codeBucketGone,
		MayPass: true, Needs: needs{CanLoseBucket}, Also: codes{codeBucketPolicy}},
		"While the trail's bucket is gone, Put answers S3BucketDoesNotExistException.")
	BucketPolicy = add("bucket/policy", Documented, "S0", Rule{Code: codeBucketPolicy, Needs: needs{CanLoseBucket},
		Also: codes{codeEncryption}},
		"While the bucket policy does not let CloudTrail write, Put answers InsufficientS3BucketPolicyException.")
	KMSPolicy = add("kms/policy", Documented, "S0", Rule{Code: codeEncryption, Needs: needs{CanLoseKey},
		Also: codes{codeKMS}},
		"While the key policy does not let CloudTrail encrypt, Put answers InsufficientEncryptionPolicyException.")
	KMSUnusable = add("kms/unusable", Documented, "S0", Rule{Code: codeKMS, MayPass: true, Needs: needs{CanLoseKey},
		Also: codes{codeEncryption}}, "While the key is disabled or pending deletion, Put answers KmsException.")
	PutDuplicateDiffering = add("put/duplicate-type-differing", Inferred, "-", Rule{Code: codeSelectors,
		MayPass: true, Needs: needs{CanInsightData}, Also: codes{codeParameter}},
		"The same type twice with different categories is refused; whatever Put answers, Get answers the same.")

	StoreEnables = add("store/enables", Documented, "S0", Rule{Needs: needs{CanStores}},
		"A source that logs management events and a destination of category Insight: 200 with both ARNs.")
	StoreARNOrSuffix = add("store/arn-or-suffix", Documented, "S0", Rule{Needs: needs{CanStores}},
		"A store's ARN and its ID suffix mean the same; answers carry ARNs.")
	StoreDisable = add("store/disable", Documented, "S0", Rule{Needs: needs{CanStores}},
		"An empty list for a store without a destination succeeds and turns Insights off.")
	StoreDisableWithDst = add("store/disable-with-destination", Inferred, "-", Rule{Needs: needs{CanStores},
		Also: codes{codeCombination, codeParameter}}, "An empty list for a store with a destination succeeds too.")
	StoreRepoint = add("store/repoint", Inferred, "-", Rule{Needs: needs{CanStores}},
		"A Put with another destination succeeds and replaces the destination.")
	StoreNotIngesting = add("store/not-ingesting", Inferred, "-", Rule{Needs: needs{CanStores},
		Also: codes{codeParameter, codeSelectors, codeNotPermitted, codeStoreInactive, codeStoreNotFound, codeStoreStatus}},
		"A store that is neither enabled nor pending deletion can be source or destination.")
	StoreDefaultCategory = add("store/default-category", Documented, "S0", Rule{OfRead: Inferred,
		Needs: needs{CanStores}},
		"EventCategories Management on an event data store is accepted and means the same as none.")
	StoreStopIngestion = add("store/stop-ingestion", Documented, "UG", Rule{OfRead: Inferred,
		Needs: needs{CanStores, CanStopStores, CanGet}},
		"StopEventDataStoreIngestion and StartEventDataStoreIngestion keep the selectors.")
	StoreUpdateGuard = add("store/update-guard", Documented, "UG", Rule{Needs: needs{CanStores, CanUpdateStores}},
		"UpdateEventDataStore that breaks a live prerequisite answers InvalidInsightSelectorsException; with Insights off it succeeds.")
	StoreNoData = add("store/no-data", Documented, "S0", Rule{Needs: needs{CanStores, CanGet}},
		"Get never shows Data on an event data store.")
	_ = add("store/delete-restore", Inferred, "-",
		Rule{Silent: true, Needs: needs{CanStores, CanDeleteStores, CanRestoreStores}},
		"What deleting and restoring a store does to its selectors is not claimed.")

	MockNoAlias = add("mock/no-alias", Inferred, "-", Rule{Needs: needs{CanGoValues, CanGet}},
		"A change that the caller makes to what it passed or got changes no later answer of a Go mock.")

	ConcurrentNoCrash = add("concurrent/no-crash", Documented, "API", Rule{Needs: needs{CanOverlap}},
		"Overlapping calls get no 5xx, no dropped connection, and no answer that never comes.")
	ConcurrentIsolated = add("concurrent/isolated", Documented, "-", Rule{Needs: needs{CanOverlap, CanGet}},
		"A round of overlapping calls in which nothing was written to a trail or store leaves it as it was.")
	ConcurrentWhole = add("concurrent/whole", Documented, "S0", Rule{Needs: needs{CanOverlap, CanGet}},
		"After a round of overlapping Puts, Get shows what one of them stored that may be the last, and no mixture.")
	ConcurrentQuiescent = add("concurrent/quiescent", Documented, "S0", Rule{Needs: needs{CanOverlap, CanGet}},
		"After a round of overlapping Puts that were all answered, every reader sees the same, by name, by ARN and in HasInsightSelectors.")
	ConcurrentLinearizable = add("concurrent/linearizable", Inferred, "-", Rule{Needs: needs{CanOverlap}},
		"Overlapping calls have an order, with those that do not overlap in theirs, in which the model allows each answer.")

	_ = add("throttled", Documented, "API", Rule{Silent: true},
		"ThrottlingException may come at any time: the harness waits and repeats.")
	Busy = add("busy", Documented, "SM", Rule{Silent: true},
		"ConflictException from a write, with HTTP 400 or 409, is no verdict unless it outlasts the repeats.")
	_ = add("access", Documented, "API", Rule{Silent: true}, "Refused credentials make a run inconclusive.")
	_ = add("unsupported", Documented, "API", Rule{Silent: true},
		"UnsupportedOperationException for a whole operation, for all Puts with Data or for all on stores means that the capability is absent.")
)

// readable are the rules that are put to the test where nothing but reads is offered.
var readable = []ID{WireProtocol, WireErrorShape, WireErrorStatus, WireMembers, WireUnknownMembers, WireNoCrash,
	WireWrongType, GetReflectsPut, GetNotEnabled, TrailHasInsights, TrailNameOrARN, AnswerOneOwner, InputNoResource,
	InputTrailAndStore, TrailNameSyntax, TrailARNSyntax, TrailNotFound, TrailOtherAccount, TrailHomeRegion, MockNoAlias}

// NeedsPut reports whether the rule cannot be tried without PutInsightSelectors.
func (r *Rule) NeedsPut() bool { return !r.Silent && !slices.Contains(readable, r.ID) }

// OfMocks reports whether Go mocks alone can break the rule.
func (r *Rule) OfMocks() bool { return slices.Contains(r.Needs, CanGoValues) }

// OfClients reports whether the rule is about several clients at once.
func (r *Rule) OfClients() bool { return slices.Contains(r.Needs, CanOverlap) }

// Everywhere reports whether every target is held to the rule that can do what it needs: no rule of mocks or of several
// clients is one of those.
func (r *Rule) Everywhere() bool { return !r.OfMocks() && !r.OfClients() }

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
