"""Players in a real browser (tests/system/_player.mjs): starts them, keeps what they say, waits for them to play."""
import collections
import json
import os
import subprocess
import threading
import time

from _site import fetch, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))


class Players:
    """urls: {name: hls_url}. A context manager; the browser ends with it."""

    def __init__(self, urls):
        self.names = list(urls)
        self.history = {n: [] for n in urls}
        self.events = []
        self.p = subprocess.Popen(["node", os.path.join(HERE, "_player.mjs")] + [f"{n}={u}" for n, u in urls.items()],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        log = open(os.environ["PLAYER_LOG"], "a") if os.environ.get("PLAYER_LOG") else None
        for line in self.p.stdout:
            if log:
                log.write(line)
                log.flush()
            o = json.loads(line)
            (self.events if "event" in o else self.history[o["name"]]).append(o)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        self.p.stdin.close()
        try:
            self.p.wait(10)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
        if kind:
            for e in self.events[-25:]:
                print("# browser:", json.dumps(e))
            for n in self.names:
                print("# browser:", json.dumps(self.history[n][-1:]))

    def now(self, name):
        assert self.p.poll() is None, "the browser ended"
        return self.history[name][-1] if self.history[name] else None

    def errors(self, fatal=None):
        bad = [e for e in self.events if e["event"] in ("error", "crash", "pageerror")]
        return [e for e in bad if fatal is None or e.get("fatal", True) == fatal]

    def loads(self):
        return sum(e["event"] == "loaded" for e in self.events)

    def advances(self, name, seconds=3.0, within=20):
        """Waits until `name` has played `seconds` of media and its decoder as many frames, from now on; gives how long that took."""
        began = time.monotonic()
        first = wait_for(f"{name} in the browser", lambda: self.now(name), within)

        def played():
            now = self.now(name)
            return now["time"] - first["time"] >= seconds and now["frames"] > first["frames"] and now["ready"] >= 3

        wait_for(f"{name} to play {seconds} s more: {first}", played, within, 0.2)
        return time.monotonic() - began

    def stalled(self, name, since, until=None):
        """Longest time in which the video did not move."""
        longest, last_move, last_time = 0.0, None, None
        for o in self.history[name]:
            if o["at"] < since or (until and o["at"] > until):
                continue
            if last_time is None or o["time"] > last_time + 0.01:
                last_move, last_time = o["at"], o["time"]
            longest = max(longest, o["at"] - last_move)
        return longest

    def delays(self, name, since=0):
        """Wall clock minus PROGRAM-DATE-TIME of what is shown: (median, worst)."""
        d = sorted(o["behind"] for o in self.history[name] if o["behind"] is not None and o["at"] >= since)
        return (d[len(d) // 2], d[-1]) if d else (None, None)

    def tell(self, name, what, since=0):
        median, worst = self.delays(name, since)
        last = self.history[name][-1]
        errors = collections.Counter(e.get("details") for e in self.errors() if e.get("name") == name and e["at"] >= since)
        print(f"# {name}: {what}: delay {median:.2f} s (worst {worst:.2f}), still for {self.stalled(name, since):.1f} s at most, "
              f"{last['frames']} frames, {last['dropped']} dropped, errors {dict(errors)}, recoveries {last['recoveries']}", flush=True)


def open_players(site, *ids):
    urls = {}
    for id in ids:
        urls[id] = wait_for("a playlist", lambda: site.stream(id)["hls_url"])
        wait_for("the first GOP", lambda: fetch(urls[id]).status == 200)
    return Players(urls)
