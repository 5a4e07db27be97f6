package recorded

import "context"

// Read reads files and folders, and gives what concerns the operations of model.Ops in the order of Start, with the gaps
// between them: each in the order of From, those without times first. Its own errors are of ErrInput, or the context's.
func Read(ctx context.Context, paths []string, o Options, give func(Exchange) error, gap func(Gap) error) (Summary, error) {
	return Summary{}, ErrInput
}

// Sniff tells the format of a file by its content; it is empty where that is none of this package.
func Sniff(path string) (format string, err error) { return "", ErrInput }
