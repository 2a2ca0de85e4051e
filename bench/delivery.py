#!/usr/bin/env python3
"""What delivery costs: bytes per CPU second of Vigia, sending the newest segments of live cameras out of memory, against nginx sending the same
bytes as files in memory (sendfile, open files cached, no log), in turn, in one session. Also parts of 200 ms and playlists.

    bench/delivery.py [--build build] [--connections 64] [--seconds 5] [--rounds 3] [--cameras 8] [--query clip=hd]

The simulator is stopped (SIGSTOP) while Vigia is measured, so that what is asked for stays in memory and recording costs nothing; CPU is that of
the server's processes alone. nginx is one of our own in a temporary directory. Prints one JSON object and lines for people. Leaves nothing
behind."""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "system"))

CONFIG = """daemon off;
worker_processes auto;
error_log {dir}/error.log;
pid {dir}/pid;
worker_rlimit_nofile 8192;
{user}
events {{ worker_connections 4096; }}
http {{
    sendfile on; tcp_nopush on; tcp_nodelay on; access_log off; keepalive_requests 1000000000; keepalive_timeout 600;
    open_file_cache max=10000; open_file_cache_valid 600;
    client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
    types {{ video/mp4 m4s; application/vnd.apple.mpegurl m3u8; }}
    server {{ listen 127.0.0.1:{port} backlog=1024; root {root}; }}
}}
"""


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("--build", default="build")
    o.add_argument("--connections", type=int, default=64)
    o.add_argument("--seconds", type=float, default=5, help="a measurement; at most 6, for the cameras stand still meanwhile")
    o.add_argument("--rounds", type=int, default=3)
    o.add_argument("--cameras", type=int, default=8)
    o.add_argument("--query", default="clip=hd")
    a = o.parse_args()
    os.environ["VIGIA_BUILD"] = os.path.abspath(a.build)
    import _site

    if a.seconds > 6:
        sys.exit("the cameras would be taken for dead: --seconds is at most 6")
    if not shutil.which("nginx"):
        sys.exit("nginx is not there: tools/packages.sh bench")
    need = a.cameras * (a.rounds * 3 * (a.seconds * 2 + 12) + 30) * 320000
    if shutil.disk_usage(tempfile.gettempdir()).free < need * 2 or shutil.disk_usage("/dev/shm").free < 200 << 20:
        sys.exit(f"{need * 2 / 1e9:.1f} GB are needed in {tempfile.gettempdir()} and 0.2 GB in /dev/shm")
    rows = {kind: [] for kind in ("segment", "part", "playlist")}
    with _site.Site(cameras=[(f"cam{i}", a.query) for i in range(a.cameras)]) as s, Nginx(_site.free_port()) as nginx:
        s.wait_live(seconds=60)
        players = [Player(_site, s, f"cam{i}") for i in range(a.cameras)]
        for _ in range(a.rounds):
            for kind in rows:
                rows[kind].append(round_of(a, s, nginx, players, kind))
    result = {"connections": a.connections, "cameras": a.cameras, "query": a.query, "seconds": a.seconds, "rounds": a.rounds}
    for kind, r in rows.items():
        result[kind] = {"rounds": r, "bytes": r[0]["bytes"], "ratio": round(statistics.median(x["ratio"] for x in r), 3),
                        "vigia": best(r, "vigia"), "nginx": best(r, "nginx")}
    print(json.dumps(result))
    for kind in rows:
        r = result[kind]
        print(f"{kind} of {r['bytes'] / 1024:.0f} KiB, {a.connections} connections: Vigia {r['vigia']['gb_per_cpu_s']:.2f} GB and "
              f"{r['vigia']['answers_per_cpu_s']:.0f} answers, nginx {r['nginx']['gb_per_cpu_s']:.2f} GB and "
              f"{r['nginx']['answers_per_cpu_s']:.0f} answers a CPU second: {r['ratio']} x", file=sys.stderr)


