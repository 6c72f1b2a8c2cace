#!/bin/sh
# In the root of fresh.sh: the README's two commands. Lines for people begin with "fresh: ".
set -eu
cd /root/rung
took() {
	begin=$(date +%s)
	rc=0
	"$@" || rc=$?
	echo "fresh: $* ended with $rc after $(($(date +%s) - begin)) seconds"
	return $rc
}
echo "fresh: Debian $(cat /etc/debian_version), $(dpkg -l | grep -c ^ii) packages, $(go version), commit $(git rev-parse --short HEAD), $(nproc) processors, $(date -u +%F)"
took make run
if [ "$RUNG_FRESH" ]; then
	# 124 is timeout's: it was still at it.
	took timeout -k 5 "$RUNG_FRESH" make test || [ $? = 124 ]
else
	took make test
fi
