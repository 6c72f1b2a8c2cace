package state

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
	"github.com/rung-oci/rung/internal/testbed"
	"github.com/rung-oci/rung/nsenter"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// fill gives every field of a struct a value of its own, so that one that is
// forgotten on the way out or in is seen.
func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1700000000+int64(*n), 123456789).UTC()))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(t, v.Field(i), n)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Int:
		v.SetInt(int64(*n + 100))
	case reflect.Uint64, reflect.Uint32:
		v.SetUint(uint64(*n + 100))
	case reflect.String:
		v.SetString(strings.Repeat("é\"\\\n\x01", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"": "empty", "k\n": strings.Repeat("v", *n)}))
	default:
		t.Fatalf("no value for a %v", v.Kind())
	}
}

func TestRecordRoundTrip(t *testing.T) {
	e := create(t, store(t), "c")
	var want Record
	n := 0
	fill(t, reflect.ValueOf(&want).Elem(), &n)
	want.ID, want.Format = "c", Format
	if err := e.WriteRecord(&want); err != nil {
		t.Fatal(err)
	}
	got, err := e.Record()
	if err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("Record() = %+v, %v, want %+v", got, err, want)
	}
	text, _ := e.ReadFile(stateName)
	for _, key := range []string{`"id"`, `"init_process_pid"`, `"init_process_start"`, `"created"`, `"cgroup_paths"`, `"namespace_paths"`} {
		if !strings.Contains(string(text), key) { // what other tools read
			t.Errorf("state.json has no %s: %s", key, text)
		}
	}
	for i := range reflect.TypeFor[Record]().NumField() { // booleans one by one
		f := reflect.TypeFor[Record]().Field(i)
		if f.Type.Kind() != reflect.Bool {
			continue
		}
		one := Record{ID: "c", Format: Format, PID: 77, Start: 5, Created: want.Created, Annotations: map[string]string{}, Cgroups: map[string]string{}, Namespaces: map[string]string{}}
		reflect.ValueOf(&one).Elem().Field(i).SetBool(true)
		if err := e.WriteRecord(&one); err != nil {
			t.Fatal(err)
		}
		if got, err := e.Record(); err != nil || !reflect.DeepEqual(*got, one) {
			t.Errorf("with %s alone: Record() = %+v, %v, want %+v", f.Name, got, err, one)
		}
	}
}

// TestPathBytes keeps paths that JSON can't hold: later verbs go there.
func TestPathBytes(t *testing.T) {
	e := create(t, store(t), "c")
	want := Record{
		ID: "c", PID: 77, Start: 5, Created: time.Unix(1700000000, 0).UTC(), Bundle: "/b\xff", Rootfs: "/b\xff/rootfs\xfe", Root: &RootMount{Path: "/b\xff/rootfs\xfe"},
	}
	if err := e.WriteRecord(&want); err != nil {
		t.Fatal(err)
	}
	got, err := e.Record()
	if err != nil || got.Bundle != want.Bundle || got.Rootfs != want.Rootfs || got.Root.Path != want.Root.Path {
		t.Errorf("Record() = %+v, %v, want %+v", got, err, want)
	}
	if text, _ := e.ReadFile(stateName); !strings.Contains(string(text), `"bundle":"/b\ufffd"`) {
		t.Errorf("state.json has no bundle for others: %s", text)
	}
}

func TestIntentRoundTrip(t *testing.T) {
	e := create(t, store(t), "c")
	if i, err := e.Intent(); i != nil || err != nil {
		t.Errorf("Intent() without one = %v, %v, want nil", i, err)
	}
	if _, err := e.Record(); !errors.Is(err, ErrNotExist) {
		t.Errorf("Record() without one = %v, want %v", err, ErrNotExist)
	}
	var want Intent
	n := 0
	fill(t, reflect.ValueOf(&want).Elem(), &n)
	want.ID, want.Format = "c", Format
	if err := e.WriteIntent(&want); err != nil {
		t.Fatal(err)
	}
	if got, err := e.Intent(); err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("Intent() = %+v, %v, want %+v", got, err, want)
	}
}

const good = `{"format":1,"id":"c","init_process_pid":77,"init_process_start":5,"boot_id":"b","created":"2025-01-02T03:04:05.6Z"}`

