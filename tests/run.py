#!/usr/bin/env python3
"""Runs every test and counts: the programs Meson knows (unit tests, checks) a few at a time, then tests/system in two lanes: one at a time, and
beside it, two at a time, those that mostly wait.
All speak TAP on stdout. A crash, a timeout or a plan that is not kept is one more failed test. The last line is "N passed, N failed", with
", N skipped" when some were.

A system test is a .py or .mjs file in tests/system whose name does not begin with "_"; "# timeout: 600" in its head gives it more time than
the usual 300 s, "# lane: 2" puts it beside the others. It finds the build directory in $VIGIA_BUILD."""
import argparse
import concurrent.futures
import contextlib
import glob
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SYSTEM_TIMEOUT_S = 300
PATIENCE = 4 if os.environ.get("VIGIA_SANITIZE") else 1  # times every timeout: sanitizers are slow
OUTPUT_LINES = 200  # of a failed program
RESULT = re.compile(r"^(ok|not ok)\b(?:\s+\d+)?\s*(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*(skip.*))?$", re.I)
SKIP = re.compile(r"#\s*skip\b", re.I)


class Program:
    def __init__(self, name, cmd, env=None, timeout=SYSTEM_TIMEOUT_S, cwd=None, tap=True):
        self.name, self.cmd, self.env, self.timeout, self.cwd, self.tap = name, cmd, env or {}, timeout * PATIENCE, cwd, tap


class Outcome:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []  # sentences
        self.output = ""
        self.seconds = 0.0


def read_tap(text, out):
    """Counts results; says whether every plan was kept."""
    planned, plans, seen = 0, 0, 0
    for line in text.splitlines():
        if plan := PLAN.match(line):
            planned += int(plan[1])
            plans += 1
            if plan[2] and not int(plan[1]):
                out.skipped += 1
        elif result := RESULT.match(line):
            seen += 1
            if SKIP.search(line):
                out.skipped += 1
            elif result[1] == "ok":
                out.passed += 1
            else:
                out.failed += 1
                out.failures.append(result[2].lstrip("- "))
        elif line.startswith("Bail out!"):
            out.failed += 1
            out.failures.append(line)
    if not plans:
        return "no plan (1..N)"
    if planned != seen:
        return f"planned {planned} tests, ran {seen}"
    return None


def stop_group(process):
    """Whatever the program left running, and itself."""
    for sig, patience in ((signal.SIGTERM, 2), (signal.SIGKILL, 1)):
        try:
            os.killpg(process.pid, sig)
        except ProcessLookupError:
            return
        end = time.monotonic() + patience
        while time.monotonic() < end:
            process.poll()
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)


def run_program(program):
    out = Outcome()
    started = time.monotonic()
    wrong = None
    # Files, not pipes: a child that outlives the program cannot keep us waiting.
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        try:
            process = subprocess.Popen(program.cmd, env={**os.environ, **program.env}, cwd=program.cwd, stdin=subprocess.DEVNULL,
                                       stdout=stdout, stderr=stderr, start_new_session=True)
        except OSError as e:
            out.failed, out.failures, out.output = 1, [f"cannot be started: {e}"], ""
            return out
        try:
            code = process.wait(program.timeout)
        except subprocess.TimeoutExpired:
            code, wrong = None, f"still running after {program.timeout} s"
        finally:
            stop_group(process)
        process.wait()
        stdout.seek(0)
        stderr.seek(0)
        text = stdout.read().decode(errors="replace")
        out.output = text + stderr.read().decode(errors="replace")
    out.seconds = time.monotonic() - started
    if program.tap:
        plan_wrong = read_tap(text, out)
        wrong = wrong or (f"ended by {signal.Signals(-code).name}" if code is not None and code < 0 else None) or plan_wrong
        if not wrong and code and not out.failed:
            wrong = f"exit code {code} though no test failed"
    elif code == 77:
        out.skipped = 1
    elif code == 0:
        out.passed = 1
    else:
        wrong = wrong or f"exit code {code}"
    if wrong:
        out.failed += 1
        out.failures.append(wrong)
    return out


