package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// dockerConfig is what Docker made for `docker run`, in the tests of engines.
const dockerConfig = "engines/testdata/docker-config-1.json"

// dockerBundle makes a bundle of Docker's default configuration in dir: its
// mounts, capabilities, masks and, with path /bin/true, its seccomp profile. Its
// hook, its resources (crun 1.8.1 loads device programs only with
// CAP_SYS_RESOURCE) and the sources of its bind mounts aren't here. A container
// to exec into goes without the profile: crun would compile it again.
func dockerBundle(dir, cgroup, path string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := os.ReadFile(dockerConfig)
	if err != nil {
		return fmt.Errorf("run this in tests: %w", err)
	}
	s := new(specs.Spec)
	if err := json.Unmarshal(data, s); err != nil {
		return err
	}
	s.Version, s.Hooks, s.Root.Path = "1.0.2", nil, "rootfs"
	s.Process.Args, s.Linux.CgroupsPath, s.Linux.Resources = []string{path}, "/"+cgroup, nil
	if path != "/bin/true" {
		s.Linux.Seccomp = nil
	}
	for i := range s.Mounts {
		m := &s.Mounts[i]
		if m.Type == "bind" {
			m.Source = filepath.Join(dir, filepath.Base(m.Source))
			if err := os.WriteFile(m.Source, nil, 0o644); err != nil {
				return err
			}
		}
	}
	if err := writeConfig(dir, s); err != nil {
		return err
	}
	return rootfs(filepath.Join(dir, s.Root.Path))
}
