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
	if sub := socketCall(name); sub != 0 {
		return gate{sub: sub}
	}
	return gate{true, ipcCall(name)}
}

// socketCall is a call's number behind socketcall(2).
func socketCall(name string) uint8 {
	switch name {
	case "socket":
		return 1
	case "bind":
		return 2
	case "connect":
		return 3
	case "listen":
		return 4
	case "accept":
		return 5
	case "getsockname":
		return 6
	case "getpeername":
		return 7
	case "socketpair":
		return 8
	case "send":
		return 9
	case "recv":
		return 10
	case "sendto":
		return 11
	case "recvfrom":
		return 12
	case "shutdown":
		return 13
	case "setsockopt":
		return 14
	case "getsockopt":
		return 15
	case "sendmsg":
		return 16
	case "recvmsg":
		return 17
	case "accept4":
		return 18
	case "recvmmsg":
		return 19
	case "sendmmsg":
		return 20
	}
	return 0
}

// ipcCall is a call's number behind ipc(2).
func ipcCall(name string) uint8 {
	switch name {
	case "semop":
		return 1
	case "semget":
		return 2
	case "semctl":
		return 3
	case "semtimedop":
		return 4
	case "msgsnd":
		return 11
	case "msgrcv":
		return 12
	case "msgget":
		return 13
	case "msgctl":
		return 14
	case "shmat":
		return 21
	case "shmdt":
		return 22
	case "shmget":
		return 23
	case "shmctl":
		return 24
	}
	return 0
}
