#!/bin/sh
# roots.sh DIRECTORY: installs the deb and the rpm that make dist has put there into a fresh Debian root, looks at them
# with lintian, runs what the README shows, and removes them. Needs root, mmdebstrap and a Debian mirror, the host's.
set -eu
dist=$(realpath "$1")
root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
mmdebstrap --quiet --variant=apt --include=lintian,rpm,busybox-static,man-db bookworm "$root"
cp "$dist"/rung_*_"$(dpkg --print-architecture)".deb "$root/root/rung.deb"
cp "$dist"/rung-*."$(uname -m)".rpm "$root/root/rung.rpm"
cat >"$root/root/try.sh" <<'EOF'
set -eu
cd /root
echo "lintian:"
lintian --fail-on error,warning /root/rung.deb 2>&1 | grep -v 'running with root' || true
lintian --fail-on error,warning /root/rung.deb >/dev/null 2>&1
find / -xdev -not -path '/root/*' -not -path '/var/*' -not -path '/run/*' >before
dpkg -i rung.deb >/dev/null
rung --version
man -w rung rung-run
mkdir -p box/rootfs/bin
cp "$(command -v busybox)" box/rootfs/bin/sh
rung spec --bundle box
echo 'echo hello from $(hostname)' | rung run --bundle box "rung-dist-$$" | grep '^hello from rung'
dpkg --purge rung >/dev/null
find / -xdev -not -path '/root/*' -not -path '/var/*' -not -path '/run/*' >after
diff before after
mkdir rpm
rpm --root /root/rpm -i --nodeps rung.rpm 2>/dev/null
rpm --root /root/rpm -V rung
rpm/usr/bin/rung --version | head -n 1
rpm --root /root/rpm -e rung 2>/dev/null
[ -z "$(find rpm -name '*rung*')" ]
echo "installed, tried and removed: deb, rpm"
EOF
# The mounts are in a mount namespace of their own, and end with it.
export root
timeout 300 unshare -m --propagation private sh -c '
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount --rbind /sys "$root/sys"
	mount --rbind /dev "$root/dev"
	exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh /root/try.sh' </dev/null
