#!/usr/bin/env python3
"""Does a clean-up cost the recorder anything? Cameras record (a while alone, then beside a clean-up that deletes thousands of files on the
same volume); every frame is looked for afterwards.

    bench/cleanup_load.py [--build build] [--cameras 200] [--files 2400] [--file-kb 1024] [--query clip=hd] [--alone 15] [--dir DIR]

--files F: F / 24 cameras of three days ago, an hour a file, noticed and due. --file-kb K: each allocated on the disk with K KiB, in steps of
32 MiB in turn, as the recorder lays its files out (0: empty ones). Prints one JSON object and a line for people. Checks free space and file
limits first, bounds its time, leaves nothing behind."""
import argparse
import datetime
import json
import os
import resource
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "system"))

CAMERA_BYTES_S = 320000
STEP = 32 << 20


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("--build", default="build")
    o.add_argument("--cameras", type=int, default=200)
    o.add_argument("--files", type=int, default=2400)
    o.add_argument("--file-kb", type=int, default=1024)
    o.add_argument("--query", default="clip=hd")
    o.add_argument("--alone", type=int, default=15, help="seconds of recording before the clean-up")
    o.add_argument("--most", type=int, default=0, help="seconds after which the clean-up is given up; 0: 60 and one for 100 files")
    o.add_argument("--dir", default=None, help="where it records (a real disk)")
    a = o.parse_args()
    a.most = a.most or 60 + a.files // 100
    os.environ["VIGIA_BUILD"] = os.path.abspath(a.build)
    if a.dir:
        tempfile.tempdir = a.dir
    import _site

    need = a.files * a.file_kb * 1024 + a.cameras * (a.alone + 30 + a.most) * CAMERA_BYTES_S + (1 << 30)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    print(f"at most {need / 1e9:.1f} GB in {tempfile.gettempdir()}, {free / 1e9:.1f} GB are free", file=sys.stderr)
    if free < need + (6 << 30):  # below 5 GiB the server sees a disk that runs full
        sys.exit("too little room")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < a.cameras * 4 + 200:
        sys.exit(f"at most {hard} files may be open: too few for {a.cameras} cameras")
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda *_: sys.exit(1))
    with _site.Site(cameras=[(f"cam{i}", a.query) for i in range(a.cameras)]) as s:
        s.add_city("antiga", days=1)
        place_old(a, s)
        s.wait_live(seconds=90)
        time.sleep(6)  # the file system's own commit of what was placed
        alone, beside, run = Watch(s), Watch(s), {}
        with alone:
            time.sleep(a.alone)
        with beside:
            run = clean_up(a, s, _site)
        time.sleep(3)
        gaps = s.get("/gaps?limit=1000")["items"]
        left = sum(len(names) for _, _, names in os.walk(os.path.join(s.footage, "antiga")))
        s.server.stop()
        found = missing = 0
        for i in range(a.cameras):
            r = _site.frames(s.files(f"cam{i}"))
            found += r["found"]
            missing += r["missing"] + r["repeated"] + r["reordered"]
    result = {
        "cameras": a.cameras, "query": a.query, "files": a.files, "file_kb": a.file_kb, "run": run, "files_left": left,
        "files_per_s": round(run["deleted"] / run["seconds"], 1), "alone": alone.report(), "beside": beside.report(),
        "frames_found": found, "frames_missing": missing, "gaps": len(gaps),
    }
    print(json.dumps(result))
    print(f"{a.cameras} cameras beside {run['deleted']} deletions of {a.file_kb} KiB in {run['seconds']:.0f} s ({result['files_per_s']}/s): frames missing {missing} of {found}, "
          f"gaps {len(gaps)}; disk queue at worst {beside.queue / 1e6:.1f} MB (alone {alone.queue / 1e6:.1f}), files left {left}", file=sys.stderr)


