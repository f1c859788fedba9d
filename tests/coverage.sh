#!/bin/bash
# Which lines of the files that the module links the unit and system tests run: at least LEAST in a hundred of each file.
# Prints the lines that were not; docs/contributing.md says why they may be. Called by `make coverage` with those files.
#
# SPDX-License-Identifier: MIT
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

LEAST=95
variant=(CC=gcc SAN=coverage)
folder=build/gcc-coverage

make -s -j"$(nproc)" "${variant[@]}" all units tools || exit 1
find "$folder" -name '*.gcda' -delete
# Programs of any user run the module, and each of them writes its counts.
find "$folder" -type d -exec chmod a+rwx {} +
umask 0
make -s "${variant[@]}" check-unit || echo "make coverage: some unit tests failed; counted all the same"
make -s "${variant[@]}" check-system || echo "make coverage: some system tests failed; counted all the same"

# gcov's text: "    count:line:source", ##### is a line never run. Several objects may be of one source.
for source; do
	gcov --stdout --object-file "$folder/${source%.c}.o" "$source" 2>/dev/null |
		awk -F: -v source="$source" '
			/^ *[^ ]+: +0:Source:/ { mine = ($4 == source); next }
			!mine { next }
			$1 ~ /-/ { next }
			{ lines++ }
			$1 ~ /#####|=====/ { missed++; text = $0; sub(/^[^:]*:/, "", text); print source ":" text }
			END { printf "TOTAL %d %d %s\n", lines - missed, lines, source }'
done | awk -v least=$LEAST '
	$1 == "TOTAL" {
		run += $2
		all += $3
		share = $3 ? 100 * $2 / $3 : 0
		if (share < least)
			short++
		printf "%6.1f %%  %s\n", share, $4
		next
	}
	{ print "   not run: " $0 }
	END {
		printf "%6.1f %%  of %d lines that the module links; at least %d %% are wanted of each file\n",
			all ? 100 * run / all : 0, all, least
		exit all == 0 || short > 0
	}'
