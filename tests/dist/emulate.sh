#!/bin/sh
# emulate.sh DIRECTORY: runs the binary of every tarball in a directory that make dist has filled, by qemu-user where
# it isn't this machine's: --version, spec, validate and seccomp explain.
set -eu
here=$(dirname "$(realpath "$0")")
dist=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
for tarball in "$dist"/rung-*-linux-*.tar.gz; do
	name=$(basename "$tarball" .tar.gz)
	arch=${name##*-}
	tar -xzf "$tarball"
	case $arch in
	"$(dpkg --print-architecture)" | 386) run='' ;;
	arm64) run=qemu-aarch64 ;;
	armv7) run=qemu-arm ;;
	loong64) run=qemu-loongarch64 ;;
	*) run=qemu-$arch ;;
	esac
	if [ "$run" ] && ! command -v "$run" >/dev/null; then
		echo "$arch: $run is missing (apt install qemu-user)" >&2
		exit 1
	fi
	# shellcheck disable=SC2086
	rung() { timeout 60 $run "$dir/$name/bin/rung" "$@"; }
	version=$(rung --version | head -n 1)
	[ "$version" = "rung version $(cat "$here/../../VERSION")" ]
	mkdir box
	rung spec --bundle box
	rung validate box >validated
	rung seccomp explain "$here/profile.json" getcwd >explained
	grep -q getcwd explained
	rm -r box "$name"
	echo "$arch: $version, spec, validate, seccomp explain"
done
