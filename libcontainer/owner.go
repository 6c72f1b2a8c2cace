package libcontainer

import (
	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/proc"
)

// owns tells whether what is in the cgroup of a container whose init has ended belongs to
// that container. A cgroup is known by its path only, and one that has become empty may be
// another's by now: then neither may its processes be killed nor the cgroup be removed. If
// all of the container's processes have ended with its init (gone), whatever is there is
// another's.
func (r *Runtime) owns(p cgroups.Processes, loc cgroups.Location, id string, gone bool) (bool, error) {
	pids, err := p.Pids(true)
	if err != nil || len(pids) == 0 {
		return err == nil, err
	}
	if r.endBeside(id) {
		if pids, err = p.Pids(true); err != nil || len(pids) == 0 {
			return err == nil, err
		}
	}
	other := ""
	if !gone {
		if other, err = r.sharer(loc, id); err != nil || other == "" {
			return err == nil, err
		}
		other = " of container " + other
	}
	r.warn("container %s: cgroup %s has %d process(es)%s: it is left alone", id, loc, len(pids), other)
	return false, nil
}

// endBeside deletes what is run beside a container, below whose cgroups its own are, and tells whether there was any.
func (r *Runtime) endBeside(id string) (any bool) {
	ids, err := r.store().IDs()
	if err != nil {
		return false
	}
	for _, other := range ids {
		e, err := r.store().Open(other)
		if err != nil {
			continue
		}
		beside := e.Beside()
		e.Close()
		if other == id || beside != id {
			continue
		}
		c, err := r.openWith(nil, other, never)
		if err != nil {
			continue // whoever deletes it
		}
		any = c.remove(c.destroy) == nil || any
		c.close()
	}
	return any
}

// sharer is the id of another container that lives in one of the cgroups, or is being made
// there; "" if there is none.
func (r *Runtime) sharer(loc cgroups.Location, id string) (string, error) {
	ids, err := r.store().IDs()
	if err != nil {
		return "", err
	}
	host, err := proc.Open()
	if err != nil {
		return "", err
	}
	defer host.Close()
	for _, other := range ids {
		if other != id && r.claims(other, loc, host) {
			return other, nil
		}
	}
	return "", nil
}

// claims tells whether a container has one of the cgroups.
func (r *Runtime) claims(id string, loc cgroups.Location, host proc.FS) bool {
	e, err := r.store().Open(id)
	if err != nil {
		return false
	}
	defer e.Close()
	if rec, err := e.Record(); err == nil {
		alive, err := rec.Alive(host)
		return (alive || err != nil || rec.Elsewhere(host)) && share(loc, rec.Cgroups)
	}
	// Without a record it is being made, if somebody is at work on it.
	i, err := e.Intent()
	return err == nil && i != nil && share(loc, i.Cgroups) && e.Locked()
}

func share(a cgroups.Location, b map[string]string) bool {
	for key, dir := range b {
		if a[key] == dir {
			return true
		}
	}
	return false
}
