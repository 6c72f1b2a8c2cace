package cli

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWrapHelp(t *testing.T) {
	const in = `USAGE:
   rung x [options] <container-id> <command> [arguments...]

DESCRIPTION:
   One short line.

   A paragraph with a line that is longer than all
   that there is, and another.

   EXAMPLE:
      # an example that is longer than the lines of the rest are

OPTIONS:
   --short     a text that goes on until it is too long for a line
   --help, -h  show help
   --a-name-that-leaves-no-room, -a  some text for it
`
	const want = `USAGE:
   rung x [options] <container-id>
   <command> [arguments...]

DESCRIPTION:
   One short line.

   A paragraph with a line that is
   longer than all that there is, and
   another.

   EXAMPLE:
      # an example that is longer than the lines of the rest are

OPTIONS:
   --short     a text that goes on until
               it is too long for a line
   --help, -h  show help
   --a-name-that-leaves-no-room, -a
        some text for it
`
	if got := wrapHelp(in, 40); got != want {
		t.Errorf("wrapHelp() =\n%s\nwant\n%s", got, want)
	}
	if got := wrapHelp(in, 200); got != in {
		t.Errorf("wrapHelp() of a wide terminal =\n%s", got)
	}
}

// No help has a line that is too long, but for examples and single words.
func TestHelpWidth(t *testing.T) {
	helps := [][]string{{"--help"}, {"seccomp", "explain", "--help"}, {"seccomp", "compile", "--help"}}
	for i := range commands {
		if !commands[i].raw {
			helps = append(helps, []string{commands[i].name, "--help"})
		}
	}
	for _, args := range helps {
		_, stdout, _ := call(t, args...)
		for line := range strings.Lines(stdout) {
			line = strings.TrimSuffix(line, "\n")
			if utf8.RuneCountInString(line) > plainWidth && !strings.Contains(line, "      # ") {
				t.Errorf("rung %v: %d columns: %s", args, utf8.RuneCountInString(line), line)
			}
		}
	}
}
