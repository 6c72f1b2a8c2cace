package cli

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// explainFileSize names the cause of an error of a file that grew too large, where that is
// our limit of file sizes. Memory that processes share counts as a file.
func explainFileSize(err error) error {
	var own unix.Rlimit
	if !errors.Is(err, unix.EFBIG) || unix.Getrlimit(unix.RLIMIT_FSIZE, &own) != nil || own.Cur == ^uint64(0) {
		return err
	}
	return fmt.Errorf("%w: the caller's hard limit of file sizes (RLIMIT_FSIZE) is %d bytes", err, own.Max)
}
