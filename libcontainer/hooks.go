package libcontainer

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/hook"
	"github.com/rung-oci/rung/internal/jsontext"
	"github.com/rung-oci/rung/internal/spec"
)

// hostHooks runs the prestart and createRuntime hooks. From now on a failure has to
// run the poststop hooks, which undo what those have done (runtime.md, lifecycle 3 to 5).
func (c *creation) hostHooks(pid int) error {
	h := c.bundle.Spec.Hooks
	c.hooked = true
	if len(h.Prestart)+len(h.CreateRuntime) == 0 {
		return nil
	}
	st := hookState(c.bundle, c.opt.ID, specs.StateCreating).JSON(pid)
	at := hookPlace(c.bundle)
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("open pidfd of first process: %w", err)
	}
	defer unix.Close(pidfd)
	until := hook.Until{Stop: c.stop, Init: pidfd, Doomed: c.entry.Doomed}
	if err := hook.RunAll("prestart", h.Prestart, st, at.Start, until); err != nil {
		return err
	}
	return hook.RunAll("createRuntime", h.CreateRuntime, st, at.Start, until)
}

// hookPlace is where hooks run that belong on the host: in the bundle, as runc is when it
// runs them, and with our environment where they have none of their own.
func hookPlace(b *spec.Bundle) hook.Place {
	dir := b.Dir
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		dir = "/" // the bundle is gone by now, which is no obstacle to a poststop hook
	}
	return hook.Place{Dir: dir, Env: os.Environ()}
}

// hookState is a container's state as its hooks read it on their stdin. It holds all
// annotations, of which there may be megabytes: ask for it only if a hook is there.
func hookState(b *spec.Bundle, id string, status specs.ContainerState) hook.State {
	return stateText(id, status, b.Dir, b.Spec.Annotations)
}

// stateText is a state of the version of the specification that we know, as runc's is, whatever that of
// the configuration (runtime.md, State: "with which the state complies").
func stateText(id string, status specs.ContainerState, bundle string, annotations map[string]string) hook.State {
	w := jsontext.NewWriter(make([]byte, 0, 512), "")
	w.BeginObject()
	for _, kv := range [][2]string{{"ociVersion", specs.Version}, {"id", id}, {"status", string(status)}, {"bundle", bundle}} {
		w.Key(kv[0])
		w.String(kv[1])
	}
	if len(annotations) > 0 {
		w.Key("annotations")
		w.BeginObject()
		for _, k := range slices.Sorted(maps.Keys(annotations)) {
			w.Key(k)
			w.String(annotations[k])
		}
		w.EndObject()
	}
	w.Key("pid")
	before := string(w.Bytes())
	w.Int(0)
	w.EndObject()
	return hook.State{Before: before, After: "}"}
}

// undoHooks runs the poststop hooks of a container that has failed to be created after
// other hooks had run.
func (c *creation) undoHooks() {
	if c.hooked {
		_ = c.r.poststop(c.bundle, hookState(c.bundle, c.opt.ID, specs.StateStopped), func(int) bool { return false }, func(int) {}, nil)
	}
}

func (c *container) hookState(b *spec.Bundle, status specs.ContainerState) hook.State {
	return stateText(c.record.ID, status, b.Dir, c.record.Annotations)
}
