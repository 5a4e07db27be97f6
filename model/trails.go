package model

import "github.com/insightconform/conform/model/value"

// namedTrail is the index of the trail that a trail operation names by name or ARN and finds in the
// Region of the call, -1 where there is none.
func (s State) namedTrail(r Request) int {
	name := r.Input.Get("TrailName")
	if name.Kind() == value.Absent {
		name = r.Input.Get("Name")
	}
	ref := s.World.resolveTrail(name.Text(), s.World.region(r))
	if ref.kind != refName && ref.kind != refARN {
		return -1
	}
	return s.trail(ref.region, ref.name)
}

func stepCreateTrail(s State, r Request) []Branch {
	name := r.Input.Get("Name").Text()
	if !ValidTrailName(name) || s.namedTrail(r) >= 0 {
		return refusedOrIgnored(s)
	}
	home := s.World.region(r)
	t := Trail{Name: name, Home: home, arn: s.World.TrailARN(home, name), Logs: ManagementEvents,
		LogsOpen: s.World.Lent, Logging: s.World.NoStart,
		MultiRegion: r.Input.Get("IsMultiRegionTrail").True()}
	return done(s, s.WithTrail(-1, t))
}

// stepUpdateTrail keeps the selectors (trail/update-keeps).
func stepUpdateTrail(s State, i int, r Request) []Branch {
	t := s.Trails[i]
	if multi := r.Input.Get("IsMultiRegionTrail"); multi.Kind() == value.Bool {
		t.MultiRegion = multi.True()
	}
	return done(s, s.WithTrail(i, t))
}

func stepDeleteTrail(s State, i int, r Request) []Branch {
	return done(s, s.withoutTrail(i))
}

// homeName reports whether a call names a trail of its Region, the home one, by a well-formed name.
func (s State) homeName(r Request) bool {
	region := s.World.region(r)
	return region == s.World.Home && s.World.resolveTrail(r.Input.Get("Name").Text(), region).kind == refName
}

// stepGetTrail holds trail/has-insight-selectors.
func stepGetTrail(s State, i int, _ Request) []Branch {
	t := s.Trails[i]
	expected := Answer{Outcome: AnySuccess, HasInsights: truth(t.Insights.On())}
	if t.HasEither {
		expected.HasInsights = unclaimed
	}
	return []Branch{{Answer: expected, Next: s}, silent(AnyRefusal, s)}
}

// stepGetTrailStatus claims nothing, but the model follows what is answered.
func stepGetTrailStatus(s State, i int, r Request) []Branch {
	t := s.Trails[i]
	branches := make([]Branch, 3)
	branches[0] = Branch{Answer: Answer{Outcome: AnySuccess, Logging: truth(t.Logging)}, Next: s}
	t.Logging = !t.Logging
	branches[1] = Branch{Answer: Answer{Outcome: AnySuccess, Logging: truth(t.Logging)}, Next: s.WithTrail(i, t), Silent: true}
	branches[2] = silent(AnyRefusal, s)
	return branches
}

// stepStopLogging holds logs/stop-logging: Insights is off, and Get says so or still answers the old
// selectors. It does so on a trail that is stopped already, too.
func stepStopLogging(s State, i int, r Request) []Branch {
	t := s.Trails[i]
	t.Logging = false
	if t.MustWake { // what was put while the trail was stopped may be forgotten
		forgotten := t
		forgotten.MustWake = false
		return []Branch{
			plain(AnySuccess, s.WithTrail(i, t)),
			{Answer: Answer{Outcome: AnySuccess}, Next: s.WithTrail(i, forgotten), Rule: LogsStop},
			silent(AnyRefusal, s),
		}
	}
	if t.Insights == 0 {
		return done(s, s.WithTrail(i, t))
	}
	kept := t
	kept.HasEither = true
	off := kept
	off.Insights, off.Asleep = 0, t.Insights
	return []Branch{
		plain(AnySuccess, s.WithTrail(i, off)),
		{Answer: Answer{Outcome: AnySuccess}, Next: s.WithTrail(i, kept), Rule: LogsStop},
		silent(AnyRefusal, s),
	}
}

// stepStartLogging holds logs/start-logging: nothing comes back, or the selectors of before
// StopLogging do. What was stored while the trail was stopped stands.
func stepStartLogging(s State, i int, r Request) []Branch {
	t := s.Trails[i]
	t.Logging = true
	woken := t
	woken.Insights, woken.Asleep, woken.MustWake = t.Asleep, 0, false
	if t.MustWake {
		woken.HasEither = false
		return done(s, s.WithTrail(i, woken))
	}
	still := t
	still.Asleep = 0
	branches := []Branch{plain(AnySuccess, s.WithTrail(i, still))}
	if t.Asleep != 0 {
		branches = append(branches, Branch{Answer: Answer{Outcome: AnySuccess}, Next: s.WithTrail(i, woken), Rule: LogsStart})
	}
	return append(branches, silent(AnyRefusal, s))
}

// stepArrange changes a trail's surroundings; what the target cannot arrange changes nothing.
func stepArrange(s State, i int, r Request) []Branch {
	t := s.Trails[i]
	t.Conditions |= parseCondition(r.Input.Get("Condition").Text())
	return done(s, s.WithTrail(i, t))
}
