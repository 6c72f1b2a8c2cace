package rootfs

import "unsafe"

var empty = [1]byte{}

// emptyString is a C string of length 0.
func emptyString() unsafe.Pointer { return unsafe.Pointer(&empty[0]) }
