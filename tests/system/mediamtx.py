# timeout: 600
# lane: 2
"""Vigia with a MediaMTX as its provider: the fake of both versions, and every real one there is. What is wanted is brought about, kept and
brought back, nothing else is touched, nobody sees what is not theirs, and what is wrong is said in words."""
import socketserver
import sys
import threading
import urllib.parse

from _mediamtx import Mediamtx, PROFILES, real_binaries, version_of
from _site import *

SECRET = "Segredo-da-Camera"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AUTH = "/api/v1/mediamtx/auth"


class Pair(contextlib.AbstractContextManager):
    """A site and its MediaMTX. auth: it asks Vigia, about its API too with ask_api. login: user:password in the configured address. up:
    MediaMTX runs from the start. rtsp: what else the recorder pulls from, made of the pair."""

    def __init__(self, what, auth=True, ask_api=False, login="", config="", camsim=True, up=True, options=(), rtsp=None, **more):
        if auth and not ask_api and what.startswith("fake:"):
            options = [*options, "--auth-exclude", "api"]
        elif auth and not ask_api and version_of(what) >= (1, 6, 0):
            more["config"] = "authHTTPExclude: [{action: api}]"
        self.stack = contextlib.ExitStack()
        try:
            self.s = self.stack.enter_context(Site(config=config, camsim=camsim, start=False))
            self.m = self.stack.enter_context(Mediamtx(what, auth_url=self.s.base + AUTH if auth else None, start=up, options=options, **more))
            with open(self.s.yaml, "a") as f:
                f.write(f"provider: mediamtx\nmediamtx: {{api: 'http://{login}127.0.0.1:{self.m.api_port}', hls: {self.m.hls}, rtsp: {rtsp(self) if rtsp else self.m.rtsp}}}\n")
            self.s.start()
            self.s.add_city("lapa")
        except BaseException:
            self.stack.__exit__(*sys.exc_info())
            raise

    def __exit__(self, *why):
        self.stack.__exit__(*why)
        return False

    def add(self, *ids, record=False, url=None):
        for i in ids:
            self.s.add_camera(i, url or f"rtsp://admin:{SECRET}@127.0.0.1:{self.s.rtsp_port}/{i}?auth=basic&user=admin&password={SECRET}", record=record)
        self.s.post("/streams/start", {"camera_ids": list(ids)})

    def paths(self):
        """name -> source, of MediaMTX's configuration; None while it cannot be asked."""
        try:
            return {p["name"]: p["source"] for p in self.m.get("/config/paths/list?itemsPerPage=10000")["items"]}
        except (OSError, AssertionError):
            return None

    def has(self, *names, seconds=20):
        wait_for(f"the paths {names}", lambda: self.paths() is not None and set(self.paths()) == set(names), seconds)

    def status(self):
        return self.s.get("/status")["mediamtx"]

    def problem(self, *words, seconds=20):
        """Until the status says something with all the words in it."""
        return wait_for(f"a problem with {words}", lambda: all(w in (self.status().get("problem") or "") for w in words) and self.status(), seconds)

    def keeps_secrets(self):
        said = self.s.said()
        for answer in (said, *(self.s.call("GET", p).text for p in ("/status", "/streams?limit=1000", "/cameras?limit=1000", "/audit?limit=1000"))):
            assert SECRET not in answer, answer


def each(versions):
    """The test once for each."""
    def wrap(sentence):
        def add(f):
            for what in versions:
                test(f"{sentence} ({os.path.basename(what)})")(lambda what=what: f(what))
            return f
        return add
    return wrap


fakes = each(PROFILES)


@fakes("a stream is a path of its camera's address, changed and removed with it; foreign paths stay as they are")
def keeps(what):
    with Pair(what, options=["--sources", "ready"]) as p:
        p.m.knob("foreign", names=["estudio", "camera_de_outro"], source="publisher")
        p.add("a", "b")
        p.has("camera_a", "camera_b", "estudio", "camera_de_outro")
        p.s.wait_live("a", "b")
        conf = p.m.get("/config/paths/get/camera_a")
        assert conf["record"] is False and conf["sourceOnDemand"] is False and conf["rtspTransport"] == "tcp" and conf["recordDeleteAfter"] in ("", "0s"), conf
        url = p.s.stream("a")["hls_url"]
        assert url.startswith(p.m.hls + "/camera_a/index.m3u8?token="), url
        p.s.call("PATCH", "/cameras/a", {"rtsp_url": "rtsp://admin:p@ss:w@127.0.0.1:9/novo"})
        wait_for("the new address", lambda: p.paths().get("camera_a") == "rtsp://admin:p%40ss%3Aw@127.0.0.1:9/novo")
        p.s.delete("/cameras/b/stream")
        p.s.call("DELETE", "/cameras/a")
        p.has("estudio", "camera_de_outro")
        p.keeps_secrets()


