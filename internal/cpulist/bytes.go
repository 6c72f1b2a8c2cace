package cpulist

import "unsafe"

// bytesOf is the memory of a mask. The kernel's words are of the size of a
// pointer: on a big-endian machine the halves of ours would be swapped.
func bytesOf(words []uint64) []byte {
	const half = unsafe.Sizeof(uintptr(0))
	out := make([]byte, 0, 8*len(words))
	for _, w := range words {
		for i := uintptr(0); i < 8; i += half {
			v := uintptr(w >> (8 * i))
			out = append(out, unsafe.Slice((*byte)(unsafe.Pointer(&v)), half)...)
		}
	}
	return out
}
