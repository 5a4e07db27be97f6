package conform

import (
	"context"

	"github.com/insightconform/conform/model"
)

// DrawSequence and PlayProperty open the property to tests outside rapid.
func DrawSequence(p *Property, seed int) []model.Request {
	return p.generate.Sequence(p.run.world).Example(seed)
}

func PlayProperty(p *Property, requests []model.Request) string {
	return p.play(context.Background(), requests)
}
