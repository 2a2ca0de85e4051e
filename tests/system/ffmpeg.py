# timeout: 420
# lane: 2
"""The recorder ffmpeg over the engine's streams: one child a camera, what it writes, and what happens when it, the camera, the disk or Vigia
fails."""
import os
import shutil
import signal
import stat
import time

from _ffmpeg import *
from _site import *

FFMPEG = "recorder: ffmpeg\n"


@test("hours cut at the clock, H.264, H.265 and sound: no frame missing, first and last times are the frames', a running file plays, stop seals")
def records():
    cameras = [("a", ""), ("h", "codec=h265"), ("s", "audio=aac"), ("g", "audio=pcma")]
    with Site(FFMPEG, file="10s", cameras=cameras, start=False) as s:
        epoch = with_epoch(s)
        for id in "sg":
            s.call("PATCH", f"/cameras/{id}", {"audio": True})
        s.wait_live()
        wait_recording(s, "a", "h", "s", "g", seconds=60)
        argv = open(f"/proc/{children(s)['a']}/cmdline").read().split("\0")
        for a, b in (("-c", "copy"), ("-f", "segment"), ("-segment_time", "10"), ("-segment_atclocktime", "1")):
            assert any(argv[i : i + 2] == [a, b] for i in range(len(argv))), argv
        wait_for("three files", lambda: all(len(s.recordings(i)) >= 3 for i in "ahsg"), 60)
        running = next(r for r in s.recordings("a") if r["status"] == "recording")
        whole = fetch(s.base + f"/api/v1/recordings/{running['id']}/file", headers={"Authorization": "Bearer " + s.token}).body
        path = os.path.join(s.dir, "running.mp4")
        with open(path, "wb") as f:
            f.write(whole)
        decodes(path)
        assert children(s).keys() == set("ahsg") and s.get("/status")["recorder"] == "ffmpeg"
        stop_all(s)
        for id in "ah":
            at_their_time(s, id, epoch, 0.8)
        for id in "ahsg":
            settled(s, id)
            rows = sorted(s.recordings(id), key=lambda r: r["started_at"])
            for a, b in zip(rows[1:], rows[2:]):
                assert abs(when(b["started_at"]) - when(a["ended_at"])) < 0.002, (a, b)
                assert (when(b["started_at"]) + 0.6) % 10 < 3.2, b  # the next key frame behind the cut, by when it came
            for f in s.files(id):
                decodes(f)
            agree(s, id)
            stop, *begin = s.gaps(id)
            assert stop["reason"] == "stopped_by_user" and len(begin) <= 1, s.gaps(id)
            assert all(when(g["to"]) == when(rows[0]["started_at"]) and when(g["to"]) - when(g["from"]) < 8 for g in begin), begin
        streams = run("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", s.files("s")[-2])
        assert streams.stdout.split() == ["h264", "aac"], streams
        streams = run("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", s.files("g")[-2])
        assert streams.stdout.split() == ["h264", "flac"], streams
        assert len(run("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", s.files("a")[0]).stdout.split()) == 1
        assert not zombies(s)
        # What was recorded is footage like any other: an export over a file's cut, and a start over the stop.
        rows = sorted(s.recordings("h"), key=lambda r: r["started_at"])
        a = s.call("GET", f"/cameras/h/export.mp4?from={rows[1]['started_at']}&to={rows[2]['ended_at']}")
        assert a.status == 200, a.body
        with open(path, "wb") as f:
            f.write(a.body)
        decodes(path)
        s.post("/streams/start", {"camera_ids": ["a"]})
        wait_recording(s, "a")
        gap = s.gaps("a")[0]
        assert gap["reason"] == "stopped_by_user" and gap["to"], gap


