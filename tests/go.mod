module github.com/rung-oci/rung/tests

go 1.26.0

// Else Go keeps cgroup files open in the probe, which would look like leaks.
godebug (
	containermaxprocs=0
	updatemaxprocs=0
)

require (
	github.com/checkpoint-restore/go-criu/v8 v8.3.0
	github.com/moby/spdystream v0.5.1
	github.com/opencontainers/runtime-spec v1.3.0
	github.com/rung-oci/rung v0.0.0
	golang.org/x/sync v0.25.0
	golang.org/x/sys v0.49.0
	google.golang.org/grpc v1.85.0
	k8s.io/cri-api v0.37.2
)

require (
	github.com/aperturerobotics/protobuf-go-lite v0.14.0 // indirect
	github.com/godbus/dbus/v5 v5.2.4 // indirect
	github.com/seccomp/libseccomp-golang v0.11.1 // indirect
	github.com/vishvananda/netlink v1.3.1 // indirect
	github.com/vishvananda/netns v0.0.5 // indirect
	golang.org/x/mod v0.41.0 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260817212433-ac3dfec99bb1 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

require (
	github.com/rogpeppe/go-internal v1.16.0
	golang.org/x/arch v0.33.0
	golang.org/x/tools v0.49.0
)

replace github.com/rung-oci/rung => ../
