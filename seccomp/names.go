package seccomp

// A place is the index of a call's name in nameText and of its numbers in the
// tables.
type place = uint16

// findName returns the place of a name; no architecture has a call of an unknown
// one.
func findName(name string) (place, bool) {
	const size = uint32(len(nameSlots))
	for at := hashName(nameSeed, name) % size; ; at = (at + 1) % size {
		slot := nameSlots[at]
		if slot == 0 {
			return 0, false
		}
		if p := slot - 1; placeName(p) == name {
			return p, true
		}
	}
}

// placeName is the name at a place.
func placeName(p place) string {
	from := uint16(0)
	if p > 0 {
		from = nameEnds[p-1]
	}
	return nameText[from:nameEnds[p]]
}

// hashName is FNV-1a with its bits mixed once more, for a table whose size is a
// power of two.
func hashName(seed uint32, name string) uint32 {
	h := seed
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return h ^ h>>15
}

// A gate is a call through which others are made, their number in its first
// argument.
type gate struct {
	name string // of the call: socketcall or ipc
	sub  uint8  // the number
}

// gateOf returns the gate of a call that has one on some architectures.
func gateOf(name string) gate {
	for _, g := range [...]struct {
		gate  string
		first uint8
		names []string
	}{
		{"socketcall", 1, socketCalls[:]},
		{"ipc", 1, semCalls[:]},
		{"ipc", 11, msgCalls[:]},
		{"ipc", 21, shmCalls[:]},
	} {
		for i, n := range g.names {
			if n == name {
				return gate{g.gate, g.first + uint8(i)}
			}
		}
	}
	return gate{}
}

// The calls of socketcall(2) and ipc(2), in the order of their numbers.
var (
	socketCalls = [...]string{
		"socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername", "socketpair", "send", "recv",
		"sendto", "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg",
	}
	semCalls = [...]string{"semop", "semget", "semctl", "semtimedop"}
	msgCalls = [...]string{"msgsnd", "msgrcv", "msgget", "msgctl"}
	shmCalls = [...]string{"shmat", "shmdt", "shmget", "shmctl"}
)
