package inspect

import (
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// kinds are the namespaces in the order of the rows, with their names in /proc/PID/ns.
var kinds = [...]struct {
	kind specs.LinuxNamespaceType
	file string
}{
	{specs.CgroupNamespace, "cgroup"},
	{specs.IPCNamespace, "ipc"},
	{specs.MountNamespace, "mnt"},
	{specs.NetworkNamespace, "net"},
	{specs.PIDNamespace, "pid"},
	{specs.TimeNamespace, "time"},
	{specs.UserNamespace, "user"},
	{specs.UTSNamespace, "uts"},
}

// NamespacePaths are the paths that a configuration has for namespaces to join, by the names of those in /proc/PID/ns.
func NamespacePaths(s *specs.Spec) map[string]string {
	paths := map[string]string{}
	for _, k := range kinds {
		if ns := wanted(s, k.kind); ns != nil && ns.Path != "" {
			paths[k.file] = ns.Path
		}
	}
	return paths
}

// wanted is what a configuration says of a namespace; nil if nothing.
func wanted(s *specs.Spec, kind specs.LinuxNamespaceType) *specs.LinuxNamespace {
	if s.Linux == nil {
		return nil
	}
	at := slices.IndexFunc(s.Linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == kind })
	if at < 0 {
		return nil
	}
	return &s.Linux.Namespaces[at]
}

func namespaces(s *specs.Spec, f *Found) (rows []Row) {
	for _, k := range kinds {
		if found, ok := f.Namespaces[k.file]; ok {
			rows = append(rows, namespace(string(k.kind), wanted(s, k.kind), found))
		}
	}
	return rows
}

func namespace(name string, ns *specs.LinuxNamespace, found Namespace) Row {
	row := Row{Subject: Namespaces, Name: name}
	whose := "own"
	switch {
	case ns == nil:
		if whose = "host's"; found.Inode != found.Ours {
			whose, row.Differs = "another's", true
		}
	case ns.Path == "":
		if row.Asked = "new"; found.Inode == found.Ours {
			whose, row.Differs = "host's", true
		}
	default:
		row.Asked, whose = "of "+ns.Path, "of "+ns.Path
		switch found.Named {
		case found.Inode:
		case 0:
			whose, row.Note = "another's", "there is no namespace at that path any more"
		default:
			whose, row.Note = "another's", "that path leads to another one now"
		}
	}
	row.Found = whose + " " + strconv.FormatUint(found.Inode, 10)
	return row
}
