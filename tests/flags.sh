#!/bin/bash
# Builds once with the flags that each distribution's packagers pass, and with what people put on make's command line:
# nothing of ours may be lost by it, and no flag may be at odds with ours. Called by `make check-flags`.
#
# SPDX-License-Identifier: MIT
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# build NAME WORD...: the programs, in a directory of their own. A warning of the preprocessor, such as of a macro that is
# defined twice, counts as a fault; other warnings are the compiler's business.
build()
{
	local name=$1 log=$folder/$1.log
	shift
	if MAKEFLAGS='' make -s -j"$(nproc)" B="$folder/$name" WERROR= "$@" >"$log" 2>&1 &&
		! grep -q 'redefined' "$log" && "$folder/$name/nomad-lookup" --version >>"$log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "flags of $name:" "${@@Q}"
		tail -n 20 "$log"
	fi
	rm -rf "${folder:?}/$name"
}

# Whether the compiler knows all of these flags.
knows()
{
	echo 'int main(void) { return 0; }' | gcc -Werror "$@" -x c -o "$folder/a" - 2>/dev/null
}

# As dpkg-buildflags (Debian 13), Ubuntu 24.04, Fedora's redhat-rpm-config and Arch's makepkg.conf have them; what this
# machine's compiler does not know is left out.
common='-g -O2 -fstack-protector-strong -fstack-clash-protection -fcf-protection'
build debian CPPFLAGS='-Wdate-time -D_FORTIFY_SOURCE=2' LDFLAGS='-Wl,-z,relro -Wl,-z,now' \
	CFLAGS="$common -ffile-prefix-map=$PWD=. -Wformat -Werror=format-security"
build ubuntu CPPFLAGS='-Wdate-time -D_FORTIFY_SOURCE=3' LDFLAGS='-Wl,-Bsymbolic-functions -flto=auto -Wl,-z,relro' \
	CFLAGS="$common -flto=auto -ffat-lto-objects -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer"
build fedora LDFLAGS='-Wl,-z,relro -Wl,--as-needed -Wl,-z,pack-relative-relocs -Wl,-z,now' \
	CFLAGS="$common -flto=auto -ffat-lto-objects -fexceptions -pipe -Wall -Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=3 \
		-Wp,-D_GLIBCXX_ASSERTIONS -fasynchronous-unwind-tables -fno-omit-frame-pointer"
build arch LDFLAGS='-Wl,-O1 -Wl,--sort-common -Wl,--as-needed -Wl,-z,relro -Wl,-z,now -flto=auto' \
	CFLAGS="-march=x86-64 -mtune=generic -pipe -fno-plt $common -Wp,-D_FORTIFY_SOURCE=3 -Wformat \
		-Werror=format-security -flto=auto"
build small CFLAGS=-Os
build unoptimized CFLAGS='-O0 -g'
build defines CPPFLAGS=-DNOTHING_OF_OURS
! knows -fhardened || build hardened CFLAGS='-O2 -fhardened'

# libdir NAME MULTIARCH OS_DIRECTORY WANTED: where a compiler that says this of itself has the module installed.
libdir()
{
	local found
	# shellcheck disable=SC2016 # for that shell
	printf '#!/bin/sh\ncase $1 in -print-multiarch) echo "%s" ;; *) echo "%s" ;; esac\n' "$2" "$3" >"$folder/cc"
	chmod +x "$folder/cc"
	# shellcheck disable=SC2016 # for make
	found=$(printf 'include Makefile\nwhere:\n\t@echo $(LIBDIR)\n' | MAKEFLAGS='' make -s -f - CC="$folder/cc" where)
	if [ "$found" = "$4" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "LIBDIR of $1 is \"$found\", not $4"
	fi
}

libdir debian x86_64-linux-gnu ../lib64 /usr/lib/x86_64-linux-gnu
libdir fedora '' ../lib64 /usr/lib64
libdir arch '' ../lib /usr/lib
libdir 'a small one' '' . /usr/lib

echo "flags: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
