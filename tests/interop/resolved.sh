#!/bin/sh
# Starts systemd-resolved where neither systemd nor its user is, in a mount namespace and network that are private already:
# with FOLDER/nomad.conf as its settings, and a listener on 127.0.0.1. It asks nobody unless there is a link that is up and
# has an address. Called by test_resolvers.py.
#
#     resolved.sh PROGRAM FOLDER PORT
#
# SPDX-License-Identifier: MIT
set -eu

program=$1 folder=$2 port=$3

ip link add up0 type veth peer name up1 2>/dev/null || ip link show up0 >/dev/null
ip address replace 198.51.100.1/24 dev up0
ip link set up0 up
ip link set up1 up

mkdir -p "$folder/systemd/resolved.conf.d" "$folder/run/systemd/resolve" /etc/systemd
cp "$folder/nomad.conf" "$folder/systemd/resolved.conf.d/"
# Validating, so that it shows that it knows not to do so for our names.
printf '[Resolve]\nDNSSEC=yes\nDNSStubListenerExtra=127.0.0.1:%s\n' "$port" >"$folder/systemd/resolved.conf.d/test.conf"
mkdir -p "$folder/run/dnssec-trust-anchors.d"
cp "$folder/nomad.negative" "$folder/run/dnssec-trust-anchors.d/"
mount --bind "$folder/systemd" /etc/systemd
mount --rbind "$folder/run" /run
if ! grep -q '^systemd-resolve:' /etc/passwd; then
	for file in passwd group; do
		cp "/etc/$file" "$folder/$file"
	done
	echo 'systemd-resolve:x:994:994::/:/usr/sbin/nologin' >>"$folder/passwd"
	echo 'systemd-resolve:x:994:' >>"$folder/group"
	for file in passwd group; do
		mount --bind "$folder/$file" "/etc/$file"
	done
fi
chown systemd-resolve: /run/systemd/resolve
exec "$program"
