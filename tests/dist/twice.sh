#!/bin/sh
# twice.sh DIRECTORY [ARCHITECTURES]: what make dist has put into a directory is made again, byte for byte, by somebody else: from a
# clone elsewhere, with an empty build cache, another home, umask, time zone and locale, and an environment that asks for
# other processors and other tags. Only where modules come from, and those that are here already, is the same.
# Then once more without git, from the tarball of the source: all but that tarball is the same.
set -eu
# Called by a hook of git's, it is of this repository all the same.
# shellcheck disable=SC2046 # names
unset $(git rev-parse --local-env-vars)
repository=$(realpath "$(dirname "$0")/../..")
dist=$(realpath "$1")
go=${GO:-go}
twice=$(mktemp -d)
trap 'rm -rf "$twice"' EXIT
trap 'exit 1' INT TERM
mkdir "$twice/home" "$twice/tmp" "$twice/unpacked"
# git's own processes, of which some read the clone of somebody else, take it from there alone.
printf '[safe]\n\tdirectory = *\n' >"$twice/home/.gitconfig"
HOME=$twice/home git clone -q "$repository" "$twice/clone"
GOMODCACHE=$("$go" env GOMODCACHE) GOENV=$("$go" env GOENV) GOTOOLCHAIN=$(sed -n 's/^toolchain //p' "$repository/go.mod")
export GOMODCACHE GOENV GOTOOLCHAIN
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL GOOS GOARCH
# again TREE NAME [ARCHITECTURES]: what makes it may come from the cache that is here, what it makes may not.
again() (
	cd "$1/tests/dist"
	"$go" build -buildvcs=false -o "$twice/make-$2" .
	umask 077
	export HOME="$twice/home" TMPDIR="$twice/tmp" GOCACHE="$twice/cache" TZ=Asia/Kolkata LC_ALL=C
	export GOAMD64=v3 GOARM=5 GO386=softfloat GORISCV64=rva22u64 GOFLAGS=-tags=twice CGO_ENABLED=1 VERSION=9.9.9 MAKEFLAGS='-- VERSION=9.9.9'
	"$twice/make-$2" -out "$twice/$2" -arch "${3:-}"
)
again "$twice/clone" second "${2:-}"
diff -r "$dist" "$twice/second"
echo "dist: the same from another clone"

name=$(cd "$dist" && find . -name 'rung-*.tar.gz' -not -name '*-linux-*')
tar -xzf "$dist/$name" -C "$twice/unpacked"
again "$twice/unpacked/"* third "${2:-}"
grep -vF "  ${name#./}" "$dist/SHA256SUMS" | diff - "$twice/third/SHA256SUMS"
echo "dist: the same from the tarball of the source"
