#!/bin/bash
# Fuzzes each target for FUZZ_SECONDS (60) with each engine, starting from the inputs that are kept for it; two at a time
# for each core. New inputs go to build/fuzz, what crashes to build/fuzz/crash-NAME-* or build/fuzz/afl-NAME: fix
# it, then keep it as tests/fuzz/NAME/WHAT-IT-IS. Called by `make fuzz` and, with libfuzzer alone, by `make check-all`.
#
#     fuzz.sh libfuzzer|afl...
#
# SPDX-License-Identifier: MIT
set -u

seconds=${FUZZ_SECONDS:-60}

# Both take the same sources; each needs its own compiler.
build()
{
	case $1 in
	libfuzzer) tests/setup.sh fuzz && set -- clang fuzzer-no-link,address,undefined ;;
	afl) tests/setup.sh fuzz afl && set -- afl-clang-fast address,undefined ;;
	*) echo "$0: $1: no such engine; there are libfuzzer and afl" >&2 && exit 1 ;;
	esac && programs=build/$1-$2/tests/fuzz &&
		AFL_QUIET=1 make -s -j"$(nproc)" CC="$1" SAN="$2" fuzz-programs >build/fuzz/build.log 2>&1 && return
	tail -40 build/fuzz/build.log
	exit 1
}

with_libfuzzer()
{
	mkdir -p "build/fuzz/corpus-$1"
	"$programs/fuzz_$1" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix="build/fuzz/crash-$1-" "build/fuzz/corpus-$1" "tests/fuzz/$1" >"$2" 2>&1 || return
	sed -n 's/^stat::number_of_executed_units: */runs: /p' "$2"
}

# It ends well also when it has found something: its folders tell. What it finds depends neither on a core of its own nor
# on where the machine puts core files.
with_afl()
{
	local folder=build/fuzz/afl-$1

	rm -rf "$folder"
	AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
		ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0 \
		afl-fuzz -V "$seconds" -t 5000 -m none -i "tests/fuzz/$1" -o "$folder" -- "$programs/fuzz_$1" \
		>"$2" 2>&1 </dev/null || return
	sed -n 's/^execs_done *: /runs: /p' "$folder/default/fuzzer_stats"
	! find "$folder/default/crashes" "$folder/default/hangs" -name 'id:*' | grep .
}

# fuzz ENGINE NAME
fuzz()
{
	local log=build/fuzz/$1-$2.log said

	if case $1 in
		libfuzzer) said=$(with_libfuzzer "$2" "$log") ;;
		afl) said=$(with_afl "$2" "$log") ;;
		esac then
		echo "$1, $2, $seconds s: $said"
	else
		tail -40 "$log"
		echo "$1, $2: FOUND $said; see $log"
		return 1
	fi
}

failed=0
mkdir -p build/fuzz
for engine; do
	build "$engine"
	running=()
	for target in tests/fuzz/fuzz_*.c; do
		if [ ${#running[@]} -ge $((2 * $(nproc))) ]; then
			wait "${running[0]}" || failed=1 # all take the same time
			running=("${running[@]:1}")
		fi
		name=${target#tests/fuzz/fuzz_}
		fuzz "$engine" "${name%.c}" &
		running+=($!)
	done
	for one in "${running[@]}"; do
		wait "$one" || failed=1
	done
done
exit $failed
