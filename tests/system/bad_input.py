"""What people, scripts and cameras get wrong: a clear answer, nothing half done, the others untouched."""
import contextlib
import os
import re
import socket
import subprocess
import time

from _site import *

WRONG = """\
data_dir: {data}
listen: 127.0.0.1:99999
volums: [x]
recording:
  file: 7h
  part: 5ms
cleanup: {{schedule: "61 2 * * *", time_zone: Mars/Olympus}}
log: {{level: loud}}
"""


def serve_fails(s, **more):
    r = run(*more.pop("prefix", ()), VIGIA, "serve", "-c", more.pop("config", s.yaml), env=s.env, timeout=30)
    assert r.returncode == 1 and r.stdout == "" and len(r.stderr.splitlines()) == 1 and r.stderr.startswith("vigia: "), r
    return r.stderr


@test("a wrong configuration: every mistake with file and line, exit 1, nothing started")
def configuration():
    with Site(start=False) as s:
        data = os.path.join(s.dir, "never")
        wrong = os.path.join(s.dir, "wrong.yaml")
        with open(wrong, "w") as f:
            f.write(WRONG.format(data=data))
        for command in ("check-config", "serve"):
            r = run(VIGIA, command, "-c", wrong, env=s.env)
            assert r.returncode == 1, r
            for line in (2, 3, 5, 6, 7, 8):
                assert f"{wrong}:{line}" in r.stderr + r.stdout, (line, r)
            assert (r.stderr + r.stdout).count(f"{wrong}:7") == 2, r
            assert not os.path.exists(data)
        for text in ("a: [", "- x\n- y\n", "\x00\x01\x02", "data_dir: [1]\n", "tls: {cert: /nowhere}\n", "a: &x [*x]\n"):
            with open(wrong, "w") as f:
                f.write(text)
            r = run(VIGIA, "check-config", "-c", wrong, env=s.env)
            assert r.returncode == 1 and f"{wrong}:" in r.stderr + r.stdout, (text, r)
        r = run(VIGIA, "check-config", "-c", os.path.join(s.dir, "none.yaml"), env=s.env)
        assert r.returncode == 1 and "none.yaml" in r.stderr + r.stdout, r
        assert run(VIGIA, "check-config", "-c", s.yaml, env=s.env).returncode == 0


@contextlib.contextmanager
def connections(port, n, payload=b""):
    sockets = []
    try:
        for _ in range(n):
            c = socket.create_connection(("127.0.0.1", port), 5)
            if payload:
                c.sendall(payload)
            sockets.append(c)
        yield sockets
    finally:
        for c in sockets:
            c.close()


def problem(s, method, path, body=None, raw=None):
    """(status, field) of an error, after looking at its form."""
    if raw is not None:
        a = fetch(s.base + "/api/v1" + path, method, raw, {"Authorization": "Bearer " + s.token, "Content-Type": "application/json"})
    else:
        a = s.call(method, path, body)
    assert a.status >= 400, (method, path, body, a.status, a.body)
    assert a.headers["Content-Type"] == "application/problem+json", (path, a.headers["Content-Type"], a.body)
    told = a.json
    assert told["status"] == a.status and told["title"] and told["detail"], told
    return a.status, told.get("field")


