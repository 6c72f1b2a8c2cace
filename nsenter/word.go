package nsenter

import "encoding/binary"

// bigEndianHalf is where the low word of a 64-bit field begins: on a 32-bit
// big-endian port in its second half.
var bigEndianHalf = func() Slot {
	if wordSize == 4 && binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		return 4
	}
	return 0
}()
