package step

import (
	"errors"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/hook"
	"github.com/rung-oci/rung/libcontainer/mount"
	"github.com/rung-oci/rung/libcontainer/pty"
	"github.com/rung-oci/rung/libcontainer/rootfs"
	"github.com/rung-oci/rung/libcontainer/user"
	"github.com/rung-oci/rung/libcontainer/wire"
	"github.com/rung-oci/rung/nsenter"
)

func num(n uint64) string { return strconv.FormatUint(n, 10) }

func TestEnterRoot(t *testing.T) {
	for _, tt := range []struct {
		propagation uint64
		want        string // of the namespace's other mounts
	}{{unix.MS_PRIVATE, ""}, {unix.MS_SLAVE, ""}, {unix.MS_SHARED, "shared:"}} {
		inBox(t, func(b *box) {
			b.tree("root/file", "beside/")
			if err := unix.Mount("tmpfs", b.dir+"/beside", "tmpfs", 0, ""); err != nil {
				b.Fatal(err)
			}
			b.must(&EnterRoot{Path: b.root, Tree: b.clone(b.root), Propagation: tt.propagation})
			b.mounted("", "/root ")
			b.mounted("../beside", tt.want)
			if line := b.info("../beside"); tt.want == "" && strings.Contains(line, "shared:") {
				b.Errorf("propagation %#x: %s", tt.propagation, line)
			}
			if fields := strings.Fields(b.info("..")); strings.HasPrefix(fields[6], "shared:") {
				b.Errorf("the mount above the root is shared: %v", fields) // pivot_root refuses that
			}
			b.must(newMount(b.T, "tmpfs", "/m", ""))
			b.mounted("/m", "- tmpfs")
			b.must(&Pivot{}) // as the last test of a good root
		})
	}
	inBox(t, func(b *box) {
		b.tree("other/")
		b.fails(&EnterRoot{Path: b.root, Tree: b.clone(b.dir + "/other"), Propagation: unix.MS_SLAVE}, unix.ESTALE.Error())
		b.fails(&EnterRoot{Path: b.root, Tree: 7, Propagation: unix.MS_SLAVE}, "mount source 7: bad file descriptor")
		b.fails(&EnterRoot{Path: b.dir + "/nothing", Propagation: unix.MS_SLAVE}, "open: no such file or directory")
	})
}

// pivoted checks that "/" is the container's root and nothing else is there.
func pivoted(b *box, before unix.Stat_t) {
	b.Helper()
	var st unix.Stat_t
	if err := unix.Stat("/", &st); err != nil || st.Ino != before.Ino || st.Dev != before.Dev {
		b.Errorf("/ isn't the container's root: %v", err)
	}
	for path, want := range map[string]error{"/marker": nil, "/../../marker": nil, "/root": unix.ENOENT, b.dir: unix.ENOENT} {
		if err := unix.Stat(path, &st); !errors.Is(err, want) {
			b.Errorf("stat %s = %v, want %v", path, err, want)
		}
	}
	buf := make([]byte, 100)
	if n, err := unix.Getcwd(buf); err != nil || string(buf[:n-1]) != "/" {
		b.Errorf("working directory %q, %v, want /", buf[:max(n-1, 0)], err)
	}
}

func TestPivot(t *testing.T) {
	for name, s := range map[string]Step{"pivot": &Pivot{}, "move": &MoveRoot{Hide: []string{"/proc", "/sys", "/nonexistent"}}} {
		t.Run(name, func(t *testing.T) {
			inBox(t, func(b *box) {
				b.tree("root/marker", "root/proc/")
				b.must(&EnterRoot{Path: b.root, Tree: b.clone(b.root), Propagation: unix.MS_SLAVE})
				var st unix.Stat_t
				if err := unix.Fstat(b.Root.FD, &st); err != nil {
					b.Fatal(err)
				}
				b.must(s)
				pivoted(b, st)
				// Later steps go on with the same root.
				b.must(newMount(b.T, "proc", "/proc", ""))
				b.must(&Finish{Readonly: true, Propagation: unix.MS_UNBINDABLE})
				text, err := os.ReadFile("/proc/thread-self/mountinfo")
				if err != nil {
					b.Fatal(err)
				}
				lines := strings.Split(strings.TrimSpace(string(text)), "\n")
				if !strings.Contains(string(text), " / ro,relatime unbindable") {
					b.Errorf("the root isn't read-only and unbindable: %s", text)
				}
				if len(lines) != 2 { // root and proc: the host's tree is gone, or out of sight
					b.Errorf("%d mounts are left: %s", len(lines), text)
				}
			})
		})
	}
	inBox(t, func(b *box) { // a root that isn't a mount can't be pivoted to
		b.fails(&Pivot{}, "pivot_root: invalid argument")
	})
}

