#!/usr/bin/env python3
"""The largest number of cameras of which nothing is lost: Vigia live and recording, the simulated cameras on the same cores. Steps up until a
step loses a frame, then halves the distance. Beside it the disk's own limit: the same writes (O_DIRECT, 512 KiB, appended to as many files),
by nothing else.

    bench/capacity.py [--query clip=hd500k] [--seconds 60] [--start 500] [--step 500] [--most 4500] [--resolution 125] [--minutes 30]

Prints one JSON object and the table's row. Ends a search that takes longer than --minutes with what it has."""
import json
import mmap
import os
import resource
import shutil
import tempfile
import threading
import time

import _bench as b

BLOCK = 512 * 1024
TAIL_FRAMES = 50  # sent and not yet written when the recorder is stopped: in flight, if it is no more than two seconds
OVERHEAD_S = 45   # a step's start, warm-up and stop


def main():
    o = b.options(__doc__, None, 60, "clip=hd500k")
    for name, value in (("start", 500), ("step", 500), ("most", 4500), ("resolution", 125), ("minutes", 30)):
        o.add_argument("--" + name, type=int, default=value)
    a = b.begin(o)
    b.need_files(a.start * 4 + 200)
    b.need_space(5e9)
    end = time.monotonic() + a.minutes * 60
    steps, why_ended = [], "the search is done"

    def holds(n):
        nonlocal why_ended
        if time.monotonic() + a.seconds + OVERHEAD_S > end:
            why_ended = f"{a.minutes} minutes are over"
            return None
        if (why := too_large(a, n)) is not None:
            why_ended = why
            return None
        with b.turn(a.lock):
            steps.append(step(a, n))
        b.say(f"# {n} cameras: {'held' if steps[-1]['held'] else 'lost ' + str(steps[-1]['why'])}; {steps[-1]}")
        return steps[-1]["held"]

    with b.turn(a.lock):
        disk = disk_limit(a.start)
    best = search(a, holds)
    each = b.bytes_per_second(a.query)
    good = next((s for s in steps if s["cameras"] == best), {})
    result = {"query": a.query, "seconds": a.seconds, "largest": best, "ended": why_ended, "machine": b.machine(), "steps": steps,
              "disk_mb_per_s": disk, "disk_cameras": int(disk * 1e6 / each), "mb_per_s_camera": round(each / 1e6, 4)}
    result["table"] = [f"| {a.query.replace('clip=', '')}, {a.seconds} s | {best} | {good.get('cpu_cores', '–')} of {os.cpu_count()} (camsim "
                       f"{good.get('sim_cores', '–')}) | {good.get('rss_mb_camera', '–')} MB | {best * each / 1e6:.0f} MB/s | {disk:.0f} MB/s = {result['disk_cameras']} cameras |"]
    print(json.dumps(result))
    b.say(result["table"][0])
    b.say(f"{best} cameras with nothing lost for {a.seconds} s ({why_ended}); the disk alone would take {result['disk_cameras']}")


def search(a, holds):
    """The largest number found to hold."""
    best, lost, n = 0, None, a.start
    while n <= a.most and (good := holds(n)) is not None:
        if not good:
            lost = n
            break
        best, n = n, n + a.step
    while lost and lost - best > a.resolution:
        n = (best + lost) // 2
        good = holds(n)
        if good is None:
            break
        best, lost = (n, lost) if good else (best, n)
    return best


def too_large(a, n):
    """Why a step of n cannot be made, or None."""
    need, free = b.footage_bytes(n, a.query, a.seconds + OVERHEAD_S), shutil.disk_usage(tempfile.gettempdir()).free
    if need * 1.1 > free:
        return f"{n} cameras need {need * 1.1 / 1e9:.0f} GB (what open files reserve ahead included), {free / 1e9:.0f} GB are free"
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return f"{n} cameras need {n * 4 + 200} files, {files} may be open" if files < n * 4 + 200 else None


def step(a, n):
    names = [f"cam{i}" for i in range(n)]
    with b.Sim() as sim, b.make_vigia(sim, [(name, a.query) for name in names]) as s:
        row = {"cameras": n, "held": False, "why": None}
        b.start_all(s)
        try:
            row["all_recording_s"] = round(b.wait_recording(s, n, 60, 0.5), 1)
        except AssertionError:
            row["why"] = f"after 60 s {b.counts(s)['recording']} of {n} record"
            return row
        recording_since = time.time()  # what begins before is the wait for the first frame
        time.sleep(5)
        usage, of_sim = b.Usage(s.server.p.pid), b.Usage(sim.p.pid)
        time.sleep(a.seconds)
        row.update(usage.since(n), cpu_cores=round(usage.since(1)["cpu_ms_per_s_camera"] / 1000, 2),
                   sim_cores=round(of_sim.since(1)["cpu_ms_per_s_camera"] / 1000, 2), rss_mb_camera=round(b.memory_mb(s.server.p.pid, "VmHWM") / n, 2))
        row["gaps"] = b.gaps_of(s, recording_since)
        s.server.stop()
        _, cameras = sim.stats()
        row.update(b.check_files(b.vigia_files(s, names), cameras), dropped=sum(c["dropped"] + c["late"] for c in cameras.values()))
    row["why"] = (f"{b.lost(row)} frames in {row['cameras_with_holes']} cameras" if b.lost(row) else
                  f"{row['tail_max'] / b.FPS:.1f} s behind at the end" if row["tail_max"] > TAIL_FRAMES else f"gaps {row['gaps']}" if row["gaps"] else None)
    row["held"] = row["why"] is None
    return row


def disk_limit(files, seconds=8, threads=2, most_bytes=4e9):
    """MB/s of appending 512 KiB blocks, past the page cache, to so many files in turn, two writers (as Vigia has)."""
    folder = tempfile.mkdtemp(prefix="vigia-bench-disk-")
    block = mmap.mmap(-1, BLOCK)
    block.write(os.urandom(BLOCK))
    written = [0] * threads
    fds = []
    try:
        for i in range(files):
            fds.append(os.open(os.path.join(folder, str(i)), os.O_WRONLY | os.O_CREAT | os.O_DIRECT, 0o600))
        begun = time.monotonic()

        def write(t):
            mine, at = fds[t::threads], 0
            while mine and time.monotonic() - begun < seconds and written[t] < most_bytes / threads:
                for fd in mine:
                    written[t] += os.pwrite(fd, block, at)
                    if time.monotonic() - begun > seconds:
                        return
                at += BLOCK

        workers = [threading.Thread(target=write, args=(t,)) for t in range(threads)]
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        return sum(written) / (time.monotonic() - begun) / 1e6
    finally:
        for fd in fds:
            os.close(fd)
        shutil.rmtree(folder, ignore_errors=True)


main()
