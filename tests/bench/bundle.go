package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// bundle makes a bundle in dir: what `rung spec` writes, less the terminal and
// less linux.resources, as crun 1.8.1 loads device programs only with
// CAP_SYS_RESOURCE. All runtimes get the same but for the cgroup's name. change,
// if there is one, makes a variant of it.
func bundle(rung, dir, cgroup, path string, change func(*specs.Spec)) error {
	s, err := template(rung, dir)
	if err != nil {
		return err
	}
	s.Version = "1.0.2" // the newest that crun 1.8.1 and runc 1.1.5 know
	s.Process.Terminal = false
	s.Process.Args = []string{path}
	s.Linux.CgroupsPath = "/" + cgroup
	s.Linux.Resources = nil
	if change != nil {
		change(s)
	}
	if err := writeConfig(dir, s); err != nil {
		return err
	}
	root := filepath.Join(dir, s.Root.Path)
	if err := rootfs(root); err != nil {
		return err
	}
	if len(s.Linux.UIDMappings) > 0 {
		return giveAway(root, int(s.Linux.UIDMappings[0].HostID))
	}
	return nil
}

func writeConfig(dir string, s *specs.Spec) error {
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(dir+"/config.json", data, 0o644)
}

// giveAway makes a user namespace's root the owner of all files in dir.
func giveAway(dir string, owner int) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, owner, owner)
	})
}

func template(rung, dir string) (*specs.Spec, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	config := dir + "/config.json"
	if err := os.RemoveAll(config); err != nil {
		return nil, err
	}
	if text, err := exec.Command(rung, "spec", "--bundle", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("rung spec: %w: %s", err, text)
	}
	data, err := os.ReadFile(config)
	if err != nil {
		return nil, err
	}
	s := new(specs.Spec)
	return s, json.Unmarshal(data, s)
}

func rootfs(dir string) error {
	for _, name := range []string{"bin", "proc", "dev", "sys"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	for name, code := range map[string]map[string][]byte{"true": trueCode, "pause": pauseCode} {
		data, err := program(code)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "bin", name), data, 0o755); err != nil {
			return err
		}
	}
	return nil
}
