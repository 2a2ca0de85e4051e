# lane: 2
"""What the page shows of footage, from outside: timelines over real recordings, days of a clock change, the month for a spreadsheet, previews
against what then happens, the promise. Older days are written into the catalogue while the server is stopped."""
import contextlib
import csv
import datetime
import io
import os
import sqlite3
import time
import uuid

from _site import *

HOUR = 3600 * 1000000
DAY = 24 * HOUR


def us(text):
    return int(when(text) * 1000000)


def at(us_):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(us_ // 1000000)) + f".{us_ // 1000 % 1000:03d}Z"


@contextlib.contextmanager
def catalogue(s):
    """Written to while the server is stopped."""
    s.server.stop()
    with contextlib.closing(sqlite3.connect(os.path.join(s.data, "catalog.sqlite"))) as db:
        yield db
        db.commit()
    s.start_server()


def put(db, camera, city, begin, end, status=1, size=1000):
    volume = db.execute("SELECT id FROM volumes").fetchone()[0]
    db.execute("INSERT INTO recordings (id, camera_id, city_id, volume_id, file_path, started_at, ended_at, size_bytes, status)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
               (uuid.uuid4().bytes, camera, city, volume, f"{city}/{camera}/{begin}.mp4", begin, end, size, status))


def put_gap(db, camera, city, begin, end, reason):
    db.execute("INSERT INTO gaps (camera_id, city_id, from_at, to_at, reason) VALUES (?, ?, ?, ?, ?)", (camera, city, begin, end, reason))


def spans_of(s, camera, begin, end, more=""):
    a = s.get(f"/timeline?camera_ids={camera}&from={at(begin)}&to={at(end)}{more}")
    return a["items"][0], [(us(x["from"]), us(x["to"]), x["status"], x["held"]) for x in a["items"][0]["spans"]]


def seconds(intervals):
    return sum(b - a for a, b in intervals) / 1e6


def cut(intervals, out):
    """What of the intervals lies outside of the others."""
    for x, y in out:
        intervals = [p for a, b in intervals for p in ((a, min(b, x)), (max(a, y), b)) if p[1] > p[0]]
    return intervals


@test("a timeline shows what was recorded: cut at a stop and at an outage, with its hold, mark and export; the day's parts add up")
def timeline():
    with Site(cameras=[("k1", ""), ("k2", "")], file="10s") as s:
        s.wait_live()
        s.wait_recorded("k1")
        begin = int(time.time() * 1e6) - DAY
        time.sleep(4)
        s.call("DELETE", "/cameras/k1/stream", {"reason": "obra na rua"})
        stopped = time.time()
        time.sleep(4)
        s.post("/cameras/k1/stream")
        started = time.time()
        s.wait_live("k1")
        time.sleep(12)
        half = int((stopped - 2) * 1e6)
        hold = s.post("/holds", {"camera_ids": ["k1"], "from": at(half - 500000), "to": at(half), "reason": "BO 1"})
        s.post("/marks", {"camera_ids": ["k1"], "at": at(half), "text": "briga"})
        e = s.call("GET", f"/cameras/k1/export.mp4?from={at(half - 1000000)}&to={at(half)}")
        assert e.status == 200, e.body
        s.sim.stop()  # both cameras are lost
        wait_for("the outage in the ledger", lambda: any(g["to"] is None for g in s.gaps("k1")), 40)
        end = int(time.time() * 1e6) + DAY
        line, spans = spans_of(s, "k1", begin, end)
        gaps = [(us(g["from"]), us(g["to"]) if g["to"] else end, g["reason"]) for g in line["gaps"]]
        stop = next(g for g in line["gaps"] if g["reason"] == "stopped_by_user")
        assert stop["by"] == "admin" or stop["by"].startswith("system:"), stop
        assert stop["note"] == "obra na rua", stop
        assert abs(us(stop["from"]) / 1e6 - stopped) < 2 and started - 1 < us(stop["to"]) / 1e6 < started + 6, (stop, stopped, started)
        assert any(r == "no_signal" for _, _, r in gaps), gaps
        # Spans never overlap, nor lie in a gap; together they are the files without the gaps.
        for a, b in zip(spans, spans[1:]):
            assert a[1] <= b[0], spans
        for a, b, _, _ in spans:
            assert a < b and all(b <= x or a >= y for x, y, _ in gaps), (spans, gaps)
        files = [(us(r["started_at"]), us(r["ended_at"]) if r["ended_at"] else us(s.get("/session")["now"])) for r in s.recordings("k1")]
        want = seconds(cut(files, [(x, y) for x, y, _ in gaps]))
        assert abs(seconds([(a, b) for a, b, _, _ in spans]) - want) < 1.5, (spans, files, gaps)
        held = [x for x in spans if x[3]]
        assert held and any(a <= half <= b for a, b, _, _ in held), spans
        assert [h["id"] for h in line["holds"]] == [hold["id"]] and line["holds"][0]["reason"] == "BO 1", line["holds"]
        assert [m["text"] for m in line["marks"]] == ["briga"], line["marks"]
        assert len(line["exports"]) == 1 and line["exports"][0]["to"] == at(half), line["exports"]
        assert [x["camera_id"] for x in s.get("/exports")["items"]] == ["k1"]
        # Two days, so that midnight does not matter: all that is owed is recorded or missing for a reason.
        today = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 27 * 3600)), time.strftime("%Y-%m-%d", time.gmtime())
        rows = s.get(f"/coverage?city_id=lapa&from={today[0]}&to={today[1]}")["items"]
        for r in rows:
            assert r["recorded_s"] + sum(r["gaps"].values()) == r["owed_s"], r
        mine = [r for r in rows if r["camera_id"] == "k1"]
        assert 3 <= sum(r["gaps"].get("stopped_by_user", 0) for r in mine) <= 12, mine
        assert sum(r["recorded_s"] for r in mine) >= 12 and sum(r["gaps"].get("unknown", 0) for r in mine) <= 8, mine
        sit = s.get("/situation")
        assert sit["total"] == 2 and sit["disks"]["usable"] == 1, sit
        wait_for("both are new", lambda: s.get("/situation")["new_lost"] == 2, 20)
        groups = s.get("/situation")["lost_groups"]
        assert len(groups) == 1 and groups[0]["n"] == 2, groups


