package main

import (
	"slices"
	"strings"
)

// operations are what is timed, in the order of a round. Those of cycle follow a
// container's life; those with docker use the configuration that Docker gives a
// container; limits are timed where every runtime honours them.
var (
	operations = slices.Concat([]string{"run", "run docker", "run userns", rootless, "run terminal", "run minimal", "exec docker"}, cycle)
	cycle      = []string{"create", "state", "start", "exec", "exec terminal", "kill", "delete"}
	limits     = []string{"run limits"}
)

// isRun tells whether an operation makes a container that is gone at its end.
func isRun(operation string) bool { return operation == "run" || strings.HasPrefix(operation, "run ") }

// begins tells whether an operation makes a container.
func begins(operation string) bool { return isRun(operation) || operation == "create" }

// arguments are those of one of the operations on the container id.
func (b *bench) arguments(rt oci, operation, id string) []string {
	if rt.name == limitName {
		return b.limitArgv(id)
	}
	if kind, ok := strings.CutPrefix(operation, "run "); ok {
		return b.argv(rt, "run", "--bundle", b.bundleDir(rt, kind), id)
	}
	switch operation {
	case "run":
		return b.argv(rt, "run", "--bundle", b.bundleDir(rt, "true"), id)
	case "exec":
		return b.argv(rt, "exec", id, "/bin/true")
	case "exec terminal":
		return b.argv(rt, "exec", "--tty", id, "/bin/true")
	case "exec docker":
		return b.argv(rt, "exec", b.docker[rt.name], "/bin/true")
	case "create":
		return b.argv(rt, "create", "--bundle", b.bundleDir(rt, "pause"), "--pid-file", b.pidFile(rt), id)
	case "kill":
		return b.argv(rt, "kill", id, "KILL")
	}
	return b.argv(rt, operation, id)
}

// ready starts what an operation needs and isn't part of it.
func (b *bench) ready(rt oci, operation string) error {
	if operation != "exec docker" || b.docker[rt.name] != "" {
		return nil
	}
	b.docker[rt.name] = b.id(rt)
	_, err := b.spawn(b.files, b.argv(rt, "run", "--detach", "--bundle", b.bundleDir(rt, "dockerpause"), b.docker[rt.name]), commandTime)
	return err
}

// bundles makes a bundle per runtime and program, or variant.
func (b *bench) bundles() error {
	if rt := b.reference(); rt.path != "" {
		if err := bundle(b.rung, b.bundleDir(rt, "true"), b.prefix+rt.name+"-true", "/bin/true", nil); err != nil {
			return err
		}
	}
	if err := b.prepareOrdinary(); err != nil {
		return err
	}
	for _, rt := range b.runtimes() {
		for _, kind := range []string{"true", "pause"} {
			if err := bundle(b.rung, b.bundleDir(rt, kind), b.prefix+rt.name+"-"+kind, "/bin/"+kind, nil); err != nil {
				return err
			}
		}
		for kind, path := range map[string]string{"docker": "/bin/true", "dockerpause": "/bin/pause"} {
			if err := dockerBundle(b.bundleDir(rt, kind), b.prefix+rt.name+"-"+kind, path); err != nil {
				return err
			}
		}
		for kind, change := range variants {
			if err := bundle(b.rung, b.bundleDir(rt, kind), b.prefix+rt.name+"-"+kind, "/bin/true", change); err != nil {
				return err
			}
		}
	}
	return nil
}