@fakes("viewers are counted where the version can tell, and unknown where it cannot")
def viewers(what):
    with Pair(what, ask_api=True, options=["--sources", "ready"]) as p:
        p.add("a")
        p.s.wait_live("a")
        p.m.knob("viewers", name="camera_a", n=3)
        if what == "fake:1.20":
            wait_for("three viewers", lambda: p.s.stream("a")["viewers"] == 3)
            assert p.s.get("/status")["cameras"]["viewers"] == 3
            assert "?" not in p.s.cli("stream", "list").stdout
        else:
            wait_for("two more looks", lambda n=metric(p, "rounds_total"): metric(p, "rounds_total") > n + 2)
            assert p.s.stream("a")["viewers"] is None and p.s.get("/status")["cameras"]["viewers"] is None
            assert "?" in p.s.cli("stream", "list").stdout
        assert p.status()["counts_viewers"] == (what == "fake:1.20")


def metric(p, name):
    return int(re.search(rf"^vigia_mediamtx_{name} (\d+)$", p.s.fetch_metrics(), re.M)[1])


@fakes("after a restart of MediaMTX, and after a path got lost, everything is there again")
def comes_back(what):
    with Pair(what, options=["--sources", "ready"]) as p:
        p.add("a", "b", "c")
        p.s.wait_live("a", "b", "c")
        p.m.knob("restart", down=0.5)
        wait_for("its loss", lambda: p.s.stream("a")["status"] == "reconnecting")
        p.has("camera_a", "camera_b", "camera_c", seconds=10)
        p.s.wait_live("a", "b", "c")
        p.m.knob("lose", name="camera_b")
        p.has("camera_a", "camera_b", "camera_c", seconds=10)
        p.s.wait_live("b")
        # One so short that no question fell into it.
        p.m.knob("restart", down=0)
        p.has("camera_a", "camera_b", "camera_c", seconds=15)
        p.s.wait_live("a", "b", "c")


@fakes("MediaMTX may be away at the start, and streams may be stopped while it is: all is made good when it comes")
def away(what):
    with Pair(what, up=False, options=["--sources", "ready"]) as p:
        p.add("a", "b")
        status = p.problem("does not answer")
        assert status["reachable"] is False and status.get("version") is None, status
        row = wait_for("words at the stream", lambda: p.s.stream("a") if p.s.stream("a")["last_error"] else None)
        assert row["status"] == "reconnecting" and "MediaMTX" in row["last_error"] and row["viewers"] is None, row
        p.m.start()
        p.s.wait_live("a", "b")
        assert p.s.stream("a")["last_error"] is None and p.status()["reachable"]
        lost = p.s.said().count("event=mediamtx.lost")
        assert lost == 1, f"said {lost} times"
        # Stopped while the API says no, then Vigia restarts: nobody but the catalogue knows that the path is to go.
        p.m.knob("refuse", status=500)
        p.s.delete("/cameras/b/stream")
        p.s.server.stop()
        p.m.knob("refuse")
        assert set(p.paths()) == {"camera_a", "camera_b"}
        p.s.start_server()
        p.has("camera_a")
        p.s.wait_live("a")
        p.keeps_secrets()


@fakes("a refusal, nonsense, errors and slowness are told in words once each, without a secret, and end by themselves")
def in_words(what):
    with Pair(what, options=["--sources", "ready"]) as p:
        p.add("a")
        p.s.wait_live("a")
        for knobs, words in (({"status": 401}, ["refuses Vigia (401)", "mediamtx.api"]), ({"status": 200, "text": "<html>ola</html>"}, ["is not MediaMTX's API"]),
                             ({"status": 500, "text": f"rtsp://u:{SECRET}@x is bad"}, ["answered 500"]), ({"status": 302}, ["is not MediaMTX's API"]),
                             ({"drop": True}, ["does not answer"])):
            p.m.knob("refuse", **knobs)
            p.problem(*words)
            wait_for("words at the stream", lambda: words[0] in (p.s.stream("a")["last_error"] or ""))
            p.m.knob("refuse")
            p.s.wait_live("a")
        p.m.knob("slow", seconds=30)
        p.problem("does not answer")
        p.m.knob("slow")
        p.s.wait_live("a")
        assert p.s.said().count("event=mediamtx.lost") == 6, p.s.said()
        p.keeps_secrets()


