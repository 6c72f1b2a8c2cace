package cli

import (
	"os"
	"strconv"
	"strings"
)

// owners finds the names of users in /etc/passwd, which it reads when the first
// name is asked for. Other sources of names need a C library.
type owners struct {
	names map[uint32]string
}

// name returns a user's name, or #uid if there is none.
func (o *owners) name(uid uint32) string {
	if o.names == nil {
		passwd, _ := os.ReadFile("/etc/passwd")
		o.names = readPasswd(string(passwd))
	}
	if name, ok := o.names[uid]; ok {
		return name
	}
	return "#" + strconv.FormatUint(uint64(uid), 10)
}

// readPasswd returns the first name of each uid.
func readPasswd(passwd string) map[uint32]string {
	names := map[uint32]string{}
	for line := range strings.Lines(passwd) {
		fields := strings.SplitN(line, ":", 4)
		if len(fields) < 4 || fields[0] == "" || fields[0][0] == '#' {
			continue
		}
		uid, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			continue
		}
		if _, ok := names[uint32(uid)]; !ok {
			names[uint32(uid)] = fields[0]
		}
	}
	return names
}
