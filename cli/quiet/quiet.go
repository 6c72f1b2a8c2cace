package quiet

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/spawn"
)

// quiet gives the threads that the Go runtime has made for itself a large timer
// slack, see [spawn.Slack]. Where procfs has no such file nothing is lost.
func quiet() {
	dir, err := unix.Open("/proc/self/task", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	var buf [1024]byte
	n, err := unix.ReadDirent(dir, buf[:])
	unix.Close(dir)
	if err != nil || n <= 0 {
		return
	}
	_, _, tasks := unix.ParseDirent(buf[:n], -1, nil)
	own := strconv.Itoa(unix.Getpid())
	for _, t := range tasks {
		if t == own {
			continue
		}
		fd, err := unix.Open("/proc/"+t+"/timerslack_ns", unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		unix.Write(fd, []byte(strconv.Itoa(spawn.Slack)))
		unix.Close(fd)
	}
}
