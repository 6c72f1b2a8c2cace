#!/bin/sh
# roots.sh DIRECTORY ["deb rpm apk"]: the packages that make dist has put there behave. Each is looked at by its distribution's
# tool, installed by a package manager into a fresh root, tried with what the README shows, and removed: then nothing is left.
# Needs root, Go, mmdebstrap and a Debian mirror, the host's; what the roots are, and what they aren't, is in README.md.
set -eu
here=$(dirname "$(realpath "$0")")
dist=$(realpath "$1")
kinds=${2:-deb rpm apk}
root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
mmdebstrap --quiet --variant=apt --include=lintian,rpm,rpmlint,dnf,busybox-static,man-db,mount bookworm "$root"
cp "$dist"/rung_*_"$(dpkg --print-architecture)".deb "$root/root/rung.deb"
cp "$dist"/rung-*."$(uname -m)".rpm "$root/root"
cp "$dist"/rung_*_"$(uname -m)".apk "$root/root/rung.apk"
(cd "$here/apk" && go vet . && CGO_ENABLED=0 go build -o "$root/root/apk" .)
cp "$here/roots/"* "$here/rpmlint.toml" "$root/root"
# The mounts are in a mount namespace of their own, and end with it.
for kind in $kinds; do
	root=$root timeout -k 5 300 unshare -m --propagation private sh -c '
		mount --bind "$root" "$root"
		mount -t proc proc "$root/proc"
		mount --rbind /sys "$root/sys"
		mount --rbind /dev "$root/dev"
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh -eu "/root/$1.sh"' sh "$kind" </dev/null
done
