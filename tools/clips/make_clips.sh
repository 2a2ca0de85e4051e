#!/bin/sh
# Makes the simulated cameras' clips with ffmpeg: elementary streams (Annex B, ADTS, raw G.711) and, where frames are
# reordered, an .idx with their presentation order. usage: make_clips.sh test|demo|bench OUTDIR
set -eu
what=$1
out=$2
mkdir -p "$out"
tmp=$(mktemp -d "$out/.tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
ff="ffmpeg -nostdin -hide_banner -loglevel error -y"
x264="scenecut=0:open-gop=0:aud=0:repeat-headers=1"
buffer=2 # seconds of the rate

# name, lavfi source, seconds, kbit/s, GOP, further x264 parameters
h264() {
	$ff -f lavfi -i "$2" -t "$3" -pix_fmt yuv420p -c:v libx264 -preset ultrafast -b:v "$4k" -maxrate "$4k" -bufsize "$(($4 * buffer))k" \
		-g "$5" -keyint_min "$5" -x264-params "$x264$6" -f h264 "$tmp/$1.h264"
	mv "$tmp/$1.h264" "$out/$1.h264"
}

h265() {
	$ff -f lavfi -i "$2" -t "$3" -pix_fmt yuv420p -c:v libx265 -preset ultrafast -b:v "$4k" -maxrate "$4k" -bufsize "$(($4 * 2))k" \
		-x265-params "log-level=error:scenecut=0:open-gop=0:repeat-headers=1:info=0:bframes=0:keyint=$5:min-keyint=$5" -f hevc "$tmp/$1.h265"
	mv "$tmp/$1.h265" "$out/$1.h265"
}

h264_reordered() {
	$ff -f lavfi -i "$2" -t "$3" -pix_fmt yuv420p -c:v libx264 -preset veryfast -b:v "$4k" -g "$5" -keyint_min "$5" \
		-x264-params "$x264:bframes=3:b-adapt=0:b-pyramid=normal" "$tmp/$1.mp4"
	$ff -i "$tmp/$1.mp4" -c copy -bsf:v h264_mp4toannexb -f h264 "$tmp/$1.h264"
	$ff -i "$tmp/$1.mp4" -c copy -f framecrc "$out/$1.idx"
	mv "$tmp/$1.h264" "$out/$1.h264"
}

test_clips() {
	low="testsrc2=size=640x360:rate=25"
	noise="noise=alls=24:allf=t"
	h264 low "$low" 12 300 50 ":bframes=0"
	h264 hd "testsrc2=size=1280x720:rate=25,$noise" 10 2000 50 ":bframes=0:nal-hrd=cbr:filler=0"
	h264 small "testsrc2=size=320x180:rate=15" 12 100 15 ":bframes=0"
	h264 fullhd "testsrc2=size=1920x1080:rate=25" 8 2000 50 ":bframes=0"
	h264 long "$low" 40 300 500 ":bframes=0"
	h264 slices "$low" 10 400 50 ":bframes=0:slices=2"
	h264 other "testsrc2=size=480x272:rate=25,hue=h=120" 10 250 50 ":bframes=0"
	h264_reordered bframes "$low" 12 400 48
	h265 low "$low" 12 300 50
	h265 hd "testsrc2=size=1280x720:rate=25" 6 1500 50
	$ff -f lavfi -i "sine=frequency=440:sample_rate=16000:beep_factor=4" -t 12 -ac 1 -c:a aac -b:a 32k -f adts "$out/tone.aac"
	$ff -f lavfi -i "sine=frequency=440:sample_rate=8000:beep_factor=4" -t 12 -ac 1 -c:a pcm_mulaw -f mulaw "$out/tone.pcmu"
	$ff -f lavfi -i "sine=frequency=440:sample_rate=8000:beep_factor=4" -t 12 -ac 1 -c:a pcm_alaw -f alaw "$out/tone.pcma"
}

# What the benchmarks play: a constant rate, as a camera in a city is set to.
bench_clips() {
	x264="$x264:nal-hrd=cbr:filler=0"
	buffer=1
	h264 hd2m "testsrc2=size=1280x720:rate=25,noise=alls=24:allf=t" 20 2000 50 ":bframes=0"
	h264 hd500k "testsrc2=size=1280x720:rate=25,noise=alls=6:allf=t" 20 500 50 ":bframes=0"
}

# One minute each, so that the burnt-in seconds are those of the wall clock: camsim plays frame n of the minute at its time.
# The top 32 lines of the H.264 ones are a slice of their own (80 macroblocks), into which camsim writes date and time.
# name, label, sky colours, ground colour, two moving things (colour, size, y, speed in pixels a second)
scene() {
	name=$1 label=$2 c0=$3 c1=$4 ground=$5 a=$6 b=$7 codec=$8
	set -- $(echo "$a" | tr , ' ') $(echo "$b" | tr , ' ')
	strip="" slices="" rate=300
	[ "$codec" = h264 ] && strip="drawbox=x=0:y=0:w=640:h=40:color=black:t=fill," slices=":slice-max-mbs=80:cabac=0:no-deblock=1:weightp=0" rate=190
	text="fontfile=/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf:fontcolor=white:box=1:boxcolor=black@0.55:boxborderw=8"
	graph="gradients=s=640x360:r=15:c0=$c0:c1=$c1:x0=0:y0=0:x1=0:y1=300:speed=0.00001:nb_colors=2,format=yuv420p,
drawbox=x=0:y=210:w=640:h=150:color=$ground:t=fill,drawbox=x=0:y=283:w=640:h=4:color=white@0.6:t=fill,
trim=end_frame=1,loop=-1:1,setpts=N/15/TB,noise=alls=7:allf=t[bg];
color=c=$1:s=$2:r=15[a];color=c=$5:s=$6:r=15[b];
[bg][a]overlay=x='mod(t*$4,W+w)-w':y=$3[p];[p][b]overlay=x='W-mod(t*$8,W+w)':y=$7,
$strip
drawtext=$text:fontsize=34:x=16:y=56:text='$label',
drawtext=$text:fontsize=40:x=w-tw-16:y=h-th-16:text='%{eif\\:trunc(t)\\:d\\:2},%{eif\\:10*mod(t\\,1)\\:d\\:1} s'"
	"$codec" "$name" "$graph" 60 "$rate" 30 ":bframes=0$slices"
	# The same minute as a camera's second, small stream.
	h264 "$name-small" "$graph,scale=320:180" 60 70 30 ":bframes=0"
}

demo_clips() {
	scene demo-portao 'Portão 1' 0x87b5e8 0xdfeaf5 0x5a5a5a red,90x40,225,70 yellow,60x30,300,-110 h264
	scene demo-praca 'Praça' 0x4fa3ff 0xbfe3ff 0x3f7f3f brown,18x52,230,25 orange,18x48,290,-33 h264
	scene demo-escola 'Escola' 0xffc069 0xfff0d0 0x9c6b3f blue,110x46,226,55 white,16x44,295,-28 h265
	scene demo-avenida 'Avenida Central' 0x20304a 0x3b5a80 0x2b2b2b white,80x36,232,160 red,84x36,302,-190 h264
	scene demo-terminal 'Terminal de ônibus' 0xb8b8b8 0xe8e8e8 0x707070 green,190x70,205,45 0x1060c0,180x70,276,-50 h264
	scene demo-hospital 'Hospital' 0xf2f2ff 0xffffff 0x8fa3b0 white,96x50,225,90 red,20x46,295,-22 h264
	scene demo-ponte 'Ponte velha' 0x7a4a8a 0xe58fb0 0x30507a black,70x30,240,120 brown,120x34,305,-40 h264
	scene demo-cais 'Cais do porto' 0x204060 0x60a0c0 0x104a6a orange,220x60,215,18 yellow,140x44,295,-14 h264
}

"${what}_clips"
