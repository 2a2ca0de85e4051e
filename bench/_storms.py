"""The storms: what many cameras do at once, and whether the others keep every frame. Each is a function of a Size and gives a row; the tests
run them small (tests/system/storms.py), bench/storms.py large."""
import contextlib
import os
import signal
import threading
import time

import _bench as b

MUTE, FLOOD, SLOW = "never_answer", "fast=10", "trickle=800/20&queue=262144"
IN_FLIGHT = 75  # frames: what a kill may cost, 3 s


class Size:
    def __init__(self, cameras=1000, query="clip=hd500k", settle_s=10, storm_s=30, file="1m", file_s=60, cuts=2, mute=200, flood=100, down_s=5,
                 patience_s=120):
        self.cameras, self.query, self.settle_s, self.storm_s, self.file, self.file_s, self.cuts = cameras, query, settle_s, storm_s, file, file_s, cuts
        self.mute, self.flood, self.down_s, self.patience_s = mute, flood, down_s, patience_s

    def names(self):
        return [f"cam{i}" for i in range(self.cameras)]


class Memory(contextlib.AbstractContextManager):
    """Before, peak while it lasts, after; of a process that may be started again."""

    def __init__(self, s):
        self.s, self.seen, self.done = s, [], threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.done.wait(0.5):
            with contextlib.suppress(OSError, AttributeError, StopIteration):
                self.seen.append(b.memory_mb(self.s.server.p.pid))

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def row(self):
        seen = self.seen or [0]
        return {"rss_before_mb": round(seen[0], 1), "rss_peak_mb": round(max(seen), 1), "rss_after_mb": round(seen[-1], 1)}


@contextlib.contextmanager
def scene(size, extra=(), file="1h", recording=True):
    """A Vigia and size.cameras good cameras, and extra ones [(name, query)]; started and recording if wished."""
    with b.Sim() as sim, b.make_vigia(sim, [*((n, size.query) for n in size.names()), *extra], file) as s:
        if recording:
            b.start_all(s)
            wait_good(s, size)
            time.sleep(size.settle_s)
            sim.stats()  # the largest number of connects counts from here
        yield s, sim


def good_recording(s, size):
    names = set(size.names())
    return sum(r["recording_state"] == "recording" for r in b.all_of(s, "/streams") if r["camera_id"] in names)


def wait_good(s, size):
    """Until every good camera records; gives how long that took."""
    begun = time.monotonic()
    b.site.wait_for("all to record", lambda: b.counts(s)["recording"] >= size.cameras and good_recording(s, size) == size.cameras, size.patience_s, 0.1)
    return round(time.monotonic() - begun, 2)


def ask_again(s, size, seconds):
    """The wait for all to record, of a server that may not answer yet."""
    begun = time.monotonic()

    def all_record():
        with contextlib.suppress(OSError, AssertionError):
            return b.counts(s)["recording"] >= size.cameras
        return False

    b.site.wait_for("all to record again", all_record, seconds, 0.1)
    return round(time.monotonic() - begun, 2)


def finish(s, sim, size, allowed=None):
    """Stops the server and counts the good cameras' frames. allowed: {name: (from, to)}, numbers that may be missing."""
    gaps, lines = b.gaps_of(s), s.said()
    queues = {k: v for k, v in b.metrics(s).items() if any(w in k for w in ("queue", "dropped", "waiting", "busy"))}
    s.server.stop()
    whole, cameras = sim.stats()
    rows = b.check_rows({n: s.files(n) for n in size.names()})
    lost = {"found": 0, "missing": 0, "repeated": 0, "reordered": 0, "allowed_missing_max": 0, "tail_max": 0}
    for c in rows:
        sessions = cameras.get(c["camera"], {}).get("sessions") or [[0, 0, 0]]
        first, last = (allowed or {}).get(c["camera"], (1, 0))
        excused = sum(max(0, min(last, to) - max(first, begin) + 1) for begin, to in c["missing_ranges"])
        lost["missing"] += c["missing"] - excused + (max(0, c["first"] - sessions[0][0]) if not allowed else 0)
        lost["allowed_missing_max"] = max(lost["allowed_missing_max"], excused)
        lost["tail_max"] = max(lost["tail_max"], sessions[-1][1] - c["last"])
        for key in ("found", "repeated", "reordered"):
            lost[key] += c[key]
    lost["empty"] = size.cameras - len(rows)
    return {**lost, "lost": lost["missing"] + lost["repeated"] + lost["reordered"] + lost["empty"], "gaps": gaps, "queues": queues,
            "connects_100ms_max": whole["accepted_100ms_max"], "log_lines": lines.count("\n"), "log_dropped": lines.count("log.dropped"),
            "sim_dropped": sum(cameras[n]["dropped"] + cameras[n]["late"] for n in size.names() if n in cameras)}


def densest(times, window):
    """The most of them in any such window."""
    times, most, tail = sorted(times), 0, 0
    for i, t in enumerate(times):
        while t - times[tail] > window:
            tail += 1
        most = max(most, i - tail + 1)
    return most


