package generators

// Draws gives one worker the seeds of its random choices. What is chosen is left to rapid's
// generators, through Generator.Example, so that a run repeats from its seed and rapid's flags, which
// expect a go test, stay untouched.
type Draws struct {
	seed, n uint64
}

// NewDraws begins a series of seeds that the given one determines.
func NewDraws(seed uint64) *Draws { return &Draws{seed: seed} }

// Next returns the next seed: both numbers mixed so that each bit matters (SplitMix64's finalizer).
func (d *Draws) Next() int {
	d.n++
	z := d.seed + d.n*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) >> 1)
}

// Below returns a number from 0 to n-1, without rapid's preference for small ones.
func (d *Draws) Below(n int) int { return d.Next() % n }
