package inherited

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/rung-oci/rung/internal/testbed"
)

const preserver = "RUNG_TEST_PRESERVED" // set in a copy that calls CheckPreserved

func TestMain(m *testing.M) {
	if s := os.Getenv(preserver); s != "" {
		n, _ := strconv.Atoi(s)
		fmt.Print(CheckPreserved(n))
		os.Exit(0)
	}
	testbed.Main(m)
}

func TestCheckPreserved(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, tt := range []struct {
		open   int // descriptors from 3 on
		listen string
		n      int
		want   string
	}{
		{1, "2 LISTEN_PID=1", 1, "<nil>"}, // meant for somebody else
		{0, "", 0, "<nil>"},
		{2, "", 2, "<nil>"},
		{2, "", 1, "<nil>"},
		{2, "", 3, "unable to stat preserved-fd 2 (of 3): bad file descriptor"},
		{0, "", 1, "unable to stat preserved-fd 0 (of 1): bad file descriptor"},
		{2, "1", 1, "<nil>"},
		{2, "1", 2, "unable to stat preserved-fd 2 (of 3): bad file descriptor"},
		{1, "2", 0, "unable to stat preserved-fd 1 (of 2): bad file descriptor"},
		{1, "-5", 1, "<nil>"},
		{1, "many", 1, "<nil>"},
		{1, "99999999999999", 1, "<nil>"},
	} {
		files := []*os.File{nil, w, w}
		for range tt.open {
			files = append(files, r)
		}
		script := `exec "$0"`
		if tt.listen != "" {
			script = "export LISTEN_PID=$$ LISTEN_FDS=" + tt.listen + "; " + script
		}
		p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", script, exe}, &os.ProcAttr{Files: files, Env: []string{preserver + "=" + strconv.Itoa(tt.n)}})
		if err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(5*time.Second, func() { _ = p.Kill() })
		st, err := p.Wait()
		timer.Stop()
		if err != nil || !st.Success() {
			t.Fatalf("%v, %v", st, err)
		}
		buf := make([]byte, 1000)
		n, _ := r.Read(buf)
		if got := string(buf[:n]); got != tt.want {
			t.Errorf("CheckPreserved(%d) with %d open, LISTEN_FDS=%s: %s, want %s", tt.n, tt.open, tt.listen, got, tt.want)
		}
	}
}