@test("wrong bodies, ids and queries are answered with a problem that names the field, and leave nothing behind")
def requests():
    with Site(camsim=False) as s:
        s.add_city("lapa")
        s.add_camera("a")
        city = {"id": "nova", "name": "Nova", "retention_days": 7, "time_zone": "America/Sao_Paulo"}
        camera = {"id": "b", "city_id": "lapa", "name": "b", "rtsp_url": "rtsp://127.0.0.1/x"}
        before = (s.get("/cities"), s.get("/cameras"), s.get("/users"), s.get("/holds"))
        for path, base, changes in (
            ("/cities", city, [
                ({"retention_days": 0}, 422, "retention_days"), ({"retention_days": 100000}, 422, "retention_days"),
                ({"retention_days": -1}, 422, "retention_days"), ({"retention_days": "7"}, 422, "retention_days"),
                ({"retention_days": 1e300}, 422, "retention_days"), ({"retention_days": 7.5}, 422, "retention_days"),
                ({"retention_days": None}, 422, "retention_days"), ({"id": "lapa"}, 409, "id"), ({"id": "../x"}, 422, "id"),
                ({"id": "Lapa"}, 422, "id"), ({"id": "a" * 300}, 422, "id"), ({"id": 7}, 422, "id"), ({"name": ""}, 422, "name"),
                ({"name": "x" * 10240}, 422, "name"), ({"name": "a\nb"}, 422, "name"), ({"name": "a\x00b"}, (400, 422), None),
                ({"time_zone": "Mars/Olympus"}, 422, "time_zone"), ({"time_zone": "../../etc/passwd"}, 422, "time_zone"),
                ({"language": "xx"}, 422, "language"), ({"notify": "x"}, 422, "notify"),
                ({"notify": [{"channel": "pigeon", "to": "x"}]}, 422, "notify"), ({"notify": [{"channel": "smtp", "to": "a@b\r\nBcc: c@d"}]}, 422, "notify"),
                ({"notify": [{"channel": "webhook", "to": "file:///etc/passwd"}]}, 422, "notify"), ({"colour": "red"}, 422, "colour")]),
            ("/cameras", camera, [
                ({"rtsp_url": "http://127.0.0.1/x"}, 422, "rtsp_url"), ({"rtsp_url": "rtsp://"}, 422, "rtsp_url"), ({"rtsp_url": ""}, 422, "rtsp_url"),
                ({"rtsp_url": "rtsp://a:99999/x"}, 422, "rtsp_url"), ({"rtsp_url": "rtsp://a b/x"}, 422, "rtsp_url"),
                ({"rtsp_url": "rtsp://a/x\r\nTEARDOWN"}, 422, "rtsp_url"), ({"rtsp_url": "rtsp://a/" + "x" * 10240}, 422, "rtsp_url"),
                ({"rtsp_url": None}, 422, "rtsp_url"), ({"live_url": "file:///x"}, 422, "live_url"), ({"city_id": "nowhere"}, 422, "city_id"),
                ({"id": "a"}, 409, "id"), ({"id": "A B"}, 422, "id"), ({"name": "x" * 10240}, 422, "name"), ({"lat": 91}, 422, "lat"),
                ({"lon": "x"}, 422, "lon"), ({"record": "yes"}, 422, "record"), ({"extra": 1}, 422, "extra")]),
            ("/users", {"name": "vera", "role": "viewer", "cities": ["lapa"], "password": "uma senha longa"}, [
                ({"password": "curta"}, 422, "password"), ({"role": "king"}, 422, "role"), ({"cities": ["nowhere"]}, 422, "cities"),
                ({"cities": "some"}, 422, "cities"), ({"name": "a/b"}, 422, "name"), ({"name": "admin"}, 409, "name")]),
            ("/holds", {"camera_ids": ["a"], "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "reason": "x"}, [
                ({"camera_ids": []}, 422, "camera_ids"), ({"camera_ids": ["none"]}, 422, "camera_ids"), ({"from": "yesterday"}, 422, "from"),
                ({"to": "2025-01-01T00:00:00Z"}, 422, "to"), ({"from": "2026-13-01T00:00:00Z"}, 422, "from"), ({"reason": ""}, 422, "reason")]),
        ):
            for change, status, field in changes:
                got = problem(s, "POST", path, {**base, **change})
                want = status if isinstance(status, tuple) else (status,)
                said = re.split(r"[\[.]", got[1] or "")[0]
                assert got[0] in want and (field is None or said == field), (path, str(change)[:200], got)
            for key in set(base) - {"id", "time_zone", "cities", "role", "password"}:
                got = problem(s, "POST", path, {k: v for k, v in base.items() if k != key})
                assert got == (422, key), (path, "without " + key, got)
        for raw in (b"{", b"", b"[]", b"null", b'"x"', b'{"id": "x",}', b"\xff\xfe", b'{"name": "\xc3\x28"}', b"[" * 100000, b'{"id":"x","id":"y"}'):
            assert problem(s, "POST", "/cities", raw=raw)[0] in (400, 422), raw[:20]
        # (the answer comes before the body is over, which not every client waits for)
        with connections(s.port, 1, b"POST /api/v1/cities HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.token.encode() +
                         b"\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n{") as (c,):
            assert c.recv(4096).startswith(b"HTTP/1.1 413 ")
        for path, status in (("/cities/nowhere", 404), ("/cameras/none", 404), ("/cameras/none/stream", 404), ("/recordings/x", (400, 404, 422)),
                             ("/recordings/01a2075a-268d-71a4-94e3-20c233d1e3f8", 404), ("/recordings/01a2075a-268d-71a4-94e3-20c233d1e3f8/file", 404),
                             ("/holds/none", 404), ("/users/none", 404), ("/nothing", 404), ("/cities?limit=0", 400), ("/cities?limit=x", 400),
                             ("/cities?limit=99999", 400), ("/cities?cursor=x", 400), ("/cities?colour=red", 400), ("/recordings?from=x", 400),
                             ("/streams?status=dancing", 400), ("/streams?sort=beauty", 400), ("/cameras/a/export.mp4", 400),
                             ("/cameras/a/export.mp4?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", (400, 422)),
                             ("/cameras/a/export.mp4?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z", 404),
                             ("/cameras/a/playback.m3u8?from=2026-01-01T00:00:00Z&to=2026-01-04T00:00:00Z", (400, 422)),
                             ("/cities/%00", (400, 404)), ("/cities/..%2f..%2fetc", 404), ("/cameras/" + "a" * 5000, (400, 404, 414))):
            got = problem(s, "GET", path)[0]
            assert got in (status if isinstance(status, tuple) else (status,)), (path[:80], got)
        assert problem(s, "DELETE", "/cities/lapa")[0] == 409
        assert problem(s, "PATCH", "/cities/lapa", {"retention_days": 0}) == (422, "retention_days")
        assert problem(s, "PATCH", "/cameras/a", {"rtsp_url": "ftp://x"}) == (422, "rtsp_url")
        assert problem(s, "PUT", "/cities/lapa", {})[0] == 405
        assert problem(s, "POST", "/streams/start", {})[0] in (400, 422)
        assert (s.get("/cities"), s.get("/cameras"), s.get("/users"), s.get("/holds")) == before
        for name in ("Rua \"das\" 'Flores' <b>&amp;", "Câmera 📷 日本", "'; DROP TABLE cameras; --"):
            made = s.post("/cameras", {k: v for k, v in {**camera, "name": name}.items() if k != "id"})
            assert made["name"] == name and s.get("/cameras/" + made["id"])["name"] == name, made
            assert name in s.cli("camera", "list").stdout


