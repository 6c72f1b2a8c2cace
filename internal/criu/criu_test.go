package criu

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/cancel"
	"github.com/rung-oci/rung/internal/testbed"
	"github.com/rung-oci/rung/internal/wire"
)

const fakeEnv = "RUNG_TEST_CRIU" // set in a copy of the test that plays CRIU: how

func TestMain(m *testing.M) {
	if how := os.Getenv(fakeEnv); how != "" && len(os.Args) == 3 && os.Args[1] == "swrk" && os.Args[2] == "3" {
		play(how)
		os.Exit(0)
	}
	testbed.Main(m)
}

// play answers requests with what the words of how say, one after the other.
func play(how string) {
	c := wire.Conn{FD: socketAt}
	for word := range strings.FieldsSeq(how) {
		if word == "descriptors" { // what there is beside the socket and the standard streams
			list, _ := os.ReadDir("/proc/self/fd")
			var names []string
			for _, e := range list {
				if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(to, "anon_inode") {
					names = append(names, e.Name()+"="+filepath.Base(to))
				}
			}
			os.WriteFile(os.Getenv(fakeEnv+"_OUT"), []byte(strings.Join(names, "\n")), 0o600)
			continue
		}
		if _, _, err := c.RecvData(maxMessage); err != nil {
			os.Exit(9)
		}
		switch word {
		case "hang":
			time.Sleep(time.Minute)
		case "program", "orphan": // one that it waits for, or leaves behind
			cmd := exec.Command("sleep", "100")
			if err := cmd.Start(); err != nil {
				os.Exit(7)
			}
			os.WriteFile(os.Getenv(fakeEnv+"_OUT"), fmt.Append(nil, cmd.Process.Pid), 0o600)
			if word == "orphan" {
				os.Exit(6)
			}
			cmd.Wait()
		case "die":
			os.Stderr.WriteString("Error: something\nis wrong\n")
			os.Exit(4)
		case "garbage":
			unix.Write(c.FD, []byte{0xff, 0xff})
		default:
			data, err := hex.DecodeString(word)
			if err != nil {
				os.Exit(8)
			}
			unix.Write(c.FD, data)
		}
	}
	c.RecvData(maxMessage)
}

// The responses of CRIU, as its library encodes them.
const (
	version      = "080a10015206080410012001"                 // VERSION, 4.1.1
	old          = "080a100152040803100f"                     // VERSION, 3.15
	dumped       = "080110011a00"                             // DUMP
	failed       = "0801100038344a03627573"                   // DUMP, errno 52, "bus"
	notification = "080610012a0e0a09706f73742d64756d7010d209" // NOTIFY post-dump, pid 1234
	restored     = "080210012203088827"                       // RESTORE, pid 5000
	features     = "08091001420608011000" + "1801"            // FEATURE_CHECK: memory tracking
)

