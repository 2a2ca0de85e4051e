#!/usr/bin/env python3
"""What a wall of 16 tiles costs the server and how late its pictures are: N viewers over GET /live against the same N over LL-HLS (16 players each),
in turn, beside the same cameras recording. CPU is what comes on top of the cameras alone; delay is from a frame sent by the camera to its bytes
at the viewer.

    bench/wall.py [--build build] [--tiles 16] [--viewers 8] [--seconds 8] [--rounds 3] [--query clip=hd500k] [--dir DIR] [--lock FILE]

Prints one JSON object and a line for people. Checks free space and file limits first; leaves nothing behind."""
import json
import os
import secrets
import selectors
import socket
import statistics
import struct
import subprocess
import threading
import time
import urllib.parse

import _bench as b

SEI_UUID = bytes.fromhex("6ac15e7b93d44f21b81752ee3d9a46f5")
AFTER_UUID = 32 + 16  # name and frame number; then the send time, 16 hexadecimal digits
WARM_S = 3


def main():
    o = b.options(__doc__, seconds=8, query="clip=hd500k")
    o.add_argument("--tiles", type=int, default=16)
    o.add_argument("--viewers", type=int, default=8)
    o.add_argument("--rounds", type=int, default=3)
    a = b.begin(o)
    b.need_space(a.tiles * (a.rounds * 3 * (a.seconds + WARM_S) + 40) * b.bytes_per_second(a.query))
    b.need_files(a.tiles * (a.viewers + 6) + 500)
    names = [f"cam{i}" for i in range(a.tiles)]
    rows = {"alone": [], "live": [], "hls": []}
    with b.Sim() as sim, b.make_vigia(sim, [(n, a.query) for n in names]) as s:
        b.start_all(s)
        b.wait_recording(s, a.tiles)
        time.sleep(4)
        for _ in range(a.rounds):
            for who, measure in (("alone", alone), ("live", live), ("hls", hls)):
                with b.turn(a.lock):
                    rows[who].append(measure(s, a, names))
        s.server.stop()
        checked = b.check_files(b.vigia_files(s, names))
    base = statistics.median(r["cpu_ms_per_s"] for r in rows["alone"])
    cost = {who: statistics.median(r["cpu_ms_per_s"] - base for r in rows[who]) / a.viewers for who in ("live", "hls")}
    result = {"machine": b.machine(), "tiles": a.tiles, "viewers": a.viewers, "query": a.query, "seconds": a.seconds, "rows": rows,
              "cpu_ms_per_s_viewer": {k: round(v, 2) for k, v in cost.items()}, "hls_to_live": round(cost["hls"] / cost["live"], 2),
              "frames_found": checked["found"], "frames_lost": b.lost(checked)}
    print(json.dumps(result))
    delay = {who: {k: round(statistics.median(r["delay_ms"][k] for r in rows[who]), 1) for k in ("last_p50", "last_p95", "first_p50", "first_p95")} for who in ("live", "hls")}
    b.say(f"a wall of {a.tiles} ({a.query}), {a.viewers} viewers: {cost['live']:.1f} ms of CPU a second each over /live, {cost['hls']:.1f} over LL-HLS ({result['hls_to_live']} "
          f"times); from the last frame of a fragment p50 {delay['live']['last_p50']} p95 {delay['live']['last_p95']} ms against {delay['hls']['last_p50']} and {delay['hls']['last_p95']}, "
          f"from its first {delay['live']['first_p50']} and {delay['live']['first_p95']} against {delay['hls']['first_p50']} and {delay['hls']['first_p95']}; "
          f"{result['frames_lost']} of {result['frames_found']} frames lost in the recordings")


def alone(s, a, names):
    """The cameras, watched by one (an unwatched camera costs less: decision 022), so that what is on top is the viewers' own."""
    for n in names:
        b.site.fetch(s.get(f"/cameras/{n}/stream")["hls_url"])
    time.sleep(WARM_S)
    usage = b.Usage(s.server.p.pid)
    time.sleep(a.seconds)
    return {"cpu_ms_per_s": usage.since(1)["cpu_ms_per_s_camera"]}


