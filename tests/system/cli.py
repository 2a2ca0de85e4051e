#!/usr/bin/env python3
"""The command line against a server that notes what it is asked: requests, pages, problems, exit codes, tokens, imports, passwords."""
import http.server
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VIGIA = os.path.join(os.environ.get("VIGIA_BUILD", os.path.join(ROOT, "build")), "vigia")
TOKEN = "secret-token"


class Api(http.server.BaseHTTPRequestHandler):
    """Answers from `answers` ((method, path without query) -> (status, body) or a function of query and body), notes in `asked`."""
    asked, answers = [], {}
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(text) if text else None
        Api.asked.append((self.command, url.path, query, body))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, answer = 401, {"title": "Unauthorized", "detail": "sign in first"}
        else:
            status, answer = 404, {"title": "Not Found", "detail": "there is no such thing, or not for you"}
            if found := Api.answers.get((self.command, url.path)):
                status, answer = found(query, body) if callable(found) else found
        data = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer, separators=(",", ":")).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = answer


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
work = tempfile.mkdtemp(prefix="vigia-cli-")
os.mkdir(os.path.join(work, "data"))
with open(os.path.join(work, "data", "token"), "w") as token_file:
    token_file.write(TOKEN + "\n")
clean = {k: v for k, v in os.environ.items() if not k.startswith("VIGIA_") and "proxy" not in k.lower()}


