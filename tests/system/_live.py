"""A client of GET /live: reads its frames on a thread, keeps them by tile."""
import json
import os
import secrets
import socket
import struct
import threading
import time
from collections import namedtuple

from _site import decodes

INIT, MEDIA, STATE, CLOCK = 1, 2, 3, 4
INDEPENDENT, AUDIO = 1, 2

# at: when its last byte came (time.time()); wall: of its first frame, seconds since 1970
Piece = namedtuple("Piece", "kind flags epoch mime wall duration data at")


def parse(payload, at=0.0):
    """One frame without its length -> (tile, Piece or dict or seconds since 1970)."""
    kind, flags, tile = struct.unpack(">BBH", payload[:4])
    body = payload[4:]
    if kind == INIT:
        epoch, n = struct.unpack(">IH", body[:6])
        return tile, Piece(kind, flags, epoch, body[6 : 6 + n].decode(), None, None, body[6 + n :], at)
    if kind == MEDIA:
        epoch, wall, ms = struct.unpack(">IqI", body[:16])
        return tile, Piece(kind, flags, epoch, None, wall / 1e6, ms / 1e3, body[16:], at)
    if kind == STATE:
        return tile, json.loads(body)
    assert kind == CLOCK and len(body) == 8, (kind, body)
    return tile, struct.unpack(">q", body)[0] / 1e6


class Live:
    """Tiles: [(tile, camera_id, quality)]. pace(): called before each read, for readers that are slow."""

    def __init__(self, site, tiles=(), token=None, session=None, pace=None, rcvbuf=None):
        self.site, self.token = site, token or site.token
        self.session = session or secrets.token_urlsafe(16)
        self.pieces, self.states, self.clocks = {}, {}, []
        self.bytes = 0
        self.ended = threading.Event()
        self.error = None
        self.pace = pace
        if tiles:
            self.put(tiles)
        self.sock = socket.socket()
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(20)
        self.sock.connect(("127.0.0.1", site.port))
        self.sock.sendall(f"GET /api/v1/live?session={self.session} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            got = self.sock.recv(1)
            assert got, head
            head += got
        self.status = int(head.split()[1])
        self.head = head.decode()
        self.thread = None
        if self.status == 200:
            self.thread = threading.Thread(target=self._read, daemon=True)
            self.thread.start()

    def put(self, tiles, ok=200):
        body = {"tiles": [{"tile": t[0], "camera_id": t[1], "quality": t[2] if len(t) > 2 else "main", "audio": len(t) > 3 and t[3]} for t in tiles]}
        a = self.site.call("PUT", f"/live/{self.session}", body, self.token)
        assert a.status == ok, (a.status, a.body)
        return a.json

    def _read(self):
        have = bytearray()
        try:
            while True:
                if self.pace:
                    self.pace(self)
                got = self.sock.recv(65536)
                if not got:
                    break
                self.bytes += len(got)
                have += got
                at = 0
                while len(have) - at >= 4:
                    (n,) = struct.unpack_from(">I", have, at)
                    assert 4 <= n < 1 << 26, n
                    if len(have) - at < 4 + n:
                        break
                    self._take(*parse(bytes(have[at + 4 : at + 4 + n]), time.time()))
                    at += 4 + n
                del have[:at]
        except (OSError, AssertionError) as e:
            self.error = e
        self.ended.set()

    def _take(self, tile, what):
        if isinstance(what, Piece):
            self.pieces.setdefault(tile, []).append(what)
        elif isinstance(what, dict):
            self.states.setdefault(tile, []).append(what)
        else:
            self.clocks.append((what, time.time()))

    def video(self, tile, epoch=None):
        return [p for p in self.pieces.get(tile, []) if not p.flags & AUDIO and (epoch is None or p.epoch == epoch)]

    def audio(self, tile):
        return [p for p in self.pieces.get(tile, []) if p.flags & AUDIO]

    def media(self, tile):
        return [p for p in self.video(tile) if p.kind == MEDIA]

    def inits(self, tile):
        return [p for p in self.video(tile) if p.kind == INIT]

    def state(self, tile):
        return (self.states.get(tile) or [{}])[-1]

    def check(self):
        """What every stream keeps to: an init first, after it an independent fragment of the same epoch, whole boxes."""
        for tile in self.pieces:
            for track in (self.video(tile), self.audio(tile)):
                epoch, fresh = None, False
                for p in track:
                    if p.kind == INIT:
                        assert epoch is None or p.epoch > epoch, (tile, epoch, p.epoch)
                        assert p.data[4:8] == b"ftyp", p.data[:16]
                        epoch, fresh = p.epoch, True
                        continue
                    assert p.epoch == epoch, (tile, p.epoch, epoch)
                    assert not fresh or p.flags & INDEPENDENT, tile
                    fresh = False
                    (n,) = struct.unpack(">I", p.data[:4])
                    (m,) = struct.unpack(">I", p.data[n : n + 4])
                    assert p.data[4:8] == b"moof" and p.data[n + 4 : n + 8] == b"mdat" and n + m == len(p.data), (tile, n, m, len(p.data))

    def save(self, tile, epoch, path, audio=False):
        with open(path, "wb") as f:
            for p in self.audio(tile) if audio else self.video(tile):
                if p.epoch == epoch:
                    f.write(p.data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.thread:
            self.thread.join(5)
        self.sock.close()
        return False


def decodes_epochs(s, live, tile):
    for init in live.inits(tile):
        path = os.path.join(s.dir, f"{tile}-{init.epoch}.mp4")
        live.save(tile, init.epoch, path)
        decodes(path)


def steps(pieces):
    """Between which pieces something is missing: seconds from the end of one to the beginning of the next."""
    return [b.wall - a.wall - a.duration for a, b in zip(pieces, pieces[1:])]
