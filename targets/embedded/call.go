package embedded

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/insightconform/conform/model"
)

// call is one request as a fault sees it.
type call struct {
	state     model.State
	request   model.Request
	reference func(model.State, model.Request) result

	// Where many faults see the same call, what the model says of it is asked once.
	passed *result
	breaks *[]model.ID
}

// pass does what the model says.
func (c *call) pass() result {
	if c.passed != nil {
		return *c.passed
	}
	return c.reference(c.state, c.request)
}

// broken lists the rules of the error order that the request breaks.
func (c *call) broken() []model.ID {
	if c.breaks != nil {
		return *c.breaks
	}
	return model.Broken(c.state, c.request)
}

// refuse changes nothing.
func (c *call) refuse(code string) result { return result{model.Refusal(code), c.state} }

// trail is the index of the trail that the request names and that is in the Region of the call; -1
// where there is none.
func (c *call) trail() int { return findTrail(c.state, c.request) }

// putsOnTrail returns the trail whose selectors a well-named Put sets.
func (c *call) putsOnTrail() (i int, ok bool) {
	if c.request.Op != model.OpPut || c.request.Malformed() || len(c.broken()) > 0 {
		return -1, false
	}
	i = c.trail()
	return i, i >= 0
}

// enables reports whether a Put has a non-empty list.
func (c *call) enables() bool { return len(c.list()) > 0 }

func (c *call) list() []model.Value { return c.request.Input.Get("InsightSelectors").Items() }

// breaksOnly reports whether a rule of the error order is the only one that the request breaks.
func (c *call) breaksOnly(rule model.ID) bool {
	broken := c.broken()
	return len(broken) == 1 && broken[0] == rule
}

// givenTrail is the TrailName or Name of a request.
func givenTrail(r model.Request) string {
	name := r.Input.Get("TrailName")
	if name.Kind() == model.Absent {
		name = r.Input.Get("Name")
	}
	return name.Text()
}

// trailKey identifies a trail by itself, whatever the request calls it.
type trailKey struct{ region, name string }

func keyOf(t model.Trail) trailKey { return trailKey{t.Home, t.Name} }

// namedKey is the key of the trail that a request names.
func namedKey(s model.State, r model.Request) trailKey {
	name := givenTrail(r)
	parsed, err := arn.Parse(name)
	if err != nil {
		return trailKey{regionOf(s, r), name}
	}
	return trailKey{parsed.Region, strings.TrimPrefix(parsed.Resource, "trail/")}
}

func regionOf(s model.State, r model.Request) string {
	if r.Region == "" {
		return s.World.Home
	}
	return r.Region
}

func indexOf(s model.State, key trailKey) int {
	for i := range s.Trails {
		if keyOf(s.Trails[i]) == key {
			return i
		}
	}
	return -1
}

// findTrail finds the trail that a request names in the Region of the call.
func findTrail(s model.State, r model.Request) int {
	key := namedKey(s, r)
	i := indexOf(s, key)
	if i < 0 || key.region != regionOf(s, r) {
		return -1
	}
	if name := givenTrail(r); strings.HasPrefix(name, "arn:") && name != s.World.TrailARN(key.region, key.name) {
		return -1
	}
	return i
}

// findStore finds the store that a member of a request names in the Region of the call.
func findStore(s model.State, r model.Request, member string) int {
	given := r.Input.Get(member).Text()
	for i := range s.Stores {
		x := &s.Stores[i]
		if x.Home == regionOf(s, r) && (given == x.ID || given == s.World.StoreARN(x.Home, x.ID)) {
			return i
		}
	}
	return -1
}

// tagLength is that of the tag with which a run ends the names of one world's trails.
const tagLength = 10

// sameWorld reports whether two trails belong to one world of a run. Runs tell worlds apart by a tag
// at the end of a name; faults that mix trails up stay within a world, since a run judges each world
// by itself.
func sameWorld(a, b string) bool { return tagOf(a) == tagOf(b) }

func tagOf(name string) string {
	i := strings.LastIndexByte(name, '-')
	if i < 0 || len(name)-i-1 != tagLength {
		return ""
	}
	tag := name[i+1:]
	if strings.Trim(tag, "abcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	return tag
}

// readSelectors reads a list of selectors as an answer's list is read: what cannot be understood is
// left out.
func readSelectors(list model.Value) model.Selectors {
	a, _, _ := model.ReadSuccess(model.OpPut, model.Obj("InsightSelectors", list))
	return a.Selectors.Effective()
}

// requested is the set of selectors that a Put asks for.
func (c *call) requested() model.Selectors {
	return readSelectors(c.request.Input.Get("InsightSelectors"))
}

// withInsights sets what is stored on the i-th trail.
func (x result) withInsights(i int, set model.Selectors) result {
	t := x.next.Trails[i]
	t.Insights, t.Repeats = set, false
	t.Asleep, t.MustWake, t.HasEither = 0, false, false
	x.next = x.next.WithTrail(i, t)
	return x
}

// withStoreInsights sets what is stored on the i-th store.
func (x result) withStoreInsights(i int, set model.Selectors) result {
	store := x.next.Stores[i]
	store.Insights, store.Repeats = set, false
	x.next = x.next.WithStore(i, store)
	return x
}