@test("a child that is killed, or stands still, is replaced: its footage is cut to its last GOP, the time between is a gap")
def child_killed():
    with Site(FFMPEG, file="1h", cameras=[("a", ""), ("b", "")]) as s:
        s.wait_live()
        wait_recording(s, "a", "b")
        time.sleep(6)
        before = children(s)
        os.kill(before["a"], signal.SIGKILL)
        os.kill(before["b"], signal.SIGSTOP)
        killed = time.time()
        wait_for("another child", lambda: children(s).get("a") not in (None, before["a"]), 10)
        wait_recording(s, "a")
        wait_for("a second file", lambda: len(s.recordings("a")) == 2, 20)
        first = min(s.recordings("a"), key=lambda r: r["started_at"])
        assert first["status"] == "sealed" and killed - when(first["ended_at"]) < 3.5, (first, killed)
        wait_for("another child", lambda: children(s).get("b") not in (None, before["b"]), 40)
        wait_for("a second file", lambda: len(s.recordings("b")) == 2, 30)
        stop_all(s)
        for id, least in (("a", 0), ("b", 9)):
            agree(s, id)
            rows = sorted(s.recordings(id), key=lambda r: r["started_at"])
            missing = when(rows[1]["started_at"]) - when(rows[0]["ended_at"])
            lost = [g for g in s.gaps(id) if g["reason"] != "stopped_by_user" and when(g["from"]) > when(rows[0]["started_at"])]
            assert missing > least, rows
            assert [(g["from"], g["to"]) for g in lost] == ([(rows[0]["ended_at"], rows[1]["started_at"])] if missing > 2 else []), (lost, rows)
            report = frames(s.files(id))
            # The engine hands packets on every 200 to 350 ms: as good as that are the times of a child's first file.
            assert abs(report["missing"] - missing * 25) < 12 and report["repeated"] == report["reordered"] == 0, (report, missing)
        assert not zombies(s)


@test("Vigia killed: no child outlives it, and at the next start catalogue and disk agree; the time between is server_down")
def server_killed():
    with Site(FFMPEG, file="10s", cameras=[("a", ""), ("b", "")]) as s:
        s.wait_live()
        wait_recording(s, "a", "b")
        wait_for("two files", lambda: len(s.recordings("a")) >= 2, 30)
        time.sleep(3 - time.time() % 10 if time.time() % 10 < 3 else 10.3 - time.time() % 10)  # a file is just begun, or not yet taken over
        s.server.stop(signal.SIGKILL)
        wait_for("no child", lambda: not children(s), 5)
        time.sleep(4)
        s.start_server()
        wait_recording(s, "a", "b")
        time.sleep(4)
        for id in "ab":
            gap = [g for g in s.gaps(id) if g["reason"] == "server_down"]
            assert len(gap) == 1 and gap[0]["to"] and 3 < when(gap[0]["to"]) - when(gap[0]["from"]) < 15, s.gaps(id)
        stop_all(s)
        for id in "ab":
            agree(s, id)
            rows = sorted(s.recordings(id), key=lambda r: r["started_at"])
            gap = [g for g in s.gaps(id) if g["reason"] == "server_down"][0]
            assert gap["from"] in [r["ended_at"] for r in rows] and gap["to"] in [r["started_at"] for r in rows], (gap, rows)
            for f in s.files(id):
                decodes(f)
        assert not os.listdir(os.path.join(s.footage, ".vigia", "ffmpeg")), "a staging folder is left"
        s.server.stop()
        assert not children(s)


@test("a camera, or Vigia, that stands still for some seconds: the child stays, and no frame that was sent is missing")
def stall():
    with Site(FFMPEG, file="1h", cameras=[("a", ""), ("b", "")]) as s:
        s.wait_live()
        wait_recording(s, "a", "b")
        time.sleep(4)
        before = children(s)
        for process in (s.sim, s.server):
            process.p.send_signal(signal.SIGSTOP)
            time.sleep(3)
            process.p.send_signal(signal.SIGCONT)
            time.sleep(8)
        assert children(s) == before, (before, children(s))
        stop_all(s)
        for id in "ab":
            settled(s, id)
            agree(s, id)


@test("a camera that goes away and comes back: a no_signal gap between the last and the first frame, refused where it says no")
def camera_away():
    with Site(FFMPEG, file="1h", cameras=[("a", ""), ("no", "auth=digest&user=admin&password=outra")]) as s:
        s.wait_live("a")
        wait_recording(s, "a")
        time.sleep(5)
        s.sim.stop(signal.SIGKILL)
        wait_for("a gap", lambda: [g for g in s.gaps("a") if g["to"] is None], 30)
        assert s.stream("a")["recording_state"] == "not_recording"
        time.sleep(3)
        s.start_sim()
        wait_for("the end of the gap", lambda: all(g["to"] for g in s.gaps("a")), 60)
        wait_recording(s, "a")
        rows = sorted(s.recordings("a"), key=lambda r: r["started_at"])
        gaps = [g for g in s.gaps("a") if when(g["from"]) > when(rows[0]["started_at"])]  # not the wait for the first key frame
        assert {g["reason"] for g in gaps} == {"no_signal"} and gaps[-1]["from"] == rows[0]["ended_at"], (gaps, rows)
        assert gaps[0]["to"] == rows[-1]["started_at"], (gaps, rows)
        agree(s, "a")
        wait_for("a gap that says refused", lambda: [g for g in s.gaps("no") if g["reason"] == "refused" and g["to"] is None], 30)


