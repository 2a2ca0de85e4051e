"""What the system tests share: a Vigia and simulated cameras of their own on free ports in a temporary directory, the API, players, and TAP.

    @test("a sentence")
    def name(): ...
    main()

A Site is a context manager: everything it started ends with it."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

BUILD = os.environ.get("VIGIA_BUILD") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build")
VIGIA = os.path.join(BUILD, "vigia")
CAMSIM = os.path.join(BUILD, "tools", "camsim", "camsim")
FRAMECHECK = os.path.join(BUILD, "tools", "framecheck", "framecheck")
CLIPS = os.path.join(BUILD, "tools", "clips")
PASSWORD = "uma senha longa"

_tests = []


class Skip(Exception):
    pass


def test(sentence):
    def add(f):
        _tests.append((sentence, f))
        return f

    return add


def main():
    print(f"1..{len(_tests)}", flush=True)
    failed = 0
    for i, (sentence, f) in enumerate(_tests, 1):
        try:
            f()
            print(f"ok {i} - {sentence}", flush=True)
        except Skip as why:
            print(f"ok {i} - {sentence} # SKIP {why}", flush=True)
        except BaseException as e:
            failed += 1
            print(f"not ok {i} - {sentence}", flush=True)
            for line in traceback.format_exc().splitlines():
                print("# " + line, flush=True)
            if isinstance(e, KeyboardInterrupt):
                break
    sys.exit(1 if failed else 0)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, condition, seconds=20, every=0.1):
    """Waits until condition() is true and gives its value; says what was waited for where it never is."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        last = condition()
        if last:
            return last
        time.sleep(every)
    raise AssertionError(f"waited {seconds} s for {what}; last: {last!r}")


def run(*cmd, timeout=60, env=None, stdin=None):
    return subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, text=True, env=env, input=stdin, errors="replace")


def when(text):
    """RFC 3339 -> seconds since 1970."""
    import datetime

    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


def fetch(url, method="GET", body=None, headers=None, timeout=30):
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as r:
            return Answer(r.status, r.headers, r.read())
    except urllib.error.HTTPError as e:
        return Answer(e.code, e.headers, e.read())


class Process:
    def __init__(self, cmd, log, env=None):
        self.cmd, self.log, self.env, self.p = cmd, log, env, None

    def start(self):
        self.out = open(self.log, "ab")
        self.p = subprocess.Popen(self.cmd, stdout=self.out, stderr=self.out, stdin=subprocess.DEVNULL, env=self.env)

    def stop(self, sig=signal.SIGTERM, timeout=30):
        if not self.p:
            return None
        if self.p.poll() is None:
            self.p.send_signal(sig)
        try:
            code = self.p.wait(timeout)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
            raise AssertionError(f"{self.cmd[0]} did not end within {timeout} s")
        finally:
            self.out.close()
            self.p = None
        return code


