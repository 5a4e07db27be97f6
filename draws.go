package conform

// draws gives one worker the seeds of its random choices. What is chosen is left to rapid's
// generators, through Generator.Example, so that a run repeats from its seed and rapid's flags, which
// expect a go test, stay untouched.
type draws struct {
	seed, n uint64
}

func newDraws(seed uint64) *draws { return &draws{seed: seed} }

// next returns the next seed: both numbers mixed so that each bit matters (SplitMix64's finalizer).
func (d *draws) next() int {
	d.n++
	z := d.seed + d.n*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) >> 1)
}

// below returns a number from 0 to n-1, without rapid's preference for small ones.
func (d *draws) below(n int) int { return d.next() % n }
