package v2

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgfile"
)

// Foresee says what Make would do.
func (m *Manager) Foresee(r *specs.LinuxResources) (*cgroups.Forecast, error) {
	p, err := planOf(r)
	if err != nil {
		return nil, err
	}
	f := new(cgroups.Forecast)
	return f, m.ForeseePlan(p, f)
}

// ForeseePlan adds to a forecast what Apply would do.
func (m *Manager) ForeseePlan(p Plan, f *cgroups.Forecast) error {
	rel, ok := strings.CutPrefix(m.dir, m.mount+"/")
	if !ok || m.mount == "" {
		return fmt.Errorf("create cgroup %s: not below the mount %q", m.dir, m.mount)
	}
	base, err := cgfile.OpenDir(m.mount)
	if err != nil {
		return err
	}
	defer base.Close()
	c := controllers{base: base, parent: path.Dir(rel), need: p.Writes}
	enabled, err := c.foresee(p.Everything, f)
	if err != nil {
		return err
	}
	writes, err := available(p.Writes, enabled, m.dir)
	if err != nil {
		return err
	}
	f.Foresee(m.dir, writes, !cgroups.Exists(m.dir))
	f.Program, f.Code = len(p.Devices), p.Devices.Encode()
	return nil
}

// foresee says what enable would write, and which controllers would arrive if nobody refuses.
func (c *controllers) foresee(everything bool, f *cgroups.Forecast) ([]string, error) {
	if !everything && len(c.need) == 0 {
		return nil, nil
	}
	want, err := c.wanted(everything)
	if err != nil {
		return nil, err
	}
	if text, err := c.base.Read(path.Join(c.parent, subtree)); err == nil && len(minus(want, strings.Fields(text))) == 0 {
		return strings.Fields(text), nil
	}
	for _, dir := range c.dirs() {
		text, err := c.base.Read(path.Join(dir, subtree))
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return nil, err
		}
		if missing := minus(want, strings.Fields(text)); len(missing) > 0 {
			f.Writes = append(f.Writes, cgroups.Value{File: path.Join(c.base.Path(), dir, subtree), Value: "+" + strings.Join(missing, " +"), Optional: true})
		}
	}
	return slices.Clone(want), nil
}
