#!/bin/bash
# make check: everything that reads the source instead of running it. Says what fails and goes on to the end.
set -u
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
jobs=$(nproc)
failed=0

step() {
	local name=$1
	shift
	echo "--- $name"
	"$@" || {
		failed=1
		echo "FAILED: $name"
	}
}

formatting() {
	git ls-files -z '*.c' '*.h' | xargs -0 -n 16 -P "$jobs" clang-format --dry-run --Werror 2>&1 | grep -E 'error:' | sort | head -n 50
	[ "${PIPESTATUS[2]}" != 0 ]
}

tidy() {
	git ls-files -z 'src/*.c' 'tools/*.c' | xargs -0 -n 4 -P "$jobs" clang-tidy --quiet --extra-arg=-Wno-unknown-warning-option -p "$build" 2>&1 | tee "$build/tidy.log" |
		grep -E '(warning|error):' | sort -u
	[ "${PIPESTATUS[3]}" != 0 ]
}

step "formatting (make format mends it)" formatting
step "include layers" bash -c 'tests/check/layers.py | grep -v "^ok"; exit "${PIPESTATUS[0]}"'
step "every header alone" bash -c 'tests/check/headers.sh . cc | grep -v "^ok"; exit "${PIPESTATUS[0]}"'
step "sizes and words" tests/check/shape.py
step "the page's types and words" bash -c 'node tests/check/page_types.mjs . | grep -v "^ok"; exit "${PIPESTATUS[0]}"'
step "clang-tidy" tidy
[ $failed = 0 ] && echo "check: good"
exit $failed
