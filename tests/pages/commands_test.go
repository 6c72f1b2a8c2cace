package pages

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rung-oci/rung/tests/harness"
)

var (
	called  = regexp.MustCompile(`(?:^|[|;&(] ?)rung((?: [^|;&)>#]*)?)`)
	aTarget = regexp.MustCompile(`(?:^|[;&] *)make ((?:[A-Z_]+=\S+ +)*)([a-z][a-z0-9-]*)`)
	defined = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
)

// Commands of rung's that pages show have the options that they show.
func TestCommands(t *testing.T) {
	harness.NeedRung(t, "the pages are rung's")
	found := 0
	for _, p := range all(t) {
		for _, code := range p.code() {
			for _, m := range called.FindAllStringSubmatch(code, -1) {
				found += checkCommand(t, p.name, m[1])
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d commands found", found)
	}
}

// checkCommand checks what stands behind "rung". It returns 1 if that is a command.
func checkCommand(t *testing.T, page, line string) int {
	t.Helper()
	var command []string
	of := help()
	words := strings.Fields(line)
	for i := 0; i < len(words); i++ {
		word := strings.Trim(words[i], "`'\"[],.…")
		switch {
		case strings.HasPrefix(word, "--") && len(word) > 2:
			name, _, _ := strings.Cut(word, "=")
			m := regexp.MustCompile(`(?m)^ +(?:.*, )?` + name + `([, ]|$)( ?[a-z])?`).FindStringSubmatch(of)
			if m == nil {
				t.Errorf("%s: rung%s: there is no option %s", page, line, name)
				return 1
			}
			if len(command) == 0 && m[1] == " " && len(m[2]) == 1 && !strings.Contains(word, "=") {
				i++ // its value
			}
		case len(command) == 0:
			if !slices.Contains(commands(), word) {
				return 0 // a word of a sentence, or a placeholder
			}
			command = []string{word}
			of = help(word)
		case len(command) == 1 && strings.Contains(of, "\n   "+word+" ") && slices.Contains(parents, command[0]):
			command = append(command, word)
			of = help(command...)
		case word == "--" || command[0] == "exec":
			return 1 // what comes is another program's
		}
	}
	return min(len(command), 1)
}

// parents are the commands that have commands of their own.
var parents = []string{"seccomp", "mounts", "devices"}

var helps sync.Map

// help is the help of a command, with more than one word of a subcommand.
func help(command ...string) string {
	key := strings.Join(command, " ")
	if text, ok := helps.Load(key); ok {
		return text.(string)
	}
	out, _ := exec.Command(harness.Runtime(), append(strings.Fields(key), "--help")...).Output()
	helps.Store(key, string(out))
	return string(out)
}

// commands are those of rung's help.
var commands = sync.OnceValue(func() (names []string) {
	_, list, _ := strings.Cut(help(""), "COMMANDS:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(line, "   ") && !strings.HasPrefix(line, "     ") {
			names = append(names, strings.TrimSuffix(f[0], ","))
		}
	}
	return names
})

// Targets that pages name are in the Makefile.
func TestTargets(t *testing.T) {
	makefile := page{name: top + "/Makefile"}
	makefile.text = read(t, makefile.name)
	var targets []string
	for _, m := range defined.FindAllStringSubmatch(makefile.text, -1) {
		targets = append(targets, m[1])
	}
	for _, p := range all(t) {
		for _, code := range p.code() {
			if m := aTarget.FindStringSubmatch(code); m != nil && !slices.Contains(targets, m[2]) {
				t.Errorf("%s: %s: there is no such target", p.name, code)
			}
		}
	}
}
