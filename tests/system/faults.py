"""Disks that fill up, go and come back; crashes in the middle; signals; TLS; and footage taken out again over cuts and gaps."""
import contextlib
import hashlib
import os
import re
import signal
import ssl
import tempfile
import time
import urllib.parse
import urllib.request

from _site import *


@contextlib.contextmanager
def small_volume(megabytes):
    """A mount of its own."""
    folder = tempfile.mkdtemp(prefix="vigia-volume-")
    if os.getuid() or run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder).returncode:
        os.rmdir(folder)
        raise Skip("needs root and mounts")
    try:
        yield folder
    finally:
        while run("umount", "-l", folder).returncode == 0:
            pass
        shutil.rmtree(folder, ignore_errors=True)


def fill(folder):
    """Whatever is left; gives the file."""
    path = os.path.join(folder, "ballast")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    size = 1 << 20
    while size >= 512:
        try:
            os.write(fd, bytes(size))
        except OSError:
            size //= 2
    os.close(fd)
    return path


def keep(s, *cameras):
    """These volumes are all too small for the site: what is not held goes early."""
    s.post("/holds", {"camera_ids": cameras, "from": at(time.time() - 3600), "to": at(time.time() + 3600), "reason": "teste"})


def at(t):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t)) + f".{int(t % 1 * 1000):03d}Z"


def media_sequence(url):
    text = fetch(url).text
    return int(lines_of(text, "MEDIA-SEQUENCE")[0]) + text.count("#EXTINF")


def live_playlist(s, id):
    """The media playlist of a viewing session."""
    master = wait_for("a playlist", lambda: s.stream(id)["hls_url"])
    wait_for("the first GOP", lambda: fetch(master).status == 200)
    relative = [line for line in fetch(master).text.splitlines() if line and not line.startswith("#")][0]
    return urllib.parse.urljoin(master, relative)


@test("a volume that fills up: a disk_full gap, live goes on, recording comes back by itself when there is room")
def disk_full():
    with small_volume(80) as volume, Site(volumes=[volume], cameras=[("a", "clip=hd"), ("b", "")], file="10s") as s:
        keep(s, "a", "b")
        s.wait_live()
        s.wait_recorded("a")
        url = live_playlist(s, "a")
        ballast = fill(volume)
        wait_for("a disk_full gap", lambda: [g for g in s.gaps("a") if g["reason"] == "disk_full" and g["to"] is None], 40)
        assert s.stream("a")["status"] == "live" and s.stream("a")["recording_state"] == "not_recording", s.stream("a")
        before = media_sequence(url)
        wait_for("live going on", lambda: media_sequence(url) >= before + 2, 20)
        os.unlink(ballast)
        wait_for("recording again", lambda: s.stream("a")["recording_state"] == "recording", 60)
        gap = wait_for("a closed gap", lambda: [g for g in s.gaps("a") if g["reason"] == "disk_full" and g["to"]])[0]
        assert 1 < when(gap["to"]) - when(gap["from"]) < 90, gap
        time.sleep(4)
        s.server.stop()
        for i in "ab":
            for f in s.files(i):
                decodes(f)
            report = frames(s.files(i))
            assert report["repeated"] == report["reordered"] == 0, report
        s.start_server()
        assert s.post("/recordings/verify")["differences"] == []
        rows = s.get("/recordings?limit=1000")["items"]
        assert all(r["status"] in ("sealed", "recording") for r in rows), rows


@test("a volume that is unmounted: nothing is written into the empty mount point, a gap, and it is used again when it is back")
def unmounted():
    with small_volume(200) as volume, Site(volumes=[volume], cameras=[("a", "")], file="10s") as s:
        keep(s, "a")
        s.wait_live()
        s.wait_recorded("a")
        # Lazily, as when a cable is pulled: the open file writes on into the old mount.
        aside = tempfile.mkdtemp(prefix="vigia-aside-")
        try:
            assert run("mount", "--bind", volume, aside).returncode == 0
            assert run("umount", "-l", volume).returncode == 0
            wait_for("a gap", lambda: [g for g in s.gaps("a") if g["reason"] in ("disk_error", "disk_full") and g["to"] is None], 40)
            assert s.stream("a")["status"] == "live" and s.stream("a")["recording_state"] == "not_recording", s.stream("a")
            told = s.get("/status")["volumes"][0]
            assert not told["usable"] and told["problem"], told
            time.sleep(3)
            assert os.listdir(volume) == [], os.listdir(volume)
            # Over a restart too.
            s.server.stop()
            s.start_server()
            s.wait_live()
            time.sleep(4)
            assert os.listdir(volume) == [] and s.stream("a")["recording_state"] == "not_recording", os.listdir(volume)
            assert all(r["status"] != "lost" for r in s.recordings("a")), s.recordings("a")
            away = s.post("/recordings/verify")
            assert [d["kind"] for d in away["differences"]] == ["not_mounted"] and away["checked"] == 0, away
            assert s.cli("recording", "verify", ok=False).returncode == 1
            assert run("mount", "--bind", aside, volume).returncode == 0
            wait_for("recording again", lambda: s.stream("a")["recording_state"] == "recording", 40)
            wait_for("a closed gap", lambda: all(g["to"] for g in s.gaps("a")))
            time.sleep(3)
            s.server.stop()
            for f in s.files("a"):
                decodes(f)
            s.start_server()
            assert s.post("/recordings/verify")["differences"] == []
            s.server.stop()
        finally:
            s.server.stop()
            run("umount", "-l", volume)
            run("umount", "-l", aside)
            os.rmdir(aside)


