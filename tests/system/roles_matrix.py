#!/usr/bin/env python3
# lane: 2
"""Every route and every role: who may, who may not, and that nobody reaches anything of another city by any address. The routes are read from
the source: one that is not in the table below fails. Two cities with a camera, footage, gap, hold, mark, notice and users each; everything of
the first is called zeta-something, everything of the second xis-something, and neither's people may ever read the other's word."""
import contextlib
import datetime
import glob
import os
import re
import socket
import sqlite3
import urllib.parse

from _site import *

SRC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src", "api")
ROLES = {"adm": "administrator", "op": "operator", "vera": "viewer", "aud": "auditor"}
ALL = {"admin", "adm", "op", "vera", "aud"}
PICTURES = {"admin", "adm", "op", "vera"}
RUN = {"admin", "adm", "op"}
ADMINISTER = {"admin", "adm"}
SITE = {"admin"}
AUDIT = {"admin", "adm", "aud"}
HERE, THERE = "zeta", "xis"  # every id begins so
GOOD = (200, 201, 202, 204, 206)
W = None  # the world, made once


QUERIES = {}  # route -> the names its query knows


def routes_of_the_source():
    found = []
    for path in sorted(glob.glob(os.path.join(SRC, "*.c"))):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for method, pattern, rest in re.findall(r'\{\s*"(GET|POST|PUT|PATCH|DELETE|OPTIONS|HEAD)",\s*("[^"]+"|[A-Z_]+)([^{}]*)\}', text):
            if not pattern.startswith('"'):
                with open(os.path.join(SRC, "api.h"), encoding="utf-8") as f:
                    pattern = re.search(rf"#define {pattern} (\"[^\"]+\")", f.read())[1]
            found.append(f"{method} {pattern[1:-1]}")
            QUERIES[found[-1]] = " ".join(re.findall(r'"([^"]*)"', rest)).split()
    return found


# --- the world ---

