package pages

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/rung-oci/rung/tests/harness"
)

// elsewhere are the commands of pages that this package doesn't run, each with who does, or with the reason why nobody
// does in make test. A key that ends with … is the beginning of one.
var elsewhere = map[string]string{
	"cp …": useIt, "mkdir -p box/rootfs/bin": useIt, "rung spec --bundle box": useIt, "rung run --bundle box mybox": useIt,

	"make test": parts, "make test-unit": parts, "make test-quick": parts,
	"make lint": "by .ci/run, which is CI", "make fresh": "a quarter of an hour; by hand before a release",
	"make build TAGS=libseccomp": "by make test-seccomp, as go vet and go test with the tag", "make test-seccomp": "fetches and compiles libseccomp; by hand when seccomp changes",
	"make test-views":    "15 minutes: make test runs the same tests, many of them in one view",
	"make test-goplayer": "8 minutes: the same tests on another binary, when the player changes", "make test-engines": "an hour; make test has most of its cases (tests/engines)",
	"make test-arm64": machine, "make test-vm": machine, "make test-engines-vm": machine, "make test-vm …": machine, "build/vm …": machine, "nsenter -t 1 -m runuser -l user -c …": machine,
	"make security": rows, "make security …": rows, "make faults": rows,
	"make sweep": "hours; make test has a sample (tests/sweep)", "make soak": "half an hour; make test has a quarter of a minute (tests/soak)",
	"make differ …": random, "cd tests && go test -v ./differ …": random, "make differ-known": "writes a page; TestKnownPage holds it against the tables",
	"make conformance": "needs a checkout of the OCI's suite", "make isolation": "writes a page, beside other runtimes; what it looks at is in make test (tests/isolation)", "make bench": measured, "go run ./bench …": measured, "RUNG_WRITE=1 make bench-smoke": updates, "make bench-smoke": "is a part of make test",
	"go test -v -run DockerLatency ./engines": measured,
	"make dist": "by the workflows test (make dist-twice) and release", "make dist-twice": "by the workflow test", "make dist-check": "by hand before a release",
	"cd tests && go test ./threats -update": updates, "make man": updates, "go generate …": updates, "RUNG_WRITE=1 go …": updates, "go test ./internal/plan …": updates, "go test -run TestAPI …": updates,

	"cd tests && RUNG_VIEW=v2 go test …": oneTest, "cd tests && RUNTIME=/path/to/runc go test …": oneTest, "RUNG_VIEW=v2 go test …": oneTest, "RUNTIME=/usr/sbin/runc go test …": oneTest, "go test -timeout …": oneTest,

	"go install github.com/rung-oci/rung@latest": "asks the internet for a release",
	"apt install ./rung_0.1.0-1_amd64.deb":       "by make dist-check, in a fresh Debian",
}

const (
	useIt    = "TestUseIt"
	parts    = "is what runs this"
	machine  = "a virtual machine; by hand when cgroups, systemd or the player change"
	rows     = "an hour, row by row; each row's test is part of make test"
	random   = "make test has a sample (tests/differ)"
	measured = "a measurement, which a machine with other work can't make"
	updates  = "writes what a test of make test holds against the code"
	oneTest  = "go test, with what the pages say of its variables"
)

// enacted are pages whose consoles a test of tests/engines follows, in a place that looks like a host.
var enacted = []string{"docs/guide/docker.md", "docs/guide/containerd.md", "docs/guide/podman.md", "docs/kubernetes.md"}

// quick are the commands of make and go that are run here.
var quick = []string{"make help", "make run", "make build run", "make install", "go doc ./libcontainer"}

// Programs, with the variables before them. In a sentence others than these are names of something and not typed.
var (
	program = regexp.MustCompile(`^(?:[A-Z_]+=\S+ )*(?:rung|make|go|cd tests &&|build/vm|strace|tests/\S+\.sh|nsenter) +\S`)
	comment = regexp.MustCompile(`\s{2,}#.*$`)
)

// answers are the commands whose exit code 1 is an answer: this host lacks something.
var answers = regexp.MustCompile(`^rung (doctor|checkpoint --check)\b`)

// typed are the commands of a page: lines of its blocks, and what has arguments in its sentences.
func (p page) typed() (list []string) {
	add := func(command string) {
		command = comment.ReplaceAllString(strings.TrimSpace(command), "")
		if command != "" && !slices.Contains(list, command) {
			list = append(list, command)
		}
	}
	for _, m := range fence.FindAllStringSubmatch(p.text, -1) {
		for line := range strings.Lines(m[2]) {
			command, console := strings.CutPrefix(line, "# ")
			if m[1] == "sh" || m[1] == "console" && console {
				add(command)
			}
		}
	}
	for line := range strings.Lines(p.prose()) {
		if command, ok := strings.CutPrefix(line, "    "); ok && program.MatchString(command) {
			add(command)
		}
	}
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(p.prose(), -1) {
		words := strings.Fields(m[1])
		if !program.MatchString(m[1]) || words[0] == "rung" && !hasArguments(words) || words[0] == "go" && bare(words[2:]) {
			continue // rung's commands and options by their names: TestCommands
		}
		add(m[1])
	}
	return list
}