def percentiles(last, first):
    def at(values, p):
        return round(sorted(values)[min(len(values) - 1, len(values) * p // 100)] * 1000, 1)

    return {"n": len(last), "last_p50": at(last, 50), "last_p95": at(last, 95), "first_p50": at(first, 50), "first_p95": at(first, 95)}


class Wall:
    """One viewer of them all. stamps: reads its frames; else what comes is thrown away."""

    def __init__(self, s, names, stamps):
        session, self.stamps, self.have, self.bytes = secrets.token_urlsafe(16), stamps, bytearray(), 0
        self.last, self.first = [], []
        answer = s.call("PUT", f"/live/{session}", {"tiles": [{"tile": i + 1, "camera_id": n} for i, n in enumerate(names)]})
        assert answer.status == 200, answer.body
        self.sock = socket.create_connection(("127.0.0.1", s.port))
        self.sock.sendall(f"GET /api/v1/live?session={session} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {s.token}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.sock.recv(1)
        assert b" 200 " in head, head
        self.sock.setblocking(False)

    def read(self, block):
        n = self.sock.recv_into(block)
        assert n, "the wall was cut off"
        self.bytes += n
        if not self.stamps:
            return
        self.have += block[:n]
        at, now = 0, time.time()
        while len(self.have) - at >= 8:
            (size,) = struct.unpack_from(">I", self.have, at)
            if len(self.have) - at < 4 + size:
                break
            if self.have[at + 4] == 2:
                self.note(bytes(self.have[at + 24 : at + 4 + size]), now)
            at += 4 + size
        del self.have[:at]

    def note(self, piece, now):
        sent = [int(piece[i : i + 16], 16) / 1e6 for i in stamps_in(piece)]
        if sent:
            self.last.append(now - sent[-1])
            self.first.append(now - sent[0])


def stamps_in(piece):
    at = piece.find(SEI_UUID)
    while at >= 0:
        yield at + len(SEI_UUID) + AFTER_UUID
        at = piece.find(SEI_UUID, at + 1)


def live(s, a, names):
    walls = [Wall(s, names, i == 0) for i in range(a.viewers)]
    stop = threading.Event()

    def drain():
        block = memoryview(bytearray(262144))
        with selectors.DefaultSelector() as ready:
            for w in walls:
                ready.register(w.sock, selectors.EVENT_READ, w)
            while not stop.is_set():
                for key, _ in ready.select(0.2):
                    key.data.read(block)

    reader = threading.Thread(target=drain)
    reader.start()
    time.sleep(WARM_S)
    del walls[0].last[:], walls[0].first[:]
    begun = [w.bytes for w in walls]
    usage = b.Usage(s.server.p.pid)
    time.sleep(a.seconds)
    cpu = usage.since(1)
    got = sum(w.bytes for w in walls) - sum(begun)
    stop.set()
    reader.join()
    for w in walls:
        w.sock.close()
    return {"cpu_ms_per_s": cpu["cpu_ms_per_s_camera"], "user_ms": cpu["user_ms"], "system_ms": cpu["system_ms"],
            "mbit_per_s": round(got * 8 / 1e6 / cpu["seconds"], 1), "delay_ms": percentiles(walls[0].last, walls[0].first)}


def hls(s, a, names):
    lines = []
    for _ in range(a.viewers):
        for i, n in enumerate(names):
            url = urllib.parse.urlsplit(s.get(f"/cameras/{n}/stream")["hls_url"])
            lines.append(f"{i} {url.path}?{url.query}\n")
    out = subprocess.run([os.path.join(a.build, "bench", "viewers"), "--port", str(s.port), "--pids", str(s.server.p.pid), "--seconds", str(a.seconds),
                          "--warm", str(WARM_S), "--stamps"], input="".join(lines), stdout=subprocess.PIPE, text=True, check=True, timeout=a.seconds + 60)
    r = json.loads(out.stdout)
    assert not r["viewers_lost"] and not r["errors"], r
    last, first = r["from_last_frame_ms"], r["from_first_frame_ms"]
    return {"cpu_ms_per_s": round((r["user_s"] + r["system_s"]) / r["seconds"] * 1000, 2), "user_ms": round(r["user_s"] / r["seconds"] * 1000, 2),
            "system_ms": round(r["system_s"] / r["seconds"] * 1000, 2), "mbit_per_s": round(r["bytes"] * 8 / 1e6 / r["seconds"], 1),
            "delay_ms": {"n": last["n"], "last_p50": last["p50"], "last_p95": last["p95"], "first_p50": first["p50"], "first_p95": first["p95"]}}


main()
