package libcontainer

import "runtime/debug"

// putOffGC lets what is read and kept, a large configuration or the records of
// many containers, of as many bytes, take more memory before garbage is collected.
// What is made of it reaches the 4 MiB at which Go begins; to go through it takes
// milliseconds, and frees next to nothing, for it is in use until we end. So that
// waits for 16 MiB.
func (r *Runtime) putOffGC(bytes int) {
	const large, percent = 256 << 10, 400
	if r.Effects.LazyGC && bytes > large {
		debug.SetGCPercent(percent)
	}
}
