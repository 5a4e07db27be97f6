package embedded

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/insightconform/conform/targets"
)

// Weather is one kind of trouble between a server and its clients, which says nothing of how the server behaves.
type Weather struct {
	Name, Describe string

	share float64 // of the requests that it befalls
	fall  func(carryOut func() response) response
}

// Weathers lists the kinds of weather.
var Weathers = []Weather{
	{"slow", "One request in five takes up to 50 ms longer.", 0.2, func(carryOut func() response) response {
		time.Sleep(time.Duration(rand.Int64N(int64(50 * time.Millisecond))))
		return carryOut()
	}},
	{"throttled", "One request in twenty is refused with ThrottlingException.", 0.05, func(func() response) response {
		return refusal("ThrottlingException", "Rate exceeded")
	}},
	{"unavailable", "One request in a hundred is answered 503 and not carried out.", 0.01, func(func() response) response {
		out := refusal("ServiceUnavailableException", "The service is not available.")
		out.status = http.StatusServiceUnavailable
		return out
	}},
	{"lost", "One request in a hundred is carried out, and its answer is lost.", 0.01, func(carryOut func() response) response {
		carryOut()
		return response{drop: true}
	}},
	{"reset", "One request in a hundred is not carried out, and its connection is closed.", 0.01, func(func() response) response {
		return response{drop: true}
	}},
}

// sky has the weather over a server. Which requests it befalls is drawn in the order in which they come.
type sky struct {
	kinds []Weather

	mu     sync.Mutex
	random *rand.Rand
}

// newSky has the kinds of weather of those names. Its error wraps targets.ErrUsage.
func newSky(names []string) (*sky, error) {
	s := &sky{random: rand.New(rand.NewPCG(1, 2))}
	for _, name := range names {
		kind, ok := WeatherNamed(name)
		if !ok {
			return nil, fmt.Errorf("%w: there is no weather %q", targets.ErrUsage, name)
		}
		s.kinds = append(s.kinds, kind)
	}
	return s, nil
}

// WeatherNamed finds a kind of weather.
func WeatherNamed(name string) (Weather, bool) {
	for _, kind := range Weathers {
		if kind.Name == name {
			return kind, true
		}
	}
	return Weather{}, false
}

// over has a request carried out, or lets it meet the first kind of weather that befalls it.
func (s *sky) over(carryOut func() response) response {
	for _, kind := range s.kinds {
		s.mu.Lock()
		falls := s.random.Float64() < kind.share
		s.mu.Unlock()
		if falls {
			return kind.fall(carryOut)
		}
	}
	return carryOut()
}
