#!/bin/bash
# What `make bench` runs: the short form of each command in README.md's table, its last column. Their JSON goes to stdout, a line each; what a
# person reads to stderr. usage: run.sh BUILD_DIR [PART_OF_A_NAME]
set -u
cd "$(dirname "$0")/.." || exit 1
build=$1 part=${2:-}
longest=180 # seconds, each
failed=""
while IFS= read -r command; do
	set -f
	# shellcheck disable=SC2086
	set -- $command
	set +f
	case $1 in *"$part"*) ;; *) continue ;; esac
	if [ ! -x "$1" ]; then
		echo "--- $1 is not there" >&2
		continue
	fi
	echo "--- $command" >&2
	timeout --foreground --kill-after=60 $longest "$@" --build "$build" </dev/null || failed="$failed $1"
done < <(sed -n 's/^|.*| *`\(bench\/[^`]*\)` *|$/\1/p' bench/README.md | awk '!seen[$0]++')
[ -z "$failed" ] || echo "failed:$failed" >&2
[ -z "$failed" ]