def place_old(a, s):
    """Files of three days ago on the volume, and their rows: noticed two days ago."""
    cameras, step = max(1, a.files // 24), datetime.timedelta(hours=1)
    now = datetime.datetime.now(datetime.timezone.utc)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0) - datetime.timedelta(days=3)
    us = lambda t: int(t.timestamp()) * 1000000
    with open(os.path.join(s.footage, ".vigia", "volume.json")) as f:
        volume = json.load(f)["volume_id"]
    rows, n = [], 0
    for h in range(24):
        at, batch = day + h * step, []
        for c in range(cameras):
            if n == a.files:
                break
            n += 1
            key = f"antiga/velha-{c:04d}/{at:%Y-%m-%d}/{at:%H%M%S}Z.mp4"
            path = os.path.join(s.footage, key)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            batch.append(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o640))
            id = (us(at) // 1000).to_bytes(6, "big") + b"\x70\x00\x80\x00" + n.to_bytes(6, "big")
            rows.append((id, f"velha-{c:04d}", volume, key, us(at), us(at + step) - 1000000, a.file_kb * 1024, us(day) // 86400000000 + 1, us(now) - 2 * 86400000000))
        for at_byte in range(0, a.file_kb * 1024, STEP):
            for fd in batch:
                os.posix_fallocate(fd, at_byte, min(STEP, a.file_kb * 1024 - at_byte))
        for fd in batch:
            os.close(fd)
    db = sqlite3.connect(os.path.join(s.data, "catalog.sqlite"), timeout=30)
    with db:
        db.executemany("INSERT INTO recordings (id, camera_id, city_id, volume_id, file_path, started_at, ended_at, size_bytes, status, due_on, noticed_at)"
                       " VALUES (?, ?, 'antiga', ?, ?, ?, ?, ?, 2, ?, ?)", rows)
    db.close()


def clean_up(a, s, site):
    begun = time.monotonic()
    answer = site.fetch(s.base + "/api/v1/jobs/cleanup/run", "POST", b"{}", {"Authorization": "Bearer " + s.token, "Content-Type": "application/json"}, timeout=a.most)
    took = time.monotonic() - begun
    assert answer.status == 200, (answer.status, answer.body[:500])
    run = answer.json
    return {"seconds": round(took, 2), "deleted": run["deleted"], "noticed": run["noticed"], "error": run["error"]}


class Watch:
    """What the server and the disk say of themselves, twice a second."""

    def __init__(self, s):
        self.s, self.queue, self.dropped, self.errors, self.done = s, 0, 0, 0, threading.Event()
        dev = os.stat(s.footage).st_dev
        self.device = (os.major(dev), os.minor(dev))

    def __enter__(self):
        self.begun, self.cpu, self.disk = time.monotonic(), self.look()["cpu_seconds_total"], self.busy()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.took = time.monotonic() - self.begun
        self.cpu = self.look()["cpu_seconds_total"] - self.cpu
        self.disk = None if self.disk is None else self.busy() - self.disk

    def look(self):
        import _site

        text = _site.fetch(self.s.base + "/metrics", headers={"Authorization": "Bearer " + self.s.token}).text
        return {line.split()[0][6:]: float(line.split()[1]) for line in text.splitlines() if line.startswith("vigia_") and "{" not in line}

    def busy(self):
        with open("/proc/diskstats") as f:
            for line in f:
                w = line.split()
                if (int(w[0]), int(w[1])) == self.device:
                    return int(w[12]) / 1000
        return None

    def watch(self):
        while not self.done.wait(0.5):
            m = self.look()
            self.queue = max(self.queue, m["disk_queue_bytes"])
            self.dropped, self.errors = m["disk_dropped_bytes_total"], m["disk_errors_total"]

    def report(self):
        return {"seconds": round(self.took, 1), "queue_worst_bytes": int(self.queue), "dropped_bytes": int(self.dropped), "disk_errors": int(self.errors),
                "cpu_ms_per_s": round(self.cpu * 1000 / self.took, 1), "disk_busy": None if self.disk is None else round(self.disk / self.took, 3)}


main()
