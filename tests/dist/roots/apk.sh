#!/bin/sh
# A root like Alpine's: busybox, and apk's database, which apk (see apk/main.go) makes.
cd /root
root=/root/alpine
mkdir -p "$root/bin" "$root/dev" "$root/etc" "$root/lib" "$root/proc" "$root/run" "$root/sys" "$root/usr/bin" "$root/usr/share" "$root/var"
chmod 555 "$root/proc"
cp "$(command -v busybox)" "$root/bin/busybox"
chroot "$root" /bin/busybox --install -s /bin
printf 'NAME=Alpine-like\nID=alpine\n' >"$root/etc/os-release"
# Of alpine-baselayout, which owns these directories there: without it they would go with the package.
: >"$root/usr/bin/.keep" && : >"$root/usr/share/.keep"
cp try.sh "$root/try.sh"
files() { (cd "$root" && find . -xdev -not -path './etc/apk*' -not -path './lib/apk*' -not -path './var/*' -not -path './proc/*' -not -path './sys/*' -not -path './dev/*' -not -path './tmp' | sort); }
# An administrator's, which stays his through an upgrade and a removal.
own="$root/etc/containers/containers.conf.d/rung.conf"
mkdir -p "$(dirname "$own")" && echo '# his' >"$own"
files >before
./apk "$root" add rung.apk
./apk "$root" audit rung
mount --rbind "$root" "$root" # for rung to make its mounts in
for dir in proc sys dev; do mount --rbind "/$dir" "$root/$dir"; done
chroot "$root" /bin/sh /try.sh
./apk "$root" del rung
files >after
diff before after
[ "$(cat "$own")" = "# his" ]
if grep rung "$root/lib/apk/db/installed"; then exit 1; fi
echo "apk: installed, tried and removed"