func TestKeepRoot(t *testing.T) {
	inBox(t, func(b *box) {
		b.must(&KeepRoot{})
		var x, y unix.Stat_t
		if len(b.Late) != 1 || unix.Fstat(b.Late[0], &x) != nil || unix.Fstat(b.Root.FD, &y) != nil || x.Ino != y.Ino || b.Late[0] == b.Root.FD {
			b.Errorf("handed over: %v", b.Late)
		}
	})
}

func TestUseRoot(t *testing.T) {
	inBox(t, func(b *box) {
		b.tree("root/file")
		b.must(&UseRoot{b.root})
		if fd, err := b.Root.Lookup("/file"); err != nil {
			b.Error(err)
		} else {
			unix.Close(fd)
		}
		b.fails(&UseRoot{b.root + "/file"}, "open: not a directory")
		b.fails(&UseRoot{b.root + "/nothing"}, "open: no such file or directory")
	})
}

func TestDevices(t *testing.T) {
	inBox(t, func(b *box) {
		b.tree("root/dev/link -> zero", "root/dev/dir/", "root/dev/file", "root/dev/fifo|", "outside", "root/dev/out -> ../../outside")
		null := uint64(unix.Mkdev(1, 3))
		b.must(&Device{rootfs.Node{Path: "/dev/null", Mode: unix.S_IFCHR | 0o620, Rdev: null, UID: 3, GID: 4}})
		b.fails(&Device{rootfs.Node{Path: "/dev/file", Mode: unix.S_IFCHR | 0o666, Rdev: null}}, "exists and is another kind of file")

		for _, p := range []string{"/dev/new", "/dev/file", "/dev/fifo", "/dev/null", "/sub/dir/null"} {
			b.must(&BindDevice{Path: p, Tree: b.clone("/dev/null")})
			var st unix.Stat_t
			if err := unix.Lstat(b.root+p, &st); err != nil || uint64(st.Rdev) != null || st.Mode&unix.S_IFMT != unix.S_IFCHR {
				b.Errorf("%s: %v, mode %#o", p, err, st.Mode)
			}
		}
		b.fails(&BindDevice{Path: "/dev/link", Tree: b.clone("/dev/null")}, "is a symbolic link: too many levels of symbolic links")
		b.fails(&BindDevice{Path: "/dev/out", Tree: b.clone("/dev/null")}, "is a symbolic link: too many levels of symbolic links")
		b.fails(&BindDevice{Path: "/dev/dir", Tree: b.clone("/dev/null")}, "is a directory")
		b.fails(&BindDevice{Path: "/dev/x", Tree: 0}, "mount source 0: bad file descriptor")
		if l := b.info("/../outside"); l != "" {
			b.Errorf("mounted outside: %s", l)
		}

		b.must(&Link{Path: "/dev/fd", Target: "/proc/self/fd"})
		b.must(&Link{Path: "/dev/link", Target: "pts/ptmx"})
		for p, want := range map[string]string{"/dev/fd": "/proc/self/fd", "/dev/link": "zero"} {
			if got, _ := os.Readlink(b.root + p); got != want {
				b.Errorf("%s -> %q, want %q", p, got, want)
			}
		}
		b.must(&Link{Path: "/dev/link", Target: "pts/ptmx", Replace: true})
		if got, _ := os.Readlink(b.root + "/dev/link"); got != "pts/ptmx" {
			b.Errorf("/dev/link -> %q", got)
		}
	})
}

// asked answers one request of a step and tells what came with it.
func asked(b *box, answer func(wire.Conn)) chan []int {
	b.Helper()
	ours, theirs, err := wire.Pair()
	if err != nil {
		b.Fatal(err)
	}
	b.Conn = ours
	got := make(chan []int, 1)
	go func() {
		_, fds, _ := theirs.Recv()
		answer(theirs)
		theirs.Close()
		got <- fds
	}()
	return got
}

