package recorded

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
)

const (
	usualMemory = 32 << 20
	itemCost    = 64       // bytes in memory beside the data
	runBuffer   = 32 << 10 // for each run that is read again
)

// item is one exchange on its way into order: by start, and where that is equal as the files have it.
type item struct {
	start        int64
	file, number uint32
	data         []byte
}

func (a item) compare(b item) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.file, b.file), cmp.Compare(a.number, b.number))
}

// sorter brings items into order. What is more than its memory stands in a temporary file, as sorted runs.
type sorter struct {
	memory int
	folder string

	items []item
	size  int
	file  *os.File
	runs  []section
	end   int64
}

type section struct{ from, length int64 }

func (s *sorter) add(x item) error {
	s.items = append(s.items, x)
	s.size += len(x.data) + itemCost
	if s.size < cmp.Or(s.memory, usualMemory) {
		return nil
	}
	return s.spill()
}

func (s *sorter) spill() error {
	if s.file == nil {
		file, err := os.CreateTemp(s.folder, "conform-*.tmp")
		if err != nil {
			return fmt.Errorf("more was recorded than is kept in memory: %w", err)
		}
		s.file = file
		_ = os.Remove(file.Name()) // where an open file can be removed, nothing can leave it behind
	}
	slices.SortFunc(s.items, item.compare)
	w := bufio.NewWriterSize(s.file, 1<<18)
	from := s.end
	for _, x := range s.items {
		var head [20]byte
		binary.LittleEndian.PutUint64(head[:], uint64(x.start))
		binary.LittleEndian.PutUint32(head[8:], x.file)
		binary.LittleEndian.PutUint32(head[12:], x.number)
		binary.LittleEndian.PutUint32(head[16:], uint32(len(x.data)))
		_, _ = w.Write(head[:]) // Flush tells of errors
		_, _ = w.Write(x.data)
		s.end += int64(len(head) + len(x.data))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("a temporary file cannot be written: %w", err)
	}
	s.runs = append(s.runs, section{from, s.end - from})
	clear(s.items)
	s.items, s.size = s.items[:0], 0
	return nil
}

// each gives all items in order.
func (s *sorter) each(give func(item) error) error {
	slices.SortFunc(s.items, item.compare)
	var all sources
	for _, run := range s.runs {
		in := bufio.NewReaderSize(io.NewSectionReader(s.file, run.from, run.length), runBuffer)
		all = append(all, &source{next: func() (item, error) { return readItem(in) }})
	}
	rest := s.items
	all = append(all, &source{next: func() (x item, err error) {
		if len(rest) == 0 {
			return x, io.EOF
		}
		x, rest = rest[0], rest[1:]
		return x, nil
	}})
	for i := len(all) - 1; i >= 0; i-- {
		if err := all[i].advance(); err == io.EOF {
			all = slices.Delete(all, i, i+1)
		} else if err != nil {
			return err
		}
	}
	heap.Init(&all)
	for len(all) > 0 {
		if err := give(all[0].head); err != nil {
			return err
		}
		switch err := all[0].advance(); err {
		case nil:
			heap.Fix(&all, 0)
		case io.EOF:
			heap.Pop(&all)
		default:
			return err
		}
	}
	return nil
}

func readItem(in *bufio.Reader) (x item, err error) {
	var head [20]byte
	if _, err = io.ReadFull(in, head[:]); err != nil {
		return x, err
	}
	x.start = int64(binary.LittleEndian.Uint64(head[:]))
	x.file, x.number = binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[12:])
	x.data = make([]byte, binary.LittleEndian.Uint32(head[16:]))
	_, err = io.ReadFull(in, x.data)
	return x, err
}

// close removes the temporary file.
func (s *sorter) close() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}

// source is one sorted run.
type source struct {
	next func() (item, error)
	head item
}

func (s *source) advance() (err error) {
	s.head, err = s.next()
	return err
}

// sources is a heap by the first item of each.
type sources []*source

func (s sources) Len() int           { return len(s) }
func (s sources) Less(i, j int) bool { return s[i].head.compare(s[j].head) < 0 }
func (s sources) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *sources) Push(x any)        { *s = append(*s, x.(*source)) }
func (s *sources) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
