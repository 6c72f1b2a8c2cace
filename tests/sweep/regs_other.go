//go:build !amd64

package sweep

import (
	"errors"

	"golang.org/x/sys/unix"
)

// able tells whether calls can be made to fail on this architecture.
const able = false

func skip(int) error { return errors.ErrUnsupported }

func setResult(int, unix.Errno) error { return errors.ErrUnsupported }

var spared, runtimes = map[uint64]bool{}, map[uint64]bool{}

const few = 0

func ofGo(*fault) bool { return false }

func plausible(uint64) []unix.Errno { return nil }
