# timeout: 180
# lane: 2
"""The live wall's stream: what comes is what the camera sent, decodes, and follows it through everything; a slow reader loses whole GOPs."""
import os
import time

from _live import *
from _site import *


def add_user(s, name, role="viewer", cities=("lapa",)):
    s.post("/users", {"name": name, "password": PASSWORD, "role": role, "cities": list(cities)})
    return fetch(s.base + "/api/v1/session", "POST", json.dumps({"user": name, "password": PASSWORD}).encode(),
                 {"Content-Type": "application/json"}).json["token"]


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
            # One is when it came, the other when it was made, by the camera's clock as far as it is known.
            assert lost["why"] == "no_signal" and lost["error"] and when(lost["last_frame_at"]) >= live.media(1)[-1].wall - 1, (lost, live.media(1)[-1].wall)
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
