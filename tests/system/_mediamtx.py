"""A MediaMTX of the test's own on free ports in a temporary directory: a real one, of whatever version, or the fake one of tests/support.

    with Mediamtx(real_binaries()[0], auth_url="http://127.0.0.1:8080/...") as m:
        m.get("/paths/list")
    with Mediamtx("fake:1.20", user="vigia", password="s") as m:
        m.knob("path", name="camera_1", ready=True)

Real binaries come from $VIGIA_MEDIAMTX (several with colons between) and from `mediamtx` on PATH. start() waits until the API answers."""
import contextlib
import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from _site import Process, fetch, free_port, wait_for

FAKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support", "mediamtx_fake.py")
PROFILES = ["fake:1.5", "fake:1.20"]


def real_binaries():
    found = [f for f in os.environ.get("VIGIA_MEDIAMTX", "").split(":") if f]
    for f in found:
        assert os.access(f, os.X_OK), f"$VIGIA_MEDIAMTX: {f} cannot be run"
    on_path = shutil.which("mediamtx")
    return found + ([on_path] if on_path and on_path not in found else [])


def version_of(what):
    """(1, 20, 1) of a binary, or of "fake:1.20"."""
    if what.startswith("fake:"):
        return (1, 5, 1) if what == "fake:1.5" else (1, 20, 1)
    said = subprocess.run([what, "--version"], stdout=subprocess.PIPE, text=True, timeout=10).stdout
    m = re.search(r"(\d+)\.(\d+)\.(\d+)", said)
    assert m, f"{what} --version said {said!r}"
    return tuple(int(n) for n in m.groups())


class Mediamtx(contextlib.AbstractContextManager):
    """what: a binary or "fake:1.5"/"fake:1.20". auth_url: where it asks who may read (and, from 1.6 on, who may call its API). user and
    password: the API behind basic auth (1.6 on; the fake always). bearer: the API behind a token (fake only). config: more lines of YAML
    for the real one; options: more options for the fake one. Ports are kept over a restart."""

    def __init__(self, what, auth_url=None, user=None, password=None, bearer=None, config="", options=(), start=True):
        self.what, self.version, self.fake = what, version_of(what), what.startswith("fake:")
        self.dir = tempfile.mkdtemp(prefix="vigia-mediamtx-")
        self.api_port, self.hls_port, self.rtsp_port = free_port(), free_port(), free_port()
        self.api = f"http://127.0.0.1:{self.api_port}"
        self.hls = f"http://127.0.0.1:{self.hls_port}"
        self.rtsp = f"rtsp://127.0.0.1:{self.rtsp_port}"
        self.auth_url, self.user, self.password, self.bearer = auth_url, user, password, bearer
        if self.fake:
            cmd = [sys.executable, FAKE, "--profile", what[5:], "--api-port", str(self.api_port), "--hls-port", str(self.hls_port), "--rtsp-port", str(self.rtsp_port)]
            for option, value in (("--auth-url", auth_url), ("--user", user), ("--password", password), ("--bearer", bearer)):
                cmd += [option, value] if value else []
            cmd += options
        else:
            assert not bearer, "a real MediaMTX takes a JWT only: not made here"
            self.yaml = os.path.join(self.dir, "mediamtx.yml")
            with open(self.yaml, "w") as f:
                f.write(self.settings() + config + "\n")
            cmd = [what, self.yaml]
        self.process = Process(cmd, os.path.join(self.dir, "mediamtx.log"))
        if start:
            try:
                self.start()
            except BaseException:
                self.__exit__(*sys.exc_info())
                raise

    def settings(self):
        new = self.version >= (1, 6, 0)
        lines = ["logLevel: debug", "api: yes", f"apiAddress: 127.0.0.1:{self.api_port}", f"hlsAddress: 127.0.0.1:{self.hls_port}",
                 f"rtspAddress: 127.0.0.1:{self.rtsp_port}", "rtmp: no", "srt: no", "webrtc: no", "protocols: [tcp]",
                 "paths: {}"]
        if self.version >= (1, 20, 0):
            lines[-2] = "rtspTransports: [tcp]"
            lines.append("moq: no")
        if self.auth_url:
            lines += ["authMethod: http", f"authHTTPAddress: {self.auth_url}"] if new else [f"externalAuthenticationURL: {self.auth_url}"]
        elif self.user:
            assert new, "1.5 has no rights on its API"
            lines.append("authInternalUsers: " + json.dumps([
                {"user": "any", "pass": "", "ips": [], "permissions": [{"action": "read"}, {"action": "publish"}]},
                {"user": self.user, "pass": self.password, "ips": [], "permissions": [{"action": "api"}, {"action": "metrics"}]}]))
        return "\n".join(lines) + "\n"

    def start(self, seconds=20):
        self.process.start()

        def listening():
            assert self.process.p.poll() is None, "MediaMTX ended: " + self.said()[-2000:]
            for port in (self.api_port, self.hls_port):
                with socket.socket() as s:
                    if s.connect_ex(("127.0.0.1", port)):
                        return False
            return True

        wait_for("MediaMTX", listening, seconds, 0.05)

    def stop(self, sig=signal.SIGTERM):
        return self.process.stop(sig)

    def restart(self, sig=signal.SIGTERM):
        self.stop(sig)
        self.start()

    def said(self):
        with open(self.process.log, errors="replace") as f:
            return f.read()

    def __exit__(self, kind, value, tb):
        try:
            self.stop()
        finally:
            if kind is not None and os.path.exists(self.process.log):
                for line in self.said().splitlines()[-40:]:
                    print(f"# {self.what}: {line}")
            shutil.rmtree(self.dir, ignore_errors=True)
        return False

    # --- control API ---
    def headers(self):
        if self.bearer:
            return {"Authorization": "Bearer " + self.bearer}
        if self.user:
            return {"Authorization": "Basic " + base64.b64encode(f"{self.user}:{self.password or ''}".encode()).decode()}
        return {}

    def call(self, method, path, body=None, headers=None):
        """path without /v3; body: what becomes JSON, or bytes as they are."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return fetch(self.api + "/v3" + path, method, data, {**self.headers(), **(headers or {})})

    def get(self, path):
        a = self.call("GET", path)
        assert a.status == 200, (path, a.status, a.body)
        return a.json

    def path(self, name):
        """The running path of that name, None where there is none."""
        a = self.call("GET", "/paths/get/" + name)
        return a.json if a.status == 200 else None

    def add(self, name, source, **more):
        return self.call("POST", "/config/paths/add/" + name, {"source": source, **more})

    # --- the fake's own control ---
    def knob(self, what, **values):
        assert self.fake, "only the fake one has knobs"
        a = fetch(f"{self.api}/fake/{what}", "POST", json.dumps(values).encode())
        assert a.status == 200, (what, a.status, a.body)
        return a.json
