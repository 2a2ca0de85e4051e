#!/usr/bin/env python3
"""The counter of tests counts right: what fails, crashes, hangs, breaks its plan or leaves children behind. Speaks TAP."""
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import run  # noqa: E402

CASES = [  # name, script, (passed, failed, skipped)
    ("all pass", "echo 1..2; echo ok 1 - a; echo ok 2 - b", (2, 0, 0)),
    ("one fails", "echo 1..2; echo ok 1 - a; echo not ok 2 - b; exit 1", (1, 1, 0)),
    ("one is skipped", "echo 1..2; echo ok 1 - a; echo 'ok 2 - b # SKIP no disk'", (1, 0, 1)),
    ("all are skipped", "echo '1..0 # skip no browser'", (0, 0, 1)),
    ("the plan may come last, and more than one", "echo ok 1; echo 1..1; echo ok 1; echo 1..1", (2, 0, 0)),
    ("ends too early", "echo 1..3; echo ok 1 - a", (1, 1, 0)),
    ("runs more than planned", "echo 1..1; echo ok 1; echo ok 2", (2, 1, 0)),
    ("says nothing", "true", (0, 1, 0)),
    ("crashes after its tests", "echo 1..1; echo ok 1; kill -SEGV $$", (1, 1, 0)),
    ("exits badly though all passed", "echo 1..1; echo ok 1; exit 3", (1, 1, 0)),
    ("hangs", "echo 1..1; echo ok 1; sleep 60", (1, 1, 0)),
    ("bails out", "echo 1..1; echo ok 1; echo 'Bail out! no disk'; exit 1", (1, 1, 0)),
]


def counts(script, timeout=20):
    out = run.run_program(run.Program("case", ["/bin/sh", "-c", script], timeout=timeout))
    return (out.passed, out.failed, out.skipped), out


def no_child_stays():
    started = time.monotonic()
    got, out = counts("echo 1..1; echo ok 1; sleep 60 & echo \"# $!\"")
    child = int(out.output.split("#")[1])
    deadline = time.monotonic() + 5
    while os.path.exists(f"/proc/{child}") and time.monotonic() < deadline:
        time.sleep(0.05)
    return got == (1, 0, 0) and time.monotonic() - started < 30 and not os.path.exists(f"/proc/{child}")


def main():
    results = []
    for name, script, expected in CASES:
        got, _ = counts(script, timeout=1 if name == "hangs" else 20)
        results.append((name, got == expected, f"expected {expected}, got {got}"))
    results.append(("a program that cannot be started", run.run_program(run.Program("x", ["/nowhere/x"])).failed == 1, ""))
    results.append(("no child stays", no_child_stays(), ""))
    print(f"1..{len(results)}")
    for i, (name, good, detail) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {i} - {name}" + ("" if good else f"\n# {detail}"))
    return 0 if all(good for _, good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
