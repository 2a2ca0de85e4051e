# lane: 2
"""The cycle of footage from outside: notices in real SMTP and HTTP, deletion, holds, crashes between. Days pass by moving times in the
catalogue while the server is stopped."""
import contextlib
import glob
import json
import os
import sqlite3
import subprocess
import sys
import time
from email import message_from_string, policy

from _site import *

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
SECRET = "segredo do webhook"
DAY = 86400 * 1000000


class Receiver:
    """smtp_server.py or webhook_server.py, on a port of its own that stays the same when it is started again."""

    def __init__(self, s, script, *args):
        self.dir = os.path.join(s.dir, script.split("_")[0])
        os.mkdir(self.dir)
        self.port = free_port()
        self.process = Process([sys.executable, os.path.join(SUPPORT, script), "--dir", self.dir, "--port", str(self.port), *args],
                               os.path.join(self.dir, "log"))

    def start(self):
        self.process.start()
        wait_for("the receiver", lambda: "port" in open(self.process.log).read())

    def got(self, pattern):
        return [json.load(open(f)) for f in sorted(glob.glob(os.path.join(self.dir, pattern)))]


@contextlib.contextmanager
def seeded():
    """A site with the demonstration's past (3 cities, 7 cameras with 3 files each), two channels, the digests not yet written."""
    with Site(start=False, file=None) as s:
        s.mail, s.hook = Receiver(s, "smtp_server.py"), Receiver(s, "webhook_server.py", "--secret", SECRET)
        with open(s.yaml, "a") as f:
            f.write(f"notify:\n  smtp: {{host: 127.0.0.1, port: {s.mail.port}, tls: none, from: vigia@example.org}}\n")
            f.write(f"  webhook: {{url: 'http://127.0.0.1:{s.hook.port}/site', secret: '{SECRET}'}}\n")
        listed = run(CAMSIM, "--port", str(s.rtsp_port), "--demo", "--list")
        assert listed.returncode == 0 and listed.stdout, listed
        seed = run(VIGIA, "demo", "seed", "--clips", CLIPS, "-c", s.yaml, env=s.env, stdin=listed.stdout)
        assert seed.returncode == 0, seed
        # The seed ran the clean-up; as if it had not.
        change(s, "UPDATE recordings SET status = 1, due_on = NULL, noticed_at = NULL, notice_id = NULL", "DELETE FROM notices", "DELETE FROM job_runs")
        try:
            yield s
        finally:
            s.mail.process.stop()
            s.hook.process.stop()


def database(s):
    return os.path.join(s.data, "catalog.sqlite")


def change(s, *statements):
    """With the server stopped."""
    assert s.server.p is None
    with contextlib.closing(sqlite3.connect(database(s))) as db:
        db.execute("PRAGMA foreign_keys = ON")
        done = [db.execute(sql).rowcount for sql in statements]
        db.commit()
    return done


def a_day_passes(s):
    """For what was noticed: its days are over, the notice is 21 h old and the due date has come. The old digests keep their days."""
    s.server.stop()
    change(s, f"UPDATE recordings SET started_at = started_at - {DAY}, ended_at = ended_at - {DAY}, noticed_at = noticed_at - {21 * 3600 * 1000000},"
              " due_on = due_on - 1 WHERE status = 2",
           "UPDATE notices SET due_on = due_on - 1")
    s.start_server()


