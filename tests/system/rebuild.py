# lane: 2
"""The catalogue lost: made again from the disk; and the catalogue compared with the disk."""
import glob
import os
import shutil
import time

from _site import *


def footage_of(s):
    keys = ("id", "camera_id", "city_id", "volume_id", "file_path", "started_at", "ended_at", "size_bytes", "held")
    return sorted(([r[k] for k in keys] for r in s.get("/recordings?limit=1000")["items"]), key=lambda r: r[0])


def recorded(s, seconds):
    s.wait_live()
    time.sleep(seconds)
    s.post("/streams/stop", {"all": True, "reason": "fim"})
    wait_for("sealed files", lambda: (all(r["status"] == "sealed" for r in s.get("/recordings?limit=1000")["items"])) and s.files("a"))


@test("rebuild gives the same recordings and holds, says what is gone, and deletion waits for an administrator")
def rebuild():
    with Site(cameras=[("a", ""), ("b", "codec=h265")], file="10s") as s:
        recorded(s, 11)
        row = s.recordings("a")[0]
        hold = s.post("/holds", {"camera_ids": ["a"], "from": row["started_at"], "to": row["ended_at"], "reason": "BO 12/2026 \"🚔\""})
        before = footage_of(s)
        assert len(before) >= 4, before
        s.server.stop()
        for f in glob.glob(os.path.join(s.data, "catalog.sqlite*")):
            os.unlink(f)
        s.server.start()
        wait_for("a start", lambda: s.said().count("vigia: ready") == 2 or s.server.p.poll() is not None)
        running = run(VIGIA, "recording", "rebuild", "-c", s.yaml, env=s.env)
        assert running.returncode == 1 and "in use" in running.stderr and len(running.stderr.splitlines()) == 1, running
        s.server.stop()
        for f in glob.glob(os.path.join(s.data, "catalog.sqlite*")):
            os.unlink(f)
        done = run(VIGIA, "recording", "rebuild", "-c", s.yaml, env=s.env)
        assert done.returncode == 0 and f"Recordings: {len(before)} from" in done.stdout and "Holds: 1" in done.stdout, done
        assert "camera addresses" in done.stdout and "vigia cleanup --deletion on" in done.stdout, done
        s.start_server()
        assert footage_of(s) == before, (footage_of(s), before)
        again = s.get("/holds")["items"]
        assert [(h["id"], h["camera_ids"], h["from"], h["to"], h["reason"]) for h in again] == \
            [(hold["id"], ["a"], hold["from"], hold["to"], hold["reason"])], again
        assert s.post("/recordings/verify")["differences"] == []
        # Deletion is off until it is turned on, by an administrator only.
        assert s.get("/jobs/cleanup")["deletion"] is False
        ran = s.post("/jobs/cleanup/run", {"dry_run": False})
        assert "deletion is off" in ran["error"], ran
        s.post("/users", {"name": "olga", "role": "operator", "cities": "all", "password": "operadora 1"})
        token = fetch(s.base + "/api/v1/session", "POST", b'{"user": "olga", "password": "operadora 1"}', {"Content-Type": "application/json"}).json["token"]
        assert s.call("PATCH", "/jobs/cleanup", {"deletion": True}, token=token).status == 403
        assert s.get("/jobs/cleanup")["deletion"] is False
        assert s.call("PATCH", "/jobs/cleanup", {"deletion": "yes"}).json["field"] == "deletion"
        said = s.cli("cleanup", "--deletion", "on")
        assert said.stdout == "deletion is on\n", said
        assert s.get("/jobs/cleanup")["deletion"] is True
        assert s.post("/jobs/cleanup/run", {"dry_run": False})["error"] is None
        audit = s.get("/audit?action=deletion.on")["items"]
        assert len(audit) == 1 and audit[0]["actor"] == "system:cli", audit
        # A rebuild beside a catalogue that is whole changes nothing but the switch.
        s.server.stop()
        assert run(VIGIA, "recording", "rebuild", "-c", s.yaml, env=s.env).returncode == 0
        s.start_server()
        assert footage_of(s) == before and s.get("/jobs/cleanup")["deletion"] is False


@test("a catalogue that cannot be read: serve says so in a line, rebuild puts it aside")
def damaged():
    with Site(cameras=[("a", "")]) as s:
        recorded(s, 5)
        before = footage_of(s)
        s.server.stop()
        for f in glob.glob(os.path.join(s.data, "catalog.sqlite*")):
            os.unlink(f)
        with open(os.path.join(s.data, "catalog.sqlite"), "wb") as f:
            f.write(b"not a database at all\n" * 1000)
        refused = run(VIGIA, "serve", "-c", s.yaml, env=s.env)
        assert refused.returncode == 1 and refused.stdout == "", refused
        said = [line for line in refused.stderr.splitlines() if line.startswith("vigia: ")]
        assert len(said) == 1 and "catalog.sqlite" in said[0] and "vigia recording rebuild" in said[0], refused
        done = run(VIGIA, "recording", "rebuild", "-c", s.yaml, env=s.env)
        assert done.returncode == 0 and "kept as" in done.stdout, done
        s.start_server()
        assert footage_of(s) == before


@test("the data directory lost whole: the footage comes back from its volume alone")
def everything_lost():
    with Site(start=False, volumes=[os.path.join("/tmp", f"vigia-volume-{os.getpid()}")]) as s:
        s.cameras = [("a", "")]
        try:
            s.start()
            recorded(s, 5)
            before = footage_of(s)
            s.server.stop()
            shutil.rmtree(s.data)
            done = run(VIGIA, "recording", "rebuild", "-c", s.yaml, env=s.env)
            assert done.returncode == 0 and "taken over from the volumes" in done.stdout, done
            s.start_server()
            assert footage_of(s) == before
        finally:
            s.server.stop()
            shutil.rmtree(s.footage, ignore_errors=True)


@test("verify names a file removed by hand, a foreign one and a changed one, and changes nothing")
def verify():
    with Site(cameras=[("a", ""), ("b", "")], file="10s") as s:
        recorded(s, 11)
        assert s.cli("recording", "verify").stdout.strip().endswith("0 differences")
        first, second = s.recordings("a")[:2]
        os.unlink(os.path.join(s.footage, first["file_path"]))
        with open(os.path.join(s.footage, second["file_path"]), "ab") as f:
            f.write(b"\0\0\0\x10free" + bytes(8))
        other = s.recordings("b")[0]
        folder = os.path.dirname(os.path.join(s.footage, other["file_path"]))
        shutil.copy(os.path.join(s.footage, other["file_path"]), os.path.join(folder, "000001Z.mp4"))
        with open(os.path.join(folder, "000002Z.mp4"), "wb") as f:
            f.write(os.urandom(5000))
        before = footage_of(s)
        r = s.cli("recording", "verify", ok=False)
        found = s.post("/recordings/verify")["differences"]
        kinds = {(d["kind"], d["file_path"]) for d in found}
        where = os.path.dirname(other["file_path"])
        assert r.returncode == 1 and "4 differences" in r.stdout, r
        assert kinds == {("missing_file", first["file_path"]), ("size", second["file_path"]), ("unknown_file", where + "/000001Z.mp4"),
                         ("unknown_file", where + "/000002Z.mp4")}, found
        assert footage_of(s) == before
        assert s.call("GET", f"/recordings/{first['id']}/file").status in (404, 410)


main()
