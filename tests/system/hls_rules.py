# timeout: 240
"""The live playlists against RFC 8216bis and our own rules, followed with blocking reloads as players do, at many frame rates at once, over
file cuts, an outage and a crash."""
import math
import os
import signal
import threading
import time
import traceback

from _hls import Client, Playlist, fragments
from _site import *

FOLLOW_S = 22
CAMERAS = {  # id: (camsim's query, frames per second or None where it is not even)
    "f2997": ("fps=29.97", 29.97), "f25": ("", 25), "f24": ("fps=24", 24), "f12": ("fps=12.5&gop=25", 12.5), "f8": ("fps=8&gop=16", 8),
    "f5": ("fps=5&gop=10", 5), "f1": ("fps=1&gop=2", 1), "jitter": ("jitter=10", None), "bframes": ("clip=bframes", 25),
}


class Follower(threading.Thread):
    """Follows a camera; every rule that is broken is a line in `wrong`."""

    def __init__(self, site, id, fps):
        super().__init__(daemon=True)
        self.site, self.id, self.fps, self.wrong, self.runs = site, id, fps, [], []
        self.parts, self.segments, self.seen_segments, self.waits = {}, {}, set(), []
        self.highest = (0, 0)

    def run(self):
        try:
            self.client = Client(self.site.stream(self.id)["hls_url"])
            self.follow(time.monotonic() + FOLLOW_S)
        except Exception:
            self.wrong.append(traceback.format_exc())

    def rule(self, holds, *what):
        if not holds and len(self.wrong) < 20:
            self.wrong.append(" ".join(str(w) for w in what))

    def follow(self, end):
        p = self.client.playlist()
        n = 0
        while time.monotonic() < end:
            self.check(p)
            msn, part = p.next_part()
            began = time.monotonic()
            n += 1
            p = self.client.playlist(f"_HLS_msn={msn}&_HLS_part={part}", skip=n % 3 != 0)
            self.waits.append(time.monotonic() - began)
            reached = p.next_part()
            self.rule(reached > (msn, part), "a reload for", msn, part, "came back before it was there:", p.hint)
            if p.skipped:
                self.compare(p)

    def compare(self, merged):
        full = Playlist(self.client.get("video.m3u8")[2].decode())
        known = {s["msn"]: s for s in full.segments}
        for s in merged.segments:
            other = known.get(s["msn"])
            if not other or not s["uri"]:
                continue
            same = ("uri", "duration", "discontinuity", "gap", "pdt") + (("init",) if s["init"] else ())
            self.rule(all(s[k] == other[k] for k in same), "a delta update tells another segment:", s, other)

    def check(self, p):
        td, pt = p.target_duration, p.part_target
        now = (p.msn, p.discontinuity)
        self.rule(now[0] >= self.highest[0] and now[1] >= self.highest[1], "sequence numbers went back:", self.highest, now)
        self.highest = now
        if self.fps:
            d = 90000 / self.fps
            frames = max(1, math.floor(18000 / d + 0.5))
            want = math.ceil(round(frames * d * 1.06 / 90, 3)) / 1000
            self.rule(abs(pt - want) <= 0.0011, "PART-TARGET", pt, "should be", want)
        self.rule(float(p.control["PART-HOLD-BACK"]) >= 3 * pt, "PART-HOLD-BACK", p.control)
        hold_back, can_skip = float(p.control["HOLD-BACK"]), float(p.control["CAN-SKIP-UNTIL"])
        self.rule(hold_back >= 3 * td and can_skip >= 6 * td, "SERVER-CONTROL", p.control)
        self.rule(p.control["CAN-BLOCK-RELOAD"] == "YES", p.control)
        for s in p.segments:
            self.check_segment(p, s)
        for a, b in zip(p.segments, p.segments[1:]):
            if not a["gap"] and not b["gap"]:
                off = b["pdt"] - a["pdt"] - a["duration"]
                self.rule(abs(off) < 0.05, f"PROGRAM-DATE-TIME is {off:.3f} s off from {a['msn']}{' over a break' * b['breaks']}")

    def check_segment(self, p, s):
        complete = s["uri"] is not None
        self.rule(s["pdt"] is not None, "no PROGRAM-DATE-TIME", s)
        if complete:
            self.rule(round(s["duration"]) <= p.target_duration, "EXTINF", s["duration"], "TARGETDURATION", p.target_duration)
        for i, part in enumerate(s["parts"]):
            self.rule(part["duration"] <= p.part_target + 1e-6, "part", part, "PART-TARGET", p.part_target)
            if i + 1 < len(s["parts"]):
                self.rule(part["duration"] >= 0.85 * p.part_target - 1e-5, "part", part, "is too short for PART-TARGET", p.part_target)
            self.take_part(s, i, part)
        if complete and s["msn"] not in self.seen_segments and s["parts"] and not s["gap"]:
            self.seen_segments.add(s["msn"])
            total = sum(x["duration"] for x in s["parts"])
            self.rule(abs(total - s["duration"]) <= 1e-5 * (len(s["parts"]) + 1), "parts make", total, "EXTINF is", s["duration"], s["msn"])
            whole = fragments(self.get(s["uri"]))
            mine = [f for i in range(len(s["parts"])) for f in self.parts[s["msn"], i]]
            keys = ("tfdt", "durations", "sizes", "flags", "media")
            same = [[f[k] for k in keys] for f in whole] == [[f[k] for k in keys] for f in mine]
            self.rule(same, "segment", s["msn"], "is not its parts")

    def get(self, uri):
        status, headers, body = self.client.get(uri)
        self.rule(status == 200 and headers["Content-Type"] == ("video/mp4"), uri, status, headers["Content-Type"])
        self.rule(headers.get_all("Access-Control-Allow-Origin") == ["*"], uri, headers.get_all("Access-Control-Allow-Origin"))
        self.rule("max-age" in headers["Cache-Control"], uri, headers["Cache-Control"])
        return body

    def take_part(self, s, i, part):
        if (s["msn"], i) in self.parts:
            return
        data = self.get(part["uri"])
        found = self.parts[s["msn"], i] = fragments(data)
        self.rule(found and all("media" in f for f in found), "no media in", part)
        ticks = sum(sum(f["durations"]) for f in found)
        self.rule(abs(ticks / 90000 - part["duration"]) <= 1e-5, part, "lasts", ticks)
        self.rule(found[0]["sync"] or not part["independent"], part, "does not begin with a sync sample")
        self.rule(part["independent"] or not found[0]["sync"], part, "begins with a sync sample and does not say so")
        key = (s["discontinuity"], s["init"])
        if not self.runs or self.runs[-1]["key"] != key:
            self.runs.append({"key": key, "data": [self.get(s["init"])], "next": None})
        run = self.runs[-1]
        run["data"].append(data)
        for f in found:
            self.rule(run["next"] in (None, f["tfdt"]), part, "begins at", f["tfdt"], "after", run["next"])
            run["next"] = f["tfdt"] + sum(f["durations"])


