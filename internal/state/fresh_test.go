package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// A create that was overtaken between mkdir and lock, by a forced delete and
// another create, must not take the other's directory for its own, not even one
// that is being removed and empty.
func TestClaim(t *testing.T) {
	s := Store{Root: t.TempDir()}
	e, err := s.Create("x")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.claim(); !errors.Is(err, ErrExist) {
		t.Errorf("claim() of another's empty entry = %v, want %v", err, ErrExist)
	}
	fi, err := os.Stat(filepath.Join(s.Root, "x"))
	if err != nil || fi.Mode().Perm() != entryMode {
		t.Errorf("mode of an entry: %v, %v, want %o", fi.Mode(), err, entryMode)
	}
}

// What a directory hands on to those that are made in it makes none of them another's: the set-group-ID bit, default ACLs.
func TestClaimInherits(t *testing.T) {
	root := t.TempDir()
	if err := os.Chmod(root, 0o777|os.ModeSetgid|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	acl := []byte{2, 0, 0, 0} // version 2; then tag, permissions, id of each entry
	for _, e := range []struct{ tag, perm uint16 }{{1, 7}, {4, 7}, {0x10, 7}, {0x20, 7}} {
		acl = binary.LittleEndian.AppendUint16(acl, e.tag)
		acl = binary.LittleEndian.AppendUint16(acl, e.perm)
		acl = binary.LittleEndian.AppendUint32(acl, 0xffffffff)
	}
	if err := unix.Setxattr(root, "system.posix_acl_default", acl, 0); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		t.Fatal(err)
	}
	e, err := Store{Root: root}.Create("x")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.claim(); !errors.Is(err, ErrExist) {
		t.Errorf("claim() once more = %v, want %v", err, ErrExist)
	}
	if begun, err := e.Begun(); !begun || err != nil {
		t.Errorf("Begun() = %t, %v", begun, err)
	}
}

// An entry loses the mark of its hooks last: where there is an intent and no mark, what the intent
// names is the container's still.
func TestRemoveOrder(t *testing.T) {
	s := Store{Root: t.TempDir()}
	e, err := s.Create("x")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.WriteIntent(&Intent{ID: "x", BootID: "b"}); err != nil {
		t.Fatal(err)
	}
	hooks := e.Poststop()
	hooks.Close()
	if recorded, err := e.Recorded(); !e.InPoststop() || recorded || err != nil {
		t.Fatal("there is no mark, or a record", err)
	}
	if err := e.WriteFile(ConfigName, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(watch)
	if _, err := unix.InotifyAddWatch(watch, e.Dir, unix.IN_DELETE); err != nil {
		t.Fatal(err)
	}
	if begun, err := e.Begun(); begun || err != nil {
		t.Errorf("Begun() with an intent = %t, %v", begun, err)
	}
	if err := e.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(e.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the entry is left: %v", err)
	}
	buf := make([]byte, 4096)
	n, err := unix.Read(watch, buf)
	if err != nil {
		t.Fatal(err)
	}
	var gone []string
	for rest := buf[:n]; len(rest) >= unix.SizeofInotifyEvent; {
		name := rest[unix.SizeofInotifyEvent:][:binary.NativeEndian.Uint32(rest[12:])]
		gone = append(gone, string(bytes.TrimRight(name, "\x00")))
		rest = rest[unix.SizeofInotifyEvent+len(name):]
	}
	if want := []string{ConfigName, intentName, poststopName}; !slices.Equal(gone, want) {
		t.Errorf("removed %q, want %q", gone, want)
	}
}

// Whether there is a record isn't made up where that can't be seen: without one nothing would be ended.
func TestRecordedUnknown(t *testing.T) {
	e, err := Store{Root: t.TempDir()}.Create("x")
	if err != nil {
		t.Fatal(err)
	}
	if recorded, err := e.Recorded(); recorded || err != nil {
		t.Errorf("recorded %v, %v, want neither", recorded, err)
	}
	e.Close()
	if recorded, err := e.Recorded(); recorded || err == nil {
		t.Errorf("recorded %v, %v, want an error", recorded, err)
	}
	if err := e.Gone(); err == nil || errors.Is(err, ErrNotExist) {
		t.Errorf("gone: %v, want another error", err)
	}
}
