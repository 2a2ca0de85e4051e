#!/usr/bin/env python3
"""A MediaMTX for tests: the control API of 1.5 or of 1.20, as tests/system/mediamtx_api.py proves against the real ones. It serves no media,
but index.m3u8 obeys its rights as theirs does.

  mediamtx_fake.py --profile 1.5|1.20 --api-port N --hls-port N [--user U --password P | --bearer T] [--auth-url URL [--auth-exclude api,metrics]]
                   [--sources connect|ready|never] [--ready-after S] [--effect-delay S] [--auth-delay S]

--sources connect: a path is ready while its RTSP source answers, tried every 5 s; ready: as soon as it is there; never: by the knob only.
As a class: with Fake("1.20", sources="ready") as f: f.api, f.hls, f.knob("viewers", name="camera_1", n=2).
Knobs are POST /fake/<name> at the API's port with a JSON object, without rights and uncounted; they are the methods knob_<name>."""
import argparse
import base64
import contextlib
import http.server
import itertools
import json
import random
import re
import selectors
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from mediamtx_rules import DEFAULTS, Refused, Rules, go_json, go_time, go_uint31, go_uuid

MUXER_CLOSE_AFTER = 60
RETRY = 5
RATE = 50000  # bytes a second that a ready path is said to receive


# --- running paths ---
class Path:
    keys = itertools.count()

    def __init__(self, conf):
        self.name, self.conf, self.key = conf["name"], conf, next(self.keys)
        self.made = time.time()
        self.ready_since, self.online_since, self.forced = None, None, None
        self.tracks, self.bytes, self.rate = ["H264"], None, RATE

    @property
    def pulls(self):
        return "://" in self.conf["source"] and not self.conf["sourceOnDemand"]

    def become(self, ready):
        if ready and not self.ready_since:
            self.ready_since = self.online_since = time.time()
        elif not ready:
            self.ready_since = None

    def received(self):
        if self.bytes is not None:
            return self.bytes
        return int((time.time() - self.ready_since) * self.rate) if self.ready_since else 0

    def item(self, new, readers):
        ready, since = bool(self.ready_since), go_time(self.ready_since) if self.ready_since else None
        kind = self.conf["source"].split(":", 1)[0].rstrip("s") + "Source"
        source = {"type": kind, "id": ""} if self.pulls or ready else None
        tracks, received = self.tracks if ready else [], self.received()
        if not new:
            return {"name": self.name, "confName": self.conf["name"], "source": source, "ready": ready, "readyTime": since, "tracks": tracks,
                    "bytesReceived": received, "bytesSent": 0, "readers": readers}
        props = {"width": 640, "height": 360, "profile": "Baseline", "level": "3"}
        return {"name": self.name, "confName": self.conf["name"], "ready": ready, "readyTime": since, "available": ready, "availableTime": since,
                "online": bool(source), "onlineTime": (go_time(self.online_since) if self.online_since else "0001-01-01T00:00:00Z") if source else None,
                "source": source, "tracks": tracks, "tracks2": [{"codec": t, "codecProps": props if t in ("H264", "H265") else {}} for t in tracks],
                "readers": readers, "inboundBytes": received, "outboundBytes": 0, "inboundFramesInError": 0, "bytesReceived": received, "bytesSent": 0}


