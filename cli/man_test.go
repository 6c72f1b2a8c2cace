package cli

import (
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	urfave "github.com/urfave/cli/v3"
)

var rewrite = flag.Bool("update", false, "write the manual pages anew: make man")

const manDir = "../docs/man"

// TestMan holds the manual pages against what --help says, of which they are made, and against mandoc's linter.
func TestMan(t *testing.T) {
	version, err := os.ReadFile("../VERSION")
	if err != nil {
		t.Fatal(err)
	}
	pages := manPages(strings.TrimSpace(string(version)))
	for name, text := range pages {
		file := filepath.Join(manDir, name)
		have, err := os.ReadFile(file)
		if err == nil && undated(string(have)) == undated(text) {
			continue
		}
		if !*rewrite {
			t.Errorf("%s isn't what --help says: make man", file)
			continue
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(manDir + "/*.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if pages[filepath.Base(file)] == "" {
			t.Errorf("%s is of no command", file)
		}
	}
	lint, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("no mandoc: the pages aren't linted")
	}
	out, err := exec.Command(lint, append([]string{"-T", "lint", "-W", "style"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}

var dated = regexp.MustCompile(`(?m)^(\.TH \S+ 1) \S+`)

// undated is a page without its date, which is that of its last change.
func undated(page string) string { return dated.ReplaceAllString(page, "$1") }

// manPages are the manual pages of rung and of all commands, by their files' names.
func manPages(version string) map[string]string {
	a := &app{built: func() (string, string) { return version, "" }, stdout: io.Discard, stderr: io.Discard}
	root := a.root([]string{"rung"})
	pages := map[string]string{}
	var see []string
	for i := range commands {
		if d := &commands[i]; !d.hidden {
			c := d.make(a)
			pages["rung-"+d.name+".1"] = manPage(version, "rung-"+d.name, "rung "+d.name, c, []string{"rung(1)"})
			see = append(see, "rung-"+d.name+"(1)")
		}
	}
	pages["rung.1"] = manPage(version, "rung", "rung", root, see)
	return pages
}

// manPage is a page in man(7).
func manPage(version, name, called string, c *urfave.Command, see []string) string {
	var b strings.Builder
	line := func(s ...string) { b.WriteString(strings.Join(s, " ") + "\n") }
	line(".TH", strings.ToUpper(roff(name)), "1", time.Now().UTC().Format(time.DateOnly), `"rung `+roff(version)+`"`, `"rung"`)
	line(".SH NAME")
	line(roff(name), `\-`, roff(c.Usage))
	line(".SH SYNOPSIS")
	line(".B " + roff(called))
	switch {
	case c.UsageText != "":
		line(roff(strings.TrimPrefix(c.UsageText, "rung ")))
	default:
		line(broken(strings.TrimSpace("[options] " + c.ArgsUsage)))
	}
	text, example, _ := strings.Cut(c.Description, "EXAMPLE:\n")
	line(".SH DESCRIPTION")
	b.WriteString(manText(text))
	manCommands(&b, c)
	manFlags(&b, c)
	if example != "" {
		line(".SH EXAMPLES")
		b.WriteString(manExample(example))
	}
	line(".SH SEE ALSO")
	for i, s := range see {
		page, _ := strings.CutSuffix(s, "(1)")
		comma := ","
		if i == len(see)-1 {
			comma = ""
		}
		line(".BR", roff(page), "(1)"+comma)
	}
	return b.String()
}

// manExample is what is typed.
func manExample(text string) string {
	var b strings.Builder
	b.WriteString(".nf\n")
	for l := range strings.Lines(text) {
		b.WriteString(roff(strings.TrimPrefix(strings.TrimSuffix(l, "\n"), "   ")) + "\n")
	}
	return b.String() + ".fi\n"
}

// manText is a text of paragraphs; lines that are indented stay as they are.
func manText(text string) string {
	var b strings.Builder
	as := false
	for l := range strings.Lines(strings.TrimSpace(text)) {
		l = strings.TrimSuffix(l, "\n")
		indented := strings.HasPrefix(l, " ")
		if indented != as {
			b.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[indented])
			as = indented
		}
		if l == "" {
			l = ".PP"
		} else {
			l = broken(l)
		}
		b.WriteString(l + "\n")
	}
	if as {
		b.WriteString(".fi\n")
	}
	return b.String()
}

func manCommands(b *strings.Builder, c *urfave.Command) {
	first := true
	for _, sub := range c.Commands {
		if sub.Hidden || sub.Name == "help" && c.Name != "rung" {
			continue
		}
		if first {
			b.WriteString(".SH COMMANDS\n")
			first = false
		}
		b.WriteString(".TP\n.B " + roff(sub.Name) + "\n" + broken(sub.Usage) + "\n")
		text, example, _ := strings.Cut(sub.Description, "EXAMPLE:\n")
		if text != "" {
			b.WriteString(".IP\n" + strings.ReplaceAll(manText(text), ".PP\n", ".IP\n"))
		}
		if example != "" {
			b.WriteString(".IP\n" + manExample(example))
		}
		if len(sub.Flags) == 0 {
			continue
		}
		b.WriteString(".RS\n")
		for _, f := range sub.Flags {
			manFlag(b, f)
		}
		b.WriteString(".RE\n")
	}
}

func manFlags(b *strings.Builder, c *urfave.Command) {
	b.WriteString(".SH OPTIONS\n")
	for _, f := range c.Flags {
		manFlag(b, f)
	}
	b.WriteString(".TP\n\\fB\\-\\-help\\fR, \\fB\\-h\\fR\nshow help\n")
	if c.Name == "rung" {
		b.WriteString(".TP\n\\fB\\-\\-version\\fR, \\fB\\-v\\fR\nprint the version\n")
	}
}

func manFlag(b *strings.Builder, f urfave.Flag) {
	if v, ok := f.(urfave.VisibleFlag); ok && !v.IsVisible() {
		return
	}
	d, ok := f.(urfave.DocGenerationFlag)
	if !ok {
		return
	}
	value, usage := unquoted(d.GetUsage())
	var names []string
	for _, n := range f.Names() {
		dashes := "--"
		if len(n) == 1 {
			dashes = "-"
		}
		names = append(names, `\fB`+roff(dashes+n)+`\fR`)
	}
	head := strings.Join(names, ", ")
	if d.TakesValue() {
		if value == "" {
			value = "value"
		}
		head += ` \fI` + roff(value) + `\fR`
	}
	if text := d.GetDefaultText(); text != "" && d.TakesValue() && text != `""` {
		usage += " (default: " + text + ")"
	}
	b.WriteString(".TP\n" + head + "\n" + broken(usage) + "\n")
}

// unquoted is the usage of an option, and the word in it that is its value.
func unquoted(usage string) (value, text string) {
	before, rest, ok := strings.Cut(usage, "`")
	if !ok {
		return "", usage
	}
	value, after, _ := strings.Cut(rest, "`")
	return value, before + value + after
}

// broken is a text in lines that are short enough for a source. What is indented stays as it is.
func broken(s string) string {
	if strings.HasPrefix(s, " ") {
		return roff(s)
	}
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(s) {
		word = roff(word)
		switch {
		case column == 0:
		case column+1+len(word) > 78:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// roff is a text that troff shows as it is.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`).Replace(s)
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}
