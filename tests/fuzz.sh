#!/bin/sh
# Fuzzes each target for some seconds, starting from the inputs that are kept for it. New inputs go to build/fuzz, what
# crashes to build/fuzz/crash-NAME-*: fix it, then keep it as tests/fuzz/NAME/WHAT-IT-IS. Called by `make fuzz`.
#
#     fuzz.sh FOLDER-OF-PROGRAMS SECONDS NAME...
#
# SPDX-License-Identifier: MIT
set -u

programs=$1 seconds=$2 failed=0
shift 2
for name; do
	mkdir -p "build/fuzz/corpus-$name"
	echo "== $name, $seconds s"
	if ! "$programs/fuzz_$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix="build/fuzz/crash-$name-" "build/fuzz/corpus-$name" "tests/fuzz/$name" \
		>"build/fuzz/$name.log" 2>&1; then
		tail -40 "build/fuzz/$name.log"
		failed=1
	else
		grep -E '^stat::number_of_executed_units|^Done' "build/fuzz/$name.log"
	fi
done
exit $failed
