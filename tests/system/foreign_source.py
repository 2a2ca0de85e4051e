# timeout: 240
"""A foreign RTSP server (GStreamer's) as the cameras: codecs, B-frames, audio, Digest."""
import os
import subprocess
import sys
import time

from _site import *


def start_server(*options):
    port = free_port()
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_gst_rtsp.py")
    server = subprocess.Popen(["/usr/bin/python3", script, str(port), *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    line = server.stdout.readline()
    if "ready" not in line:
        server.kill()
        raise Skip("no GStreamer RTSP server here: " + line.strip())
    return port, server


@test("GStreamer's RTSP server: H.264, B-frames, H.265, AAC, G.711 and Digest are live and recorded, and every file decodes")
def gstreamer():
    port, plain = start_server()
    digest_port, digest = start_server("digest")
    try:
        with Site(camsim=False, file="15s") as s:
            s.add_city("lapa")
            for id in ("h264", "bframes", "h265", "audio", "pcmu"):
                s.add_camera(id, f"rtsp://127.0.0.1:{port}/{id}", audio=id in ("audio", "pcmu"))
            s.add_camera("secret", f"rtsp://admin:senha@127.0.0.1:{digest_port}/h264")
            s.add_camera("errada", f"rtsp://admin:errada@127.0.0.1:{digest_port}/h264")
            s.post("/streams/start", {"all": True})
            good = ["h264", "bframes", "h265", "audio", "pcmu", "secret"]
            s.wait_live(*good, seconds=60)
            time.sleep(12)
            wait_for("a refusal", lambda: "401" in (s.stream("errada")["last_error"] or ""))
            for id in ("h264", "audio"):
                url = s.stream(id)["hls_url"]
                wait_for("a playlist", lambda: fetch(url).status == 200)
                hls_playable(url)
            s.post("/streams/stop", {"all": True, "reason": "fim"})
            wait_for("sealed files", lambda: all(r["status"] == "sealed" for id in good for r in s.recordings(id)))
            for id in good:
                files = s.files(id)
                assert files, id
                for f in files:
                    decodes(f)
                probe = run("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", files[0]).stdout.split()
                want = {"h265": ["hevc"], "audio": ["h264", "aac"], "pcmu": ["h264", "flac"]}.get(id, ["h264"])
                assert probe == want, (id, probe)
    finally:
        for server in (plain, digest):
            server.kill()
            server.wait()


main()
