#!/usr/bin/env python3
"""Storms: many cameras do something at once; do the others keep every frame, are connects paced, does anything grow?

    bench/storms.py [--storm hour_cut|start_all|sim_restart|kill9|slow_loop|mute|flood|all] [--cameras 1000] [--query clip=hd500k]

Prints one JSON object and the table's rows. hour_cut: files of a minute, all cut at once. start_all: one call. sim_restart: all cameras
killed, and back after --down seconds. kill9: the server. slow_loop: half as many cameras more, on lines slower than their video. mute: 200
that accept and never answer. flood: 100 at ten times the rate."""
import json
import sys

import _bench as b
import _storms


def main():
    o = b.options(__doc__, 1000, None, "clip=hd500k")
    o.add_argument("--storm", default="all")
    o.add_argument("--down", type=float, default=5, help="seconds that the cameras are away in sim_restart")
    o.add_argument("--storm-seconds", type=int, default=30)
    o.add_argument("--cuts", type=int, default=2, help="of hour_cut")
    o.add_argument("--file", default="1m", help="length of a file in hour_cut: 10s to 1h (1h waits for the hour; its seals are spread furthest)")
    o.add_argument("--settle", type=int, default=10, help="seconds of calm before and after")
    o.add_argument("--mute", type=int, default=200)
    o.add_argument("--flood", type=int, default=100)
    a = b.begin(o)
    wanted = list(_storms.ALL) if a.storm == "all" else a.storm.split(",")
    if unknown := set(wanted) - set(_storms.ALL):
        sys.exit(f"no such storm: {', '.join(unknown)}")
    size = _storms.Size(a.cameras, a.query, storm_s=a.storm_seconds, mute=a.mute, flood=a.flood, down_s=a.down, cuts=a.cuts, file=a.file,
                        file_s=b.duration_s(a.file), settle_s=a.settle)
    streams = a.cameras + max(a.cameras // 2, a.flood * 10)
    b.need_space(max(b.footage_bytes(a.cameras, a.query, size.file_s * (size.cuts + 1) + 30, 2 if "hour_cut" in wanted else 1),
                     b.footage_bytes(streams, a.query, a.storm_seconds + 40)))
    b.need_files((a.cameras + max(a.mute, a.cameras // 2)) * 4 + 200)
    result = {"cameras": a.cameras, "query": a.query, "machine": b.machine(), "storms": {}, "table": []}
    for name in wanted:
        try:
            with b.turn(a.lock):
                row = _storms.ALL[name](size)
        except AssertionError as e:
            row = {"failed": str(e)[:500]}
        result["storms"][name] = row
        result["table"].append(table_row(name, a, row))
        b.say(f"# {name}: {row}")
    print(json.dumps(result))
    for line in result["table"]:
        b.say(line)


def table_row(name, a, row):
    if "failed" in row:
        return f"| {name} | {a.cameras} | failed: {row['failed'][:120]} | | | | |"
    took = row.get("all_recording_again_s", row.get("all_recording_s"))
    return (f"| {name} | {a.cameras}{' and ' + str(row['others']) if 'others' in row else ''} | {row['lost']} of {row['found']} | "
            f"{f'{took:.1f} s' if took is not None else '–'} | {row['connects_100ms_max']} | {row.get('seals_1s_max', '–')} | "
            f"{row['rss_before_mb']:.0f} -> {row['rss_peak_mb']:.0f} -> {row['rss_after_mb']:.0f} MB |")


main()