DAYS = [("America/Sao_Paulo", "2018-11-03", 24, 3), ("America/Sao_Paulo", "2018-11-04", 23, 3), ("America/Sao_Paulo", "2018-02-17", 25, 2),
        ("America/Sao_Paulo", "2018-02-18", 24, 3), ("Europe/Lisbon", "2025-10-26", 25, -1), ("Europe/Lisbon", "2025-03-30", 23, 0)]


@test("days of a clock change have 23 and 25 hours: in coverage, in the spreadsheet and in the timeline")
def clock_changes():
    with Site(camsim=False) as s:
        for i, (zone, _, _, _) in enumerate(DAYS):
            s.add_city(f"c{i}", zone=zone)
            s.add_camera(f"k{i}", "rtsp://127.0.0.1:9/x", city=f"c{i}")
        with catalogue(s) as db:
            db.execute("UPDATE cameras SET created_at = ?", (us("2018-01-01T00:00:00Z"),))
            for i, (_, day, _, behind) in enumerate(DAYS):
                first = us(day + "T00:00:00Z") + behind * HOUR  # 00:00 there, or the hour that it would have been
                for h in range(-24, 50):
                    if h != 10:
                        put(db, f"k{i}", f"c{i}", first + h * HOUR, first + (h + 1) * HOUR, status=4)
                put_gap(db, f"k{i}", f"c{i}", first + 10 * HOUR, first + 11 * HOUR, 7)
        for i, (zone, day, hours, behind) in enumerate(DAYS):
            row, = s.get(f"/coverage?camera_id=k{i}&from={day}&to={day}")["items"]
            assert row["date"] == day and row["owed_s"] == hours * 3600, (zone, row)
            assert row["recorded_s"] == (hours - 1) * 3600 and row["gaps"] == {"server_down": 3600}, (zone, row)
            a = s.call("GET", f"/coverage.csv?city_id=c{i}&month={day[:7]}&language=pt-BR")
            assert a.status == 200 and a.body.startswith(b"\xef\xbb\xbf"), a.body[:100]
            lines = list(csv.DictReader(io.StringIO(a.body.decode("utf-8-sig")), delimiter=";"))
            line, = [x for x in lines if x["Data"] == "/".join(reversed(day.split("-")))]
            assert line["Devido (s)"] == str(hours * 3600) and line["servidor fora do ar (s)"] == "3600", line
            percent = float(line["Tempo gravado (%)"].replace(",", "."))
            assert abs(percent - row["percent"]) < 0.001 and "," in line["Tempo gravado (%)"], (line, row)
            assert sum(int(v) for k, v in line.items() if k.endswith("(s)") and k != "Devido (s)") == hours * 3600, line
            # The timeline is of instants: exact over the change, the gap where it is.
            first = us(day + "T00:00:00Z") + behind * HOUR
            _, spans = spans_of(s, f"k{i}", first, first + 30 * HOUR)
            assert spans == [(first, first + 10 * HOUR, "deleted", False), (first + 11 * HOUR, first + 30 * HOUR, "deleted", False)], spans


@contextlib.contextmanager
def kept_for_days(days, hours):
    """City lapa of `days` days with k1 and k2; k1 has `hours` files of an hour that end an hour ago, k2 a quarter of them."""
    with Site(camsim=False) as s:
        s.add_city("lapa", days=days)
        for id in ("k1", "k2"):
            s.add_camera(id, "rtsp://127.0.0.1:9/x")
        s.begin = int(time.time()) // 3600 * HOUR // 3600 * 3600 - (hours + 1) * HOUR
        with catalogue(s) as db:
            for h in range(hours):
                put(db, "k1", "lapa", s.begin + h * HOUR, s.begin + (h + 1) * HOUR, size=1000 + h)
                if h % 4 == 0:
                    put(db, "k2", "lapa", s.begin + h * HOUR, s.begin + (h + 1) * HOUR, size=10)
        yield s


