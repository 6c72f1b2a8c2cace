package cli

import (
	"flag"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rung-oci/rung/tests/harness"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// grid is what a terminal shows after some output, of which it knows as much as top uses.
type grid struct {
	rows          [][]rune
	width         int
	line, column  int
	shown         bool // the alternate screen
	cursor, wraps bool
	long          bool // a line was longer than the terminal is wide
}

func newGrid(width, height int) *grid {
	g := &grid{rows: make([][]rune, height), width: width, cursor: true, wraps: true}
	for i := range g.rows {
		g.clear(i, 0)
	}
	return g
}

func (g *grid) clear(line, from int) {
	if from == 0 {
		g.rows[line] = []rune(strings.Repeat(" ", g.width))
		return
	}
	copy(g.rows[line][from:], []rune(strings.Repeat(" ", g.width-from)))
}

var sequence = regexp.MustCompile(`^\x1b\[([?0-9;]*)([A-Za-z])`)

// feed takes output. What top doesn't send is an error.
func (g *grid) feed(t *testing.T, out string) {
	t.Helper()
	for len(out) > 0 {
		if m := sequence.FindStringSubmatch(out); m != nil {
			g.control(t, m[1]+m[2])
			out = out[len(m[0]):]
			continue
		}
		r, n := utf8.DecodeRuneInString(out)
		out = out[n:]
		switch {
		case r == '\r':
			g.column = 0
		case r == '\n':
			g.line = min(g.line+1, len(g.rows)-1)
		case r < ' ':
			t.Fatalf("control character %q", r)
		default:
			g.rows[g.line][min(g.column, g.width-1)] = r
			g.column++
			g.long = g.long || g.column > g.width
		}
	}
}

func (g *grid) control(t *testing.T, code string) {
	t.Helper()
	switch code {
	case "H":
		g.line, g.column = 0, 0
	case "2K":
		g.clear(g.line, 0)
	case "J":
		g.clear(g.line, g.column)
		for i := g.line + 1; i < len(g.rows); i++ {
			g.clear(i, 0)
		}
	case "7m", "0m":
	case "?1049h", "?1049l":
		g.shown = code == "?1049h"
	case "?25l", "?25h":
		g.cursor = code == "?25h"
	case "?7l", "?7h":
		g.wraps = code == "?7h"
	default:
		t.Fatalf("unknown sequence %q", code)
	}
}

func (g *grid) String() string {
	var b strings.Builder
	for _, r := range g.rows {
		b.WriteString(strings.TrimRight(string(r), " ") + "\n")
	}
	return b.String()
}

var (
	sparks  = regexp.MustCompile(`[▁▂▃▄▅▆▇█]+`)
	clock   = regexp.MustCompile(`^[0-9]{2}:[0-9]{2}:[0-9]{2}$`)
	highest = regexp.MustCompile(`, (highest|all tasks) [0-9.]+[KMG]?`)
)

// steady is a screen without what differs from time to time, and from view to view: each number is an N, and so is the dash where there is none.
func steady(screen string, b *harness.Bundle) string {
	screen = strings.ReplaceAll(strings.ReplaceAll(screen, b.Root, "ROOT"), b.ID, "ID")
	if len(b.ID) > 20 {
		screen = strings.ReplaceAll(screen, b.ID[:19]+"~", "ID")
	}
	screen = highest.ReplaceAllString(sparks.ReplaceAllString(screen, ""), "")
	var out strings.Builder
	for line := range strings.Lines(screen) {
		words := strings.Fields(line)
		for i, w := range words {
			bare := strings.TrimRight(w, ",;%")
			_, err := strconv.ParseFloat(strings.TrimRight(bare, "KMG"), 64)
			if err == nil || bare == "-" || clock.MatchString(bare) {
				words[i] = "N" + w[len(bare):]
			}
		}
		out.WriteString(strings.Join(words, " ") + "\n")
	}
	return out.String()
}

// golden compares a screen with testdata/NAME.screen.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name + ".screen"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != got {
		t.Errorf("%s isn't as it was (-update writes it anew), %v:\n%s", file, err, got)
	}
}
