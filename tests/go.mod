module github.com/rung-oci/rung/tests

go 1.26.0

require (
	github.com/opencontainers/runtime-spec v1.3.0
	golang.org/x/sys v0.49.0
)

replace github.com/rung-oci/rung => ../