def meson_programs(build):
    said = subprocess.run(["meson", "introspect", "--tests", build], stdout=subprocess.PIPE, check=True, text=True).stdout
    return [Program(t["name"], t["cmd"], t["env"], t["timeout"] or 300, t.get("workdir"), t["protocol"] == "tap") for t in json.loads(said)]


def script_programs(folder, build):
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable  # the one Debian's modules are for
    runner = {".py": [python], ".mjs": ["node"]}
    programs = []
    for path in sorted(glob.glob(os.path.join(ROOT, folder, "*"))):
        base, ext = os.path.splitext(os.path.basename(path))
        if ext not in runner or base.startswith("_"):
            continue
        with open(path, encoding="utf-8") as f:
            head = f.read(2000)
        asked = re.search(r"^(?:#|//) timeout: (\d+)", head, re.M)
        lane = re.search(r"^(?:#|//) lane: 2$", head, re.M)
        timeout = int(asked[1]) if asked else SYSTEM_TIMEOUT_S
        programs.append(Program(f"{os.path.basename(folder)}/{base}", runner[ext] + [path], {"VIGIA_BUILD": build, "PYTHONDONTWRITEBYTECODE": "1"}, timeout, ROOT))
        programs[-1].lane = 2 if lane else 1
    return programs


def say(program, out):
    counts = f"{out.passed} ok" + (f", {out.failed} failed" if out.failed else "") + (f", {out.skipped} skipped" if out.skipped else "")
    print(f"{'FAILED' if out.failed else 'ok':6}  {program.name:28} {counts}  ({out.seconds:.1f} s)", flush=True)


def say_failures(failures):
    for program, out in failures:
        print(f"\n--- {program.name}: {shlex.join(program.cmd)}")
        lines = out.output.splitlines()
        if len(lines) > OUTPUT_LINES:
            print(f"    ... {len(lines) - OUTPUT_LINES} lines before")
        for line in lines[-OUTPUT_LINES:]:
            print("    " + line)
    if failures:
        print("\nFailed:")
    for program, out in failures:
        for sentence in out.failures:
            print(f"  {program.name}: {sentence}")


def run_all(*pools):
    """Each pool: programs, and how many of them at a time."""
    outcomes = []
    with contextlib.ExitStack() as stack:
        waiting = {}
        for programs, parallel in pools:
            pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(parallel))
            waiting |= {pool.submit(run_program, p): p for p in programs}
        for done in concurrent.futures.as_completed(waiting):
            outcomes.append((waiting[done], done.result()))
            say(*outcomes[-1])
    return outcomes


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--build", default=os.path.join(ROOT, "build"), help="build directory")
    arguments.add_argument("--unit-only", action="store_true", help="only what Meson knows")
    arguments.add_argument("--scripts", action="append", help="folders of scripts (tests/system)")
    arguments.add_argument("--no-unit", action="store_true")
    arguments.add_argument("--parallel", type=int, default=2)
    arguments.add_argument("filter", nargs="?", default="", help="only programs with this in their name")
    o = arguments.parse_args()
    build = os.path.abspath(o.build)
    unit = [] if o.no_unit else meson_programs(build)
    scripts = []
    for folder in [] if o.unit_only else o.scripts or ["tests/system"]:
        scripts += script_programs(folder, build)
    wanted = lambda programs: [p for p in programs if o.filter in p.name]
    outcomes = run_all((wanted(unit), o.parallel))
    outcomes += run_all(*(([p for p in wanted(scripts) if p.lane == lane], parallel) for lane, parallel in ((1, 1), (2, 2))))
    say_failures([(p, out) for p, out in outcomes if out.failed])
    passed, failed, skipped = (sum(getattr(out, k) for _, out in outcomes) for k in ("passed", "failed", "skipped"))
    if not outcomes:
        print(f"no test has \"{o.filter}\" in its name")
        failed = 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