def best(rounds, who):
    return {k: round(statistics.median(r[who][k] for r in rounds), 3) for k in ("gb_per_cpu_s", "answers_per_cpu_s", "gb_per_s")}


class Player:
    """A viewing session and what it may ask for now."""

    def __init__(self, site, s, camera):
        self.site, self.s = site, s
        url = s.get(f"/cameras/{camera}/stream")["hls_url"]
        self.base = urllib.parse.urljoin(url, site.fetch(url).text.split()[-1])
        self.path = urllib.parse.urlsplit(self.base).path

    def names(self, kind):
        lines = self.site.fetch(self.base).text.splitlines()
        if kind == "playlist":
            return ["video.m3u8"]
        if kind == "segment":
            return [l for l in lines if l and l[0] != "#"][-2:]
        return [l.split('URI="')[1].split('"')[0] for l in lines if l.startswith("#EXT-X-PART:")][-12:-2]

    def get(self, name):
        answer = self.site.fetch(urllib.parse.urljoin(self.base, name))
        assert answer.status == 200, (name, answer.status)
        return answer.body


class Nginx:
    def __init__(self, port):
        self.port = port

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="vigia-bench-nginx-", dir="/dev/shm")
        self.root = os.path.join(self.dir, "root")
        os.mkdir(self.root)
        conf = os.path.join(self.dir, "nginx.conf")
        with open(conf, "w") as f:
            f.write(CONFIG.format(dir=self.dir, port=self.port, root=self.root, user="user root;" if os.geteuid() == 0 else ""))
        self.p = subprocess.Popen(["nginx", "-p", self.dir, "-e", os.path.join(self.dir, "error.log"), "-c", conf])
        time.sleep(1)
        if self.p.poll() is not None:
            with open(os.path.join(self.dir, "error.log")) as f:
                sys.exit("nginx did not start: " + f.read())
        return self

    def pids(self):
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.p.pid)], stdout=subprocess.PIPE, text=True).stdout.split()
        return [str(self.p.pid), *children]

    def serve(self, files):
        """Puts {path: bytes} under its root, and nothing else."""
        folder = os.path.join(self.root, "hls")
        shutil.rmtree(folder, ignore_errors=True)
        for path, data in files.items():
            to = self.root + path
            os.makedirs(os.path.dirname(to), exist_ok=True)
            with open(to, "wb") as f:
                f.write(data)

    def __exit__(self, *_):
        self.p.terminate()
        self.p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def round_of(a, s, nginx, players, kind):
    time.sleep(8)
    files, sizes = {}, []
    wanted = [(p, p.names(kind)) for p in players]
    s.sim.p.send_signal(signal.SIGSTOP)
    try:
        for p, names in wanted:
            for name in names:
                path = urllib.parse.urljoin(p.path, name)
                files[path] = p.get(name)
                sizes.append(len(files[path]))
        vigia = load(a, s.port, [str(s.server.p.pid)], files)
    finally:
        s.sim.p.send_signal(signal.SIGCONT)
    nginx.serve(files)
    other = load(a, nginx.port, nginx.pids(), files)
    return {"bytes": statistics.mean(sizes), "vigia": vigia, "nginx": other,
            "ratio": round(vigia["answers_per_cpu_s"] / other["answers_per_cpu_s"], 3)}


def load(a, port, pids, files):
    out = subprocess.run([os.path.join(os.environ["VIGIA_BUILD"], "bench", "delivery"), str(port), str(a.connections), str(a.seconds), ",".join(pids)],
                         input="\n".join(files), stdout=subprocess.PIPE, text=True, check=True, timeout=a.seconds + 30)
    r = json.loads(out.stdout)
    assert not r["errors"], r
    cpu = r["user_s"] + r["system_s"]
    return {**r, "gb_per_cpu_s": r["bytes"] / cpu / 1e9, "answers_per_cpu_s": r["answers"] / cpu, "gb_per_s": r["bytes"] / r["seconds"] / 1e9}


main()
