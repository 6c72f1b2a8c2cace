package option

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// The words of the runtime-spec, config.md "Linux mount options", and runc's.
const specWords = `async atime bind defaults dev diratime dirsync exec iversion lazytime loud
noatime nodev nodiratime noexec noiversion nolazytime norelatime nostrictatime nosuid private rbind
relatime remount ro rprivate rshared rslave runbindable rw shared silent slave strictatime suid sync
unbindable
idmap ridmap rro rrw rnosuid rsuid rnodev rdev rnoexec rexec rnodiratime rdiratime rrelatime
rnorelatime rnoatime ratime rstrictatime rnostrictatime rnosymfollow rsymfollow mand nomand
nosymfollow symfollow
tmpcopyup`

func TestWords(t *testing.T) {
	want := strings.Fields(specWords)
	slices.Sort(want)
	if got := Words(); !slices.Equal(got, want) {
		t.Errorf("Words() = %q, want %q", got, want)
	}
	for _, w := range want {
		if e, ok := lookup(w); !ok || e.word != w {
			t.Errorf("lookup(%q) = %+v, %v", w, e, ok)
		}
	}
	for _, w := range []string{"", "a", "RO", "ro ", "zz", "rnoiversion"} {
		if e, ok := lookup(w); ok {
			t.Errorf("lookup(%q) = %+v, want nothing", w, e)
		}
	}
}

func TestParse(t *testing.T) {
	const (
		ro, nosuid = unix.MOUNT_ATTR_RDONLY, unix.MOUNT_ATTR_NOSUID
		mode       = unix.MOUNT_ATTR__ATIME
		noatime    = unix.MOUNT_ATTR_NOATIME
		strict     = unix.MOUNT_ATTR_STRICTATIME
	)
	for _, tt := range []struct {
		words string
		want  Options
	}{
		{"", Options{}},
		{"defaults", Options{}},
		{"bind", Options{Bind: true}},
		{"rbind", Options{Bind: true, Recursive: true}},
		{"rbind bind", Options{Bind: true, Recursive: true}},
		{"ro", Options{Attr: Attr{Set: ro}, Superblock: []string{"ro"}}},
		{"ro rw", Options{Attr: Attr{Clear: ro}}},
		{"rw ro", Options{Attr: Attr{Set: ro}, Superblock: []string{"ro"}}},
		{"ro defaults", Options{Attr: Attr{Set: ro}, Superblock: []string{"ro"}}},
		{"nosuid suid", Options{Attr: Attr{Clear: nosuid}}},
		{"rro nosuid", Options{Attr: Attr{Set: nosuid}, RecAttr: Attr{Set: ro}}},
		{"rro rrw", Options{RecAttr: Attr{Clear: ro}}},
		{"noatime", Options{Attr: Attr{Set: noatime, Clear: mode}}},
		{"relatime", Options{Attr: Attr{Clear: mode}}},
		{"norelatime", Options{Attr: Attr{Clear: mode}}},
		{"nostrictatime", Options{Attr: Attr{Clear: mode}}},
		{"atime", Options{Attr: Attr{Clear: mode}}},
		{"noatime strictatime", Options{Attr: Attr{Set: strict, Clear: mode}}},
		{"noatime atime", Options{Attr: Attr{Clear: mode}}},
		{"strictatime nostrictatime", Options{Attr: Attr{Clear: mode}}},
		{"noatime nostrictatime", Options{Attr: Attr{Set: noatime, Clear: mode}}},
		{"strictatime atime norelatime", Options{Attr: Attr{Set: strict, Clear: mode}}},
		{"rstrictatime noatime", Options{
			Attr: Attr{Set: noatime, Clear: mode}, RecAttr: Attr{Set: strict, Clear: mode},
		}},
		{"rnorelatime", Options{RecAttr: Attr{Clear: mode}}},
		{"sync dirsync lazytime mand ro", Options{
			Attr: Attr{Set: ro}, Superblock: []string{"dirsync", "lazytime", "mand", "ro", "sync"},
		}},
		{"sync async lazytime nolazytime mand nomand", Options{}},
		{"silent iversion", Options{Silent: true, IVersion: true}},
		{"silent loud iversion noiversion", Options{}},
		{"rshared unbindable private", Options{Propagation: []Propagation{
			{unix.MS_SHARED, true}, {unix.MS_UNBINDABLE, false}, {unix.MS_PRIVATE, false},
		}}},
		{"remount tmpcopyup idmap", Options{Remount: true, CopyUp: true, IDMap: true}},
		{"ridmap", Options{RIDMap: true}},
		{"size=1k mode=755,uid=1 RO size=2k", Options{Data: []string{"size=1k", "mode=755", "uid=1", "RO", "size=2k"}}},
	} {
		got, err := Parse(strings.Fields(tt.words))
		got.Named = Named{} // has a test of its own
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Parse(%s) = %+v, %v, want %+v", tt.words, got, err, tt.want)
		}
	}
	if got, err := Parse([]string{"", "ro", ""}); err != nil || got.Data != nil {
		t.Errorf("Parse with empty words = %+v, %v, want no data", got, err)
	}
	if _, err := Parse([]string{"size=1k\x00"}); err == nil {
		t.Error("Parse of a NUL byte: no error")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("ro,nosuid,size=1k,strictatime,norelatime")
	f.Add("rbind,rro,rshared,idmap,\x00")
	f.Fuzz(func(t *testing.T, text string) {
		list := strings.Split(text, ",")
		o, err := Parse(list)
		if err != nil {
			if !strings.Contains(text, "\x00") {
				t.Errorf("Parse(%q): %v", list, err)
			}
			return
		}
		for _, a := range []Attr{o.Attr, o.RecAttr} {
			if clear := a.Clear & atimeMask; clear != 0 && clear != atimeMask {
				t.Errorf("Parse(%q) clears a part of the access time mode: %#x", list, a.Clear)
			}
			if a.Set&a.Clear&^atimeMask != 0 || a.Set&atimeMask != 0 && a.Clear&atimeMask == 0 {
				t.Errorf("Parse(%q) = set %#x, clear %#x", list, a.Set, a.Clear)
			}
		}
		o.Legacy()
	})
}

func BenchmarkParse(b *testing.B) {
	list := []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(list); err != nil {
			b.Fatal(err)
		}
	}
}
