#!/bin/sh
# Gives every fuzz target the inputs that are kept for it, tests/fuzz/NAME/, without an engine: what once was a bug
# stays none. Called by `make check-fuzz`.
#
#     run-replays.sh FOLDER-OF-PROGRAMS NAME...
#
# SPDX-License-Identifier: MIT
set -u

programs=$1 passed=0 failed=0
shift
for name; do
	if output=$("$programs/replay_$name" "tests/fuzz/$name" 2>&1); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '%s\n' "tests/fuzz/$name:" "$output"
	fi
done
echo "fuzz inputs: $passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
