#!/usr/bin/env python3
"""Many viewers while many cameras record: 1000 LL-HLS players over 100 of 500 cameras, and 10 000 connections that are kept open and ask now and
then. Reports who was lost (stalled, refused, dropped, parts skipped), frames missing in the recordings, CPU and memory of the server, and how far
apart the answers to those are who wait for the same part.

    bench/viewers.py [--build build] [--cameras 500] [--watched 100] [--viewers 1000] [--idle 10000] [--seconds 20] [--query clip=low] [--dir DIR]

Prints one JSON object and a line for people. Checks free space and file limits first; leaves nothing behind."""
import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "system"))


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("--build", default="build")
    o.add_argument("--cameras", type=int, default=500)
    o.add_argument("--watched", type=int, default=100)
    o.add_argument("--viewers", type=int, default=1000)
    o.add_argument("--idle", type=int, default=10000)
    o.add_argument("--seconds", type=int, default=20)
    o.add_argument("--query", default="clip=low")
    o.add_argument("--dir", default=None, help="where the recordings go (a real disk)")
    a = o.parse_args()
    os.environ["VIGIA_BUILD"] = os.path.abspath(a.build)
    if a.dir:
        tempfile.tempdir = a.dir
    import _site

    need = a.cameras * (a.seconds + 60) * 320000
    if shutil.disk_usage(tempfile.gettempdir()).free < need:
        sys.exit(f"{need / 1e9:.1f} GB are needed in {tempfile.gettempdir()}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < a.cameras * 4 + a.viewers + a.idle + 500:
        sys.exit(f"at most {hard} files may be open: too few for {a.cameras} cameras, {a.viewers} viewers and {a.idle} idle connections")
    with _site.Site(cameras=[(f"cam{i}", a.query) for i in range(a.cameras)]) as s:
        s.wait_live(seconds=60)
        time.sleep(3)
        pid = s.server.p.pid
        before = memory(pid)
        alone = cpu_share(_site, pid, 3)
        r = watch(_site, s, a, ["--idle", str(a.idle), "--seconds", str(a.seconds), "--warm", "5"])
        r["rss_mb_before"], r["rss_mb"] = before, memory(pid)
        r["cpu_share_before"] = alone
        s.server.stop()
        r["frames_found"], r["frames_missing"] = frames(_site, s, a)
    r["cpu_share"] = round((r["user_s"] + r["system_s"]) / r["seconds"], 3)
    print(json.dumps({"cameras": a.cameras, "watched": a.watched, "query": a.query, **r}))
    spread = r["reload_spread_ms"]
    print(f"{r['viewers']} viewers of {a.watched} cameras, {a.idle} idle connections, {a.cameras} recording: {r['viewers_lost']} viewers lost, "
          f"{r['parts_skipped']} parts skipped, {r['stalls']} stalls, {r['idle_refused'] + r['idle_dropped']} connections refused or dropped, "
          f"{r['frames_missing']} of {r['frames_found']} frames missing; answers to one part within p50 {spread['p50']} p95 {spread['p95']} "
          f"max {spread['max']} ms; {r['cpu_share']} of a core ({r['cpu_share_before']} without viewers), {r['rss_mb']} MB", file=sys.stderr)


def frames(site, s, a):
    """Found and missing (repeated, reordered) in all recordings."""
    files = [f for i in range(a.cameras) for f in s.files(f"cam{i}")]
    report = json.loads(site.run(site.FRAMECHECK, "--allow", *files, timeout=300).stdout)["cameras"]
    assert len(report) == a.cameras, (len(report), a.cameras)
    return sum(c["found"] for c in report), sum(c["missing"] + c["repeated"] + c["reordered"] for c in report)


def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        return round(next(int(line.split()[1]) for line in f if line.startswith("VmRSS")) / 1024, 1)


def cpu_share(site, pid, seconds):
    def ticks():
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    begun, at = ticks(), time.monotonic()
    time.sleep(seconds)
    return round((ticks() - begun) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - at), 3)


def watch(site, s, a, options):
    """The load generator's report: every viewer with a URL (a token) of its own."""
    lines = []
    for i in range(a.viewers):
        url = urllib.parse.urlsplit(s.get(f"/cameras/cam{i % a.watched}/stream")["hls_url"])
        lines.append(f"{i % a.watched} {url.path}?{url.query}")
    out = subprocess.run([os.path.join(os.environ["VIGIA_BUILD"], "bench", "viewers"), "--port", str(s.port), "--pids", str(s.server.p.pid), *options],
                         input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True, check=True, timeout=a.seconds + 120)
    return json.loads(out.stdout)


if __name__ == "__main__":
    main()
