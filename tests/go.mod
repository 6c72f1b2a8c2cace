module github.com/rung-oci/rung/tests

go 1.26.0

// Else Go keeps cgroup files open in the probe, which would look like leaks.
godebug (
	containermaxprocs=0
	updatemaxprocs=0
)

require (
	github.com/opencontainers/runtime-spec v1.3.0
	github.com/rung-oci/rung v0.0.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/rogpeppe/go-internal v1.16.0
	golang.org/x/tools v0.26.0 // indirect
)

replace github.com/rung-oci/rung => ../
