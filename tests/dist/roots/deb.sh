#!/bin/sh
# In a fresh Debian root: lintian, dpkg.
cd /root
lintian --fail-on error,warning rung.deb 2>lintian.err || { cat lintian.err; exit 1; }
echo "deb: lintian has no complaint"
files() { find / -xdev -not -path '/root/*' -not -path '/var/*' -not -path '/run/*' -not -path '/tmp*' | sort; }
# An administrator's, which stays his through an upgrade and a removal.
own=/etc/containers/containers.conf.d/rung.conf
mkdir -p "$(dirname "$own")" && echo '# his' >"$own"
files >before
dpkg -i rung.deb >/dev/null
dpkg -i rung.deb >/dev/null # an upgrade, to the same
dpkg -V rung
man -w rung rung-run
sh try.sh
dpkg --purge rung >/dev/null
files >after
diff before after
[ "$(cat "$own")" = "# his" ]
left=$(find /var /run -name '*rung*')
[ -z "$left" ] || { echo "left: $left"; exit 1; }
echo "deb: installed, tried and removed"
