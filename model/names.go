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
		if !alphanumeric(s[i]) && (!punctuation(s[i]) || punctuation(s[i-1])) {
			return false
		}
	}
	if s[0] > '9' {
		return true // most names: errors are slow
	}
	_, err := netip.ParseAddr(s)
	return err != nil
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func punctuation(c byte) bool { return c == '.' || c == '_' || c == '-' }

// arn is a parsed Amazon Resource Name.
type arn struct {
	partition, service, region, account string
	kind, id                            string // of the resource part, kind/id
}

func parseARN(s string) (a arn, ok bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return a, false
	}
	a = arn{partition: parts[1], service: parts[2], region: parts[3], account: parts[4]}
	a.kind, a.id, ok = strings.Cut(parts[5], "/")
	return a, ok
}

// of reports whether it is that of a kind of resource of CloudTrail.
func (a *arn) of(kind string) bool {
	account := len(a.account) == 12 && strings.Trim(a.account, "0123456789") == ""
	return a.service == "cloudtrail" && a.kind == kind && account
}

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

// here reports whether it can be in the Region of the call.
func (ref trailRef) here() bool { return ref.kind == refName || ref.kind == refARN }

// resolveTrail reads a TrailName that a call to a Region gives.
func (w *World) resolveTrail(s, region string) trailRef {
	switch {
	case strings.HasPrefix(s, "arn:"):
	case strings.TrimSpace(s) == "":
		return trailRef{kind: refBlank}
	case !ValidTrailName(s):
		return trailRef{kind: refBadName}
	default:
		return trailRef{kind: refName, region: region, name: s}
	}
	a, ok := parseARN(s)
	valid := ok && a.of("trail") && ValidTrailName(a.id) && a.region != ""
	known := a.partition == w.Partition && (a.region == w.Home || a.region == w.Away)
	switch {
	case !valid || a.partition != w.Partition && a.region == region:
		return trailRef{kind: refBadARN}
	case !known:
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

// resolveStore finds the store that an identifier names, if it is there.
func (s State) resolveStore(id, region string) (storeRefKind, *Store) {
	odd := func(c rune) bool {
		return c >= utf8.RuneSelf || !alphanumeric(byte(c)) && !punctuation(byte(c)) && c != '/' && c != ':'
	}
	if len(id) < 3 || len(id) > 256 || strings.ContainsFunc(id, odd) {
		return storeBadSyntax, nil
	}
	if strings.HasPrefix(id, "arn:") {
		a, ok := parseARN(id)
		switch {
		case !ok || !a.of("eventdatastore") || a.partition != s.World.Partition:
			return storeBadSyntax, nil
		case a.account != s.World.Account:
			return storeOtherAccount, nil
		case a.region != region:
			return storeMissing, nil
		}
		id = a.id
	}
	i := s.store(region, id)
	switch {
	case i < 0:
		return storeMissing, nil
	case s.Stores[i].Pending:
		return storePending, &s.Stores[i]
	case !s.Stores[i].Ingesting:
		return storeIdle, &s.Stores[i]
	}
	return storeFound, &s.Stores[i]
}
