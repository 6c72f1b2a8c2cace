package mount

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Reconfigure changes parameters of the file system that is mounted at the mount fd, such as
// the size of a tmpfs: everywhere it is mounted. What isn't named stays. flags are such as sync.
func Reconfigure(fd int, flags, words []string) error {
	fs, err := unix.Fspick(fd, "", unix.FSPICK_CLOEXEC|unix.FSPICK_EMPTY_PATH)
	if err != nil {
		return fmt.Errorf("fspick: %w", err)
	}
	defer unix.Close(fs)
	for _, flag := range flags {
		if err := unix.FsconfigSetFlag(fs, flag); err != nil {
			return explain(fs, flag, err)
		}
	}
	for _, word := range words {
		if err := set(fs, word); err != nil {
			return err
		}
	}
	if err := unix.FsconfigReconfigure(fs); err != nil {
		return explain(fs, "", err)
	}
	return nil
}