// fake starts a copy of the test that plays CRIU.
func fake(t *testing.T, how string) *Client {
	t.Helper()
	t.Setenv(fakeEnv, how)
	t.Setenv(fakeEnv+"_OUT", filepath.Join(t.TempDir(), "out"))
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c, err := (&Start{Program: exe}).Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestGreet(t *testing.T) {
	c := fake(t, version)
	if err := c.Greet(); err != nil || c.Version != 40101 {
		t.Errorf("Greet() = %v, version %d", err, c.Version)
	}
	c = fake(t, old)
	if err := c.Greet(); err == nil || !strings.Contains(err.Error(), "3.15.0, and has to be 3.17.0 or later") {
		t.Errorf("Greet() of an old one = %v", err)
	}
}

// A request is answered after notifications, whose scripts and pids are told.
func TestAsk(t *testing.T) {
	c := fake(t, version+" "+notification+" "+dumped)
	if err := c.Greet(); err != nil {
		t.Fatal(err)
	}
	var heard []string
	notify := func(script string, pid int, fds []int) error {
		heard = append(heard, script)
		if pid != 1234 || len(fds) != 0 {
			t.Errorf("notified of process %d with %d descriptors", pid, len(fds))
		}
		return nil
	}
	if _, err := c.Ask(&Request{Type: Dump, Options: &Options{}}, notify, Patience{}); err != nil || !reflect.DeepEqual(heard, []string{"post-dump"}) {
		t.Errorf("Ask() = %v, heard %q", err, heard)
	}
}

func TestAskFails(t *testing.T) {
	refuse := errors.New("not so")
	for how, want := range map[string]string{
		failed:                      "criu failed: type DUMP errno 52: bus",
		notification + " " + failed: "not so",
		notification:                "not so", // and it ends
		restored:                    "criu answers RESTORE to DUMP",
		"garbage":                   "malformed message",
		"die":                       "criu has ended: exit status 4: Error: something; is wrong",
	} {
		c := fake(t, how)
		_, err := c.Ask(&Request{Type: Dump, Options: &Options{}}, func(string, int, []int) error { return refuse }, Patience{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Ask() = %v, want %q", how, err, want)
		}
	}
}

// One that hangs is killed, and one that shows signs of life isn't.
func TestHangs(t *testing.T) {
	c := fake(t, "hang")
	start, life := time.Now(), uint64(0)
	signs := func() uint64 {
		if time.Since(start) < 2*look {
			life++
		}
		return life
	}
	_, err := c.Ask(&Request{Type: Dump, Options: &Options{}}, nil, Patience{Idle: 1500 * time.Millisecond, Signs: signs})
	if !errors.Is(err, ErrHangs) {
		t.Errorf("Ask() = %v, want %v", err, ErrHangs)
	}
	if took := time.Since(start); took < 3*look {
		t.Errorf("it was killed after %v, though it showed signs of life", took)
	}
	c.Close()
	if err := unix.Kill(c.PID, 0); err == nil {
		t.Error("it lives")
	}
}

// The programs that CRIU has started end with it, however it does, and that they have its socket doesn't hide that it has ended.
func TestPrograms(t *testing.T) {
	for how, want := range map[string]string{"program": ErrHangs.Error(), "orphan": "criu has ended: exit status 6"} {
		c := fake(t, how)
		if _, err := c.Ask(&Request{Type: Dump}, nil, Patience{Idle: time.Second}); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("%s: %v, want %s", how, err, want)
		}
		c.Close()
		text, err := os.ReadFile(os.Getenv(fakeEnv + "_OUT"))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(string(text))
		if err != nil {
			t.Fatal(err)
		}
		state := ""
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if state = string(stat); err != nil || strings.Contains(state, ") Z ") {
				state = ""
				break
			}
		}
		if state != "" {
			t.Errorf("%s: its program lives on: %s", how, state)
			unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// It gets its socket, what it is to have and nothing else.
func TestDescriptors(t *testing.T) {
	leak, err := unix.Open("/dev/zero", unix.O_RDONLY, 0) // not close-on-exec in a moment
	if err != nil {
		t.Fatal(err)
	}
	unix.CloseOnExec(leak)
	defer unix.Close(leak)
	given, err := unix.Open("/dev/full", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(given)
	out := filepath.Join(t.TempDir(), "out")
	t.Setenv(fakeEnv, "descriptors "+version)
	t.Setenv(fakeEnv+"_OUT", out)
	exe, _ := os.Executable()
	c, err := (&Start{Program: exe, Inherit: []int{given}}).Run()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Greet(); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(out)
	var names []string
	for line := range strings.Lines(string(text)) {
		n, to, _ := strings.Cut(strings.TrimSpace(line), "=")
		if to, _, _ = strings.Cut(to, ":"); n != "" && to != "fd" {
			names = append(names, n+"="+to)
		}
	}
	if want := []string{"0=null", "1=memfd", "2=memfd", "3=socket", "4=full"}; !reflect.DeepEqual(names, want) {
		t.Errorf("it has %q, want %q", names, want)
	}
}

func TestFeatures(t *testing.T) {
	c := fake(t, features)
	got, err := c.Features(Features{MemoryTracking: true, LazyPages: true})
	if err != nil || got != (Features{MemoryTracking: true}) {
		t.Errorf("Features() = %+v, %v", got, err)
	}
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]Response{
		version:      {Type: Version, Success: true, Version: 40101},
		notification: {Type: Notification, Success: true, Script: "post-dump", PID: 1234},
		restored:     {Type: Restore, Success: true, PID: 5000},
		failed:       {Type: Dump, Errno: 52, Message: "bus"},
	} {
		data, _ := hex.DecodeString(text)
		got, err := Decode(data)
		if err != nil || *got != want {
			t.Errorf("decode(%s) = %+v, %v, want %+v", text, got, err, want)
		}
	}
}

// What is cut off or isn't a message at all is an error, and never a panic.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{version, old, dumped, failed, notification, restored, features} {
		data, _ := hex.DecodeString(text)
		f.Add(data)
	}
	f.Add([]byte{0x2a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = Decode(data) })
}

func TestEncode(t *testing.T) {
	for want, r := range map[string]Request{
		"080a2001":             {Type: Version, KeepOpen: true},
		"08061801":             {Type: Notification, Agreed: true},
		"08061800":             {Type: Notification},
		"080920012a0408011001": {Type: FeatureCheck, KeepOpen: true, Features: &Features{MemoryTracking: true, LazyPages: true}},
	} {
		if got := hex.EncodeToString(r.Encode()); got != want {
			t.Errorf("%+v is encoded as %s, want %s", r, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	log := "(00.1) hello\n(00.2) Error (criu/a.c:1): first\n(00.2) Error (criu/a.c:1): first\n(00.3) Warn\n(00.4) Error (criu/b.c:2): second\n"
	if got, want := Errors(log), "(criu/a.c:1): first; (criu/b.c:2): second"; got != want {
		t.Errorf("Errors() = %q, want %q", got, want)
	}
	if got := Errors(strings.Repeat("x\n", 10)); got != "" {
		t.Errorf("Errors() of none = %q", got)
	}
	if got := strings.Count(Errors(log+string(bytes.Repeat([]byte("Error (c): x\nError (d): y\n"), 20))), ";"); got != maxErrors-1 {
		t.Errorf("%d errors are shown, want %d", got+1, maxErrors)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	if _, err := Find(dir); !errors.Is(err, ErrAbsent) {
		t.Errorf("Find() of none = %v", err)
	}
	at := filepath.Join(dir, "criu")
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(dir); !errors.Is(err, ErrAbsent) {
		t.Errorf("Find() of a directory = %v", err)
	}
	os.Remove(at)
	if err := os.WriteFile(at, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if _, err := Find(".:" + filepath.Base(dir)); !errors.Is(err, ErrAbsent) {
		t.Errorf("Find() in relative directories = %v", err)
	}
	if got, err := Find("/nowhere:" + dir); got != at || err != nil {
		t.Errorf("Find() = %q, %v", got, err)
	}
}

// Who doesn't want to wait any more doesn't, and nothing is left of CRIU.
func TestStop(t *testing.T) {
	ctx, cancelIt := context.WithCancel(t.Context())
	stop, err := cancel.Of(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer stop.Close()
	c := fake(t, "hang")
	c.Stop = stop
	time.AfterFunc(100*time.Millisecond, cancelIt)
	start := time.Now()
	if _, err := c.Ask(&Request{Type: Restore, Options: &Options{}}, nil, Patience{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Ask() = %v, want %v", err, context.Canceled)
	}
	c.Close()
	if took := time.Since(start); took > closeWait {
		t.Errorf("it took %v to end", took)
	}
	if err := unix.Kill(c.PID, 0); err == nil {
		t.Error("it lives")
	}
}
