#!/bin/sh
# setup.sh [-n] [PACKAGE…] installs the engines that the tests start by hand, and other packages, from Debian's, and nothing
# that is there. It says beforehand what that will be; with -n it only says it. No service is started. RUNG_NO_ENGINES=1: the
# other packages alone.
set -eu
[ "$(id -u)" = 0 ] || { echo "the tests start engines: run them as root" >&2; exit 1; }
only=
if [ "${1:-}" = -n ]; then only=1 && shift; fi
missing=$*
want() { case " $missing " in *" $1 "*) ;; *) missing="$missing${missing:+ }$1" ;; esac; }
if [ -z "${RUNG_NO_ENGINES:-}" ]; then
	for pair in dockerd:docker.io docker-init:docker.io containerd:containerd podman:podman conmon:conmon buildah:buildah slirp4netns:slirp4netns \
		newuidmap:uidmap ip:iproute2 script:bsdutils nsenter:util-linux; do
		command -v "${pair%%:*}" >/dev/null || [ -e "/usr/libexec/docker/${pair%%:*}" ] || want "${pair##*:}"
	done
	[ -e /usr/lib/cni/ptp ] || want containernetworking-plugins
fi
[ -n "$missing" ] || exit 0
echo "the tests need these packages, which are installed by apt (no service of theirs is started): $missing" >&2
[ -z "$only" ] || exit 0
# Packages that bring a daemon would start it: a file says that they may not.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
