package soak

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/harness"
)

// everyDisk is how many boxes share the place of one that has a disk of its own.
const everyDisk = 10

// fullDiskName is the name of an act that takes a box with a disk.
const fullDiskName = "full disk"

// onDisk gives the box a small file system for its state, pid file and log.
func (b *box) onDisk(t *testing.T) {
	t.Helper()
	b.disk = filepath.Join(filepath.Dir(b.bundle), b.id+"-disk")
	err := os.Mkdir(b.disk, 0o755)
	if err == nil {
		harness.IgnoreMounts(b.disk)
		err = unix.Mount("tmpfs", b.disk, "tmpfs", 0, "size=256k,mode=755")
	}
	if err != nil {
		t.Fatalf("make a disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(b.disk, 0); err != nil {
			t.Errorf("unmount a disk: %v", err)
		}
	})
	b.root = b.disk + "/run"
}

// fill leaves no room on the disk.
func (b *box) fill() error {
	f, err := os.Create(b.disk + "/filling")
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err = f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	if !errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("fill a disk: %w", err)
	}
	return nil
}

// fullDisk has the disk of a box full for a while: the container can be seen and ended, and one that can't be made says so.
func fullDisk(b *box) (time.Duration, error) {
	again := rand.IntN(2) == 0 // the container is ended before the disk is full
	if again {
		if _, err := b.end(); err != nil {
			return 0, err
		}
	}
	if err := b.fill(); err != nil {
		return 0, err
	}
	took, err := whileFull(b, again)
	if e := os.Remove(b.disk + "/filling"); err == nil {
		err = e
	}
	if err != nil {
		return took, err
	}
	if _, err := b.end(); err != nil {
		return took, err
	}
	_, err = b.begin()
	return took, err
}

func whileFull(b *box, again bool) (time.Duration, error) {
	if !again {
		if _, err := says(b, "running", "state", b.id); err != nil {
			return 0, err
		}
		if _, _, err := b.call(0, "kill", b.id, "KILL"); err != nil {
			return 0, err
		}
		if err := b.until("stopped"); err != nil {
			return 0, err
		}
		return b.end()
	}
	words := append([]string{"create", "--bundle", b.bundle}, b.id)
	text, took, err := b.call(0, words...)
	if err == nil {
		return took, errors.New("create on a full disk succeeds")
	}
	if !strings.Contains(text, "no space left on device") {
		return took, fmt.Errorf("create on a full disk says %.300q, want that there is no space: %w", text, err)
	}
	return took, nil
}
