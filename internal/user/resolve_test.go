package user

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// texts are files whose content a test gives; "-" is one that isn't there, "!"
// one that can't be read.
type texts struct{ passwd, group string }

func (f texts) Passwd() ([]byte, error) { return give(f.passwd) }
func (f texts) Group() ([]byte, error)  { return give(f.group) }

func give(s string) ([]byte, error) {
	switch s {
	case "-":
		return nil, unix.ENOENT
	case "!":
		return nil, errors.New("not a regular file")
	}
	return []byte(s), nil
}

const (
	passwdText = "root:x:0:0:root:/root:/bin/sh\njoe:x:1000:100:Joe:/home/joe:/bin/sh\n1000:x:0:0::/root:/bin/sh\n" +
		"0:x:5:5::/:/\nnohome:x:7:7:::\nrel:x:8:8::home:\nbad:x:-1:0::/:\nbig:x:4294967296:0::/:\nbig:x:9:9::/nine:\n" +
		"badgid:x:10:zero::/ten:\nshort:x:11:11\njoe:x:0:0:twice:/root:/bin/sh\nlast:x:12:12::/last"
	groupText = "root:x:0:root\nusers:x:100:\nwheel:x:10:root,joe\naudio:x:29:joe\naudio2:x:29:joe\nbad:x:-5:joe\nbig:x:4294967296:joe\n" +
		"docker:x:999:joey,jo,ajoe,\n1000:x:0:\nshort:x\nlast:x:77:xx,joe"
)

