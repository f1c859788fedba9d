#!/bin/bash
# Unit and system tests with gcc's and clang's sanitizers, then the unit tests under valgrind: `make sanitize`.
# To run one of them: make check-unit check-system CC=clang SAN=thread
#
# SPDX-License-Identifier: MIT
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

failed=()
for compiler in gcc clang; do
	for sanitizers in address,undefined thread; do
		echo "== $compiler, $sanitizers"
		for target in check-unit check-fuzz check-system; do
			make -s -j"$(nproc)" CC="$compiler" SAN="$sanitizers" "$target" ||
				failed+=("$compiler/$sanitizers/$target")
		done
	done
done

echo "== valgrind"
make -s -j"$(nproc)" CC=gcc SAN= units || exit 1
for program in build/tests/unit/test_*; do
	[[ -x $program && $program != *.* ]] || continue
	CK_FORK=no valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite "$program" \
		>build/valgrind.log 2>&1
	if [ $? -eq 99 ]; then
		cat build/valgrind.log
		failed+=("valgrind/${program##*/}")
	fi
done

if [ ${#failed[@]} -gt 0 ]; then
	echo "make sanitize: not clean: ${failed[*]}"
	exit 1
fi
echo "make sanitize: clean"
