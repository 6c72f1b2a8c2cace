package cli

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	urfave "github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"
)

// The widths of help: of what isn't a terminal, and the least that is made use of.
const (
	plainWidth = 80
	leastWidth = 40
)

// printHelp prints a help that fits into the terminal. It is urfave/cli's, whose lists
// of options have a line for each, however long, and which doesn't ask a terminal.
func (a *app) printHelp(w io.Writer, template string, data any) {
	var b bytes.Buffer
	urfave.DefaultPrintHelp(&b, template, data)
	_, a.unwritten = io.WriteString(w, wrapHelp(b.String(), width(w)))
}

// width is how many columns there are.
func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
			return max(int(size.Col), leastWidth)
		}
	}
	return plainWidth
}

// wrapHelp breaks what is longer than width: paragraphs, and the lines of lists, which
// are "   name  text". The rest of a text goes below its beginning; or, where that is too
// far on the right, all of it below the name. Examples stay as they are.
func wrapHelp(text string, width int) string {
	var b strings.Builder
	var paragraph []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		at := column(line)
		if at == 0 && strings.HasPrefix(line, margin) && line[len(margin)] != ' ' {
			paragraph = append(paragraph, line)
			continue
		}
		b.WriteString(wrapParagraph(paragraph, width))
		paragraph = paragraph[:0]
		if at == 0 {
			b.WriteString(line + "\n")
		} else {
			b.WriteString(wrapItem(line, at, width))
		}
	}
	b.WriteString(wrapParagraph(paragraph, width))
	return b.String()
}

// margin is before all that stands below a heading.
const margin = "   "

func wrapParagraph(lines []string, width int) string {
	if slices.ContainsFunc(lines, func(l string) bool { return utf8.RuneCountInString(l) > width }) {
		return fill(margin, strings.Fields(strings.Join(lines, " ")), len(margin), width)
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	return b.String()
}

// wrapItem wraps a line of a list whose text is at a column.
func wrapItem(line string, at, width int) string {
	words := strings.Fields(line[at:])
	switch {
	case at > width/2:
		const below = 8
		return strings.TrimRight(line[:at], " ") + "\n" + fill(strings.Repeat(" ", below), words, below, width)
	case utf8.RuneCountInString(line) > width:
		return fill(line[:at], words, at, width)
	}
	return line + "\n"
}

// column is where the text of a list's line begins, 0 if it isn't one.
func column(line string) int {
	rest, ok := strings.CutPrefix(line, margin)
	if !ok || rest == "" || rest[0] == ' ' {
		return 0
	}
	gap := strings.Index(rest, "  ")
	if gap < 0 {
		return 0
	}
	return len(line) - len(strings.TrimLeft(rest[gap:], " "))
}

// fill writes words behind first, in lines of at most width columns where they fit.
func fill(first string, words []string, indent, width int) string {
	var b strings.Builder
	b.WriteString(first)
	at, fresh := utf8.RuneCountInString(first), true
	for _, word := range words {
		n := utf8.RuneCountInString(word)
		switch {
		case fresh:
		case at+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at, fresh = at+n, false
	}
	b.WriteByte('\n')
	return b.String()
}