func TestConsole(t *testing.T) {
	inBox(t, func(b *box) {
		ok := func(c wire.Conn) { _ = c.Send(wire.Go) }
		b.fails(&Console{}, "open /dev/pts: no such file or directory")
		b.tree("root/dev/pts/")
		b.fails(&Console{}, pty.ErrNoDevpts.Error())
		if err := unix.Mknod(b.root+"/dev/pts/ptmx", unix.S_IFCHR|0o666, int(unix.Mkdev(5, 2))); err != nil {
			b.Fatal(err)
		}
		b.fails(&Console{}, pty.ErrNoDevpts.Error()) // a decoy of the image's
		b.must(newMount(b.T, "devpts", "/dev/pts", "newinstance ptmxmode=0666 mode=0620"))

		got := asked(b, ok)
		b.must(&Console{Width: 132, Height: 43, Bind: true})
		fds := <-got
		if len(fds) != 1 || len(b.Late) != 1 {
			b.Fatalf("masters %v, slaves %v, want one each", fds, b.Late)
		}
		ws, err := unix.IoctlGetWinsize(b.Late[0], unix.TIOCGWINSZ)
		if err != nil || ws.Col != 132 || ws.Row != 43 {
			b.Errorf("size = %+v, %v, want 132 columns, 43 rows", ws, err)
		}
		var slave, console unix.Stat_t
		if err := unix.Fstat(b.Late[0], &slave); err != nil {
			b.Error(err)
		}
		if err := unix.Stat(b.root+"/dev/console", &console); err != nil || console.Rdev != slave.Rdev || console.Ino != slave.Ino {
			b.Errorf("/dev/console isn't the terminal: %v", err)
		}
		if _, err := unix.Write(b.Late[0], []byte("hello")); err != nil {
			b.Error(err)
		}
		buf := make([]byte, 10)
		if n, err := unix.Read(fds[0], buf); string(buf[:max(n, 0)]) != "hello" {
			b.Errorf("read %q, %v", buf[:max(n, 0)], err)
		}
		unix.Close(fds[0])

		got = asked(b, ok)
		b.must(&Console{})
		if ws, err := unix.IoctlGetWinsize(b.Late[1], unix.TIOCGWINSZ); err != nil || ws.Col|ws.Row != 0 {
			b.Errorf("size = %+v, %v, want none", ws, err)
		}
		unix.Close((<-got)[0])

		asked(b, func(c wire.Conn) { _ = c.SendFailure(&wire.Failure{Step: "console socket", Errno: unix.EPIPE}) })
		b.fails(&Console{}, "console socket: broken pipe")
		asked(b, func(wire.Conn) {})
		b.fails(&Console{}, io.EOF.Error())
	})
}

// An image's /dev/console or /dev may lead anywhere: the terminal goes nowhere
// else.
func TestConsoleDecoys(t *testing.T) {
	for before, want := range map[string]string{
		"root/dev/console -> /outside": "bind /dev/console: is a symbolic link: too many levels of symbolic links",
		"root/dev/console/":            "bind /dev/console: is a directory",
	} {
		inBox(t, func(b *box) {
			b.tree(before, "outside", "root/outside")
			b.must(newMount(b.T, "devpts", "/dev/pts", "newinstance"))
			b.fails(&Console{Bind: true}, want)
			if b.info("/outside")+b.info("/../outside") != "" {
				b.Error("mounted elsewhere")
			}
		})
	}
}

