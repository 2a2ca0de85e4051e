# timeout: 300
"""The storms of bench/storms.py at small size: the others keep every frame, connects are spaced, nothing grows without bound."""
import os
import signal
import sys

from _site import *

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
import _bench
import _storms

_bench.use_build(BUILD)


def small(**more):
    return _storms.Size(**{"cameras": 12, "query": "", "settle_s": 2, "storm_s": 4, "patience_s": 60, **more})


def intact(row):
    assert row["lost"] == 0 and row["sim_dropped"] == 0, row
    assert not any(v for k, v in row["queues"].items() if "dropped" in k), row["queues"]


@test("every file ends at the same instant, twice: no frame is missing, and every camera has a file of each span")
def hour_cut():
    size = small(file="10s", file_s=10)
    row = _storms.hour_cut(size)
    intact(row)
    assert row["gaps"] == {} and row["files"] >= 3 * size.cameras, row


@test("two hundred that never answer, started by one call: the others keep every frame, memory stays")
def mute():
    size = small(mute=200)
    row = _storms.mute(size)
    intact(row)
    assert row["gaps"] == {} and row["recording_meanwhile"] == size.cameras, row
    assert set(row["others_status"]) <= {"starting", "reconnecting"}, row
    assert row["rss_peak_mb"] - row["rss_before_mb"] < 100, row


@test("after a restart cameras are asked one after the other, not all at once")
def paced():
    n = min(200 * os.cpu_count(), 2000)
    with _bench.Sim() as sim, _bench.make_vigia(sim, [(f"mute{i}", _storms.MUTE) for i in range(n)]) as s:
        _bench.start_all(s)
        wait_for("all to be asked", lambda: sim.stats()[0]["accepted"] >= n, 60)
        s.server.stop(signal.SIGKILL)
        s.start_server()
        peaks = []
        wait_for("all to be asked again", lambda: peaks.append((w := sim.stats()[0])["accepted_100ms_max"]) or w["accepted"] >= 2 * n, 60)
        assert max(peaks) < n / 2, (max(peaks), n)  # a loop asks one every 4 ms; unspaced nearly all come within a tenth of a second


@test("every camera gone, and back at once: all record again, one gap each, and nothing else is missing")
def sim_restart():
    size = small(down_s=3)  # less than two seconds would be no gap
    row = _storms.sim_restart(size)
    assert row["lost"] == 0, row
    assert row["gaps"] == {"no_signal": size.cameras}, row


@test("kill -9: all record again beside the files that were open; at most three seconds and no file are missing")
def kill9():
    row = _storms.kill9(small(settle_s=4))
    assert row["lost"] == 0, row


@test("slow lines on one loop and ten times the rate on others: the good cameras keep every frame")
def slow_and_flood():
    size = small(storm_s=4)
    slow = [n for n in (f"slow{i}" for i in range(100)) if _storms.loop_of(n) == 0][:10]
    row = _storms.beside(size, [*((n, "trickle=400/20&queue=65536") for n in slow), *((f"flood{i}", _storms.FLOOD) for i in range(3))])
    intact(row)
    assert row["gaps"] == {} and row["recording_meanwhile"] == size.cameras, row
    assert row["rss_peak_mb"] - row["rss_before_mb"] < 100, row


main()
