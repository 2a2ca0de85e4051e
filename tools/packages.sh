#!/bin/sh
# Installs the Debian packages that are missing, and only those. Without root it prints the one command and ends with 1.
# usage: packages.sh build|demo|bench|test|check|fuzz...   (each list adds to the others)
set -eu

build="gcc libc6-dev meson ninja-build pkg-config python3 tzdata ca-certificates libuv1-dev libmicrohttpd-dev libjansson-dev libyaml-dev \
	libsodium-dev libssl-dev libcurl4-openssl-dev libsqlite3-dev zlib1g-dev"
demo="ffmpeg fonts-dejavu-core"
test="$demo libcmocka-dev git curl sqlite3 chromium python3-gi gir1.2-gstreamer-1.0 gir1.2-gst-rtsp-server-1.0 gstreamer1.0-tools \
	gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav"
check="git clang-format clang-tidy libcmocka-dev"
fuzz="clang libclang-rt-14-dev"

wanted=""
for list in "$@"; do
	case $list in
	build) wanted="$wanted $build" ;;
	demo) wanted="$wanted $demo" ;;
	bench) wanted="$wanted $demo" ;;
	test) wanted="$wanted $test" ;;
	check) wanted="$wanted $check" ;;
	fuzz) wanted="$wanted $fuzz" ;;
	*) echo "packages.sh: unknown list $list" >&2 && exit 2 ;;
	esac
	# What delivery is measured against; any of Debian's flavours will do.
	[ "$list" != bench ] || command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ] || wanted="$wanted nginx-light"
	# Node may come from elsewhere, and Debian's npm does not go together with every one of them.
	if [ "$list" = build ]; then
		command -v node >/dev/null 2>&1 || wanted="$wanted nodejs"
		command -v npm >/dev/null 2>&1 || wanted="$wanted npm"
	fi
done

if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "    not a Debian system: what is needed has to be there already ($(echo $wanted))"
	exit 0
fi

missing=""
there=$(dpkg-query -W -f '${db:Status-Abbrev} ${binary:Package}\n' $wanted 2>/dev/null | sed -n 's/^ii *//p' | sed 's/:.*//') || true
for package in $wanted; do
	echo "$there" | grep -qxF "$package" || case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac
done
if [ -z "$missing" ]; then
	echo "    every package is there"
	exit 0
fi

if [ "$(id -u)" != 0 ]; then
	echo "These packages are missing. As root:"
	echo
	echo "    apt-get install -y --no-install-recommends$missing"
	echo
	exit 1
fi

echo "    installing$missing"
export DEBIAN_FRONTEND=noninteractive
install() {
	apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 $missing >"$log" 2>&1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A list of packages that is old or was never fetched is fetched, one that serves is not.
if ! install; then
	apt-get update -q >/dev/null && install || {
		tail -n 30 "$log" >&2
		exit 1
	}
fi