class Puller(threading.Thread):
    """Finds out whether sources answer: one thread, however many paths. A source is a camera where OPTIONS is answered."""

    def __init__(self, fake):
        super().__init__(daemon=True)
        self.fake, self.selector, self.open, self.again, self.ended = fake, selectors.DefaultSelector(), {}, {}, False

    def run(self):
        while not self.ended:
            with self.fake.lock:
                self.fake.settle()
                paths = {p.key: p for p in self.fake.running.values() if p.pulls}
            for key in [k for k in self.open if k not in paths]:
                self.drop(key)
            self.again = {k: t for k, t in self.again.items() if k in paths}
            for key, p in paths.items():
                if key not in self.open and time.monotonic() >= self.again.get(key, 0):
                    self.connect(key, p)
            for ready, events in self.selector.select(0.01):
                self.event(ready.data, events)
        for key in list(self.open):
            self.drop(key)
        self.selector.close()

    def connect(self, key, path):
        self.again[key] = time.monotonic() + RETRY
        url = urllib.parse.urlsplit(path.conf["source"])
        try:
            s = socket.socket()
            s.setblocking(False)
            self.open[key] = (s, path, url)
            if s.connect_ex((url.hostname or "", min(url.port or 554, 65535))) not in (0, 115):
                raise OSError
            self.selector.register(s, selectors.EVENT_WRITE, key)
        except (OSError, ValueError):
            self.drop(key)

    def event(self, key, events):
        s, path, url = self.open[key]
        try:
            if events & selectors.EVENT_WRITE:
                s.send(f"OPTIONS rtsp://{url.hostname}{url.path} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
                self.selector.modify(s, selectors.EVENT_READ, key)
            elif not s.recv(4096):
                raise OSError
            else:
                with self.fake.lock:
                    path.become(True)
        except OSError:
            self.drop(key)

    def drop(self, key):
        s, path, _ = self.open.pop(key)
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(s)
        s.close()
        self.again[key] = time.monotonic() + RETRY
        with self.fake.lock:
            if path.forced is None:
                path.become(False)


class Viewer:
    def __init__(self, path, query="", remote="127.0.0.1:40000", agent="fake", user="", ends=True):
        self.id, self.secret, self.path, self.query, self.remote, self.agent, self.user = str(uuid.uuid4()), str(uuid.uuid4()), path, query, remote, agent, user
        self.created = self.last = time.time()
        self.ends, self.sent = ends, 0

    def item(self):
        return {"id": self.id, "created": go_time(self.created), "remoteAddr": self.remote, "path": self.path, "query": self.query, "user": self.user,
                "userAgent": self.agent, "isCDN": False, "outboundBytes": self.sent}


class Fake(contextlib.AbstractContextManager):
    def __init__(self, profile, api_port=0, hls_port=0, rtsp_port=8554, user=None, password=None, bearer=None, auth_url=None, auth_exclude=(), sources="connect",
                 ready_after=0.0, effect_delay=0.002, auth_delay=0.5, session_close_after=30, start=True):
        self.profile, self.new, self.rules = profile, profile == "1.20", Rules(profile)
        self.ports, self.rtsp_port = [api_port, hls_port], rtsp_port
        self.user, self.password, self.bearer, self.auth_url, self.auth_exclude = user, password, bearer, auth_url, list(auth_exclude)
        self.sources, self.ready_after, self.effect_delay, self.auth_delay = sources, ready_after, effect_delay, auth_delay
        self.session_close_after = session_close_after
        self.lock = threading.RLock()
        self.slow, self.refusing = [], []
        self.servers, self.puller = [], None
        self.forget_calls()
        if start:
            self.start()

    # --- life ---
    def start(self):
        self.given, self.confs, self.unproved = {}, {}, set()  # as asked for; as last valid; names whose patch was refused
        self.shown, self.running, self.effects = {}, {}, []
        self.viewers, self.muxers = [], {}
        self.started = time.time()
        for i, handler in enumerate((Api, Hls)):
            server = Server(("127.0.0.1", self.ports[i]), handler)
            server.fake = self
            self.ports[i] = server.server_address[1]
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            self.servers.append(server)
        self.api, self.hls = (f"http://127.0.0.1:{p}" for p in self.ports)
        if self.sources == "connect":
            self.puller = Puller(self)
            self.puller.start()

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
            server.drop_connections()
        if self.puller:
            self.puller.ended = True
            self.puller.join()
        self.servers, self.puller = [], None

    def restart(self, down=0.0):
        self.stop()
        time.sleep(down)
        self.start()

    def __exit__(self, *_):
        self.stop()

    # --- configuration ---
    def change(self, name, how, given):
        """add, patch, replace or delete, as the version does it."""
        if how in ("patch", "delete") or (how == "replace" and not self.new):
            if name not in self.given:
                raise Refused(404, "path not found")
        if how == "add" and name in self.given:
            raise Refused(400, "path already exists")
        if how == "patch":
            given = {**self.given[name], **given}
            if self.new:  # stays even where it is refused, and spoils every other change until it is mended
                self.given[name] = given
                self.unproved.add(name)
        proved = {n: self.rules.whole(n, self.given[n]) for n in sorted(self.unproved) if n != name}
        proved[name] = None if how == "delete" else self.rules.whole(name, given)
        self.unproved.clear()
        self.given[name] = given
        self.confs.update(proved)
        if how == "delete":
            del self.given[name], self.confs[name]
        if not self.new:
            self.shown = dict(self.confs)
        self.effects += [(time.monotonic() + self.effect_delay, n, conf) for n, conf in proved.items()]

    def settle(self):
        """Brings in what was answered with 200 and is due."""
        now = time.monotonic()
        while self.effects and self.effects[0][0] <= now:
            _, name, conf = self.effects.pop(0)
            if self.new:
                self.shown.pop(name, None)
                if conf:
                    self.shown[name] = conf
            self.apply(name, conf)
        for p in self.running.values():
            if p.forced is not None:
                p.become(p.forced)
            elif self.sources == "ready" and p.pulls:
                p.become(time.time() - p.made >= self.ready_after)
        self.viewers = [v for v in self.viewers if not (v.ends and time.time() - v.last >= self.session_close_after)
                        and v.path in self.running and self.running[v.path].ready_since]
        self.muxers = {n: m for n, m in self.muxers.items() if n in self.running and self.running[n].ready_since
                       and (time.time() - m["last"] < MUXER_CLOSE_AFTER or any(v.path == n for v in self.viewers))}

    def apply(self, name, conf):
        old = self.running.get(name)
        if old and conf and not self.rules.restarts(old.conf, conf):
            old.conf = conf
            return
        self.running.pop(name, None)
        self.viewers = [v for v in self.viewers if v.path != name]
        self.muxers.pop(name, None)
        if conf and not name.startswith("~") and name not in ("all", "all_others"):
            self.running[name] = Path(conf)

    # --- lists ---
    def readers(self, name):
        if self.new:
            return [{"type": "hlsSession", "id": v.id} for v in self.viewers if v.path == name]
        return [{"type": "hlsMuxer", "id": ""}] if name in self.muxers else []

    def muxer_item(self, name):
        m = self.muxers[name]
        item = {"path": name, "created": go_time(m["created"]), "lastRequest": go_time(m["last"])}
        return {**item, "outboundBytes": m["sent"], "outboundFramesDiscarded": 0, "bytesSent": m["sent"]} if self.new else {**item, "bytesSent": m["sent"]}

    def touch_muxer(self, name):
        self.muxers.setdefault(name, {"created": time.time(), "sent": 0})["last"] = time.time()

    def global_conf(self):
        out = {**DEFAULTS[self.profile]["global"], "apiAddress": f"127.0.0.1:{self.ports[0]}", "hlsAddress": f"127.0.0.1:{self.ports[1]}", "rtspAddress": f"127.0.0.1:{self.rtsp_port}"}
        if not self.new:
            return {**out, "externalAuthenticationURL": self.auth_url or ""}
        if self.user:
            out["authInternalUsers"] = [{"user": "any", "pass": "", "ips": [], "permissions": [{"action": a, "path": ""} for a in ("read", "publish")]},
                                        {"user": self.user, "pass": "<redacted>", "ips": [], "permissions": [{"action": a, "path": ""} for a in ("api", "metrics")]}]
        exclude = [{"action": a, "path": ""} for a in self.auth_exclude]
        return {**out, "authMethod": "http" if self.auth_url else "jwt" if self.bearer else "internal", "authHTTPAddress": self.auth_url or "", "authHTTPExclude": exclude}

    # --- rights ---
    def ask(self, **fields):
        """Whether the outer server lets it be."""
        order = ["ip", "user", "password", "token", "action", "path", "protocol", "id", "query", "userAgent"] if self.new else \
                ["ip", "user", "password", "path", "protocol", "id", "action", "query"]
        with self.lock:
            self.asks += 1
        request = urllib.request.Request(self.auth_url, go_json({k: fields.get(k, None if k == "id" else "") for k in order}), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as r:
                return 200 <= r.status < 300
        except (OSError, urllib.error.URLError):
            return False

    def credentials(self, header):
        """user, password, token of an Authorization header, as the version reads it."""
        if header.startswith("Bearer ") and self.new:
            user, colon, password = header[7:].partition(":")
            return (user, password, password) if colon else ("", "", header[7:])
        if header.startswith("Basic "):
            with contextlib.suppress(ValueError):
                user, _, password = base64.b64decode(header[6:]).decode().partition(":")
                return user, password, password if self.new else ""
        return "", "", ""

    def api_allowed(self, header, query):
        """None, or the refusal: whether at once with a question for credentials."""
        user, password, token = self.credentials(header)
        none = not user and not password
        if self.auth_url and self.new:
            if "api" in self.auth_exclude or self.ask(ip="127.0.0.1", user=user, password=password, token=token, action="api", query=query):
                return None
            none = none and not token
        elif self.user:
            if (user, password) == (self.user, self.password or ""):
                return None
        elif not self.bearer or header == "Bearer " + self.bearer:
            return None
        elif self.bearer:
            none = none and not token
        return "at once" if none else "later"

    # --- counting ---
    def forget_calls(self):
        self.calls, self.asks, self.now, self.most = {}, 0, 0, 0

    @contextlib.contextmanager
    def counted(self, kind):
        with self.lock:
            self.calls[kind] = self.calls.get(kind, 0) + 1
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            yield
        finally:
            with self.lock:
                self.now -= 1

    # --- knobs ---
    def knob(self, what, **values):
        with self.lock:
            self.settle()
            return getattr(self, "knob_" + what)(**values) or {}

    def knob_slow(self, seconds=0, only=""):
        """Each API answer comes so much later; only: a regular expression of "METHOD /path". 0 ends it."""
        self.slow = [(re.compile(only), seconds)] if seconds else []

    def knob_refuse(self, status=0, text="refused", only="", times=-1, drop=False):
        """API answers are this status, or the connection is closed without one; 0 ends it."""
        self.refusing = [{"only": re.compile(only), "status": status, "text": text, "left": times, "drop": drop}] if status or drop else []

    def knob_lose(self, name, configuration=True):
        """The path is gone by itself, with its configuration or only from the running ones."""
        if configuration:
            for of in (self.given, self.confs, self.shown):
                of.pop(name, None)
            self.unproved.discard(name)
        self.apply(name, None)

    def knob_path(self, name, ready=None, tracks=None, bytes=None, rate=None):
        p = self.running[name]
        p.forced = p.forced if ready is None else ready
        p.tracks, p.bytes, p.rate = tracks if tracks is not None else p.tracks, bytes if bytes is not None else p.bytes, rate if rate is not None else p.rate
        if ready is not None:
            p.become(ready)

    def knob_foreign(self, names, source="publisher", **more):
        """Paths that somebody else configured."""
        for name in names:
            self.change(name, "add", {"source": source, **more})
            self.effects[-1] = (0, *self.effects[-1][1:])

    def knob_viewers(self, name, n, query=""):
        """So many viewers of the path, until told otherwise."""
        self.viewers = [v for v in self.viewers if v.path != name or v.ends] + [Viewer(name, query, f"127.0.0.1:{40000 + i}", ends=False) for i in range(n)]
        if n:
            self.touch_muxer(name)
        else:
            self.muxers.pop(name, None)

    def knob_restart(self, down=0.0):
        """Everything configured is forgotten; for so many seconds nothing listens. Answers before it goes."""
        threading.Timer(0.05, self.restart, (down,)).start()

    def knob_set(self, **values):
        """user, password, bearer, auth_url, auth_exclude, auth_delay, effect_delay, sources, ready_after, session_close_after."""
        for k, v in values.items():
            assert hasattr(self, k), k
            setattr(self, k, v)

    def knob_stats(self, reset=False):
        out = {"calls": dict(self.calls), "total": sum(self.calls.values()), "max_concurrent": self.most, "auth_asks": self.asks}
        if reset:
            self.forget_calls()
        return out

    def knob_state(self):
        return {"paths": {n: c["source"] for n, c in self.confs.items()}, "spoilt_by": sorted(self.unproved), "ready": [n for n, p in self.running.items() if p.ready_since]}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size, allow_reuse_address = True, 256, True

    def __init__(self, *args):
        self.open = set()
        super().__init__(*args)

    def process_request(self, request, address):
        self.open.add(request)
        super().process_request(request, address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self):
        for s in list(self.open):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, server_version, sys_version, disable_nagle_algorithm, wbufsize = "HTTP/1.1", "mediamtx", "", True, -1

    def version_string(self):
        return "mediamtx"

    def log_message(self, *_):
        pass

    @property
    def fake(self):
        return self.server.fake

    def answer(self, status, body=b"", kind="application/json; charset=utf-8", **headers):
        self.send_response(status)
        if body:
            self.send_header("Content-Type", kind)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, text, **headers):
        self.answer(status, go_json({"status": "error", "error": text} if self.fake.new else {"error": text}), **headers)

    def not_found(self):
        self.answer(404, b"404 page not found", "text/plain")


class Api(Handler):
    def handle_call(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urllib.parse.unquote(url.path)
        if path.startswith("/fake/"):
            return self.do_knob(path[6:], body)
        kind = f"{self.command} {re.sub(r'^(/(config/)?[a-z]+/(add|patch|replace|delete|get|kick))/.*', chr(92) + '1', path.removeprefix('/v3'))}"
        with self.fake.counted(kind):
            for only, seconds in list(self.fake.slow):
                if only.search(f"{self.command} {path}"):
                    time.sleep(seconds)
            if self.refused(path):
                return
            if self.permitted(url.query):
                try:
                    self.route(path, dict(urllib.parse.parse_qsl(url.query)), body)
                except Refused as why:
                    self.error(why.status, str(why))

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = handle_call

    def do_knob(self, what, body):
        try:
            out = self.fake.knob(what, **json.loads(body or b"{}"))
        except (AttributeError, TypeError, ValueError, KeyError, AssertionError, Refused) as e:
            return self.answer(400, go_json({"error": repr(e)}))
        self.answer(200, go_json(out))

    def refused(self, path):
        with self.fake.lock:
            for r in self.fake.refusing:
                if r["left"] and r["only"].search(f"{self.command} {path}"):
                    r["left"] -= 1
                    break
            else:
                return False
        if r["drop"]:
            self.close_connection = True
        else:
            self.error(r["status"], r["text"])
        return True

    def permitted(self, query):
        refusal = self.fake.api_allowed(self.headers.get("Authorization") or "", query)
        if refusal == "at once":
            self.error(401, "authentication error", WWW_Authenticate='Basic realm="mediamtx"')
        elif refusal:
            time.sleep(random.uniform(0, self.fake.auth_delay))
            self.error(401, "authentication error")
        return refusal is None

    def route(self, path, query, body):
        fake, m = self.fake, re.fullmatch(r"/v3/config/paths/(add|patch|replace|delete|get)/(.*)", path)
        if m and self.command == {"patch": "PATCH", "delete": "DELETE", "get": "GET"}.get(m[1], "POST"):
            if not m[2]:
                raise Refused(400, "invalid name")
            return self.configured(m[2]) if m[1] == "get" else self.change(m[2], m[1], body)
        if path.endswith("/") and path.count("/") == 4:
            return self.answer(301, f'<a href="{path[:-1]}">Moved Permanently</a>.\n\n'.encode(), "text/html; charset=utf-8", Location=path[:-1])
        with fake.lock:
            fake.settle()
            found = self.look(path) if self.command == "GET" else self.kick(path) if self.command == "POST" else None
        if found is None:
            return self.not_found()
        if isinstance(found, list):
            found = self.page(found, query)
        self.answer(200, go_json(found))

    def change(self, name, how, body):
        given = self.fake.rules.parse(body) if how != "delete" else None
        with self.fake.lock:
            self.fake.change(name, how, given)
        self.answer(200, go_json({"status": "ok"}) if self.fake.new else b"")

    def configured(self, name):
        with self.fake.lock:
            self.fake.settle()
            if name not in self.fake.shown:
                raise Refused(404, "path configuration not found")
            self.answer(200, go_json(self.fake.shown[name]))

    def look(self, path):
        """What a GET finds: an object, a list to be paged, or None."""
        fake, new = self.fake, self.fake.new
        lists = {"/v3/config/paths/list": lambda: [fake.shown[n] for n in sorted(fake.shown)],
                 "/v3/paths/list": lambda: [fake.running[n].item(new, fake.readers(n)) for n in sorted(fake.running)],
                 "/v3/hlsmuxers/list": lambda: [fake.muxer_item(n) for n in sorted(fake.muxers, key=lambda n: fake.muxers[n]["created"])],
                 "/v3/rtspconns/list": list, "/v3/rtspsessions/list": list,
                 "/v3/config/global/get": fake.global_conf, "/v3/config/pathdefaults/get": lambda: DEFAULTS[fake.profile]["path"]}
        if new:
            lists["/v3/hlssessions/list"] = lambda: [v.item() for v in sorted(fake.viewers, key=lambda v: v.created)]
            lists["/v3/info"] = lambda: {"version": "v1.20.1", "started": go_time(fake.started)}
        if path in lists:
            return lists[path]()
        for prefix, of, missing, item in (("/v3/paths/get/", fake.running, "path", lambda n: fake.running[n].item(new, fake.readers(n))),
                                          ("/v3/hlsmuxers/get/", fake.muxers, "muxer", fake.muxer_item)):
            if path.startswith(prefix):
                name = path[len(prefix):]
                if name not in of:
                    raise Refused(404, missing + " not found")
                return item(name)
        return None

    def kick(self, path):
        m = re.fullmatch(r"/v3/(hls|rtsp)sessions/kick/([^/]+)", path)
        if not m or (m[1] == "hls" and not self.fake.new):
            return None
        id = go_uuid(m[2])
        gone = [v for v in self.fake.viewers if v.id == id and m[1] == "hls"]
        if not gone:
            raise Refused(404, "session not found")
        self.fake.viewers = [v for v in self.fake.viewers if v not in gone]
        return {"status": "ok"}

    def page(self, items, query):
        per_page, page = (go_uint31(query[k]) if query.get(k) else d for k, d in (("itemsPerPage", 100), ("page", 0)))
        if not per_page:
            if not self.fake.new:
                self.server.shutdown_request(self.connection)  # the real one divides by zero and is gone
                raise ConnectionError
            raise Refused(400, "invalid items per page")
        return {"itemCount": len(items), "pageCount": -(-len(items) // per_page), "items": items[page * per_page:(page + 1) * per_page]}


class Hls(Handler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        folder, _, file = urllib.parse.unquote(url.path)[1:].rpartition("/")
        if not re.search(r"\.(m3u8|mp4|ts|mp)$", file):
            return self.not_found() if not file else self.answer(302 if self.fake.new else 301, Location=f"/{folder + '/' if folder else ''}{file}/")
        with contextlib.suppress(Refused):
            self.one_twenty(url, folder, file) if self.fake.new else self.one_five(url, folder, file)

    def stream(self, name):
        with self.fake.lock:
            self.fake.settle()
            return name in self.fake.running, name in self.fake.running and bool(self.fake.running[name].ready_since)

    def allowed(self, folder, query, id=None):
        """Asks; a refusal is answered here."""
        fake = self.fake
        user, password, token = fake.credentials(self.headers.get("Authorization") or "")
        more = {"id": id, "userAgent": self.headers.get("User-Agent") or ""} if fake.new else {}
        if not fake.auth_url or fake.ask(ip="127.0.0.1", user=user, password=password, token=token, action="read", path=folder, protocol="hls", query=query, **more):
            return user
        body = go_json({"status": "error", "error": "authentication error"}) if fake.new else b""
        if user or password or token:
            time.sleep(random.uniform(0, fake.auth_delay))
            self.answer(401, body)
        else:
            self.answer(401, body, WWW_Authenticate='Basic realm="mediamtx"')
        raise Refused(401, "")

    def one_five(self, url, folder, file):
        """Every request is asked for, with its own query."""
        known, ready = self.stream(folder)
        if not known:
            return self.not_found()
        self.allowed(folder, url.query)
        if not ready:
            return self.not_found()
        self.playlist(folder, file, "stream.m3u8", 9, None)

    def one_twenty(self, url, folder, file):
        """A cookie check, one question, then a session."""
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        if file != "index.m3u8":
            secret = (query.get("session") or [""])[0]
            with self.fake.lock:
                viewer = next((v for v in self.fake.viewers if v.secret == secret and v.path == folder), None)
                if viewer:
                    viewer.last = time.time()
            if not viewer:
                return self.error(401, "authentication error")
            return self.playlist(folder, file, "", 10, viewer)
        checked = query.pop("cookieCheck", [""])[0] == "1"
        rest = urllib.parse.urlencode(sorted(query.items()), doseq=True)
        if not checked:
            whole = urllib.parse.urlencode(sorted({**query, "cookieCheck": "1"}.items()), doseq=True)
            return self.answer(302, Location=f"{url.path}?{whole}", Set_Cookie="cookieCheck=1; HttpOnly; Secure; SameSite=None; Partitioned")
        known, ready = self.stream(folder)
        if not known:
            return self.error(500, f"path '{folder}' is not configured")
        viewer = Viewer(folder, rest, "%s:%d" % self.client_address[:2], self.headers.get("User-Agent") or "")
        viewer.user = self.allowed(folder, rest, viewer.id)
        if not ready:
            return self.error(404, f"no stream is available on path '{folder}'")
        with self.fake.lock:
            self.fake.viewers.append(viewer)
        media = urllib.parse.urlencode(sorted({**query, "session": viewer.secret}.items()), doseq=True)
        self.playlist(folder, file, "video1_stream.m3u8?" + media, 10, viewer)

    def playlist(self, folder, file, media, version, viewer):
        if file == "index.m3u8":
            text = (f"#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-INDEPENDENT-SEGMENTS\n\n#EXT-X-STREAM-INF:BANDWIDTH=400000,AVERAGE-BANDWIDTH=400000,"
                    f'CODECS="avc1.42c01e",RESOLUTION=640x360,FRAME-RATE=25.000\n{media}\n')
        elif file.endswith("stream.m3u8"):
            text = f"#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:1\n"
        else:
            return self.not_found()
        with self.fake.lock:
            self.fake.touch_muxer(folder)
            self.fake.muxers[folder]["sent"] += len(text)
            if viewer:
                viewer.sent += len(text)
        caching = "private, no-cache" if self.fake.new else "max-age=30" if file == "index.m3u8" else "no-cache"
        self.answer(200, text.encode(), "application/vnd.apple.mpegurl", Cache_Control=caching)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", choices=["1.5", "1.20"], required=True)
    for port in ("api", "hls"):
        parser.add_argument(f"--{port}-port", type=int, default=0)
    parser.add_argument("--rtsp-port", type=int, default=8554)
    for text in ("user", "password", "bearer", "auth-url"):
        parser.add_argument("--" + text)
    parser.add_argument("--auth-exclude", type=lambda s: s.split(","), default=[])
    parser.add_argument("--sources", choices=["connect", "ready", "never"], default="connect")
    for seconds, default in (("ready-after", 0.0), ("effect-delay", 0.002), ("auth-delay", 0.5), ("session-close-after", 30.0)):
        parser.add_argument("--" + seconds, type=float, default=default)
    fake = Fake(**vars(parser.parse_args()))
    print(f"api {fake.api} hls {fake.hls}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
