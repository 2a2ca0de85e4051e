"""What tests of recorders share: this site's ffmpeg children, and whether catalogue and disk say the same."""
import os
import time

from _site import *


def children(s):
    """Process ids of this site's ffmpeg children, by camera."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            argv = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
            state = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z" and b"segment" in argv and argv[-2].startswith(s.footage.encode()):
            found[argv[-2].decode().split("/")[-3]] = int(pid)
    return found


def zombies(s):
    me = s.server.p.pid
    n = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        n += fields[0] == "Z" and int(fields[1]) == me
    return n


def wait_recording(s, *ids, seconds=30):
    for id in ids:
        wait_for(f"recording of {id}", lambda: s.stream(id)["recording_state"] == "recording" and s.recordings(id), seconds, 0.2)


def agree(s, id):
    """Catalogue and disk say the same: every row its file, every file its row, and every sealed one's times are its media's."""
    rows = {r["file_path"]: r for r in s.recordings(id)}
    on_disk = {os.path.relpath(f, s.footage): f for f in s.files(id)}
    assert set(rows) == set(on_disk), (set(rows) ^ set(on_disk))
    for path, r in rows.items():
        if r["status"] != "sealed":
            continue
        probe = run("ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", on_disk[path])
        assert abs(float(probe.stdout) - (when(r["ended_at"]) - when(r["started_at"]))) < 0.1, (probe.stdout, r)
        assert os.path.getsize(on_disk[path]) == r["size_bytes"], r
        name = os.path.basename(path)
        assert name.startswith(time.strftime("%H%M%SZ", time.gmtime(when(r["started_at"])))), r


def stop_all(s):
    s.post("/streams/stop", {"all": True, "reason": "fim"})
    wait_for("no child", lambda: not children(s), 10)
    wait_for("sealed files", lambda: all(r["status"] == "sealed" for c, _ in s.cameras for r in s.recordings(c)), 20)


def settled(s, id, files=None):
    """No frame missing, repeated or reordered in all of a camera's files."""
    report = frames(files or s.files(id))
    assert report["repeated"] == report["reordered"] == report["missing"] == 0, report
    return report