func TestHooks(t *testing.T) {
	inBox(t, func(b *box) {
		asked(b, func(c wire.Conn) { _ = c.Send(wire.Go) })
		b.must(&HostHooks{})
		asked(b, func(c wire.Conn) { _ = c.SendFailure(&wire.Failure{Text: "hook said no"}) })
		b.fails(&HostHooks{}, "hook said no")

		out := b.root + "/out"
		h := specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", "cat > " + out + "; readlink /proc/self/ns/mnt >> " + out}}
		b.must(&ContainerHooks{Hooks: []specs.Hook{h}, State: hook.State{Before: `{"pid":`, After: "}"}, PID: 42})
		ns, err := os.Readlink("/proc/thread-self/ns/mnt")
		if err != nil {
			b.Fatal(err)
		}
		if got, want := b.read("/out"), `{"pid":42}`+ns+"\n"; got != want { // in this thread's namespaces
			b.Errorf("hook wrote %q, want %q", got, want)
		}
		h.Args[2] = "exit 3"
		b.fails(&ContainerHooks{Hooks: []specs.Hook{h}}, "error running createContainer hook #0: exit status 3")
		b.fails(&ContainerHooks{NS: []int{-1}}, "setns: bad file descriptor")
		in := &ContainerHooks{Hooks: []specs.Hook{h}, Join: unix.CLONE_NEWPID | unix.CLONE_NEWCGROUP}
		h.Args[2] = "exit 0"
		if err := in.Open(os.Getpid()); err != nil || len(in.NS) != 2 || in.PID != os.Getpid() {
			b.Fatalf("Open = %v, %+v", err, in)
		}
		b.must(in)
		b.fails(in, "setns: bad file descriptor") // it has closed them
		if err := in.Open(1<<30 - 1); err == nil || !strings.HasPrefix(err.Error(), "open /proc/1073741823/ns/pid: ") {
			b.Errorf("Open of nobody = %v", err)
		}
	})
}