def follow_all(s):
    followers = [Follower(s, id, fps) for id, (_, fps) in CAMERAS.items()]
    for f in followers:
        f.start()
    for f in followers:
        f.join(FOLLOW_S + 60)
        assert not f.is_alive(), f.id
    for f in followers:
        files = []
        for i, run in enumerate(f.runs):
            files.append(os.path.join(s.dir, f"{f.id}-{i}.mp4"))
            with open(files[-1], "wb") as out:
                out.write(b"".join(run["data"]))
        report = frames(files)
        print(f"# {f.id}: {len(f.parts)} parts in {len(f.runs)} runs, {report['found']} frames, {report['missing']} missing; "
              f"reloads of {sorted(f.waits)[len(f.waits) // 2] * 1000:.0f} ms", flush=True)
        f.rule(not any(report[k] for k in ("missing", "repeated", "reordered", "time_backwards")), report)
        f.rule(len(f.runs) >= 2, "no file cut was seen")
    wrong = [f"{f.id}: {w}" for f in followers for w in f.wrong]
    assert not wrong, "\n".join(wrong)


def answers(s):
    """What is asked wrongly, and how things are served."""
    c = Client(s.stream("f25")["hls_url"])
    status, headers, _ = c.get("video.m3u8")
    assert status == 200 and headers["Content-Type"] == "application/vnd.apple.mpegurl", headers.items()
    assert headers.get_all("Access-Control-Allow-Origin") == ["*"] and headers["Cache-Control"] == "no-cache", headers.items()
    msn, part = c.playlist().next_part()
    for query, want in (("_HLS_part=0", 400), (f"_HLS_msn={msn + 4}", 400), (f"_HLS_msn={msn}&_HLS_part=90", 400), ("_HLS_msn=x", 400),
                        (f"_HLS_msn={msn}&_HLS_skip=perhaps", 400), (f"_HLS_msn={msn - 100}", 200),
                        (f"_HLS_msn={msn - 1}&_HLS_part=0", 200)):
        status, headers, body = c.get("video.m3u8?" + query)
        assert status == want, (query, status, body)
    for path in (f"v{msn - 100000}.m4s", f"v{msn + 5}.m4s", f"v{msn - 1}.200.m4s", "vinit99999.mp4", "v.m4s", "nothing.mp4"):
        assert c.get(path)[0] == 404, path
    done = c.playlist().segments[-2]
    _, headers, whole = c.get(done["uri"])
    status, headers, body = c.get(done["uri"], Range="bytes=100-199")
    assert status == 206 and body == whole[100:200] and headers["Content-Range"] == f"bytes 100-199/{len(whole)}", headers.items()
    for path in (done["uri"], done["init"], "video.m3u8"):
        status, headers, body = c.get(path, "HEAD")
        assert status == 200 and not body and int(headers["Content-Length"]) > 0, (path, status)
    status, headers, body = c.get("video.m3u8", "OPTIONS", Origin="http://x", Access_Control_Request_Method="GET")
    assert status == 204 and headers["Access-Control-Allow-Origin"] == "*", headers.items()
    # A reload for a whole segment waits for all of it; the hinted part is given as soon as it is there, in the same words as later.
    msn, _ = c.playlist().next_part()
    began = time.monotonic()
    p = c.playlist(f"_HLS_msn={msn}")
    assert next(x for x in p.segments if x["msn"] == msn)["uri"], "came before the segment was whole"
    for _ in range(3):
        hint = c.playlist().hint
        status, headers, body = c.get(hint)
        assert status == 200 and fragments(body) and headers.get_all("Access-Control-Allow-Origin") == ["*"], (hint, status)
        assert c.get(hint)[2] == body
    assert time.monotonic() - began < 6
    status, headers, body = c.get(f"video.m3u8?_HLS_msn={p.next_part()[0]}&_HLS_part=0", Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip" and "max-age" in headers["Cache-Control"] and "Accept-Encoding" in headers["Vary"]


def crash(s):
    """A player that stays finds a GAP where it was, then a new run; numbers go on, names are not used twice."""
    c = Client(s.stream("f25")["hls_url"])
    before = c.playlist().segments[-1]
    s.server.stop(signal.SIGKILL)
    time.sleep(1)
    s.start_server()
    s.wait_live("f25", seconds=60)
    c.connection.close()
    again = c.playlist()  # the same viewing session
    first, run = again.segments[0], next(x for x in again.segments if not x["gap"])
    assert again.msn > before["msn"] and again.discontinuity >= before["discontinuity"], (again.text, before)
    assert first["gap"] and first["pdt"] < before["pdt"] + 2, (again.text, before)
    assert run["breaks"] and run["discontinuity"] > before["discontinuity"], (again.text, before)
    assert run["init"] != before["init"], "an init segment's name was used twice"


def outage(s):
    c = Client(s.stream("f25")["hls_url"])
    before = c.playlist()
    s.sim.stop(signal.SIGKILL)
    wait_for("GAP segments", lambda: sum(x["gap"] for x in c.playlist().segments[-3:]) >= 2, 20, 0.5)
    away = c.playlist()
    gaps = [x for x in away.segments if x["gap"] and x["msn"] > before.segments[-1]["msn"]]
    assert all(round(x["duration"]) <= away.target_duration for x in gaps) and gaps[0]["breaks"], gaps
    assert not away.ended and away.target_duration == before.target_duration
    s.start_sim()
    s.wait_live("f25", seconds=60)
    back = wait_for("pictures", lambda: (lambda p: p if p.segments[-1]["parts"] else None)(c.playlist()), 20, 0.3)
    assert back.segments[-1]["discontinuity"] > gaps[0]["discontinuity"] > before.segments[-1]["discontinuity"], (gaps, back.text)
    assert back.segments[-1]["init"] != before.segments[-1]["init"] and back.msn >= before.msn, back.text


@test("followed with blocking reloads at nine rates over file cuts, every rule of LL-HLS holds and no frame is missing")
def follow():
    with Site(cameras=[(id, query) for id, (query, _) in CAMERAS.items()], file="10s") as s:
        s.wait_live(seconds=40)
        for id in CAMERAS:
            url = s.stream(id)["hls_url"]
            wait_for(f"the first GOP of {id}", lambda: fetch(url).status == 200)
        follow_all(s)


@test("wrong questions get 400 and 404; HEAD, ranges, gzip, CORS and caching; GAP segments; numbers go on over a crash")
def serve():
    with Site(cameras=[("f25", "")]) as s:
        s.wait_live()
        time.sleep(5)
        answers(s)
        crash(s)
        outage(s)


main()
