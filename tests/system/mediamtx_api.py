#!/usr/bin/env python3
# lane: 2
"""What Vigia relies on in MediaMTX, asked of the fake one's two profiles and of every real one that is given ($VIGIA_MEDIAMTX, PATH): the same
checks, with the expectations of the version found by asking. It fails where the fake lies."""
import atexit
import base64
import http.client
import http.server
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request

from _mediamtx import PROFILES, Mediamtx, real_binaries
from _site import CAMSIM, CLIPS, Answer, Process, Skip, free_port, main, test, wait_for

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from mediamtx_rules import DEFAULTS  # noqa: E402

DEAD = "rtsp://admin:segredo@127.0.0.1:1/x"
BASE = {"sourceOnDemand": False, "rtspTransport": "tcp", "record": False, "recordDeleteAfter": "0s"}
NOBODY = "9ede9561-572f-4c8e-9a71-34545bcc4f4a"
ITEM = {"1.5": ["name", "confName", "source", "ready", "readyTime", "tracks", "bytesReceived", "bytesSent", "readers"],
        "1.20": ["name", "confName", "ready", "readyTime", "available", "availableTime", "online", "onlineTime", "source", "tracks", "tracks2", "readers",
                 "inboundBytes", "outboundBytes", "inboundFramesInError", "bytesReceived", "bytesSent"]}
ASK = {"1.5": ["ip", "user", "password", "path", "protocol", "id", "action", "query"],
       "1.20": ["ip", "user", "password", "token", "action", "path", "protocol", "id", "query", "userAgent"]}
ran = []


class Expect:
    """The version as the API tells it. exact: "1.5" or "1.20" where it is one of the two whose every answer is known, else None."""

    def __init__(self, m):
        self.global_conf = m.get("/config/global/get")
        info = m.call("GET", "/info")
        self.told = None
        if info.status == 200:
            self.told = tuple(int(n) for n in info.json["version"].strip().lstrip("v").split("-")[0].split("."))
        self.rights = "authMethod" in self.global_conf
        self.sessions = m.call("GET", "/hlssessions/list").status == 200
        self.exact = "1.5" if not self.rights else "1.20" if self.told and self.told[:2] == (1, 20) else None
        self.name = "v" + ".".join(map(str, self.told)) if self.told else "before 1.6" if not self.rights else "1.6 to 1.15.1"

    def since(self, *version):
        """Whether it is that new; None where it did not tell."""
        return self.told >= version if self.told else None if self.rights else False

    def refused(self, answer, status, *texts):
        """The answer is this refusal, in one of these words: of the old first, of the new last."""
        assert answer.status == status, (answer.status, answer.body)
        new = self.since(1, 15, 5)
        said = answer.json
        assert new is None or (said.get("status") == "error") == new, said
        words = texts if self.exact is None else (texts[0] if self.exact == "1.5" else texts[-1],)
        assert said["error"] in words, (said, words)


class Hook:
    """What MediaMTX asks who may; answer(question) gives the status."""

    def __init__(self):
        self.asked, self.answer = [], lambda question: 200
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.asked.append(question)
                self.send_response(hook.answer(question))
                self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/ask"

    def take(self, action="read"):
        asked, self.asked = self.asked, []
        return [q for q in asked if q["action"] == action]


