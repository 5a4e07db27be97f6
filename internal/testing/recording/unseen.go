package recording

const (
	organization = "a trail may be that of an organization, which a member account does not find"
	surroundings = "the bucket may be as the answer says"
)

// Unseen are the faults of the embedded server that no recording shows, and why.
var Unseen = map[string]string{
	"trail-over-quota-replaces-first": organization, "delete-by-beginning": organization, "get-not-found-after-stop": organization,
	"bucket-never-mended":             surroundings,
	"malformed-json-drops-connection": "an answer that was not recorded may have been lost",
	"both-types-stay-busy":            "what is busy may be busy",
}
