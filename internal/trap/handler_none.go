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
	signals := make(chan os.Signal, 128)
	for sig := unix.Signal(1); sig <= last; sig++ {
		if ours(sig) && !slices.Contains(but, sig) {
			signal.Notify(signals, sig)
		}
	}
	go func() {
		for s := range signals {
			sig := int32(s.(unix.Signal))
			_, _ = unix.Write(int(pipe), (*[4]byte)(unsafe.Pointer(&sig))[:])
		}
	}()
	return nil
}
