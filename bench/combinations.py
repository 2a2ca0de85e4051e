#!/usr/bin/env python3
"""What a camera costs in each combination of provider and recorder, in turn, on one machine: the engine as both, an ffmpeg a camera that reads the
engine's own RTSP or HLS, a MediaMTX with the engine as recorder, and a MediaMTX with ffmpeg. CPU and memory of Vigia, of all ffmpeg children and of
MediaMTX; frames sent against frames found; gaps. A combination that does not fit on the machine is measured with half the cameras, too.

    bench/combinations.py [--build build] [--cameras 100] [--seconds 20] [--warm 20] [--query clip=hd2m] [--file 1h] [--dir DIR] [--lock FILE]
                          [--combinations engine+engine,engine+ffmpeg,engine+ffmpeg/hls,mediamtx+engine,mediamtx+ffmpeg]

Prints one JSON object and, for people, a line and a table's row for each. MediaMTX is the binary in $VIGIA_MEDIAMTX, or on PATH; what needs it
is skipped without. Checks free space and file limits first; leaves nothing behind."""
import collections
import contextlib
import json
import os
import re
import sys
import time

import _bench as b
import _contenders

LABELS = {"engine+engine": "engine, engine", "engine+ffmpeg": "engine, ffmpeg (RTSP)", "engine+ffmpeg/hls": "engine, ffmpeg (HLS)",
          "mediamtx+engine": "MediaMTX, engine", "mediamtx+ffmpeg": "MediaMTX, ffmpeg"}
FIRST = "engine+engine"
START_S = 120
AUTH = "/api/v1/mediamtx/auth"