func TestDamaged(t *testing.T) {
	e := create(t, store(t), "c")
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s isn't there", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	list := map[string]string{
		"empty": "", "null": "null", "object": "{}", "array": "[]", "zeros": strings.Repeat("\x00", 300), "number": "1", "text": `"x"`,
		"wrong id": replace(`"c"`, `"d"`), "no id": replace(`"id":"c",`, ""), "no format": replace(`"format":1,`, ""), "format 0": replace(`:1,`, ":0,"),
		"negative format": replace(`:1,`, ":-1,"), "null id": replace(`"c"`, "null"), "trailing": good + "x", "twice": good + good, "format text": replace(":1,", `:"1",`),
	}
	records := map[string]string{
		"pid 1": replace(":77", ":1"), "negative pid": replace(":77", ":-1"), "huge pid": replace(":77", ":99999999999"), "pid text": replace(":77", `:"77"`),
		"start 0": replace(`"init_process_start":5`, `"init_process_start":0`), "no start": replace(`"init_process_start":5,`, ""), "negative start": replace(":5,", ":-5,"),
		"no time": replace(`,"created":"2025-01-02T03:04:05.6Z"`, ""), "bad time": replace("2025-01", "2025-13"), "null map": replace(`"boot_id"`, `"cgroup_paths":[],"boot_id"`),
		"nested": replace(`"boot_id"`, `"annotations":{"a":{}},"boot_id"`), "bool": replace(`"boot_id"`, `"has_hooks":1,"boot_id"`),
	}
	for i := range good {
		list["cut at "+good[:i]] = good[:i]
	}
	check := func(name, text string, err error, record bool) {
		t.Helper()
		if !errors.Is(err, ErrDamaged) || !strings.HasPrefix(err.Error(), e.Dir) {
			t.Errorf("%s (record %v): %v, want %v", name, record, err, ErrDamaged)
		}
	}
	for name, text := range list {
		put(t, e, text)
		r, err := e.Record()
		check(name, text, err, true)
		if r != nil {
			t.Errorf("%s: a record came with the error: %+v", name, r)
		}
		_, err = e.Intent()
		check(name, text, err, false)
	}
	for name, text := range records {
		put(t, e, text)
		_, err := e.Record()
		check(name, text, err, true)
	}
	put(t, e, replace(":1,", ":2,"))
	if _, err := e.Record(); err == nil || errors.Is(err, ErrDamaged) || !strings.HasSuffix(err.Error(), "state.json: written by a newer version of rung") {
		t.Errorf("Record() of a newer version = %v", err)
	}
	if _, err := e.Intent(); err == nil || !strings.HasSuffix(err.Error(), "intent.json: written by a newer version of rung") {
		t.Errorf("Intent() of a newer version = %v", err)
	}
	for _, text := range []string{good, "\n " + good + " \n", replace(`"boot_id"`, `"unknown":[{"x":null}],"boot_id"`), replace(":77", ":0"), replace(`"boot_id"`, `"annotations":null,"boot_id"`)} {
		put(t, e, text)
		if _, err := e.Record(); err != nil {
			t.Errorf("Record() of %s = %v", text, err)
		}
	}
}

