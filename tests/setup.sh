#!/bin/sh
# Installs what the tests need, from Debian's packages, and nothing that is there. It says beforehand what that will be, and
# says only that with -n. RUNG_NO_ENGINES=1 leaves the engines out, whose tests are then skipped.
set -eu
here=$(dirname "$0")
[ "$(id -u)" = 0 ] || { echo "the tests make containers: run them as root" >&2; exit 1; }
missing=
for pair in busybox:busybox-static runc:runc crun:crun strace:strace debootstrap:debootstrap gcc:gcc keyctl:keyutils mandoc:mandoc jq:jq setpriv:util-linux newuidmap:uidmap ip:iproute2 ps:procps \
	pkg-config:pkg-config zsh:zsh fish:fish; do
	command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
# Debian's busybox may be the dynamic one; containers need the static one.
if command -v busybox >/dev/null && ! dpkg -s busybox-static >/dev/null 2>&1; then missing="$missing busybox-static"; fi
[ -e /usr/include/errno.h ] || missing="$missing libc6-dev"
[ -e /usr/include/seccomp.h ] || missing="$missing libseccomp-dev" # of the runc below
# With the engines, of which a short test starts some.
# shellcheck disable=SC2086
"$here/engines/setup.sh" ${1:+"$1"} $missing
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rung
for made in "$cache: runc 1.4.0, for tests/differ, by go install" "/var/tmp/rung-test-debian: a Debian for tests/lifecycle, by debootstrap"; do
	[ -n "$(ls "${made%%:*}" 2>/dev/null)" ] || echo "the tests make $made" >&2
done
[ "${1:-}" = -n ] || "$here/differ/runc.sh" >/dev/null || true # without it, differ is skipped
