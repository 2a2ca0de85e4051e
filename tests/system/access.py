# lane: 2
"""Access from outside, on a real server: sessions by cookie over a restart, an own password, a room that a stranger cannot lock out, the page's
files with their headers, many cameras from CSV, a stop that ends by itself over a restart, who watches, what a camera needs, and the audit."""
import gzip
import http.client
import re
import urllib.parse

from _site import *

PAGES = ["/", "/situation", "/streams", "/cameras", "/cities", "/wall", "/lookback", "/expiring", "/holds", "/promise", "/notices", "/users", "/audit",
         "/account"]


class Browser:
    """Cookies and the headers of a browser; a new one knows nobody."""

    def __init__(self, s):
        self.s, self.cookies = s, {}

    def ask(self, method, path, body=None, **headers):
        h = {"Sec-Fetch-Site": "same-origin", **headers}
        if self.cookies:
            h["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        data = json.dumps(body).encode() if body is not None else None
        a = fetch(self.s.base + "/api/v1" + path, method, data, h)
        for line in a.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
            if not value:
                del self.cookies[name]
            assert "HttpOnly" in line and "SameSite=Strict" in line, line
        return a

    def sign_in(self, user, password=PASSWORD):
        return self.ask("POST", "/session", {"user": user, "password": password})


def add_user(s, name, role="operator", cities=("lapa",), password=PASSWORD):
    s.post("/users", {"name": name, "role": role, "cities": list(cities) if cities != "all" else "all", "password": password, "language": "pt-BR"})


@test("a session by cookie outlives the server, says what its user may, and ends at a sign-out")
def sessions():
    with Site(camsim=False) as s:
        s.add_city("lapa")
        add_user(s, "bia")
        b = Browser(s)
        assert b.ask("GET", "/session").status == 401
        a = b.sign_in("bia")
        assert a.status == 200 and a.json["rights"] == ["see_status", "see_pictures", "export", "hold", "mark", "run_streams"], a.body
        assert abs(when(a.json["now"]) - time.time()) < 60 and abs(when(a.json["expires_at"]) - time.time() - 12 * 3600) < 60, a.body
        assert b.ask("PUT", "/preferences", {"theme": "dark"}).status == 200
        s.server.stop()
        s.start_server()
        assert b.ask("GET", "/session").json["user"] == "bia"
        assert b.ask("GET", "/preferences").json == {"theme": "dark"}
        assert b.ask("GET", "/users").status == 403
        # Another site's page gets nothing done with the cookie.
        assert b.ask("PUT", "/preferences", {}, **{"Sec-Fetch-Site": "cross-site"}).status == 403
        old = dict(b.cookies)
        assert b.ask("DELETE", "/session").status == 204
        b.cookies = old
        assert b.ask("GET", "/session").status == 401


@test("an own password: the one of now is asked for, this browser stays, the others go; the last administrator stays")
def passwords():
    with Site(camsim=False) as s:
        s.add_city("lapa")
        add_user(s, "bia")
        here, there = Browser(s), Browser(s)
        assert here.sign_in("bia").status == there.sign_in("bia").status == 200
        a = here.ask("PATCH", "/users/bia", {"password": "outra senha longa"})
        assert (a.status, a.json["field"]) == (422, "current_password"), a.body
        a = here.ask("PATCH", "/users/bia", {"password": "outra senha longa", "current_password": "errada"})
        assert (a.status, a.json["field"]) == (422, "current_password"), a.body
        assert here.ask("PATCH", "/users/bia", {"password": "outra senha longa", "current_password": PASSWORD}).status == 200
        assert here.ask("GET", "/session").status == 200 and there.ask("GET", "/session").status == 401
        assert there.sign_in("bia").status == 401 and there.sign_in("bia", "outra senha longa").status == 200
        for change in ({"role": "viewer"}, {"cities": ["lapa"]}):
            assert s.call("PATCH", "/users/admin", change).status == 409
        assert s.call("DELETE", "/users/admin").status == 409


@test("who guesses has to wait; the room's own browsers sign in all the same")
def limiter():
    with Site(camsim=False) as s:
        s.add_city("lapa")
        add_user(s, "bia")
        room, stranger = Browser(s), Browser(s)
        assert room.sign_in("bia").status == 200 and room.ask("DELETE", "/session").status == 204
        said = [stranger.sign_in("bia", f"senha {i}").status for i in range(8)]
        assert said[0] == 401 and said[-1] == 429, said
        a = stranger.sign_in("bia")
        assert a.status == 429 and int(a.headers["Retry-After"]) >= 1, a.body  # the right one too
        assert room.sign_in("bia").status == 200
        refused = s.get("/audit?action=session.refused")["items"]
        assert refused and all(r["actor"] == "bia" and r["details"]["address"] == "127.0.0.1" for r in refused), refused


@test("the page's files: nothing inline, nothing from elsewhere, kept by browsers for good or asked for again")
def page_files():
    with Site(camsim=False) as s:
        index = None
        for path in PAGES:
            a = fetch(s.base + path)
            assert a.status == 200 and a.headers["Content-Type"] == "text/html; charset=utf-8", (path, a.status)
            assert index in (None, a.body), path
            index = a.body
        policy = {d.split()[0]: d.split()[1:] for d in a.headers["Content-Security-Policy"].split(";")}
        assert policy["default-src"] == ["'none'"] and policy["script-src"] == policy["style-src"] == policy["connect-src"] == ["'self'"], policy
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == ["'none'"] and policy["form-action"] == ["'self'"], policy
        assert "unsafe" not in a.headers["Content-Security-Policy"] and "*" not in a.headers["Content-Security-Policy"], policy
        for name, value in (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
                            ("Cross-Origin-Opener-Policy", "same-origin"), ("Cache-Control", "no-cache")):
            assert a.headers[name] == value, (name, a.headers[name])
        assert "camera=()" in a.headers["Permissions-Policy"], a.headers["Permissions-Policy"]
        html = index.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", html), html
        assert fetch(s.base + "/", headers={"If-None-Match": a.headers["ETag"]}).status == 304
        links = re.findall(r'(?:src|href)="([^"]+)"', html)
        assert links and all(l.startswith("/assets/") for l in links), links
        for link in links:
            plain, packed = fetch(s.base + link), fetch(s.base + link, headers={"Accept-Encoding": "gzip"})
            assert plain.status == packed.status == 200 and "immutable" in plain.headers["Cache-Control"], link
            assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == plain.body, link
            assert plain.headers["ETag"] != packed.headers["ETag"] and plain.headers["X-Content-Type-Options"] == "nosniff", link
        assert fetch(s.base + "/assets/none.js").status == 404 and fetch(s.base + "/nowhere").status == 404


@test("a thousand cameras from CSV: a broken line 700 is named and nothing is added; mended, all are there")
def imports():
    lines = ["id;city_id;name;rtsp_url;number;record"] + [f"c{i};lapa;Câmera {i};rtsp://127.0.0.1:1/{i};{i};nao" for i in range(2, 1002)]
    broken = list(lines)
    broken[699] = broken[699].replace("lapa", "lapinha")
    with Site(camsim=False) as s:
        s.add_city("lapa")
        a = s.post("/cameras/import", {"csv": "\n".join(broken), "dry_run": True})
        bad = [l for l in a["lines"] if not l["ok"]]
        assert len(a["lines"]) == 1000 and [(l["line"], l["field"], l["code"]) for l in bad] == [(700, "city_id", "no_city")], bad
        r = s.cli("camera", "import", "-", stdin="\n".join(broken), ok=False)
        assert r.returncode == 1 and "-:700: city_id: " in r.stderr and "nothing was added" in r.stderr, r
        assert s.get("/cameras")["items"] == []
        a = s.post("/cameras/import", {"csv": "\n".join(lines)})
        assert a["ok"] and a["added"] == 1000, {k: v for k, v in a.items() if k != "lines"}
        rows = s.get("/streams?limit=1000&sort=number")["items"]
        assert len(rows) == 1000 and rows[0]["number"] == 2 and rows[0]["city_name"] == "Lapa" and not rows[0]["record"], rows[0]
        assert len(s.get("/streams?camera_ids=" + ",".join(f"c{i}" for i in range(2, 202)) + "&limit=1000")["items"]) == 200
        assert s.get("/streams?text=camera%20700")["items"][0]["camera_id"] == "c700"
        assert s.post("/cameras/import", {"csv": "\n".join(lines), "skip_existing": True})["added"] == 0


@test("a stop ends by itself, a restart of the server between; rows say what a camera needs, who watches, who did what")
def streams():
    with Site(cameras=[("a", ""), ("b", "")]) as s:
        s.wait_live("a", "b")
        a = s.call("DELETE", "/cameras/a/stream", {"reason": "obra", "restart_after_s": 6})
        assert a.status == 200 and a.json["restart_at"] and a.json["need"] == "stopped", a.body
        s.server.stop()
        s.start_server()
        row = s.stream("a")
        assert row["status"] == "stopped" and row["stop_reason"] == "obra" and row["restart_at"], row
        wait_for("the restart", lambda: s.stream("a")["status"] == "live", 30)
        assert s.stream("a")["restart_at"] is None
        row = wait_for("a bit rate", lambda: (lambda r: r if r["bitrate_bps"] else None)(s.stream("b")), 30)
        assert 10_000 < row["bitrate_bps"] < 20_000_000 and row["lost_at"] is None and row["can_live"] == "mse" and row["fps"] > 0, row
        # Somebody watches b.
        add_user(s, "vera", "viewer")
        token = s.post("/session", {"user": "vera", "password": PASSWORD})["token"]
        url = s.call("GET", "/cameras/b/stream", token=token).json["hls_url"]
        opened = wait_for("a playlist", lambda: (lambda a: a if a.status == 200 else None)(fetch(url)), 20)
        fetch(urllib.parse.urljoin(url.split("?")[0], next(l for l in opened.text.splitlines() if l and not l.startswith("#"))))
        seen = s.get("/cameras/b/viewers")["items"]
        assert [(v["user"], v["kind"], v["address"]) for v in seen] == [("vera", "hls", "127.0.0.1")] and when(seen[0]["since"]) > time.time() - 60, seen
        assert s.stream("b")["viewers"] == 1
        # The cameras go: b is acknowledged, and leaves what needs somebody; well again, it is as before.
        s.sim.stop()
        wait_for("both lost", lambda: {r["camera_id"] for r in s.get("/streams?attention=true")["items"]} == {"a", "b"}, 60, 0.5)
        assert all(r["need"] == "no_signal" and r["lost_at"] for r in s.get("/streams?attention=true&sort=-need")["items"])
        assert s.call("PUT", "/cameras/b/attention", {"state": "acknowledged", "note": "poste caído"}).status == 200
        assert [r["camera_id"] for r in s.get("/streams?attention=true")["items"]] == ["a"]
        assert s.stream("b")["attention"]["note"] == "poste caído" and s.stream("b")["need"] == "seen"
        s.start_sim()
        wait_for("well again", lambda: s.stream("b")["attention"] is None and s.stream("b")["status"] == "live", 60, 0.5)
        wait_for("its end in the audit", lambda: s.get("/audit?action=camera.attention_end&camera_id=b")["items"], 20)
        # "Who saw this camera?"
        views = s.get("/audit?camera_id=b&views=true")["items"]
        assert [(v["actor"], v["action"]) for v in views] == [("vera", "live.open")], views
        assert {r["actor"] for r in s.get("/audit?camera_id=a&action=stream.")["items"]} >= {"system:restart"}
        a = s.call("GET", "/audit.csv?camera_id=b&language=pt-BR")
        assert a.body.startswith(b"\xef\xbb\xbfData e hora;") and b";vera;live.open;camera:b;" in a.body, a.body
        assert "auditoria.csv" in a.headers["Content-Disposition"], a.headers


if __name__ == "__main__":
    main()
