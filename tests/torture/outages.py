# timeout: 900
"""The browser over long outages: a minute without the camera, then half a minute without the server."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from _browser import open_players
from _site import *

AWAY_S = float(os.environ.get("VIGIA_TORTURE_OUTAGE_S", "60"))


@test(f"the page plays on by itself after {AWAY_S:.0f} s without its camera, again and again")
def camera_away():
    with Site(cameras=[("portao", ""), ("slow", "fps=12.5")], file="20s") as s:
        s.add_camera("audio", "audio=aac", audio=True)
        s.post("/cameras/audio/stream")
        s.wait_live()
        with open_players(s, "portao", "slow", "audio") as players:
            for id in players.names:
                players.advances(id, 3, 40)
            for _ in range(2):
                s.sim.stop(signal.SIGKILL)
                time.sleep(AWAY_S)
                s.start_sim()
                s.wait_live(seconds=90)
                back = time.time()
                for id in players.names:
                    players.advances(id, 3, 60)
                    print(f"# {id} plays {time.time() - back:.1f} s after the camera came back", flush=True)
                time.sleep(8)
                for id in players.names:
                    players.tell(id, "after the outage", time.time() - 5)
            assert players.loads() == 1


@test(f"the page plays on by itself after {AWAY_S / 2:.0f} s without the server")
def server_away():
    with Site(cameras=[("portao", "")]) as s:
        s.wait_live()
        with open_players(s, "portao") as players:
            players.advances("portao", 3, 40)
            for pause in (1, 5, AWAY_S / 2):
                s.server.stop(signal.SIGKILL)
                time.sleep(pause)
                s.start_server()
                s.wait_live()
                back = time.time()
                players.advances("portao", 3, 90)
                print(f"# {pause:.0f} s away: plays {time.time() - back:.1f} s after the camera was live again", flush=True)
                time.sleep(10)
                players.tell("portao", "after the restart", time.time() - 5)
            assert players.loads() == 1


main()
