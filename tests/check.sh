#!/bin/bash
# All that `make check` does, in order, each part to its end; then the counts. CC, SAN and PYTEST_ARGS as for make.
# `make check-all` names the parts that come after those, as words: sandbox, deb, fuzzing, flags, for make check-sandbox ...
#
# SPDX-License-Identifier: MIT
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

export WERROR=-Werror

tests/setup.sh build test || exit 1
tests/unpack.sh build/unpacked openssh-server sshd sshd-session sshd-auth
[[ ${CC-} != *clang* ]] || tests/setup.sh sanitize || exit 1
if [ "$(id -u)" -ne 0 ]; then
	echo 'make check: not root, so some system tests are skipped; as root (sudo make check) none is'
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
broken=()

# part NAME COMMAND...: runs it, keeps what it says for the count.
part()
{
	local name=$1
	shift
	echo "== $name"
	"$@" 2>&1 | tee "$results/$name"
	local status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || broken+=("$name")
	return "$status"
}

part build make -j"$(nproc)" all units tools || exit 1
part lint make -s lint
part unit make -s check-unit
part fuzz make -s check-fuzz
part system make -s check-system
for more; do
	part "$more" make -s "check-$more"
done

# From lines such as "unit tests: 12 passed, 0 failed, 0 skipped" and pytest's "3 failed, 40 passed in 9.87s".
count()
{
	cat "$results"/* | grep -E '^(lint|unit tests|fuzz inputs|flags): |^[0-9]+ .* in [0-9.]+s' |
		grep -oE "[0-9]+ ($1)" | awk '{ sum += $1 } END { print sum + 0 }'
}

echo
if [ ${#broken[@]} -gt 0 ]; then
	echo "make check: not all well: ${broken[*]}; see above"
fi
echo "$(count passed) passed, $(count 'failed|errors?') failed, $(count skipped) skipped"
[ ${#broken[@]} -eq 0 ]
