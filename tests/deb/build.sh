#!/bin/sh
# Builds the Debian packages from a copy of this tree into a folder: tests/deb/build.sh FOLDER [VERSION]. The tree
# stays as it is. Called by `make deb` and tests/deb. With a VERSION, for tests of upgrades, the configuration as shipped
# is another one too; without it is that of debian/changelog. With ARCH=i386 it builds, on amd64, that architecture's
# libnss-nomad alone, for 32-bit programs.
#
# SPDX-License-Identifier: MIT
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
target=$(cd "$1" && pwd)
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$here/debian/changelog")
copy=$target/nss-nomad-${2:-$version}

rm -rf "$copy"
mkdir "$copy"
trap 'rm -rf "$copy"' EXIT
if git -C "$here" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
	git -C "$here" ls-files -z --cached --others --exclude-standard |
		tar -c -C "$here" --null -T - --ignore-failed-read 2>/dev/null | tar -x -C "$copy"
else
	tar -c -C "$here" --exclude=./build . | tar -x -C "$copy"
fi
# What the umask of whoever fetched the sources made of them shall not be seen in the packages.
chmod -R u=rwX,go=rX "$copy"
if [ $# -gt 1 ]; then
	sed -i "1s/(.*)/($2)/" "$copy/debian/changelog"
	echo "# Of version $2." >>"$copy/src/nss-nomad.conf"
fi
cd "$copy"
# Whoever is in the middle of "make" is not to be asked what this make is to do.
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS CPPFLAGS LDFLAGS CC SAN DESTDIR PREFIX
# Without the debug symbols' packages, so that "apt install ./build/deb/*.deb" takes what a user wants.
export DEB_BUILD_OPTIONS=noautodbgsym
set --
if [ -n "${ARCH-}" ]; then
	set -- -b -a "$ARCH" -Pcross,pkg.nss-nomad.module
	export CC='gcc -m32' DEB_BUILD_OPTIONS='nocheck noautodbgsym'
fi
rm -f "$target"/*.deb
if ! LC_ALL=C dpkg-buildpackage -us -uc "$@" >"$target/build.log" 2>&1; then
	tail -n 40 "$target/build.log" >&2
	exit 1
fi
