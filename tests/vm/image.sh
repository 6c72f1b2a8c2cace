#!/bin/bash
# image.sh CACHE KEY ARCH EMULATOR IMAGE: makes, in the directory CACHE, the emulator (a
# package of that name, unpacked in tools/, not installed), the kernel (vmlinuz) and the
# guest's disk (root.img) of Debian's architecture ARCH, unless those there were made with
# the same KEY. IMAGE is plain, or engines, which has container engines too. Needs root
# and a Debian mirror.
set -euo pipefail
here=$(dirname "$(realpath "$0")") cache=$1 key=$2 arch=$3 emulator=$4 image=$5
suite=${VM_SUITE:-trixie} kernel_suite=${VM_KERNEL_SUITE:-${VM_SUITE:-trixie}}
tools=$cache/tools new=$cache/new

# What the guest has beside a minimal Debian.
packages=(
	systemd systemd-sysv udev dbus dbus-user-session libpam-systemd login passwd uidmap util-linux mount
	kmod procps strace jq keyutils iproute2 busybox-static apparmor criu iptables nftables runc crun gcc libc6-dev
)
[[ $image != engines ]] || packages+=(
	docker.io docker-cli tini containerd containernetworking-plugins podman buildah conmon catatonit netavark aardvark-dns
	slirp4netns passt fuse-overlayfs bsdutils
)

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
[[ $(cat "$cache/key" 2>/dev/null) != "$key" ]] || exit 0
[[ $EUID == 0 ]] || { echo "image.sh: needs root" >&2; exit 1; }

# The mirror is the one that the host's own packages come from.
mirror() {
	[[ ! ${VM_MIRROR:-} ]] || { echo "$VM_MIRROR"; return; }
	# shellcheck disable=SC1091,SC2016
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
		awk -v own="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$1 == own { print $2; exit }'
}

