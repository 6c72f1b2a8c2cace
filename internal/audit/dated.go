package audit

import (
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/mount/option"
)

// dated are fields that the specification keeps for those who use them already.
func (a *auditor) dated() {
	if h := a.s.Hooks; h != nil && len(h.Prestart) > 0 {
		a.find(Deprecated, "hooks.prestart", "prestart hooks are deprecated", "use createRuntime, createContainer or startContainer hooks")
	}
	if a.s.Linux == nil || a.s.Linux.Resources == nil {
		return
	}
	if m := a.s.Linux.Resources.Memory; m != nil {
		if m.Kernel != nil {
			a.find(Deprecated, "linux.resources.memory.kernel", "a limit of kernel memory is not recommended, and no kernel has it any more", "leave it out")
		}
		if m.KernelTCP != nil {
			a.find(Deprecated, "linux.resources.memory.kernelTCP", "a limit of kernel TCP memory is not recommended", "leave it out")
		}
	}
}

// differences are what runc makes something else of, see docs/compat.md.
func (a *auditor) differences() {
	for i, m := range a.s.Mounts {
		if len(slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool { return !option.IsAtime(o) })) > 1 {
			a.find(Differs, "mounts["+strconv.Itoa(i)+"].options", "of several words about access times the last one counts; in runc noatime wins over relatime, and strictatime over both", "keep one of them")
		}
	}
	if a.s.Process != nil && a.s.Process.Capabilities == nil {
		a.find(Differs, "process.capabilities", "without it the process has no capabilities; with runc it has those of who calls runc", "list them, or none")
	}
	if h := a.s.Hooks; h != nil {
		for i, hook := range h.CreateContainer {
			if hook.Env == nil {
				a.find(Differs, "hooks.createContainer["+strconv.Itoa(i)+"].env", "without it the hook has the environment of who calls rung; with runc it has none", "list what the hook needs")
			}
		}
	}
	if l := a.s.Linux; l != nil {
		for i, path := range l.ReadonlyPaths {
			if path == "/" {
				a.find(Differs, "linux.readonlyPaths["+strconv.Itoa(i)+"]", "makes the root read-only for all; runc covers it with a copy, which exec doesn't see", "use root.readonly")
			}
		}
	}
}

// namespace tells whether the container has a namespace of a type that isn't the caller's.
func (a *auditor) namespace(t specs.LinuxNamespaceType) bool {
	return a.s.Linux != nil && slices.ContainsFunc(a.s.Linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == t })
}
