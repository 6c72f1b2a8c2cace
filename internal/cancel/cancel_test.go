package cancel

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/fdio"
	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	return p[0], p[1]
}

// A wait ends with the context, whichever comes first.
func TestSignal(t *testing.T) {
	r, w := pipe(t)
	for range 100 {
		ctx, end := context.WithCancel(t.Context())
		s, err := Of(ctx)
		if err != nil {
			t.Fatal(err)
		}
		go end()
		if err := s.Await(r); !errors.Is(err, context.Canceled) || s.Err() == nil {
			t.Fatalf("Await = %v, Err = %v", err, s.Err())
		}
		s.Close()
		if _, err := Of(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("Of what is done: %v", err)
		}
	}
	ctx, end := context.WithTimeout(t.Context(), time.Hour)
	defer end()
	s, err := Of(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(w, []byte{1}); err != nil {
		t.Fatal(err)
	}
	if err := s.Await(r); err != nil || s.Err() != nil {
		t.Errorf("Await of what is there = %v, Err = %v", err, s.Err())
	}
	s.Close()
}

// A context is let go of while it ends: nothing is written to a descriptor that is closed.
func TestClose(t *testing.T) {
	for range 1000 {
		ctx, end := context.WithCancel(t.Context())
		s, err := Of(ctx)
		if err != nil {
			t.Fatal(err)
		}
		go end()
		s.Close()
		if s.fd.Open() {
			t.Fatal("the descriptor is open")
		}
	}
}

// What never is done costs nothing.
func TestNone(t *testing.T) {
	s, err := Of(context.Background())
	if s != nil || err != nil {
		t.Fatalf("a signal of what never ends: %v, %v", s, err)
	}
	r, _ := pipe(t)
	if err := s.Await(r); err != nil || s.Err() != nil {
		t.Error("it has ended")
	}
	fds := []unix.PollFd{s.Poll()}
	if seen, err := fdio.Poll(fds, time.Now()); seen || err != nil {
		t.Errorf("poll sees it: %v", err)
	}
	s.Close()
}
