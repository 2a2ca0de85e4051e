#!/usr/bin/env python3
# timeout: 240
"""What `make run` runs (tools/run.sh): the lines it promises, a URL that plays, an end that leaves nothing behind, a second start that is
quick, and one clear line when it cannot start."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("VIGIA_BUILD", os.path.join(ROOT, "build"))
work = tempfile.mkdtemp(prefix="vigia-front-")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


port, rtsp_port = free_port(), free_port()
env = {**{k: v for k, v in os.environ.items() if not k.startswith("VIGIA_")}, "VIGIA_DATA_DIR": os.path.join(work, "var"),
       "VIGIA_LISTEN": f"127.0.0.1:{port}", "VIGIA_DEMO_RTSP_PORT": str(rtsp_port)}


class Run:
    """The script in a session of its own, its output in a file."""
    last = None

    def __init__(self, **more):
        Run.last = self
        self.log = open(os.path.join(work, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([os.path.join(ROOT, "tools/run.sh"), BUILD], cwd=ROOT, env={**env, **more}, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)

    def text(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8") as f:
            return f.read()

    def wait_for(self, pattern, seconds=90):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if m := re.search(pattern, self.text(), re.M):
                return m
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.text()}"
            time.sleep(0.1)
        raise AssertionError(f"no {pattern!r} in {seconds} s:\n{self.text()}")

    def end(self, sig, seconds=40):
        self.process.send_signal(sig)
        return self.process.wait(seconds)

    def kill(self):
        """Whatever is left of it, so that the next test does not fail for this one's sake."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def left_running():
    """Processes that know our data directory: whatever the script started."""
    left = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                known = work.encode() in f.read()
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                name = f.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if known and name and int(pid) != os.getpid():
            left.append(name)
    return left


def wait_gone(seconds=40):
    end = time.monotonic() + seconds
    while left_running():
        assert time.monotonic() < end, f"still there: {left_running()}"
        time.sleep(0.2)


def the_first_start_keeps_its_promises():
    run = Run()
    url = run.wait_for(r"^play one: (http\S+/hls/camera_\S+/index\.m3u8\?token=\S+)$")[1]
    text = run.text()
    assert f"vigia: ready http://127.0.0.1:{port}/\n" in text, text
    assert re.search(r"^vigia: first login admin \S{8,}$", text, re.M), text
    assert re.search(r"GB an hour in \S+", text), text
    played = subprocess.run(["ffmpeg", "-v", "error", "-t", "2", "-i", url, "-f", "null", "-"], stderr=subprocess.PIPE, text=True, timeout=60)
    assert played.returncode == 0, played.stderr
    listed = subprocess.run([os.path.join(BUILD, "vigia"), "stream", "list"], env=env, stdout=subprocess.PIPE, text=True, timeout=20).stdout
    assert len(listed.splitlines()) == 9, listed
    assert re.search(r"^hospital .*401", listed, re.M), listed
    code = run.end(signal.SIGINT)
    assert code == 0, (code, run.text())
    assert not left_running(), left_running()


def the_second_start_takes_up_where_the_first_ended():
    run = Run()
    run.wait_for(r"^play one: ")
    assert "first login" not in run.text() and "making their past" not in run.text(), run.text()
    assert run.end(signal.SIGTERM) == 0
    assert not left_running(), left_running()


def a_killed_script_leaves_nothing_either():
    if not shutil.which("setpriv"):
        return "no setpriv"
    run = Run()
    run.wait_for(r"^vigia: ready ")
    run.end(signal.SIGKILL)
    wait_gone()


def a_port_in_use_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run = Run(VIGIA_LISTEN=f"127.0.0.1:{taken.getsockname()[1]}")
        code = run.process.wait(60)
        assert code == 1 and "in use" in run.text(), (code, run.text())
        run = Run(VIGIA_DEMO_RTSP_PORT=str(taken.getsockname()[1]))
        code = run.process.wait(60)
        assert code == 1 and "VIGIA_DEMO_RTSP_PORT" in run.text(), (code, run.text())
    wait_gone()


def the_demonstration_can_be_taken_away():
    done = subprocess.run([os.path.join(BUILD, "vigia"), "demo", "remove"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    left = [os.path.join(d, f) for d, _, files in os.walk(os.path.join(work, "var", "footage")) for f in files if f.endswith(".mp4")]
    assert not left, left


def a_past_that_broke_off_is_taken_up():
    """The fifth camera's clip is missing at first; what was made by then is not made twice."""
    data = os.path.join(work, "broken")
    own = {**env, "VIGIA_DATA_DIR": data}
    clips = os.path.join(work, "clips")
    shutil.copytree(os.path.join(BUILD, "tools/clips"), clips, ignore=shutil.ignore_patterns("*.p"))
    listed = subprocess.run([os.path.join(BUILD, "tools/camsim/camsim"), "--port", str(rtsp_port), "--demo", "--list"], stdout=subprocess.PIPE, text=True,
                            timeout=20).stdout
    missing = os.path.join(clips, listed.splitlines()[4].split("\t")[4])

    def vigia(*args, text=None):
        return subprocess.run([os.path.join(BUILD, "vigia"), *args], env=own, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60)

    def footage():
        return sorted(os.path.join(d, f) for d, _, files in os.walk(os.path.join(data, "footage")) for f in files if f.endswith(".mp4"))

    os.rename(missing, missing + ".away")
    broken = vigia("demo", "seed", "--clips", clips, text=listed)
    assert broken.returncode == 1 and "cannot be read" in broken.stdout, broken.stdout
    begun = footage()
    assert begun, "it broke off too early to show anything"
    os.rename(missing + ".away", missing)
    for _ in range(2):  # the third finds all of it there
        done = vigia("demo", "seed", "--clips", clips, text=listed)
        assert done.returncode == 0, done.stdout
        assert set(begun) < set(footage()) and len(footage()) == 21, footage()
    removed = vigia("demo", "remove")
    assert removed.returncode == 0 and "removed" in removed.stdout and "kept" not in removed.stdout and not footage(), removed.stdout


TESTS = [the_first_start_keeps_its_promises, the_second_start_takes_up_where_the_first_ended, a_killed_script_leaves_nothing_either,
         a_port_in_use_is_said, the_demonstration_can_be_taken_away, a_past_that_broke_off_is_taken_up]


def main():
    # Ignored by whoever was started in the background of a shell, and inherited: the script could not be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(f"1..{len(TESTS)}")
    failed = 0
    for i, test in enumerate(TESTS, 1):
        try:
            skip = test()
            print(f"ok {i} - {test.__name__}" + (f" # SKIP {skip}" if skip else ""))
        except Exception as e:  # a broken test is a failed one
            failed += 1
            print(f"not ok {i} - {test.__name__}")
            print("\n".join("# " + line for line in f"{type(e).__name__}: {e}".splitlines()))
            if Run.last:
                Run.last.kill()
        sys.stdout.flush()
    shutil.rmtree(work, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
