package seccomp

import "github.com/opencontainers/runtime-spec/specs-go"

// Unknown returns the names of a profile that are of no system call of any
// architecture. They have no effect: engines' profiles name calls of kernels to come.
func Unknown(p *specs.LinuxSeccomp) (names []string) {
	for i := range p.Syscalls {
		for _, name := range p.Syscalls[i].Names {
			if _, ok := findName(name); !ok {
				names = append(names, name)
			}
		}
	}
	return names
}
