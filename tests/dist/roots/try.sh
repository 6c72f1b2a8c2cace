#!/bin/sh
# In a root where rung is installed: what the README shows under "Use it". (which: Debian's static busybox, as a shell,
# has no path for commands that are its own.)
set -eu
rung --version | head -n 1
cd "$(mktemp -d)"
mkdir -p box/rootfs/bin
cp "$(which busybox)" box/rootfs/bin/sh
rung spec --bundle box
echo 'echo hello from $(hostname)' | rung run --bundle box "rung-dist-$$" | grep '^hello from rung'
rm -r "$PWD"
# The directory of states stays, as runc's does, until the next boot; there is nothing in it.
[ -z "$(find /run/rung -mindepth 1)" ]
rmdir /run/rung
