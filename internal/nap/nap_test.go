package nap

import (
	"testing"
	"time"

	"github.com/rung-oci/rung/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestSleep(t *testing.T) {
	for _, d := range []time.Duration{-time.Second, 0, 20 * time.Millisecond} {
		start := time.Now()
		Sleep(d)
		if took := time.Since(start); took < d || took > d+2*time.Second {
			t.Errorf("Sleep(%v) took %v", d, took)
		}
	}
}

func TestUntil(t *testing.T) {
	done := make(chan struct{})
	if Until(done, 5*time.Millisecond) {
		t.Error("done before it was")
	}
	go func() {
		Sleep(5 * time.Millisecond)
		close(done)
	}()
	if !Until(done, 10*time.Second) || !Until(done, 0) {
		t.Error("not done in ten seconds")
	}
}
