"""A Vigia with simulated cameras for tests of the page that are written in JavaScript (_page.mjs starts this). One line of JSON on standard
input says what is wanted, one on standard output where it is; it ends when standard input does. Further lines are orders:
{"do": "stop_server"|"start_server"|"kill_server"|"stop_sim"|"start_sim"}, answered by {"done": ...}."""
import json
import signal
import sys

from _site import CAMSIM, CLIPS, PASSWORD, Site, run


def main():
    wanted = json.loads(sys.stdin.readline())
    with Site(wanted.get("config", ""), file=wanted.get("file", "1h"), start=False) as site:
        if wanted.get("demo"):  # the cameras of `make run`, and their past
            site.sim.cmd.append("--demo")
        site.start_sim()
        if wanted.get("demo"):
            listed = run(CAMSIM, "--port", str(site.rtsp_port), "--demo", "--list")
            site.cli("demo", "seed", "--clips", CLIPS, stdin=listed.stdout)
        site.start_server()
        for city in wanted.get("cities", [] if wanted.get("demo") else [{"id": "lapa"}]):
            site.add_city(**city)
        for camera in wanted.get("cameras", []):
            site.add_camera(**camera)
        if (wanted.get("cameras") or wanted.get("demo")) and wanted.get("started", True):
            site.post("/streams/start", {"all": True})
        print(json.dumps({"base": site.base, "token": site.token, "password": PASSWORD, "rtsp_port": site.rtsp_port, "footage": site.footage, "dir": site.dir,
                          "clips": CLIPS, "yaml": site.yaml}), flush=True)
        for line in sys.stdin:
            do = json.loads(line)["do"]
            if do == "stop_server":
                site.server.stop()
            elif do == "kill_server":
                site.server.stop(signal.SIGKILL)
            elif do == "start_server":
                site.start_server()
            elif do == "stop_sim":
                site.sim.stop()
            elif do == "start_sim":
                site.start_sim()
            print(json.dumps({"done": do, "token": site.token}), flush=True)


main()
