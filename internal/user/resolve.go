package user

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// An Identity is who a process is to be.
type Identity struct {
	UID, GID uint32
	// HasGID is false when a number alone was given: the group is then the
	// caller's to choose.
	HasGID bool
	// Home is the home directory of a user given by name, "/" if its line has
	// none that can be used. It is "" for one given by number; see [Home].
	Home string
	// Additional are the groups that list a user given by name without a group,
	// in the order of the file. Who names a group gets that one only.
	Additional []uint32
}

// Resolve looks names up. Numbers need no files, which may be nil then.
func (s Spec) Resolve(r Files) (Identity, error) {
	id := Identity{UID: s.User.ID, GID: s.Group.ID, HasGID: s.HasGroup}
	if s.User.Name != "" {
		if err := s.passwd(r, &id); err != nil {
			return Identity{}, fmt.Errorf("user %q: %w", s.text, err)
		}
	}
	if s.HasGroup && s.Group.Name != "" || !s.HasGroup && s.User.Name != "" {
		if err := s.group(r, &id); err != nil {
			return Identity{}, fmt.Errorf("user %q: %w", s.text, err)
		}
	}
	return id, nil
}

func (s Spec) passwd(r Files, id *Identity) error {
	text, err := r.Passwd()
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		e, ok := parsePasswd(line)
		if !ok || string(e.name) != s.User.Name {
			continue
		}
		gid, err := parseID(string(e.gid))
		if err != nil && !s.HasGroup {
			return errors.New("the gid of its line in /etc/passwd is no number")
		}
		if id.UID, id.Home = e.uid, e.home(); !s.HasGroup {
			id.GID, id.HasGID = gid, true
		}
		return nil
	}
	return errors.New("no such user in /etc/passwd")
}

// group finds the group that was asked for by name, or else those that list the
// user, for which a container needs no file.
func (s Spec) group(r Files, id *Identity) error {
	text, err := r.Group()
	if errors.Is(err, unix.ENOENT) && !s.HasGroup {
		return nil
	}
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		e, ok := parseGroup(line)
		switch {
		case !ok:
		case s.HasGroup && string(e.name) == s.Group.Name:
			id.GID = e.gid
			return nil
		case !s.HasGroup && e.lists(s.User.Name) && !slices.Contains(id.Additional, e.gid):
			if id.Additional = append(id.Additional, e.gid); len(id.Additional) > maxListed {
				return fmt.Errorf("/etc/group lists it in more than %d groups", maxListed)
			}
		}
	}
	if s.HasGroup {
		return errors.New("no such group in /etc/group")
	}
	return nil
}

// maxListed bounds the work that an image's file can make.
const maxListed = 4096

// Home finds the home directory of a user in the text of a passwd file: that
// of the first line with this uid and a usable path, or "/".
func Home(passwd []byte, uid uint32) string {
	for line := range bytes.Lines(passwd) {
		if e, ok := parsePasswd(line); ok && e.uid == uid && e.hasHome() {
			return e.home()
		}
	}
	return "/"
}
