# timeout: 240
"""A real browser: Chromium with hls.js in a page of another origin. It is attached once and goes on by itself, over a file cut, over an
outage of the camera, over kill -9 of the server."""
import os
import signal
import time

from _browser import open_players
from _site import *

OUTAGE_S = float(os.environ.get("VIGIA_OUTAGE_S", "25"))


@test("hls.js plays live with low latency, over file cuts, with audio where the camera has it")
def plays():
    with Site(cameras=[("portao", "")], file="10s") as s:
        s.add_camera("audio", "audio=aac", audio=True)
        s.post("/cameras/audio/stream")
        s.wait_live()
        with open_players(s, "portao", "audio") as players:
            for id in ("portao", "audio"):
                players.advances(id, 2, 30)
            began = time.time()
            time.sleep(22)
            for id in ("portao", "audio"):
                players.advances(id, 2)
                players.tell(id, "live, two file cuts", began)
            for id in ("portao", "audio"):
                now = players.now(id)
                assert now["lowLatency"] and now["parts"] > 0, now
                assert now["recoveries"] == 0 and not players.errors(fatal=True), players.errors()
                assert players.stalled(id, began) < 3, players.history[id]
                assert len(s.files(id)) >= 3, s.files(id)
            assert players.now("audio")["audio"] > 0, players.now("audio")
            assert any(e["event"] == "manifest" and e["audio"] for e in players.events), players.events
            assert players.loads() == 1


@test("hls.js stays attached over an outage of the camera and over kill -9 of the server")
def goes_on():
    with Site(cameras=[("portao", "")]) as s:
        s.wait_live()
        with open_players(s, "portao") as players:
            players.advances("portao", 3, 30)
            s.sim.stop(signal.SIGKILL)
            away = time.time()
            time.sleep(OUTAGE_S)
            s.start_sim()
            s.wait_live("portao", seconds=60)
            back = time.time()
            print(f"# the camera was away {back - away:.1f} s", flush=True)
            players.advances("portao", 3, 30)
            print(f"# plays {time.time() - back:.1f} s after it came back", flush=True)
            time.sleep(4)
            players.tell("portao", "after the outage", time.time() - 4)
            s.server.stop(signal.SIGKILL)
            time.sleep(2)
            s.start_server()
            s.wait_live("portao")
            back = time.time()
            players.advances("portao", 3, 60)
            print(f"# plays {time.time() - back:.1f} s after the server came back", flush=True)
            time.sleep(4)
            players.tell("portao", "after the restart", time.time() - 4)
            assert players.loads() == 1


main()
