package pace

import (
	"context"
	"errors"
	"sync"

	"github.com/insightconform/conform/targets"
)

// Lanes makes one target of several, each with a home Region of its own: every new world goes to the
// lane with the fewest open worlds, so that workers side by side keep all Regions busy. What a lane
// cannot do, none is said to be able to do. The lanes must be alike otherwise: one is probed for all.
func Lanes(each ...targets.Target) targets.Target {
	if len(each) == 1 {
		return each[0]
	}
	return &lanes{each: each, open: make([]int, len(each))}
}

type lanes struct {
	each []targets.Target

	mu   sync.Mutex
	open []int // worlds of each lane
}

// Open implements targets.Target.
func (l *lanes) Open(ctx context.Context) (targets.Info, error) {
	var all targets.Info
	for i, lane := range l.each {
		info, err := lane.Open(ctx)
		if err != nil {
			return info, err
		}
		if i == 0 {
			all = info
			continue
		}
		all.Region += "," + info.Region
		if all.Workers > 0 && info.Workers > 0 {
			all.Workers += info.Workers
		} else {
			all.Workers = 0
		}
		all.Eventual = all.Eventual || info.Eventual
		all.Lent = all.Lent || info.Lent
		all.Serial = all.Serial || info.Serial
		all.Away = all.Away && info.Away
		all.Buckets = all.Buckets && info.Buckets
		all.Keys = all.Keys && info.Keys
		all.Arrange = all.Arrange && info.Arrange
		all.RawRequests = all.RawRequests && info.RawRequests
		all.Notes = append(all.Notes, info.Notes...)
	}
	if all.Workers == 0 {
		all.Workers = len(l.each)
	}
	return all, nil
}

// NewWorld implements targets.Target.
func (l *lanes) NewWorld(ctx context.Context) (targets.World, error) {
	l.mu.Lock()
	lane := 0
	for i, n := range l.open {
		if n < l.open[lane] {
			lane = i
		}
	}
	l.open[lane]++
	l.mu.Unlock()
	world, err := l.each[lane].NewWorld(ctx)
	if err != nil {
		l.leave(lane)
		return nil, err
	}
	return &laneWorld{World: world, lanes: l, lane: lane}, nil
}

func (l *lanes) leave(lane int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[lane]--
}

// Close implements targets.Target.
func (l *lanes) Close() error {
	var all error
	for _, lane := range l.each {
		all = errors.Join(all, lane.Close())
	}
	return all
}

type laneWorld struct {
	targets.World
	lanes *lanes
	lane  int
}

// Close implements targets.World.
func (w *laneWorld) Close(ctx context.Context) error {
	defer w.lanes.leave(w.lane)
	return w.World.Close(ctx)
}