@test("fewer days: what the preview says is what a dry run then lists, and what the run notices; then it stands under what expires")
def fewer_days():
    with kept_for_days(30, 480) as s:
        s.post("/holds", {"camera_ids": ["k1"], "from": at(s.begin + 2 * HOUR), "to": at(s.begin + 5 * HOUR), "reason": "BO 2"})
        s.post("/marks", {"camera_ids": ["k1"], "at": at(s.begin + 3 * HOUR), "text": "guardada"})
        s.post("/marks", {"camera_ids": ["k1", "k2"], "at": at(s.begin + 8 * HOUR + 60000000), "text": "briga"})
        said = s.get("/cities/lapa/retention-preview?days=10")
        assert said["retention_days_now"] == 30 and said["held_files"] == 3 and said["cameras"] == 2 and said["anyway"]["files"] == 0, said
        assert s.get("/expiring?days=2")["items"] == []
        a = s.call("PATCH", "/cities/lapa", {"retention_days": 10})
        assert a.status == 200, a.body
        dry = s.post("/jobs/cleanup/run", {"dry_run": True})
        assert dry["noticed"] == said["files"] == len(dry["items"]) and dry["deleted"] == 0, (dry["noticed"], said)
        assert sum(i["bytes"] for i in dry["items"]) == said["bytes"], said
        assert min(us(i["started_at"]) for i in dry["items"]) == us(said["oldest_at"]) == s.begin, said
        assert dry["items"][0]["camera_name"] in ("k1", "k2"), dry["items"][0]
        ran = s.post("/jobs/cleanup/run", {})
        assert ran["noticed"] == said["files"] and ran["deleted"] == 0, ran
        e = s.get("/expiring?days=1")
        lines = [i for i in e["items"] if i["noticed"]]
        assert sum(i["files"] for i in lines) == said["files"] and sum(i["bytes"] for i in lines) == said["bytes"], (e, said)
        # Between midnight and 02:00 the day's own run is still to come: what it will give notice of, for the same day, is foretold beside this.
        own_run_to_come = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=-3))).hour < 2
        assert e["totals"]["cameras"] == 2 and (own_run_to_come or e["totals"]["files"] == said["files"]), (e["totals"], said)
        assert e["totals"]["marks"] == 1, e["totals"]  # of two: the other one is held
        assert all([m["text"] for m in i["marks"]] == ["briga"] and i["due_in_days"] == 1 for i in lines), e["items"]
        k1 = next(i for i in e["items"] if i["camera_id"] == "k1")
        assert k1["held_files"] == 3 and us(k1["first"]) == s.begin, k1
        sit = s.get("/situation")
        assert sit["due_tomorrow"] == {k: e["totals"][k] for k in ("cameras", "files", "bytes")} and sit["marked_unheld"] == 1, sit
        back = s.get("/cities/lapa/retention-preview?days=30")
        assert back["kept_longer"]["files"] == said["files"] and back["files"] == 0, back


@test("a hold's preview is what it then covers and came too late for; the promise counts what is there")
def holds_and_promise():
    with kept_for_days(30, 48) as s:
        with catalogue(s) as db:
            db.execute("UPDATE recordings SET status = 4, deleted_at = ? WHERE camera_id = 'k1' AND started_at < ?",
                       (s.begin + 40 * HOUR, s.begin + 3 * HOUR))
        body = {"camera_ids": ["k1", "k2"], "from": at(s.begin), "to": at(s.begin + 10 * HOUR)}
        said = s.post("/holds/preview", body)
        assert said["files"] == 7 + 3 and said["too_late_files"] == 3 == len(said["too_late"]), said
        assert s.get("/holds")["items"] == []
        made = s.post("/holds", {**body, "reason": "BO 3"})
        assert (made["files"], made["bytes"]) == (said["files"], said["bytes"]) and len(made["too_late"]) == 3, (made, said)
        row, = s.get("/holds?city_id=lapa")["items"]
        assert (row["files"], row["bytes"], row["city_ids"]) == (made["files"], made["bytes"], ["lapa"]), row
        again = s.post("/holds/preview", body)
        assert again["new_bytes"] == 0 and again["bytes"] == said["bytes"], again
        p = s.get("/promise")
        city, = p["items"]
        kept = s.get("/recordings?limit=1000")["items"]
        assert city["files"] == len(kept) and city["bytes"] == sum(r["size_bytes"] for r in kept), city
        assert city["held_bytes"] == said["bytes"], city
        free = [r for r in kept if not r["held"]]
        assert us(city["oldest_at"]) == min(us(r["started_at"]) for r in free), city
        assert abs(city["actual_days"] - (us(p["at"]) - us(city["oldest_at"])) / DAY) < 0.02, city
        assert city["forecast_days"] == 30 and 31 < city["latest_possible_days"] < 31.1, city
        assert us(p["at"]) < us(city["latest_possible_at"]) < us(p["at"]) + 3 * DAY, city
        assert p["volumes"][0]["fills_on"] is None and p["volumes"][0]["free_bytes"] > 0, p["volumes"]
        assert p["cleanup"]["deletion"] and us(p["cleanup"]["next_at"]) > us(p["at"]), p["cleanup"]


main()
