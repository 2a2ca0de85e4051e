# timeout: 300
"""The main job: live, recorded, cut, stopped, crashed, brought back. Small forms of what tests/torture does for minutes."""
import os
import re
import signal
import time

from _site import *


@test("ffprobe, ffmpeg and GStreamer play a live stream; viewers are counted and forgotten")
def players():
    with Site(cameras=[("portao", ""), ("praca", "codec=h265")]) as s:
        s.wait_live()
        url = wait_for("a playlist", lambda: s.stream("portao")["hls_url"])
        wait_for("the first GOP", lambda: fetch(url).status == 200)
        probe = run("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", url)
        assert probe.stdout.split()[0] == "h264,640,360", probe
        hls_playable(url)
        assert s.stream("portao")["viewers"] >= 1
        h265 = s.stream("praca")["hls_url"]
        wait_for("the first GOP", lambda: fetch(h265).status == 200)
        hls_playable(h265)
        # hlsdemux does not pass an end on: the pipeline runs for a while and its frames are counted.
        gst = run("timeout", "12", "gst-launch-1.0", "-v", "souphttpsrc", f"location={s.stream('portao')['hls_url']}", "!", "hlsdemux", "!", "parsebin",
                  "!", "decodebin", "!", "fakesink", "silent=false")
        assert gst.stdout.count("chain") > 60 and "ERROR" not in gst.stdout + gst.stderr, (gst.stdout[-1500:], gst.stderr[-1500:])
        wait_for("no viewers", lambda: s.stream("portao")["viewers"] == 0, 40)


@test("a file cut and a stop and start lose no frame outside the stop; the stop is a gap that says who and why")
def cut_and_stop():
    with Site(cameras=[("a", ""), ("b", "clip=bframes"), ("c", "fps=29.97&audio=aac")], file="10s") as s:
        s.wait_live()
        time.sleep(14)
        stopped = s.call("DELETE", "/cameras/a/stream", {"reason": "poda da árvore"})
        assert stopped.status == 200 and stopped.json["status"] == "stopped", stopped.body
        time.sleep(3)
        s.post("/cameras/a/stream")
        s.wait_live("a")
        time.sleep(4)
        s.post("/streams/stop", {"all": True, "reason": "fim"})
        wait_for("sealed files", lambda: all(r["status"] == "sealed" for i in "abc" for r in s.recordings(i)))
        for i in "abc":
            files = s.files(i)
            assert len(files) >= 2, files
            for f in files:
                decodes(f)
        for i in "bc":
            report = frames(s.files(i))
            assert report["missing"] == report["repeated"] == report["reordered"] == report["time_backwards"] == 0, report
        a = frames(s.files("a"))
        assert a["missing_ranges_total"] == 1 and a["repeated"] == 0, a
        gap = next(g for g in s.gaps("a") if g["reason"] == "stopped_by_user" and g["to"])
        assert gap["note"] == "poda da árvore" and gap["by"], gap
        lost = (when(gap["to"]) - when(gap["from"])) * 25
        assert abs(lost - a["missing"]) <= 50, (lost, a["missing"])  # a GOP's wait for the next key frame
        # The catalogue and the disk say the same.
        for r in s.recordings("a"):
            path = os.path.join(s.footage, r["file_path"])
            assert os.path.getsize(path) == r["size_bytes"], r


@test("kill -9 costs at most 3 s and no file; what was started comes back, what was stopped stays stopped")
def crash():
    with Site(cameras=[("a", ""), ("b", ""), ("parada", "")]) as s:
        s.wait_live()
        s.post("/streams/stop", {"camera_ids": ["parada"], "reason": "x"})
        time.sleep(14)  # a row tells by then how far the file reaches: it is sealed beside the new recording
        s.server.stop(signal.SIGKILL)
        died = time.time()
        time.sleep(3)
        s.start_server()
        s.wait_live("a", "b")
        assert s.stream("parada")["status"] == "stopped"
        time.sleep(5)
        for i in "ab":
            old = min(s.recordings(i), key=lambda r: r["started_at"])
            assert old["status"] == "sealed" and died - when(old["ended_at"]) <= 3.5, (old, died)
            gap = wait_for("the gap", lambda: [g for g in s.gaps(i) if g["reason"] == "server_down" and g["to"]])[0]
            assert abs(when(gap["from"]) - when(old["ended_at"])) < 0.1, (gap, old)
        s.server.stop()
        for i in "ab":
            for f in s.files(i):
                decodes(f)
            report = frames(s.files(i))
            assert report["missing_ranges_total"] == 1 and report["repeated"] == 0, report
        assert "parada" not in [d for d in os.listdir(os.path.join(s.footage, "lapa")) if len(s.files(d)) > 1]


