#!/bin/sh
# Makes the release's tarball out of what git knows of HEAD: scripts/dist.sh DIRECTORY VERSION. It builds without git, the
# spec file in it has the version, and the same commit gives the same bytes. Called by `make dist`.
#
# SPDX-License-Identifier: MIT
set -eu

mkdir -p "$1"
name=nss-nomad-$2
target=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git archive --prefix="$name/" HEAD | tar -x -C "$copy"
sed -i "s/@VERSION@/$2/" "$copy/$name/share/rpm/nss-nomad.spec"
tar -c -C "$copy" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" "$name" |
	gzip -9n >"$target/$name.tar.gz"
echo "Made $1/$name.tar.gz"
