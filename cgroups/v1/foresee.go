package v1

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
)

// Foresee says what Make would do.
func (m *Manager) Foresee(r *specs.LinuxResources) (*cgroups.Forecast, error) {
	p, err := m.plan(r)
	if err != nil {
		return nil, err
	}
	f := new(cgroups.Forecast)
	for i := range m.trees {
		if err := m.trees[i].foresee(p.of(&m.trees[i]), f); err != nil {
			return nil, err
		}
	}
	if m.unified != nil {
		err = m.unified.ForeseePlan(p.unified, f)
	}
	return f, err
}

// foresee is make, in words.
func (t *tree) foresee(writes []cgfile.Write, f *cgroups.Forecast) error {
	rel, ok := strings.CutPrefix(t.dir, t.mount+"/")
	if !ok || t.mount == "" {
		return fmt.Errorf("create cgroup %s: not below the mount %q", t.dir, t.mount)
	}
	if slices.Contains(t.keys, "cpuset") {
		if err := foreseeInherit(t.mount, rel, f); err != nil {
			return err
		}
	}
	f.Foresee(t.dir, writes, !cgroups.Exists(t.dir))
	return nil
}

// foreseeInherit says what inherit would write.
func foreseeInherit(mount, rel string, f *cgroups.Forecast) error {
	base, err := cgfile.OpenDir(mount)
	if err != nil {
		return err
	}
	defer base.Close()
	for _, file := range [...]string{"cpuset.cpus", "cpuset.mems"} {
		if _, err := base.Read(file); err != nil { // mounted with noprefix
			file = strings.TrimPrefix(file, "cpuset.")
		}
		var empty []string
		value := ""
		for dir := rel; ; dir = path.Dir(dir) {
			text, err := base.Read(path.Join(dir, file))
			if value = strings.TrimSpace(text); err == nil && value != "" || dir == "." {
				break
			}
			empty = append(empty, dir)
		}
		for _, dir := range slices.Backward(empty) {
			if value != "" {
				f.Writes = append(f.Writes, cgroups.Value{File: path.Join(mount, dir, file), Value: value})
			}
		}
	}
	return nil
}
