package user

import "bytes"

// passwdLine is a line of passwd(5); its fields are parts of the file's text.
type passwdLine struct {
	name, gid, dir []byte
	uid            uint32
}

// parsePasswd reads a line. One without a number where the uid belongs is no
// user. The last field, the shell, may be missing.
func parsePasswd(line []byte) (e passwdLine, ok bool) {
	f, n := split(line)
	if n < 6 {
		return e, false
	}
	uid, err := parseID(string(f[2]))
	return passwdLine{name: f[0], gid: f[3], dir: f[5], uid: uid}, err == nil
}

// hasHome tells whether the directory can be one.
func (e *passwdLine) hasHome() bool {
	return len(e.dir) > 0 && e.dir[0] == '/' && bytes.IndexByte(e.dir, 0) < 0
}

func (e *passwdLine) home() string {
	if e.hasHome() {
		return string(e.dir)
	}
	return "/"
}

// groupLine is a line of group(5).
type groupLine struct {
	name    []byte
	gid     uint32
	members []byte
}

func parseGroup(line []byte) (e groupLine, ok bool) {
	f, n := split(line)
	if n < 3 {
		return e, false
	}
	gid, err := parseID(string(f[2]))
	return groupLine{name: f[0], gid: gid, members: f[3]}, err == nil
}

// lists tells whether a user is among the members.
func (e *groupLine) lists(user string) bool {
	for rest, more := e.members, true; more; {
		var name []byte
		if name, rest, more = bytes.Cut(rest, []byte{','}); string(name) == user {
			return true
		}
	}
	return false
}

// split cuts a line, without its end, at its colons into at most 7 fields.
func split(line []byte) (f [7][]byte, n int) {
	rest, more := bytes.TrimSuffix(line, []byte{'\n'}), true
	for n = 0; more && n < len(f); n++ {
		f[n], rest, more = bytes.Cut(rest, []byte{':'})
	}
	return f, n
}
