package lifecycle

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// follow starts `events` with its output in a file, and waits for the first line.
func follow(t *testing.T, b *harness.Bundle) (p *harness.Proc, text func() string) {
	t.Helper()
	out, err := os.Create(b.Dir + "/events")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	p = (&harness.Cmd{Args: []string{"--root", b.Root, "events", "--interval", "50ms", b.ID}, Stdout: out}).Start(t)
	text = func() string {
		data, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	harness.Until(t, "there is an event", func() bool { return strings.Contains(text(), "\n") })
	return p, text
}

// A container over its limit is killed, and events says so, and ends.
func TestEventsOutOfMemory(t *testing.T) {
	harness.Controller(t, "memory")
	harness.NeedRung(t, "events that end with the container")
	b := harness.New(t, harness.Shell("x=0123456789abcdef; while :; do x=$x$x; done"), func(s *specs.Spec) {
		s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: new(int64(8 << 20)), Swap: new(int64(8 << 20))}
	})
	pid, _ := b.Create(t)
	p, text := follow(t, b)
	b.Must(t, "start")
	if ws := harness.Wait(t, pid); ws.Signal() != unix.SIGKILL {
		t.Errorf("wait status %x, want SIGKILL", ws)
	}
	p.Wait(t).Silent(t)
	kinds := map[string]int{}
	for line := range strings.Lines(text()) {
		var e struct {
			Type, ID string
			Data     *struct {
				Memory struct{ Usage struct{ Limit, Usage uint64 } }
				Pids   struct{ Current uint64 }
			}
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.ID != b.ID {
			t.Fatalf("%q: %v", line, err)
		}
		kinds[e.Type]++
		switch e.Type {
		case "stats":
			if e.Data == nil || e.Data.Memory.Usage.Limit != 8<<20 {
				t.Errorf("%s", line)
			}
		case "oom":
			if want := `{"type":"oom","id":"` + b.ID + "\"}\n"; line != want {
				t.Errorf("%q, want %q", line, want)
			}
		}
	}
	if kinds["oom"] == 0 || kinds["stats"] == 0 {
		t.Errorf("events %v, want some of both types", kinds)
	}
	b.Must(t, "delete")
}

// Events come as often as asked for, also of a paused container, and end with it.
func TestEventsEnd(t *testing.T) {
	harness.NeedRung(t, "events that end with the container")
	b := harness.New(t, harness.Args("/bin/sleep", "60"))
	pid, _ := b.Create(t)
	b.Must(t, "start")
	p, text := follow(t, b)
	b.Must(t, "pause")
	start, before, n := time.Now(), strings.Count(text(), "\n"), 0
	harness.Until(t, "events of a paused container", func() bool {
		n = strings.Count(text(), "\n") - before
		return n >= 10
	})
	if took := time.Since(start); n > int(took/(50*time.Millisecond))+1 {
		t.Errorf("%d lines in %v, want one each 50 ms", n, took)
	}
	b.Must(t, "resume")
	b.Must(t, "kill", "KILL")
	harness.Wait(t, pid)
	r := p.Wait(t)
	if harness.HasController("memory") {
		r.Silent(t)
	} else if r.Code != 0 || strings.Count(r.Stderr, "\n") != 1 || !strings.Contains(r.Stderr, "no OOM events") {
		t.Errorf("want one warning, that there are no OOM events: %v", r)
	}
	b.WaitStatus(t, specs.StateStopped)
	b.Must(t, "delete")
}
