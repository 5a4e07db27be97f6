package explore

import "github.com/insightconform/conform/model"

// exercised notes rules that were put to the test.
func (w *Worker) exercised(ids ...model.ID) {
	for _, id := range ids {
		if w.missing[id] {
			delete(w.missing, id)
			w.Client.Status.Exercise(id)
		}
	}
}

// seen notes a judged request: the pair of rules that it breaks and the transition that it is.
func (w *Worker) seen(before model.State, r model.Request) {
	if r.Op == model.OpPut {
		broken := model.Broken(before, r)
		if len(broken) == 2 {
			w.pairs[[2]model.ID(broken)] = true
		}
		w.classes[class(before, broken)] = true
	}
	w.tour.Covered(before, r)
}

// class names a combination of broken rules and what matters of the first trail's state.
func class(s model.State, broken []model.ID) string {
	key := ""
	if len(s.Trails) > 0 {
		t := s.Trails[0]
		key = t.Insights.String() + "/" + t.Logs.String()
	}
	for _, id := range broken {
		key += "|" + string(id)
	}
	return key
}
