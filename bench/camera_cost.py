#!/usr/bin/env python3
"""What a camera costs, contender by contender, in turn, in one session on one machine: Vigia (live and recorded), the floor (the same bytes
received and appended with O_DIRECT) and receiving alone, ffmpeg per camera, MediaMTX (LL-HLS always on, and recording). Only the ratios mean
something elsewhere.

    bench/camera_cost.py [--build build] [--cameras 200] [--seconds 30] [--rounds 3] [--query clip=hd2m] [--dir DIR]
                         [--contenders receive,floor,vigia,ffmpeg,mediamtx]

Prints one JSON object and, for people, the table's rows. MediaMTX is the binary in $VIGIA_MEDIAMTX, or on PATH. Checks free space and file
limits first; leaves nothing behind."""
import json
import os
import statistics
import sys

import _bench as b
import _contenders

LABELS = {"receive": "receive only (no disk)", "floor": "the floor: receive and append with `O_DIRECT`, 512 KiB a write",
          "vigia": "Vigia: live and recorded", "ffmpeg": "ffmpeg per camera, recorded", "mediamtx": "MediaMTX: LL-HLS always on and recorded"}
MOONFIRE_TO_FLOOR = {100: 0.87 / 0.18, 1000: 1.09 / 0.18}  # record only, measured beside a floor of 0.18 ms/s once


def main():
    o = b.options(__doc__, 200, 30)
    o.add_argument("--rounds", type=int, default=3)
    o.add_argument("--contenders", default="receive,floor,vigia")
    a = b.begin(o)
    wanted = a.contenders.split(",")
    if unknown := set(wanted) - set(_contenders.ALL):
        sys.exit(f"no such contender: {', '.join(unknown)}")
    b.need_space(b.footage_bytes(a.cameras, a.query, a.seconds + 55))
    b.need_files(a.cameras * 4 + 200)
    result = {"cameras": a.cameras, "query": a.query, "rounds": a.rounds, "seconds": a.seconds, "machine": b.machine()}
    skipped = {name: why for name in wanted if (why := _contenders.missing_program(name))}
    rows = {name: [] for name in wanted if name not in skipped}
    for _ in range(a.rounds):
        for name in rows:
            with b.turn(a.lock):
                rows[name].append(_contenders.ALL[name](a))
            b.say(f"# {name}: {rows[name][-1]}")
    result.update(rows, skipped=skipped)
    result["ratios"] = {f"{x}/{y}": ratio(rows[x], rows[y]) for x in rows for y in rows if x != y and (x == "vigia" or y == "floor")}
    if "vigia" in rows and "floor" in rows:
        result["ratio_to_floor"] = result["ratios"]["vigia/floor"]
        nearest = min(MOONFIRE_TO_FLOOR, key=lambda n: abs(n - a.cameras))
        result["ratio_to_moonfire_by_floor"] = round(result["ratio_to_floor"] / MOONFIRE_TO_FLOOR[nearest], 3)
    result["table"] = [table_row(name, rows, a) for name in rows]
    print(json.dumps(result))
    for line in result["table"] + [f"skipped {name}: {why}" for name, why in skipped.items()]:
        b.say(line)
    if "ratio_to_floor" in result:
        b.say(f"{a.cameras} cameras: Vigia is {result['ratio_to_floor']} x the floor, {result['ratio_to_moonfire_by_floor']} x Moonfire by way of it")


def median(rows, key):
    return statistics.median(r[key] for r in rows)


def ratio(xs, ys):
    """Pair by pair of the same round."""
    return round(statistics.median(x["cpu_ms_per_s_camera"] / y["cpu_ms_per_s_camera"] for x, y in zip(xs, ys)), 3)


def table_row(name, rows, a):
    r = rows[name]
    frames = "–"
    if "found" in r[0]:
        frames = f"{sum(x['missing'] for x in r)} missing, {sum(x['repeated'] for x in r)} repeated, {sum(x['reordered'] for x in r)} reordered of {sum(x['found'] for x in r)}"
    against = f"{ratio(r, rows['floor']):.2f}" if "floor" in rows else "–"
    return (f"| {a.cameras} | {LABELS[name]} | {median(r, 'cpu_ms_per_s_camera'):.3f} (user {median(r, 'user_ms'):.3f}, system {median(r, 'system_ms'):.3f}) "
            f"| {against} | {median(r, 'rss_mb') / a.cameras:.2f} MB | {frames} |")


main()
