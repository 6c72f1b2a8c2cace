#!/bin/sh
# In a Debian root with rpm's tools: rpmlint; then a root like Fedora's, which is dnf's from here on.
cd /root
rpmlint -c rpmlint.toml rung-*.rpm >rpmlint.out || { cat rpmlint.out; exit 1; }
grep '0 errors, 0 warnings' rpmlint.out || { cat rpmlint.out; exit 1; }
if rpm2cpio rung-*.rpm | cpio -it 2>/dev/null | grep -v '^\./'; then
	echo "rpm: these names in the archive would be unpacked over the host's" >&2
	exit 1
fi
root=/root/fedora
# The layout of Fedora's filesystem package, which owns these directories, with busybox for a userland.
mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" "$root/etc" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" "$root/var"
for dir in bash-completion/completions doc fish/vendor_completions.d licenses man/man1 zsh/site-functions; do mkdir -p "$root/usr/share/$dir"; done
mkdir -p "$root/etc/dnf/modules.d" # dnf's
for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$root/$dir"; done
cp "$(command -v busybox)" "$root/usr/bin/busybox"
chroot "$root" /usr/bin/busybox --install -s /usr/bin
printf 'NAME=Fedora-like\nID=fedora\nVERSION_ID=40\n' >"$root/etc/os-release"
cp try.sh "$root/try.sh"
dnf() { command dnf -q -y --installroot="$root" --releasever=40 --disablerepo='*' --nogpgcheck --setopt=install_weak_deps=False "$@"; }
rpm --root "$root" --initdb
files() { (cd "$root" && find . -xdev -not -path './var/*' -not -path './proc/*' -not -path './sys/*' -not -path './dev/*' -not -path './run/*' | sort); }
# An administrator's, which stays his through an upgrade and a removal.
own="$root/etc/containers/containers.conf.d/rung.conf"
mkdir -p "$(dirname "$own")" && echo '# his' >"$own"
files >before
dnf install ./rung-*.rpm
rpm --root "$root" -q rung
rpm --root "$root" -V rung
[ "$(rpm --root "$root" -q --whatprovides oci-runtime)" = "$(rpm --root "$root" -q rung)" ]
mount --rbind "$root" "$root" # for rung to make its mounts in
for dir in proc sys dev; do mount --rbind "/$dir" "$root/$dir"; done
chroot "$root" /bin/sh /try.sh
dnf remove rung
! rpm --root "$root" -q rung
files >after
diff before after
[ "$(cat "$own")" = "# his" ]
left=$(find "$root/var" "$root/run" -name '*rung*' -not -path '*/var/log/*')
[ -z "$left" ] || { echo "left: $left"; exit 1; }
echo "rpm: installed by dnf, tried and removed"
