package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// self is our own process as a container's.
func self(t *testing.T) (pid int, start uint64) {
	t.Helper()
	host, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	st, err := host.Stat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	return os.Getpid(), st.Start
}

// put makes a file and the directories above it.
func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// begin is a fleet that is closed at the end.
func begin(t *testing.T, roots ...Root) *Fleet {
	t.Helper()
	f, err := Open(roots)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func shown(list []Container) string {
	var b strings.Builder
	for _, c := range list {
		fmt.Fprintf(&b, "%s/%s %d %v %d\n", filepath.Base(c.Root), c.ID, c.PID, c.Created, len(c.Place))
	}
	return b.String()
}

func TestLiving(t *testing.T) {
	dir := t.TempDir()
	pid, start := self(t)
	runc := func(pid int, start uint64, more string) string {
		return fmt.Sprintf(`{"id":"x","init_process_pid":%d,"init_process_start":%d,"config":{"deep":[{}]},"cgroup_paths":{}%s}`, pid, start, more)
	}
	crun := fmt.Sprintf(`{"pid":%d,"process-start-time":%d,"cgroup-path":""}`, pid, start)
	put(t, dir+"/a/runs/state.json", runc(pid, start, ""))
	put(t, dir+"/a/waits/state.json", runc(pid, start, ""))
	if err := unix.Mkfifo(dir+"/a/waits/exec.fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, dir+"/a/other-process/state.json", runc(pid, start+1, ""))
	put(t, dir+"/a/other-boot/state.json", runc(pid, start, `,"boot_id":"another"`))
	put(t, dir+"/a/stopped/state.json", runc(0, 0, ""))
	put(t, dir+"/b/crun/status", crun)
	put(t, dir+"/b/youki/state.json", fmt.Sprintf(`{"id":"youki","pid":%d,"created":%q}`, pid, time.Now().Format(time.RFC3339Nano)))
	put(t, dir+"/b/youki-old/state.json", fmt.Sprintf(`{"id":"youki","pid":%d,"created":"2001-01-01T00:00:00Z"}`, pid))

	put(t, dir+"/b/damaged/state.json", "{")
	put(t, dir+"/b/ageless/state.json", `{"pid":4711}`)
	put(t, dir+"/b/outside/state.json", runc(pid, start, "")[:1]+fmt.Sprintf(`"init_process_pid":%d,"init_process_start":%d,"cgroup_paths":{"":"/etc"}}`, pid, start))
	put(t, dir+"/b/above/status", strings.Replace(crun, `""`, `"/../../../etc"`, 1))
	put(t, dir+"/b/.hidden/status", crun)
	put(t, dir+"/b/bad\x1b[2Jname/status", crun)
	put(t, dir+"/b/file", crun)
	put(t, dir+"/file", crun)
	if err := os.Mkdir(dir+"/b/making", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(dir+"/b/making/status", 0o600); err != nil { // rung's
		t.Fatal(err)
	}
	for _, l := range [][2]string{{dir + "/a/runs", dir + "/b/link"}, {dir + "/a", dir + "/c"}} {
		if err := os.Symlink(l[0], l[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(dir+"/b/linked", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"/a/runs/state.json", dir+"/b/linked/state.json"); err != nil {
		t.Fatal(err)
	}

	f := begin(t, Root{dir + "/*", false}, Root{dir + "/c", true}, Root{dir + "/b", false}, Root{dir + "/gone", false}, Root{dir + "/gone", true})
	for range 2 { // what is known is as what is read
		list, ended, notes := f.Living()
		want := fmt.Sprintf("a/runs %d false 0\na/waits %d true 0\nb/crun %d false 0\nb/youki %d false N\n", pid, pid, pid, pid)
		if got := shown(list); got != strings.Replace(want, "N", got[len(got)-2:len(got)-1], 1) || ended != 4 {
			t.Errorf("%d ended, and living are\n%s", ended, got)
		}
		slices.Sort(notes)
		if got := strings.ReplaceAll(strings.Join(notes, "\n"), dir, ""); got != wantNotes {
			t.Errorf("notes:\n%s", got)
		}
	}
	if list, _, _ := begin(t, Root{dir + "/c", true}).Living(); len(list) != 2 {
		t.Errorf("behind a link that our caller has named: %v", list)
	}
	if list, _, notes := begin(t, Root{dir + "/c", false}).Living(); len(list) != 0 || len(notes) != 1 {
		t.Errorf("behind a link: %v, %v", list, notes)
	}
}

const wantNotes = `container above of /b: its cgroup "/../../../etc" is no path below a mount
container ageless of /b: read state.json: it doesn't say when the process began
container damaged of /b: read state.json: expected a key, got the end of the document (line 1, column 2)
container outside of /b: its cgroups aren't where cgroups are mounted here
list containers of /c: open /c: too many levels of symbolic links`

// A container that is made anew under the id of another is another one; one that is started was created before.
func TestChanges(t *testing.T) {
	dir := t.TempDir()
	pid, start := self(t)
	text := fmt.Sprintf(`{"pid":%d,"process-start-time":%d,"cgroup-path":""}`, pid, start)
	put(t, dir+"/x/status", strings.Replace(text, fmt.Sprint(start), "1", 1))
	f := begin(t, Root{dir, true})
	if list, ended, _ := f.Living(); len(list) != 0 || ended != 1 {
		t.Errorf("%v, %d", list, ended)
	}
	put(t, dir+"/x/status", text)
	put(t, dir+"/x/exec.fifo", "")
	if list, _, _ := f.Living(); len(list) != 1 || !list[0].Created {
		t.Errorf("%v", list)
	}
	os.Remove(dir + "/x/exec.fifo")
	if list, _, _ := f.Living(); len(list) != 1 || list[0].Created {
		t.Errorf("%v", list)
	}
	os.RemoveAll(dir + "/x")
	if list, _, _ := f.Living(); len(list) != 0 || len(f.known) != 0 {
		t.Errorf("%v, %v", list, f.known)
	}
}

// Names are matched each for itself; what isn't there is nothing.
func TestRoots(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"docker/runtime-runc/moby", "docker/runtime-x/moby", "docker/other/moby", "user/1000/crun", "user/1001/runc", "user/.hidden/crun"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string]string{
		"/docker/runtime-*/*":    "/docker/runtime-runc/moby /docker/runtime-x/moby",
		"/docker/runtime-*/moby": "/docker/runtime-runc/moby(moby) /docker/runtime-x/moby(moby)",
		"/user/*/crun":           "/user/1000/crun(crun) /user/1001/crun(crun)",
		"/user/*":                "/user/1000 /user/1001",
		"/gone/*":                "",
		"/gone":                  "/gone",
	} {
		var got []string
		for _, d := range (Root{Path: dir + pattern}).directories() {
			text := strings.TrimPrefix(d.path, dir)
			if d.beyond != "" {
				text += "(" + d.beyond + ")"
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
	for _, p := range Everywhere {
		if !filepath.IsAbs(p) || filepath.Clean(p) != p {
			t.Errorf("%s is no plain path", p)
		}
	}
	if got := Roots([]string{"/a", "/b"}, "/a"); len(got) != 1 || got[0] != (Root{Path: "/b"}) {
		t.Errorf("%v", got)
	}
}

// What is too much for one round is read in the next ones.
func TestBounded(t *testing.T) {
	dir := t.TempDir()
	const files = round/mostBytes + 4
	for i := range files {
		put(t, fmt.Sprintf("%s/c%d/state.json", dir, i), "")
		if err := os.Truncate(fmt.Sprintf("%s/c%d/state.json", dir, i), mostBytes); err != nil { // of zeros, which take no room
			t.Fatal(err)
		}
	}
	put(t, dir+"/large/state.json", "")
	if err := os.Truncate(dir+"/large/state.json", 1<<40); err != nil {
		t.Fatal(err)
	}
	f := begin(t, Root{dir, true})
	for _, want := range []int{5, 0} {
		_, _, notes := f.Living()
		late := 0
		for _, n := range notes {
			if strings.HasSuffix(n, "too much to read at once") {
				late++
			}
		}
		if late != want || len(notes) != files+1 {
			t.Errorf("%d are put off, want %d: %q", late, want, notes)
		}
	}
}

// Only cgroups below mounts are read.
func TestPlace(t *testing.T) {
	f := &Fleet{layout: &cgroups.Layout{Hierarchies: []cgroups.Hierarchy{
		{Controllers: []string{"memory"}, Mountpoint: "/m"}, {Unified: true, Mountpoint: "/u"},
	}}}
	for name, c := range map[string]struct {
		r    record
		want int
		err  bool
	}{
		"rung":       {r: record{cgroups: map[string]string{"memory": "/m/x", "": "/u/x", "pids": "/p/x"}}, want: 2},
		"part":       {r: record{cgroups: map[string]string{"memory": "/elsewhere/x", "": "/u/x"}}, want: 1},
		"above":      {r: record{cgroups: map[string]string{"memory": "/m/../etc"}}, err: true},
		"the root":   {r: record{cgroups: map[string]string{"memory": "/m/"}}, err: true},
		"none":       {r: record{cgroups: map[string]string{}, start: 1}},
		"crun":       {r: record{cgroup: "/x/y"}, want: 2},
		"crun above": {r: record{cgroup: "../y"}, err: true},
		"crun root":  {r: record{cgroup: "/"}, err: true},
	} {
		p, err := f.place(&c.r)
		if len(p) != c.want || (err != nil) != c.err {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}
