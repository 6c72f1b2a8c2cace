package seccomp

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/suggest"
)

// An UnknownName is a name in a profile that is of no system call of any architecture. It has no
// effect: engines' profiles name calls of kernels to come.
type UnknownName struct {
	Path  string // the field in config.json
	Name  string
	Meant string // the call that may have been meant; ""
}

// Unknown returns the unknown names of a profile.
func Unknown(p *specs.LinuxSeccomp) (list []UnknownName) {
	var known []string
	for i := range p.Syscalls {
		for j, name := range p.Syscalls[i].Names {
			if _, ok := findName(name); ok {
				continue
			}
			if known == nil {
				known = allNames()
			}
			meant := ""
			if len(list) < maxMeant {
				meant = suggest.Closest(name, known)
			}
			list = append(list, UnknownName{fmt.Sprintf("%ssyscalls[%d].names[%d]", prefix, i, j), name, meant})
		}
	}
	return list
}

func allNames() []string {
	names := make([]string, len(nameEnds))
	for p := range names {
		names[p] = placeName(place(p))
	}
	return names
}