host_packages() {
	local missing=()
	command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
	command -v mke2fs >/dev/null || missing+=(e2fsprogs)
	if ((${#missing[@]})) || [[ ! $(mirror) ]]; then apt-get -qq update || true; fi
	((${#missing[@]} == 0)) ||
		DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}"
}

# unpack DIRECTORY ARCH MIRROR OPTION...: unpacks packages there, without running anything
# of theirs: they may be another architecture's.
unpack() {
	local dir=$1 arch=$2 from=("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $3 $suite main")
	shift 3
	[[ $kernel_suite == "$suite" ]] || from+=("${from[0]/ $suite / $kernel_suite }")
	mmdebstrap --quiet --variant=extract --mode=root --architectures="$arch" --skip=check/qemu "$@" "$suite" "$dir" "${from[@]}"
}

# Debian 12's QEMU 7.2 can't be used: guest kernels die in its emulation of
# cmpxchg16b. A newer one is unpacked with all that it needs, its libc too.
make_tools() {
	unpack "$new/tools" amd64 "$1" --include="$emulator"
	rm -rf "$new"/tools/usr/share/{doc,man,locale}
	unpack "$new/kernel" "$arch" "$1" --include="linux-image-cloud-$arch/$kernel_suite"
	find "$new/kernel" -type f -name 'vmlinuz*' -exec mv {} "$new/vmlinuz" \; -quit
	[[ -e $new/vmlinuz ]]
}

unwanted=(--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*')

make_root() {
	local list
	list=$(IFS=,; echo "${packages[*]}")
	mmdebstrap --quiet --variant=minbase --mode=root --architectures=amd64 \
		--include="$list" --dpkgopt=force-unsafe-io "${unwanted[@]}" "$suite" "$new/root" "$1"
	[[ $arch == amd64 ]] || unpack "$new/foreign" "$arch" "$1" --include='?essential' --include="$list" "${unwanted[@]}"
}

# Makes the Debian in new/root one of the architecture: the files of its packages come
# from there. What their scripts have made (accounts, PAM's configuration, links to
# alternatives, units that are enabled) is the same everywhere; to run them there, in
# the emulator, would take ten minutes.
convert() {
	local root=$new/root left
	find "$root/usr" -path '*x86_64-linux-gnu*' -delete
	rm -rf "$root/usr/lib64" "$root/lib64" "$root/etc/ld.so.cache" "$root/var/lib/dpkg"
	cp -a --remove-destination "$new/foreign/usr/." "$root/usr/"
	rm -rf "$new/foreign"
	# A program that is left must not seem to be there. Its byte 18 is its machine, 62 is amd64.
	find "$root/usr" -type f -size +64c \( -perm /111 -o -name '*.so*' \) -print0 | while IFS= read -r -d '' left; do
		[[ $(head -c 4 "$left" | tail -c 3) != ELF || $(od -An -tu1 -j18 -N1 "$left") -ne 62 ]] || rm "$left"
	done
}

# The services that a machine of some minutes has no use for: each costs a tenth
# of a second of the boot.
masked=(
	apparmor.service apt-daily.timer apt-daily-upgrade.timer console-getty.service dpkg-db-backup.timer e2scrub_all.timer
	fstrim.timer getty-static.service getty@tty1.service serial-getty@ttyS0.service serial-getty@ttyAMA0.service serial-getty@hvc0.service ldconfig.service
	modprobe@configfs.service modprobe@drm.service sys-kernel-config.mount sys-kernel-tracing.mount
	proc-sys-fs-binfmt_misc.automount systemd-ask-password-console.path systemd-ask-password-wall.path systemd-firstboot.service
	systemd-hwdb-update.service systemd-journal-catalog-update.service systemd-journal-flush.service
	systemd-machine-id-commit.service systemd-network-generator.service systemd-pcrmachine.service
	systemd-pcrphase-sysinit.service systemd-pcrphase.service systemd-pstore.service systemd-random-seed.service
	systemd-sysusers.service systemd-tmpfiles-clean.timer systemd-tpm2-setup-early.service systemd-tpm2-setup.service
	systemd-update-done.service tmp.mount
)

# Makes the Debian in new/root the guest. It can still be executed here.
configure() {
	local root=$new/root etc=$new/root/etc version unit
	version=$(basename "$new"/kernel/usr/lib/modules/*)
	mkdir -p "$root/usr/lib/modules"
	cp -a "$new/kernel/usr/lib/modules/$version" "$root/usr/lib/modules/"
	# Modules of devices that the machine hasn't; and unpacking one is slow work there.
	rm -rf "$root/usr/lib/modules/$version"/kernel/{arch,drivers/{ata,char/hw_random,firmware,gpu,hid,infiniband,input}}
	find "$root/usr/lib/modules" -name '*.ko.xz' -exec xz -d {} +
	chroot "$root" depmod "$version"

	echo vm >"$etc/hostname"
	printf '127.0.0.1 localhost vm\n' >"$etc/hosts"
	echo 0123456789abcdef0123456789abcdef >"$etc/machine-id"
	chroot "$root" passwd -q -d root
	chroot "$root" useradd -m -u 1000 -s /bin/bash user
	find "$etc/apparmor.d" -maxdepth 1 -type f -delete # seconds to load, and no test wants them
	for unit in "${masked[@]}"; do ln -sfn /dev/null "$etc/systemd/system/$unit"; done
	mkdir -p "$etc/systemd/system/user@.service.d" "$etc/systemd/journald.conf.d" "$etc/systemd/system/multi-user.target.wants"
	printf '[Journal]\nStorage=volatile\n' >"$etc/systemd/journald.conf.d/vm.conf"
	# Without it a user's systemd gets cpu, memory and pids only.
	printf '[Service]\nDelegate=cpu cpuset io memory pids\n' >"$etc/systemd/system/user@.service.d/vm.conf"
	install -m 0644 "$here/guest/vm-agent.service" "$etc/systemd/system/"
	ln -sf ../vm-agent.service "$etc/systemd/system/multi-user.target.wants/"
	install -m 0755 "$here"/guest/{vm-agent,vm-user} "$root/usr/local/bin/"
	# Engines are started by those who want them.
	[[ $image != engines ]] || find "$etc/systemd" -path '*.wants/*' \( -name 'docker*' -o -name 'containerd*' -o -name 'podman*' -o -name 'netavark*' \) -delete
}

rm -rf "$new" "$cache/key"
mkdir -p "$new"
host_packages
from=$(mirror)
[[ $from ]] || { echo "image.sh: apt knows no Debian mirror: set VM_MIRROR" >&2; exit 1; }
make_tools "$from" & pid=$!
make_root "$from"
wait "$pid"
configure
[[ $arch == amd64 ]] || convert
mke2fs -q -t ext4 -d "$new/root" -m 0 -N 262144 -O ^has_journal,^metadata_csum -E lazy_itable_init=1 "$new/root.img" 8G
rm -rf "$tools"
mv "$new/tools" "$tools"
mv "$new/vmlinuz" "$new/root.img" "$cache/"
rm -rf "$new"
echo "$key" >"$cache/key"
