#!/bin/sh
# Gets systemd-resolved without installing it, which would take over the machine's resolv.conf: unpacked in a folder. Where
# that cannot be, its tests are skipped. Called by `make check-interop`.
#
#     unpack.sh FOLDER
#
# SPDX-License-Identifier: MIT
set -eu

[ ! -e /lib/systemd/systemd-resolved ] || exit 0
mkdir -p "$1"
cd "$1"
[ ! -e systemd-resolved ] || exit 0
if apt-get -qq download systemd-resolved 2>log; then
	# lib/systemd in Debian 12, usr/lib/systemd in 13
	dpkg-deb --fsys-tarfile systemd-resolved_*.deb |
		tar -x --wildcards --transform 's,.*/,,' '*/lib/systemd/systemd-resolved'
else
	cat log >&2
	echo "$0: systemd-resolved cannot be downloaded; its tests are skipped" >&2
fi
