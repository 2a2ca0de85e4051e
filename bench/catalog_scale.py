#!/usr/bin/env python3
"""What the catalogue costs as it grows: catalogues of 72 thousand, 720 thousand and 7.2 million recordings, 24 000 of each due for deletion
and 24 000 due for notice; the program's own code asks the questions (bench/catalog_scale.c): planning of the clean-up, pages of every list,
what runs at start and by the minute, the noticing run and the deleting run beside a recorder's journal.

    bench/catalog_scale.py [--build build] [--rows 72000 --rows 720000 ...] [--ledger 0] [--dir DIR] [--keep]

--ledger N puts N rows of deleted recordings before those that are kept. Prints one JSON object and lines for people. Checks free space first;
leaves nothing behind."""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

CAMERAS, CITIES = 1000, 20
BYTES_A_ROW, BYTES_A_GAP = 750, 260  # with indexes; measured by this program ("bytes")


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("--build", default="build")
    o.add_argument("--rows", type=int, action="append", help="recordings kept; a multiple of 24 000, at least 72 000; may be given again")
    o.add_argument("--ledger", type=int, default=0)
    o.add_argument("--dir", default=None, help="where the catalogues lie (a real disk)")
    o.add_argument("--keep", action="store_true", help="leave the catalogues there")
    a = o.parse_args()
    sizes = a.rows or [72000, 720000, 7200000]
    program = os.path.join(a.build, "bench", "catalog_scale")
    if not os.path.exists(program):
        sys.exit(f"{program} is missing: ninja -C {a.build}")
    folder = tempfile.mkdtemp(prefix="vigia-bench-", dir=a.dir)
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda *_: sys.exit(1))
    try:
        need = max((n + a.ledger) * BYTES_A_ROW + n // 4 * BYTES_A_GAP for n in sizes) * 1.3
        free = shutil.disk_usage(folder).free
        print(f"at most {need / 1e9:.1f} GB at a time in {folder}, {free / 1e9:.1f} GB are free", file=sys.stderr)
        if free < need * 1.5:
            sys.exit("too little room")
        results = [one(a, program, folder, n) for n in sizes]
    finally:
        if not a.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({"cameras": CAMERAS, "cities": CITIES, "due": CAMERAS * 24, "ledger": a.ledger, "results": results}))
    for r in results:
        w = r["walk"]
        print(f"{r['rows']} recordings{' + %d deleted' % a.ledger if a.ledger else ''}: planned in {r['plan_ms']['again']:.0f} ms (read from the disk: {r['plan_ms']['read']:.0f}); "
              f"all listed, 1000 a page: {w['first_tenth']['median']:.1f} ms at first, {w['last_tenth']['median']:.1f} at the end, {w['all']['worst']:.1f} at worst; "
              f"24 000 noticed in {r['noticing_run']['s']:.1f} s, deleted in {r['deleting_run']['s']:.1f} s of the database (and pauses of {r['deleting_run']['pauses_s']:.0f} s between), journal late by {max(r['noticing_run']['worst_commit_ms'], r['deleting_run']['worst_commit_ms']):.0f} ms at worst; "
              f"{r['peak_mb']:.0f} MB", file=sys.stderr)


def one(a, program, folder, rows):
    place = os.path.join(folder, str(rows))
    os.mkdir(place)
    shape = [place, str(rows), str(a.ledger), str(rows // 4), str(CAMERAS), str(CITIES)]
    try:
        filled = call(program, "fill", *shape, timeout=60 + rows // 20000)
        return {"rows": rows, **filled, **call(program, "measure", *shape, timeout=120 + rows // 10000)}
    finally:
        if not a.keep:
            shutil.rmtree(place, ignore_errors=True)


def call(*cmd, timeout):
    p = subprocess.Popen(cmd, stdout=subprocess.PIPE)
    try:
        out, _ = p.communicate(timeout=timeout)
    finally:
        if p.poll() is None:
            p.kill()
            p.wait()
    if p.returncode:
        sys.exit(f"{' '.join(cmd[:2])}: ended with {p.returncode}")
    return json.loads(out)


main()