func TestResolve(t *testing.T) {
	files := texts{passwdText, groupText}
	for _, tt := range []struct {
		text  string
		files Files
		want  Identity
		err   string
	}{
		{"1000", nil, Identity{UID: 1000}, ""},
		{"0", files, Identity{}, ""},
		{"1000:1000", nil, Identity{UID: 1000, GID: 1000, HasGID: true}, ""},
		{"root", files, Identity{HasGID: true, Home: "/root", Additional: []uint32{0, 10}}, ""},
		{"joe", files, Identity{UID: 1000, GID: 100, HasGID: true, Home: "/home/joe", Additional: []uint32{10, 29, 77}}, ""},
		{"joe", texts{passwdText, "-"}, Identity{UID: 1000, GID: 100, HasGID: true, Home: "/home/joe"}, ""},
		{"joe", texts{passwdText, "!"}, Identity{}, `user "joe": not a regular file`},
		{"joe:5", texts{passwdText, "!"}, Identity{UID: 1000, GID: 5, HasGID: true, Home: "/home/joe"}, ""},
		{"joe:wheel", files, Identity{UID: 1000, GID: 10, HasGID: true, Home: "/home/joe"}, ""},
		{"joe:last", files, Identity{UID: 1000, GID: 77, HasGID: true, Home: "/home/joe"}, ""},
		{"5:wheel", texts{"!", groupText}, Identity{UID: 5, GID: 10, HasGID: true}, ""},
		{"5:wheel", texts{"!", "-"}, Identity{}, `user "5:wheel": no such file or directory`},
		{"5:nobody", files, Identity{}, `user "5:nobody": no such group in /etc/group`},
		{"5:bad", files, Identity{}, `user "5:bad": no such group in /etc/group`},
		{"5:short", files, Identity{}, `user "5:short": no such group in /etc/group`},
		{"nobody", files, Identity{}, `user "nobody": no such user in /etc/passwd`},
		{"nobody", texts{"", ""}, Identity{}, `user "nobody": no such user in /etc/passwd`},
		{"joe", texts{"-", groupText}, Identity{}, `user "joe": no such file or directory`},
		{"joe", texts{"!", groupText}, Identity{}, `user "joe": not a regular file`},
		{"nohome", files, Identity{UID: 7, GID: 7, HasGID: true, Home: "/"}, ""},
		{"rel", files, Identity{UID: 8, GID: 8, HasGID: true, Home: "/"}, ""},
		{"bad", files, Identity{}, `user "bad": no such user in /etc/passwd`},
		{"big", files, Identity{UID: 9, GID: 9, HasGID: true, Home: "/nine"}, ""},
		{"badgid", files, Identity{}, `user "badgid": the gid of its line in /etc/passwd is no number`},
		{"badgid:1", files, Identity{UID: 10, GID: 1, HasGID: true, Home: "/ten"}, ""},
		{"short", files, Identity{}, `user "short": no such user in /etc/passwd`},
		{"last", files, Identity{UID: 12, GID: 12, HasGID: true, Home: "/last"}, ""},
	} {
		s, err := Parse(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Resolve(tt.files)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != tt.err || got.UID != tt.want.UID || got.GID != tt.want.GID || got.HasGID != tt.want.HasGID ||
			got.Home != tt.want.Home || !slices.Equal(got.Additional, tt.want.Additional) {
			t.Errorf("%s: %+v, %q, want %+v, %q", tt.text, got, text, tt.want, tt.err)
		}
	}
}

// A number is never looked up, whatever an image's files say of it.
func TestNumberIsNoName(t *testing.T) {
	s, err := Parse("1000")
	if err != nil {
		t.Fatal(err)
	}
	if id, err := s.Resolve(texts{"1000:x:0:0::/root:\n", "1000:x:0:1000\n"}); err != nil || id.UID != 1000 || id.HasGID || id.Additional != nil {
		t.Errorf("%+v, %v", id, err)
	}
}

func TestTooManyGroups(t *testing.T) {
	var group strings.Builder
	for i := range 4097 {
		group.WriteString("g:x:" + strconv.Itoa(i) + ":joe\n")
	}
	s, err := Parse("joe")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resolve(texts{"joe:x:1:1::/:\n", group.String()}); err == nil || !strings.Contains(err.Error(), "more than 4096 groups") {
		t.Errorf("Resolve = %v", err)
	}
}

func FuzzHome(f *testing.F) {
	f.Add([]byte("name:x:5:0:gecos:/home:/bin/sh\n"), uint32(5))
	f.Add([]byte("a:b:5\n:::::::\n5:5:5:5:5:/5:5"), uint32(5))
	f.Fuzz(func(t *testing.T, text []byte, uid uint32) {
		want := "/"
		for l := range strings.SplitSeq(string(text), "\n") {
			p := strings.Split(l, ":")
			if len(p) < 6 || !strings.HasPrefix(p[5], "/") || strings.Contains(p[5], "\x00") {
				continue
			}
			if n, ok := wantID(p[2]); ok && n == uid {
				want = p[5]
				break
			}
		}
		got := Home(text, uid)
		if got != want || got[0] != '/' || strings.ContainsAny(got, "\x00\n") {
			t.Errorf("Home(%q, %d) = %q, want %q", text, uid, got, want)
		}
	})
}

// What is found is always a line of the file that has the name, and its number
// as it stands there.
func FuzzResolve(f *testing.F) {
	f.Add("joe", []byte(passwdText), []byte(groupText))
	f.Add("joe:wheel", []byte(passwdText), []byte(groupText))
	f.Add("5", []byte("5:x:0:0::/:"), []byte(""))
	f.Fuzz(func(t *testing.T, user string, passwd, group []byte) {
		s, err := Parse(user)
		if err != nil {
			return
		}
		id, err := s.Resolve(texts{string(passwd), string(group)})
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00") {
				t.Errorf("%q isn't a line", err)
			}
			return
		}
		has := func(text []byte, name string, field int, n uint32) bool {
			for l := range bytes.SplitSeq(text, []byte{'\n'}) {
				p := strings.Split(string(l), ":")
				if name != "" && p[0] != name || len(p) <= field {
					continue
				}
				if m, ok := wantID(p[field]); ok && m == n {
					return true
				}
			}
			return false
		}
		if s.User.Name == "" && id.UID != s.User.ID || s.User.Name != "" && !has(passwd, s.User.Name, 2, id.UID) {
			t.Errorf("%q: uid %d", user, id.UID)
		}
		if s.HasGroup && s.Group.Name != "" && !has(group, s.Group.Name, 2, id.GID) {
			t.Errorf("%q: gid %d", user, id.GID)
		}
		for _, g := range id.Additional {
			if s.HasGroup || s.User.Name == "" || !has(group, "", 2, g) {
				t.Errorf("%q: additional group %d", user, g)
			}
		}
	})
}
