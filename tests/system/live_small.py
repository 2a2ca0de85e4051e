# timeout: 180
# lane: 2
"""Small streams beside the main ones, the latest key frame, and the last half minute played back while it is recorded."""
import os
import re
import signal
import time

from _live import *
from _site import *


def sim_cameras(s):
    """What camsim says of its cameras now."""
    path = os.path.join(s.dir, "camsim.json")
    if os.path.exists(path):
        os.unlink(path)
    s.sim.p.send_signal(signal.SIGUSR1)

    def read():
        try:
            return json.load(open(path))
        except (OSError, ValueError):
            return None

    return {c["camera"]: c for c in wait_for("camsim's numbers", read)["cameras"]}


@test("a small stream is pulled while somebody watches it, is never recorded, and gives way to the main one and comes back without a hole")
def small():
    with Site() as s:
        s.add_city("lapa")
        s.add_camera("a", "clip=hd", live_url=s.rtsp("a-small", "clip=small&fps=15"))
        s.add_camera("b", "", live_url=s.rtsp("b-small", "refuse"))
        s.add_camera("c", "")
        s.post("/streams/start", {"all": True})
        s.wait_live()
        assert "a-small" not in sim_cameras(s)
        files = set(os.listdir(os.path.join(s.footage, "lapa")))
        with Live(s, [(1, "a", "small"), (2, "a", "small"), (3, "b", "small"), (4, "c", "small")]) as live:
            wait_for("small", lambda: len(live.media(1)) > 3 and len(live.media(2)) > 3)
            assert (live.state(1)["quality"], live.state(1)["width"], live.state(1)["height"], live.state(1)["fps"]) == ("small", 320, 180, 15)
            assert sim_cameras(s)["a-small"]["open"] == 1  # one for all who watch
            wait_for("what stands in", lambda: live.media(3) and live.media(4))
            assert (live.state(3)["quality"], live.state(3)["why"], live.state(3)["width"]) == ("main", "small_unavailable", 640), live.state(3)
            assert (live.state(4)["quality"], live.state(4)["why"]) == ("main", None), live.state(4)
            live.put([(1, "a"), (2, "a", "small"), (3, "b"), (4, "c", "small")])
            wait_for("the main stream", lambda: live.state(1)["quality"] == "main" and live.media(1)[-1].epoch == live.inits(1)[-1].epoch)
            live.put([(1, "a", "small"), (2, "a", "small"), (3, "b"), (4, "c", "small")])
            wait_for("small again", lambda: live.state(1)["quality"] == "small" and len(live.video(1, live.inits(1)[-1].epoch)) > 3)
            assert [i.mime == live.inits(1)[0].mime for i in live.inits(1)] == [True, False, True]
            # In between there are always pictures: what comes begins no later than what was there ends.
            for before, after in ((0, 1), (1, 2)):
                last = live.video(1, live.inits(1)[before].epoch)[-1]
                first = live.video(1, live.inits(1)[after].epoch)[1]
                assert first.wall <= last.wall + last.duration + 0.3, (first.wall, last.wall, last.duration)
            assert all(abs(gap) < 0.01 for gap in steps(live.media(2)))
            assert s.stream("a")["viewers"] == 1 and s.get("/status")["cameras"]["live"] == 3
            # It goes away for a while: the main one stands in.
            s.call("PATCH", "/cameras/a", {"live_url": s.rtsp("a-other", "clip=small&fps=15&refuse")})
            wait_for("the main stream", lambda: live.state(2)["quality"] == "main" and live.state(2)["why"] == "small_unavailable", 30)
            s.call("PATCH", "/cameras/a", {"live_url": s.rtsp("a-third", "clip=small&fps=15")})
            wait_for("small again", lambda: live.state(2)["quality"] == "small", 30)
            k = s.call("GET", "/cameras/a/keyframe.mp4?quality=small")
            assert k.status == 200, k.body
        live.check()
        for t in (1, 2, 3, 4):
            decodes_epochs(s, live, t)
        wait_for("nobody pulls it", lambda: not any(c["open"] for name, c in sim_cameras(s).items() if "small" in name or "third" in name), 30, 1)
        assert s.call("GET", "/cameras/a/keyframe.mp4?quality=small").status == 404
        assert files == set(os.listdir(os.path.join(s.footage, "lapa"))) == {"a", "b", "c"}
        assert not [g for i in "abc" for g in s.gaps(i)] and len(s.get("/recordings")["items"]) == 3


