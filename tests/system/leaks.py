"""Camera passwords and tokens: in no log, no answer, no process list, no database and no mirror."""
import glob
import json
import os
import socket
import sqlite3
import time
import urllib.parse

from _site import *

# One with letters that URLs escape, one in a query, as some cameras take it.
PLAIN, ESCAPED, QUERY, LIVE, SMTP = "Segredo-da-Camera", "p@ss/w:rd é", "senha-na-consulta", "outra-Senha-ao-vivo", "senha-do-correio"
SECRETS = [PLAIN, ESCAPED, urllib.parse.quote(ESCAPED, safe=""), urllib.parse.quote(ESCAPED, safe="").lower(), QUERY, LIVE, SMTP]


def has_secret(data):
    if isinstance(data, str):
        data = data.encode()
    return [word for word in SECRETS if word.encode() in data or json.dumps(word)[1:-1].encode() in data]


def url(s, id, password, query="", user="admin"):
    return f"rtsp://{user}:{urllib.parse.quote(password, safe='')}@127.0.0.1:{s.rtsp_port}/{id}{query}"


def command_lines(pid):
    found = b""
    for p in [pid, *[int(n) for n in os.listdir("/proc") if n.isdigit() and parent(n) == pid]]:
        with open(f"/proc/{p}/cmdline", "rb") as f:
            found += f.read()
    return found