# --- the storms ---
def hour_cut(size):
    """Every camera's file ends at the same instant."""
    with scene(size, file=size.file) as (s, sim), Memory(s) as memory:
        usage = b.Usage(s.server.p.pid)
        next_cut = size.file_s - time.time() % size.file_s
        time.sleep(next_cut + size.file_s * (size.cuts - 1) + 5)
        cpu = usage.since(size.cameras)
        before_stop = time.time()
        row = finish(s, sim, size)
        files = [f for n in size.names() for f in s.files(n)]
        seals = [t for t in (os.stat(f).st_mtime for f in files) if t < before_stop]
        return {**row, **memory.row(), "files": len(files), "sealed_by_then": len(seals), "seals_1s_max": densest(seals, 1), "cpu": cpu}


def start_all(size):
    """All streams started by one call."""
    with scene(size, recording=False) as (s, sim), Memory(s) as memory:
        begun = time.monotonic()
        b.start_all(s)
        called = round(time.monotonic() - begun, 2)
        wait_good(s, size)
        took = round(time.monotonic() - begun, 2)
        time.sleep(size.storm_s)
        return {"call_s": called, "all_recording_s": took, **finish(s, sim, size), **memory.row()}


def sim_restart(size):
    """All cameras gone, and back at once."""
    with scene(size) as (s, sim), Memory(s) as memory:
        whole, before = sim.stats()
        gone = time.monotonic()
        sim.stop(signal.SIGKILL)
        b.site.wait_for("all to be gone", lambda: b.counts(s)["recording"] == 0, size.patience_s, 0.1)
        noticed = round(time.monotonic() - gone, 2)
        time.sleep(max(0, size.down_s - (time.monotonic() - gone)))
        sim.start(whole["epoch_us"])
        took = ask_again(s, size, size.patience_s)
        time.sleep(size.settle_s)
        whole_after, after = sim.stats()
        allowed = {n: (before[n]["sessions"][-1][1] + 1, after[n]["sessions"][-1][0] - 1) for n in size.names()}
        return {"down_s": size.down_s, "noticed_s": noticed, "all_recording_again_s": took, **finish(s, sim, size, allowed), **memory.row(),
                "connects_100ms_max": whole_after["accepted_100ms_max"]}


def kill9(size):
    """The server killed, and started again at once."""
    with scene(size) as (s, sim), Memory(s) as memory:
        s.server.stop(signal.SIGKILL)
        _, before = sim.stats()
        begun = time.monotonic()
        s.start_server(size.patience_s)
        ready = round(time.monotonic() - begun, 2)
        ask_again(s, size, size.patience_s)
        took = round(time.monotonic() - begun, 2)
        time.sleep(size.settle_s)
        whole_after, after = sim.stats()
        allowed = {n: (before[n]["sessions"][-1][1] - IN_FLIGHT, after[n]["sessions"][-1][0] - 1) for n in size.names()}
        return {"ready_s": ready, "all_recording_again_s": took, **finish(s, sim, size, allowed), **memory.row(),
                "connects_100ms_max": whole_after["accepted_100ms_max"]}


def loop_of(name, loops=None):
    """The engine's loop of a camera (src/base/hash.h); were it another, slow_loop would slow a mixture."""
    h = 2166136261
    for byte in name.encode():
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return h % (loops or os.cpu_count())


def beside(size, extra):
    """Others do something; the good ones record before, meanwhile and after."""
    with scene(size, recording=False, extra=extra) as (s, sim), Memory(s) as memory:
        s.post("/streams/start", {"camera_ids": size.names()})
        wait_good(s, size)
        time.sleep(size.settle_s)
        first = len(memory.seen)
        before = b.Usage(s.server.p.pid)
        s.post("/streams/start", {"camera_ids": [n for n, _ in extra]})
        time.sleep(size.storm_s)
        cpu = before.since(1)["cpu_ms_per_s_camera"] / 1000
        recording = good_recording(s, size)
        memory.seen = memory.seen[max(0, first - 1):]
        statuses = {}
        for r in b.all_of(s, "/streams"):
            if r["camera_id"] in dict(extra):
                statuses[r["status"]] = statuses.get(r["status"], 0) + 1
        ended = memory.row()
        return {"others": len(extra), "others_status": statuses, "recording_meanwhile": recording, "cores": round(cpu, 2), **finish(s, sim, size), **ended}


def slow_loop(size):
    """Slow lines, half as many as good cameras, all on the first loop; the good ones are on every loop."""
    names, i = [], 0
    while len(names) < size.cameras // 2:
        if loop_of(f"slow{i}") == 0:
            names.append(f"slow{i}")
        i += 1
    return beside(size, [(n, f"{size.query}&{SLOW}") for n in names])


def mute(size):
    """Cameras that accept and never answer."""
    return beside(size, [(f"mute{i}", MUTE) for i in range(size.mute)])


def flood(size):
    """Cameras that send at ten times their rate."""
    return beside(size, [(f"flood{i}", f"{size.query}&{FLOOD}") for i in range(size.flood)])


ALL = {f.__name__: f for f in (hour_cut, start_all, sim_restart, kill9, slow_loop, mute, flood)}