@test("garbage, half requests and silence on the HTTP port, while a player goes on")
def http_port():
    with Site(cameras=[("a", "")]) as s:
        s.wait_live()
        url = s.stream("a")["hls_url"]
        wait_for("the first GOP", lambda: fetch(url).status == 200)
        player = subprocess.Popen(["ffmpeg", "-v", "error", "-i", url, "-t", "10", "-f", "null", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with connections(s.port, 60), connections(s.port, 60, b"GET /api/v1/cities HTTP/1.1\r\nHost: x\r\nX-"), \
                connections(s.port, 20, b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\nContent-Type: application/json\r\n\r\n{"):
            for payload in (os.urandom(20000), b"\x16\x03\x01" + os.urandom(300), b"GET " + b"/" * 200000, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000,
                            b"\r\n" * 1000, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
                            b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                            b"GET /healthz HTTP/9.9\r\n\r\n", b"GET /healthz HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"):
                for _ in range(5):
                    with contextlib.suppress(OSError), connections(s.port, 1, payload):
                        pass
            for _ in range(10):
                asked = time.monotonic()
                assert s.get("/cameras")["items"] and time.monotonic() - asked < 2
                time.sleep(0.5)
            out, err = player.communicate(timeout=60)
        assert player.returncode == 0 and not err.strip(), err
        assert s.server.p.poll() is None and fetch(s.base + "/healthz").status == 200
        s.server.stop()
        assert frames(s.files("a"))["missing"] == 0


BAD = {"recusa": "refuse", "muda": "never_answer", "ruido": "garbage", "fecha": "close_after=3", "rapida": "fast=10", "trava": "stall=20/40",
       "sujeira": "junk_channel=50"}


@test("cameras that refuse, are silent, send nonsense, close, race or stall: visible, retried, and the good ones beside them miss nothing")
def cameras():
    bad = [(id, query) for id, query in BAD.items()] + [("morta", f"rtsp://127.0.0.1:{free_port()}/x"), ("sem-nome", "rtsp://no-such-host.invalid/x")]
    with Site(cameras=[("boa", ""), ("boa2", "codec=h265"), *bad]) as s:
        s.wait_live("boa", "boa2")
        time.sleep(18)

        def told():
            rows = {r["camera_id"]: r for r in s.get("/streams")["items"]}
            return all(rows[i]["status"] in ("reconnecting", "starting") and rows[i]["last_error"]
                       for i in ("recusa", "muda", "ruido", "morta", "sem-nome")) and rows

        rows = wait_for("errors", told, 20, 0.5)
        assert "401" in rows["recusa"]["last_error"], rows["recusa"]
        assert rows["fecha"]["last_error"] and rows["fecha"]["bytes_received"], rows["fecha"]
        assert rows["boa"]["status"] == rows["boa2"]["status"] == "live" and rows["boa"]["last_error"] is None, rows["boa"]
        assert all(r["recording_state"] == "not_recording" for i, r in rows.items() if i in ("recusa", "muda", "ruido", "morta", "sem-nome")), rows
        assert s.gaps("recusa")[0]["reason"] == "refused" and s.gaps("morta")[0]["reason"] == "no_signal", (s.gaps("recusa"), s.gaps("morta"))
        for camera, row in rows.items():
            print(f"# {camera}: {row['status']} {row['recording_state']} {row['last_error']}")
        started = time.monotonic()
        s.server.stop()
        assert time.monotonic() - started < 10
        for i in ("boa", "boa2"):
            report = frames(s.files(i))
            assert report["missing"] == report["repeated"] == report["reordered"] == 0, report
        for i in BAD:
            for f in s.files(i):
                r = run("ffmpeg", "-v", "error", "-i", f, "-f", "null", "-", timeout=120)
                # (the null muxer counts in the SPS's frame rate, which a camera that races does not keep)
                assert r.returncode == 0 and not [line for line in r.stderr.splitlines() if "[null @" not in line and "repeated" not in line], r


@test("a limit on open files that is too low for the cameras: raised to the hard limit, and a warning says how many fit")
def file_limit():
    with Site(start=False, cameras=[(f"c{i}", "clip=low") for i in range(12)]) as s:
        s.server.cmd = ["prlimit", "--nofile=64:300", "--", *s.server.cmd]
        s.start()
        s.wait_live()
        for i in range(12):
            s.wait_recorded(f"c{i}")
        lines = [line for line in s.said().splitlines() if "limit.files" in line]
        assert len(lines) == 1 and "cameras_that_fit=8 " in lines[0] and "level=warn" in lines[0], lines
        assert s.get("/status")["loops"]["cameras_that_fit"] == 8
    with Site(cameras=[("c", "")]) as s:
        s.wait_live()
        assert "limit.files" not in s.said()


@test("port in use, a directory that cannot be written, a full disk, a second server: one line, exit 1")
def start():
    with Site(camsim=False) as s:
        assert "in use" in serve_fails(s)
        other = os.path.join(s.dir, "other.yaml")
        with open(other, "w") as f:
            f.write(f"data_dir: {s.dir}/other\nlisten: 127.0.0.1:{s.port}\n")
        said = serve_fails(s, config=other)
        assert f"127.0.0.1:{s.port}" in said and "in use" in said.lower(), said
        os.chmod(s.dir, 0o755)
        os.mkdir(os.path.join(s.dir, "locked"))
        os.chmod(os.path.join(s.dir, "locked"), 0o555)
        with open(other, "w") as f:
            f.write(f"data_dir: {s.dir}/locked/var\nlisten: 127.0.0.1:{free_port()}\n")
        prefix = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups") if os.getuid() == 0 else ()
        assert "locked" in serve_fails(s, config=other, prefix=prefix)
        with open(other, "w") as f:
            f.write(f"data_dir: {s.dir}/file/var\nlisten: 127.0.0.1:{free_port()}\n")
        open(os.path.join(s.dir, "file"), "w").close()
        assert "file" in serve_fails(s, config=other)
        assert s.get("/cities")["items"] == []


@test("a disk that is full at the start: one line, exit 1, and a start once there is room")
def full_disk():
    with Site(camsim=False, start=False) as s:
        mount = os.path.join(s.dir, "full")
        os.mkdir(mount)
        if os.getuid() or run("mount", "-t", "tmpfs", "-o", "size=1m", "none", mount).returncode:
            raise Skip("needs root and mounts")
        try:
            ballast = os.open(os.path.join(mount, "ballast"), os.O_WRONLY | os.O_CREAT)
            with contextlib.suppress(OSError):
                while os.write(ballast, bytes(4096)):
                    pass
            os.close(ballast)
            config = os.path.join(s.dir, "full.yaml")
            with open(config, "w") as f:
                f.write(f"data_dir: {mount}/var\nlisten: 127.0.0.1:{s.port}\n")
            said = serve_fails(s, config=config)
            assert "space" in said or "full" in said, said
        finally:
            run("umount", "-l", mount)


main()
