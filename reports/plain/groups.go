package plain

// Group is what of a list has the same key.
type Group[K, T any] struct {
	Key   K
	Items []T
}

// GroupBy puts what has the same key together. Groups come in the order of their first items, and items in that of
// the list.
func GroupBy[K comparable, T any](list []T, key func(T) K) []Group[K, T] {
	var out []Group[K, T]
	places := map[K]int{}
	for _, item := range list {
		k := key(item)
		i, known := places[k]
		if !known {
			i = len(out)
			places[k] = i
			out = append(out, Group[K, T]{Key: k})
		}
		out[i].Items = append(out[i].Items, item)
	}
	return out
}

// Texts renders each item of a list.
func Texts[T any](list []T, render func(T) string) []string {
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = render(item)
	}
	return out
}