def main():
    o = b.options(__doc__, 100, 20)
    o.add_argument("--warm", type=int, default=20)
    o.add_argument("--file", default="1h", help="length of a file: a cut within the run shows what it costs")
    o.add_argument("--combinations", default=",".join(LABELS))
    a = b.begin(o)
    wanted = a.combinations.split(",")
    if unknown := set(wanted) - set(LABELS):
        sys.exit(f"no such combination: {', '.join(unknown)}")
    b.need_space(b.footage_bytes(a.cameras, a.query, a.seconds + a.warm + START_S / 4))
    b.need_files(a.cameras * 12 + 400)
    result = {"cameras": a.cameras, "query": a.query, "seconds": a.seconds, "warm_s": a.warm, "file": a.file, "machine": b.machine(), "rows": [], "skipped": {}}
    for program in ("ffmpeg", "mediamtx"):
        if why := _contenders.missing_program(program):
            result["skipped"].update({c: why for c in wanted if program in c})
    todo = [c for c in wanted if c not in result["skipped"]]
    measure_all(a, todo, a.cameras, result)
    bad = [r["combination"] for r in result["rows"] if r["does_not_fit"]]
    if bad and a.cameras >= 20:
        measure_all(a, ([FIRST] if FIRST in todo and FIRST not in bad else []) + bad, a.cameras // 2, result)
    result["table"] = [table_row(r) for r in result["rows"]]
    print(json.dumps(result))
    for line in result["table"] + [f"skipped {c}: {why}" for c, why in result["skipped"].items()]:
        b.say(line)


def measure_all(a, combinations, cameras, result):
    first = None
    for c in combinations:
        with b.turn(a.lock):
            row = measure(a, c, cameras)
        first = row if c == FIRST else first
        if first and "all" in row and "all" in first:
            row["cpu_ratio"] = round(row["all"]["cpu_ms"] / first["all"]["cpu_ms"], 2)
            row["memory_ratio"] = round(row["all"]["pss_mb"] / first["all"]["pss_mb"], 2)
        result["rows"].append(row)
        b.say(line_of(row))


# --- one combination ---
def measure(a, combination, cameras):
    provider, recorder = combination.split("+")
    names = [f"cam{i}" for i in range(cameras)]
    row = {"combination": combination, "cameras": cameras}
    with b.Sim() as sim, contextlib.ExitStack() as stack:
        config = "".join(["recorder: ffmpeg\n" * recorder.startswith("ffmpeg"), "ffmpeg: {input: hls}\n" * recorder.endswith("/hls")])
        m = None
        if provider == "mediamtx":
            m = stack.enter_context(mediamtx())
            config += f"provider: mediamtx\nmediamtx: {{api: '{m.api}', hls: '{m.hls}', rtsp: '{m.rtsp}'}}\n"
        s = stack.enter_context(b.make_vigia(sim, [(n, a.query) for n in names], file=a.file, config=config))
        if m:
            start_mediamtx(m, s)
        said = len(s.said())
        try:
            steady(a, s, sim, m, cameras, row)
        except AssertionError as e:  # it never got there: that is a result, too
            row["never"] = str(e)[:300]
        row.update(gaps_at_start=gaps(s, None, row.get("recording_at", time.time())), gaps=gaps(s, row.get("recording_at"), None))
        s.server.stop()
        _, sent = sim.stats()
        row.update(frames(s, names, sent), warnings=warnings(s.said()[said:]))
        if m:
            m.stop()
            row.update(mediamtx_version=".".join(map(str, m.version)), mediamtx_warnings=mediamtx_warnings(m.said()))
    row["does_not_fit"] = unfit(row)
    return row


def mediamtx():
    from _mediamtx import Mediamtx

    m = Mediamtx(_contenders.mediamtx_path(), start=False)
    m.process = b.Process(m.process.cmd, m.process.log)
    return m


def start_mediamtx(m, s):
    """As OPERATIONS.md sets it up: it asks Vigia who may read, and makes HLS for those who watch only."""
    m.auth_url = s.base + AUTH
    with open(m.yaml, "w") as f:
        f.write(m.settings().replace("logLevel: debug", "logLevel: warn") + "authHTTPExclude: [{action: api}]\n")
    m.start()
    b.site.wait_for("MediaMTX known", lambda: s.get("/status")["mediamtx"]["reachable"], 30)


def steady(a, s, sim, m, cameras, row):
    """Starts all, warms up, measures."""
    b.start_all(s)
    row["all_recording_s"] = round(b.wait_recording(s, cameras, START_S), 1)
    row["recording_at"] = time.time()
    time.sleep(a.warm)
    watch = Watch(vigia=[s.server.p.pid], ffmpeg=children_of(s.server.p.pid), mediamtx=[m.process.p.pid] if m else [], camsim=[sim.p.pid])
    failed = b.metrics(s).get("vigia_ffmpeg_failed_total", 0)
    time.sleep(a.seconds)
    row.update(watch.end(cameras))
    row.update(recording_at_end=b.counts(s)["recording"], children=len(watch.pids["ffmpeg"]))
    row["children_failed"] = int(b.metrics(s).get("vigia_ffmpeg_failed_total", 0))
    row["children_failed_meanwhile"] = int(row["children_failed"] - failed)


def children_of(pid):
    """Whichever thread began them."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/children") as f:
            found += [int(p) for p in f.read().split()]
    return found


class Watch:
    """CPU and memory of groups of processes over a time. A process that ends meanwhile is left out."""

    def __init__(self, **pids):
        self.pids, self.at = pids, time.monotonic()
        self.busy = machine_busy()
        self.before = {who: {p: u.cpu() for p in group if (u := usage(p))} for who, group in pids.items()}

    def end(self, cameras):
        seconds = time.monotonic() - self.at
        row = {"seconds": round(seconds, 1), "cores_busy": round((machine_busy() - self.busy) / seconds, 2), "cores": os.cpu_count()}
        for who, before in self.before.items():
            user = system = rss = pss = 0
            for pid, (u, y) in before.items():
                with contextlib.suppress(OSError, StopIteration):
                    now = b.Usage(pid).cpu()
                    user, system = user + now[0] - u, system + now[1] - y
                    rss, pss = rss + b.memory_mb(pid), pss + b.memory_mb(pid, "Pss")
            each = 1000 / seconds / cameras
            row[who] = {"cpu_ms": round((user + system) * each, 3), "user_ms": round(user * each, 3), "system_ms": round(system * each, 3),
                        "rss_mb": round(rss, 1), "pss_mb": round(pss, 1)}
        row["all"] = {k: round(sum(row[who][k] for who in ("vigia", "ffmpeg", "mediamtx")), 3) for k in row["vigia"]}
        return row


def usage(pid):
    with contextlib.suppress(OSError):
        return b.Usage(pid)
    return None


def machine_busy():
    """Seconds that all cores together were not idle."""
    with open("/proc/stat") as f:
        t = [int(x) for x in f.readline().split()[1:9]]
    return (sum(t) - t[3] - t[4]) / b.TICK


# --- what it left ---
def gaps(s, since, before):
    found = collections.Counter()
    for g in b.all_of(s, "/gaps"):
        at = b.site.when(g["from"])
        if (since is None or at >= since) and (before is None or at < before):
            found[g["reason"]] += 1
    return dict(found)


def frames(s, names, cameras):
    """Between a camera's first and last recorded frame all are owed. `before`: sent earlier than that first, while the recorder began; `tail`: sent
    and not there at the end, when Vigia was stopped."""
    files = b.vigia_files(s, names)
    checked = b.check_files(files, cameras)
    row = {k: checked[k] for k in ("sent", "found", "repeated", "reordered", "tail", "tail_max", "empty")}
    row.update(missing=checked["missing"] - checked["lead"], before=checked["lead"], files=sum(map(len, files.values())),
               dropped_by_camsim=sum(c["dropped"] + c["late"] for c in cameras.values()), connects=sum(len(c["sessions"]) for c in cameras.values()))
    return row


def warnings(said):
    """Lines at warn and error: how many of each event, and the first of those that say something of their own."""
    found = {}
    for line in said.splitlines():
        if m := re.search(r"level=(?:warn|error) event=(\S+)(.*)", line):
            e = found.setdefault(m[1], {"lines": 0, "examples": {}})
            e["lines"] += 1
            e["examples"].setdefault(re.sub(r"0x[0-9a-f]+|\b(camera|ran_s|frames|again_in_ms|silent_ms|retry_ms)=\S+|\d{4,}", "", m[2]), line[:400])
    return {event: {"lines": e["lines"], "examples": list(e["examples"].values())[:4]} for event, e in found.items()}


def mediamtx_warnings(said):
    lines = [line for line in said.splitlines() if re.search(r" (WAR|ERR) ", line)]
    return {"lines": len(lines), "first": lines[:3]}


def unfit(r):
    """Why a combination does not run well here; empty where it does."""
    why = [f"never: {r['never']}"] if "never" in r else []
    why += [f"{r[k]} frames {k}" for k in ("missing", "repeated", "reordered") if r[k]]
    why += [f"{r['empty']} cameras without footage"] if r["empty"] else []
    why += [f"gaps after the start: {r['gaps']}"] if r["gaps"] else []
    if r.get("cores_busy", 0) > 0.97 * os.cpu_count():
        why.append(f"{r['cores_busy']} of {r['cores']} cores busy")
    return why


# --- for people ---
def line_of(r):
    if "all" not in r:
        return f"{r['cameras']} x {r['combination']}: {r['does_not_fit']}"
    parts = ", ".join(f"{who} {r[who]['cpu_ms']} ms/s {r[who]['pss_mb']} MB" for who in ("vigia", "ffmpeg", "mediamtx") if r[who]["pss_mb"])
    return (f"{r['cameras']} x {r['combination']}: {r['all']['cpu_ms']} ms/s a camera ({r.get('cpu_ratio', '-')} x), {r['all']['pss_mb']} MB; {parts}; "
            f"{r['cores_busy']} of {r['cores']} cores busy (camsim {r['camsim']['cpu_ms'] * r['cameras'] / 1000:.2f}); all record after {r['all_recording_s']} s; "
            f"{r['missing']} missing, {r['repeated']} repeated, {r['reordered']} reordered of {r['found']}, gaps {r['gaps'] or 0}, "
            f"children failed {r['children_failed']}, warnings { {e: w['lines'] for e, w in r['warnings'].items()} or 0}; "
            f"{'does not fit: ' + '; '.join(r['does_not_fit']) if r['does_not_fit'] else 'fits'}")


def table_row(r):
    if "all" not in r:
        return f"| {r['cameras']} | {LABELS[r['combination']]} | {r['does_not_fit']} |"
    cpu, pss = ([f"{r[who][k]:.{digits}f}" if r[who]["pss_mb"] else "–" for who in ("vigia", "ffmpeg", "mediamtx")] for k, digits in (("cpu_ms", 2), ("pss_mb", 0)))
    return (f"| {r['cameras']} | {LABELS[r['combination']]} | {', '.join(cpu)} | **{r['all']['cpu_ms']:.2f}** | {r.get('cpu_ratio', 1):.1f} | {', '.join(pss)} "
            f"| **{r['all']['pss_mb'] / r['cameras']:.1f}** | {r['all_recording_s']} s | {r['missing']}, {r['repeated']}, {r['reordered']} of {r['found']} "
            f"| {sum(r['gaps'].values())} | {r['cores_busy']} |")


main()