func TestMask(t *testing.T) {
	inBox(t, func(b *box) {
		b.tree("root/f1", "root/f2", "root/d1/secret", "root/d2/secret", "root/link -> d3", "root/d3/secret", "root/flink -> f3", "root/f3", "root/p|", "root/up -> ../../../outside", "outside")
		null := b.clone("/dev/null")
		for _, p := range []string{"/missing", "/f1", "/d1", "/f2", "/d2", "/link", "/flink", "/p", "/d1/below", "/up", "/f1/x"} {
			m := &Mask{Path: p, Null: null, Dir: -1}
			if p == "/f1/x" {
				b.fails(m, "open /f1/x: not a directory")
				continue
			}
			b.must(m)
		}
		for _, p := range []string{"/f1", "/f2", "/f3", "/p"} {
			var st unix.Stat_t
			if err := unix.Lstat(b.root+p, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || uint64(st.Rdev) != uint64(unix.Mkdev(1, 3)) {
				b.Errorf("%s isn't masked: mode %#o, %v", p, st.Mode, err)
			}
			if got := b.read(p); got != "" {
				b.Errorf("%s holds %q", p, got)
			}
		}
		sb := map[string]bool{}
		for _, p := range []string{"/d1", "/d2", "/d3"} {
			if list, err := os.ReadDir(b.root + p); err != nil || len(list) != 0 {
				b.Errorf("%s isn't masked: %v, %v", p, list, err)
			}
			if err := os.Mkdir(b.root+p+"/x", 0o755); err == nil {
				b.Errorf("%s is writable", p)
			}
			b.mounted(p, "ro,nosuid,nodev,noexec", "- tmpfs")
			sb[strings.Fields(b.info(p))[2]] = true
		}
		if len(sb) != 1 {
			b.Errorf("the masks are %d superblocks, want one", len(sb))
		}
		if got, _ := os.ReadFile(b.dir + "/outside"); string(got) != "outside" {
			b.Errorf("masked outside of the root: %q", got)
		}
	})
	inBox(t, func(b *box) {
		b.tree("root/f")
		b.fails(&Mask{Path: "/f", Null: 3, Dir: -1}, "make mask: mount source 3: bad file descriptor")
	})
}

func TestReadonly(t *testing.T) {
	inBox(t, func(b *box) {
		b.tree("root/d/file", "root/d/m/", "root/f", "root/link -> d2", "root/d2/file")
		b.must(newMount(b.T, "tmpfs", "/d/m", ""))
		for _, p := range []string{"/d", "/f", "/link", "/missing"} {
			b.must(&Readonly{p})
		}
		for _, p := range []string{"/d/file", "/d/new", "/f", "/d2/file"} {
			if err := os.WriteFile(b.root+p, nil, 0o644); err == nil || !strings.Contains(err.Error(), "read-only") {
				b.Errorf("write to %s: %v", p, err)
			}
		}
		if err := os.WriteFile(b.root+"/d/m/new", nil, 0o644); err != nil { // as runc: what is mounted below is not meant
			b.Errorf("write to /d/m/new: %v", err)
		}
		if got := b.read("/d/file"); got != "root/d/file" {
			b.Errorf("/d/file holds %q", got)
		}
		b.fails(&Readonly{"/f/x"}, "open /f/x: not a directory")
	})
}

func TestFinish(t *testing.T) {
	inBox(t, func(b *box) {
		b.must(&EnterRoot{Path: b.root, Tree: b.clone(b.root), Propagation: unix.MS_SLAVE})
		b.must(newMount(b.T, "tmpfs", "/m", ""))
		b.must(&Finish{})
		b.mounted("", " rw,")
		b.must(&Finish{Readonly: true, Propagation: unix.MS_SHARED})
		b.mounted("", " ro,", "shared:")
		b.mounted("/m", " rw,")
		if strings.Contains(b.info("/m"), "shared:") {
			b.Error("the propagation is set on more than the root")
		}
	})
}

func TestSysctl(t *testing.T) {
	inBox(t, func(b *box) {
		var before unix.Utsname
		_ = unix.Uname(&before)
		b.must(&Sysctl{Path: "kernel/domainname", Value: "rung.test"})
		var u unix.Utsname
		if err := unix.Uname(&u); err != nil || unix.ByteSliceToString(u.Domainname[:]) != "rung.test" {
			b.Errorf("domain name = %q, %v", unix.ByteSliceToString(u.Domainname[:]), err)
		}
		b.fails(&Sysctl{Path: "kernel/nothing", Value: "1"}, "open /proc/sys/kernel/nothing: no such file or directory")
	})
}

func TestCwd(t *testing.T) {
	inBox(t, func(b *box) {
		b.tree("root/file", "root/loop -> loop", "root/out -> ../../../made", "root/ro/")
		for _, p := range []string{"/a/b", "/file", "/file/x", "/loop", "/out/x", strings.Repeat("/x", 3000)} {
			b.must(&Cwd{p}) // never an error: whoever needs it will say so
		}
		for _, p := range []string{"/a/b", "/made/x"} {
			if st, err := os.Stat(b.root + p); err != nil || !st.IsDir() || st.Mode().Perm() != 0o755 {
				b.Errorf("%s: %v", p, err)
			}
		}
		if _, err := os.Stat(b.dir + "/made"); err == nil {
			b.Error("made outside of the root")
		}
	})
}

// passwd is a line of passwd(5) that makes home the home of uid.
func passwd(uid, home string) string { return "name:x:" + uid + ":0:gecos:" + home + ":/bin/sh\n" }

func TestHome(t *testing.T) {
	long := strings.Repeat("x", 40<<10)
	filler := strings.Repeat("n:x:9:9:g:/nine:/s\n", 3000)
	for _, tt := range []struct {
		name, file, want string
	}{
		{"plain", passwd("0", "/root") + passwd("5", "/home/five"), "/home/five"},
		{"first counts", passwd("5", "/one") + passwd("5", "/two"), "/one"},
		{"nobody", passwd("0", "/root"), "/"},
		{"empty", "", "/"},
		{"no newline at the end", strings.TrimSpace(passwd("5", "/home")), "/home"},
		{"short line", "a:x:5:0:gecos:/home\n", "/home"},
		{"too few fields", "a:x:5:0:/home\n", "/"},
		{"colons", "::5:::/home::::\n", "/home"},
		{"no home", passwd("5", ""), "/"},
		{"relative home", passwd("5", "home"), "/"},
		{"NUL", passwd("5", "/ho\x00me"), "/"},
		{"uid with sign", passwd("+5", "/home"), "/"},
		{"uid too large", passwd("4294967301", "/home"), "/"},
		{"uid text", passwd("five", "/home") + passwd("5", "/five"), "/five"},
		{"long line before", long + "\n" + passwd("5", "/home"), "/home"},
		{"long line of ours", "n:x:5:0:" + long + ":/home:/sh\n" + passwd("5", "/real"), "/home"},
		{"line at the edge", strings.Repeat("z", 32<<10-1) + "\n" + passwd("5", "/home"), "/home"},
		{"line over the edge", strings.Repeat("z", 32<<10) + "\n" + passwd("5", "/home"), "/home"},
		{"far away", filler + passwd("5", "/far"), "/far"},
		{"beyond the limit", strings.Repeat("#\n", user.MaxFile/2) + passwd("5", "/far"), "/"},
		{"binary", strings.Repeat("\x00\xff:", 5000) + "\n" + passwd("5", "/home"), "/home"},
		{"home that fits", passwd("5", "/"+strings.Repeat("h", HomeSize-7)), "/" + strings.Repeat("h", HomeSize-7)},
		{"home too long", passwd("5", "/"+strings.Repeat("h", HomeSize-6)), "/"},
		{"odd home", passwd("5", "/a b\"=$x"), "/a b\"=$x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(dir+"/etc", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir+"/etc/passwd", []byte(tt.file), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := homeIn(t, dir); got != "HOME="+tt.want {
				t.Errorf("%.100q, want HOME=%.100q", got, tt.want)
			}
		})
	}
}

