package naming

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/insightconform/conform/generators"
	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/model/value"
	"github.com/insightconform/conform/targets"
)

func testBinding(partition, account string, regions ...string) *binding {
	names := targets.Names{Partition: partition, Account: account, Regions: regions}
	return newBinding(names, newIdentity(names))
}

func TestBindingNames(t *testing.T) {
	b := testBinding("aws", "123456789012", "us-east-1", "eu-west-1")
	assert.Equal(t, "alpha-"+b.names.Tag, b.trail("alpha"))
	assert.Len(t, b.trail("abc"), 3)
	long := strings.Repeat("a", 128)
	assert.Len(t, b.trail(long), 128)
	assert.NotEqual(t, b.trail(long), b.trail(long[:127]+"B"))
	assert.True(t, strings.EqualFold(b.trail(long), b.trail(long[:127]+"A")))
	assert.NotEqual(t, b.trail(long), b.trail(long[:127]+"A"))
	assert.True(t, strings.EqualFold(b.trail("abc"), b.trail("aBc")))
	assert.NotEqual(t, b.trail("abc"), b.trail("aBc"))
	for _, only := range []string{"", "arn:", ".", "é"} {
		assert.Equal(t, only, b.trail(only), "there is no other one of its class")
	}
	for symbolic, concrete := range map[string]string{
		"my-_trail": "my-_trail-TAG", "-abc": "-abc-TAG", "abc-": "abc-TAG-", "a b c": "a b c-TAG", "abc\x00": "abc-TAG\x00", "---": "--TAG--",
		"arn:aws:cloudtrail": "arn:aws:cloudtrail-TAG", "arn:aws:s3:::alpha": "arn:aws:s3:::alpha-TAG", "trail/alpha": "trail/alpha-TAG",
		strings.Repeat("a", 129): strings.Repeat("a", 117) + "TAGad",
	} {
		concrete = strings.ReplaceAll(concrete, "TAG", b.names.Tag)
		assert.Equal(t, concrete, b.trail(symbolic))
		assert.Equal(t, "no "+symbolic+"!", b.symbolic("no "+concrete+"!"))
	}
	assert.Equal(t, "Unknown trail: alpha for the user: 123456789012", b.symbolic("Unknown trail: alpha-"+b.names.Tag+" for the user: 123456789012"))
	assert.Equal(t, "no "+long+"!", b.symbolic("no "+b.trail(long)+"!"))
}

// TestAlikeNames: what makes names like each other stays, so that a server which takes them for each other shows it.
func TestAlikeNames(t *testing.T) {
	alike, apart := generators.AlikeNames[0], generators.AlikeNames[1]
	dropped := strings.NewReplacer(".", "", "-", "", "_", "").Replace
	for name, names := range map[string]targets.Names{"tag": {}, "prefix": {Prefix: "conform-x"}, "kept": {Kept: true}} {
		b := newBinding(names, newIdentity(names))
		at := func(s string) string {
			require.True(t, model.ValidTrailName(b.trail(s)), s)
			require.Equal(t, s, b.symbolic(b.trail(s)))
			return b.trail(s)
		}
		long, whole, front := at(alike.Names[0]), at(alike.Names[1]), at(alike.Names[2])
		assert.True(t, strings.HasPrefix(long, whole), name)
		assert.True(t, strings.HasPrefix(whole, at(alike.Unknown[0])), name)
		assert.True(t, strings.HasPrefix(at(alike.Unknown[2]), whole), name)
		for _, other := range append(apart.Unknown, apart.Names[1:]...) {
			assert.Equal(t, dropped(at(apart.Names[0])), dropped(at(other)), name)
		}
		if name != "prefix" { // which all names begin with
			assert.True(t, strings.HasSuffix(front, whole), name)
			assert.True(t, strings.HasSuffix(whole, at(alike.Unknown[1])), name)
			assert.True(t, front[0] >= '0' && front[0] <= '9', name)
		}
	}
}

func TestBindingARNs(t *testing.T) {
	b := testBinding("aws-cn", "000000000000", "cn-north-1", "us-east-1")
	out := b.trail("arn:aws:cloudtrail:us-east-1:123456789012:trail/alpha")
	assert.Equal(t, "arn:aws-cn:cloudtrail:cn-north-1:000000000000:trail/alpha-"+b.names.Tag, out)
	assert.Equal(t, "arn:aws:cloudtrail:us-east-1:123456789012:trail/alpha", b.symbolic(out))
	assert.Contains(t, b.trail("arn:aws:cloudtrail:eu-west-1:210987654321:trail/alpha"), ":us-east-1:210987654321:", "the other account stays")
	assert.Contains(t, b.trail("arn:aws-cn:cloudtrail:us-east-1:123456789012:trail/alpha"), "arn:aws:", "another partition is still another one")
	assert.Equal(t, "arn:aws-cn:cloudtrail:cn-north-1:000000000000:trail/my-_trail-"+b.names.Tag, b.trail("arn:aws:cloudtrail:us-east-1:123456789012:trail/my-_trail"))
	for _, odd := range []string{"arn:", "arn:aws:cloudtrail", "arn:aws:cloudtrail:us-east-1:123456789012"} {
		assert.Equal(t, odd, b.symbolic(b.trail(odd)))
		assert.Equal(t, odd, b.symbolic(odd))
	}
}

