package mount

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/calls"
)

// Reconfigure changes parameters of the file system that is mounted at the mount fd, such as
// the size of a tmpfs: everywhere it is mounted. What isn't named stays. flags are such as sync.
func Reconfigure(k *calls.Kernel, fd calls.FD, flags, words []string) {
	fs := k.Fspick("fspick", fd).FD()
	defer k.Close(fs)
	for _, flag := range flags {
		setFlag(k, fs, "", flag)
	}
	for _, word := range words {
		set(k, fs, "", word)
	}
	k.Fsconfig("", fs, unix.FSCONFIG_CMD_RECONFIGURE).Else(explain(k, fs, asked{}))
}