@fakes("a path that MediaMTX does not take is told at its stream, is tried again, and harms no other")
def refused(what):
    with Pair(what, options=["--sources", "ready"]) as p:
        p.m.knob("refuse", status=400, text=f"'rtsp://admin:{SECRET}@x' is not a valid URL", only="camera_ruim")
        p.add("ruim", "boa")
        p.s.wait_live("boa")
        wait_for("words at the stream", lambda: "does not take the camera (400)" in (p.s.stream("ruim")["last_error"] or ""))
        p.m.knob("refuse")
        p.s.wait_live("ruim")
        assert p.s.said().count("event=mediamtx.path_refused") == 1
        p.keeps_secrets()


@test("the API behind a user, a wrong one, and behind a token (fake:1.20)")
def login():
    with Pair("fake:1.20", auth=False, login="vigia:segr%3Aedo@", user="vigia", password="segr:edo", options=["--sources", "ready"]) as p:
        p.add("a")
        p.s.wait_live("a")
        p.m.knob("set", password="outra")
        p.problem("refuses Vigia (401)")
        p.m.knob("set", password="segr:edo")
        p.s.wait_live("a")
        assert "edo" not in p.s.said() and "segr:edo" not in p.s.call("GET", "/status").text
    with Pair("fake:1.20", auth=False, bearer="um-token", options=["--sources", "ready"]) as p:
        p.problem("refuses Vigia (401)")
        with open(p.s.yaml) as f:
            text = f.read().replace("mediamtx: {", "mediamtx: {token: um-token, ")
        with open(p.s.yaml, "w") as f:
            f.write(text)
        p.s.server.stop()
        p.s.start_server()
        p.add("a")
        p.s.wait_live("a")
        assert "um-token" not in p.s.said()


@fakes("whether MediaMTX lets Vigia decide who may watch is found out and said")
def access(what):
    with Pair(what, auth=False, options=["--sources", "ready"]) as p:
        assert wait_for("an answer", lambda: p.status()["reachable"] and p.status())["access"] == "open"
        assert "open to anyone" in p.status()["problem"]
        assert p.s.said().count("event=mediamtx.open") == 1
    with Pair(what, options=["--sources", "ready"]) as p:
        status = wait_for("an answer", lambda: p.status()["reachable"] and p.status())
        assert status["access"] == "vigia" and status.get("problem") is None, status
        assert "event=mediamtx.open" not in p.s.said()


def sign_in(p, name, **more):
    p.s.post("/users", {"name": name, "password": PASSWORD, "role": "viewer", "cities": ["lapa"], **more})
    return p.s.call("POST", "/session", {"user": name, "password": PASSWORD}).json["token"]


def opened(p):
    return [a for a in p.s.get("/audit?action=live.open&limit=100")["items"]]


def follow(url, headers=None):
    """What a player sees: the status of the playlist, through the redirect with which 1.20 looks for cookies."""
    a = fetch(url, headers=headers or {})
    if a.status == 302:
        a = fetch(urllib.parse.urljoin(url, a.headers["Location"]), headers=headers or {})
    return a


@fakes("Vigia's address plays for whom it was given, is noted once, and ends with the right")
def rights(what):
    with Pair(what, options=["--sources", "ready"]) as p:
        p.add("a", "b")
        p.s.wait_live("a", "b")
        token = sign_in(p, "vera")
        url = p.s.call("GET", "/cameras/a/stream", token=token).json["hls_url"]
        bare = url.split("?")[0]
        assert follow(bare).status == 401
        assert follow(url.replace("camera_a", "camera_b")).status == 401
        assert follow(url[:-3] + "AAA").status == 401
        assert follow(bare + "?token=" + token).status == 401
        a = follow(url)
        assert a.status == 200, (a.status, a.body)
        assert [(o["actor"], o["object"], o["details"].get("by")) for o in opened(p)] == [("vera", "camera:a", "mediamtx")]
        if what == "fake:1.20":
            wait_for("its viewer", lambda: p.s.stream("a")["viewers"] == 1)
            p.s.delete("/users/vera")
            wait_for("its end", lambda: p.s.stream("a")["viewers"] == 0, 20)
        else:
            for _ in range(5):  # files below the playlist come without the token
                assert follow(bare).status == 200
            assert len(opened(p)) == 1
            p.s.delete("/users/vera")
            wait_for("its end", lambda: follow(bare).status == 401, 20, 0.5)
        assert follow(url).status == 401
        assert url.split("token=")[1] not in p.s.said()


