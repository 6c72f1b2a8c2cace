package early

// A goroutine's stack starts with 2 KiB and is copied into one of twice the size
// when it is full. For that the Go runtime finds its way through the frames by
// the symbol table, of which each page that is touched for the first time costs
// as much as the copy: together 0.2 ms of the 2.9 that a command takes at least, and
// 0.5 MiB of resident memory. So the stacks that get deep are large at once.

// stackNeed is the room that commands take, with some to spare.
const stackNeed = 16 << 10

var never bool

func init() { GrowStack() } // the main goroutine's

// GrowStack gives the calling goroutine a stack that won't have to grow. Its pages
// take memory only once they are used.
func GrowStack() { withRoom(never) }

// withRoom makes the stack grow by the size of its frame. It doesn't fill it.
//
//go:noinline
func withRoom(really bool) {
	if really {
		var room [stackNeed]byte
		use(&room)
	}
}

//go:noinline
func use(room *[stackNeed]byte) { room[0]++ }
