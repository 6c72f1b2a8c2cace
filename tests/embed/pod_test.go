package embed

import (
	"fmt"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// The kernel lets the init of a pid namespace end only when all others in it are reaped. Those of other containers in it are this program's
// children: they are reaped as they end, so that their containers are nobody's obstacle, and how they have ended is known all the same.
func TestPod(t *testing.T) {
	harness.Once(t)
	for name, tt := range map[string]struct {
		script string
		join   func(t *testing.T, r *libcontainer.Runtime, o *libcontainer.CreateOptions) error
		end    func(t *testing.T, pod *libcontainer.Container)
		want   libcontainer.ExitStatus
	}{
		"they end, then the first": {"exit 3", start(false), killAndWait, 3},
		"the first is killed":      {"exec sleep 100", start(false), killAndWait, 128 + 9},
		"the first is deleted":     {"exec sleep 100", start(false), deleteIt, 128 + 9},
		"they never started":       {"exit 3", nil, killAndWait, 128 + 9},
		"they are detached":        {"exec sleep 100", start(true), deleteIt, 128 + 9},
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, harness.Args("/bin/sleep", "100"), ownCgroup)
			r := runtimeOf(t, b)
			before := count()
			pod := running(t, b)
			s, err := pod.State()
			if err != nil {
				t.Fatal(err)
			}
			joins := b.Beside(t, harness.Shell(tt.script), ownCgroup, harness.JoinNS(specs.PIDNamespace, fmt.Sprintf("/proc/%d/ns/pid", s.PID)))
			var members []*libcontainer.Container
			for i := range 4 {
				o := &libcontainer.CreateOptions{ID: fmt.Sprintf("%s-%d", b.ID, i), Bundle: joins.Dir}
				if tt.join == nil {
					_, err = r.Create(boundary(t), o)
				} else {
					err = tt.join(t, r, o)
				}
				if err != nil {
					t.Fatal(err)
				}
				member, err := r.Load(boundary(t), o.ID)
				if err != nil {
					t.Fatal(err)
				}
				members = append(members, member)
			}
			if tt.want < 128 {
				for _, m := range members {
					if status, err := m.Wait(boundary(t)); status != tt.want || err != nil {
						t.Errorf("%s: %v, %v, want %v", m.ID(), status, err, tt.want)
					}
				}
			}
			tt.end(t, pod)
			for _, m := range members {
				if status, err := m.Wait(boundary(t)); status != tt.want || err != nil {
					t.Errorf("%s: %v, %v, want %v", m.ID(), status, err, tt.want)
				}
				harness.Until(t, "how it has ended is written down", func() bool {
					s, err := m.State()
					return err == nil && s.Exit != nil && s.Exit.Status == int(tt.want)
				})
				if err := m.Delete(t.Context(), false); err != nil {
					t.Error(err)
				}
			}
			if err := pod.Delete(t.Context(), true); err != nil {
				t.Error(err)
			}
			settles(t, before)
		})
	}
}

func start(detach bool) func(*testing.T, *libcontainer.Runtime, *libcontainer.CreateOptions) error {
	return func(t *testing.T, r *libcontainer.Runtime, o *libcontainer.CreateOptions) error {
		if o.Detach = detach; detach {
			_, err := r.Run(boundary(t), &libcontainer.RunOptions{CreateOptions: *o})
			return err
		}
		c, err := r.Create(boundary(t), o)
		if err == nil {
			err = c.Start(boundary(t))
		}
		return err
	}
}

func killAndWait(t *testing.T, pod *libcontainer.Container) {
	if err := pod.Kill(unix.SIGKILL, false); err != nil {
		t.Error(err)
	}
	if status, err := pod.Wait(boundary(t)); status != 128+9 || err != nil {
		t.Errorf("the pod's first: %v, %v", status, err)
	}
}

func deleteIt(t *testing.T, pod *libcontainer.Container) {
	if err := pod.Delete(t.Context(), true); err != nil {
		t.Error(err)
	}
}
