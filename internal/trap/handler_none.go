//go:build !amd64 && !arm64

package trap

import (
	"os"
	"os/signal"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// install has os/signal do it, where there is no handler of our own.
func install(but []unix.Signal) error {
	restore()
	signals := make(chan os.Signal, 128)
	for sig := unix.Signal(1); sig <= last; sig++ {
		if ours(sig) && !slices.Contains(but, sig) {
			signal.Notify(signals, sig)
		}
	}
	caught = signals
	go func() {
		for s := range signals {
			sig := int32(s.(unix.Signal))
			_, _ = unix.Write(int(pipe), (*[4]byte)(unsafe.Pointer(&sig))[:])
		}
	}()
	return nil
}

var caught chan os.Signal

// restore gives the signals back.
func restore() {
	if caught != nil {
		signal.Stop(caught)
		close(caught)
		caught = nil
	}
}