@test("a thousand cameras: a few changes at once, and what is asked afterwards does not grow with them (fake:1.20)")
def thousand():
    with Pair("fake:1.20", options=["--sources", "ready"], camsim=False) as p:
        def calls_in(rounds):
            start = metric(p, "rounds_total")
            wait_for("a round", lambda: metric(p, "rounds_total") > start, every=0.02)
            before, n = metric(p, "calls_total"), metric(p, "rounds_total")
            wait_for("rounds", lambda: metric(p, "rounds_total") >= n + rounds, 30, every=0.02)
            return (metric(p, "calls_total") - before) / (metric(p, "rounds_total") - n)

        p.add("um", url="rtsp://127.0.0.1:9/x")
        p.s.wait_live("um")
        few = calls_in(3)
        ids = [f"c{i:04}" for i in range(1000)]
        for i in ids:
            p.s.add_camera(i, "rtsp://127.0.0.1:9/x", record=False)
        p.m.knob("stats", reset=True)
        p.s.post("/streams/start", {"camera_ids": ids})
        wait_for("all paths", lambda: p.status()["ready"] == 1001, 120, 0.5)
        stats = p.m.knob("stats", reset=True)
        assert stats["max_concurrent"] <= 10, stats
        many = calls_in(3)
        assert many <= few + 2, (few, many)
        p.m.knob("restart", down=0.3)
        wait_for("its loss", lambda: p.status()["ready"] < 1001, 20, 0.05)
        wait_for("all paths again", lambda: p.status()["ready"] == 1001, 60, 0.5)
        assert p.m.knob("stats")["max_concurrent"] <= 10
        p.s.post("/streams/stop", {"all": True})
        p.has(seconds=60)


class NotThere(socketserver.BaseRequestHandler):
    """RTSP of a MediaMTX without the camera's pictures."""

    def handle(self):
        while data := self.request.recv(4096):
            number = re.search(rb"CSeq: *(\d+)", data)
            self.server.asked.append(data)
            self.request.sendall(b"RTSP/1.0 404 Not Found\r\nCSeq: %s\r\n\r\n" % (number[1] if number else b"0"))


@test("the engine records what MediaMTX sends on, under its name and with Vigia's own user, and 404 there is no refusal (fake:1.20)")
def relayed():
    with Pair("fake:1.20", options=["--sources", "ready"], rtsp=lambda p: f"rtsp://127.0.0.1:{p.s.rtsp_port}") as p:
        p.add("a", url="rtsp://127.0.0.1:9/x", record=True)
        p.s.wait_recorded("a")
        assert p.s.stream("a")["recording_state"] == "recording"
        p.s.sim.p.send_signal(signal.SIGUSR1)
        stats = json.loads(wait_for("camsim's numbers", lambda: os.path.exists(p.s.dir + "/camsim.json") and open(p.s.dir + "/camsim.json").read()))
        assert [c["camera"] for c in stats["cameras"]] == ["camera_a"], stats
        p.s.delete("/cameras/a/stream")
        wait_for("its stop", lambda: [g["reason"] for g in p.s.gaps("a") if g["to"] is None] == ["stopped_by_user"])
        decodes(p.s.files("a")[0])
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), NotThere) as server:
        server.daemon_threads, server.asked = True, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Pair("fake:1.20", options=["--sources", "ready"], camsim=False, rtsp=lambda p: f"rtsp://127.0.0.1:{server.server_address[1]}") as p:
            p.add("a", url="rtsp://127.0.0.1:9/x", record=True)
            gap = wait_for("the gap", lambda: p.s.gaps("a"))[0]
            assert gap["reason"] == "no_signal" and gap["to"] is None, gap
            assert b"/camera_a" in server.asked[-1], server.asked
        server.shutdown()


@test("make run PROVIDER=mediamtx without a MediaMTX says so in one line and starts nothing")
def front_door_without():
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "VIGIA_MEDIAMTX": folder + "/none", "PROVIDER": "mediamtx", "VIGIA_DATA_DIR": folder + "/var"}
        r = run(os.path.join(ROOT, "tools/run.sh"), BUILD, env=env)
        assert r.returncode == 1 and not r.stdout and r.stderr.count("\n") == 1 and "VIGIA_MEDIAMTX" in r.stderr, r
        assert os.listdir(folder) == []


