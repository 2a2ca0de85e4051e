#!/usr/bin/env python3
"""Does anything grow? Many cameras for a long time: frames and gaps counted over all of it, memory every minute. Files are short; each is
counted and removed once it is sealed, so that the disk does not fill.

    bench/growth.py [--cameras 1000] [--minutes 10] [--file 1m] [--query auto]

--query auto: 2 Mb/s where the disk holds the files that are open, waiting and sealed at once, else 500 kb/s. Prints one JSON object and the
table's row."""
import itertools
import json
import os
import shutil
import sys
import tempfile
import time

import _bench as b

SAMPLE_S = 60
KEPT_CUTS = 4  # files of a camera at one time: open, waiting for its seal, not yet counted
HEADER = 32768  # of a file; its index has the type sidx there once it is sealed


def main():
    o = b.options(__doc__, 1000, None, "auto")
    o.add_argument("--minutes", type=float, default=10)
    o.add_argument("--file", default="1m", help="length of a file: 10s to 10m")
    a = b.begin(o)
    file_s = int(a.file[:-1]) * {"s": 1, "m": 60}[a.file[-1]]
    if a.query == "auto":
        a.query = next((q for q in ("clip=hd2m", "clip=hd500k") if needed(a, q, file_s) * 1.5 < shutil.disk_usage(tempfile.gettempdir()).free), "clip=hd500k")
    b.need_space(needed(a, a.query, file_s))
    b.need_files(a.cameras * 4 + 200)
    with b.turn(a.lock):
        result = run(a, file_s)
    result.update(query=a.query, file=a.file, machine=b.machine())
    lost = result["missing"] + result["repeated"] + result["reordered"]
    result["table"] = [f"| {a.cameras} cameras, {a.query.replace('clip=', '')}, {result['minutes']} minutes, a file each {a.file} | {result['missing']} missing, "
                       f"{result['repeated']} repeated, {result['reordered']} reordered of {result['found']} | {sum(result['gaps'].values())} | "
                       f"{result['samples'][0]['rss_mb'] / a.cameras:.2f} -> {result['samples'][-1]['rss_mb'] / a.cameras:.2f} MB | {result['slope_mb_per_minute']} MB |"]
    print(json.dumps(result))
    b.say(result["table"][0])
    b.say(f"{a.cameras} cameras, {result['minutes']} minutes: {lost} frames lost, gaps {result['gaps'] or 0}, memory {result['slope_mb_per_minute']} MB a minute")


def needed(a, query, file_s):
    return a.cameras * b.bytes_per_second(query) * file_s * KEPT_CUTS


class Counter:
    """Counts and removes sealed files as they come, and says over all what b.check_files says over some."""

    def __init__(self, s, names):
        self.s, self.names = s, names
        self.total = {"found": 0, "missing": 0, "repeated": 0, "reordered": 0, "files": 0}
        self.ends = {}  # camera: its last frame so far

    def count(self):
        files = {n: f for n in self.names if (f := self.sealed(n))}
        found = b.check_rows(files)
        for c in found:
            if (last := self.ends.get(c["camera"])) is not None:
                self.total["missing"] += max(0, c["first"] - last - 1)
                self.total["repeated"] += max(0, last + 1 - c["first"])
            self.ends[c["camera"]] = c["last"]
            for key in ("found", "missing", "repeated", "reordered"):
                self.total[key] += c[key]
        for f in (f for of_one in files.values() for f in of_one):
            self.total["files"] += 1
            os.unlink(f)


    def sealed(self, name):
        """Those of a camera, oldest first, up to the first that is not."""
        return list(itertools.takewhile(is_sealed, self.s.files(name)))


def is_sealed(path):
    with open(path, "rb") as f:
        return b"sidx" in f.read(HEADER)


def run(a, file_s):
    names = [f"cam{i}" for i in range(a.cameras)]
    with b.Sim() as sim, b.make_vigia(sim, [(n, a.query) for n in names], a.file) as s:
        b.start_all(s)
        b.wait_recording(s, a.cameras, 60, 0.5)
        since, pid = time.time(), s.server.p.pid
        counter, samples, begun, usage = Counter(s, names), [], time.monotonic(), b.Usage(pid)
        sample(samples, s, pid, begun)
        while time.monotonic() - begun < a.minutes * 60:
            time.sleep(max(0, min(file_s, SAMPLE_S) - (time.monotonic() - begun) % min(file_s, SAMPLE_S)))
            if s.server.p.poll() is not None:
                sys.exit("the server ended: " + s.said()[-2000:])
            counter.count()
            if time.monotonic() - begun >= len(samples) * SAMPLE_S - 1:
                sample(samples, s, pid, begun)
                b.say(f"# {samples[-1]} {counter.total}")
            if shutil.disk_usage(s.dir).free < 2e9:
                sys.exit("the disk is nearly full: stopped")
        minutes = (time.monotonic() - begun) / 60
        row = {"cameras": a.cameras, "minutes": round(minutes, 1), **usage.since(a.cameras), "gaps": b.gaps_of(s, since), "samples": samples,
               "rss_peak_mb": round(b.memory_mb(pid, "VmHWM"), 1), "slope_mb_per_minute": slope(samples)}
        s.server.stop()
        counter.count()
        _, cameras = sim.stats()
        row.update(counter.total, empty=len(set(names) - set(counter.ends)), dropped=sum(c["dropped"] + c["late"] for c in cameras.values()),
                   connections=sum(c["connections"] for c in cameras.values()))
        return row


def sample(samples, s, pid, begun):
    samples.append({"minute": round((time.monotonic() - begun) / 60, 1), "rss_mb": round(b.memory_mb(pid), 1), "recording": b.counts(s)["recording"],
                    "threads": len(os.listdir(f"/proc/{pid}/task")), "files": len(os.listdir(f"/proc/{pid}/fd"))})


def slope(samples):
    """Least squares, the first minute apart: buffers fill then."""
    points = [(x["minute"], x["rss_mb"]) for x in samples[1:]]
    if len(points) < 2:
        return None
    mx, my = (sum(p[i] for p in points) / len(points) for i in (0, 1))
    return round(sum((x - mx) * (y - my) for x, y in points) / sum((x - mx) ** 2 for x, _ in points), 2)


main()
