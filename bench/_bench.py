"""What the benchmarks share: the machine's limits, simulated cameras, a Vigia with many of them, processes watched from outside, the footage
counted. Everything started here ends with the program, also when it is killed."""
import argparse
import concurrent.futures
import contextlib
import ctypes
import fcntl
import glob
import http.client
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
FPS = 25
TICK = os.sysconf("SC_CLK_TCK")
site = None  # tests/system/_site.py, once the build directory is known


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def options(doc, cameras=None, seconds=None, query="clip=hd2m"):
    o = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("--build", default=os.path.join(ROOT, "build"))
    o.add_argument("--dir", default=None, help="where the contenders write (a real disk)")
    o.add_argument("--lock", default=None, help="a file to lock while measuring, so that benchmarks on one machine take turns")
    if cameras:
        o.add_argument("--cameras", type=int, default=cameras)
    if seconds:
        o.add_argument("--seconds", type=int, default=seconds)
    if query:
        o.add_argument("--query", default=query, help="options of the simulated cameras: clip=hd2m (2 Mb/s), clip=hd500k, ...")
    return o


def use_build(path):
    global site
    os.environ["VIGIA_BUILD"] = os.path.abspath(path)
    import _site

    site = _site


def begin(parser):
    """Parses, finds the build. From here on signals end by SystemExit, so that everything is cleaned up."""
    a = parser.parse_args()
    a.build = os.path.abspath(a.build)
    if a.dir:
        tempfile.tempdir = a.dir
    use_build(a.build)
    for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(sig, lambda number, _: sys.exit(128 + number))
    return a


@contextlib.contextmanager
def turn(path):
    """Alone on the machine, as far as the others ask too."""
    if not path:
        yield
        return
    with open(path, "a") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def duration_s(text):
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


# --- limits ---
def bytes_per_second(query):
    """Of one camera: the clip's own rate, and what framing adds."""
    clip = re.search(r"clip=([\w-]+)", query)
    path = os.path.join(site.CLIPS, (clip[1] if clip else "low") + (".h265" if "h265" in query else ".h264"))
    seconds = {"hd2m": 20, "hd500k": 20, "hd": 10, "long": 40}.get(clip and clip[1], 10)
    return os.path.getsize(path) / seconds * 1.03


# What an open recording takes of the disk ahead of its footage: as much as it has (PREALLOCATE_* in rec_io.c).
RESERVED_LEAST, RESERVED_MOST = 4.2e6, 33.6e6


def footage_bytes(cameras, query, seconds, files=1):
    """The space that recording takes, with so many files of a camera open or waiting for their seal."""
    each = bytes_per_second(query) * seconds
    return cameras * (each + min(RESERVED_MOST, max(RESERVED_LEAST, each / files)) * files)


def need_space(n_bytes):
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < n_bytes * 1.1 + 1e9:
        sys.exit(f"{n_bytes / 1e9:.1f} GB and a tenth are needed in {tempfile.gettempdir()}, {free / 1e9:.1f} GB are free")


