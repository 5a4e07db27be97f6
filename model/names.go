package model

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

// ValidTrailName reports whether s is a trail name as trail/name-syntax has it: 3 to 128 of
// A-Za-z0-9._-, alphanumeric at both ends, no two of ._- adjacent, not an IPv4 address.
func ValidTrailName(s string) bool {
	if len(s) < 3 || len(s) > 128 || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if alphanumeric(s[i]) {
			continue
		}
		if !punctuation(s[i]) || punctuation(s[i-1]) {
			return false
		}
	}
	return !ipv4(s)
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func punctuation(c byte) bool { return c == '.' || c == '_' || c == '-' }

// ipv4 reports whether s is an IPv4 address in dotted decimal.
func ipv4(s string) bool {
	if s[0] < '0' || s[0] > '9' {
		return false // most names: errors are slow
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

// arn is a parsed Amazon Resource Name.
type arn struct {
	partition, service, region, account string
	kind, id                            string // of the resource part, kind/id
}

func parseARN(s string) (a arn, ok bool) {
	rest, ok := strings.CutPrefix(s, "arn:")
	for _, part := range []*string{&a.partition, &a.service, &a.region, &a.account} {
		if ok {
			*part, rest, ok = strings.Cut(rest, ":")
		}
	}
	if !ok {
		return arn{}, false
	}
	a.kind, a.id, ok = strings.Cut(rest, "/")
	return a, ok
}

func accountID(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// trailRefKind tells what a TrailName is.
type trailRefKind uint8

const (
	refNone         trailRefKind = iota // there is no TrailName
	refBlank                            // empty or white space
	refBadName                          // breaks trail/name-syntax
	refBadARN                           // breaks trail/arn-syntax
	refName                             // a well-formed name
	refARN                              // the ARN of a trail of the caller, in a Region of the world
	refOtherAccount                     // the ARN of another account's trail
	refOtherRegion                      // like refARN, in another Region or partition than the call
)

type trailRef struct {
	kind         trailRefKind
	region, name string
	elsewhere    bool // names another Region too (refOtherAccount), or one that does not exist
}

// resolveTrail reads a TrailName that a call to a Region gives.
func (w *World) resolveTrail(s, region string) trailRef {
	if !strings.HasPrefix(s, "arn:") {
		switch {
		case strings.TrimSpace(s) == "":
			return trailRef{kind: refBlank}
		case !ValidTrailName(s):
			return trailRef{kind: refBadName}
		}
		return trailRef{kind: refName, region: region, name: s}
	}
	a, ok := parseARN(s)
	if !ok || a.service != "cloudtrail" || a.kind != "trail" || !accountID(a.account) || !ValidTrailName(a.id) || a.region == "" {
		return trailRef{kind: refBadARN}
	}
	known := a.region == w.Home || a.region == w.Away
	switch {
	case a.partition != w.Partition && a.region == region:
		return trailRef{kind: refBadARN}
	case a.partition != w.Partition || !known:
		// Another partition, or a Region that does not exist: row 7 or 15.
		return trailRef{kind: refBadARN, elsewhere: true}
	case a.account != w.Account:
		return trailRef{kind: refOtherAccount, region: a.region, name: a.id, elsewhere: a.region != region}
	case a.region != region:
		return trailRef{kind: refOtherRegion, region: a.region, name: a.id}
	}
	return trailRef{kind: refARN, region: region, name: a.id}
}

// storeRefKind tells what an EventDataStore or InsightsDestination is.
type storeRefKind uint8

const (
	storeNone storeRefKind = iota // there is no such member
	storeBadSyntax
	storeOtherAccount
	storeMissing
	storePending
	storeIdle // neither ingesting nor pending deletion
	storeFound
)

// storeRef is what an identifier names; at is the index of a store that is there, else -1.
type storeRef struct {
	kind storeRefKind
	at   int
}

// resolveStore finds the store that an identifier names.
func (s State) resolveStore(id, region string) storeRef {
	if len(id) < 3 || len(id) > 256 {
		return storeRef{storeBadSyntax, -1}
	}
	odd := func(c rune) bool {
		return c >= utf8.RuneSelf || !alphanumeric(byte(c)) && !punctuation(byte(c)) && c != '/' && c != ':'
	}
	if strings.ContainsFunc(id, odd) {
		return storeRef{storeBadSyntax, -1}
	}
	if strings.HasPrefix(id, "arn:") {
		a, ok := parseARN(id)
		switch {
		case !ok || a.service != "cloudtrail" || a.kind != "eventdatastore" || !accountID(a.account) ||
			a.partition != s.World.Partition:
			return storeRef{storeBadSyntax, -1}
		case a.account != s.World.Account:
			return storeRef{storeOtherAccount, -1}
		case a.region != region:
			return storeRef{storeMissing, -1}
		}
		id = a.id
	}
	i := s.store(region, id)
	switch {
	case i < 0:
		return storeRef{storeMissing, -1}
	case s.Stores[i].Pending:
		return storeRef{storePending, i}
	case !s.Stores[i].Ingesting:
		return storeRef{storeIdle, i}
	}
	return storeRef{storeFound, i}
}
