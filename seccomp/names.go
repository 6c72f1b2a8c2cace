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

// A gate is the number of a call behind another one, by which it can be made on
// some architectures: ipc(2) or socketcall(2), whose first argument it is. Zero is
// none.
type gate struct {
	ipc bool
	sub uint8
}

// name is the call that leads to the others.
func (g gate) name() string {
	if g.ipc {
		return "ipc"
	}
	return "socketcall"
}

// gateOf returns the gate to a call.
func gateOf(name string) gate {
	switch name {
	case "socket":
		return gate{sub: 1}
	case "bind":
		return gate{sub: 2}
	case "connect":
		return gate{sub: 3}
	case "listen":
		return gate{sub: 4}
	case "accept":
		return gate{sub: 5}
	case "getsockname":
		return gate{sub: 6}
	case "getpeername":
		return gate{sub: 7}
	case "socketpair":
		return gate{sub: 8}
	case "send":
		return gate{sub: 9}
	case "recv":
		return gate{sub: 10}
	case "sendto":
		return gate{sub: 11}
	case "recvfrom":
		return gate{sub: 12}
	case "shutdown":
		return gate{sub: 13}
	case "setsockopt":
		return gate{sub: 14}
	case "getsockopt":
		return gate{sub: 15}
	case "sendmsg":
		return gate{sub: 16}
	case "recvmsg":
		return gate{sub: 17}
	case "accept4":
		return gate{sub: 18}
	case "recvmmsg":
		return gate{sub: 19}
	case "sendmmsg":
		return gate{sub: 20}
	case "semop":
		return gate{true, 1}
	case "semget":
		return gate{true, 2}
	case "semctl":
		return gate{true, 3}
	case "semtimedop":
		return gate{true, 4}
	case "msgsnd":
		return gate{true, 11}
	case "msgrcv":
		return gate{true, 12}
	case "msgget":
		return gate{true, 13}
	case "msgctl":
		return gate{true, 14}
	case "shmat":
		return gate{true, 21}
	case "shmdt":
		return gate{true, 22}
	case "shmget":
		return gate{true, 23}
	case "shmctl":
		return gate{true, 24}
	}
	return gate{}
}
