#!/bin/sh
# Makes a bundle whose only program is demo.go, runs it by rung, and removes it.
# Nothing of it comes from the network.
set -eu
rung=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
[ "$(id -u)" = 0 ] || { echo "a container of this version needs root: sudo make run" >&2; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/rootfs"
cp "$here/demo.go" "$dir/"
(cd "$dir" && CGO_ENABLED=0 GOFLAGS= GO111MODULE=off go build -trimpath -ldflags '-s -w' -o rootfs/demo demo.go)
cd "$dir"
"$rung" spec
# The template is for a person at a terminal.
sed -i -e 's/"terminal": true/"terminal": false/' -e 's/"sh"/"\/demo"/' config.json
"$rung" run "rung-demo-$$"
