package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// What of a state can be seen from outside.
type seen struct {
	Named, Intent, Record, Poststop, Cgroup bool
	Proc                                    Phase
}

func (s *State) seen() seen {
	x := seen{Named: s.Named != 0, Cgroup: s.Cgroup}
	if x.Named {
		d := &s.Dirs[s.Named-1]
		x.Intent, x.Record, x.Poststop = d.Intent, d.Record, d.Poststop
		if x.Proc = d.Proc; x.Proc == Ended {
			x.Proc = None
		}
	}
	return x
}

// look sees what there is of a container.
func look(t *testing.T, b *harness.Bundle) (x seen) {
	t.Helper()
	has := func(path string) bool {
		_, err := os.Lstat(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return err == nil
	}
	entry := b.Root + "/" + b.ID
	x = seen{Named: has(entry), Intent: has(entry + "/intent.json"), Record: has(entry + "/state.json"), Poststop: has(entry + "/poststop")}
	x.Cgroup = slices.ContainsFunc(harness.CgroupDirs(b.Spec.Linux.CgroupsPath), has)
	if !x.Record {
		return x
	}
	switch s := b.State(t); s.Status {
	case specs.StateCreated:
		x.Proc = Waiting
	case specs.StateRunning:
		x.Proc = Running
	case specs.StateStopped:
	default:
		t.Fatalf("the container is %s", s.Status)
	}
	return x
}

// A cut is where the runtime is killed: at one of its fault points, which is before a step.
type cut struct {
	verb  Verb
	point string // "": it isn't killed
	step  Step
}

// A story is how a state comes to be.
type story []cut

func (s story) String() string {
	var words []string
	for _, c := range s {
		if words = append(words, c.verb.String()); c.point != "" {
			words = append(words, "killed at", c.point)
		}
	}
	return strings.Join(words, " ")
}

// stories are those that end with each of the points, and the whole verbs.
func stories(hooks bool) (list []story) {
	created, started := story{{verb: Create}}, story{{verb: Create}, {verb: Start}}
	killed := append(slices.Clone(started), cut{verb: Kill})
	list = []story{{}, created, started, killed, append(slices.Clone(created), cut{verb: Kill})}
	for _, c := range []cut{
		{Create, "create:made", OpenMade},
		{Create, "create:claimed", LookEmpty},
		{Create, "create:intent", MakeCgroup},
		{Create, "create:cgroup", Clone},
		{Create, "create:ready", WriteRecord},
		{Create, "create:recorded", LetGo},
		{Create, "create:done", Close},
	} {
		list = append(list, story{c})
	}
	list = append(list, append(slices.Clone(created), cut{Start, "start:opened", Close}), append(slices.Clone(created), cut{Start, "start:running", Close}))
	for _, before := range []story{created, killed} {
		for _, v := range []Verb{Delete, Force} {
			cuts := []cut{{v, "delete:ended", RemoveCgroup}, {v, "remove:files", RemoveIntent}, {v, "remove:intent", RemoveMark}, {v, "remove:mark", Rmdir}}
			if hooks {
				cuts = append(cuts, cut{v, "delete:cleared", BeginPoststop}, cut{v, "delete:poststop", EndPoststop})
			} else {
				cuts = append(cuts, cut{v, "delete:cleared", RemoveFiles})
			}
			for _, c := range cuts {
				list = append(list, append(slices.Clone(before), c))
			}
		}
	}
	return list
}

// The code's transitions are the model's: what is there after the runtime has been killed at each of its points, and
// what becomes of that by each verb.
func TestCode(t *testing.T) {
	harness.Once(t)
	harness.UseTagged(t, "faultpoints")
	kinds, verbs := []bool{false, true}, []Verb{Create, Start, Kill, Delete, Force}
	if testing.Short() {
		kinds, verbs = []bool{true}, []Verb{Create, Force}
	}
	for _, hooks := range kinds {
		t.Run(fmt.Sprintf("hooks %t", hooks), func(t *testing.T) {
			b := harness.New(t, harness.Args("/bin/sleep", "600"), harness.DropMount("/dev/mqueue"))
			if hooks {
				b.Spec.Hooks = &specs.Hooks{Poststop: []specs.Hook{{Path: "/bin/true"}}}
			}
			b.Spec.Linux.CgroupsPath = "/" + b.ID
			b.Save(t)
			m := Machine{Hooks: hooks, Callers: 1}
			n := 0
			for _, s := range stories(hooks) {
				for _, v := range verbs {
					compare(t, b, m, s, v)
					n++
				}
			}
			t.Logf("%d transitions", n)
		})
	}
}

// compare tells a story, and then does what verb says, with the model and with the code.
func compare(t *testing.T, b *harness.Bundle, m Machine, s story, v Verb) {
	t.Helper()
	var model State
	for _, c := range s {
		var at []Step
		if c.point != "" {
			at = []Step{c.step}
		}
		model, _ = m.Alone(model, c.verb, at...)
		r := call(t, b, c.verb, c.point)
		if want := map[bool]int{true: 137}[c.point != ""]; r.Code != want {
			t.Fatalf("%s: %v, want exit code %d", s, r, want)
		}
		harness.Reap()
		if c.verb == Start {
			b.WaitStatus(t, specs.StateRunning) // the gate is open; the process isn't through yet
		}
	}
	if got, want := look(t, b), model.seen(); got != want {
		t.Errorf("after %q there is %+v, in the model %+v", s, got, want)
	}
	model, failed := m.Alone(model, v)
	r := call(t, b, v, "")
	harness.Reap()
	if got, want := look(t, b), model.seen(); got != want || (r.Code != 0) != failed {
		t.Errorf("%s after %q: there is %+v, in the model %+v; fails there: %t, here: %v", v, s, got, want, failed, r)
	}
	if r := call(t, b, Force, ""); r.Code != 0 {
		t.Fatalf("%s after %q: %v", Force, s, r)
	}
	harness.Reap()
	if got := look(t, b); got != (seen{}) {
		t.Errorf("%s after %s after %q leaves %+v", Force, v, s, got)
	}
}

// call calls the runtime, which may be killed at a point, and waits for the end of what it has killed.
func call(t *testing.T, b *harness.Bundle, v Verb, point string) *harness.Result {
	t.Helper()
	pid := 0
	if v == Kill {
		var st specs.State
		if r := b.Run(t, "state", b.ID); r.Code == 0 {
			if err := json.Unmarshal([]byte(r.Stdout), &st); err != nil {
				t.Fatal(err)
			}
		}
		pid = st.Pid
	}
	verb := map[Verb][]string{Create: {"create", "--bundle", b.Dir}, Start: {"start"}, Kill: {"kill"}, Delete: {"delete"}, Force: {"delete", "--force"}}[v]
	args := append(append([]string{"--root", b.Root}, verb...), b.ID)
	if v == Kill {
		args = append(args, "KILL")
	}
	c := &harness.Cmd{Args: args}
	if point != "" {
		c.Env = []string{"RUNG_FAULT=" + point}
	}
	r := c.Run(t)
	if pid > 0 && r.Code == 0 {
		harness.Wait(t, pid)
	}
	return r
}
