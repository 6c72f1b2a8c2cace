package option

// MayCoverProc reports whether something may be mounted on a file below /proc: those that lxcfs
// provides. The path must be absolute and clean.
func MayCoverProc(clean string) bool {
	switch clean {
	case "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps",
		"/proc/uptime", "/proc/loadavg", "/proc/slabinfo", "/proc/sys/kernel/ns_last_pid",
		"/proc/sys/crypto/fips_enabled":
		return true
	}
	return false
}
