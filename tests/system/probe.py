# timeout: 120
# lane: 2
"""POST /cameras/test: what an address answers, with a picture, or why not; it leaves no stream behind and never says a password."""
import base64
import os
import threading

from _site import *


@test("an address is tried: codec, size, fps, sound, a picture that decodes; or the reason, in words that a page can translate")
def tries():
    with Site() as s:
        s.add_city("lapa")

        def ask(url, ok=200, **more):
            a = s.call("POST", "/cameras/test", {"rtsp_url": url, **more})
            assert a.status == ok, (url, a.status, a.body)
            assert "senha" not in a.text and "errada" not in a.text, a.text
            return a.json

        for query, codec, size, fps, audio in (("clip=hd&audio=aac", "avc1.", (1280, 720), 25, "mp4a.40.2"), ("clip=small&fps=15", "avc1.", (320, 180), 15, None),
                                               ("codec=h265", "hvc1.", (640, 360), 25, None)):
            got = ask(s.rtsp("a-" + codec[:4] + str(fps), query))
            assert got["ok"] and got["codec"].startswith(codec) and (got["width"], got["height"]) == size and got["fps"] == fps, got
            assert got["audio"] == audio and got["server"] == "camsim" and 0 < got["seconds"] < 10, got
            path = os.path.join(s.dir, "picture.mp4")
            with open(path, "wb") as f:
                f.write(base64.b64decode(got["picture"]))
            decodes(path)
        login = s.rtsp("b", "auth=digest")
        for url, reason, code in (
            (login, "unauthorized", 401),
            (login.replace("//", "//admin:errada@"), "unauthorized", 401),
            (s.rtsp("c", "clip=nope"), "not_found", 404),
            (s.rtsp("d", "garbage=100"), "bad_data", None),
            (s.base.replace("http", "rtsp") + "/x", "bad_data", None),
            ("rtsp://127.0.0.1:1/x", "refused_connection", None),
            ("rtsp://nome.invalid/x", "dns", None),
            ("http://127.0.0.1/x", "bad_url", None),
            ("rtsp://", "bad_url", None),
            ("", "bad_url", None),
            ("rtsp://h/" + "x" * 2000, "bad_url", None),
        ):
            got = ask(url)
            assert (got["ok"], got["reason"], got["code"]) == (False, reason, code) and got["detail"], (url, got)
        for body in ({}, {"rtsp_url": 7}, {"rtsp_url": None}, {"rtsp_url": login, "more": 1}, {"rtsp_url": login, "camera_id": 7}):
            assert s.call("POST", "/cameras/test", body).status == 422, body
        # The kept password goes with the address as it was shown, and with no other.
        s.add_camera("k", "")
        for field in ("rtsp_url", "live_url"):
            s.call("PATCH", "/cameras/k", {field: login.replace("//", "//admin:senha@").replace("/b?", f"/{field}?")})
        shown = s.get("/cameras/k")
        assert "senha" not in json.dumps(shown)
        for field in ("rtsp_url", "live_url"):
            assert ask(shown[field], camera_id="k")["ok"], field
        assert not ask(shown["rtsp_url"].replace("/rtsp_url", "/elsewhere"), camera_id="k")["ok"]
        ask(shown["rtsp_url"], ok=404, camera_id="none")
        # Nothing of it stays: no stream, no recording, no connection.
        assert s.get("/status")["cameras"]["live"] == 0 and not s.get("/recordings")["items"]
        path = os.path.join(s.dir, "camsim.json")

        def closed():
            s.sim.p.send_signal(signal.SIGUSR1)
            try:
                return not any(c["open"] for c in json.load(open(path))["cameras"])
            except (OSError, ValueError):
                return False

        wait_for("no connection", closed, 10, 0.3)
        rows = s.get("/audit?action=camera.test&limit=100")["items"]
        assert len(rows) >= 15 and "senha" not in json.dumps(rows) and "errada" not in json.dumps(rows)
        assert "senha@" not in s.said() and "errada" not in s.said()


@test("a camera that never answers costs ten seconds; few are tried at once; a stop of the server does not wait for them")
def silent():
    with Site() as s:
        s.post("/users", {"name": "ana", "password": PASSWORD, "role": "operator", "cities": "all"})
        answers = []

        def ask():
            try:
                answers.append(s.call("POST", "/cameras/test", {"rtsp_url": s.rtsp("a", "never_answer")}))
            except OSError:
                answers.append(None)

        ask()
        assert answers[0].status == 200 and answers.pop(0).json["reason"] == "timeout"
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for t in threads:
            t.start()
        wait_for("those who are sent away", lambda: len(answers) >= 4, 8)
        assert all(a.status == 503 and a.headers["Retry-After"] for a in answers), answers
        s.server.stop(timeout=8)
        for t in threads:
            t.join(10)
        assert len(answers) == 8


main()