@test("with two volumes the cameras of a full one go on in the other; what goes early is announced and is never what is held")
def two_volumes():
    with small_volume(100) as first, small_volume(300) as second, \
            Site(volumes=[first, second], cameras=[(i, "") for i in "abcd"], file="10s") as s:
        keep(s, *"abc")
        s.wait_live()
        time.sleep(6)
        fill(first)
        fill_time = time.time()

        def moved():
            rows = s.get("/recordings?limit=1000")["items"]
            where = {r["camera_id"]: r["volume_id"] for r in rows if r["status"] == "recording"}
            return len(where) == 4 and len(set(where.values())) == 1 and where

        wait_for("all on one volume", moved, 40)
        assert all(s.stream(i)["recording_state"] == "recording" for i in "abcd")
        gaps = [g for i in "abcd" for g in s.gaps(i) if when(g["from"]) > fill_time - 10]
        assert all(g["to"] and when(g["to"]) - when(g["from"]) < 30 for g in gaps), gaps
        early = wait_for("early deletions", lambda: [r for r in s.get("/recordings?deleted=true&limit=1000")["items"] if r["status"] == "deleted"], 30)
        assert {(r["camera_id"], r["deleted_by_rule"]) for r in early} == {("d", "disk_pressure")}, early
        told = [n for n in s.get("/notices")["items"] if n["kind"] == "deleted_early"]
        assert told and {i["camera_id"] for n in told for i in n["items"]} == {"d"}, told
        s.server.stop()
        for volume in (first, second):
            for folder, _, names in os.walk(volume):
                for n in names:
                    if n.endswith(".mp4"):
                        decodes(os.path.join(folder, n))


@test("cameras lost together come back together: the first one that answers calls the others out of their back-offs; a refusing one is left alone")
def back_together():
    with Site(cameras=[(f"c{i}", "") for i in range(16)] + [("senha", "auth=basic&user=u&password=p")]) as s:
        s.wait_live(*[f"c{i}" for i in range(16)])
        s.sim.stop()
        # Until the back-offs are 8 to 16 s and longer: by themselves the sixteen would come back spread over most of that.
        wait_for("long back-offs", lambda: s.said().count("attempt=3") >= 16, 30)
        time.sleep(9)
        s.start_sim()
        s.wait_live(*[f"c{i}" for i in range(16)], seconds=40)
        began = sorted(when(row["since"]) for row in s.get("/streams?limit=1000")["items"] if row["camera_id"] != "senha")
        assert began[-1] - began[0] < 4.5, [round(t - began[0], 1) for t in began]


@test("kill -9 around a file cut costs no file and no frame before it; SIGTERM seals")
def cuts():
    with Site(cameras=[(i, "gop=25") for i in "abc"], file="10s") as s:
        s.wait_live()
        for _ in range(3):
            time.sleep((10.4 - time.time() % 10) % 10 + 0.0)
            s.server.stop(signal.SIGKILL)
            s.start_server()
            s.wait_live()
        s.server.stop(signal.SIGTERM)
        s.start_server()
        rows = s.get("/recordings?limit=1000")["items"]
        assert all(r["status"] in ("sealed", "recording") and r["size_bytes"] for r in rows if r["ended_at"]), rows
        paths = {r["file_path"] for r in rows}
        s.server.stop()
        for i in "abc":
            for f in s.files(i):
                decodes(f)
            report = frames(s.files(i))
            assert report["repeated"] == report["reordered"] == 0 and report["missing_ranges_total"] <= 4, report
            on_disk = {os.path.relpath(f, s.footage) for f in s.files(i)}
            assert len(on_disk - paths) <= 1, on_disk - paths  # the one of the last start


