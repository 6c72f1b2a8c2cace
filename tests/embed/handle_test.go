package embed

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/tests/harness"
)

// gone is a handle of a container that has been deleted.
func gone(t *testing.T, b *harness.Bundle) *libcontainer.Container {
	t.Helper()
	c, err := runtimeOf(t, b).Create(boundary(t), &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	return c
}

// A forced delete by the handle of what is gone doesn't disturb who makes another container under the id.
func TestHandleOfBefore(t *testing.T) {
	harness.Once(t)
	b := harness.New(t, harness.Args("/bin/sleep", "100"))
	r := runtimeOf(t, b)
	old := gone(t, b)
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
				if err := old.Delete(t.Context(), true); err != nil {
					stopped <- err
					return
				}
			}
		}
	}()
	for range 10 {
		c, err := r.Create(boundary(t), &libcontainer.CreateOptions{ID: b.ID, Bundle: b.Dir})
		if err != nil {
			t.Error(err)
			continue
		}
		if s, err := c.State(); err != nil || s.Status != specs.StateCreated {
			t.Errorf("State = %+v, %v", s, err)
		}
		if err := c.Delete(t.Context(), true); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Errorf("forced delete of what is gone: %v", err)
	}
}

// An entry without a record, or with a damaged one, is its own container's, and not that of a handle of before.
func TestHandleWithoutRecord(t *testing.T) {
	harness.Once(t)
	for name, damage := range map[string]func(record string) error{
		"no record": os.Remove,
		"damaged":   func(record string) error { return os.WriteFile(record, []byte("{"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			b := harness.New(t, harness.Args("/bin/sleep", "100"))
			old := gone(t, b)
			c := running(t, b)
			s, err := c.State()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := runtimeOf(t, b).Container(b.ID).Delete(context.Background(), true); err != nil {
					t.Error(err)
				}
			})
			entry := filepath.Join(b.Root, b.ID)
			if err := damage(filepath.Join(entry, "state.json")); err != nil {
				t.Fatal(err)
			}
			if err := old.Delete(t.Context(), true); err != nil {
				t.Error(err)
			}
			if _, err := old.State(); err == nil || name == "no record" && !errors.Is(err, libcontainer.ErrNotExist) {
				t.Errorf("State of what is gone: %v", err)
			}
			if err := unix.Kill(s.PID, 0); err != nil {
				t.Errorf("the other one's init: %v", err)
			}
			if _, err := os.Stat(entry); err != nil {
				t.Error(err)
			}
			if name == "no record" {
				return // nobody can tell whose it is
			}
			if err := c.Delete(t.Context(), true); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(entry); !os.IsNotExist(err) {
				t.Errorf("after its own handle's delete: %v", err)
			}
		})
	}
}