@test("the latest key frame decodes to one picture, of a camera that is watched, unwatched, unrecorded, lost; without one it says why")
def keyframe():
    def picture(s, id):
        a = s.call("GET", f"/cameras/{id}/keyframe.mp4")
        if a.status != 200:
            return None
        path = os.path.join(s.dir, "key.mp4")
        with open(path, "wb") as f:
            f.write(a.body)
        decodes(path)
        probe = run("ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", path)
        assert probe.stdout.split()[0].strip(",") == "1", probe.stdout
        return when(a.headers["X-Frame-At"])

    with Site(cameras=[("a", "clip=bframes"), ("long", "gop=500"), ("c", "codec=h265")]) as s:
        s.add_camera("u", "", record=False)
        s.add_camera("parada", "")
        s.post("/streams/start", {"camera_ids": ["u"]})
        s.wait_live("a", "long", "c", "u")
        first = {i: wait_for(f"a picture of {i}", lambda i=i: picture(s, i)) for i in ("a", "long", "c", "u")}
        time.sleep(8)  # of the long GOP's begin nothing is in memory any more
        for i in ("a", "c", "u"):
            assert first[i] < picture(s, i) <= time.time(), i
        assert picture(s, "long") == first["long"]
        s.sim.stop()
        wait_for("lost", lambda: s.stream("a")["status"] == "reconnecting")
        assert first["a"] < picture(s, "a") < time.time()
        gone = s.call("GET", "/cameras/parada/keyframe.mp4")
        assert gone.status == 404 and "stopped" in gone.json["detail"], gone.body


@test("what was recorded until just now plays back: every segment says its time, a hole begins a new one, and no more than three seconds are not there yet")
def until_now():
    with Site(cameras=[("a", ""), ("stalls", "stall=4/11")]) as s:
        s.wait_live()
        time.sleep(22)
        for id in ("a", "stalls"):
            now = time.time()
            span = "&".join(f"{k}={time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(v))}" for k, v in (("from", now - 30), ("to", now + 1)))
            path = f"/cameras/{id}/playback.m3u8?{span}"
            text = s.call("GET", path).text
            segments = [(when(at), float(length), bool(cut)) for cut, at, length in
                        re.findall(r"(#EXT-X-DISCONTINUITY\n)?(?:#EXT-X-MAP[^\n]*\n)?#EXT-X-PROGRAM-DATE-TIME:(\S+)\n#EXTINF:([0-9.]+)", text)]
            assert len(segments) == text.count("#EXTINF") >= 2, text
            for (at, length, _), (after, _, cut) in zip(segments, segments[1:]):
                hole = after - at - length
                assert cut == (hole > 0.5) and hole > -0.01, text
            assert any(cut for _, _, cut in segments) == (id == "stalls"), text
            at, length, _ = segments[-1]
            if id == "a":
                assert 0 < now - at - length <= 3.5, (now, text)
            playlist = os.path.join(s.dir, "replay.m3u8")
            with open(playlist, "w") as f:
                f.write(text.replace("../../recordings/", s.base + "/api/v1/recordings/"))
            r = run("ffmpeg", "-v", "error", "-protocol_whitelist", "file,http,tcp", "-allowed_extensions", "ALL", "-extension_picky", "0", "-i", playlist, "-f", "null", "-")
            if "extension_picky" in r.stderr:
                r = run("ffmpeg", "-v", "error", "-protocol_whitelist", "file,http,tcp", "-allowed_extensions", "ALL", "-i", playlist, "-f", "null", "-")
            assert r.returncode == 0, r.stderr


main()