func TestBindingStores(t *testing.T) {
	b := testBinding("aws", "123456789012", "us-east-1")
	missing := b.store(model.StoreID(0))
	assert.NotEqual(t, model.StoreID(0), missing, "the target may have a store of that identifier")
	assert.Len(t, missing, 36)
	assert.Equal(t, model.StoreID(0), b.symbolic(missing))
	b.created(model.StoreID(7)) // what a server may well answer
	assert.Equal(t, model.StoreID(7), b.store(model.StoreID(0)))
	assert.Equal(t, model.StoreID(0), b.symbolic(model.StoreID(7)))
	assert.NotEqual(t, model.StoreID(7), b.store(model.StoreID(7)))
	arn := "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/"
	assert.Equal(t, arn+model.StoreID(7), b.store(arn+model.StoreID(0)))
	assert.Equal(t, arn+model.StoreID(0), b.symbolic(arn+model.StoreID(7)))
	b.created("")
	b.created("11111111-2222-4333-8444-555555555555")
	assert.Equal(t, "11111111-2222-4333-8444-555555555555", b.store(model.StoreID(2)))
}

func TestSwapIsBijective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		regions := []string{"us-east-1", "eu-west-1", "us-west-2", "cn-north-1"}
		concrete := rapid.SliceOfNDistinct(rapid.SampledFrom(regions), 1, 2, rapid.ID[string]).Draw(t, "regions")
		account := rapid.SampledFrom([]string{"123456789012", "210987654321", "000000000000"}).Draw(t, "account")
		id := newIdentity(targets.Names{Partition: rapid.SampledFrom([]string{"aws", "aws-cn"}).Draw(t, "partition"), Account: account, Regions: concrete})
		seen := map[string]string{}
		for _, region := range regions {
			to := id.region.to(region)
			require.Equal(t, region, id.region.from(to))
			require.Empty(t, seen[to])
			seen[to] = region
		}
		require.Equal(t, concrete[0], id.region.to("us-east-1"))
		require.Equal(t, account, id.account.to("123456789012"))
		for _, a := range []string{"123456789012", "210987654321", "000000000000", "111111111111"} {
			require.Equal(t, a, id.account.from(id.account.to(a)))
		}
	})
}

// What goes out comes back as itself, no two names become one, and valid names stay valid.
func TestBindingRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := testBinding(rapid.SampledFrom([]string{"aws", "aws-us-gov"}).Draw(t, "partition"),
			rapid.SampledFrom([]string{"123456789012", "210987654321", "000000000000"}).Draw(t, "account"),
			rapid.SampledFrom([][]string{{"us-east-1"}, {"eu-west-1", "us-east-1"}, {"cn-north-1", "us-west-2"}}).Draw(t, "regions")...)
		name := rapid.OneOf(
			rapid.SampledFrom([]string{"alpha", "Alpha", "ALPHA", "abc", "aBc", "a-b", "us-east-1", "123456789012", "my-_trail", "ab", "192.168.5.4", "192.168.5.4.x", "1.2.3"}),
			rapid.StringMatching(`[A-Za-z0-9]([._-]?[A-Za-z0-9]){1,5}`),
			rapid.Custom(func(t *rapid.T) string {
				s := strings.Repeat(rapid.SampledFrom([]string{"a", "aB", "a-", "x_Y."}).Draw(t, "unit"), 140)
				return s[:rapid.IntRange(95, 130).Draw(t, "length")-1] + rapid.SampledFrom([]string{"a", "A", "7", "b"}).Draw(t, "end")
			}),
			rapid.String(),
		)
		text := rapid.OneOf(name, rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf("arn:%s:%s:%s:%s:%s%s",
				rapid.SampledFrom([]string{"aws", "aws-cn", "aws-us-gov"}).Draw(t, "p"), rapid.SampledFrom([]string{"cloudtrail", "sns"}).Draw(t, "s"),
				rapid.SampledFrom([]string{"us-east-1", "eu-west-1", "us-west-2", "nowhere", ""}).Draw(t, "r"),
				rapid.SampledFrom([]string{"123456789012", "210987654321", "000000000000", "1"}).Draw(t, "a"),
				rapid.SampledFrom([]string{"trail/", "eventdatastore/", "Trail/", "key/", ""}).Draw(t, "k"),
				rapid.OneOf(name, rapid.SampledFrom([]string{model.StoreID(0), model.StoreID(1)})).Draw(t, "n"))
		}), rapid.SampledFrom([]string{model.StoreID(0), model.StoreID(1), "us-east-1", "eu-west-1", "123456789012", "us-west-2"}))
		seen := map[string]string{}
		for _, s := range rapid.SliceOfN(text, 1, 12).Draw(t, "strings") {
			out := b.trail(s)
			require.Equal(t, s, b.symbolic(out), "sent as %q", out)
			require.Equal(t, out, b.trail(s), "the same every time")
			require.Equal(t, model.ValidTrailName(s), model.ValidTrailName(out), "%q became %q", s, out)
			if earlier, ok := seen[out]; ok {
				require.Equal(t, earlier, s, "both became %q", out)
			}
			seen[out] = s
			require.Equal(t, s, b.symbolic(b.store(s)))
			if len(s) > 3 { // else it may be what another one has become
				require.Equal(t, s, b.symbolic(b.other(s)))
			}
		}
	})
}

func TestTagsAreUnique(t *testing.T) {
	tags, shorts := map[string]bool{}, map[string]bool{}
	for range 8000 {
		tag, short := NewTag(), nextShort()
		require.False(t, tags[tag])
		require.False(t, shorts[short])
		tags[tag], shorts[short] = true, true
		require.Len(t, tag, 10)
		require.True(t, model.ValidTrailName(short))
	}
}

func BenchmarkBinding(b *testing.B) {
	w := testBinding("aws", "123456789012", "us-east-1", "eu-west-1")
	input := value.Obj("TrailName", model.DefaultWorld.TrailARN("us-east-1", "alpha"), "InsightSelectors", model.MakeSelectors(model.Management, model.Data).Value())
	b.ReportAllocs()
	for b.Loop() {
		w.input(input)
	}
}
