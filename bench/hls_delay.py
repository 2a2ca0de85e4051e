#!/usr/bin/env python3
"""Delay of LL-HLS at parts of 200 ms while many cameras record: from a part's last (and first) frame sent by the camera to the part received by a
viewer that waits for it, once blocking on the playlist and then fetching the part, once blocking on the announced part itself. The simulator's
send time stands in every frame. MediaMTX beside it where a binary is on PATH or in $VIGIA_MEDIAMTX.

    bench/hls_delay.py [--build build] [--cameras 200] [--watched 50] [--seconds 15] [--query clip=hd500k] [--without-mediamtx]

Prints one JSON object and lines for people. Checks free space and file limits first; leaves nothing behind."""
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.parse

import _bench as b
import _contenders

MODES = {"playlist": [], "part": ["--hint"]}


def main():
    o = b.options(__doc__, cameras=200, seconds=15, query="clip=hd500k")
    o.add_argument("--watched", type=int, default=50)
    o.add_argument("--viewers", type=int, default=0, help="as many as cameras that are watched")
    o.add_argument("--without-mediamtx", action="store_true")
    a = b.begin(o)
    a.watched = min(a.watched, a.cameras)
    b.need_space(a.cameras * (2 * a.seconds + 40) * b.bytes_per_second(a.query))
    b.need_files(a.cameras * 4 + 500)
    result = {"machine": b.machine(), "cameras": a.cameras, "watched": a.watched, "query": a.query, "seconds": a.seconds, "vigia": vigia(a)}
    why = "not asked for" if a.without_mediamtx else _contenders.missing_program("mediamtx")
    result["mediamtx"] = {"skipped": why} if why else mediamtx(a)
    print(json.dumps(result))
    for who in ("vigia", "mediamtx"):
        for mode in MODES:
            r = result[who].get(mode)
            if not r:
                b.say(f"{who}: skipped, {result[who]['skipped']}")
                break
            last, first = r["from_last_frame_ms"], r["from_first_frame_ms"]
            b.say(f"{who}, blocking on the {mode}, {a.cameras} cameras recording: from the last frame p50 {last['p50']} p95 {last['p95']} ms, "
                  f"from the first p50 {first['p50']} p95 {first['p95']} ms ({last['n']} parts)")


def measure(a, port, paths, pid):
    """Both modes, one after the other."""
    rows = {}
    for mode, options in MODES.items():
        viewers = a.viewers or a.watched
        lines = "".join(f"{i % a.watched} {paths(i % a.watched)}\n" for i in range(viewers))
        out = subprocess.run([os.path.join(a.build, "bench", "viewers"), "--port", str(port), "--pids", str(pid), "--seconds", str(a.seconds), "--warm", "3",
                              "--stamps", *options], input=lines, stdout=subprocess.PIPE, text=True, check=True, timeout=a.seconds + 60)
        r = json.loads(out.stdout)
        rows[mode] = {k: r[k] for k in ("from_last_frame_ms", "from_first_frame_ms", "parts", "parts_skipped", "viewers_lost", "errors", "stalls", "void_hints")}
    return rows


def vigia(a):
    names = [f"cam{i}" for i in range(a.cameras)]
    with b.Sim() as sim, b.make_vigia(sim, [(n, a.query) for n in names]) as s:
        b.start_all(s)
        b.wait_recording(s, a.cameras)
        time.sleep(5)

        def path(i):
            url = urllib.parse.urlsplit(s.get(f"/cameras/cam{i}/stream")["hls_url"])
            return f"{url.path}?{url.query}"

        with b.turn(a.lock):
            rows = measure(a, s.port, path, s.server.p.pid)
        s.server.stop()
        checked = b.check_files(b.vigia_files(s, names))
        return {**rows, "frames_found": checked["found"], "frames_lost": b.lost(checked)}


def mediamtx(a):
    names = [f"cam{i}" for i in range(a.cameras)]
    port, folder, p = b.site.free_port(), tempfile.mkdtemp(prefix="vigia-bench-"), None
    try:
        with b.Sim() as sim, open(os.path.join(folder, "log"), "w") as log:
            config = os.path.join(folder, "mediamtx.yml")
            with open(config, "w") as f:
                f.write(_contenders.MEDIAMTX.format(port=port, folder=folder))
                f.writelines(f"  {name}:\n    source: {sim.url(name, a.query)}\n" for name in names)
            p = subprocess.Popen([_contenders.mediamtx_path(), config], stdout=log, stderr=log, cwd=folder, preexec_fn=b.die_with_parent)
            b.site.wait_for("MediaMTX", lambda: plays(port, names[-1]) and plays(port, names[0]), 60, 1)
            time.sleep(5)
            with b.turn(a.lock):
                return measure(a, port, lambda i: f"/cam{i}/index.m3u8?cookieCheck=1", p.pid)
    finally:
        if p:
            p.kill()
            p.wait()
        shutil.rmtree(folder, ignore_errors=True)


def plays(port, name):
    with contextlib.suppress(OSError):
        return b.site.fetch(f"http://127.0.0.1:{port}/{name}/index.m3u8?cookieCheck=1").status == 200


main()
