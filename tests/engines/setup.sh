#!/bin/sh
# Installs the engines that the tests start by hand, from Debian's packages, and
# nothing that is there. No service is started.
set -eu
[ "$(id -u)" = 0 ] || { echo "the tests start engines: run them as root" >&2; exit 1; }
missing=
for pair in dockerd:docker.io docker-init:docker.io containerd:containerd podman:podman conmon:conmon buildah:buildah slirp4netns:slirp4netns \
	newuidmap:uidmap ip:iproute2 script:bsdutils nsenter:util-linux; do
	command -v "${pair%%:*}" >/dev/null || [ -e "/usr/libexec/docker/${pair%%:*}" ] || missing="$missing ${pair##*:}"
done
[ -e /usr/lib/cni/ptp ] || missing="$missing containernetworking-plugins"
[ -z "$missing" ] && exit 0
echo "installing by apt:$missing (no service of theirs is started)" >&2
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
