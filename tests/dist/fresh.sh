#!/bin/sh
# fresh.sh [OUT]: what somebody sees who has a Debian 12 with nothing but Go, make and git: a fresh clone of this
# repository, and the README's two commands in it, timed. Their output is kept in the file OUT (build/fresh.txt).
#
# RUNG_FRESH=SECONDS ends make test after that long: enough to see that it begins.
# Needs root, debootstrap and a Debian mirror, the host's, and Go in /usr/local/go. Everything is in a directory below
# TMPDIR that ends with the script, and in a namespace of mounts that ends with what runs in it.
set -eu
[ "$(id -u)" = 0 ] || { echo "fresh.sh mounts: run it as root" >&2; exit 1; }
# Called by a hook of git's, it is of this repository all the same.
# shellcheck disable=SC2046 # names
unset $(git rev-parse --local-env-vars)
repository=$(realpath "$(dirname "$0")/../..")
out=$(realpath -m "${1:-$repository/build/fresh.txt}")
mkdir -p "$(dirname "$out")"
root=$(mktemp -d)
chmod 755 "$root" # for apt's own user
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 1' INT TERM
echo "fresh: debootstrap, its output is in $out"
debootstrap --variant=minbase --include=make,git,ca-certificates bookworm "$root" >"$out" 2>&1
cp -a /usr/local/go "$root/usr/local/go"
# What the host needs to get at its mirrors, the root needs too.
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
cp -rL /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
for file in /etc/apt/apt.conf.d/*proxy*; do [ ! -e "$file" ] || cp "$file" "$root/etc/apt/apt.conf.d/"; done
cp "$(dirname "$0")/fresh-inside.sh" "$root/root/inside.sh"
git clone -q --no-hardlinks "$repository" "$root/root/rung"
proxy=$(go env GOPROXY) sums=$(go env GOSUMDB)
export root proxy sums
# What is ended early ends with all its processes, with the first of a namespace of theirs. The whole of the tests runs in the
# host's, as with somebody who types it.
early=${RUNG_FRESH:+--pid --fork --kill-child}
# Not chroot: whoever is in one can't make a user namespace.
set +e
# shellcheck disable=SC2086
unshare --mount --propagation private $early sh -euc '
	mount --bind "$root" "$root"
	for dir in sys dev; do mount --rbind "/$dir" "$root/$dir"; done
	if [ "${RUNG_FRESH:-}" ]; then mount -t proc proc "$root/proc"; else mount --rbind /proc "$root/proc"; fi
	mount -t tmpfs tmpfs "$root/run"
	cd "$root"
	mkdir .old
	pivot_root . .old
	umount -l .old
	rmdir .old
	exec env -i PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root GOPROXY="$proxy" GOSUMDB="$sums" RUNG_FRESH="${RUNG_FRESH:-}" \
		sh -eu /root/inside.sh' </dev/null >>"$out" 2>&1
rc=$?
set -e
sed -n '/^fresh: /p' "$out"
exit $rc