@test("SIGHUP takes a good configuration and none of a bad one, and says which keys wait for a restart")
def reload():
    with Site(cameras=[("a", "")]) as s:
        s.wait_live()
        good = open(s.yaml).read()
        with open(s.yaml, "a") as f:
            f.write("cleanup: {schedule: \"30 4 * * *\", time_zone: UTC}\nlog: {level: loud}\n")
        s.server.p.send_signal(signal.SIGHUP)
        wait_for("the refusal", lambda: "mistakes" in s.said() and "log.level" in s.said())
        assert s.get("/jobs/cleanup")["schedule"] == "0 2 * * *"
        with open(s.yaml, "w") as f:
            f.write(good.replace("file: 1h", "file: 10m") + "cleanup: {schedule: \"30 4 * * *\", time_zone: UTC}\n")
        s.server.p.send_signal(signal.SIGHUP)
        wait_for("the change", lambda: s.get("/jobs/cleanup")["schedule"] == "30 4 * * *")
        assert s.get("/jobs/cleanup")["next_at"].endswith("T04:30:00.000Z")
        assert "recording.file" in [line for line in s.said().splitlines() if "restart" in line][-1]
        assert s.stream("a")["status"] == "live"


@test("HTTPS: a cookie that is Secure, live over TLS, plain HTTP refused")
def tls():
    with Site(start=False, camsim=True) as s:
        cert, key = os.path.join(s.dir, "cert.pem"), os.path.join(s.dir, "key.pem")
        made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                   "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert)
        assert made.returncode == 0, made
        with open(s.yaml, "a") as f:
            f.write(f"tls: {{cert: {cert}, key: {key}}}\n")
        s.start_sim()
        s.start_server()
        assert f"vigia: ready https://127.0.0.1:{s.port}/" in s.said()
        context = ssl.create_default_context(cafile=cert)

        def ask(path, body=None, **headers):
            request = urllib.request.Request(f"https://127.0.0.1:{s.port}{path}", data=body, headers={"Content-Type": "application/json", **headers})
            with urllib.request.urlopen(request, timeout=10, context=context) as r:
                return r.headers, r.read()

        headers, body = ask("/api/v1/session", json.dumps({"user": "admin", "password": PASSWORD}).encode())
        cookie = headers["Set-Cookie"]
        assert "Secure" in cookie and "HttpOnly" in cookie and "SameSite=Strict" in cookie, cookie
        me = json.loads(ask("/api/v1/session", Cookie=cookie.split(";")[0])[1])
        assert me["user"] == "admin", me
        bearer = {"Authorization": "Bearer " + json.loads(body)["token"]}
        ask("/api/v1/cities", json.dumps({"id": "lapa", "name": "Lapa", "retention_days": 7, "time_zone": "UTC"}).encode(), **bearer)
        ask("/api/v1/cameras", json.dumps({"id": "a", "city_id": "lapa", "name": "a", "rtsp_url": s.rtsp("a")}).encode(), **bearer)
        ask("/api/v1/cameras/a/stream", b"{}", **bearer)
        url = wait_for("live", lambda: [i["hls_url"] for i in json.loads(ask("/api/v1/streams", **bearer)[1])["items"] if i["status"] == "live"])[0]
        assert url.startswith("https://127.0.0.1:"), url
        hls_playable(url)
        with contextlib.suppress(OSError, ValueError):
            plain = fetch(s.base + "/api/v1/session", "GET", timeout=5)
            raise AssertionError(("plain HTTP was answered", plain.status, plain.body))
        assert fetch_is_healthy(ask)


def fetch_is_healthy(ask):
    return ask("/healthz")[0]["Content-Type"] is not None


def manifest_agrees(s, span, path):
    told = s.get("/cameras/a/export.json" + span)
    data = open(path, "rb").read()
    hashes = re.findall(r'"sha256": ?"([0-9a-f]{64})"', json.dumps(told))
    assert hashlib.sha256(data).hexdigest() in hashes, (hashes, hashlib.sha256(data).hexdigest())
    return told