class Site(contextlib.AbstractContextManager):
    """config: more lines of YAML. cameras: [(id, query of camsim's URL or whole rtsp:// URL)], added to city "lapa"."""

    def __init__(self, config="", cameras=(), file="1h", volumes=None, start=True, camsim=True):
        self.dir = tempfile.mkdtemp(prefix="vigia-test-")
        self.port, self.rtsp_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.data = os.path.join(self.dir, "var")
        self.footage = volumes[0] if volumes else os.path.join(self.data, "footage")
        self.yaml = os.path.join(self.dir, "vigia.yaml")
        with open(self.yaml, "w") as f:
            f.write(f"data_dir: {self.data}\nlisten: 127.0.0.1:{self.port}\nvolumes: [{', '.join(volumes or [self.footage])}]\n")
            f.write(f"recording: {{file: {file}}}\n" if file else "")
            f.write(config + "\n")
        env = {**os.environ, "VIGIA_ADMIN_PASSWORD": PASSWORD}
        for name in ("VIGIA_LISTEN", "VIGIA_DATA_DIR", "VIGIA_TOKEN"):
            env.pop(name, None)
        self.env = env
        self.server = Process([VIGIA, "serve", "-c", self.yaml], os.path.join(self.dir, "serve.log"), env)
        self.sim = Process([CAMSIM, "--port", str(self.rtsp_port), "--clips", CLIPS, "--stats", os.path.join(self.dir, "camsim.json")],
                           os.path.join(self.dir, "camsim.log"))
        self.has_sim = camsim
        self.cameras = list(cameras)
        if start:
            try:
                self.start()
            except BaseException:
                self.__exit__(*sys.exc_info())
                raise

    def start(self):
        if self.has_sim:
            self.start_sim()
        self.start_server()
        if self.cameras:
            self.add_city("lapa")
            for id, url in self.cameras:
                self.add_camera(id, url)
            self.post("/streams/start", {"camera_ids": [id for id, _ in self.cameras]})

    def start_sim(self):
        self.sim.start()
        wait_for("camsim", lambda: "camsim: ready" in open(self.sim.log).read())

    def start_server(self, seconds=30):
        before = open(self.server.log).read().count("vigia: ready") if os.path.exists(self.server.log) else 0
        self.server.start()

        def ready():
            if self.server.p.poll() is not None:
                raise AssertionError("the server ended: " + self.said()[-2000:])
            return self.said().count("vigia: ready") > before

        wait_for("the server", ready, seconds)
        with open(os.path.join(self.data, "token")) as f:
            self.token = f.read().strip()

    def said(self):
        with open(self.server.log, errors="replace") as f:
            return f.read()

    def __exit__(self, kind, value, tb):
        failed = kind is not None and not issubclass(kind, Skip)
        for p in (self.server, self.sim):
            try:
                p.stop()
            except AssertionError:
                failed = True
        if failed and os.path.exists(self.server.log):
            for line in self.said().splitlines()[-60:]:
                print("# serve: " + line)
        if not os.environ.get("VIGIA_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print(f"# kept {self.dir}")
        return False

    # --- API ---
    def call(self, method, path, body=None, token=None, headers=None):
        h = {"Authorization": "Bearer " + (token or self.token), **(headers or {})}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            h["Content-Type"] = "application/json"
        return fetch(self.base + "/api/v1" + path, method, data, h)

    def get(self, path):
        a = self.call("GET", path)
        assert a.status == 200, (path, a.status, a.body)
        return a.json

    def post(self, path, body=None, ok=(200, 201)):
        a = self.call("POST", path, body if body is not None else {})
        assert a.status in ok, (path, a.status, a.body)
        return a.json if a.body else None

    def fetch_metrics(self):
        return fetch(self.base + "/metrics", headers={"Authorization": "Bearer " + self.token}).text

    def delete(self, path, ok=(200, 204)):
        a = self.call("DELETE", path)
        assert a.status in ok, (path, a.status, a.body)
        return a.json if a.body else None

    def cli(self, *args, stdin=None, ok=True):
        r = run(VIGIA, *args, "-c", self.yaml, env=self.env, stdin=stdin)
        assert not ok or r.returncode == 0, (args, r)
        return r

    def rtsp(self, id, query=""):
        return query if query.startswith("rtsp:") else f"rtsp://127.0.0.1:{self.rtsp_port}/{id}" + (f"?{query}" if query else "")

    def add_city(self, id, days=7, zone="America/Sao_Paulo", **more):
        return self.post("/cities", {"id": id, "name": id.title(), "retention_days": days, "time_zone": zone, **more})

    def add_camera(self, id, url="", city="lapa", **more):
        return self.post("/cameras", {"id": id, "city_id": city, "name": id, "rtsp_url": self.rtsp(id, url), **more})

    def stream(self, id):
        return next(s for s in self.get("/streams?limit=1000")["items"] if s["camera_id"] == id)

    def wait_live(self, *ids, seconds=20):
        def all_live():
            rows = {s["camera_id"]: s for s in self.get("/streams?limit=1000")["items"]}
            return all(rows[i]["status"] == "live" for i in ids or rows)

        wait_for(f"live {ids}", all_live, seconds, 0.2)

    def wait_recorded(self, id, seconds=20):
        """Until footage of the camera is on the disk."""
        wait_for(f"footage of {id}", lambda: any(os.path.getsize(f) > 40000 for f in self.files(id)), seconds)

    def recordings(self, id):
        return self.get(f"/recordings?camera_id={id}&limit=1000")["items"]

    def gaps(self, id):
        return self.get(f"/gaps?camera_id={id}&limit=1000")["items"]

    def files(self, id, city="lapa"):
        found = []
        for folder, _, names in os.walk(os.path.join(self.footage, city, id)):
            found += [os.path.join(folder, n) for n in names if n.endswith(".mp4")]
        return sorted(found)


def hls_playable(url, seconds=4):
    """ffmpeg plays the URL without a complaint."""
    r = run("ffmpeg", "-v", "error", "-i", url, "-t", str(seconds), "-f", "null", "-", timeout=60)
    assert r.returncode == 0 and not r.stderr.strip(), r.stderr
    return True


def decodes(path):
    r = run("ffmpeg", "-v", "error", "-i", path, "-f", "null", "-", timeout=120)
    assert r.returncode == 0 and not r.stderr.strip(), (path, r.stderr)


def frames(files, *options):
    """framecheck's report of one camera's files in order."""
    r = run(FRAMECHECK, *options, "--allow", *files)
    assert r.returncode in (0, 1) and r.stdout, (r.returncode, r.stderr)
    report = json.loads(r.stdout)
    assert len(report["cameras"]) == 1, report
    return {**report, **report["cameras"][0]}


def lines_of(text, tag):
    return [m for m in re.findall(r"^#EXT-X-" + tag + r":(.*)$", text, re.M)]


def attributes(text):
    return {k: v.strip('"') for k, v in re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', text)}