def rfc3339(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def clean(s, dry=False):
    return s.post("/jobs/cleanup/run", {"dry_run": dry})


def state(s):
    return sorted((r["id"], r["status"], r["held"]) for r in s.get("/recordings?deleted=true&limit=1000")["items"])


def on_disk(s):
    return sorted(glob.glob(os.path.join(s.footage, "*", "*", "*", "*.mp4")))


def with_status(s, status):
    return [r for r in s.get("/recordings?deleted=true&limit=1000")["items"] if r["status"] == status]


def digests(s):
    return [n for n in s.get("/notices?limit=1000")["items"] if n["kind"] == "expiring"]


@test("a dry run changes nothing; a run writes one digest per city and due day, delivered once in its language when the servers are back")
def notices():
    with seeded() as s:
        s.start_server()
        s.call("PATCH", "/cities/lapa", {"notify": [{"channel": "smtp", "to": "cco@lapa.example", "language": "pt-BR"}]})
        s.call("PATCH", "/cities/porto", {"notify": [{"channel": "smtp", "to": "ops@porto.example", "language": "en"},
                                                     {"channel": "webhook", "to": f"http://127.0.0.1:{s.hook.port}/porto", "language": "en"}]})
        s.call("PATCH", "/cities/centro", {"notify": [{"channel": "webhook", "to": f"http://127.0.0.1:{s.hook.port}/centro", "language": "pt-BR"}]})
        before, files = state(s), on_disk(s)
        dry = clean(s, dry=True)
        assert dry["dry_run"] and dry["noticed"] == 7 and dry["deleted"] == 0, dry
        assert len(dry["items"]) == dry["noticed"] and all(i["what"] == "notice" for i in dry["items"]), dry
        said = s.cli("cleanup", "--dry-run")
        assert "dry run: 7 noticed, 0 deleted" in said.stdout, said
        assert state(s) == before and on_disk(s) == files and digests(s) == [], digests(s)

        ran = clean(s)
        assert ran["noticed"] == 7 and ran["deleted"] == 0 and ran["error"] is None, ran
        rows = with_status(s, "noticed")
        assert len(rows) == 7 and all(r["expires_in_days"] <= 1 for r in rows), rows
        first = digests(s)
        assert sorted(n["city_id"] for n in first) == ["centro", "lapa", "porto"], first
        assert len({(n["city_id"], n["due_on"]) for n in first}) == 3
        again = clean(s)
        assert again["noticed"] == again["deleted"] == 0 and len(digests(s)) == 3, again

        # Nobody listens: pending, tried, with why.
        def tried():
            sent = [d for n in digests(s) for d in n["deliveries"] if d["channel"] != "inbox"]
            return len(sent) == 4 and all(d["status"] == "pending" and d["attempts"] == 1 and d["last_error"] for d in sent) and sent

        wait_for("failed deliveries", tried)
        assert len(clean(s)["items"]) == 0
        # Back after the first wait; a crash in between costs nothing and repeats nothing.
        s.server.stop(signal.SIGKILL)
        assert change(s, "UPDATE deliveries SET next_attempt_at = 1 WHERE status = 0") == [4]
        s.mail.start()
        s.hook.start()
        s.start_server()

        def delivered():
            return all(d["status"] == "sent" for n in digests(s) for d in n["deliveries"]) and True

        wait_for("deliveries", delivered)
        s.server.stop()
        s.start_server()
        clean(s)
        time.sleep(4)
        mails, hooks = s.mail.got("mail-*.json"), s.hook.got("hook-*.json")
        assert [len(mails), len(hooks)] == [2, 2], (mails, hooks)
        by_to = {m["to"][0].strip("<>"): message_from_string(m["data"], policy=policy.default) for m in mails}
        text = {to: m["subject"] + "\n" + m.get_body().get_content() for to, m in by_to.items()}
        assert "Lapa" in text["cco@lapa.example"] and "Portão 1" in text["cco@lapa.example"], text
        assert "gravaç" in text["cco@lapa.example"].lower() and "recording" not in text["cco@lapa.example"].lower(), text
        assert "Porto" in text["ops@porto.example"] and "gravaç" not in text["ops@porto.example"].lower(), text
        assert all(h["signature_ok"] for h in hooks) and sorted(h["path"] for h in hooks) == ["/centro", "/porto"], hooks
        assert len({h["delivery"] for h in hooks}) == 2
        body = {h["path"]: json.loads(h["body"]) for h in hooks}
        assert body["/porto"]["kind"] == "expiring" and body["/porto"]["city"] == "porto", body


@test("overdue footage goes a day after its notice, its row stays; what is held stays; a hold that ends is a new notice; a crash is settled")
def deletion():
    with seeded() as s:
        s.start_server()
        clean(s)
        noticed = {r["camera_id"]: r for r in with_status(s, "noticed")}
        assert len(noticed) == 7, noticed
        size = sum(r["size_bytes"] for r in noticed.values())
        held = noticed["praca"]
        hold = s.post("/holds", {"camera_ids": ["praca"], "from": rfc3339(when(held["started_at"]) - 86400), "to": held["ended_at"], "reason": "BO 12/2026"})
        assert hold["files"] == 1 and hold["too_late"] == [], hold
        early = clean(s)
        assert early["deleted"] == 0, early
        # A hold brings it back to sealed.
        assert s.get(f"/recordings/{held['id']}")["status"] == "sealed"
        # One row: killed between the mark and the file's end; another: after the file's end.
        s.server.stop(signal.SIGKILL)
        change(s, f"UPDATE recordings SET started_at = started_at - {DAY}, ended_at = ended_at - {DAY} WHERE camera_id = 'praca' AND status = 1"
                  f" AND id = x'{held['id'].replace('-', '')}'")
        s.start_server()
        a_day_passes(s)
        s.server.stop(signal.SIGKILL)
        assert change(s, "UPDATE recordings SET status = 3, deleted_by_rule = 'retention' WHERE status = 2 AND camera_id IN ('cais', 'terminal')") == [2]
        os.unlink(os.path.join(s.footage, noticed["terminal"]["file_path"]))
        s.start_server()
        dry = clean(s, dry=True)
        assert dry["deleted"] >= 4, dry
        before = on_disk(s)
        ran = clean(s)
        assert ran["deleted"] == 6 and ran["error"] is None and ran["noticed"] == 0, ran
        assert ran["bytes_freed"] <= size, (ran, size)
        gone = {os.path.relpath(f, s.footage) for f in before} - {os.path.relpath(f, s.footage) for f in on_disk(s)}
        assert gone == {r["file_path"] for i, r in noticed.items() if i not in ("praca", "terminal")}, gone
        for camera, r in noticed.items():
            row = s.get(f"/recordings/{r['id']}")
            if camera == "praca":
                assert row["status"] == "sealed" and row["held"], row
                continue
            assert row["status"] == "deleted" and row["deleted_by_rule"] == "retention" and row["deleted_at"] and row["size_bytes"], row
            assert s.call("GET", f"/recordings/{r['id']}/file").status == 410
        with contextlib.closing(sqlite3.connect(database(s))) as db:
            ledger = db.execute("SELECT count(*) FROM recordings r JOIN notices n ON n.id = r.notice_id WHERE r.status = 4").fetchone()
        assert ledger == (6,), ledger
        audit = s.get("/audit?action=cleanup.run&limit=1000")["items"]
        assert any(a["details"]["deleted"] == 6 for a in audit), audit
        runs = s.get("/jobs/cleanup/runs")["items"]
        assert runs[0]["deleted"] == 6 and not any(r["dry_run"] for r in runs), runs
        # The hold ends: overdue, and yet noticed first and a day waited for.
        s.delete(f"/holds/{hold['id']}?reason=fim")
        ran = clean(s)
        assert (ran["noticed"], ran["deleted"]) == (1, 0), ran
        assert clean(s)["deleted"] == 0
        assert len([n for n in digests(s) if n["city_id"] == "lapa"]) == 2
        a_day_passes(s)
        assert clean(s)["deleted"] == 1
        assert not os.path.exists(os.path.join(s.footage, held["file_path"]))
        verify = s.post("/recordings/verify")
        assert verify["differences"] == [], verify


@test("days raised bring noticed footage back, files and all; lowered, they are noticed before they go")
def retention_changes():
    with seeded() as s:
        s.start_server()
        clean(s)
        assert s.call("PATCH", "/cities/porto", {"retention_days": 20}).status == 200
        a_day_passes(s)
        ran = clean(s)
        assert ran["deleted"] == 5, ran
        rows = s.get("/recordings?city_id=porto&limit=100")["items"]
        assert len(rows) == 6 and all(r["status"] == "sealed" for r in rows), rows
        assert s.call("PATCH", "/cities/porto", {"retention_days": 1}).status == 200
        ran = clean(s)
        assert ran["deleted"] == 0 and ran["noticed"] == 6, ran
        assert len(s.recordings("cais")) == 3


@test("a run that was missed is caught up after start, once")
def missed():
    with seeded() as s:
        s.start_server()
        clean(s)
        s.server.stop()
        change(s, f"UPDATE job_runs SET started_at = started_at - 3 * {DAY}, finished_at = finished_at - 3 * {DAY}, scheduled_for = started_at - 3 * {DAY}",
               "DELETE FROM notices", "UPDATE recordings SET status = 1, due_on = NULL, noticed_at = NULL, notice_id = NULL WHERE status = 2")
        s.start_server()
        wait_for("the run", lambda: len(s.get("/jobs/cleanup/runs")["items"]) == 2)
        wait_for("its digests", lambda: len(digests(s)) == 3)
        s.server.stop()
        s.start_server()
        time.sleep(5)
        runs = s.get("/jobs/cleanup/runs")["items"]
        assert len(runs) == 2 and runs[0]["actor"].startswith("system:") and runs[0]["scheduled_for"], runs


main()
