"""The contenders: each receives the same simulated cameras in turn, alone, and tells CPU, memory and frames in one row."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import _bench as b

WARM_S = 20  # buffers are taken from the system for the first time meanwhile


def names_of(a):
    return [f"cam{i}" for i in range(a.cameras)]


def floor_row(a, write):
    with b.Sim() as sim:
        folder = tempfile.mkdtemp(prefix="vigia-bench-")
        try:
            out = subprocess.run([os.path.join(a.build, "bench", "floor"), str(sim.port), str(a.cameras), str(a.seconds), folder if write else "-", a.query],
                                 stdout=subprocess.PIPE, check=True, timeout=a.seconds + 60, preexec_fn=b.die_with_parent)
            _, cameras = sim.stats()
            row = json.loads(out.stdout)
            row["sent"] = sum(c["frames"] for c in cameras.values())
            row["dropped"] = sum(c["dropped"] + c["late"] for c in cameras.values())
            return row
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def receive(a):
    return floor_row(a, False)


def floor(a):
    return floor_row(a, True)


def vigia(a):
    names = names_of(a)
    with b.Sim() as sim, b.make_vigia(sim, [(n, a.query) for n in names]) as s:
        pid = s.server.p.pid
        b.start_all(s)
        live = b.wait_recording(s, a.cameras)
        time.sleep(WARM_S)
        usage = b.Usage(pid)
        time.sleep(a.seconds)
        row = {"cameras": a.cameras, **usage.since(a.cameras), "rss_mb": round(b.memory_mb(pid, "VmHWM"), 1), "rss_end_mb": round(b.memory_mb(pid), 1),
               "all_recording_s": round(live, 1), "gaps": b.gaps_of(s)}
        s.server.stop()
        _, cameras = sim.stats()
        row.update(b.check_files(b.vigia_files(s, names), cameras), dropped=sum(c["dropped"] + c["late"] for c in cameras.values()))
        return row


def wait_files(folder, names, pattern, seconds=120):
    def there():
        return sum(any(os.path.getsize(f) for f in files) for files in b.files_under(folder, names, pattern).values())

    b.site.wait_for("every camera's file", lambda: there() == len(names), seconds, 0.5)


def measured(a, folder, pattern, pids, memory):
    """Once all write: warm up, measure."""
    wait_files(folder, names_of(a), pattern)
    time.sleep(WARM_S)
    usage = b.Usage(*pids)
    time.sleep(a.seconds)
    return {"cameras": a.cameras, **usage.since(a.cameras), **memory()}


def ffmpeg(a):
    """One process a camera."""
    names = names_of(a)
    folder = tempfile.mkdtemp(prefix="vigia-bench-")
    processes = []
    try:
        with b.Sim() as sim:
            for name in names:
                processes.append(subprocess.Popen(
                    ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", sim.url(name, a.query), "-c", "copy",
                     "-f", "segment", "-segment_time", "3600", "-segment_format", "mp4", "-segment_format_options", "movflags=frag_keyframe+empty_moov",
                     os.path.join(folder, name + "-%03d.mp4")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    preexec_fn=b.die_with_parent))
                time.sleep(0.02)
            pids = [p.pid for p in processes]
            row = measured(a, folder, "{}-*.mp4", pids, lambda: {"rss_mb": round(sum(b.memory_mb(p, "Pss") for p in pids), 1), "memory": "Pss of all"})
            for p in processes:
                p.send_signal(signal.SIGINT)
            for p in processes:
                p.wait(60)
            _, cameras = sim.stats()
            row.update(b.check_files(b.files_under(folder, names, "{}-*.mp4"), cameras), dropped=sum(c["dropped"] + c["late"] for c in cameras.values()))
            return row
    finally:
        for p in processes:
            if p.poll() is None:
                p.kill()
                p.wait()
        shutil.rmtree(folder, ignore_errors=True)


def mediamtx_path():
    return os.environ.get("VIGIA_MEDIAMTX") or shutil.which("mediamtx")


MEDIAMTX = """logLevel: warn
rtsp: no
rtmp: no
webrtc: no
srt: no
moq: no
hls: yes
hlsAddress: 127.0.0.1:{port}
hlsAlwaysRemux: yes
hlsVariant: lowLatency
hlsPartDuration: 200ms
pathDefaults:
  record: yes
  recordPath: {folder}/%path/%Y-%m-%d_%H-%M-%S-%f
  recordFormat: fmp4
  recordSegmentDuration: 1h
  recordDeleteAfter: 0s
  rtspTransport: tcp
paths:
"""


def mediamtx(a):
    """LL-HLS always on, and recording."""
    names = names_of(a)
    folder = tempfile.mkdtemp(prefix="vigia-bench-")
    p = None
    try:
        with b.Sim() as sim:
            config = os.path.join(folder, "mediamtx.yml")
            with open(config, "w") as f:
                f.write(MEDIAMTX.format(port=b.site.free_port(), folder=folder))
                f.writelines(f"  {name}:\n    source: {sim.url(name, a.query)}\n" for name in names)
            with open(os.path.join(folder, "log"), "w") as log:
                p = subprocess.Popen([mediamtx_path(), config], stdout=log, stderr=log, cwd=folder, preexec_fn=b.die_with_parent)
            try:
                row = measured(a, folder, "{}/*.mp4", [p.pid], lambda: {"rss_mb": round(b.memory_mb(p.pid, "VmHWM"), 1), "rss_end_mb": round(b.memory_mb(p.pid), 1)})
            except (AssertionError, OSError):
                with open(os.path.join(folder, "log"), errors="replace") as log:
                    b.say(log.read()[-1500:])
                raise
            p.terminate()
            p.wait(120)
            p = None
            _, cameras = sim.stats()
            row.update(b.check_files(b.files_under(folder, names, "{}/*.mp4"), cameras), dropped=sum(c["dropped"] + c["late"] for c in cameras.values()))
            row["version"] = subprocess.run([mediamtx_path(), "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
            return row
    finally:
        if p and p.poll() is None:
            p.kill()
            p.wait()
        shutil.rmtree(folder, ignore_errors=True)


def missing_program(name):
    """Why a contender cannot take part, or None."""
    if name == "mediamtx" and not mediamtx_path():
        return "no mediamtx on PATH or in $VIGIA_MEDIAMTX"
    if name == "ffmpeg" and not shutil.which("ffmpeg"):
        return "no ffmpeg on PATH"
    return None


ALL = {"receive": receive, "floor": floor, "vigia": vigia, "ffmpeg": ffmpeg, "mediamtx": mediamtx}