# --- the real ones ---

def real(sentence):
    binaries = real_binaries()
    if binaries:
        return each(binaries)(sentence)

    def add(f):
        def skip():
            raise Skip("no mediamtx on PATH or in $VIGIA_MEDIAMTX")

        test(sentence)(skip)
        return f

    return add


@real("a real MediaMTX: pulled once, live and recorded, plays with the address alone, and comes back after kill -9 and with its camera")
def everything(what):
    with Pair(what) as p:
        assert p.m.add("estudio", "publisher").status == 200
        p.add("a", "b", record=True)
        p.s.wait_live("a", "b")
        p.s.wait_recorded("a")
        p.s.sim.p.send_signal(signal.SIGUSR1)
        stats = json.loads(wait_for("camsim's numbers", lambda: os.path.exists(p.s.dir + "/camsim.json") and open(p.s.dir + "/camsim.json").read()))
        assert [c["plays"] for c in stats["cameras"]] == [1, 1], stats
        token = sign_in(p, "vera")
        url = p.s.call("GET", "/cameras/a/stream", token=token).json["hls_url"]
        assert hls_playable(url)
        assert [o["actor"] for o in opened(p)] == ["vera"], opened(p)
        assert run("ffmpeg", "-v", "error", "-i", url.replace("camera_a", "camera_b"), "-t", "1", "-f", "null", "-").returncode
        if p.m.version >= (1, 18, 0):
            wait_for("its viewer", lambda: p.s.stream("a")["viewers"] == 1)
            p.s.delete("/users/vera")
            wait_for("its end, long before it would end by itself", lambda: p.s.stream("a")["viewers"] == 0, 15)
        else:
            assert p.s.stream("a")["viewers"] is None and follow(url.split("?")[0]).status == 200
            p.s.delete("/users/vera")
            wait_for("its end, long before it would be forgotten", lambda: follow(url.split("?")[0]).status == 401, 15, 0.5)
        assert follow(url).status == 401
        assert set(p.paths()) == {"camera_a", "camera_b", "estudio"}
        p.m.restart(signal.SIGKILL)
        p.s.wait_live("a", "b")
        wait_for("recording again", lambda: p.s.stream("a")["recording_state"] == "recording")
        assert set(p.paths()) == {"camera_a", "camera_b"}  # the other was somebody else's, and is theirs to bring back
        p.s.sim.stop()
        wait_for("the cameras' loss", lambda: p.s.stream("a")["status"] == "reconnecting")
        wait_for("the gap", lambda: any(g["to"] is None and g["reason"] == "no_signal" for g in p.s.gaps("a")))
        p.s.start_sim()
        p.s.wait_live("a", "b", seconds=30)
        wait_for("recording again", lambda: p.s.stream("a")["recording_state"] == "recording", 30)
        p.s.delete("/cameras/a/stream")
        p.has("camera_b")
        wait_for("the stop in the ledger", lambda: [g["reason"] for g in p.s.gaps("a") if g["to"] is None] == ["stopped_by_user"])
        assert not [g for g in p.s.gaps("a") if g["reason"] == "refused"], p.s.gaps("a")
        for f in p.s.files("a"):
            decodes(f)
        p.keeps_secrets()


@real("make run PROVIDER=mediamtx plays, and leaves nothing behind")
def front_door(what):
    with tempfile.TemporaryDirectory() as folder:
        ports = [str(free_port()) for _ in range(5)]
        env = {**os.environ, "VIGIA_MEDIAMTX": what, "PROVIDER": "mediamtx", "VIGIA_DATA_DIR": folder + "/var", "VIGIA_LISTEN": "127.0.0.1:" + ports[0],
               "VIGIA_DEMO_RTSP_PORT": ports[1], "VIGIA_DEMO_MEDIAMTX_PORTS": " ".join(ports[2:])}
        p = Process([os.path.join(ROOT, "tools/run.sh"), BUILD], folder + "/log", env)
        p.start()
        try:
            url = wait_for("a URL that plays", lambda: re.search(r"^play one: (.*)$", open(folder + "/log").read(), re.M), 90)[1]
            assert url.startswith(f"http://127.0.0.1:{ports[3]}/camera_"), url
            assert hls_playable(url)
        finally:
            code = p.stop(timeout=40)
        assert code == 0, open(folder + "/log").read()
        for port in ports[1:]:
            with socket.socket() as s:
                assert s.connect_ex(("127.0.0.1", int(port))), port


main()
