package spec

import "github.com/opencontainers/runtime-spec/specs-go"

// namespace is what a configuration says of one type of namespace.
type namespace struct {
	set  bool   // it is in the list: the container does not share its caller's
	path string // the one to join; empty for a new one
}

// isNew reports whether the container gets a namespace of its own that nobody else has.
func (n namespace) isNew() bool { return n.set && n.path == "" }

// namespaces is the list of a configuration by type.
type namespaces map[specs.LinuxNamespaceType]namespace

func namespacesOf(s *specs.Spec) namespaces {
	ns := namespaces{}
	if s.Linux != nil {
		for _, n := range s.Linux.Namespaces {
			ns[n.Type] = namespace{set: true, path: n.Path}
		}
	}
	return ns
}
