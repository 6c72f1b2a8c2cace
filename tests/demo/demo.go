// Demo shows, from inside, that it runs in a container.
package main

import (
	"fmt"
	"os"
	"strings"
)

func read(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b))
}

func main() {
	host, _ := os.Hostname()
	fmt.Println("hostname  ", host)
	fmt.Println("pid       ", os.Getpid(), "user", os.Getuid())
	entries, _ := os.ReadDir("/proc")
	var pids []string
	for _, e := range entries {
		if n := e.Name(); n[0] >= '0' && n[0] <= '9' {
			pids = append(pids, n)
		}
	}
	fmt.Println("processes ", strings.Join(pids, " "))
	for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "uts"} {
		link, _ := os.Readlink("/proc/self/ns/" + ns)
		fmt.Println("namespace ", link)
	}
	for l := range strings.SplitSeq(read("/proc/self/status"), "\n") {
		if strings.HasPrefix(l, "CapEff") || strings.HasPrefix(l, "NoNewPrivs") {
			fmt.Println("status    ", strings.ReplaceAll(l, "\t", " "))
		}
	}
	for l := range strings.SplitSeq(read("/proc/self/cgroup"), "\n") {
		fmt.Println("cgroup    ", l)
	}
	for l := range strings.SplitSeq(read("/proc/self/mounts"), "\n") {
		f := strings.Fields(l)
		if len(f) > 3 {
			fmt.Printf("mount      %-22s %-10s %s\n", f[1], f[2], f[3])
		}
	}
}
