package doctor

import (
	"os"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/plan"
	"github.com/rung-oci/rung/internal/spec"
	"github.com/rung-oci/rung/nsenter"
)

// parameter notes a sysctl: in a namespace of the container's own it is set, in a child whose namespace goes again; in one that is
// joined it could be.
func (w *wants) parameter(name, value, field string) {
	file, err := spec.SysctlPath(name)
	if err != nil {
		return // the bundle was checked
	}
	file = "/proc/sys/" + file
	of, _ := spec.SysctlNamespace(name)
	isNew := slices.ContainsFunc(w.spec.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == of && n.Path == "" })
	w.attempt("sysctl."+name, field, attempt{
		mend: "load the module that has it, give it a value that it takes, or leave it out: the container's user namespace has to own it",
		do: func(g *ground) trial {
			if unix.Access(file, unix.F_OK) != nil {
				return trial{"!the kernel has no such parameter", unix.ENOENT}
			}
			return g.try(uint64(plan.Flag(of)), func(t *nsenter.Tape) {
				if isNew {
					writing(t, file, value)
					return
				}
				t.Call("open "+file, unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), t.Str(file), nsenter.Int(unix.O_WRONLY), nsenter.Int(0))
			})
		},
	})
}

// readText is a file's text, "" if it can't be read.
func readText(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(text), "\n")
}