class Once(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def hls(m, path, **headers):
    """One GET at the HLS server, no redirect followed."""
    try:
        with urllib.request.build_opener(Once).open(urllib.request.Request(m.hls + path, headers=headers), timeout=20) as r:
            return Answer(r.status, r.headers, r.read())
    except urllib.error.HTTPError as e:
        return Answer(e.code, e.headers, e.read())


def open_index(m, name, query="", **headers):
    """The index as a player gets it: (answer, name of the media playlist)."""
    a = hls(m, f"/{name}/index.m3u8{query}", **headers)
    if a.status == 302:
        a = hls(m, a.headers["Location"], **headers)
    return a, next((line for line in a.body.decode().splitlines() if line and not line.startswith("#")), None) if a.status == 200 else None


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Camera:
    """One camsim for all."""
    port, process = free_port(), None

    @classmethod
    def url(cls, name):
        if not cls.process:
            cls.process = Process([CAMSIM, "--port", str(cls.port), "--clips", CLIPS], os.path.join(os.path.dirname(CAMSIM), f"camsim-{os.getpid()}.log"))
            atexit.register(cls.end)
            cls.start()
        return f"rtsp://127.0.0.1:{cls.port}/{name}"

    @classmethod
    def start(cls):
        before = open(cls.process.log).read().count("camsim: ready") if os.path.exists(cls.process.log) else 0
        cls.process.start()
        wait_for("camsim", lambda: open(cls.process.log).read().count("camsim: ready") > before)

    @classmethod
    def end(cls):
        cls.process.stop()
        os.unlink(cls.process.log)


def add(m, name, source=DEAD, **more):
    a = m.add(name, source, **{**BASE, **more})
    assert a.status == 200, (a.status, a.body)
    name = name.replace("%2F", "/")
    wait_for(name, lambda: m.path(name) and m.call("GET", "/config/paths/get/" + name).status == 200, 5, 0.01)  # 200 comes before the effect


def gone(m, *names):
    for name in names:
        a = m.call("DELETE", "/config/paths/delete/" + name)
        assert a.status == 200, (a.status, a.body)
        wait_for(f"the end of {name}", lambda: not m.path(name), 5, 0.01)


def ready(m, name, seconds=12):
    return wait_for(f"{name} ready", lambda: (p := m.path(name)) and p["ready"] and p, seconds, 0.02)


def versions(m):
    """What it is."""
    e = m.expect
    if m.fake:
        assert e.exact == m.what[5:]
    info = m.call("GET", "/info")
    if e.told:
        assert e.told == m.version and "started" in info.json
    else:
        assert info.status == 404 and info.body == b"404 page not found" and info.headers["Content-Type"] == "text/plain", (info.status, info.body)
    assert info.headers["Server"] == "mediamtx"
    sessions = m.call("GET", "/hlssessions/list")
    assert e.since(1, 18, 0) in (None, e.sessions)
    assert sessions.status == (200 if e.sessions else 404)


def global_conf(m):
    e = m.expect
    keys = ["authMethod", "authInternalUsers", "authHTTPAddress", "authHTTPExclude"] if e.rights else ["externalAuthenticationURL"]
    assert all(k in e.global_conf for k in keys + ["hls", "hlsAddress", "hlsEncryption", "rtspAddress", "apiAddress"]), e.global_conf
    if e.rights:
        assert e.global_conf["authMethod"] == "internal" and e.global_conf["authHTTPAddress"] == "" and e.global_conf["authHTTPExclude"] == []
    else:
        assert e.global_conf["externalAuthenticationURL"] == ""
    if e.exact:
        assert list(e.global_conf) == list(DEFAULTS[e.exact]["global"]), "the recorded configuration has other fields"
    assert e.global_conf["hlsAddress"] == f"127.0.0.1:{m.hls_port}"


def changes(m):
    """add, get, patch, replace, delete."""
    e = m.expect
    a = m.add("camera_1", DEAD, **BASE)
    assert a.status == 200 and (a.body == b"" or a.json == {"status": "ok"})
    assert e.exact is None or (a.body == b"") == (e.exact == "1.5")
    wait_for("the path", lambda: m.path("camera_1"), 5, 0.01)
    conf = m.get("/config/paths/get/camera_1")
    assert conf["name"] == "camera_1" and conf["source"] == DEAD and conf["rtspTransport"] == "tcp" and conf["record"] is False
    assert conf["recordDeleteAfter"] in ("0s", "") and (e.exact is None or conf["recordDeleteAfter"] == ("0s" if e.exact == "1.5" else ""))
    if e.exact:
        set_here = {k: conf[k] for k in ("name", "source", "rtspTransport", "recordDeleteAfter")}
        assert conf == {**DEFAULTS[e.exact]["path"], **set_here}, "other defaults than recorded"
        assert list(conf) == list(DEFAULTS[e.exact]["path"])
    e.refused(m.add("camera_1", DEAD), 400, "path already exists")
    for method, how in (("PATCH", "patch"), ("DELETE", "delete")):
        e.refused(m.call(method, f"/config/paths/{how}/camera_9", {"source": DEAD} if how == "patch" else None), 404, "path not found")
    a = m.call("POST", "/config/paths/replace/camera_9", {"source": DEAD})
    upsert = e.since(1, 8, 2)
    if a.status == 200:
        assert upsert is not False
        gone(m, "camera_9")
    else:
        assert not upsert
        e.refused(a, 404, "path not found")
    for path, text in (("/config/paths/get/nobody", "path configuration not found"), ("/paths/get/nobody", "path not found"),
                       ("/hlsmuxers/get/nobody", "muxer not found")):
        e.refused(m.call("GET", path), 404, text)
    gone(m, "camera_1")
    assert m.call("GET", "/config/paths/get/camera_1").status == 404


def refusals(m):
    e = m.expect
    e.refused(m.add("camera_2", DEAD, nonsense=1), 400, 'json: unknown field "nonsense"')
    e.refused(m.call("POST", "/config/paths/add/", {"source": DEAD}), 400, "invalid name")
    words = "invalid path name 'cam x': can contain only alphanumeric characters, underscore, dot, "
    a = m.add("cam%20x", DEAD)
    assert a.json["error"].startswith(words[:24]), a.body
    if e.exact:
        e.refused(a, 400, words + "tilde, minus or slash", words + "minus, slash")
        e.refused(m.add("camera_2", 5), 400, "json: cannot unmarshal number into Go struct field .source of type string",
                  "json: cannot unmarshal number into Go value of type string")
        e.refused(m.add("camera_2", DEAD, record="yes"), 400, "json: cannot unmarshal string into Go struct field .record of type bool",
                  "json: cannot unmarshal string into Go value of type bool")
        e.refused(m.add("camera_2", DEAD, rtspTransport="udpp"), 400, "invalid protocol 'udpp'", "invalid transport 'udpp'")
        e.refused(m.call("POST", "/config/paths/add/camera_2", b""), 400, "EOF", "unexpected end of JSON input")
        e.refused(m.call("POST", "/config/paths/add/camera_2", b"{not json"), 400, "invalid character 'n' looking for beginning of object key string")
    e.refused(m.add("camera_2", "foo"), 400, "invalid source: 'foo'")
    e.refused(m.add("camera_2", ""), 400, "invalid source: ''")
    e.refused(m.add("camera_2", "rtsp://u:p%zz@h/x"), 400, "'rtsp://u:p%zz@h/x' is not a valid URL")
    if e.exact == "1.20":
        e.refused(m.add("camera_2", "rtsp://user@h/x"), 400, "username and password must be both provided")
        e.refused(m.add("camera_2", "rtsp://"), 400, "'rtsp://' is not a valid URL")
        e.refused(m.add("camera_2", DEAD, recordDeleteAfter="1s"), 400, "'recordDeleteAfter' cannot be lower than 'recordSegmentDuration'")
        e.refused(m.add("tilde~x", DEAD), 400, "invalid path name 'tilde~x': can contain only alphanumeric characters, underscore, dot, minus, slash")
    a = m.add("camera_2", DEAD, **{"fallback": "/other"})
    assert a.status == 200
    add(m, "cam%2Fx")
    assert m.get("/config/paths/get/cam/x")["name"] == "cam/x"
    gone(m, "camera_2", "cam/x")
    for method, path in (("GET", "/nosuch"), ("POST", "/paths/list"), ("GET", "/config/paths/add/x")):
        a = m.call(method, path, b"" if method == "POST" else None)
        assert a.status == 404 and a.body == b"404 page not found", (path, a.status, a.body)
    e.refused(m.call("POST", "/rtspsessions/kick/xx", b""), 400, "invalid UUID length: 2")
    e.refused(m.call("POST", "/rtspsessions/kick/" + NOBODY, b""), 404, "session not found")
    if e.sessions:
        e.refused(m.call("POST", "/hlssessions/kick/" + NOBODY, b""), 404, "session not found")


def durations(m):
    add(m, "camera_1")
    assert m.call("PATCH", "/config/paths/patch/camera_1", {"recordDeleteAfter": "168h"}).status == 200
    said = wait_for("the change", lambda: (v := m.get("/config/paths/get/camera_1")["recordDeleteAfter"]) not in ("", "0s") and v, 5, 0.01)
    assert said in ("168h0m0s", "7d")
    a = m.call("PATCH", "/config/paths/patch/camera_1", {"recordDeleteAfter": "7d"})
    if said == "168h0m0s":
        m.expect.refused(a, 400, 'time: unknown unit "d" in duration "7d"')
    else:
        assert a.status == 200
    assert m.expect.exact is None or said == ("7d" if m.expect.exact == "1.20" else "168h0m0s")
    gone(m, "camera_1")


def pages(m):
    names = [f"page_{i:03}" for i in range(103)]
    for name in names:
        assert m.add(name, DEAD, **BASE).status == 200
    wait_for("all paths", lambda: m.get("/paths/list")["itemCount"] == 103, 10)
    for path in ("/paths/list", "/config/paths/list"):
        one = m.get(path)
        assert (len(one["items"]), one["itemCount"], one["pageCount"]) == (100, 103, 2) and list(one) == ["itemCount", "pageCount", "items"]
        found = [p["name"] for p in one["items"] + m.get(path + "?page=1")["items"]]
        assert found == names, "not every one once, in order"
        assert m.get(path + "?page=99") == {"itemCount": 103, "pageCount": 2, "items": []}
        assert len(m.get(path + "?itemsPerPage=2147483647")["items"]) == 103
        assert [p["name"] for p in m.get(path + "?itemsPerPage=2&page=51")["items"]] == names[102:]
        assert len(m.get(path + "?itemsPerPage=")["items"]) == 100
        for query, text in (("itemsPerPage=x", '"x": invalid syntax'), ("page=-1", '"-1": invalid syntax'),
                            ("itemsPerPage=2147483648", '"2147483648": value out of range')):
            m.expect.refused(m.call("GET", f"{path}?{query}"), 400, "strconv.ParseUint: parsing " + text)
        if m.expect.since(1, 8, 3):
            m.expect.refused(m.call("GET", path + "?itemsPerPage=0"), 400, "invalid items per page")
    for name in names:
        m.call("DELETE", "/config/paths/delete/" + name)
    wait_for("no path", lambda: m.get("/paths/list") == {"itemCount": 0, "pageCount": 0, "items": []}, 10)


def clean(m):
    """Nothing of an earlier check that failed."""
    for path in m.get("/config/paths/list?itemsPerPage=1000")["items"]:
        gone(m, path["name"])


def states(m):
    """A camera that answers and one that does not."""
    e = m.expect
    add(m, "dead")
    add(m, "cam_a", Camera.url("a"))
    item = ready(m, "cam_a")
    assert item["source"] == {"type": "rtspSource", "id": ""} and item["tracks"] == ["H264"] and item["readers"] == []
    assert item["readyTime"].endswith("Z")
    if e.exact:
        assert list(item) == ITEM[e.exact], list(item)
    if e.exact == "1.20":
        props = {"width": 640, "height": 360, "profile": "Baseline", "level": "3"}
        assert item["tracks2"] == [{"codec": "H264", "codecProps": props}] and item["available"]
    before = m.path("cam_a")["bytesReceived"]
    wait_for("more bytes", lambda: m.path("cam_a")["bytesReceived"] > before, 5)
    dead = m.path("dead")
    assert dead["ready"] is False and dead["readyTime"] is None and dead["confName"] == "dead"
    assert dead["tracks"] == [] and dead["bytesReceived"] == 0 and dead["readers"] == []
    if e.exact == "1.20":
        assert dead["online"] is True and dead["onlineTime"] == "0001-01-01T00:00:00Z" and dead["available"] is False
    gone(m, "dead", "cam_a")


def disturbs(m):
    """What restarts a running path and what does not."""
    add(m, "cam_a", Camera.url("a"))
    first = ready(m, "cam_a")["readyTime"]

    def after(method, path, body):
        a = m.call(method, path, body)
        assert a.status == 200, (a.status, a.body)
        time.sleep(0.3)  # it has nothing to show where nothing changed
        return ready(m, "cam_a")["readyTime"]

    same = {"source": Camera.url("a"), **BASE}
    assert after("PATCH", "/config/paths/patch/cam_a", same) == first
    assert after("POST", "/config/paths/replace/cam_a", same) == first
    assert after("POST", "/config/paths/add/other", {"source": DEAD}) == first
    assert after("DELETE", "/config/paths/delete/other", None) == first
    second = after("PATCH", "/config/paths/patch/cam_a", {"source": Camera.url("b")})
    assert second != first
    third = after("PATCH", "/config/paths/patch/cam_a", {"maxReaders": 5})
    assert third != second
    if m.expect.exact:
        hot = after("PATCH", "/config/paths/patch/cam_a", {"recordDeleteAfter": "48h"})
        assert (hot == third) == (m.expect.exact == "1.20")
    gone(m, "cam_a")


def spoilt(m):
    """A refused patch: 1.20.1 (from its source: 1.16.0 on) keeps it in mind and refuses everything else until it is mended."""
    e = m.expect
    if not e.exact:
        raise Skip("known of 1.5.1 and 1.20.1 only")
    add(m, "good")
    e.refused(m.add("bad", "foo"), 400, "invalid source: 'foo'")
    add(m, "another")
    e.refused(m.call("PATCH", "/config/paths/patch/good", {"source": "foo"}), 400, "invalid source: 'foo'")
    assert m.get("/config/paths/get/good")["source"] == DEAD
    a = m.add("third", DEAD, **BASE)
    if e.exact == "1.5":
        assert a.status == 200
    else:
        e.refused(a, 400, "invalid source: 'foo'")
        e.refused(m.call("DELETE", "/config/paths/delete/another"), 400, "invalid source: 'foo'")
        assert m.call("PATCH", "/config/paths/patch/good", {"source": DEAD}).status == 200
        add(m, "third")
        e.refused(m.call("PATCH", "/config/paths/patch/good", {"source": "foo"}), 400, "invalid source: 'foo'")
        assert m.call("POST", "/config/paths/replace/good", {"source": DEAD, **BASE}).status == 200
        e.refused(m.call("PATCH", "/config/paths/patch/good", {"source": "foo"}), 400, "invalid source: 'foo'")
    gone(m, "good", "another", "third")


def viewers(m):
    e = m.expect
    add(m, "cam_a", Camera.url("a"))
    add(m, "dead")
    ready(m, "cam_a")
    none = {"itemCount": 0, "pageCount": 0, "items": []}
    assert m.get("/hlsmuxers/list") == none
    a, media = open_index(m, "cam_a")
    assert a.status == 200 and a.headers["Content-Type"] == "application/vnd.apple.mpegurl", (a.status, a.body)
    assert e.exact is None or media.split("?")[0] == {"1.5": "stream.m3u8", "1.20": "video1_stream.m3u8"}[e.exact]
    assert hls(m, "/cam_a/" + media).status == 200
    open_index(m, "cam_a")
    muxers = m.get("/hlsmuxers/list")
    assert muxers["itemCount"] == 1 and muxers["items"][0]["path"] == "cam_a" and muxers["items"][0]["bytesSent"] > 0
    assert m.get("/hlsmuxers/get/cam_a").keys() == muxers["items"][0].keys()
    assert e.exact is None or list(muxers["items"][0]) == (["path", "created", "lastRequest", "bytesSent"] if e.exact == "1.5" else
                                                          ["path", "created", "lastRequest", "outboundBytes", "outboundFramesDiscarded", "bytesSent"])
    readers = m.path("cam_a")["readers"]
    if e.sessions:
        sessions = m.get("/hlssessions/list")["items"]
        assert [s["path"] for s in sessions] == ["cam_a", "cam_a"] and sorted(r["id"] for r in readers) == sorted(s["id"] for s in sessions)
        assert all(r["type"] == "hlsSession" for r in readers)
        if e.exact:
            assert list(sessions[0]) == ["id", "created", "remoteAddr", "path", "query", "user", "userAgent", "isCDN", "outboundBytes"], sessions[0]
        assert hls(m, "/cam_a/" + media.split("?")[0]).status == 401, "without its session"
        assert m.call("POST", f"/hlssessions/kick/{sessions[0]['id']}", b"").status == 200
        assert len(m.get("/hlssessions/list")["items"]) == 1
        assert hls(m, "/cam_a/" + media).status == 401, "kicked"
    else:
        assert readers == [{"type": "hlsMuxer", "id": ""}], readers
    assert open_index(m, "dead")[0].status == 404
    assert open_index(m, "nobody")[0].status == (404 if e.exact == "1.5" else 500)
    gone(m, "cam_a", "dead")
    wait_for("no muxer", lambda: m.get("/hlsmuxers/list") == none, 5)


def back_again(m):
    """The camera ends and returns."""
    add(m, "cam_a", Camera.url("a"))
    first = ready(m, "cam_a")["readyTime"]
    Camera.process.stop()
    try:
        p = wait_for("not ready", lambda: (p := m.path("cam_a")) and not p["ready"] and p, 5, 0.02)
        assert p["readyTime"] is None and p["tracks"] == [] and p["bytesReceived"] == 0
    finally:
        Camera.start()
    assert ready(m, "cam_a")["readyTime"] != first


def restarts(m):
    e = m.expect
    if m.call("GET", "/paths/get/cam_a").status != 200:
        add(m, "cam_a")
    before = m.get("/info")["started"] if e.told else None
    m.restart()
    none = {"itemCount": 0, "pageCount": 0, "items": []}
    assert m.get("/config/paths/list") == none and m.get("/paths/list") == none
    assert not e.told or m.get("/info")["started"] != before


def asks(m, hook):
    """Who may read is asked of us."""
    e = Expect(m)
    assert e.global_conf["authHTTPAddress" if e.rights else "externalAuthenticationURL"] == hook.url
    assert not e.rights or e.global_conf["authMethod"] == "http"
    api = hook.take("api")
    assert bool(api) == e.rights, "its own API is asked for by default since 1.6"
    add(m, "cam_a", Camera.url("a"))
    ready(m, "cam_a")
    hook.take()
    a, media = open_index(m, "cam_a", "?token=abc")
    assert a.status == 200
    asked = hook.take()
    assert len(asked) == 1, asked
    q = asked[0]
    assert (q["user"], q["password"], q["path"], q["protocol"], q["action"], q["query"]) == ("", "", "cam_a", "hls", "read", "token=abc"), q
    assert q["ip"] == "127.0.0.1"
    assert e.exact is None or list(q) == ASK[e.exact], q
    assert q.get("token", "") == ""
    assert ("token=abc" in media) == e.sessions, media
    assert hls(m, "/cam_a/" + media).status == 200
    asked = hook.take()
    if e.sessions:
        assert asked == [], "a session is not asked for again"
        assert m.get("/hlssessions/list")["items"][0]["id"] == q["id"] and m.get("/hlssessions/list")["items"][0]["query"] == "token=abc"
    elif e.exact:
        assert [x["query"] for x in asked] == [""] and q["id"] is None, "each request, and without the first one's token"
    open_index(m, "cam_a", **basic("ana", "seg"))
    q = hook.take()[-1]
    assert (q["user"], q["password"], q["query"]) == ("ana", "seg", "") and q.get("token", "seg") == "seg"
    if e.rights:
        open_index(m, "cam_a", Authorization="Bearer abc")
        q = hook.take()[-1]
        assert (q["user"], q["password"], q["token"]) == ("", "", "abc"), q
    for status in (401, 403, 500):
        hook.answer = lambda q: 200 if q["action"] == "api" else status
        a, _ = open_index(m, "cam_a", "?token=bad")
        assert a.status == 401 and a.headers["WWW-Authenticate"] == 'Basic realm="mediamtx"', (a.status, a.headers)
        assert a.body == b"" if e.exact == "1.5" else not e.exact or a.json == {"status": "error", "error": "authentication error"}
    assert (hls(m, "/cam_a/" + media).status == 200) == e.sessions, "a session outlives the right"
    a, _ = open_index(m, "cam_a", **basic("ana", "bad"))
    assert a.status == 401 and not a.headers["WWW-Authenticate"]
    hook.take()
    open_index(m, "nobody", "?token=abc")
    assert hook.take() == [], "nobody asks for what is not there"
    if e.rights:
        hook.answer = lambda q: 403 if q["action"] == "api" and q["user"] != "vigia" else 200
        a = m.call("GET", "/paths/list")
        assert a.status == 401 and a.headers["WWW-Authenticate"] and a.json["error"] == "authentication error"
        hook.take()
        assert m.call("GET", "/paths/list?page=0", headers=basic("vigia", "seg")).status == 200
        q = hook.take("api")[-1]
        assert (q["user"], q["password"], q["token"], q["path"], q["protocol"], q["id"], q["query"]) == ("vigia", "seg", "seg", "", "", None, "page=0"), q
    hook.server.shutdown()
    hook.server.server_close()
    assert open_index(m, "cam_a", "?token=abc")[0].status == 401, "nobody to ask"


def api_rights(m):
    """The API behind a password, from 1.6 on."""
    e = Expect(m)
    redacted = [u for u in e.global_conf["authInternalUsers"] if u["user"] == "vigia"][0]["pass"]
    assert e.exact is None or redacted == "<redacted>"
    a = m.call("GET", "/paths/list", headers={"Authorization": ""})
    assert a.status == 401 and a.headers["WWW-Authenticate"] == 'Basic realm="mediamtx"' and a.json["error"] == "authentication error"
    assert m.call("GET", "/nosuch", headers={"Authorization": ""}).status == 401, "rights come before routes"
    a = m.call("GET", "/paths/list", headers=basic("vigia", "wrong"))
    assert a.status == 401 and not a.headers["WWW-Authenticate"] and a.json["error"] == "authentication error"
    assert m.call("GET", "/paths/list").status == 200
    assert m.call("GET", "/paths/list", headers={"Authorization": "Bearer vigia:s"}).status == 200


def excluded(m, hook):
    """authHTTPExclude: the API is not asked for."""
    assert m.call("GET", "/paths/list").status == 200 and hook.take("api") == []
    assert m.get("/config/global/get")["authHTTPExclude"] == [{"action": "api", "path": ""}]


def suite(what):
    label = what if what.startswith("fake:") else "real " + ".".join(map(str, Mediamtx(what, start=False).version))
    shared = []

    def mediamtx():
        if not shared:
            m = Mediamtx(what)
            atexit.register(m.__exit__, None, None, None)
            m.expect = Expect(m)
            shared.append(m)
            ran.append(f"{label} (by asking: {m.expect.name})")
        return shared[0]

    for sentence, check in (("its version is found by asking", versions), ("its global configuration tells who may", global_conf),
                            ("paths are added, read, changed and removed", changes), ("what is wrong is refused in the known words", refusals),
                            ("durations", durations), ("lists come in pages", pages), ("a camera that answers and one that does not", states),
                            ("what disturbs a running path", disturbs), ("a refused change of one path and the others", spoilt), ("viewers", viewers),
                            ("a camera that ends and returns", back_again), ("a restart forgets", restarts)):
        def run(check=check):
            if check is not restarts:
                clean(mediamtx())
            check(mediamtx())

        test(f"{label}: {sentence}")(run)

    @test(f"{label}: who may read is asked of us")
    def _():
        hook = Hook()
        with Mediamtx(what, auth_url=hook.url, options=["--auth-delay", "0.1"]) as m:
            asks(m, hook)

    if mediamtx_has_rights(what):
        @test(f"{label}: the API behind a password")
        def _():
            with Mediamtx(what, user="vigia", password="s", options=["--auth-delay", "0.1"]) as m:
                api_rights(m)

        @test(f"{label}: the API left out of what is asked")
        def _():
            hook = Hook()
            with Mediamtx(what, auth_url=hook.url, config="authHTTPExclude: [{action: api}]", options=["--auth-exclude", "api"]) as m:
                excluded(m, hook)


def mediamtx_has_rights(what):
    return Mediamtx(what, start=False).version >= (1, 6, 0)


for target in PROFILES + real_binaries():
    suite(target)


@test("the fake one's knobs do what they say")
def knobs():
    for what in PROFILES:
        with Mediamtx(what, options=["--sources", "ready"]) as m:
            add(m, "camera_1")
            assert ready(m, "camera_1")["tracks"] == ["H264"]
            m.knob("path", name="camera_1", tracks=["H265", "MPEG-4 Audio"], bytes=77)
            assert (p := m.path("camera_1"))["tracks"] == ["H265", "MPEG-4 Audio"] and p["bytesReceived"] == 77
            m.knob("path", name="camera_1", ready=False)
            assert m.path("camera_1")["ready"] is False
            m.knob("path", name="camera_1", ready=True)
            m.knob("viewers", name="camera_1", n=3)
            assert len(m.path("camera_1")["readers"]) == (3 if what == "fake:1.20" else 1)
            m.knob("foreign", names=["theirs_1", "theirs_2"])
            assert [p["name"] for p in m.get("/paths/list")["items"]] == ["camera_1", "theirs_1", "theirs_2"]
            m.knob("lose", name="camera_1")
            assert not m.path("camera_1") and m.add("camera_1", DEAD).status == 200
            m.knob("set", effect_delay=60)
            assert m.add("camera_2", DEAD).status == 200 and not m.path("camera_2")
            m.knob("set", effect_delay=0)
            m.knob("refuse", status=503, text="no", only="GET /v3/paths/list", times=1)
            assert m.call("GET", "/paths/list").status == 503 and m.call("GET", "/paths/list").status == 200
            m.knob("refuse", drop=True)
            try:
                m.call("GET", "/paths/list")
                raise AssertionError("an answer came")
            except (OSError, urllib.error.URLError, http.client.HTTPException):
                m.knob("refuse")
            m.knob("stats", reset=True)
            m.knob("slow", seconds=0.5)
            calls = [threading.Thread(target=m.call, args=("GET", "/paths/get/camera_1")) for _ in range(4)]
            [t.start() for t in calls]
            [t.join() for t in calls]
            assert m.knob("stats") == {"calls": {"GET /paths/get": 4}, "total": 4, "max_concurrent": 4, "auth_asks": 0}
            m.knob("slow")
            m.knob("restart")

            def forgotten():
                try:
                    return m.get("/config/paths/list")["itemCount"] == 0
                except OSError:
                    return False

            wait_for("the restart", forgotten)


@test("the fake one takes a token and asks for it")
def token():
    with Mediamtx("fake:1.20", bearer="t0k", options=["--auth-delay", "0"]) as m:
        assert m.call("GET", "/paths/list").status == 200
        assert m.call("GET", "/paths/list", headers={"Authorization": "Bearer no"}).status == 401
        assert m.call("GET", "/paths/list", headers={"Authorization": ""}).headers["WWW-Authenticate"]


@test("a real MediaMTX was asked too")
def real():
    print("# ran: " + "; ".join(ran), flush=True)
    if not real_binaries():
        raise Skip("skipped: no binary in $VIGIA_MEDIAMTX and no mediamtx on PATH")


main()
