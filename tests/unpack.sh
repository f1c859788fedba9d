#!/bin/sh
# Gets programs out of a Debian package that would change the machine if it were installed: systemd-resolved its
# resolv.conf, prometheus and openssh-server a port. Where that cannot be, their tests are skipped. Called by make and
# tests/demo.sh.
#
#     unpack.sh DIRECTORY PACKAGE PROGRAM...
#
# The first program is the one without which nothing works; the package of one release may lack the others.
#
# SPDX-License-Identifier: MIT
set -eu

directory=$1 package=$2
shift 2
mkdir -p "$directory"
cd "$directory"
[ ! -e "$1" ] || exit 0
if apt-get -qq download "$package" 2>log; then
	# wherever they lie there: lib/systemd in Debian 12, usr/lib/systemd in 13
	for program; do
		dpkg-deb --fsys-tarfile "$package"_*.deb | tar -x --wildcards --transform 's,.*/,,' "*/bin/$program" \
			"*/sbin/$program" "*/systemd/$program" "*/openssh/$program" 2>/dev/null || true
	done
	rm -f "$package"_*.deb
fi
if [ ! -e "$1" ]; then
	cat log >&2
	echo "$0: $package cannot be downloaded; the tests of $1 are skipped" >&2
fi