// homeIn runs a Home for uid 5 and reads what the environment then holds.
func homeIn(t *testing.T, dir string) string {
	t.Helper()
	tape := nsenter.NewTape()
	s := &Home{UID: 5, Text: tape.Alloc(HomeSize), Pointer: tape.Slot()}
	guard := tape.Slot()
	tape.Put(guard, 0x5a)
	im := tape.Image()
	made, err := nsenter.NewArena(im)
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	e := NewEnv()
	if e.Arena, err = nsenter.OpenArena(made.FD, len(im.Data), []uint32{}); err != nil {
		t.Fatal(err)
	}
	if e.Root.FD, err = unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(e.Root.FD)
	done := make(chan error, 1)
	go func() { done <- s.Run(e) }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Run = %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run hangs")
	}
	if e.Arena.Word(guard) != 0x5a {
		t.Error("written behind the room for HOME")
	}
	buf := make([]byte, HomeSize+1)
	n, err := unix.Pread(made.FD, buf, int64(e.Arena.Word(s.Pointer)-e.Arena.Addr(0)))
	if err != nil {
		t.Fatal(err)
	}
	return unix.ByteSliceToString(buf[:n])
}

// What an image puts in the place of the file neither blocks nor leads out.
func TestHomeDecoys(t *testing.T) {
	inBox(t, func(b *box) {
		b.tree("passwd")
		if err := os.WriteFile(b.dir+"/passwd", []byte(passwd("5", "/host")), 0o644); err != nil {
			b.Fatal(err)
		}
		for i, entry := range []string{"etc/passwd|", "etc/passwd/", "etc/passwd -> /dev/zero", "etc/passwd -> ../../../passwd", "etc -> ../../", "etc/passwd -> passwd", "etc/none"} {
			sub := "r" + strconv.Itoa(i)
			b.tree(sub+"/"+entry, sub+"/dev/")
			if err := unix.Mknod(b.dir+"/"+sub+"/dev/zero", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))); err != nil {
				b.Fatal(err)
			}
			if got := homeIn(b.T, b.dir+"/"+sub); got != "HOME=/" {
				b.Errorf("%s: %q, want HOME=/", entry, got)
			}
		}
	})
}

// Under a shared root the namespace's mounts are peers of the host's: letting
// the old tree go must not unmount the host's.
func TestPivotKeepsHost(t *testing.T) {
	inBox(t, func(host *box) {
		host.tree("root/marker", "other/")
		err := unix.Mount("tmpfs", host.dir+"/other", "tmpfs", 0, "")
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, "")
		}
		if err != nil {
			host.Fatal(err)
		}
		before := mounts(host)
		ns, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			host.Fatal(err)
		}
		defer unix.Close(ns)
		done := make(chan error)
		go func() { // the builder, in a copy of the host's namespace
			runtime.LockOSThread() // never unlocked
			err := unix.Unshare(unix.CLONE_FS)
			if err == nil {
				err = unix.Setns(ns, unix.CLONE_NEWNS)
			}
			if err == nil {
				err = unix.Unshare(unix.CLONE_NEWNS)
			}
			e := NewEnv()
			if err == nil {
				var tree int
				tree, err = mount.Clone(unix.AT_FDCWD, host.root, true)
				e.Trees = []int{tree}
			}
			if err == nil {
				err = mount.SetPropagation(e.Trees[0], unix.MS_PRIVATE, true)
			}
			for _, s := range []Step{&EnterRoot{Path: host.root, Propagation: unix.MS_SHARED}, &Pivot{}} {
				if err == nil {
					err = s.Run(e)
				}
			}
			done <- err
		}()
		if err := <-done; err != nil {
			host.Fatal(err)
		}
		if after := mounts(host); after != before {
			host.Errorf("the host has %d mounts, before %d", after, before)
		}
	})
}

func mounts(b *box) int {
	b.Helper()
	text, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		b.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}
