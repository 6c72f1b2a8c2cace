package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// Files of a container's state that are something else than they were: no verb waits
// for ever for what never comes, and the container can be removed.
func TestStrangeStateFiles(t *testing.T) {
	harness.NeedRung(t, "files of its state directory")
	for name, replace := range map[string]func(path string) error{
		"regular file": func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"other FIFO":   func(p string) error { return unix.Mkfifo(p, 0o600) },
		"device":       func(p string) error { return os.Symlink("/dev/null", p) },
		"directory":    func(p string) error { return os.Mkdir(p, 0o700) },
		"nothing":      func(string) error { return nil },
	} {
		for _, file := range []string{"gate", "status", "progress"} {
			t.Run(file+" "+name, func(t *testing.T) {
				harness.Share(t)
				b := sleeper(t)
				b.Create(t)
				path := filepath.Join(b.Root, b.ID, file)
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if err := replace(path); err != nil {
					t.Fatal(err)
				}
				for _, verb := range []string{"start", "state", "list"} {
					args := []string{verb, b.ID}
					if verb == "list" {
						args = args[:1]
					}
					r := b.Run(t, args...)
					if r.Elapsed > 5*time.Second || verb == "start" && (r.Code != 1 || !strings.Contains(r.Stderr, file)) {
						t.Errorf("took %v, want an error that names the file: %v", r.Elapsed, r)
					}
				}
				b.Must(t, "delete", "--force")
				b.ReapAll(t)
			})
		}
	}
}

// Output that nobody takes is an error that comes at once.
func TestUnreadFifo(t *testing.T) {
	harness.NeedRung(t, "runc waits for a reader of its log")
	for _, option := range []string{"--log", "--trace"} {
		t.Run(option, func(t *testing.T) {
			b := sleeper(t)
			fifo := filepath.Join(harness.TempDir(t), "fifo")
			if err := unix.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			call := b.Cmd("create")
			if option == "--log" {
				call.Args = append([]string{"--log", fifo}, call.Args...)
			} else {
				call = b.Cmd("create", "--trace", fifo)
			}
			r := call.Run(t)
			r.Fails(t, 1, "no such device or address")
			if r.Elapsed > 5*time.Second {
				t.Errorf("took %v", r.Elapsed)
			}
		})
	}
}

// Several creations may be given one pid file, as by a script that only wants one.
func TestSharedPidFile(t *testing.T) {
	const n = 8
	bundles, calls := make([]*harness.Bundle, n), make([]*harness.Proc, n)
	file := filepath.Join(harness.TempDir(t), "pid")
	for i := range bundles {
		bundles[i] = sleeper(t)
	}
	for range rounds(20, 3) {
		for i, b := range bundles {
			calls[i] = b.Cmd("create", "--pid-file", file).Start(t)
		}
		for i, p := range calls {
			if r := p.Wait(t); r.Code != 0 || r.Stderr != "" {
				t.Errorf("creation %d: %v", i, r)
			}
		}
		text, err := os.ReadFile(file)
		found := false
		for _, b := range bundles {
			found = found || string(text) == fmt.Sprint(b.State(t).Pid)
			b.Must(t, "delete", "--force")
			b.ReapAll(t)
		}
		if !found || err != nil {
			t.Errorf("pid file holds %q, %v: no container's pid", text, err)
		}
	}
}
