package text

import (
	"github.com/insightconform/conform/reports"
	"github.com/insightconform/conform/reports/describe"
	"github.com/insightconform/conform/reports/plain"
)

// recorded says what was judged of recordings.
func (p *page) recorded(r *reports.Report) {
	if r.Recorded == nil {
		return
	}
	p.say("judged", plain.Text(describe.Recorded(r)))
	p.entry("passed over", normal, p.most, "; ", describe.PassedOver(r)...)
	p.entry("unreadable", yellow, p.most, "; ", describe.Unreadable(r)...)
}
