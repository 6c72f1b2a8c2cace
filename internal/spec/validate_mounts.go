package spec

import (
	"path"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/suggest"
)

func (c *checker) mounts() {
	if len(c.s.Mounts) > 0 {
		c.needsMounts("mounts")
	}
	for i := range c.s.Mounts {
		c.mount(i, &c.s.Mounts[i])
	}
}

func (c *checker) mount(i int, m *specs.Mount) {
	for _, f := range [...]struct{ field, value string }{
		{"destination", m.Destination}, {"type", m.Type}, {"source", m.Source},
	} {
		if hasNUL(f.value) {
			c.bad(msgNUL, "mounts", i, f.field)
		}
	}
	o, err := option.Parse(m.Options)
	if err != nil {
		c.bad(err.Error(), "mounts", i, "options")
		return
	}
	c.destination(i, m, &o)
	c.idMap(i, m, &o)
	if o.Bind {
		c.bind(i, m, &o)
		return
	}
	switch {
	case m.Type == "bind" && !o.Remount:
		c.bad(`"bind" needs the option "bind" or "rbind"`, "mounts", i, "type")
	case m.Type == "" && !o.Remount:
		c.bad(`required, unless the options have "bind" or "rbind"`, "mounts", i, "type")
	}
	if o.CopyUp && m.Type != "tmpfs" {
		c.bad(`"tmpcopyup" is for the type tmpfs only`, "mounts", i, "options")
	}
	if (m.Type == "tmpfs" || m.Type == "devpts") && !idMapped(m, &o) {
		c.mountOwner(i, o.Data)
	}
}

// bind checks what only the options make a bind mount: its type has no meaning.
func (c *checker) bind(i int, m *specs.Mount, o *option.Options) {
	if m.Source == "" && !o.Remount {
		c.bad(msgRequired, "mounts", i, "source")
	}
	for _, word := range o.Data {
		c.bad(quote(word)+" is not an option of a bind mount"+suggest.Meant(word, option.Words(), ""), "mounts", i, "options")
	}
	if o.CopyUp {
		c.bad(`"tmpcopyup" is for the type tmpfs only`, "mounts", i, "options")
	}
}

// destination checks where a mount goes. What is below /proc is what the kernel says of a process
// and of its limits: a mount there could hide a failed attempt to drop rights (CVE-2019-16884,
// CVE-2019-19921). Symlinks of the image can lead there as well, so this is checked again when
// the path was resolved.
func (c *checker) destination(i int, m *specs.Mount, o *option.Options) {
	if m.Destination == "" {
		c.bad(msgRequired, "mounts", i, "destination")
		return
	}
	clean := path.Clean("/" + m.Destination)
	switch {
	case clean == "/":
		c.bad("must not be the root of the container", "mounts", i, "destination")
	case clean == "/proc":
		if !o.Bind && !o.Remount && m.Type != "proc" {
			c.bad("only a mount of type proc or a bind mount of one may be on /proc", "mounts", i, "destination")
		}
	case inProc(clean) && !option.MayCoverProc(clean):
		c.bad("must not be inside /proc", "mounts", i, "destination")
	}
}

func inProc(clean string) bool {
	return len(clean) > len("/proc/") && clean[:len("/proc/")] == "/proc/"
}