def vigia(*args, stdin="", answers=None, **env):
    Api.asked, Api.answers = [], answers or {}
    env = {**clean, "VIGIA_DATA_DIR": os.path.join(work, "data"), "VIGIA_LISTEN": url[7:], **env}
    done = subprocess.run([VIGIA, *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=work, timeout=60,
                          env={k: v for k, v in env.items() if v is not None})
    return Result(done.returncode, done.stdout, done.stderr)


def equal(got, expected, result=None):
    assert got == expected, f"expected {expected!r}, got {got!r}\n{result or ''}"


CITY = {"id": "lapa", "name": "Lapa", "retention_days": 15, "time_zone": "America/Sao_Paulo", "language": "pt-BR", "notify": []}


def a_city_is_added_with_who_is_told():
    r = vigia("city", "add", "--id", "lapa", "--name", "Lapa", "--retention", "15", "--notify", "smtp:ana@example.org,webhook/en:https://h/x?a=b",
              answers={("POST", "/api/v1/cities"): (201, CITY)})
    equal(r.code, 0, r)
    equal(Api.asked, [("POST", "/api/v1/cities", {}, {
        "id": "lapa", "name": "Lapa", "retention_days": 15,
        "notify": [{"channel": "smtp", "to": "ana@example.org"}, {"channel": "webhook", "to": "https://h/x?a=b", "language": "en"}]})])
    assert re.search(r"^ID +NAME +DAYS", r.out) and "America/Sao_Paulo" in r.out, r


def json_is_what_the_api_said():
    r = vigia("city", "set", "lapa", "--retention", "7", "--json", answers={("PATCH", "/api/v1/cities/lapa"): (200, CITY)})
    equal((r.code, json.loads(r.out)), (0, CITY), r)
    equal(Api.asked[0][3], {"retention_days": 7})


def a_problem_is_one_line_with_its_field():
    problem = {"title": "Unprocessable Content", "detail": "expected 1 to 3650", "field": "retention_days"}
    r = vigia("city", "set", "lapa", "--retention", "0", answers={("PATCH", "/api/v1/cities/lapa"): (422, problem)})
    equal((r.code, r.out, r.err), (1, "", "vigia: retention_days: expected 1 to 3650\n"), r)


def names_from_outside_do_not_drive_the_terminal():
    bad = dict(CITY, name="a\x1b]0;x\x07b")
    r = vigia("city", "list", answers={("GET", "/api/v1/cities"): (200, {"items": [bad], "next_cursor": None})})
    assert r.code == 0 and "\x1b" not in r.out, r
    r = vigia("city", "remove", "x", answers={("DELETE", "/api/v1/cities/x"): (409, {"detail": "no \x1b[2J"})})
    assert r.code == 1 and "\x1b" not in r.err, r


def pages(query, _):
    start = int(query.get("cursor", "0"))
    items = [dict(CITY, id=f"c{i}") for i in range(start, min(start + 200, 450))]
    return 200, {"items": items, "next_cursor": str(start + 200) if start + 200 < 450 else None}


def lists_take_every_page():
    r = vigia("city", "list", answers={("GET", "/api/v1/cities"): pages})
    equal((r.code, len(r.out.splitlines()), len(Api.asked)), (0, 451, 3), r)
    r = vigia("city", "list", "--json", answers={("GET", "/api/v1/cities"): pages})
    listed = json.loads(r.out)
    equal(([c["id"] for c in listed["items"]], listed["next_cursor"]), ([f"c{i}" for i in range(450)], None))
    r = vigia("city", "list", "--json", answers={("GET", "/api/v1/cities"): (200, {"items": [], "next_cursor": None})})
    equal(json.loads(r.out), {"items": [], "next_cursor": None}, r)


def exit_codes_are_told_apart():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        free = f"127.0.0.1:{s.getsockname()[1]}"
    for expected, args, env in [(3, ["city", "list"], {"VIGIA_LISTEN": free}), (3, ["camera", "list", "--server", f"http://{free}"], {}),
                                (2, ["city"], {}), (2, ["city", "burn"], {}), (2, ["burn"], {}), (2, [], {}), (2, ["city", "add"], {}),
                                (2, ["city", "set", "lapa"], {}), (2, ["stream", "start"], {}), (2, ["stream", "stop", "--all", "a"], {}),
                                (2, ["city", "list", "--server", "here"], {}), (2, ["camera", "add", "--city", "a", "--name", "b"], {}),
                                (1, ["city", "remove", "nowhere"], {}), (1, ["city", "list"], {"VIGIA_LISTEN": "nonsense"}),
                                (0, ["version"], {}), (0, ["help"], {}), (0, ["help", "camera"], {}), (0, ["hold", "add", "--help"], {}),
                                (2, ["help", "burn"], {})]:
        r = vigia(*args, **env)
        equal((args, r.code), (args, expected), r)
        assert expected in (0,) or r.err.startswith("vigia: ") or "VIGIA_LISTEN" in r.err or not args, r


def tokens_come_from_the_environment_or_the_data_directory():
    answers = {("GET", "/api/v1/cities"): (200, {"items": [], "next_cursor": None})}
    equal(vigia("city", "list", answers=answers, VIGIA_DATA_DIR="/nowhere", VIGIA_TOKEN=TOKEN).code, 0)
    equal(vigia("city", "list", "--server", url + "/", answers=answers, VIGIA_DATA_DIR="/nowhere", VIGIA_TOKEN=TOKEN).code, 0)
    r = vigia("city", "list", answers=answers, VIGIA_DATA_DIR="/nowhere")
    assert r.code == 1 and "sign in first" in r.err and "VIGIA_TOKEN" in r.err, r
    with open(os.path.join(work, "other.yaml"), "w") as f:
        f.write(f"data_dir: {work}/data\nlisten: {url[7:]}\n")
    r = vigia("city", "list", "-c", "other.yaml", answers=answers, VIGIA_DATA_DIR=None, VIGIA_LISTEN=None)
    equal(r.code, 0, r)


def the_local_token_stays_on_this_machine():
    # A name that leads here, but that the command line has no reason to believe is here.
    r = vigia("city", "list", "--server", f"http://vigia.localhost:{server.server_port}", VIGIA_LISTEN="127.0.0.1:1")
    equal(len(Api.asked), 1, r)
    assert r.code == 1 and "no token" in r.err, r


CAMERA = {"id": "p1", "city_id": "lapa", "name": "P", "rtsp_url": "rtsp://u@h/", "record": True, "audio": False}


def camera_urls_can_stay_out_of_the_process_list():
    answers = {("POST", "/api/v1/cameras"): (201, CAMERA), ("PATCH", "/api/v1/cameras/p1"): (200, CAMERA)}
    args = ["camera", "add", "--city", "lapa", "--name", "P", "--number", "4", "--lat", "-23.5", "--record", "off"]
    vigia(*args, "rtsp://u:geheim@h/", answers=answers)
    equal(Api.asked[0][3], {"city_id": "lapa", "name": "P", "number": 4, "lat": -23.5, "record": False, "rtsp_url": "rtsp://u:geheim@h/"})
    equal(vigia(*args, "-", stdin="rtsp://u:geheim@h/\n", answers=answers).code, 0)
    equal(Api.asked[0][3]["rtsp_url"], "rtsp://u:geheim@h/")
    with open(os.path.join(work, "url"), "w") as f:
        f.write("rtsp://u:geheim@h/2\r\nrest\n")
    equal(vigia(*args, "--rtsp-url-file", "url", answers=answers).code, 0)
    equal(Api.asked[0][3]["rtsp_url"], "rtsp://u:geheim@h/2")
    equal(vigia(*args, "--rtsp-url-file", "url", "rtsp://h/", answers=answers).code, 2)
    equal(vigia("camera", "set", "p1", "--live-url", "", "--lat", "", answers=answers).code, 0)
    equal(Api.asked[0][3], {"live_url": None, "lat": None})
    equal(vigia(*args, "-", stdin="", answers=answers).code, 1)


def streams_are_started_by_id_city_or_all():
    def result(query, body):
        good = {"camera_id": "a", "ok": True, "stream": {"status": "starting", "hls_url": "http://h/hls/camera_a/index.m3u8?token=t"}, "error": None}
        bad = {"camera_id": "b", "ok": False, "stream": None, "error": {"status": 404, "detail": "there is no such camera", "field": None}}
        return 200, {"items": [good, bad] if "all" in body else [good], "next_cursor": None}
    answers = {("POST", "/api/v1/streams/start"): result, ("POST", "/api/v1/streams/stop"): result}
    r = vigia("stream", "start", "a", "b", answers=answers)
    equal((r.code, Api.asked[0][3]), (0, {"camera_ids": ["a", "b"]}), r)
    equal(r.out, "a  starting  http://h/hls/camera_a/index.m3u8?token=t\n")
    r = vigia("stream", "stop", "--city", "lapa", "--reason", "rua em obras", answers=answers)
    equal((r.code, Api.asked[0][3]), (0, {"city_id": "lapa", "reason": "rua em obras"}), r)
    r = vigia("stream", "start", "--all", answers=answers)
    equal((r.code, Api.asked[0][3], r.err), (1, {"all": True}, "vigia: b: there is no such camera\n"), r)
    equal(vigia("stream", "start", "--all", "--json", answers=answers).code, 1)


def recordings_are_listed_exported_and_verified():
    answers = {("GET", "/api/v1/recordings"): (200, {"items": [], "next_cursor": None}),
               ("GET", "/api/v1/cameras/p1/export.mp4"): (200, b"movie" * 1000), ("GET", "/api/v1/cameras/p1/export.json"): (200, {"sha256": "00"}),
               ("POST", "/api/v1/recordings/verify"): (200, {"checked": 5, "differences": []})}
    vigia("recording", "list", "--camera", "p1", "--from", "2026-11-22T14:00:00+03:00", "--deleted", answers=answers)
    equal(Api.asked[0][2], {"camera_id": "p1", "from": "2026-11-22T14:00:00+03:00", "deleted": "true", "limit": "200"})
    span = ["recording", "export", "--camera", "p1", "--from", "2026-11-22T14:00:00Z", "--to", "2026-11-22T14:10:00Z"]
    r = vigia(*span, "--manifest", "m.json", answers=answers)
    equal((r.code, r.out), (0, "p1_2026-11-22T14-00-00Z.mp4\nm.json\n"), r)
    equal(open(os.path.join(work, "p1_2026-11-22T14-00-00Z.mp4"), "rb").read(), b"movie" * 1000)
    equal(vigia(*span, answers=answers).code, 1)
    equal(vigia(*span, "--force", answers=answers).code, 0)
    equal(vigia(*span, "--output", "-", answers=answers).out, "movie" * 1000)
    r = vigia(*span, "--output", "none.mp4", answers={("GET", "/api/v1/cameras/p1/export.mp4"): (409, {"detail": "two sizes", "field": "from"})})
    equal((r.code, r.err), (1, "vigia: from: two sizes\n"), r)
    assert not [f for f in os.listdir(work) if f.startswith("none")], os.listdir(work)
    equal(vigia(*span, "--output", "/nowhere/x.mp4", answers=answers).code, 1)
    equal(vigia("recording", "verify", answers=answers).code, 0)
    difference = {"kind": "missing_file", "volume_id": "v", "file_path": "a/b.mp4", "detail": "not on the disk"}
    r = vigia("recording", "verify", answers={("POST", "/api/v1/recordings/verify"): (200, {"checked": 5, "differences": [difference]})})
    assert r.code == 1 and "missing_file" in r.out and "1 differences" in r.out, r


def upkeep_says_what_it_did():
    run = {"noticed": 2, "deleted": 1, "bytes_freed": 1500000, "items": [{"what": "delete", "camera_id": "p1", "city_id": "lapa", "bytes": 1500000}]}
    r = vigia("cleanup", "--dry-run", answers={("POST", "/api/v1/jobs/cleanup/run"): (200, run)})
    equal((r.code, Api.asked[0][3]), (0, {"dry_run": True}), r)
    assert r.out.endswith("dry run: 2 noticed, 1 deleted, 1.5 MB freed\n"), r
    hold = {"id": "u", "camera_ids": ["p1", "p2"], "too_late": [{"file_path": "gone.mp4", "status": "deleted"}]}
    r = vigia("hold", "add", "--camera", "p1", "--camera", "p2", "--from", "F", "--to", "T", "--reason", "R", answers={("POST", "/api/v1/holds"): (201, hold)})
    equal((r.code, Api.asked[0][3]), (0, {"camera_ids": ["p1", "p2"], "from": "F", "to": "T", "reason": "R"}), r)
    assert "gone.mp4" in r.out, r
    r = vigia("hold", "end", "u", "--reason", "fim", answers={("DELETE", "/api/v1/holds/u"): (204, None)})
    equal((r.code, Api.asked[0][2]), (0, {"reason": "fim"}), r)
    delivery = {"channel": "smtp", "status": "pending", "attempts": 3, "last_error": "refused"}
    notice = {"due_on": "2026-11-23", "city_id": "lapa", "kind": "expiring", "subject": "S", "deliveries": [delivery]}
    r = vigia("notice", "list", answers={("GET", "/api/v1/notices"): (200, {"items": [notice], "next_cursor": None})})
    assert "smtp pending (3): refused" in r.out, r


def passwords_are_never_arguments():
    user = {"name": "ana", "role": "viewer", "cities": ["lapa"], "language": "pt-BR"}
    answers = {("POST", "/api/v1/users"): (201, user), ("PATCH", "/api/v1/users/ana"): (200, user)}
    r = vigia("user", "add", "ana", "--role", "viewer", "--cities", "lapa,centro", answers=answers, VIGIA_PASSWORD="senha comprida")
    equal((r.code, Api.asked[0][3]), (0, {"name": "ana", "role": "viewer", "cities": ["lapa", "centro"], "password": "senha comprida"}), r)
    r = vigia("user", "add", "ana", "--role", "viewer", stdin="outra\n", answers=answers)
    equal((Api.asked[0][3]["cities"], Api.asked[0][3]["password"]), ("all", "outra"), r)
    equal(vigia("user", "password", "ana", "senha", answers=answers).code, 2)
    equal(vigia("user", "password", "ana", "--password", "senha", answers=answers).code, 2)
    equal(vigia("user", "password", "ana", stdin="", answers=answers).code, 1)


def on_terminal(typed):
    """Types lines at the prompts; the exit code and what the terminal showed."""
    Api.asked, Api.answers = [], {("PATCH", "/api/v1/users/ana"): (200, {})}
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.execve(VIGIA, [VIGIA, "user", "password", "ana"], {**clean, "VIGIA_DATA_DIR": os.path.join(work, "data"), "VIGIA_LISTEN": url[7:]})
        finally:
            os._exit(127)
    shown = b""
    # Nobody types: the terminal goes away, and the reads below end.
    watchdog = threading.Timer(20, os.kill, (pid, signal.SIGKILL))
    watchdog.start()
    for prompt, line in zip((b"Password: ", b"Again: "), typed):
        while prompt not in shown:
            shown += os.read(terminal, 1000)
        os.write(terminal, line.encode() + b"\n")
    try:
        while data := os.read(terminal, 1000):
            shown += data
    except OSError:
        pass
    watchdog.cancel()
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def passwords_are_typed_twice_and_not_shown():
    code, shown = on_terminal(["chave-mestra", "chave-mestra"])
    equal((code, [a[3] for a in Api.asked]), (0, [{"password": "chave-mestra"}]), shown)
    assert "chave" not in shown, shown
    code, shown = on_terminal(["chave-mestra", "chave-outra"])
    equal((code, Api.asked), (1, []), shown)


def line(number, added=False, id=None, mistakes=()):
    return {"line": number, "ok": not mistakes, "added": added, "skipped": False, "id": id, "mistakes": [{"field": f, "code": c, "error": e} for f, c, e in mistakes]}


def imports_are_said_line_by_line():
    broken = {"ok": False, "added": 0, "broken": 1, "lines": [line(2), line(3, mistakes=[("name", "missing", "is missing"),
                                                                                        (None, "too_many_cells", "7 cells, but the header has 6")])]}
    good = {"ok": True, "added": 2, "broken": 0, "lines": [line(2, True, "ok-1"), line(3, True, "made")]}
    refused = {"ok": False, "added": 1, "broken": 1, "lines": [line(2, True, "a"), line(3, mistakes=[("id", "refused", "just taken")]), line(4)]}
    route = ("POST", "/api/v1/cameras/import")
    text = "id,city_id,name,rtsp_url\na,lapa,Portão,rtsp://h/\n"
    r = vigia("camera", "import", "-", stdin=text, answers={route: (200, broken)})
    equal((r.code, r.out, [a[3] for a in Api.asked]), (1, "", [{"csv": text, "dry_run": False, "skip_existing": False}]), r)
    assert "-:3: name: is missing\n-:3: 7 cells, but the header has 6\nvigia: 2 mistakes; nothing was added\n" == r.err, r
    r = vigia("camera", "import", "-", "--skip-existing", "--check", stdin=text, answers={route: (200, dict(good, added=0, lines=[line(2)]))})
    equal((r.code, r.out, [a[3] for a in Api.asked]), (0, "1 lines are good\n", [{"csv": text, "dry_run": True, "skip_existing": True}]), r)
    r = vigia("camera", "import", "-", stdin=text, answers={route: (200, good)})
    equal((r.code, r.out), (0, "2: added ok-1\n3: added made\n2 of 2 cameras added\n"), r)
    r = vigia("camera", "import", "-", stdin=text, answers={route: (200, refused)})
    equal((r.code, r.out, r.err), (1, "2: added a\n1 of 3 cameras added\n", "-:3: id: just taken\n"), r)
    equal(vigia("camera", "import", "/nowhere.csv", answers={}).code, 1)


def what_is_no_vigia_server_is_said():
    for answer in ((200, b"<html>"), (500, b"oops"), (301, None)):
        r = vigia("city", "list", answers={("GET", "/api/v1/cities"): answer})
        assert r.code == 1 and r.err.startswith("vigia: "), (answer, r)


def the_example_configuration_documents_every_key():
    with open(os.path.join(ROOT, "vigia.example.yaml"), encoding="utf-8") as f:
        lines = [re.sub(r"^#(?=[ a-z_]+:)", "", line) for line in f]
    with open(os.path.join(work, "full.yaml"), "w", encoding="utf-8") as f:
        f.writelines(line for line in lines if not line.startswith("#"))
    r = vigia("check-config", "-c", "full.yaml", VIGIA_LISTEN=None)
    equal(sorted(re.findall(r": (\S+): expected", r.err)), ["tls.cert", "tls.key"], r)
    equal(len(r.err.splitlines()), 2, r)
    with open(os.path.join(ROOT, "src/infra/config/config.c"), encoding="utf-8") as f:
        keys = re.findall(r'^\t\{"([a-z_.]+)", &type_', f.read(), re.M)
    given, path = set(), []
    for line in lines:
        if m := re.match(r"( *)([a-z_]+):", line):
            path = path[: len(m[1]) // 2] + [m[2]]
            given.add(".".join(path))
    equal([k for k in keys if k not in given], [])
    assert len(keys) > 20


def check_config_says_every_mistake():
    with open(os.path.join(work, "bad.yaml"), "w") as f:
        f.write("listn: x\nrecording:\n  file: 7m\n")
    r = vigia("check-config", "-c", "bad.yaml")
    equal((r.code, len(r.err.splitlines())), (1, 2), r)
    assert r.err.startswith("bad.yaml:1: listn: ") and "bad.yaml:3: recording.file: " in r.err, r


def main():
    print(f"1..{len(TESTS)}")
    failed = 0
    for i, test in enumerate(TESTS, 1):
        try:
            skip = test()
            print(f"ok {i} - {test.__name__}" + (f" # SKIP {skip}" if skip else ""))
        except Exception as e:  # a broken test is a failed one
            failed += 1
            print(f"not ok {i} - {test.__name__}")
            print("\n".join("# " + line for line in f"{type(e).__name__}: {e}".splitlines()))
        sys.stdout.flush()
    shutil.rmtree(work)
    return 1 if failed else 0


TESTS = [a_city_is_added_with_who_is_told, json_is_what_the_api_said, a_problem_is_one_line_with_its_field,
         names_from_outside_do_not_drive_the_terminal, lists_take_every_page, exit_codes_are_told_apart,
         tokens_come_from_the_environment_or_the_data_directory, the_local_token_stays_on_this_machine,
         camera_urls_can_stay_out_of_the_process_list, streams_are_started_by_id_city_or_all, recordings_are_listed_exported_and_verified,
         upkeep_says_what_it_did, passwords_are_never_arguments, passwords_are_typed_twice_and_not_shown,
         imports_are_said_line_by_line, what_is_no_vigia_server_is_said,
         the_example_configuration_documents_every_key, check_config_says_every_mistake]

if __name__ == "__main__":
    sys.exit(main())
