package mount

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/mount/option"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestReconfigure(t *testing.T) {
	testbed.Tmpfs(t, 0, func(dir string) {
		tree, err := newTree("tmpfs", "x", option.Options{Data: []string{"size=64k", "mode=700"}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(tree)
		path := filepath.Join(dir, "m")
		attach(t, tree, path)
		same := testbed.Same(t, os.Getpid())
		for _, tt := range []struct {
			fd           int
			flags, words []string
			text         string
		}{
			{tree, []string{"sync"}, []string{"size=128k"}, ""},
			{tree, nil, []string{"size=much"}, "tmpfs: Bad value for 'size': invalid argument"},
			{-1, nil, nil, "fspick: bad file descriptor"},
		} {
			err := done(func(k *calls.Kernel) { Reconfigure(k, calls.Number(tt.fd), tt.flags, tt.words) })
			if (err == nil) != (tt.text == "") || err != nil && err.Error() != tt.text {
				t.Errorf("Reconfigure(%v, %v) = %v, want %q", tt.flags, tt.words, err, tt.text)
			}
			if l := info(t, path); !strings.Contains(l, "rw,sync") || !strings.Contains(l, "size=128k") || !strings.Contains(l, "mode=700") {
				t.Errorf("Reconfigure(%v, %v) left %q", tt.flags, tt.words, l)
			}
		}
		same()
		err = done(func(k *calls.Kernel) {
			Reconfigure(k, calls.Number(tree), nil, []string{"size=" + strings.Repeat("1", maxValue+1)})
		})
		if long := (*ErrTooLong)(nil); !errors.As(err, &long) || long.Key != "size" {
			t.Errorf("Reconfigure with a long value = %v", err)
		}
	})
}