@test("a span over files and over a gap: export decodes and has the manifest's SHA-256; playback plays; a file comes in ranges")
def looking_back():
    with Site(cameras=[("a", "audio=aac")], file="10s") as s:
        s.call("PATCH", "/cameras/a", {"audio": True})
        s.wait_live()
        time.sleep(13)
        s.post("/streams/stop", {"all": True, "reason": "gap"})
        time.sleep(4)
        s.post("/streams/start", {"all": True})
        s.wait_live()
        time.sleep(8)
        s.post("/streams/stop", {"all": True, "reason": "fim"})
        rows = wait_for("sealed files", lambda: (lambda r: all(x["status"] == "sealed" for x in r) and r)(s.recordings("a")))
        rows.sort(key=lambda r: r["started_at"])
        assert len(rows) >= 3, rows
        begin, end = when(rows[0]["started_at"]), when(rows[-1]["ended_at"])
        cut = next(when(r["started_at"]) for r in rows if 1 < when(r["started_at"]) - begin)
        spans = {"over two files": (cut - 2, cut + 2), "over everything, the gap too": (begin - 5, end + 5), "inside one": (begin + 1.2, begin + 1.9)}
        sizes = {}
        for what, (a, b) in spans.items():
            span = f"?from={at(a)}&to={at(b)}"
            path = os.path.join(s.dir, "export.mp4")
            got = s.call("GET", "/cameras/a/export.mp4" + span)
            assert got.status == 200 and got.headers["Content-Type"] == "video/mp4", (what, got.status, got.body[:300])
            sizes[what] = len(got.body)
            with open(path, "wb") as f:
                f.write(got.body)
            decodes(path)
            manifest_agrees(s, span, path)
            report = frames([path])
            assert report["repeated"] == report["reordered"] == 0, (what, report)
            assert report["missing"] == 0 if what != "over everything, the gap too" else report["missing_ranges_total"] == 1, (what, report)
            part = s.call("GET", "/cameras/a/export.mp4" + span, headers={"Range": "bytes=1000-2999"})
            assert part.status == 206 and part.body == got.body[1000:3000], (what, part.status)
            r = run("ffmpeg", "-v", "error", "-headers", f"Authorization: Bearer {s.token}\r\n", "-i",
                    s.base + "/api/v1/cameras/a/playback.m3u8" + span, "-f", "null", "-", timeout=60)
            assert r.returncode == 0 and not r.stderr.strip(), (what, r.stderr[-2000:])
            r = run("ffprobe", "-v", "error", "-headers", f"Authorization: Bearer {s.token}\r\n", "-count_packets", "-select_streams", "v", "-show_entries",
                    "stream=nb_read_packets", "-of", "csv=p=0", s.base + "/api/v1/cameras/a/playback.m3u8" + span, timeout=60)
            assert int(r.stdout.split()[0].strip(",")) >= report["found"] - 26, (what, r, report["found"])
        text = s.call("GET", f"/cameras/a/playback.m3u8?from={at(begin - 5)}&to={at(end + 5)}").text
        assert "#EXT-X-ENDLIST" in text and "#EXT-X-DISCONTINUITY" in text and "#EXT-X-PROGRAM-DATE-TIME" in text, text[:600]
        # The CLI does the same.
        cli = s.cli("recording", "export", "--camera", "a", "--from", at(cut - 2), "--to", at(cut + 2), "--output", os.path.join(s.dir, "cli.mp4"),
                    "--manifest", os.path.join(s.dir, "cli.json"))
        assert cli.returncode == 0 and os.path.getsize(os.path.join(s.dir, "cli.mp4")) == sizes["over two files"], cli
        # A file, whole and in ranges.
        row = rows[0]
        whole = s.call("GET", f"/recordings/{row['id']}/file")
        data = open(os.path.join(s.footage, row["file_path"]), "rb").read()
        assert whole.status == 200 and whole.body == data and whole.headers["Accept-Ranges"] == "bytes"
        for asked, a, b in (("bytes=0-0", 0, 1), ("bytes=100-199", 100, 200), ("bytes=-500", len(data) - 500, len(data)),
                            (f"bytes={len(data) - 10}-", len(data) - 10, len(data))):
            part = s.call("GET", f"/recordings/{row['id']}/file", headers={"Range": asked})
            assert part.status == 206 and part.body == data[a:b] and part.headers["Content-Range"] == f"bytes {a}-{b - 1}/{len(data)}", (asked, part.headers)
        past = s.call("GET", f"/recordings/{row['id']}/file", headers={"Range": f"bytes={len(data)}-"})
        assert past.status == 416, past.status
        seen = {a["action"] for a in s.get("/audit?limit=1000")["items"]}
        assert {"export.download", "export.manifest", "playback.open", "recording.download"} <= seen, seen


main()
