package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// rootless is the operation that a user without privileges does.
const rootless = "run rootless"

// ordinaryID is nobody: crun asks for the name of who calls it.
const ordinaryID = 65534

// ordinary maps the one id that a user has, and asks for no cgroup, which he
// has none of.
func ordinary(s *specs.Spec) {
	userNamespace(s)
	one := []specs.LinuxIDMapping{{ContainerID: 0, HostID: ordinaryID, Size: 1}}
	s.Linux.UIDMappings, s.Linux.GIDMappings = one, one
	s.Linux.CgroupsPath = ""
	for i := range s.Mounts {
		if s.Mounts[i].Type == "devpts" { // the group of terminals isn't mapped
			s.Mounts[i].Options = []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}
		}
	}
}

// asOrdinary is a runtime as the user has it: with a state directory of his own and, as ours may be
// in somebody's home directory, a copy of rung.
func (b *bench) asOrdinary(rt oci) oci {
	rt.root += "-ordinary"
	if rt.name == "rung" {
		rt.path = b.dir + "/rung-ordinary"
	}
	return rt
}

// prepareOrdinary makes what asOrdinary names.
func (b *bench) prepareOrdinary() error {
	for _, rt := range b.runtimes() {
		own := b.asOrdinary(rt)
		if own.path != rt.path {
			program, err := os.ReadFile(rt.path)
			if err == nil {
				err = os.WriteFile(own.path, program, 0o755)
			}
			if err != nil {
				return fmt.Errorf("copy %s: %w", filepath.Base(rt.path), err)
			}
		}
		if err := os.MkdirAll(own.root, 0o700); err != nil {
			return err
		}
		if err := os.Chown(own.root, ordinaryID, ordinaryID); err != nil {
			return err
		}
	}
	return nil
}

// ordinaryFiles are those of a command that the user runs.
func (b *bench) ordinaryFiles() stdio {
	files := b.files
	files.as = &syscall.Credential{Uid: ordinaryID, Gid: ordinaryID}
	return files
}
