# timeout: 180
# lane: 2
"""The live wall's stream: what comes is what the camera sent, decodes, and follows it through everything; a slow reader loses whole GOPs."""
import os
import signal
import time

from _live import *
from _site import *


def add_user(s, name, role="viewer", cities=("lapa",)):
    s.post("/users", {"name": name, "password": PASSWORD, "role": role, "cities": list(cities)})
    return fetch(s.base + "/api/v1/session", "POST", json.dumps({"user": name, "password": PASSWORD}).encode(),
                 {"Content-Type": "application/json"}).json["token"]


def decodes_epochs(s, live, tile):
    for init in live.inits(tile):
        path = os.path.join(s.dir, f"{tile}-{init.epoch}.mp4")
        live.save(tile, init.epoch, path)
        decodes(path)


def steps(pieces):
    """Between which pieces something is missing: seconds from the end of one to the beginning of the next."""
    return [b.wall - a.wall - a.duration for a, b in zip(pieces, pieces[1:])]


@test("every tile begins with a key frame, loses no fragment and decodes: H.264, B-frames, H.265, sound; viewers are counted and forgotten")
def tiles():
    with Site(cameras=[("a", ""), ("c", "codec=h265")]) as s:
        s.add_camera("b", "clip=bframes&audio=aac", audio=True)
        s.post("/streams/start", {"camera_ids": ["b"]})
        s.wait_live()
        wait_for("a window", lambda: fetch(s.stream("b")["hls_url"]).status == 200)
        with Live(s, [(1, "a"), (2, "b", "main", True), (3, "c"), (4, "b"), (9, "nenhuma")]) as live:
            assert live.status == 200 and "application/octet-stream" in live.head, live.head
            wait_for("pictures", lambda: all(len(live.media(t)) > 25 for t in (1, 2, 3, 4)) and len(live.audio(2)) > 10)
            assert s.stream("a")["viewers"] == s.stream("b")["viewers"] == 1
            for t, mime in ((1, "avc1."), (2, "avc1."), (3, "hvc1."), (4, "avc1.")):
                assert mime in live.inits(t)[0].mime and live.inits(t)[0].mime.startswith("video/mp4"), live.inits(t)
                assert all(abs(gap) < 0.01 for gap in steps(live.media(t))), steps(live.media(t))
                state = live.state(t)
                assert (state["status"], state["quality"], state["why"], state["width"]) == ("live", "main", None, 640), state
                assert state["codec"] in live.inits(t)[0].mime, state
            assert live.state(2)["audio"] and live.audio(2)[0].mime == f'audio/mp4; codecs="{live.state(2)["audio"]}"'
            assert not live.audio(4) and not live.pieces.get(9)
            assert live.state(9)["status"] == "refused", live.states
            # A camera's place on the wall changes: the others go on as they are.
            before = len(live.inits(1)), len(live.inits(3))
            live.put([(1, "a"), (2, "c"), (3, "c")])
            wait_for("the other camera", lambda: "hvc1." in live.inits(2)[-1].mime and len(live.video(2, live.inits(2)[-1].epoch)) > 5)
            assert before == (len(live.inits(1)), len(live.inits(3)))
        live.check()
        for t in (1, 2, 3, 4):
            decodes_epochs(s, live, t)
        sound = os.path.join(s.dir, "sound.mp4")
        live.save(2, live.audio(2)[0].epoch, sound, audio=True)
        decodes(sound)
        assert len(live.clocks) >= 2 and all(abs(told - had) < 5 for told, had in live.clocks), live.clocks
        wait_for("no viewers", lambda: s.stream("a")["viewers"] == 0)
        rows = s.get("/audit?action=live.open&limit=100")["items"]
        assert {r["object"] for r in rows} == {"camera:a", "camera:b", "camera:c"}, rows


