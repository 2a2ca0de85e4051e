# timeout: 3600
"""Fifty cameras for five minutes on this machine, some stopped and started meanwhile, files cut every so often: every frame outside of the
stops is on the disk and every file decodes. VIGIA_TORTURE_S: for how long; VIGIA_TORTURE_CAMERAS: how many."""
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from _site import *

SECONDS = float(os.environ.get("VIGIA_TORTURE_S", "300"))
CAMERAS = int(os.environ.get("VIGIA_TORTURE_CAMERAS", "50"))
KINDS = ("", "codec=h265", "clip=bframes", "fps=29.97", "fps=12.5", "jitter=10", "audio=aac", "clip=long", "clip=slices", "fps=8&gop=16")


def stops_and_starts(s, ids, end):
    """{camera: how often it was stopped}"""
    stops = dict.fromkeys(ids, 0)
    while time.monotonic() < end:
        some = random.sample(ids[: len(ids) // 2], min(3, len(ids) // 2))
        s.post("/streams/stop", {"camera_ids": some, "reason": "torture"})
        time.sleep(random.uniform(1, 5))
        s.post("/streams/start", {"camera_ids": some})
        for id in some:
            stops[id] += 1
        time.sleep(random.uniform(1, 8))
    return stops


def check(s, id, stops):
    files = s.files(id)
    assert files, id
    report = frames(files)
    wrong = {k: report[k] for k in ("repeated", "reordered", "time_backwards") if report[k]}
    assert not wrong and report["missing_ranges_total"] <= stops, (id, stops, wrong, report)
    assert stops or not report["missing"], (id, report)
    # Every missing frame lies in a gap that the ledger knows (a GOP's wait for the next key frame included).
    gaps = sum(when(g["to"]) - when(g["from"]) for g in s.gaps(id) if g["to"])
    assert report["missing"] <= gaps * 30 + stops * 300, (id, report, gaps)
    for f in files:
        decodes(f)
    return report["found"], len(files)


@test(f"{CAMERAS} cameras for {SECONDS:.0f} s, stopped and started and cut: no frame is missing outside of the stops, every file decodes")
def fifty():
    seed = int(os.environ.get("VIGIA_TORTURE_SEED", time.time()))
    random.seed(seed)
    print(f"# seed {seed}", flush=True)
    ids = [f"cam-{i:02}" for i in range(CAMERAS)]
    with Site(cameras=[(id, KINDS[i % len(KINDS)]) for i, id in enumerate(ids)], file="30s" if SECONDS >= 60 else "10s") as s:
        s.wait_live(seconds=60)
        stops = stops_and_starts(s, ids, time.monotonic() + SECONDS)
        s.wait_live(seconds=60)
        time.sleep(3)
        lost = sum(x.get("frames_lost") or 0 for x in s.get("/streams?limit=1000")["items"])
        s.post("/streams/stop", {"all": True, "reason": "end"})
        wait_for("sealed files", lambda: all(r["status"] == "sealed" for id in ids for r in s.recordings(id)), 120, 1)
        total = [check(s, id, stops[id]) for id in ids]
        found, files = (sum(t[i] for t in total) for i in (0, 1))
        print(f"# {found} frames in {files} files, {sum(stops.values())} stops, {lost} lost on the way", flush=True)


main()
