#!/bin/bash
# What `make run` runs: simulated cameras, their past, the server; ends with everything it started. usage: run.sh BUILD_DIR
# $VIGIA_DATA_DIR (./var), $VIGIA_LISTEN and $VIGIA_DEMO_RTSP_PORT (8554) are respected.
# PROVIDER=mediamtx: the streams go through a MediaMTX, the program $VIGIA_MEDIAMTX or `mediamtx` on PATH, with its API, HLS and RTSP on the
# ports $VIGIA_DEMO_MEDIAMTX_PORTS ("9997 8888 8555"). RECORDER=ffmpeg: ffmpeg records.
set -u
build=${1:-build}
vigia=$build/vigia
camsim=$build/tools/camsim/camsim
data=${VIGIA_DATA_DIR:-./var}
port=${VIGIA_DEMO_RTSP_PORT:-8554}
marker=$data/demo.ready # the demo was set up once: what people changed or removed since stays so
export VIGIA_DATA_DIR=$data
provider=${PROVIDER:-engine}
recorder=${RECORDER:-engine}
camsim_pid="" vigia_pid="" mediamtx_pid="" stopping=""
serve=("$vigia" serve)

# A child does not outlive this script, whatever ends it.
tied=""
command -v setpriv >/dev/null && setpriv --pdeathsig TERM true 2>/dev/null && tied="setpriv --pdeathsig TERM --"

stop() {
	trap '' INT TERM HUP
	[ -n "$vigia_pid" ] && kill -TERM "$vigia_pid" 2>/dev/null
	# Open files are sealed first; the cameras go on until then.
	for ((i = 0; i < 300; i++)); do
		[ -n "$vigia_pid" ] && kill -0 "$vigia_pid" 2>/dev/null || break
		sleep 0.1
	done
	[ -n "$vigia_pid" ] && kill -KILL "$vigia_pid" 2>/dev/null && echo "vigia did not end within 30 s and was killed" >&2
	[ -n "$mediamtx_pid" ] && kill -TERM "$mediamtx_pid" 2>/dev/null
	[ -n "$camsim_pid" ] && kill -TERM "$camsim_pid" 2>/dev/null
	wait
}
trap 'stopping=1; exit 0' INT TERM HUP
trap stop EXIT

fail() {
	echo "$*" >&2
	exit 1
}

alive() {
	kill -0 "$1" 2>/dev/null
}