// hasArguments tells whether a command of rung's has more than commands and options: else a page speaks of it.
func hasArguments(words []string) bool {
	switch {
	case !slices.Contains(commands(), words[1]):
		return false
	case slices.Contains(parents, words[1]):
		return len(words) > 3
	}
	return !bare(words[2:])
}

// bare tells whether words are options alone.
func bare(words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.HasPrefix(w, "-") })
}

// Every command of the pages is run by a test, or is in the table of those that aren't.
func TestTyped(t *testing.T) {
	harness.Once(t)
	harness.NeedRung(t, "the pages are rung's")
	met := map[string]bool{}
	run := map[string]bool{}
	for _, p := range all(t) {
		name := strings.TrimPrefix(p.name, top+"/")
		if name == "CHANGELOG.md" || strings.HasPrefix(name, "docs/adr/") {
			continue // of their day
		}
		for _, command := range p.typed() {
			if key := entry(command); key != "" {
				met[key] = true
				continue
			}
			if slices.Contains(enacted, name) && strings.Contains(p.text, "\n# "+command+"\n") || run[command] {
				continue
			}
			run[command] = true
			t.Run(command, func(t *testing.T) { enact(t, name, command) })
		}
	}
	for key := range elsewhere {
		if !met[key] {
			t.Errorf("no page has %q any more", key)
		}
	}
	guides := read(t, "../engines/guide_test.go")
	for _, name := range enacted {
		if !strings.Contains(guides, `page: "`+strings.TrimPrefix(name, "docs/")+`"`) {
			t.Errorf("tests/engines doesn't follow %s", name)
		}
	}
	if len(run) < 15 {
		t.Errorf("only %d commands run", len(run))
	}
}

// entry is the key of a command in the table, the longest one if several are.
func entry(command string) (found string) {
	for _, key := range slices.Sorted(maps.Keys(elsewhere)) {
		begin, part := strings.CutSuffix(key, "…")
		if (command == key || part && strings.HasPrefix(command, begin)) && len(key) > len(found) {
			found = key
		}
	}
	return found
}

// enact types a command, in a directory with what pages have in capitals: a bundle, a container that runs, a timeline,
// an image. make and go are typed in the project's.
func enact(t *testing.T, page, command string) {
	b := harness.New(t, harness.Args("/bin/sleep", "1000"))
	dir := harness.TempDir(t)
	work := dir
	line := command
	switch word, _, _ := strings.Cut(command, " "); word {
	case "rung":
		if strings.Contains(command, "ID") {
			b.Create(t)
			b.Must(t, "start")
		}
		line = "trap 'rung delete --force " + b.ID + "' EXIT; " + fill(t, b, dir, command)
	case "make", "go":
		if !slices.Contains(quick, command) {
			t.Fatalf("%s: nobody runs %q: it is in neither table", page, command)
		}
		work = top
		line = strings.Replace(command, "make install", "make install DESTDIR="+dir, 1)
	default:
		t.Fatalf("%s: nobody runs %q: run it here, or say in the table why not", page, command)
	}
	script := "#!/bin/sh\nexec " + harness.Runtime() + " --root " + b.Root + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "rung"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.CommandContext(t.Context(), "timeout", "-k", "5", "120", "sh", "-euc", line)
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "MAKEFLAGS=")
	cmd.Stdout, cmd.Stderr = out, out // a container keeps it
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	b.ReapAll(t) // what the shell has left to us
	text := read(t, out.Name())
	if answers.MatchString(command) && cmd.ProcessState.ExitCode() == 1 && !strings.Contains(text, "level=error") {
		return
	}
	if err != nil {
		t.Errorf("%s: %s: %v\n%s", page, line, err, text)
	}
}

// fill puts something in the place of what a page has in capitals or brackets.
func fill(t *testing.T, b *harness.Bundle, dir, command string) string {
	t.Helper()
	if strings.Contains(command, "LAYOUT") {
		files, err := txtar.ParseFile("../cli/testdata/image.txtar")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files.Files {
			if f.Name == "layout.sh" {
				err = os.WriteFile(dir+"/layout.sh", f.Data, 0o600)
			}
		}
		image := `{"os": "linux", "config": {"Cmd": ["sh"]}}`
		if err := errors.Join(err, os.WriteFile(dir+"/image.json", []byte(image), 0o600)); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("sh", "-c", "cd "+dir+" && sh layout.sh layout image.json web").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	line := strings.NewReplacer("[BUNDLE]", b.Dir, "BUNDLE", b.Dir, "[ID…]", b.ID, "ID…", b.ID, "ID", b.ID, "DIR", b.Rootfs, "CMD", "/bin/true",
		"LAYOUT[:NAME]", "layout:web", "NAMES", "readonly,no-network", "--bundle box mybox", "--bundle "+b.Dir+" "+b.ID, "FILE", "trace.json").Replace(command)
	switch {
	case strings.HasPrefix(command, "rung wait "):
		return "rung kill " + b.ID + " KILL; " + line
	case strings.HasPrefix(command, "rung trace "):
		return "rung --root " + b.Root + " run --bundle " + b.Dir + " --detach --trace trace.json " + b.ID + " && rung delete --force " + b.ID + " && " + line
	case strings.HasPrefix(command, "rung seccomp "):
		return "rung spec --bundle . --preset seccomp && " + strings.ReplaceAll(line, b.Dir, ".")
	case strings.HasPrefix(command, "rung spec "):
		return line + " && rung validate ."
	}
	return line
}
