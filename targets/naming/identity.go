package naming

import (
	"cmp"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// swap is a bijection on strings that moves few of them.
type swap struct{ out, back map[string]string }

// newSwap moves each first of a pair to its second; what is in the way takes a place that is left.
func newSwap(pairs ...[2]string) swap {
	s := swap{map[string]string{}, map[string]string{}}
	move := func(from, to string) { s.out[from], s.back[to] = to, from }
	for _, p := range pairs {
		inTheWay, left := s.from(p[1]), s.to(p[0])
		move(p[0], p[1])
		move(inTheWay, left)
	}
	for _, m := range []map[string]string{s.out, s.back} {
		maps.DeleteFunc(m, func(from, to string) bool { return from == to })
	}
	return s
}

func (s swap) to(x string) string   { return cmp.Or(s.out[x], x) }
func (s swap) from(x string) string { return cmp.Or(s.back[x], x) }

// identity translates what all worlds of an account share: partition, account and Regions.
type identity struct {
	partition, account, region swap
	secret                     string // the account, where it must not be seen
	plain                      bool   // nothing moves
}

func newIdentity(names targets.Names) *identity {
	w := model.DefaultWorld
	var regions [][2]string
	for i, region := range names.Regions[:min(2, len(names.Regions))] {
		regions = append(regions, [2]string{[]string{w.Home, w.Away}[i], region})
	}
	accounts := [][2]string{{w.Account, cmp.Or(names.Account, w.Account)}}
	if names.OtherAccount != "" {
		accounts = append(accounts, [2]string{w.OtherAccount, names.OtherAccount})
	}
	id := &identity{
		partition: newSwap([2]string{w.Partition, cmp.Or(names.Partition, w.Partition)}),
		account:   newSwap(accounts...),
		region:    newSwap(regions...),
	}
	if names.Secret && names.Account != w.Account {
		id.secret = names.Account
		delete(id.account.back, w.Account) // not even the symbolic account comes back as the real one
	}
	id.plain = len(id.partition.out)+len(id.account.out)+len(id.region.out) == 0
	return id
}

// word translates a string that is an account or a Region by itself.
func (id *identity) word(s string, direction func(swap, string) string) string {
	const longest = 64
	if id.plain || len(s) > longest {
		return s
	}
	return direction(id.account, direction(id.region, s))
}

// arn translates an ARN part by part. resource gets the kind and the name of a trail or event data store.
func (id *identity) arn(s string, direction func(swap, string) string, resource func(kind, name string) string) string {
	parsed, err := arn.Parse(s)
	if err != nil {
		return s
	}
	parsed.Partition, parsed.Region = direction(id.partition, parsed.Partition), direction(id.region, parsed.Region)
	parsed.AccountID = direction(id.account, parsed.AccountID)
	if kind, name, ok := strings.Cut(parsed.Resource, "/"); ok && (kind == "trail" || kind == "eventdatastore") {
		parsed.Resource = kind + "/" + resource(kind, name)
	}
	return parsed.String()
}
