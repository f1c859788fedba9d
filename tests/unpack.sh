#!/bin/sh
# Gets one program out of a Debian package that would take over the machine if it were installed: systemd-resolved its
# resolv.conf, prometheus a port. Where that cannot be, the program's tests are skipped. Called by make.
#
#     unpack.sh FOLDER PACKAGE PROGRAM
#
# SPDX-License-Identifier: MIT
set -eu

folder=$1 package=$2 program=$3
mkdir -p "$folder"
cd "$folder"
[ ! -e "$program" ] || exit 0
if apt-get -qq download "$package" 2>log; then
	# wherever it lies there: lib/systemd in Debian 12, usr/lib/systemd in 13
	dpkg-deb --fsys-tarfile "$package"_*.deb | tar -x --wildcards --transform 's,.*/,,' "*/bin/$program" "*/systemd/$program" \
		2>/dev/null || true
	rm -f "$package"_*.deb
fi
if [ ! -e "$program" ]; then
	cat log >&2
	echo "$0: $package cannot be downloaded; the tests of $program are skipped" >&2
fi
