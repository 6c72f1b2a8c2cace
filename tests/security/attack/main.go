// Attack is what hostile programs in a container do to the processes that the
// runtime makes beside them.
//
//	attack snoop PROGRAM   look into every other process until it has become PROGRAM
//	attack take PROGRAM INODE
//	                       take all descriptors of every other process until it has become PROGRAM; INODE
//	                       is that of the host's root directory
//	attack forge NUMBER ADDRESS
//	                       write NUMBER to ADDRESS of every new process
//	attack exe             try to open the executable of every other process for writing
//	attack type            push keys into the controlling terminal, or any on stdin
//
// snoop, take, forge and exe end when the file /tmp/stop exists; all print JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

func main() {
	runtime.LockOSThread() // a tracer is a thread
	// A test that was killed ends nothing, and whoever tries to write a program keeps
	// others from running it ("text file busy").
	time.AfterFunc(10*time.Minute, func() { os.Exit(3) })
	var result any
	switch {
	case len(os.Args) == 3 && os.Args[1] == "snoop":
		result = snoop(os.Args[2])
	case len(os.Args) == 4 && os.Args[1] == "take":
		root, _ := strconv.ParseUint(os.Args[3], 10, 64)
		result = take(os.Args[2], root)
	case len(os.Args) == 4 && os.Args[1] == "forge":
		number, _ := strconv.Atoi(os.Args[2])
		at, _ := strconv.ParseInt(os.Args[3], 0, 64)
		result = forge(number, at)
	case len(os.Args) == 2 && os.Args[1] == "exe":
		result = overwrite()
	case len(os.Args) == 2 && os.Args[1] == "type":
		result = inject()
	default:
		fmt.Fprintln(os.Stderr, "usage: attack snoop PROGRAM | take PROGRAM INODE | forge NUMBER ADDRESS | exe | type")
		os.Exit(2)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
