package plain

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/insightconform/conform/model"
	"github.com/insightconform/conform/targets"
)

// Target names what was asked: "endpoint http://127.0.0.1:5000 in us-east-1".
func Target(t targets.Info) string {
	text := strings.TrimSuffix(Text(t.Name)+" "+Text(t.Endpoint), " ")
	return strings.TrimSuffix(text+" in "+Text(t.Region), " in ")
}

func Length(s string) int { return utf8.RuneCountInString(s) }

// Wrap joins words into lines of at most width characters where that is possible; 0 or less is no limit.
func Wrap(words []string, width int) []string {
	var lines []string
	for _, word := range words {
		last := len(lines) - 1
		if last < 0 || width > 0 && Length(lines[last])+1+Length(word) > width {
			lines = append(lines, word)
		} else {
			lines[last] += " " + word
		}
	}
	return lines
}

// Counted renders "1 request", "5,000 requests".
func Counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Grouped(n) + " " + noun + "s"
}

// Grouped renders a number with a comma between thousands.
func Grouped(n int) string {
	if n < 0 {
		return "-" + Grouped(-n)
	}
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", Grouped(n/1000), n%1000)
}

func Duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < 10*time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// Alternatives joins what is allowed: "A", "A, B or C"; where that is longer than limit, "A, B or 3 more".
func Alternatives(list []string, limit int) string {
	if len(list) == 0 {
		return "nothing else"
	}
	last := list[len(list)-1]
	for more := 0; ; more++ {
		if more > 0 {
			last = fmt.Sprintf("%d more", more)
		}
		text := strings.TrimPrefix(strings.Join(list[:len(list)-max(more, 1)], ", ")+" or "+last, " or ")
		if Length(text) <= limit || more >= len(list)-1 {
			return Shown(text, limit)
		}
	}
}

// Operation shortens the names of the two operations under test.
func Operation(operation string) string {
	return cmp.Or(map[string]string{string(model.OpPut): "Put", string(model.OpGet): "Get"}[operation], operation)
}

// plainWord matches what a shell takes as it stands.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:,=@%+-]+$`)

// ShellWord quotes a word for a shell where it needs it.
func ShellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Group is what of a list has the same key.
type Group[K, T any] struct {
	Key   K
	Items []T
}

// GroupBy puts what has the same key together, groups in the order of their first items, items in that of the list.
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
