#!/bin/sh
# Fetches the libseccomp that the tables are made from, and the kernel's headers,
# into a directory of their own; the host's packages stay as they are. Prints the
# environment in which Go finds them:
#
#     eval "$(seccomp/gen/libseccomp.sh)"
set -eu
dir=${1:-/var/tmp/rung-libseccomp}
# The mirror is the one that the host's own packages come from.
# shellcheck disable=SC1091,SC2016
mirror=${MIRROR:-$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
	awk -v own="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$1 == own { print $2; exit }')}
mirror=${mirror%/}
arch=$(dpkg --print-architecture)
libseccomp=2.6.0-2
headers=7.2.13-1
# Of what decides the tables' contents. The library is the same on all architectures.
sums="12326d36a510cafeda0f33d0a97439f7812e1e56128c4b79091142ce5cf07766  libseccomp-dev_${libseccomp}_amd64.deb
8b33c2a408bbab537e753102dce181dc211007f64c1e2516065bc677f60d5d99  linux-libc-dev_${headers}_all.deb"

if [ ! -e "$dir/libseccomp.pc" ]; then
	mkdir -p "$dir"
	for file in "libs/libseccomp/libseccomp-dev_${libseccomp}_$arch.deb" "l/linux/linux-libc-dev_${headers}_all.deb"; do
		name=${file##*/}
		curl -sSfL --max-time 120 -o "$dir/$name" "$mirror/pool/main/$file" >&2
		want=$(echo "$sums" | sed -n "s/  $name\$//p")
		if [ -n "$want" ]; then echo "$want  $dir/$name" | sha256sum -c --quiet >&2; fi
		dpkg-deb -x "$dir/$name" "$dir"
		rm "$dir/$name"
	done
	# The static library, so that what is built with it runs without it.
	lib=$(ls "$dir"/usr/lib/*/libseccomp.a)
	printf 'Name: libseccomp\nDescription: seccomp\nVersion: %s\nCflags: -I%s\nLibs: %s\n' \
		"${libseccomp%-*}" "$dir/usr/include" "$lib" >"$dir/libseccomp.pc"
fi
echo "export CGO_ENABLED=1 PKG_CONFIG_PATH=$dir RUNG_UAPI=$dir/usr/lib/linux/uapi RUNG_UAPI_VERSION=${headers%-*}"
