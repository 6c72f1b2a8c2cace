package option

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNamed(t *testing.T) {
	for words, want := range map[string]Named{
		"":                           {},
		"bind rprivate rro rnoatime": {},
		"defaults":                   {},
		"rw":                         {Any: true},
		"async":                      {Any: true},
		"loud":                       {Any: true},
		"noiversion":                 {Any: true},
		"relatime":                   {true, "relatime"},
		"noatime norelatime":         {true, "noatime"},
		"noatime atime":              {true, "atime"},
		"nodiratime":                 {Any: true},
	} {
		o, err := Parse(strings.Fields(words))
		if err != nil || o.Named != want {
			t.Errorf("Parse(%s).Named = %+v, %v, want %+v", words, o.Named, err, want)
		}
	}
}

const (
	ro, nosuid, nodev, noexec = unix.MOUNT_ATTR_RDONLY, unix.MOUNT_ATTR_NOSUID, unix.MOUNT_ATTR_NODEV, unix.MOUNT_ATTR_NOEXEC
	nodiratime                = unix.MOUNT_ATTR_NODIRATIME
	noatime, strict           = unix.MOUNT_ATTR_NOATIME, unix.MOUNT_ATTR_STRICTATIME
	strictest                 = ro | nosuid | nodev | noexec
)

// change is what the kernel makes of a mount's flags.
func change(have uint64, a Attr) uint64 { return have&^a.Clear | a.Set }

// What is named wins, and what isn't is cleared: runc 1.4's answers, but where a comment says otherwise.
func TestReplace(t *testing.T) {
	for _, tt := range []struct {
		words      string
		have, want uint64
	}{
		{"bind", strictest | noatime, strictest | noatime},
		{"rslave rro", strictest | noatime, strictest | noatime},
		{"rw", strictest | noatime, noatime},
		{"ro", strictest | noatime, ro | noatime},
		{"nosuid", strictest | noatime, nosuid | noatime},
		{"suid", strictest | noatime, noatime},
		{"sync", strictest | noatime, noatime},
		{"loud", strictest | noatime, noatime},
		{"relatime", strictest | noatime | nodiratime, 0},
		{"strictatime", noatime, strict},
		{"noatime", strict, noatime},
		{"atime", noatime, 0}, // runc: noatime stays
		{"atime", strict, strict},
		{"norelatime", noatime, noatime},
		{"norelatime", 0, 0},
		{"nostrictatime", noatime, noatime},
		{"nostrictatime", strict, 0},                  // runc: strictatime stays
		{"nodiratime", noatime, noatime | nodiratime}, // runc: relatime
		{"diratime", noatime | nodiratime, noatime},   // runc: nodiratime stays
	} {
		o, err := Parse(strings.Fields(tt.words))
		if err != nil {
			t.Fatal(err)
		}
		a := o.Attr
		if NeedsFlags(o.Named) {
			a = Without(a, o.Named, tt.have)
		}
		if got := change(tt.have, Replace(a, o.Named)); got != tt.want {
			t.Errorf("%s on %#x: %#x, want %#x", tt.words, tt.have, got, tt.want)
		}
	}
}

func TestLocked(t *testing.T) {
	for _, tt := range []struct {
		words      string
		have, want uint64
		refused    string
	}{
		{"ro", strictest | noatime, strictest | noatime, ""},
		{"nosuid", ro | nodev, ro | nodev | nosuid, ""},
		{"async", strictest, strictest, ""},
		{"rw", nosuid | nodev, nosuid | nodev, ""},
		{"rw", ro | nosuid, 0, "rw: the source's read-only flag"},
		{"suid dev exec ro", strictest, 0, "suid: the source's nosuid flag, dev: the source's nodev flag, exec: the source's noexec flag"},
		{"noatime", ro, 0, "noatime: the source's access time mode"},
		{"noatime", ro | noatime, ro | noatime, ""},
		{"relatime", strict, 0, "relatime: the source's access time mode"},
		{"relatime", nodiratime, 0, "relatime: the source's nodiratime flag"},
		{"atime", noatime, 0, "atime: the source's access time mode"},
		{"norelatime", noatime | ro, noatime | ro, ""},
		{"nodiratime", noatime, 0, "nodiratime: the source's access time mode"},
		{"diratime", nodiratime, 0, "diratime: the source's nodiratime flag"},
		{"diratime", ro, ro, ""},
	} {
		o, err := Parse(strings.Fields(tt.words))
		if err != nil {
			t.Fatal(err)
		}
		a, refused := Locked(o.Attr, o.Named, tt.have)
		text := strings.ReplaceAll(Text(refused, "source"), " is locked in this user namespace", "")
		if text != tt.refused {
			t.Errorf("%s on %#x: %q, want %q", tt.words, tt.have, text, tt.refused)
		}
		if got := change(tt.have, a); tt.refused == "" && got != tt.want {
			t.Errorf("%s on %#x: %#x, want %#x", tt.words, tt.have, got, tt.want)
		}
	}
}

func TestLockedBelow(t *testing.T) {
	o, _ := Parse([]string{"rrw", "rexec", "rnoatime"})
	if got := Text(LockedBelow(o.RecAttr, ro), "source"); got != "rrw: the source's read-only flag is locked in this user namespace, rnoatime: the source's access time mode is locked in this user namespace" {
		t.Errorf("rrw, rexec and rnoatime of a read-only mount: %q", got)
	}
}
