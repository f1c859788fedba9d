#!/bin/sh
# Installs the Debian packages that a purpose needs: tests/setup.sh build test. Called by make and .ci/run.
# The lists are here and nowhere else. Where all is installed it says nothing and needs no root.
#
# SPDX-License-Identifier: MIT
set -eu

build="gcc libc6-dev make pkgconf libcurl4-openssl-dev libjsmn-dev libinih-dev libuv1-dev libsystemd-dev libmicrohttpd-dev"
test="check python3 python3-pytest python3-pytest-xdist python3-pytest-timeout python3-dnspython pmccabe mandoc
	shellcheck strace iproute2 util-linux procps curl openssh-client libwrap0 git perl openssl
	bind9-dnsutils knot-dnsutils ldnsutils libcap2-bin locales gcc-multilib systemd"
sanitize="clang libclang-rt valgrind lcov" # libclang-rt stands for the one of clang's version
fuzz="clang libclang-rt"
afl="afl++"
bench="nsd knot iproute2 util-linux curl"
# Not openssh-server, which would be enabled, nor systemd-resolved, which would take over the machine's resolv.conf:
# tests/unpack.sh gets their programs. libwrap0 is the one library of sshd's that ssh has not.
demo="python3 curl openssh-client libwrap0 util-linux iproute2 bind9-dnsutils"
interop="unbound dnsmasq-base bind9 haproxy knot knot-resolver pdns-recursor dnsdist knot-dnsutils
	ldnsutils bind9-dnsutils python3-pycares python3-dnspython python3-pytest python3-pytest-timeout"

# Building the packages, and the one for i386; what `make check-deb` needs besides: its roots are made by mmdebstrap.
deb="make build-essential dpkg-dev debhelper dh-nss dh-apparmor pkgconf libcurl4-openssl-dev libjsmn-dev libinih-dev libuv1-dev
	libsystemd-dev libmicrohttpd-dev"
deb_i386="$deb gcc-multilib binutils-i686-linux-gnu libc6-i386-cross"
check_deb="$deb_i386 lintian mmdebstrap rpm python3 python3-pytest python3-pytest-timeout util-linux iproute2
	bind9-dnsutils systemd apparmor bash zsh mandoc git"

say()
{
	printf '%s\n' "$0: $*" >&2
}

# Debian 12 has libclang-rt-14-dev, Debian 13 libclang-rt-19-dev: what `clang` depends on tells which.
clang_version()
{
	if command -v clang >/dev/null; then
		clang -dumpversion | cut -d. -f1
	else
		apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p'
	fi
}

wanted()
{
	for purpose; do
		case $purpose in
		build) list=$build ;;
		test) list=$test ;;
		sanitize) list=$sanitize ;;
		fuzz) list=$fuzz ;;
		afl) list=$afl ;;
		bench) list=$bench ;;
		demo) list=$demo ;;
		interop) list=$interop ;;
		deb) list=$deb ;;
		deb-i386) list=$deb_i386 ;;
		check-deb) list=$check_deb ;;
		*)
			say "$purpose: no such purpose; there are build, test, sanitize, fuzz, afl, bench, demo, interop, deb, deb-i386, check-deb"
			exit 1
			;;
		esac
		for package in $list; do
			[ "$package" != libclang-rt ] || package=libclang-rt-$(clang_version)-dev
			printf '%s\n' "$package"
		done
	done
}

# The wanted packages that are not installed.
missing()
{
	wanted "$@" | sort -u >"$folder/wanted"
	dpkg-query -W -f '${db:Status-Abbrev} ${binary:Package}\n' | sed -n 's/^.i  *\([^:]*\).*/\1/p' | sort -u \
		>"$folder/installed"
	comm -23 "$folder/wanted" "$folder/installed"
}

if [ $# -eq 0 ]; then
	say "usage: $0 PURPOSE..."
	exit 1
fi
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	say "no Debian: nothing is installed here. What is needed, by Debian's names:"
	wanted "$@" | sort -u >&2
	exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
list=$(missing "$@" | tr '\n' ' ')
[ -n "$list" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
	say "these packages are missing and only root can install them: $list"
	say "run: sudo $0 $*"
	exit 1
fi
say "installing: $list"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
list=$(missing "$@" | tr '\n' ' ') # once more: a version may only be known now
# No daemon that comes along is started: neither by its script nor by systemd.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	trap 'rm -rf "$folder" $policy' EXIT
fi
# shellcheck disable=SC2086 # a list of words
apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends $list >"$folder/log" 2>&1 ||
	{ cat "$folder/log" >&2; say "apt-get could not install: $list"; exit 1; }