@test("a camera whose clock runs away: another file begins, timed by arrival, and ends when its last frame came")
def clock_runs_away():
    with Site(FFMPEG, file="1h", cameras=[("a", "rate_off=30")]) as s:
        s.wait_live()
        wait_for("the clock seen through", lambda: "event=ffmpeg.clock camera=a" in s.said(), 90)
        before = len(s.recordings("a"))
        wait_for("another file", lambda: len(s.recordings("a")) > before and s.stream("a")["recording_state"] == "recording", 30)
        time.sleep(15)
        s.post("/streams/stop", {"all": True, "reason": "fim"})
        stopped = time.time()
        stop_all(s)
        agree(s, "a")
        assert s.said().count("event=ffmpeg.clock") == 1, s.said()
        last = max(s.recordings("a"), key=lambda r: r["started_at"])
        assert abs(when(last["ended_at"]) - stopped) < 1, (last, stopped)
        report = frames([os.path.join(s.footage, last["file_path"])])
        assert report["missing"] == report["repeated"] == report["reordered"] == 0, report
        shown = run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=dts_time", "-of", "csv=p=0",
                    os.path.join(s.footage, last["file_path"])).stdout.split()
        times = [float(t.rstrip(",")) for t in shown]
        steps = sorted(b - a for a, b in zip(times, times[1:]))
        assert abs((times[-1] - times[0]) / (len(times) - 1) - 1 / 30) < 0.003, (len(times), times[-1])  # 15 s
        assert steps[0] > 0 and steps[len(steps) // 20] > 0.01 and steps[-len(steps) // 20] < 0.1, steps  # even, though packets come in bursts


@test("the gap behind a child begins where its file really ends, GOPs longer than fragments or not")
def long_gops():
    with Site(FFMPEG, file="1h", cameras=[("a", "gop=250")]) as s:
        s.wait_live()
        wait_recording(s, "a", seconds=60)
        (path,) = s.files("a")
        grown, last, size = 0, time.time(), os.path.getsize(path)
        while not (0 < grown < 3):  # a fragment that a key frame ended: the next one is 4 s away
            time.sleep(0.05)
            if os.path.getsize(path) != size:
                grown, last, size = time.time() - last, time.time(), os.path.getsize(path)
        time.sleep(3.7)
        os.kill(children(s)["a"], signal.SIGTERM)
        wait_for("a second file", lambda: len(s.recordings("a")) == 2, 40)
        first, second = sorted(s.recordings("a"), key=lambda r: r["started_at"])
        gaps = [g for g in s.gaps("a") if when(g["from"]) > when(first["started_at"])]
        assert [(g["from"], g["to"]) for g in gaps] == [(first["ended_at"], second["started_at"])], (gaps, first, second)


@test("timestamps that jump ahead: no gap lies over the footage behind the jump")
def timestamps_jump():
    with Site(FFMPEG, file="1h", cameras=[("a", "ts_jump=10/20")]) as s:
        s.wait_live()
        wait_recording(s, "a")
        wait_for("a second file", lambda: len(s.recordings("a")) == 2, 60)
        time.sleep(3)
        first, second = sorted(s.recordings("a"), key=lambda r: r["started_at"])
        gaps = [g for g in s.gaps("a") if when(g["from"]) > when(first["started_at"])]
        assert all(g["to"] and when(g["to"]) <= when(second["started_at"]) for g in gaps), (gaps, first, second)


@test("no password in the process list, the log or an answer")
def secrets():
    with Site(FFMPEG, cameras=[("a", "auth=basic&user=admin&password=c0fre-%40-forte")], start=False) as s:
        s.cameras = []
        s.start()
        s.add_city("lapa")
        for id, port in (("a", s.rtsp_port), ("away", 9)):
            s.post("/cameras", {"id": id, "city_id": "lapa", "name": id,
                                "rtsp_url": f"rtsp://admin:c0fre-%40-forte@127.0.0.1:{port}/{id}?auth=basic&user=admin&password=c0fre-%40-forte"})
        s.post("/streams/start", {"all": True})
        wait_recording(s, "a")
        seen = b""
        for _ in range(40):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    seen += open(f"/proc/{pid}/cmdline", "rb").read() + b"\n"
                except (FileNotFoundError, ProcessLookupError):
                    pass
            time.sleep(0.1)
        assert b"-segment_time" in seen and b"c0fre" not in seen
        assert "camera.lost" in s.said() and "c0fre" not in s.said(), s.said()
        assert "c0fre" not in fetch(s.base + "/api/v1/streams", headers={"Authorization": "Bearer " + s.token}).text


def with_epoch(s):
    """The cameras' frames are numbered from now on: frame n happens at now + n / 25."""
    epoch = time.time()
    s.sim.cmd += ["--epoch", str(int(epoch * 1e6))]
    s.start()
    return epoch


def at_their_time(s, id, epoch, within):
    """What a file says of when its frames were is when they were."""
    for r in s.recordings(id):
        report = frames([os.path.join(s.footage, r["file_path"])])
        for said, frame in ((r["started_at"], report["first"]), (r["ended_at"], report["last"] + 1)):
            assert abs(when(said) - epoch - frame / 25) < within, (r, report, when(said) - epoch - frame / 25)


@test("the provider's HLS as input: recorded, at its time, nobody counted as a viewer, the camera pulled once")
def over_hls():
    with Site(FFMPEG + "ffmpeg: {input: hls}\n", file="10s", cameras=[("a", "")], start=False) as s:
        epoch = with_epoch(s)
        s.wait_live()
        wait_recording(s, "a", seconds=40)
        wait_for("two whole files", lambda: len(s.recordings("a")) >= 3, 60)
        assert s.stream("a")["viewers"] == 0
        stop_all(s)
        settled(s, "a")
        agree(s, "a")
        at_their_time(s, "a", epoch, 1.2)
        for f in s.files("a"):
            decodes(f)


@test("a disk that fills up: disk_full, and recording comes back when there is room")
def disk_full():
    folder = os.path.join("/tmp", f"vigia-ffmpeg-{os.getpid()}")
    os.mkdir(folder)
    if os.getuid() or run("mount", "-t", "tmpfs", "-o", "size=60m", "none", folder).returncode:
        os.rmdir(folder)
        raise Skip("needs root and mounts")
    try:
        with Site(FFMPEG, volumes=[folder], cameras=[("a", "clip=hd")], file="10s") as s:
            s.wait_live()
            wait_recording(s, "a")
            s.post("/holds", {"camera_ids": ["a"], "from": "2020-01-01T00:00:00Z", "to": "2040-01-01T00:00:00Z", "reason": "teste"})
            ballast = os.path.join(folder, "ballast")
            run("dd", "if=/dev/zero", f"of={ballast}", "bs=64k", timeout=30)
            wait_for("disk_full", lambda: [g for g in s.gaps("a") if g["reason"] == "disk_full" and g["to"] is None], 60)
            assert s.stream("a")["status"] == "live"
            os.unlink(ballast)
            wait_for("the end of it", lambda: all(g["to"] for g in s.gaps("a")), 60)
            wait_recording(s, "a")
            stop_all(s)
            agree(s, "a")
    finally:
        run("umount", "-l", folder)
        shutil.rmtree(folder, ignore_errors=True)


@test("ffmpeg missing, too old, or something else: said at the start")
def no_ffmpeg():
    with Site(FFMPEG, start=False, camsim=False) as s:
        program = os.path.join(s.dir, "program")
        for text, word in ((None, "cannot be run"), ("echo ffmpeg version 4.3.6 Copyright", "version 4.3.6; 5.0 or newer"),
                           ("echo hello", "is not an ffmpeg")):
            if text:
                with open(program, "w") as f:
                    f.write("#!/bin/sh\n" + text + "\n")
                os.chmod(program, stat.S_IRWXU)
            with open(s.yaml, "a" if text is None else "r") as f:
                if text is None:
                    f.write(f"ffmpeg: {{path: {program}}}\n")
            r = run(VIGIA, "serve", "-c", s.yaml, env=s.env, timeout=30)
            assert r.returncode == 1 and word in r.stderr, (word, r)


main()
