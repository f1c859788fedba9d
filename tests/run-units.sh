#!/bin/sh
# Runs the unit test programs it is given, each to its end, and counts. Called by `make check-unit`.
# CK_FORK=no runs the tests of a program in one process, for debuggers.
#
# SPDX-License-Identifier: MIT
set -u

passed=0 failed=0
for program; do
	output=$("$program" 2>&1)
	status=$?
	printf '%s\n' "$output"
	# check's line: "90%: Checks: 10, Failures: 1, Errors: 0"
	counts=$(printf '%s\n' "$output" |
		sed -n 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/\1 \2 \3/p')
	read -r checks failures errors <<-END
		${counts:-0 0 0}
	END
	bad=$((failures + errors))
	if [ "$bad" -eq 0 ] && { [ $status -ne 0 ] || [ "$checks" -eq 0 ]; }; then
		echo "$program: ended with status $status after $checks checks"
		bad=1 checks=$((checks + 1))
	fi
	passed=$((passed + checks - bad)) failed=$((failed + bad))
done
echo "unit tests: $passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
