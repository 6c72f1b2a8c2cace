#!/bin/bash
# image.sh CACHE KEY: makes, in the directory CACHE, the emulator and the kernel
# (unpacked in tools/, not installed) and the guest's disk (root.img), unless
# those there were made with the same KEY. Needs root and a Debian mirror.
set -euo pipefail
here=$(dirname "$(realpath "$0")") cache=$1 key=$2
suite=${VM_SUITE:-trixie} kernel_suite=${VM_KERNEL_SUITE:-${VM_SUITE:-trixie}}
tools=$cache/tools new=$cache/new

# What the guest has beside a minimal Debian.
packages=(
	systemd systemd-sysv udev dbus dbus-user-session libpam-systemd login passwd uidmap util-linux mount
	kmod procps strace jq keyutils iproute2 busybox-static apparmor criu runc crun gcc libc6-dev
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

# Debian 12's QEMU 7.2 can't be used: guest kernels die in its emulation of
# cmpxchg16b. A newer one is unpacked with all that it needs, its libc too.
make_tools() {
	local from=("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $1 $suite main")
	[[ $kernel_suite == "$suite" ]] || from+=("${from[0]/ $suite / $kernel_suite }")
	mmdebstrap --quiet --variant=extract --mode=root --architectures=amd64 \
		--include="qemu-system-x86,linux-image-cloud-amd64/$kernel_suite" "$suite" "$new/tools" "${from[@]}"
	rm -rf "$new"/tools/usr/share/{doc,man,locale}
	find "$new/tools" -type f -name 'vmlinuz*' -exec mv {} "$new/tools/vmlinuz" \; -quit
	[[ -e $new/tools/vmlinuz ]]
}

make_root() {
	mmdebstrap --quiet --variant=minbase --mode=root --architectures=amd64 \
		--include="$(IFS=,; echo "${packages[*]}")" --dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$new/root" "$1"
}

# The services that a machine of some minutes has no use for: each costs a tenth
# of a second of the boot.
masked=(
	apparmor.service apt-daily.timer apt-daily-upgrade.timer console-getty.service dpkg-db-backup.timer e2scrub_all.timer
	fstrim.timer getty-static.service getty@tty1.service serial-getty@ttyS0.service serial-getty@hvc0.service ldconfig.service
	modprobe@configfs.service modprobe@drm.service sys-kernel-config.mount sys-kernel-tracing.mount
	proc-sys-fs-binfmt_misc.automount systemd-ask-password-console.path systemd-ask-password-wall.path systemd-firstboot.service
	systemd-hwdb-update.service systemd-journal-catalog-update.service systemd-journal-flush.service
	systemd-machine-id-commit.service systemd-network-generator.service systemd-pcrmachine.service
	systemd-pcrphase-sysinit.service systemd-pcrphase.service systemd-pstore.service systemd-random-seed.service
	systemd-sysusers.service systemd-tmpfiles-clean.timer systemd-tpm2-setup-early.service systemd-tpm2-setup.service
	systemd-update-done.service tmp.mount
)

# Makes the Debian in new/root the guest.
configure() {
	local root=$new/root etc=$new/root/etc version unit
	version=$(basename "$new"/tools/usr/lib/modules/*)
	mkdir -p "$root/usr/lib/modules"
	cp -a "$new/tools/usr/lib/modules/$version" "$root/usr/lib/modules/"
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
mke2fs -q -t ext4 -d "$new/root" -m 0 -N 262144 -O ^has_journal,^metadata_csum -E lazy_itable_init=1 "$new/root.img" 8G
rm -rf "$tools"
mv "$new/tools" "$tools"
mv "$new/root.img" "$cache/root.img"
rm -rf "$new"
echo "$key" >"$cache/key"