def parent(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return int(f.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def routes(s, recording, run, notice, hold):
    """Every GET there is."""
    now = time.time()
    span = "?" + urllib.parse.urlencode({"from": stamp(now - 30), "to": stamp(now)})
    yield from ("/session", "/cities", "/cities/lapa", "/cameras", "/cameras?archived=true", "/streams", "/recordings", "/recordings?deleted=true", "/gaps",
                "/holds", "/holds?ended=true", "/notices", "/jobs/cleanup", "/jobs/cleanup/runs", "/users", "/users/admin", "/audit?limit=1000", "/marks",
                "/layouts", "/status", "/cameras/none", "/nothing")
    for i in ("boa", "outra", "consulta", "errada", "morta"):
        yield from (f"/cameras/{i}", f"/cameras/{i}/stream", f"/recordings?camera_id={i}", f"/cameras/{i}/coverage" + span,
                    f"/cameras/{i}/playback.m3u8" + span, f"/cameras/{i}/export.json" + span)
    yield from (f"/recordings/{recording}", f"/holds/{hold}")


def stamp(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


@test("no camera password and no token in any answer, problem, log line, process list, database or file of a volume")
def secrets():
    with Site(start=False) as s:
        with open(s.yaml, "a") as f:
            f.write("log: {level: debug}\nnotify:\n  smtp: {host: 127.0.0.1, port: 1, tls: none, user: u, password: " + SMTP + ", from: v@example.org}\n")
        s.start_sim()
        s.start_server()
        s.add_city("lapa", notify=[{"channel": "smtp", "to": "a@example.org"}])
        answers = []

        def ask(method, path, body=None, token=None):
            a = s.call(method, path, body, token=token)
            answers.append((f"{method} {path}", str(a.headers).encode() + a.body))
            return a

        made = ask("POST", "/cameras", {"id": "boa", "city_id": "lapa", "name": "boa", "live_url": url(s, "boa", LIVE),
                                        "rtsp_url": url(s, "boa", PLAIN, f"?auth=digest&password={PLAIN}")})
        assert made.status == 201, made.body
        for id, there in (("outra", url(s, "outra", ESCAPED)), ("errada", url(s, "errada", ESCAPED, "?auth=digest")),
                          ("consulta", f"rtsp://127.0.0.1:{s.rtsp_port}/consulta?user=admin&password={QUERY}"),
                          ("morta", f"rtsp://admin:{PLAIN}@127.0.0.1:{free_port()}/x")):
            a = ask("POST", "/cameras", {"id": id, "city_id": "lapa", "name": id, "rtsp_url": there})
            assert a.status == 201, a.body
        # Mistakes with a password in them.
        for there in (f"rtsp://admin:{PLAIN}@", f"http://admin:{PLAIN}@h/x", f"rtsp://admin:{PLAIN}@h:99999/", f"rtsp://admin:{PLAIN}@a b/", f"admin:{PLAIN}@h",
                      f"rtsp://admin:{PLAIN}\n@h/x", f"rtsp://h/{'x' * 3000}?password={QUERY}"):
            assert ask("POST", "/cameras", {"id": "x", "city_id": "lapa", "name": "x", "rtsp_url": there}).status == 422, there
            assert ask("PATCH", "/cameras/boa", {"rtsp_url": there}).status == 422
        ask("POST", "/cameras", {"id": "boa", "city_id": "lapa", "name": "boa", "rtsp_url": url(s, "boa", PLAIN)})
        ask("PATCH", "/cameras/boa", {"name": "Boa"})
        ask("POST", "/streams/start", {"all": True})
        s.wait_live("boa", "outra")
        s.wait_recorded("boa")
        # As it was shown and sent back, the password is kept.
        shown = s.get("/cameras/boa")["rtsp_url"]
        assert "admin" in shown and not has_secret(shown.split("?")[0]), shown
        ask("PATCH", "/cameras/boa", {"rtsp_url": shown, "name": "Boa 2"})
        time.sleep(2)
        s.wait_live("boa")
        hold = ask("POST", "/holds", {"camera_ids": ["boa"], "from": stamp(time.time() - 60), "to": stamp(time.time() + 60), "reason": "x"}).json["id"]
        ask("POST", "/jobs/cleanup/run", {"dry_run": False})
        ask("POST", "/recordings/verify", {})
        recording = s.recordings("boa")[0]["id"]
        tokens = {"administrator": s.token}
        for role in ("operator", "viewer", "auditor"):
            ask("POST", "/users", {"name": role, "role": role, "cities": "all", "password": "senha de " + role})
            body = json.dumps({"user": role, "password": "senha de " + role}).encode()
            tokens[role] = fetch(s.base + "/api/v1/session", "POST", body, {"Content-Type": "application/json"}).json["token"]
        for role, token in tokens.items():
            for path in routes(s, recording, None, None, hold):
                ask("GET", path, token=token)
        for path in ("/healthz", "/readyz", "/metrics"):
            a = fetch(s.base + path, headers={"Authorization": "Bearer " + s.token})
            answers.append((path, a.body))
        master = s.stream("boa")["hls_url"]
        answers.append(("hls", fetch(master).body))
        for args in (("camera", "list"), ("camera", "list", "--json"), ("stream", "list", "--json"), ("notice", "list")):
            r = s.cli(*args)
            answers.append((args, (r.stdout + r.stderr).encode()))
        assert not has_secret(command_lines(s.server.p.pid)) and s.token.encode() not in command_lines(s.server.p.pid)
        wait_for("the dead ones' errors", lambda: s.stream("errada")["last_error"] and s.stream("morta")["last_error"])
        ask("GET", "/streams")
        leaks = [(where, has_secret(data)) for where, data in answers if has_secret(data)]
        assert not leaks, leaks
        # Some 130 answers looked through, each kind with pictures or camera in it.
        assert len(answers) > 150
        s.server.stop()
        said = s.said()
        assert "camera=errada" in said and not has_secret(said), has_secret(said)
        for token in [*tokens.values(), urllib.parse.parse_qs(urllib.parse.urlsplit(master).query)["token"][0]]:
            assert token not in said
            assert not [where for where, data in answers if token.encode() in data and "hls" not in str(where) and "streams" not in str(where)
                        and "/stream" not in str(where) and "stream" not in str(where)]
        # On the disk: the catalogue with its log, and all the volume.
        for f in [os.path.join(folder, n) for folder, _, names in os.walk(s.data) for n in names]:
            data = open(f, "rb").read()
            assert not has_secret(data), (f, has_secret(data))
            if not f.endswith("/token"):
                assert s.token.encode() not in data, f
        for name in ("token", "token_key", "catalog.sqlite"):
            mode = os.stat(os.path.join(s.data, name)).st_mode & 0o777
            assert mode & 0o077 == 0, (name, oct(mode))
        keys = [n for n in os.listdir(s.data) if "key" in n]
        assert len(keys) >= 2 and all(os.stat(os.path.join(s.data, n)).st_mode & 0o777 == 0o600 for n in keys), keys


@test("a session opens what its role may, ends where it should, and its password is nowhere in clear")
def sessions():
    with Site(camsim=False) as s:
        s.add_city("lapa")
        s.add_city("outra")
        s.add_camera("a")
        s.add_camera("b", city="outra")
        s.post("/users", {"name": "vera", "role": "viewer", "cities": ["lapa"], "password": "a senha da vera"})

        def login(password):
            return fetch(s.base + "/api/v1/session", "POST", json.dumps({"user": "vera", "password": password}).encode(), {"Content-Type": "application/json"})

        assert login("errada").status == 401
        token = login("a senha da vera").json["token"]
        assert [c["id"] for c in s.call("GET", "/cameras", token=token).json["items"]] == ["a"]
        assert s.call("GET", "/cameras/b", token=token).status == 404
        assert s.call("POST", "/jobs/cleanup/run", {}, token=token).status == 403
        for bad in ("", "x", token[:-2] + "AA", token.swapcase()):
            assert s.call("GET", "/cameras", headers={"Authorization": "Bearer " + bad}).status == 401, bad
        assert fetch(s.base + "/api/v1/cameras").status == 401
        assert s.call("PATCH", "/users/vera", {"password": "uma senha nova"}).status == 200
        assert s.call("GET", "/cameras", token=token).status == 401
        s.server.stop()
        assert "senha" not in s.said().replace("admin uma senha longa", "")
        with sqlite3.connect(os.path.join(s.data, "catalog.sqlite")) as db:
            hashes = [h for h, in db.execute("SELECT password_hash FROM users")]
        assert len(hashes) == 2 and all(h.startswith("$argon2id$") for h in hashes), hashes


main()
