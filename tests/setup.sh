#!/bin/sh
# Installs what the tests need from Debian's packages, and nothing that is there.
set -eu
[ "$(id -u)" = 0 ] || { echo "the tests make containers: run them as root" >&2; exit 1; }
missing=
for pair in busybox:busybox-static runc:runc crun:crun strace:strace debootstrap:debootstrap gcc:gcc keyctl:keyutils mandoc:mandoc jq:jq setpriv:util-linux newuidmap:uidmap ip:iproute2; do
	command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
# Debian's busybox may be the dynamic one; containers need the static one.
if command -v busybox >/dev/null && ! dpkg -s busybox-static >/dev/null 2>&1; then missing="$missing busybox-static"; fi
[ -e /usr/include/errno.h ] || missing="$missing libc6-dev"
# The engines, of which a short test starts some.
[ -n "${RUNG_NO_ENGINES:-}" ] || "$(dirname "$0")/engines/setup.sh"
if [ -n "$missing" ]; then
	echo "installing by apt:$missing" >&2
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# shellcheck disable=SC2086
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
# The runc that tests/differ compares with; without it that is skipped.
"$(dirname "$0")/differ/runc.sh" >/dev/null || true
