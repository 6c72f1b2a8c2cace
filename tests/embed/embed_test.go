// Package embed tests libcontainer in a program that isn't rung.
package embed

import (
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// report is what the program prints.
type report struct {
	Runs, Execs, Commands                    int
	Errors                                   []string
	Inheritable, Dumpable, Subreaper, Caught bool
	Zombies                                  int
}

// A program that has pollers, garbage and children of its own makes 16 containers at
// once, and runs 16 processes at once in one: all that is its own stays so, and the
// Go runtime survives, however often it collects garbage.
func TestProgram(t *testing.T) {
	harness.NeedRung(t, "its package")
	program := harness.Program(t, "program")
	for _, gogc := range []string{"", "1"} {
		for name, edit := range map[string]harness.Edit{"host root": func(*specs.Spec) {}, "user namespace": harness.MappedRoot} {
			t.Run(name+" GOGC="+gogc, func(t *testing.T) {
				harness.Share(t)
				ends := harness.New(t, harness.Shell("exit 7"), edit, ownCgroup)
				stays := harness.New(t, harness.Args("/bin/sleep", "600"), edit, ownCgroup)
				// Of a container with such hooks another process of ours is the maker.
				hooked := harness.New(t, harness.Shell("exit 7"), edit, ownCgroup, func(s *specs.Spec) {
					s.Hooks = &specs.Hooks{CreateContainer: []specs.Hook{{Path: "/bin/true"}}, StartContainer: []specs.Hook{{Path: "/bin/true"}}}
				})
				for _, b := range []*harness.Bundle{ends, stays, hooked} {
					b.Chown(t)
				}
				if err := os.MkdirAll(ends.Root, 0o700); err != nil {
					t.Fatal(err)
				}
				times := 12
				if testing.Short() {
					times = 2
				}
				const at = 16
				c := exec.CommandContext(t.Context(), program, ends.Root, ends.Dir+","+hooked.Dir, stays.Dir, strconv.Itoa(at), strconv.Itoa(times), ends.ID)
				c.Env = append(os.Environ(), "GOGC="+gogc, "GOTRACEBACK=all")
				if gogc == "" {
					c.Env = os.Environ()
				}
				c.WaitDelay = 5 * time.Second
				judge(t, c, at*times)
			})
		}
	}
}

// ownCgroup gives each container that is made of a bundle a cgroup of its own.
func ownCgroup(s *specs.Spec) { s.Linux.CgroupsPath = "" }

func judge(t *testing.T, c *exec.Cmd, each int) {
	t.Helper()
	timer := time.AfterFunc(5*time.Minute, func() { c.Process.Kill() })
	defer timer.Stop()
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	errors, err := os.CreateTemp(t.TempDir(), "err")
	if err != nil {
		t.Fatal(err)
	}
	defer errors.Close()
	c.Stdout, c.Stderr = out, errors
	err = c.Run()
	text, _ := os.ReadFile(out.Name())
	words, _ := os.ReadFile(errors.Name())
	if len(words) > 2000 {
		words = words[:2000]
	}
	var r report
	if err != nil || json.Unmarshal(text, &r) != nil {
		t.Fatalf("the program: %v\n%s%s", err, text, words)
	}
	t.Logf("%d runs, %d execs, %d commands of its own", r.Runs, r.Execs, r.Commands)
	for _, e := range r.Errors {
		t.Error(e)
	}
	if r.Runs != each || r.Execs != each || r.Commands < 20 {
		t.Errorf("%d runs and %d execs, want %d each, and 20 commands of its own or more, not %d", r.Runs, r.Execs, each, r.Commands)
	}
	if !r.Inheritable || !r.Dumpable || r.Subreaper || !r.Caught || r.Zombies > 0 {
		t.Errorf("the program's own settings have changed: %+v", r)
	}
}
