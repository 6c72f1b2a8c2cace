package libcontainer

import (
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer/hook"
	"github.com/rung-oci/rung/libcontainer/jsontext"
	"github.com/rung-oci/rung/libcontainer/spec"
)

// hostHooks runs the prestart and createRuntime hooks.
func (c *creation) hostHooks(pid int) error {
	h := c.bundle.Spec.Hooks
	if len(h.Prestart)+len(h.CreateRuntime) == 0 {
		return nil
	}
	st := hookState(c.bundle, c.opt.ID, specs.StateCreating).JSON(pid)
	if err := hook.RunAll("prestart", h.Prestart, st, hook.Host); err != nil {
		return err
	}
	return hook.RunAll("createRuntime", h.CreateRuntime, st, hook.Host)
}

// hookState is a container's state as its hooks read it on their stdin. It holds all
// annotations, of which there may be megabytes: ask for it only if a hook is there.
func hookState(b *spec.Bundle, id string, status specs.ContainerState) hook.State {
	return stateText(b.Spec.Version, id, status, b.Dir, b.Spec.Annotations)
}

func stateText(version, id string, status specs.ContainerState, bundle string, annotations map[string]string) hook.State {
	w := jsontext.NewWriter(make([]byte, 0, 512), "")
	w.BeginObject()
	for _, kv := range [][2]string{{"ociVersion", version}, {"id", id}, {"status", string(status)}, {"bundle", bundle}} {
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
