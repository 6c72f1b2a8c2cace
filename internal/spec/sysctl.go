package spec

import (
	"errors"
	"sort"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// SysctlPath returns the path below /proc/sys of a sysctl, "net/ipv4/conf/eth0.1/rp_filter". As
// with sysctl(8), names may be written with '.' or with '/' between their parts; whichever comes
// first is the separator, and the other one stands for a '.' in a part.
//
// It refuses names that would lead elsewhere, and no others: whether a container may set it is
// what [SysctlNamespace] says.
func SysctlPath(name string) (string, error) {
	if name == "" {
		return "", errors.New("empty sysctl name")
	}
	path := []byte(name)
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '.' {
		for i, c := range path {
			switch c {
			case '.':
				path[i] = '/'
			case '/':
				path[i] = '.'
			}
		}
	}
	for _, c := range path {
		if c < 0x20 || c == 0x7f {
			return "", errors.New("sysctl name contains a control character")
		}
	}
	for part := range strings.SplitSeq(string(path), "/") {
		if part == "" || part == "." || part == ".." {
			return "", errors.New("sysctl name has an empty, \".\" or \"..\" part")
		}
	}
	return string(path), nil
}

// SysctlNamespace returns the type of the namespace that a sysctl belongs to, so that a container
// with that namespace of its own may set it. Any other sysctl changes the host and is an error.
// For [specs.UserNamespace] the namespace must be a new one.
func SysctlNamespace(name string) (specs.LinuxNamespaceType, error) {
	path, err := SysctlPath(name)
	if err != nil {
		return "", err
	}
	switch path {
	case "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall",
		"kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced":
		return specs.IPCNamespace, nil
	case "kernel/domainname":
		return specs.UTSNamespace, nil
	case "kernel/hostname":
		return "", errors.New("set the field hostname instead")
	}
	top, _, below := strings.Cut(path, "/")
	switch {
	case strings.HasPrefix(path, "fs/mqueue/"):
		return specs.IPCNamespace, nil
	case top == "net" && below:
		return specs.NetworkNamespace, nil
	case top == "user" && below:
		return specs.UserNamespace, nil
	}
	return "", errors.New("not a sysctl of a namespace, it would change the host")
}

// sortedKeys returns the keys of a map in the one order that makes errors repeatable.
func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
