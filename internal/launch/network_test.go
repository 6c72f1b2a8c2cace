package launch

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/proc"
)

func TestNetwork(t *testing.T) {
	host, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	n := NewNetwork(host.FD)
	fd, err := n.take()
	if err != nil {
		t.Fatalf("needs root: %v", err)
	}
	defer unix.Close(fd)
	var made, own unix.Stat_t
	if unix.Fstat(fd, &made) != nil || unix.Stat("/proc/self/ns/net", &own) != nil || made.Ino == own.Ino {
		t.Errorf("network namespace %d, ours is %d", made.Ino, own.Ino)
	}
	n.Close() // it is ours by now
	if err := unix.Fstat(fd, &made); err != nil {
		t.Errorf("closed what had been taken: %v", err)
	}
	if _, err := n.take(); err == nil {
		t.Error("taken twice")
	}
	var none *Network
	none.Close()
	if _, err := none.take(); err == nil {
		t.Error("taken from nobody")
	}

	before, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(before)
	NewNetwork(host.FD).Close()
	after, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(after)
	if after != before {
		t.Errorf("a namespace that was given up is open: the next descriptor is %d, before %d", after, before)
	}

	if _, err := NewNetwork(-1).take(); err == nil {
		t.Error("made without a procfs")
	}
}
