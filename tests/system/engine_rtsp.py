#!/usr/bin/env python3
# lane: 2
"""The engine's RTSP re-publication, read by ffmpeg, ffprobe, GStreamer and by hand: every frame, from a key frame on, with the right times,
while the camera itself is asked once; readers end with the camera, and a slow one alone."""
# timeout: 400
import base64
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

from _site import BUILD, CAMSIM, CLIPS, FRAMECHECK, Process, Skip, free_port, main, run, test, wait_for

SECONDS = 20
LOG = ["ffmpeg", "-hide_banner", "-nostats", "-loglevel", "warning", "-y", "-rtsp_transport", "tcp"]


class Relay(contextlib.AbstractContextManager):
    """Simulated cameras, and an engine that relays them. cameras: {id: query of camsim's URL}."""

    def __init__(self, cameras):
        self.dir = tempfile.mkdtemp(prefix="vigia-rtsp-")
        os.mkdir(self.path("volume"))
        self.port = free_port()
        self.sim = Process([CAMSIM, "--port", str(self.port), "--clips", CLIPS], self.path("camsim.log"))
        self.sim.start()
        wait_for("camsim", lambda: "camsim: ready" in open(self.path("camsim.log")).read())
        self.log = open(self.path("engine.log"), "wb")
        self.engine = subprocess.Popen([os.path.join(BUILD, "tests", "engine_rtsp"), self.path("volume")], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.rtsp = int(self.engine.stdout.readline().split()[1])
        for name, query in cameras.items():
            self.say(f"add {name} {int('audio=' in query)} rtsp://127.0.0.1:{self.port}/{name}?{query}")
        for name in cameras:
            self.live(name)

    def __exit__(self, *_):
        self.sim.stop()
        self.engine.stdin.close()
        code = self.engine.wait(20)
        self.engine.stdout.close()
        self.log.close()
        log = open(self.path("engine.log")).read()
        shutil.rmtree(self.dir)
        if code:
            raise AssertionError(f"the engine ended with {code}: {log[-4000:]}")

    def path(self, name):
        return os.path.join(self.dir, name)

    def say(self, line):
        self.engine.stdin.write(line + "\n")
        self.engine.stdin.flush()

    def state(self, name):
        """(status, cameras that gather, sessions with cameras so far)"""
        self.say("state " + name)
        status, gathering, sessions = self.engine.stdout.readline().split()
        return status, int(gathering), int(sessions)

    def live(self, name):
        wait_for(name + " to be live", lambda: self.state(name)[0] == "live")

    def ended(self):
        return re.findall(r'event=reader.ended camera=(\w+) reason="?([^"\n]*)', open(self.path("engine.log")).read())

    def url(self, name, who="leitor:senha@"):
        return f"rtsp://{who}127.0.0.1:{self.rtsp}/camera_{name}"

    def read(self, name, out, *more, seconds=SECONDS):
        return subprocess.Popen([*LOG, "-i", self.url(name), "-t", str(seconds), *more, "-c", "copy", "-movflags", "frag_keyframe+empty_moov",
                                 self.path(out)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def check(path, least, camera=None):
    """Every frame of camsim's from the first to the last is in the file, which begins with a key frame."""
    answer = run(FRAMECHECK, path)
    found = json.loads(answer.stdout)
    assert answer.returncode == 0, found
    camera = found["cameras"][0]
    assert camera["missing"] == 0 and camera["found"] >= least, found
    first = json.loads(run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=flags,pts_time", "-read_intervals", "%+#1",
                           "-of", "json", path).stdout)["packets"][0]
    assert first["flags"].startswith("K"), first
    return camera


def times(path, kind):
    """Of all packets of a track, in seconds."""
    text = run("ffprobe", "-v", "error", "-select_streams", kind, "-show_entries", "packet=pts_time", "-of", "csv=p=0", path).stdout
    return [float(t.strip(",")) for t in text.split() if t.strip(",") != "N/A"]


def even(path, kind, step, tolerance):
    """Times a step apart. The first one aside: ffmpeg gives no time to what every RTSP input's tracks begin with, the camera's own too."""
    t = sorted(times(path, kind))[1:]
    wrong = [(a, b) for a, b in zip(t, t[1:]) if abs(b - a - step) > tolerance]
    assert len(t) > 10 and not wrong, (kind, len(t), wrong[:5])
    return t


class Hand:
    """A reader that speaks for itself."""

    def __init__(self, relay, name, who="leitor:senha", receive=None):
        self.url, self.n, self.rest = relay.url(name, ""), 0, b""
        self.auth = f"Authorization: Basic {base64.b64encode(who.encode()).decode()}\r\n" if who else ""
        self.s = socket.socket()
        if receive:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.s.settimeout(10)
        self.s.connect(("127.0.0.1", relay.rtsp))

    def ask(self, method, more="", track=""):
        self.n += 1
        self.s.sendall(f"{method} {self.url}{track} RTSP/1.0\r\nCSeq: {self.n}\r\n{self.auth}{more}\r\n".encode())
        while b"\r\n\r\n" not in self.rest:
            got = self.s.recv(4096)
            assert got, self.rest
            self.rest += got
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        head = head.decode()
        length = int((re.search(r"Content-Length: (\d+)", head) or [0, 0])[1])
        while len(self.rest) < length:
            self.rest += self.s.recv(4096)
        self.body, self.rest = self.rest[:length].decode(), self.rest[length:]
        self.session = (re.search(r"Session: (\w+)", head) or [0, ""])[1]
        return int(head.split()[1])

    def play(self, sound=False):
        for i in range(1 + sound):
            session = f"Session: {self.session}\r\n" if i else ""
            assert self.ask("SETUP", f"{session}Transport: RTP/AVP/TCP;unicast;interleaved={2 * i}-{2 * i + 1}\r\n", f"/trackID={i}") == 200
        assert self.ask("PLAY", f"Session: {self.session}\r\n") == 200

    def packet(self):
        """(channel, bytes) of what comes interleaved."""
        while len(self.rest) < 4 or len(self.rest) < 4 + int.from_bytes(self.rest[2:4], "big"):
            got = self.s.recv(65536)
            assert got, "closed"
            self.rest += got
        assert self.rest[0] == ord("$"), self.rest[:20]
        n = 4 + int.from_bytes(self.rest[2:4], "big")
        channel, packet, self.rest = self.rest[1], self.rest[4:n], self.rest[n:]
        return channel, packet


@test("ffmpeg copies every frame of H.264, H.265 and B-frames, with AAC and PCMA, from a key frame on, with the camera's times; each camera is asked once")
def ffmpeg_copies():
    cameras = {"avc": "codec=h264", "hevc": "codec=h265&no_sprop", "bframes": "codec=h264&clip=bframes", "aac": "codec=h264&audio=aac",
               "alaw": "codec=h264&audio=pcma", "mute": "codec=h264"}
    with Relay(cameras) as r:
        readers = {c: r.read(c, c + ".mp4", "-map", "0:v") if c != "aac" else r.read(c, c + ".mp4") for c in cameras}
        readers["sound"] = r.read("alaw", "alaw.wav", "-map", "0:a")
        readers["second"] = r.read("avc", "second.mp4")
        for name, p in readers.items():
            _, said = p.communicate(timeout=90)
            assert p.returncode == 0, (name, said)
            assert "missed" not in said and "corrupt" not in said, (name, said)
        for name in [*cameras, "second"]:
            check(r.path(name + ".mp4"), SECONDS * 25 - 5)
            if name != "bframes":
                even(r.path(name + ".mp4"), "v", 0.04, 0.0015)
        sound, picture = even(r.path("aac.mp4"), "a", 0.064, 0.002), even(r.path("aac.mp4"), "v", 0.04, 0.0015)
        assert abs(sound[0] - picture[0]) < 0.2 and abs(sound[-1] - picture[-1]) < 0.3, (sound[0], picture[0], sound[-1], picture[-1])
        size = os.path.getsize(r.path("alaw.wav"))
        assert abs(size / 8000 - SECONDS) < 0.5, size
        status, gathering, sessions = r.state("avc")
        assert (status, sessions) == ("live", len(cameras)), (status, sessions)
        assert gathering == len(cameras), gathering  # readers do not make a camera be woken for at every packet
        assert len(r.ended()) == len(readers), r.ended()


@test("a reader is told 401, 404, 461 as due, and a camera's sound only where it is wanted")
def told_as_due():
    with Relay({"a": "codec=h264&audio=pcma", "b": "codec=h264", "fechada": "codec=h264"}) as r:
        for name, who, status in [("a", "leitor:senha", 200), ("a", "leitor:outra", 401), ("a", "", 401), ("fechada", "leitor:senha", 401),
                                  ("nenhuma", "leitor:senha", 404)]:
            h = Hand(r, name, who)
            assert h.ask("OPTIONS") == 200
            assert h.ask("DESCRIBE") == status, (name, who)
            assert ("m=audio" in h.body) == (status == 200), h.body
        h = Hand(r, "b")
        assert h.ask("DESCRIBE") == 200 and "m=audio" not in h.body and "sprop-parameter-sets=" in h.body, h.body
        assert h.ask("SETUP", "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n", "/trackID=0") == 461
        assert h.ask("SETUP", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", "/trackID=1") == 404
        shown = run("ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_entries", "stream=codec_name", "-of", "csv=p=0", r.url("a"))
        assert shown.stdout.split() == ["h264", "pcm_alaw"], shown
        assert run("ffprobe", "-v", "error", "-rtsp_transport", "udp", r.url("a")).returncode != 0


@test("packets begin with a key frame, in unbroken order, and before a track's first one stands when that was")
def packets_by_hand():
    with Relay({"a": "codec=h264&audio=aac"}) as r:
        time.sleep(8)  # the camera's own reports come every few seconds
        h = Hand(r, "a")
        assert h.ask("DESCRIBE") == 200
        h.play(sound=True)
        got = [h.packet() for _ in range(400)]
        first, at = {}, {}
        for channel in 0, 2:
            own = [p for c, p in got if c == channel]
            numbers = [int.from_bytes(p[2:4], "big") for p in own]
            assert all((b - a) % 65536 == 1 for a, b in zip(numbers, numbers[1:])), numbers
            first[channel] = own[0]
            report = next(p for c, p in got if c == channel + 1)
            assert got.index((channel + 1, report)) < got.index((channel, own[0]))
            assert report[1] == 200 and report[4:8] == own[0][8:12] and report[16:20] == own[0][4:8], report
            at[channel] = int.from_bytes(report[8:16], "big") / 2**32
        assert got[0][0] == 1, got[0]
        assert first[0][12] & 31 in (5, 7, 24), first[0][:20]
        assert 0 <= at[2] - at[0] < 0.2, at


@test("a camera that goes ends its readers at once and is 404; it is read again when it is back, and its removal ends them too")
def camera_restarts():
    with Relay({"a": "codec=h264", "b": "codec=h265"}) as r:
        readers = [r.read("a", "a1.mp4", seconds=300), r.read("b", "b1.mp4", seconds=300)]
        hand = Hand(r, "a")
        assert hand.ask("DESCRIBE") == 200
        time.sleep(5)
        r.sim.stop()
        for p in readers:
            _, said = p.communicate(timeout=10)
            assert p.returncode == 0, said
        check(r.path("a1.mp4"), 50)
        check(r.path("b1.mp4"), 50)
        assert hand.ask("DESCRIBE") == 404
        assert {why for _, why in r.ended()} == {"the camera is away"}, r.ended()
        r.sim.start()
        r.live("a")
        p = r.read("a", "a2.mp4", seconds=300)
        time.sleep(5)
        r.say("remove a")
        _, said = p.communicate(timeout=10)
        assert p.returncode == 0, said
        check(r.path("a2.mp4"), 50)
        assert hand.ask("DESCRIBE") == 404


@test("new parameter sets end the readers, and the next are told the new ones")
def parameter_sets_change():
    with Relay({"a": "codec=h264&params_change=8"}) as r:
        h = Hand(r, "a")
        assert h.ask("DESCRIBE") == 200
        before = h.body
        p = r.read("a", "a.mp4", seconds=300)
        _, said = p.communicate(timeout=40)
        assert p.returncode == 0, said
        assert r.ended()[0] == ("a", "the camera's parameter sets changed"), r.ended()
        r.live("a")
        assert h.ask("DESCRIBE") == 200 and h.body != before, h.body


@test("a reader that does not read is closed; the camera and its other reader lose nothing")
def slow_reader():
    with Relay({"a": "codec=h264&clip=hd&fps=100"}) as r:
        other = r.read("a", "a.mp4", seconds=10)
        slow = Hand(r, "a", receive=4096)
        assert slow.ask("DESCRIBE") == 200
        slow.play()
        wait_for("the slow reader to be closed", lambda: ("a", "it does not keep up") in r.ended(), seconds=60)
        _, said = other.communicate(timeout=60)
        assert other.returncode == 0, said
        assert check(r.path("a.mp4"), 50)["missing"] == 0
        assert r.state("a")[0] == "live"


@test("GStreamer's rtspsrc takes every frame")
def gstreamer():
    if not shutil.which("gst-launch-1.0") or run("gst-inspect-1.0", "rtspsrc").returncode:
        raise Skip("no GStreamer")
    with Relay({"a": "codec=h264&audio=aac", "b": "codec=h265"}) as r:
        readers = []
        for name, codec in ("a", "264"), ("b", "265"):
            readers.append(subprocess.Popen(
                ["timeout", "--signal=INT", "22", "gst-launch-1.0", "-e", "rtspsrc", f"location={r.url(name, '')}", "protocols=tcp",
                 "user-id=leitor", "user-pw=senha", "latency=200", "!", f"rtph{codec}depay", "!", f"h{codec}parse", "!", "mp4mux", "fragment-duration=1000", "!", "filesink",
                 "location=" + r.path(name + ".mp4")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        for p in readers:
            said, _ = p.communicate(timeout=60)
            assert "ERROR" not in said, said
            print("# " + " | ".join(said.splitlines()[-6:]), flush=True)
        check(r.path("a.mp4"), 18 * 25)
        check(r.path("b.mp4"), 18 * 25)


if __name__ == "__main__":
    main()