@test("a file being written plays up to its last fragment")
def open_file():
    with Site(cameras=[("a", "")]) as s:
        s.wait_live()
        time.sleep(6)
        source = s.files("a")[-1]
        copy = os.path.join(s.dir, "copy.mp4")
        run("cp", source, copy)
        decodes(copy)
        assert frames([copy])["missing"] == 0


@test("unwatched cameras' packets gather; a viewer ends that for its camera alone, loses no frame by it, and a stop takes what had gathered")
def gathering():
    def metric(s, name):
        text = s.fetch_metrics()
        return int(float(re.search(rf"^vigia_{name} (\S+)$", text, re.M)[1]))

    with Site(cameras=[("a", ""), ("b", "fps=12.5"), ("slow", "fps=5")]) as s:
        s.wait_live()
        # A camera of few frames a second has none to take together.
        wait_for("two gathering", lambda: metric(s, "cameras_gathering") == 2, 30)
        opened = fetch(s.stream("a")["hls_url"])
        assert opened.status == 200, opened.body
        wait_for("one gathering", lambda: metric(s, "cameras_gathering") == 1, 5)
        hls_playable(s.stream("a")["hls_url"])
        s.post("/streams/stop", {"all": True})
        wait_for("sealed files", lambda: all(r["status"] == "sealed" for i in ("a", "b", "slow") for r in s.recordings(i)))
        assert metric(s, "cameras_gathering") == 0
        for i in ("a", "b", "slow"):
            report = frames(s.files(i))
            assert report["missing"] == report["repeated"] == report["reordered"] == report["time_backwards"] == 0, report
            assert not s.gaps(i) or all(g["reason"] == "stopped_by_user" for g in s.gaps(i)), s.gaps(i)


@test("an outage is a gap with its reason; the stream comes back by itself into the same file")
def outage():
    with Site(cameras=[("a", ""), ("recusada", "rtsp://admin:errada@127.0.0.1:{port}/recusada?auth=digest")], start=False) as s:
        s.cameras[1] = ("recusada", f"rtsp://admin:errada@127.0.0.1:{s.rtsp_port}/recusada?auth=digest")
        s.start()
        s.wait_live("a")
        time.sleep(5)
        s.sim.stop(signal.SIGKILL)
        wait_for("reconnecting", lambda: s.stream("a")["status"] == "reconnecting")
        wait_for("an open gap", lambda: [g for g in s.gaps("a") if g["reason"] == "no_signal" and g["to"] is None])
        assert s.stream("a")["recording_state"] == "not_recording"
        s.start_sim()
        s.wait_live("a", seconds=40)
        gap = wait_for("a closed gap", lambda: [g for g in s.gaps("a") if g["reason"] == "no_signal" and g["to"]])[0]
        assert 2 < when(gap["to"]) - when(gap["from"]) < 40, gap
        assert len(s.files("a")) == 1
        # It too was cut off: its own next attempt may come later.
        refused = wait_for("the refusal again", lambda: (lambda r: "401" in (r["last_error"] or "") and r)(s.stream("recusada")), 40)
        assert refused["status"] == "reconnecting", refused
        assert "errada" not in s.said() and "errada" not in str(refused)
        wait_for("the refusal's gap", lambda: [g for g in s.gaps("recusada") if g["reason"] == "refused"], 30)
        s.server.stop()
        decodes(s.files("a")[0])


main()