func put(t testing.TB, e *Entry, text string) {
	t.Helper()
	for _, name := range []string{stateName, intentName} {
		if err := os.WriteFile(e.Dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	for _, s := range []string{good, "{}", "null", "", `{"format":1,"id":"c","cgroup_paths":{"":"/x"},"created":"x"}`, strings.Replace(good, "77", "1e9", 1)} {
		f.Add([]byte(s))
	}
	e := create(f, store(f), "c")
	f.Fuzz(func(t *testing.T, text []byte) {
		put(t, e, string(text))
		if i, err := e.Intent(); err == nil && (i.ID != "c" || i.Format != Format) {
			t.Errorf("Intent() = %+v", i)
		}
		r, err := e.Record()
		if err != nil {
			return
		}
		if r.ID != "c" || r.Format != Format || r.PID == 1 || r.PID < 0 || r.Start == 0 {
			t.Errorf("Record() = %+v", r)
		}
		if err := e.WriteRecord(r); err != nil {
			t.Fatal(err)
		}
		again, err := e.Record()
		if err != nil {
			t.Fatalf("read again: %v", err)
		}
		for _, x := range []*Record{r, again} {
			x.Created = x.Created.UTC()
			for _, m := range []*map[string]string{&x.Annotations, &x.Cgroups, &x.Namespaces} {
				if len(*m) == 0 {
					*m = nil
				}
			}
		}
		if !reflect.DeepEqual(r, again) {
			t.Errorf("read again: %+v, want %+v", again, r)
		}
	})
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		f    Facts
		want specs.ContainerState
	}{
		{Facts{false, false, false}, specs.StateStopped},
		{Facts{false, false, true}, specs.StateStopped},
		{Facts{false, true, false}, specs.StateStopped},
		{Facts{false, true, true}, specs.StateStopped},
		{Facts{true, false, false}, specs.StateRunning},
		{Facts{true, false, true}, Paused},
		{Facts{true, true, false}, specs.StateCreated},
		{Facts{true, true, true}, Paused},
	} {
		if got := tt.f.Status(); got != tt.want {
			t.Errorf("%+v.Status() = %s, want %s", tt.f, got, tt.want)
		}
	}
}

// A pid counts only together with start time and boot.
func TestAlive(t *testing.T) {
	fs, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	boot, err := BootID(fs)
	if err != nil || len(boot) != 36 {
		t.Fatalf("BootID() = %q, %v", boot, err)
	}
	p, err := os.StartProcess("/bin/sleep", []string{"sleep", "60"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Kill(); _, _ = p.Wait() }()
	st, err := fs.Stat(p.Pid)
	if err != nil {
		t.Fatal(err)
	}
	is := func(name string, r Record, want bool) {
		t.Helper()
		if got, err := r.Alive(fs); got != want || err != nil {
			t.Errorf("%s: Alive() = %v, %v, want %v", name, got, err, want)
		}
		fd, err := r.Pidfd(fs)
		if want && err != nil || !want && !errors.Is(err, unix.ESRCH) {
			t.Errorf("%s: Pidfd() = %d, %v, want alive %v", name, fd, err, want)
		}
		if err == nil {
			unix.Close(fd)
		}
	}
	is("itself", Record{PID: p.Pid, Start: st.Start, BootID: boot}, true)
	if serial, err := proc.Serial(p.Pid); err != nil {
		t.Error(err)
	} else if serial != 0 { // Linux 6.9
		is("its serial number", Record{PID: p.Pid, Start: st.Start, Serial: serial, BootID: boot}, true)
		is("another within the tick", Record{PID: p.Pid, Start: st.Start, Serial: serial - 1, BootID: boot}, false)
	}
	is("another start", Record{PID: p.Pid, Start: st.Start + 1, BootID: boot}, false)
	is("another boot", Record{PID: p.Pid, Start: st.Start, BootID: "x" + boot[1:]}, false)
	is("no process", Record{PID: 0, Start: st.Start, BootID: boot}, false)
	is("negative", Record{PID: -1, Start: st.Start, BootID: boot}, false)
	is("beyond all pids", Record{PID: 1<<30 - 1, Start: st.Start, BootID: boot}, false)
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, p.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	is("zombie", Record{PID: p.Pid, Start: st.Start, BootID: boot}, false)
	_, _ = p.Wait()
	is("reaped", Record{PID: p.Pid, Start: st.Start, BootID: boot}, false)
}

func TestFacts(t *testing.T) {
	fs, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	boot, _ := BootID(fs)
	st, err := fs.Stat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	e := create(t, store(t), "c")
	r := &Record{PID: os.Getpid(), Start: st.Start, BootID: boot}
	if _, err := e.Facts(r, fs); !errors.Is(err, unix.ENOENT) {
		t.Errorf("Facts() without a progress record = %v", err)
	}
	fd, err := e.MakeFile(ProgressName)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := e.Facts(r, fs); err == nil {
		t.Error("Facts() with an empty progress record: no error")
	}
	if err := nsenter.InitProgress(fd); err != nil {
		t.Fatal(err)
	}
	mapped, err := nsenter.MapProgress(fd)
	if err != nil {
		t.Fatal(err)
	}
	for phase, gated := range map[nsenter.Phase]bool{nsenter.PhaseSetup: true, nsenter.PhaseWaiting: true, nsenter.PhaseStarted: false, nsenter.PhaseExec: false} {
		mapped.Phase = phase
		if f, err := e.Facts(r, fs); err != nil || f != (Facts{Alive: true, Gated: gated}) {
			t.Errorf("Facts() in phase %d = %+v, %v, want gated %v", phase, f, err, gated)
		}
	}
	r.Start++
	if f, err := e.Facts(r, fs); err != nil || f != (Facts{}) {
		t.Errorf("Facts() of the dead = %+v, %v", f, err)
	}
}
