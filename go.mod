module github.com/rung-oci/rung

go 1.26.0

toolchain go1.26.8

// Go 1.25 and later keeps the cgroup's cpu files open in every process and polls
// them; nothing of the host may be open in a process that a container can see.
godebug (
	containermaxprocs=0
	updatemaxprocs=0
)

require (
	github.com/cilium/ebpf v0.22.0
	github.com/godbus/dbus/v5 v5.2.4
	github.com/opencontainers/runtime-spec v1.3.0
	github.com/seccomp/libseccomp-golang v0.11.1
	github.com/sirupsen/logrus v1.10.2
	github.com/urfave/cli/v3 v3.14.0
	github.com/vishvananda/netlink v1.3.1
	github.com/vishvananda/netns v0.0.5
	golang.org/x/sys v0.49.0
)