@test("a lost camera says so and comes back as a new epoch; a stopped stream likewise; nothing old is sent")
def comes_back():
    with Site(cameras=[("a", ""), ("b", "")]) as s:
        s.wait_live()
        with Live(s, [(1, "a"), (2, "b")]) as live:
            wait_for("pictures", lambda: len(live.media(1)) > 5 and len(live.media(2)) > 5)
            s.sim.stop()
            wait_for("both lost", lambda: all(live.state(t)["status"] == "reconnecting" for t in (1, 2)))
            lost = live.state(1)
            assert lost["why"] == "no_signal" and lost["error"] and when(lost["last_frame_at"]) >= live.media(1)[-1].wall, lost
            # Who comes now gets the state and no picture.
            with Live(s, [(1, "a")]) as late:
                wait_for("the state", lambda: late.state(1))
                time.sleep(1)
                assert not late.pieces and late.state(1)["status"] == "reconnecting", late.pieces
            s.start_sim()
            wait_for("both back", lambda: all(len(live.inits(t)) == 2 and len(live.video(t, live.inits(t)[1].epoch)) > 5 for t in (1, 2)), 40)
            s.post("/streams/stop", {"camera_ids": ["b"], "reason": "x"})
            wait_for("stopped", lambda: live.state(2)["status"] == "stopped")
            s.post("/streams/start", {"camera_ids": ["b"]})
            wait_for("started", lambda: len(live.inits(2)) == 3 and len(live.video(2, live.inits(2)[2].epoch)) > 5, 30)
            assert live.state(2)["status"] == "live" and len(live.inits(1)) == 2
        live.check()
        for t in (1, 2):
            decodes_epochs(s, live, t)


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


@test("a slow reader loses whole GOPs and says so; a fast one beside it loses nothing")
def slow():
    with Site(cameras=[("a", "")]) as s:
        s.wait_live()

        def pace(live):  # half of what there is to read
            begun.append(time.monotonic())
            time.sleep(max(0, live.bytes / (8 * 37500 / 2) - (begun[-1] - begun[0])))

        begun = []
        tiles = [(t, "a") for t in range(1, 9)]
        with Live(s, [(1, "a")]) as fast, Live(s, tiles, pace=pace, rcvbuf=8192) as live:
            wait_for("losses", lambda: len([g for g in steps(live.media(1)) if g > 0.01]) >= 3, 60)
            assert any(state["why"] == "slow" for state in live.states[1]), live.states[1]
            live.pace = None
            wait_for("nothing lost any more", lambda: live.state(1)["why"] is None, 30)
            keys = [p.wall for p in fast.media(1) if p.flags & INDEPENDENT]
            assert all(abs(g) < 0.01 for g in steps(fast.media(1))), steps(fast.media(1))
        live.check()
        for t in (1, 5, 8):
            pieces = live.media(t)
            for a, b in zip(pieces, pieces[1:]):
                end = a.wall + a.duration
                if b.wall - end > 0.01:
                    assert b.flags & INDEPENDENT, (t, b)
                    assert end < keys[0] or any(abs(end - k) < 0.05 for k in keys), (t, end, keys)  # what was begun is whole
        decodes_epochs(s, live, 1)


@test("who may no longer see is cut off: a city taken away ends its tiles, a user who is disabled his streams; a session that ends, too")
def rights():
    with Site(cameras=[("a", "")]) as s:
        s.add_city("outra")
        s.add_camera("z", "", city="outra")
        s.post("/streams/start", {"camera_ids": ["z"]})
        s.wait_live()
        ana = add_user(s, "ana", cities=("lapa", "outra"))
        with Live(s, [(1, "a"), (2, "z")], token=ana) as live, Live(s, [(1, "a")]) as other:
            wait_for("pictures", lambda: live.media(1) and live.media(2))
            a = s.call("PATCH", "/users/ana", {"cities": ["lapa"]})
            assert a.status == 200, a.body
            wait_for("the tile's end", lambda: live.state(2)["status"] == "refused", 10)
            n, m = len(live.media(1)), len(live.media(2))
            wait_for("the other tile", lambda: len(live.media(1)) > n + 5)
            assert len(live.media(2)) == m
            s.delete("/users/ana")
            assert live.ended.wait(10)
            n = len(other.media(1))
            wait_for("the others", lambda: len(other.media(1)) > n + 5)
            assert s.call("DELETE", f"/live/{other.session}").status == 204
            assert other.ended.wait(10)


main()
