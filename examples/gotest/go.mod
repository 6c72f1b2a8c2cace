module example.com/gotest

go 1.26.0

require github.com/rung-oci/rung v0.0.0

require (
	github.com/godbus/dbus/v5 v5.2.4 // indirect
	github.com/opencontainers/runtime-spec v1.3.0 // indirect
	github.com/seccomp/libseccomp-golang v0.11.1 // indirect
	github.com/vishvananda/netlink v1.3.1 // indirect
	github.com/vishvananda/netns v0.0.5 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/rung-oci/rung => ../..
