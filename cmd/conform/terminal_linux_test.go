package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onTerminal runs the command with a real terminal of that width as its standard output.
func onTerminal(t *testing.T, width int, environ []string, args ...string) result {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("there are no pseudo-terminals: ", err)
	}
	require.NoError(t, err)
	defer master.Close()
	control := func(request uintptr, argument unsafe.Pointer) {
		_, _, failure := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(argument))
		require.Zero(t, failure)
	}
	var unlocked, number int32
	control(syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	control(syscall.TIOCGPTN, unsafe.Pointer(&number))
	size := [4]uint16{24, uint16(width)}
	control(syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)

	var shown bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		shown.ReadFrom(master) // ends with an error once the terminal is closed
	}()
	t.Chdir(t.TempDir())
	var stderr bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), terminal, &stderr, environ)
	require.NoError(t, terminal.Close())
	<-read
	return result{code, strings.ReplaceAll(shown.String(), "\r\n", "\n"), stderr.String()}
}

func TestWholeRunsOnATerminal(t *testing.T) {
	args := repeatable("--suite", "systematic", "--requests", "3000")
	for _, width := range []int{60, 80, 120} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			got := onTerminal(t, width, []string{"NO_COLOR=1"}, append(args, "--endpoint", lacking(t))...)
			assert.NotContains(t, got.stdout, "\x1b")
			snapshot(t, fmt.Sprintf("diverging-emulator-%d", width), got)
		})
	}
	t.Run("color", func(t *testing.T) {
		got := onTerminal(t, 80, nil, append(args, "--fault", "appends-selectors")...)
		assert.Contains(t, got.stdout, "\x1b[31m")
		snapshot(t, "diverging-color", got)
	})
	for _, width := range []int{80, 120} {
		t.Run(fmt.Sprint("conforming ", width), func(t *testing.T) {
			got := onTerminal(t, width, nil, repeatable("--requests", "30000")...)
			assert.LessOrEqual(t, screenLines(got.stdout, width), 24)
			snapshot(t, fmt.Sprintf("conforming-%d", width), got)
		})
	}
}

// screenLines is how many lines of a screen a text takes; what is too long goes on in the next one.
func screenLines(text string, width int) int {
	lines := 0
	for line := range strings.Lines(steadyColors.Replace(text)) {
		lines += max(1, (len([]rune(strings.TrimSuffix(line, "\n")))+width-1)/width)
	}
	return lines
}

var steadyColors = strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[2m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "")

func TestColors(t *testing.T) {
	args := repeatable("--suite", "systematic", "--requests", "400")
	colored := func(got result) bool { return strings.Contains(got.stdout, "\x1b[") }
	for _, test := range []struct {
		environ []string
		on, off bool // whether there is colour on a terminal, and elsewhere
	}{
		{nil, true, false},
		{[]string{"NO_COLOR=1"}, false, false},
		{[]string{"NO_COLOR="}, true, false},
		{[]string{"TERM=dumb"}, false, false},
		{[]string{"CLICOLOR_FORCE=1"}, true, true},
		{[]string{"CLICOLOR_FORCE=0"}, true, false},
		{[]string{"CLICOLOR_FORCE=1", "NO_COLOR=1"}, false, false},
	} {
		assert.Equal(t, test.on, colored(onTerminal(t, 80, test.environ, args...)), test.environ)
		assert.Equal(t, test.off, colored(wholeRun(t, t.Context(), test.environ, args...)), test.environ)
	}
}