class World:
    def __init__(self):
        self.site = Site(file="10s", start=False, config="cleanup: {schedule: '0 3 * * *'}")
        s = self.site
        s.start()
        self.tokens, self.things, self.made = {"nobody": None, "admin": s.token}, {}, 0
        now = datetime.datetime.now(datetime.timezone.utc)
        for word in (HERE, THERE):
            city = f"{word}-city"
            s.post("/cities", {"id": city, "name": f"{word}-Cidade", "retention_days": 1, "time_zone": "America/Sao_Paulo"})
            s.add_camera(f"{word}-cam", city=city, group=f"{word}-grupo", notes=f"{word}-nota")
            for role, name in ROLES.items():
                s.post("/users", {"name": f"{word}-{role}", "role": name, "cities": [city], "password": PASSWORD, "language": "en"})
                self.tokens[f"{word}-{role}"] = s.post("/session", {"user": f"{word}-{role}", "password": PASSWORD})["token"]
        s.post("/streams/start", {"all": True})
        s.wait_live()
        self.since = now - datetime.timedelta(minutes=5)
        for word in (HERE, THERE):
            wait_for("a sealed file", lambda: any(r["status"] == "sealed" for r in s.recordings(f"{word}-cam")), 40)
        for word in (HERE, THERE):
            self.things[word] = {"city": f"{word}-city", "camera": f"{word}-cam", "user": f"{word}-vera",
                                 "recording": next(r for r in s.recordings(f"{word}-cam") if r["status"] == "sealed")["id"],
                                 "notice": f"{word}-notice"}
            self.make_hold(word)
            self.make_mark(word)
            s.call("PUT", f"/cities/{word}-city/layouts", {"items": [{"name": f"{word}-layout"}]})
            until = (now + datetime.timedelta(days=1)).isoformat()
            s.call("PUT", f"/cameras/{word}-cam/attention", {"state": "maintenance", "until": until, "note": f"{word}-attention"})
            s.delete(f"/cameras/{word}-cam/stream?reason={word}-obra")
            s.post(f"/cameras/{word}-cam/stream")
        self.notices()
        s.wait_live()

    def notices(self):
        """Notices come a day late: written into the catalogue while the server is away. Its tokens stay good."""
        s = self.site
        s.server.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(s.data, "catalog.sqlite"))) as db, db:
            for word in (HERE, THERE):
                db.execute("INSERT INTO notices VALUES (?, 0, ?, 20000, 1700000000000000)", (f"{word}-notice", f"{word}-city"))
                db.execute("INSERT INTO notice_items VALUES (?, 0, ?, ?, 1, 2, 3, 4, 5, 6)", (f"{word}-notice", f"{word}-cam", f"{word}-cam"))
                db.execute("INSERT INTO deliveries (notice_id, channel, target, language, status, attempts, last_error)"
                           " VALUES (?, 1, ?, 0, 2, 9, 'no')", (f"{word}-notice", f"{word}-mail@example.org"))
        s.start_server()
        self.tokens["admin"] = s.token

    def span(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        return {"from": self.since.isoformat(), "to": now.isoformat()}

    def make_hold(self, word):
        made = self.site.post("/holds", {"camera_ids": [f"{word}-cam"], **self.span(), "reason": f"{word}-inquérito"})
        self.things[word]["hold"] = made["id"]

    def make_mark(self, word):
        self.things[word]["mark"] = self.site.post("/marks", {"camera_ids": [f"{word}-cam"], "text": f"{word}-carro"})["id"]

    def make_camera(self, word):
        self.made += 1
        id = f"{word}-spare-{self.made}"
        self.site.add_camera(id, city=f"{word}-city", record=False)
        self.things[word]["camera"] = id

    def make_city(self, word):
        self.made += 1
        id = f"{word}-town-{self.made}"
        self.site.post("/cities", {"id": id, "name": id, "retention_days": 7})
        self.things[word]["city"] = id

    def make_user(self, word):
        self.made += 1
        id = f"{word}-person-{self.made}"
        self.site.post("/users", {"name": id, "role": "viewer", "cities": [f"{word}-city"], "password": PASSWORD})
        self.things[word]["user"] = id

    def new_id(self, word):
        self.made += 1
        return f"{word}-new-{self.made}"

    def actors(self):
        """(actor, its role's name, whether it sees the first city)"""
        yield "admin", "admin", True
        for role in ROLES:
            yield f"{HERE}-{role}", role, True
        for role in ROLES:
            yield f"{THERE}-{role}", role, False


def ask(actor, method, path, body=None, **headers):
    h = dict(headers)
    if W.tokens[actor]:
        h["Authorization"] = "Bearer " + W.tokens[actor]
    data = json.dumps(body).encode() if body is not None else None
    if data is not None:
        h["Content-Type"] = "application/json"
    return fetch(W.site.base + path, method, data, h)


# --- the table ---

class Rule:
    """may: roles that may do it to what is in their cities. path(word), body(word): about that city's things. thing: the address names one of
    them, and is 404 to those of another city; else its answer is of what the asker sees. says: a word that the answer to those who may has.
    refused: what those whose role may not get. fresh(world, word): makes what is used up, before each try that may do it."""

    def __init__(self, may, path=None, body=None, thing=None, says=None, good=GOOD, refused=(403,), fresh=None, special=None, outside=None):
        self.may, self.path, self.body, self.says, self.good, self.refused, self.fresh = may, path, body, says, good, refused, fresh
        self.thing, self.special, self.outside = thing, special, outside


def span_query():
    return urllib.parse.urlencode(W.span())


def at(path):
    return lambda word: "/api/v1" + path.format(**W.things[word], **{"word": word})


def spanned(path):
    return lambda word: at(path)(word) + ("&" if "?" in path else "?") + span_query()


def fixed(body):
    return lambda word: json.loads(json.dumps(body).replace("WORD", word))


def with_span(body):
    return lambda word: {**fixed(body)(word), **W.span()}


def new_user(word):
    return {"name": W.new_id(word), "role": "viewer", "cities": [f"{word}-city"], "password": PASSWORD}


def new_camera(word):
    return {"id": W.new_id(word), "name": "x", "city_id": f"{word}-city", "rtsp_url": "rtsp://127.0.0.1:1/x", "record": False}


def new_city(word):
    return {"id": W.new_id(word), "name": "x", "retention_days": 7}


def csv_of(word):
    return {"csv": f"id,city_id,name,rtsp_url,record\n{W.new_id(word)},{word}-city,x,rtsp://127.0.0.1:1/x,no\n"}


def attention(word):
    until = W.since + datetime.timedelta(days=1)
    return {"state": "maintenance", "until": until.isoformat(), "note": f"{word}-attention"}


def days():
    today = W.since.date()
    return {"from": today.isoformat(), "to": today.isoformat()}


TABLE = {
    # people
    "POST /api/v1/session": Rule(ALL, special="sign_in"),
    "GET /api/v1/session": Rule(ALL, at("/session")),
    "DELETE /api/v1/session": Rule(ALL, special="sign_out"),
    "GET /api/v1/users": Rule(ADMINISTER, at("/users?limit=1000"), says="{word}-op"),
    "POST /api/v1/users": Rule(ADMINISTER, at("/users"), new_user, thing=True),
    "GET /api/v1/users/{name}": Rule(ADMINISTER, at("/users/{word}-adm"), thing=True, special="self_or_administrator"),
    "PATCH /api/v1/users/{name}": Rule(ADMINISTER, at("/users/{user}"), fixed({"language": "en"}), thing=True, fresh="make_user"),
    "DELETE /api/v1/users/{name}": Rule(ADMINISTER, at("/users/{user}"), thing=True, fresh="make_user"),
    "GET /api/v1/audit": Rule(AUDIT, at("/audit?limit=1000"), says="{word}-cam"),
    "GET /api/v1/audit.csv": Rule(AUDIT, at("/audit.csv"), says="{word}-cam"),
    "GET /api/v1/preferences": Rule(ALL, at("/preferences")),
    "PUT /api/v1/preferences": Rule(ALL, at("/preferences"), fixed({"theme": "dark"})),
    "GET /api/v1/layouts": Rule(ALL, at("/layouts")),
    "PUT /api/v1/layouts": Rule(ALL, at("/layouts"), fixed({"items": []})),
    "GET /api/v1/cities/{id}/layouts": Rule(ALL, at("/cities/{word}-city/layouts"), thing=True, says="{word}-layout"),
    "PUT /api/v1/cities/{id}/layouts": Rule(RUN, at("/cities/{word}-city/layouts"), fixed({"items": [{"name": "WORD-layout"}]}), thing=True),
    # cities, cameras
    "GET /api/v1/cities": Rule(ALL, at("/cities?limit=1000"), says="{word}-city"),
    "POST /api/v1/cities": Rule(SITE, at("/cities"), new_city),
    "GET /api/v1/cities/{id}": Rule(ALL, at("/cities/{word}-city"), thing=True, says="{word}-Cidade"),
    "PATCH /api/v1/cities/{id}": Rule(ADMINISTER, at("/cities/{word}-city"), fixed({"retention_days": 1}), thing=True),
    "DELETE /api/v1/cities/{id}": Rule(SITE, at("/cities/{city}"), thing=True, fresh="make_city", refused=(403, 404)),
    "GET /api/v1/cities/{id}/retention-preview": Rule(ADMINISTER, at("/cities/{word}-city/retention-preview?days=5"), thing=True),
    "GET /api/v1/cameras": Rule(ALL, at("/cameras?limit=1000"), says="{word}-cam"),
    "POST /api/v1/cameras": Rule(ADMINISTER, at("/cameras"), new_camera, thing=True),
    "POST /api/v1/cameras/import": Rule(ADMINISTER, at("/cameras/import"), csv_of, special="import_into_own_city"),
    "POST /api/v1/cameras/test": Rule(ADMINISTER, at("/cameras/test"), fixed({"rtsp_url": "rtsp://127.0.0.1:1/x"}), good=(200, 503)),
    "GET /api/v1/cameras/{id}": Rule(ALL, at("/cameras/{word}-cam"), thing=True, says="{word}-nota"),
    "PATCH /api/v1/cameras/{id}": Rule(ADMINISTER, at("/cameras/{word}-cam"), fixed({"notes": "WORD-nota"}), thing=True),
    "DELETE /api/v1/cameras/{id}": Rule(ADMINISTER, at("/cameras/{camera}"), thing=True, fresh="make_camera"),
    # streams
    "GET /api/v1/streams": Rule(ALL, at("/streams?limit=1000"), says="{word}-attention"),
    "POST /api/v1/streams/start": Rule(RUN, at("/streams/start"), fixed({"camera_ids": ["WORD-cam"]}), special="bulk"),
    "POST /api/v1/streams/stop": Rule(RUN, at("/streams/stop"), fixed({"camera_ids": ["WORD-spare-none"]}), special="bulk"),
    "GET /api/v1/cameras/{id}/stream": Rule(ALL, at("/cameras/{word}-cam/stream"), thing=True, says="{word}-cam"),
    "POST /api/v1/cameras/{id}/stream": Rule(RUN, at("/cameras/{word}-cam/stream"), fixed({}), thing=True),
    "DELETE /api/v1/cameras/{id}/stream": Rule(RUN, at("/cameras/{camera}/stream"), fixed({"reason": "x"}), thing=True, fresh="make_camera"),
    "PUT /api/v1/cameras/{id}/attention": Rule(RUN, at("/cameras/{word}-cam/attention"), attention, thing=True),
    "GET /api/v1/cameras/{id}/viewers": Rule(RUN | AUDIT, at("/cameras/{word}-cam/viewers"), thing=True),
    # pictures
    "GET /hls/{stream}/index.m3u8": Rule(PICTURES, special="hls"),
    "GET /hls/{stream}/s/{session}/{name}": Rule(PICTURES, special="hls"),
    "OPTIONS /hls/{stream}/index.m3u8": Rule(PICTURES, special="hls"),
    "OPTIONS /hls/{stream}/s/{session}/{name}": Rule(PICTURES, special="hls"),
    "GET /api/v1/live": Rule(PICTURES, special="live"),
    "PUT /api/v1/live/{session}": Rule(PICTURES, special="live"),
    "DELETE /api/v1/live/{session}": Rule(PICTURES, special="live"),
    "GET /api/v1/cameras/{id}/keyframe.mp4": Rule(PICTURES, at("/cameras/{word}-cam/keyframe.mp4"), thing=True, good=(200, 404)),
    "GET /api/v1/cameras/{id}/playback.m3u8": Rule(PICTURES, spanned("/cameras/{word}-cam/playback.m3u8"), thing=True),
    "GET /api/v1/cameras/{id}/export.mp4": Rule(RUN, spanned("/cameras/{word}-cam/export.mp4"), thing=True),
    "GET /api/v1/cameras/{id}/export.json": Rule(RUN, spanned("/cameras/{word}-cam/export.json"), thing=True),
    "GET /api/v1/recordings/{id}/file": Rule(PICTURES, at("/recordings/{recording}/file"), thing=True, special="file_tokens"),
    "GET /api/v1/recordings/{id}/file.mp4": Rule(PICTURES, at("/recordings/{recording}/file.mp4"), thing=True, special="file_tokens"),
    # footage
    "GET /api/v1/recordings": Rule(ALL, at("/recordings?limit=1000"), says="{word}-cam"),
    "POST /api/v1/recordings/verify": Rule(ADMINISTER, at("/recordings/verify")),
    "GET /api/v1/recordings/{id}": Rule(ALL, at("/recordings/{recording}"), thing=True, says="{word}-cam"),
    "GET /api/v1/cameras/{id}/coverage": Rule(ALL, spanned("/cameras/{word}-cam/coverage"), thing=True),
    "GET /api/v1/coverage": Rule(ALL, lambda word: "/api/v1/coverage?" + urllib.parse.urlencode({"city_id": f"{word}-city", **days()}), thing=True),
    "GET /api/v1/coverage.csv": Rule(ALL, lambda word: f"/api/v1/coverage.csv?city_id={word}-city&month={W.since:%Y-%m}", thing=True),
    "GET /api/v1/gaps": Rule(ALL, at("/gaps?limit=1000"), says="{word}-cam"),
    "GET /api/v1/timeline": Rule(ALL, spanned("/timeline?camera_ids={word}-cam"), thing=True, says="{word}-cam"),
    "GET /api/v1/expiring": Rule(ALL, at("/expiring?days=30")),
    "GET /api/v1/promise": Rule(ALL, at("/promise"), says="{word}-city"),
    "GET /api/v1/situation": Rule(ALL, at("/situation")),
    "GET /api/v1/exports": Rule(ALL, at("/exports"), refused=(403,)),
    "GET /api/v1/marks": Rule(ALL, at("/marks?limit=1000"), says="{word}-carro"),
    "POST /api/v1/marks": Rule(RUN, at("/marks"), fixed({"camera_ids": ["WORD-cam"], "text": "WORD-carro"}), thing=True),
    "DELETE /api/v1/marks/{id}": Rule(ADMINISTER, at("/marks/{mark}"), thing=True, fresh="make_mark"),
    "GET /api/v1/holds": Rule(ALL, at("/holds?limit=1000"), says="{word}-cam"),
    "POST /api/v1/holds": Rule(RUN, at("/holds"), with_span({"camera_ids": ["WORD-cam"], "reason": "WORD-x"}), thing=True),
    "POST /api/v1/holds/preview": Rule(RUN, at("/holds/preview"), with_span({"camera_ids": ["WORD-cam"], "reason": "WORD-x"}), thing=True),
    "GET /api/v1/holds/{id}": Rule(ALL, at("/holds/{hold}"), thing=True, says="{word}-cam"),
    "DELETE /api/v1/holds/{id}": Rule(ADMINISTER, at("/holds/{hold}?reason=x"), thing=True, fresh="make_hold"),
    "GET /api/v1/notices": Rule(ALL, at("/notices?limit=1000"), says="{word}-notice"),
    "GET /api/v1/notices/{id}": Rule(ALL, at("/notices/{notice}"), thing=True, says="{word}-cam"),
    "POST /api/v1/notices/{id}/retry": Rule(ADMINISTER, at("/notices/{notice}/retry"), fixed({}), thing=True),
    # the site
    "GET /api/v1/status": Rule(ALL, at("/status")),
    "GET /metrics": Rule(SITE, lambda word: "/metrics"),
    "GET /": Rule(ALL | {"nobody"}, lambda word: "/"),
    "GET /healthz": Rule(ALL | {"nobody"}, lambda word: "/healthz"),
    "GET /readyz": Rule(ALL | {"nobody"}, lambda word: "/readyz"),
    "GET /api/v1/events": Rule(ALL, special="events"),
    "GET /api/v1/jobs/cleanup": Rule(ALL, at("/jobs/cleanup")),
    "GET /api/v1/jobs/cleanup/runs": Rule(ALL, at("/jobs/cleanup/runs")),
    "PATCH /api/v1/jobs/cleanup": Rule(SITE, at("/jobs/cleanup"), fixed({"deletion": True})),
    "POST /api/v1/jobs/cleanup/run": Rule(ADMINISTER, at("/jobs/cleanup/run"), fixed({"dry_run": True})),
    "POST /api/v1/mediamtx/auth": Rule(ALL | {"nobody"}, at("/mediamtx/auth"), fixed({}), good=(404,)),
}


# --- the tries ---

def try_one(route, rule, actor, role, inside):
    method = route.split()[0]
    may = role in rule.may
    if rule.fresh and (may or inside):
        getattr(W, rule.fresh)(HERE)
    word = HERE if inside or rule.thing else THERE
    a = ask(actor, method, rule.path(word), rule.body(word) if rule.body else None)
    what = f"{actor}: {route} -> {a.status} {a.body[:200]}"
    if not may:
        assert a.status in rule.refused + ((404, 422) if not inside else ()), what
    elif not inside and rule.thing:
        assert a.status in (rule.outside or (404, 422)), what
    else:
        assert a.status in rule.good, what
        if rule.says:
            assert rule.says.format(word=word).encode() in a.body, what
    if a.status >= 400:
        assert a.headers.get("Content-Type") == "application/problem+json", what
    # Of the other city not a word: what one asks for is echoed, nothing else.
    if actor != "admin" and (inside or not rule.thing):
        other = THERE if inside else HERE
        assert f"{other}-".encode() not in a.body, f"{actor}: {route} says of {other}: {a.body[max(0, a.body.find(other.encode()) - 200):][:400]}"


def try_route(route):
    rule = TABLE[route]
    method = route.split()[0]
    if rule.path:
        for actor, role, inside in W.actors():
            try_one(route, rule, actor, role, inside)
        a = ask("nobody", method, rule.path(HERE), rule.body(HERE) if rule.body else None)
        expected = rule.good if "nobody" in rule.may else (401,)
        assert a.status in expected, f"nobody: {route} -> {a.status} {a.body[:200]}"
        # An administrator of the first city asks for what is the second's.
        if rule.thing and rule.body is None and rule.fresh is None:
            for role in ROLES:
                a = ask(f"{HERE}-{role}", method, rule.path(THERE))
                assert a.status in (403, 404), f"{HERE}-{role}: {route} of the other -> {a.status} {a.body[:200]}"
    for name, value in (("city_id", "city"), ("city", "city"), ("camera_id", "cam"), ("camera", "cam"), ("camera_ids", "cam")):
        if rule.path and method == "GET" and name in QUERIES[route]:
            by_filter(route, rule, name, f"{THERE}-{value}")
    if rule.special:
        globals()["special_" + rule.special](route, rule)


def by_filter(route, rule, name, other):
    """Asking by the other city's id gives nothing of it, whatever the list is."""
    url = urllib.parse.urlsplit(rule.path(HERE))
    query = [(k, v) for k, v in urllib.parse.parse_qsl(url.query) if k not in ("city_id", "city", "camera_id", "camera", "camera_ids")]
    for role in ROLES:
        if role in rule.may:
            a = ask(f"{HERE}-{role}", "GET", url.path + "?" + urllib.parse.urlencode(query + [(name, other)]))
            assert a.status in (200, 404), f"{HERE}-{role}: {route} by {name} -> {a.status} {a.body[:200]}"
            said = a.body.replace(other.encode(), b"")  # what was asked for is echoed by some
            assert a.status == 404 or f"{THERE}-".encode() not in said, f"{HERE}-{role}: {route} by {name} says {a.body[:400]}"
            if a.status == 200:
                empty = W.site.call("GET", url.path.removeprefix("/api/v1") + "?" + urllib.parse.urlencode(query + [(name, "nowhere")]))
                assert empty.status == 404 or len(a.body) <= len(empty.body) + 200, f"{HERE}-{role}: {route} by {name} says more than of nothing: {a.body[:400]}"


# --- what is not a plain try ---

def special_sign_in(route, rule):
    for actor in [a for a, _, _ in W.actors() if a != "admin"]:
        a = ask("nobody", "POST", "/api/v1/session", {"user": actor, "password": PASSWORD})
        assert a.status == 200 and a.json["user"] == actor, a.body
    assert ask("nobody", "POST", "/api/v1/session", {"user": f"{HERE}-op", "password": "x"}).status == 401


def special_sign_out(route, rule):
    assert ask("nobody", "DELETE", "/api/v1/session").status == 401
    token = W.site.post("/session", {"user": f"{HERE}-op", "password": PASSWORD})["token"]
    h = {"Authorization": "Bearer " + token}
    assert fetch(W.site.base + "/api/v1/session", "DELETE", None, h).status == 204
    assert fetch(W.site.base + "/api/v1/session", "GET", None, h).status == 401
    assert ask(f"{HERE}-op", "GET", "/api/v1/session").status == 200, "another session of the user went too"


def special_self_or_administrator(route, rule):
    for actor, role, _ in W.actors():
        if actor != "admin":
            assert ask(actor, "GET", f"/api/v1/users/{actor}").status == 200, actor
    for role in ("op", "vera", "aud"):
        assert ask(f"{HERE}-{role}", "PATCH", f"/api/v1/users/{HERE}-{role}", {"role": "administrator"}).status == 403
        assert ask(f"{HERE}-{role}", "PATCH", f"/api/v1/users/{HERE}-{role}", {"cities": "all"}).status == 403
    # An administrator of one city makes nobody greater than themselves.
    for cities in ("all", [f"{THERE}-city"], [f"{HERE}-city", f"{THERE}-city"]):
        a = ask(f"{HERE}-adm", "POST", "/api/v1/users", {"name": W.new_id(HERE), "role": "viewer", "cities": cities, "password": PASSWORD})
        assert a.status in (403, 404, 422), (cities, a.status)
        a = ask(f"{HERE}-adm", "PATCH", f"/api/v1/users/{HERE}-adm", {"cities": cities})
        assert a.status in (403, 404, 422), (cities, a.status)


def special_import_into_own_city(route, rule):
    a = ask(f"{THERE}-adm", "POST", "/api/v1/cameras/import", csv_of(HERE))
    assert a.status == 200 and not a.json["ok"] and a.json["added"] == 0, a.body
    assert ask(f"{THERE}-adm", "POST", "/api/v1/cameras/import", {**csv_of(THERE), "city_id": f"{HERE}-city"}).status == 422


def special_bulk(route, rule):
    path = "/api/v1" + route.split("/api/v1")[1]
    for role in ("adm", "op"):
        a = ask(f"{THERE}-{role}", "POST", path, {"camera_ids": [f"{HERE}-cam"]})
        assert a.status == 200 and a.json["items"][0]["error"]["status"] == 404, a.body
        assert ask(f"{THERE}-{role}", "POST", path, {"city_id": f"{HERE}-city"}).status == 404
    if path.endswith("start"):
        a = ask(f"{THERE}-op", "POST", path, {"all": True})
        assert a.status == 200 and f"{HERE}-".encode() not in a.body, a.body


def hls_of(actor, camera):
    a = ask(actor, "GET", f"/api/v1/cameras/{camera}/stream")
    return a.json["hls_url"] if a.status == 200 else None


def special_hls(route, rule):
    W.site.wait_live(f"{HERE}-cam", f"{THERE}-cam")
    for actor, role, inside in W.actors():
        url = hls_of(actor, f"{HERE if inside else THERE}-cam")
        assert bool(url) == (role in PICTURES), (actor, url)
        if not url:
            continue
        opened = wait_for("a playlist", lambda: (lambda a: a if a.status == 200 else None)(fetch(url)), 20)
        below = urllib.parse.urljoin(url.split("?")[0], next(l for l in opened.text.splitlines() if l and not l.startswith("#")))
        assert fetch(below).status == 200, below
        # The token, and the viewing session, are good for their camera alone.
        mine, other = (f"{HERE}-cam", f"{THERE}-cam") if inside else (f"{THERE}-cam", f"{HERE}-cam")
        assert fetch(url.replace(mine, other)).status in (401, 403), actor
        assert fetch(below.replace(mine, other)).status in (401, 403, 404, 410), actor
    base = f"{W.site.base}/hls/camera_{HERE}-cam"
    assert fetch(f"{base}/index.m3u8").status == 401
    assert fetch(f"{base}/index.m3u8?token={W.tokens[f'{HERE}-op']}").status == 401, "a session's token opened a stream"
    assert fetch(f"{base}/s/nonsense/video.m3u8").status in (401, 403, 404, 410)
    for path in ("index.m3u8", "s/x/video.m3u8"):
        a = fetch(f"{base}/{path}", "OPTIONS")
        assert a.status == 204 and not a.body, a.status


def read_some(actor, path, seconds, until=b""):
    """What an endless answer says in so many seconds, or until these bytes are in it; its status."""
    c = socket.create_connection(("127.0.0.1", W.site.port), 10)
    token = f"Authorization: Bearer {W.tokens[actor]}\r\n" if W.tokens[actor] else ""
    c.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{token}\r\n".encode())
    said, end = b"", time.monotonic() + seconds
    c.settimeout(0.2)
    while time.monotonic() < end and not (until and until in said):
        try:
            more = c.recv(65536)
        except TimeoutError:
            continue
        if not more:
            break
        said += more
        if not said.startswith(b"HTTP/1.1 200"):
            break
    c.close()
    return int(said.split()[1]), said


def special_live(route, rule):
    method = route.split()[0]
    name = "roles-matrix-session-1"
    tiles = {"tiles": [{"tile": 1, "camera_id": f"{HERE}-cam", "quality": "main"}, {"tile": 2, "camera_id": f"{THERE}-cam", "quality": "main"}]}
    for actor in [a for a, _, _ in W.actors()] + ["nobody"]:
        role = "nobody" if actor == "nobody" else "admin" if actor == "admin" else actor.split("-")[1]
        expected = 401 if actor == "nobody" else 403 if role not in PICTURES else 200
        mine = f"{actor}-{name}"
        if method == "GET":
            status, said = read_some(actor, f"/api/v1/live?session={mine}", 0.5 if expected == 200 else 5)
            assert status == expected, (actor, status)
        elif method == "PUT":
            a = ask(actor, "PUT", f"/api/v1/live/{mine}", tiles)
            assert a.status == expected, (actor, a.status, a.body)
            if expected == 200 and actor != "admin":
                own = [t["ok"] for t in sorted(a.json["tiles"], key=lambda t: t["tile"])]
                assert own == ([True, False] if actor.startswith(HERE) else [False, True]), (actor, a.body)
        else:
            if expected == 200:
                ask(actor, "PUT", f"/api/v1/live/{mine}", tiles)
            a = ask(actor, "DELETE", f"/api/v1/live/{mine}")
            assert a.status == (204 if expected == 200 else expected), (actor, a.status, a.body)
    # Another's session is not there, and pictures of the other city never come.
    if method == "GET":
        ask(f"{HERE}-op", "PUT", f"/api/v1/live/{name}", tiles)
        _, said = read_some(f"{HERE}-op", f"/api/v1/live?session={name}", 3)
        assert said.count(b"moof") > 0 and b"refused" in said, len(said)
        assert not re.search(rb"\x02.\x00\x02.{16,40}moof", said, re.S), "pictures of the other city"
        assert read_some(f"{HERE}-vera", f"/api/v1/live?session={name}", 1)[0] in (403, 404, 409) or \
            b"moof" not in read_some(f"{HERE}-vera", f"/api/v1/live?session={name}", 1)[1], "another's session"


def special_file_tokens(route, rule):
    """A playlist's token opens its camera's files, and no other's."""
    name = route.rsplit("/", 1)[1]
    a = ask(f"{HERE}-vera", "GET", f"/api/v1/cameras/{HERE}-cam/playback.m3u8?{span_query()}")
    assert a.status == 200, a.body
    token = re.search(r"token=([A-Za-z0-9_-]+)", a.text)[1]
    for word, expected in ((HERE, (200, 206)), (THERE, (401, 403, 404))):
        b = fetch(f"{W.site.base}/api/v1/recordings/{W.things[word]['recording']}/{name}?token={token}")
        assert b.status in expected, (word, b.status)
    assert fetch(f"{W.site.base}/api/v1/recordings/{W.things[HERE]['recording']}/{name}?token={W.tokens[f'{HERE}-vera']}").status == 401
    assert fetch(f"{W.site.base}/api/v1/cameras/{HERE}-cam/export.mp4?{span_query()}&token={token}").status in (400, 401)


def special_events(route, rule):
    assert read_some("nobody", "/api/v1/events", 5)[0] == 401
    import threading

    heard = {}

    def listen(actor):
        heard[actor] = read_some(actor, "/api/v1/events", 4)

    threads = [threading.Thread(target=listen, args=(actor,)) for actor, _, _ in W.actors()]
    for t in threads:
        t.start()
    time.sleep(1)
    for word in (HERE, THERE):
        W.site.call("PATCH", f"/cameras/{word}-cam", {"address": "x"})
        W.make_hold(word)
    for t in threads:
        t.join()
    for actor, (status, said) in heard.items():
        assert status == 200, actor
        for word in (HERE, THERE):
            hears = actor == "admin" or actor.startswith(word)
            assert (f"{word}-".encode() in said) == hears, f"{actor} of {word}: {said[-600:]}"


# --- the tests ---

@test("every route of the source is in the table, and nothing else")
def every_route():
    found = routes_of_the_source()
    assert len(found) == len(set(found)) and len(found) > 70, len(found)
    assert not set(found) - set(TABLE), f"not in the table: {sorted(set(found) - set(TABLE))}"
    alone = set(TABLE) - set(found)
    assert not alone, f"in the table alone: {sorted(alone)}"


@test("a world of two cities")
def a_world():
    global W
    W = World()


def add_all():
    for route in routes_of_the_source():
        if route in TABLE:
            test(route)(lambda route=route: try_route(route))


add_all()

if __name__ == "__main__":
    try:
        main()
    finally:
        if W:
            W.site.__exit__(None, None, None)
