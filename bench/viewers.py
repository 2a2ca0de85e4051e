#!/usr/bin/env python3
"""Many viewers while many cameras record: 1000 LL-HLS players over 100 of 500 cameras, and 10 000 connections that are kept open and ask now and
then. Reports who was lost (stalled, refused, dropped, parts skipped), frames missing in the recordings, CPU and memory of the server, and how far
apart the answers to those are who wait for the same part.

    bench/viewers.py [--build build] [--cameras 500] [--watched 100] [--viewers 1000] [--idle 10000] [--seconds 20] [--query clip=hd500k] [--dir DIR]

Prints one JSON object and a line for people. Checks free space and file limits first; leaves nothing behind."""
import json
import os
import subprocess
import time
import urllib.parse

import _bench as b


def main():
    o = b.options(__doc__, cameras=500, seconds=20, query="clip=hd500k")
    o.add_argument("--watched", type=int, default=100)
    o.add_argument("--viewers", type=int, default=1000)
    o.add_argument("--idle", type=int, default=10000)
    a = b.begin(o)
    b.need_space(a.cameras * (a.seconds + 50) * b.bytes_per_second(a.query))
    b.need_files(a.cameras * 4 + a.viewers + a.idle + 500)
    names = [f"cam{i}" for i in range(a.cameras)]
    with b.Sim() as sim, b.make_vigia(sim, [(n, a.query) for n in names]) as s:
        b.start_all(s)
        b.wait_recording(s, a.cameras)
        paths = urls(s, a)
        pid = s.server.p.pid
        with b.turn(a.lock):
            before = b.memory_mb(pid)
            usage = b.Usage(pid)
            time.sleep(4)
            alone = usage.since(1)["cpu_ms_per_s_camera"] / 1000
            r = watch(s, a, paths)
            after = b.memory_mb(pid)
        s.server.stop()
        checked = b.check_files(b.vigia_files(s, names))
    cpu = (r["user_s"] + r["system_s"]) / r["seconds"]
    r.update(rss_mb_before=round(before, 1), rss_mb=round(after, 1), cores_before=round(alone, 3), cores=round(cpu, 3),
             frames_found=checked["found"], frames_lost=b.lost(checked))
    print(json.dumps({"machine": b.machine(), "cameras": a.cameras, "watched": a.watched, "query": a.query, **r}))
    spread = r["reload_spread_ms"]
    b.say(f"{r['viewers']} viewers of {a.watched} cameras, {a.idle} idle connections, {a.cameras} recording: {r['viewers_lost']} viewers lost, "
          f"{r['parts_skipped']} parts skipped, {r['stalls']} stalls, {r['idle_refused'] + r['idle_dropped']} connections refused or dropped, "
          f"{r['frames_lost']} of {r['frames_found']} frames lost; answers to one part within p50 {spread['p50']} p95 {spread['p95']} "
          f"max {spread['max']} ms; {r['cores']} of a core ({r['cores_before']} without viewers), {r['rss_mb']} MB")


def urls(s, a):
    """Every viewer with a URL (a token) of its own."""
    lines = []
    for i in range(a.viewers):
        url = urllib.parse.urlsplit(s.get(f"/cameras/cam{i % a.watched}/stream")["hls_url"])
        lines.append(f"{i % a.watched} {url.path}?{url.query}\n")
    return "".join(lines)


def watch(s, a, paths):
    out = subprocess.run([os.path.join(a.build, "bench", "viewers"), "--port", str(s.port), "--pids", str(s.server.p.pid), "--idle", str(a.idle),
                          "--seconds", str(a.seconds), "--warm", "5"], input=paths, stdout=subprocess.PIPE, text=True, check=True, timeout=a.seconds + 120)
    return json.loads(out.stdout)


main()
