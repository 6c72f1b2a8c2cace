#!/bin/sh
# Builds containerd 2, which Debian 12 doesn't have, from the Go proxy.
set -eu
version=2.2.9
dir=/var/tmp/rung-containerd-$version
[ -x "$dir/ctr" ] && exit 0
module=github.com/containerd/containerd/v2/cmd
cd /
GOBIN=$dir CGO_ENABLED=0 GOFLAGS= go install -trimpath -tags 'no_btrfs no_zfs no_aufs' \
	"$module/containerd@v$version" "$module/containerd-shim-runc-v2@v$version" "$module/ctr@v$version"
