package plan

import (
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/step"
	"github.com/rung-oci/rung/nsenter"
)

// Files of /proc/self that take SELinux labels.
const (
	selinuxExec = "attr/exec"
	selinuxKey  = "attr/keycreate"
)

// labelled tells whether the process is to have a label.
func (p *planner) labelled() bool {
	return p.spec.Process != nil && (p.spec.Process.ApparmorProfile != "" || p.spec.Process.SelinuxLabel != "")
}

// labels tells the kernel which AppArmor profile and SELinux label the user's
// program gets by its execve, and the label of keyrings until then. A fork
// inherits them, so they are set on the host, before the process is in any
// namespace: nothing that a container can see or cover is written to, and no
// user namespace has a say.
func (p *planner) labels(proc nsenter.Slot) {
	if !p.labelled() {
		return
	}
	if label := p.spec.Process.SelinuxLabel; label != "" {
		if !p.opt.NoNewKeyring {
			p.attribute("process.selinuxLabel", proc, selinuxKey, label)
		}
		p.attribute("process.selinuxLabel", proc, selinuxExec, label)
	}
	if profile := p.spec.Process.ApparmorProfile; profile != "" {
		p.attribute("process.apparmorProfile "+profile, proc, p.host.AppArmor, "exec "+profile)
	}
}

// attribute writes a file of the process's own in a procfs. Nothing that is
// mounted over it counts (CVE-2019-19921). Podman knows an error of labels by a
// path in such quotes.
func (p *planner) attribute(field string, proc nsenter.Slot, file, value string) {
	label := field + ": write to `/proc/self/" + file + "`"
	how := unix.OpenHow{Flags: unix.O_WRONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS}
	fd := p.t.Slot()
	p.t.Call(label, unix.SYS_OPENAT2, proc.FD(), p.t.Str("self/"+file),
		p.t.Bytes(unsafe.Slice((*byte)(unsafe.Pointer(&how)), unix.SizeofOpenHow)), nsenter.Int(unix.SizeofOpenHow)).Into(fd)
	p.t.Call(label, unix.SYS_WRITE, fd.Value(), p.t.Str(value), nsenter.Int(len(value)))
	p.t.Call(label, unix.SYS_CLOSE, fd.Value())
}

// withContext adds linux.mountLabel to the options of a new file system, unless
// the mount has a label of its own.
func (p *planner) withContext(data []string) []string {
	label := p.linux().MountLabel
	own := func(word string) bool {
		key, _, _ := cut(word)
		return strings.HasSuffix(key, "context")
	}
	if label == "" || slices.ContainsFunc(data, own) {
		return data
	}
	return append(slices.Clip(data), "context="+label)
}

// label gives a mount that this process makes linux.mountLabel: those of proc,
// sysfs and cgroup have labels of the policy's, and a message queue's takes it
// only as an attribute of its root.
func (p *planner) label(s *step.Mount) {
	switch s.Kind {
	case "proc", "sysfs", "cgroup", "cgroup2":
	case "mqueue":
		s.Label = p.linux().MountLabel
	default:
		s.Options.Data = p.withContext(s.Options.Data)
	}
}
