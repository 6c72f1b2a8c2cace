package libcontainer

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/idmap"
	"github.com/rung-oci/rung/internal/spec"
)

// checkMaps refuses id maps that aren't those of the user namespace that is to be joined:
// the container would have other ids than its configuration says. The text is runc's.
func (c *creation) checkMaps() error {
	l := c.bundle.Spec.Linux
	if l == nil || len(l.UIDMappings)+len(l.GIDMappings) == 0 {
		return nil
	}
	at := slices.IndexFunc(c.joined, func(j joinedNS) bool { return j.flag == unix.CLONE_NEWUSER })
	if at < 0 {
		return nil
	}
	uids, gids, err := idmap.Read(*c.host, c.joined[at].fd)
	if err != nil {
		// Who can't join it will be told so, with more words, when it is to be joined.
		c.r.debug("id maps of the user namespace to join aren't known: %v", err)
		return nil
	}
	const msg = "user namespaces enabled, but both namespace path and non-matching mapping specified -- you may only provide one"
	switch {
	case !idmap.Same(uids, l.UIDMappings):
		return &spec.FieldError{Path: "linux.uidMappings", Msg: msg}
	case !idmap.Same(gids, l.GIDMappings):
		return &spec.FieldError{Path: "linux.gidMappings", Msg: msg}
	}
	return nil
}