find_mediamtx() {
	mediamtx=${VIGIA_MEDIAMTX:-$(command -v mediamtx)}
	mediamtx=${mediamtx%%:*} # the tests may name several
	[ -n "$mediamtx" ] && [ -x "$mediamtx" ] ||
		fail "PROVIDER=mediamtx needs the program mediamtx on PATH, or its path in VIGIA_MEDIAMTX (https://github.com/bluenviron/mediamtx)"
	mediamtx_version=$("$mediamtx" --version 2>/dev/null | sed -n 's/^v\{0,1\}\([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
	[ -n "$mediamtx_version" ] || fail "$mediamtx --version does not say a version: it is not MediaMTX"
}

# A MediaMTX that asks this server who may watch, and this server's configuration that goes with it.
start_mediamtx() {
	local listen=${VIGIA_LISTEN:-127.0.0.1:8080} version=$((${mediamtx_version% *} * 1000 + ${mediamtx_version#* })) api hls rtsp folder
	read -r api hls rtsp <<<"${VIGIA_DEMO_MEDIAMTX_PORTS:-9997 8888 8555}"
	folder=$(cd "$data" && pwd)
	{
		echo "api: yes"
		echo "apiAddress: 127.0.0.1:$api"
		echo "hlsAddress: 127.0.0.1:$hls"
		echo "rtspAddress: 127.0.0.1:$rtsp"
		printf '%s: no\n' rtmp srt webrtc
		if ((version >= 1020)); then
			echo "moq: no"
			echo "rtspTransports: [tcp]"
		else
			echo "protocols: [tcp]"
		fi
		if ((version >= 1006)); then
			echo "authMethod: http"
			echo "authHTTPAddress: http://${listen/0.0.0.0:/127.0.0.1:}/api/v1/mediamtx/auth"
		else
			echo "externalAuthenticationURL: http://${listen/0.0.0.0:/127.0.0.1:}/api/v1/mediamtx/auth"
		fi
		echo "paths: {}"
	} >"$data/mediamtx.yml"
	echo "mediamtx: {api: http://127.0.0.1:$api, hls: http://127.0.0.1:$hls, rtsp: rtsp://127.0.0.1:$rtsp}" >>"$data/run.yaml"
	$tied "$mediamtx" "$folder/mediamtx.yml" >"$data/mediamtx.log" 2>&1 &
	mediamtx_pid=$!
	for ((i = 0; i < 100; i++)); do
		(: <>"/dev/tcp/127.0.0.1/$api") 2>/dev/null && break
		if ! alive "$mediamtx_pid"; then
			tail -n 20 "$data/mediamtx.log" >&2
			fail "MediaMTX did not start; VIGIA_DEMO_MEDIAMTX_PORTS=\"9998 8889 8556\" takes other ports"
		fi
		sleep 0.05
	done
}

# Waits until the server answers with our token; its own messages say why if it does not.
wait_ready() {
	for ((i = 0; i < 600; i++)); do
		if ! alive "$vigia_pid"; then
			wait "$vigia_pid"
			exit 1
		fi
		# Who else holds the port may never answer.
		timeout 2 "$vigia" city list >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	fail "the server does not answer"
}

# Only the simulated cameras: a person's own are started by that person.
start_streams() {
	"$camsim" --port "$port" --demo --list | cut -f 1 | xargs "$vigia" stream start >/dev/null
}

# The URL of the first stream that is live.
playable_url() {
	for ((i = 0; i < 150; i++)); do
		local url
		url=$(timeout 5 "$vigia" stream list --json 2>/dev/null | grep '"status":"live"' | sed -n 's/.*"hls_url":"\([^"]*\)".*/\1/p' | head -n 1)
		[ -n "$url" ] && echo "$url" && return 0
		alive "$vigia_pid" || return 1
		sleep 0.2
	done
	return 1
}

case $provider in
engine) ;;
mediamtx) find_mediamtx ;;
*) fail "PROVIDER is engine or mediamtx, not $provider" ;;
esac
case $recorder in
engine | ffmpeg) ;;
*) fail "RECORDER is engine or ffmpeg, not $recorder" ;;
esac
(umask 027 && mkdir -p "$data") || exit 1 # as the program itself makes it
: >"$data/camsim.log" || exit 1
echo "3/5 simulated cameras on rtsp://127.0.0.1:$port/"
$tied "$camsim" --port "$port" --demo >"$data/camsim.log" 2>&1 &
camsim_pid=$!
for ((i = 0; i < 100; i++)); do
	grep -q '^camsim: ready' "$data/camsim.log" && break
	if ! alive "$camsim_pid"; then
		cat "$data/camsim.log" >&2
		fail "the simulated cameras did not start; VIGIA_DEMO_RTSP_PORT=9554 make run takes another port"
	fi
	sleep 0.05
done

if [ -e "$marker" ]; then
	echo "4/5 their past is there already"
else
	echo "4/5 making their past"
	"$camsim" --port "$port" --demo --list | "$vigia" demo seed --clips "$build/tools/clips" || exit 1
fi

echo "5/5 starting; the cameras' footage takes about 1 GB an hour in $data (Ctrl-C ends everything)"
if [ "$provider $recorder" != "engine engine" ]; then
	printf 'provider: %s\nrecorder: %s\n' "$provider" "$recorder" >"$data/run.yaml"
	serve=("$vigia" serve -c "$data/run.yaml")
fi
[ "$provider" = mediamtx ] && start_mediamtx
$tied "${serve[@]}" &
vigia_pid=$!
wait_ready
if [ ! -e "$marker" ]; then
	start_streams || fail "not every simulated camera could be started"
	touch "$marker"
fi
if url=$(playable_url); then
	echo "play one: $url"
fi

wait -n "$vigia_pid" "$camsim_pid" ${mediamtx_pid:+"$mediamtx_pid"}
code=$?
[ -n "$stopping" ] && exit 0
if alive "$vigia_pid"; then
	if alive "$camsim_pid"; then
		echo "MediaMTX ended (see $data/mediamtx.log)" >&2
	else
		echo "the simulated cameras ended (see $data/camsim.log)" >&2
	fi
	code=1
fi
exit $code
