#!/bin/sh
# Every header of src/ compiles alone, twice included. Speaks TAP. usage: headers.sh ROOT COMPILER...
set -u
root=$1
shift
list=$(cd "$root/src" && find . -name '*.h' | sed 's,^\./,,' | LC_ALL=C sort)
flags=$(pkg-config --cflags jansson libmicrohttpd libuv sqlite3 yaml-0.1 libsodium libcurl libcrypto 2>/dev/null)
echo "1..$(echo "$list" | wc -l)"
n=0
failed=0
for header in $list; do
	n=$((n + 1))
	if said=$(printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
		"$@" -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-parameter -fsyntax-only -I"$root/src" $flags -x c - 2>&1); then
		echo "ok $n - $header"
	else
		echo "not ok $n - $header"
		echo "$said" | head -n 20 | sed 's/^/# /'
		failed=1
	fi
done
exit $failed
