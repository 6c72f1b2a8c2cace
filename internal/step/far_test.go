package step

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
	"github.com/rung-oci/rung/internal/calls/callstest"
)

// A maker is who makes the calls of a box: its own thread, or another process, as a container's
// first process does.
type maker struct {
	name        string
	count, size int // of the annex of another process
}

var makers = []maker{
	{name: "here"},
	{"far", 192, 48 << 10},     // annexEntries and annexBytes of package plan
	{"far small", 32, 8 << 10}, // which has to be told even of short steps in parts
}

// kernel is one whose calls are made in the namespaces of the calling thread, which must be locked
// until end has been called, and by process pid.
func (m maker) kernel(t *testing.T) (k *calls.Kernel, pid int, end func()) {
	t.Helper()
	if m.count == 0 {
		return new(calls.Kernel), unix.Getpid(), func() {}
	}
	p := callstest.Start(t, m.count, m.size)
	return p.K, p.PID, func() { p.End(t) }
}
