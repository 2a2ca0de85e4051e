#!/usr/bin/env python3
"""What a camera costs: Vigia (live and recorded) against the floor (the same bytes received and appended with O_DIRECT), in turn, in one
session on one machine. Only the ratios mean something elsewhere.

    bench/camera_cost.py [--build build] [--cameras 200] [--seconds 30] [--rounds 3] [--query clip=hd] [--dir DIR]

Prints one JSON object and a line for people. Checks free space and file limits first; leaves nothing behind."""
import argparse
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "system"))


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("--build", default="build")
    o.add_argument("--cameras", type=int, default=200)
    o.add_argument("--seconds", type=int, default=30)
    o.add_argument("--rounds", type=int, default=3)
    o.add_argument("--query", default="clip=hd")
    o.add_argument("--dir", default=None, help="where both write (a real disk)")
    a = o.parse_args()
    os.environ["VIGIA_BUILD"] = os.path.abspath(a.build)
    if a.dir:
        tempfile.tempdir = a.dir
    import _site

    need = a.cameras * (a.seconds + 10) * 320000 * 2
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < need:
        sys.exit(f"{need / 1e9:.1f} GB are needed in {tempfile.gettempdir()}, {free / 1e9:.1f} GB are free")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < a.cameras * 4 + 200:
        sys.exit(f"at most {hard} files may be open: too few for {a.cameras} cameras")
    floors, vigias, empties = [], [], []
    for _ in range(a.rounds):
        empties.append(floor(a, _site, False))
        floors.append(floor(a, _site, True))
        vigias.append(vigia(a, _site))
    cost = lambda rows: statistics.median(r["cpu_ms_per_s_camera"] for r in rows)
    result = {
        "cameras": a.cameras, "query": a.query, "rounds": a.rounds, "seconds": a.seconds,
        "receive_only": empties, "floor": floors, "vigia": vigias,
        "ratio_to_floor": round(statistics.median(v["cpu_ms_per_s_camera"] / f["cpu_ms_per_s_camera"] for v, f in zip(vigias, floors)), 3),
    }
    print(json.dumps(result))
    print(f"{a.cameras} cameras: floor {cost(floors):.3f}, Vigia {cost(vigias):.3f} CPU ms/s a camera: {result['ratio_to_floor']} x; "
          f"{statistics.median(v['rss_mb'] for v in vigias) / a.cameras:.2f} MB a camera; frames missing {sum(v['missing'] for v in vigias)}", file=sys.stderr)


def sim(a, site, port):
    p = subprocess.Popen([site.CAMSIM, "--port", str(port), "--clips", site.CLIPS], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(2)
    return p


def floor(a, site, write):
    port = site.free_port()
    s = sim(a, site, port)
    folder = tempfile.mkdtemp(prefix="vigia-bench-")
    try:
        out = subprocess.run([os.path.join(os.environ["VIGIA_BUILD"], "bench", "floor"), str(port), str(a.cameras), str(a.seconds), folder if write else "-", a.query],
                             stdout=subprocess.PIPE, check=True, timeout=a.seconds + 60)
        return json.loads(out.stdout)
    finally:
        s.send_signal(signal.SIGTERM)
        s.wait()
        shutil.rmtree(folder, ignore_errors=True)


def process(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status") as f:
        peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    tick = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / tick, int(fields[12]) / tick, peak / 1024


def vigia(a, site):
    with site.Site(cameras=[(f"cam{i}", a.query) for i in range(a.cameras)]) as s:
        s.wait_live(seconds=60)
        time.sleep(5)
        user, system, _ = process(s.server.p.pid)
        begun = time.monotonic()
        time.sleep(a.seconds)
        user2, system2, peak = process(s.server.p.pid)
        took = time.monotonic() - begun
        s.server.stop()
        found = missing = 0
        for i in range(a.cameras):
            r = site.frames(s.files(f"cam{i}"))
            found += r["found"]
            missing += r["missing"] + r["repeated"] + r["reordered"]
        return {"cameras": a.cameras, "seconds": round(took, 1), "cpu_ms_per_s_camera": round((user2 - user + system2 - system) * 1000 / took / a.cameras, 4),
                "user_ms": round((user2 - user) * 1000 / took / a.cameras, 4), "system_ms": round((system2 - system) * 1000 / took / a.cameras, 4),
                "rss_mb": round(peak, 1), "frames_found": found, "missing": missing}


main()