def need_files(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < n:
        sys.exit(f"at most {hard} files may be open, {n} are needed")


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()
    return {"cores": os.cpu_count(), "cpu": model[1] if model else None, "kernel": os.uname().release, "commit": commit,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "load_before": os.getloadavg()[0]}


# --- processes ---
def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Usage:
    """CPU and memory of processes, read from outside."""

    def __init__(self, *pids):
        self.pids = pids
        self.user, self.system = self.cpu()
        self.at = time.monotonic()

    def cpu(self):
        user = system = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            user, system = user + int(fields[11]) / TICK, system + int(fields[12]) / TICK
        return user, system

    def since(self, cameras):
        """ms/s a camera since this was made."""
        user, system = self.cpu()
        each = 1000 / (time.monotonic() - self.at) / cameras
        return {"seconds": round(time.monotonic() - self.at, 1), "cpu_ms_per_s_camera": round((user - self.user + system - self.system) * each, 4),
                "user_ms": round((user - self.user) * each, 4), "system_ms": round((system - self.system) * each, 4)}


def memory_mb(pid, what="VmRSS"):
    """VmRSS, VmHWM (the peak), or Pss."""
    with open(f"/proc/{pid}/" + ("smaps_rollup" if what == "Pss" else "status")) as f:
        return next(int(line.split()[1]) for line in f if line.startswith(what + ":")) / 1024


# --- simulated cameras ---
class Sim(contextlib.AbstractContextManager):
    def __init__(self, port=None):
        self.port = port or site.free_port()
        self.dir = tempfile.mkdtemp(prefix="vigia-bench-sim-")
        self.stats_file = os.path.join(self.dir, "stats.json")
        self.p = None
        self.start()

    def start(self, epoch_us=None):
        """epoch_us: the numbers of frames go on from where a camsim with that epoch ended."""
        self.p = subprocess.Popen([site.CAMSIM, "--port", str(self.port), "--clips", site.CLIPS, "--stats", self.stats_file,
                                   *(["--epoch", str(epoch_us)] if epoch_us else [])],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        if b"camsim: ready" not in self.p.stdout.readline():
            raise SystemExit("the simulated cameras did not start")

    def stop(self, sig=signal.SIGTERM):
        if self.p:
            self.p.send_signal(sig)
            self.p.wait()
            self.p.stdout.close()
            self.p = None

    def stats(self):
        """The whole, and by name of camera."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.stats_file)
        self.p.send_signal(signal.SIGUSR1)
        site.wait_for("statistics", lambda: os.path.exists(self.stats_file), 30, 0.02)
        with open(self.stats_file) as f:
            whole = json.load(f)
        return whole, {c["camera"]: c for c in whole["cameras"]}

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def url(self, name, query):
        return f"rtsp://127.0.0.1:{self.port}/{name}" + (f"?{query}" if query else "")


# --- Vigia ---
class Process:
    """What Site starts its server by; dies with us."""

    def __init__(self, cmd, log, env=None):
        self.cmd, self.log, self.env, self.p = cmd, log, env, None

    def start(self):
        with open(self.log, "ab") as out:
            self.p = subprocess.Popen(self.cmd, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=self.env, preexec_fn=die_with_parent)

    def stop(self, sig=signal.SIGTERM, timeout=240):
        if not self.p:
            return None
        p, self.p = self.p, None
        if p.poll() is None:
            p.send_signal(sig)
        try:
            return p.wait(timeout)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            raise AssertionError(f"{self.cmd[0]} did not end within {timeout} s")


def make_vigia(sim, cameras, file="1h", config=""):
    """A Vigia whose cameras, [(name, query or URL)], are all of city "lapa", added and not started. A context manager: a Site of the tests."""
    s = site.Site(config, file=file, start=False, camsim=False)
    try:
        s.server = Process(s.server.cmd, s.server.log, s.server.env)
        s.rtsp_port = sim.port
        s.start_server()
        s.add_city("lapa")
        add_cameras(s, cameras)
    except BaseException:
        s.__exit__(*sys.exc_info())
        raise
    return s


def add_cameras(s, cameras):
    c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=60)
    for name, query in cameras:
        c.request("POST", "/api/v1/cameras", json.dumps({"id": name, "city_id": "lapa", "name": name, "rtsp_url": s.rtsp(name, query)}),
                  {"Authorization": "Bearer " + s.token, "Content-Type": "application/json"})
        r = c.getresponse()
        body = r.read()
        assert r.status == 201, (name, r.status, body)
    c.close()


def start_all(s):
    """One call."""
    answer = s.call("POST", "/streams/start", {"all": True})
    assert answer.status == 200, (answer.status, answer.body[:500])


def counts(s):
    return s.get("/status")["cameras"]


def wait_recording(s, n, seconds=60, every=0.1):
    """Until n cameras record at least; gives how long that took."""
    begun = time.monotonic()
    site.wait_for(f"{n} cameras recording", lambda: counts(s)["recording"] >= n, seconds, every)
    return time.monotonic() - begun


def all_of(s, path):
    """Every row of a list."""
    rows, cursor = [], None
    while True:
        page = s.get(f"{path}{'&' if '?' in path else '?'}limit=1000" + (f"&cursor={cursor}" if cursor else ""))
        rows += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return rows


def gaps_of(s, since=None, names=None):
    """{reason: number}, of gaps that began after `since` (unix), of these cameras."""
    found = {}
    for g in all_of(s, "/gaps"):
        if (since is None or site.when(g["from"]) >= since) and (names is None or g["camera_id"] in names):
            found[g["reason"]] = found.get(g["reason"], 0) + 1
    return found


def metrics(s):
    a = site.fetch(s.base + "/metrics", headers={"Authorization": "Bearer " + s.token})
    return {m[1]: float(m[2]) for m in re.finditer(r"^([a-z_]+(?:\{[^}]*\})?) ([0-9.e+]+)$", a.text, re.M)} if a.status == 200 else {}


# --- the footage ---
def check_rows(by_camera, parallel=2):
    """framecheck's row of each camera, over its files in order."""
    jobs = [dict(list(by_camera.items())[i : i + 10]) for i in range(0, len(by_camera), 10)]

    def read(part):
        files = [f for name in part for f in part[name]]
        if not files:
            return []
        out = subprocess.run(["nice", site.FRAMECHECK, "--allow", *files], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return json.loads(out.stdout)["cameras"] if out.stdout else []

    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        return [c for rows in pool.map(read, jobs) for c in rows]


def check_files(by_camera, sessions=None):
    """Counts what is in each camera's files, in order. sessions (of camsim): frames from its first on are owed too, and `tail` says how many
    of the last were sent and are not there (in flight when the recorder was stopped); `lead` of the missing are before a camera's first in a file."""
    total = {"cameras": len(by_camera), "sent": 0, "found": 0, "missing": 0, "repeated": 0, "reordered": 0, "cameras_with_holes": 0, "lead": 0,
             "tail": 0, "tail_max": 0, "empty": 0}
    seen = set()
    for c in check_rows(by_camera):
        seen.add(c["camera"])
        missing = c["missing"]
        of_camera = (sessions or {}).get(c["camera"], {}).get("sessions") or []
        total["sent"] += sum(sent for _, _, sent in of_camera)
        if of_camera:
            lead, tail = max(0, c["first"] - of_camera[0][0]), of_camera[-1][1] - c["last"]
            missing += lead
            total["lead"] += lead
            total["tail"] += tail
            total["tail_max"] = max(total["tail_max"], tail)
        total["found"] += c["found"]
        total["missing"] += missing
        total["repeated"] += c["repeated"]
        total["reordered"] += c["reordered"]
        total["cameras_with_holes"] += missing > 0
    total["empty"] = len(set(by_camera) - seen)
    return total


def vigia_files(s, names):
    return {name: s.files(name) for name in names}


def files_under(folder, names, pattern):
    return {name: sorted(glob.glob(os.path.join(folder, pattern.format(name)))) for name in names}


def lost(checked):
    """Everything that is not as it was sent."""
    return checked["missing"] + checked["repeated"] + checked["reordered"] + checked["empty"]
