"""Reads HLS playlists and fMP4 parts the way a suspicious player would."""
import gzip
import http.client
import re
import struct
import urllib.parse

from _site import attributes, when


class Playlist:
    def __init__(self, text, before=None):
        """before: the playlist that a delta update's skipped segments are taken from."""
        self.text, self.segments, self.ended, self.hint, self.skipped = text, [], False, None, 0
        self.part_target, self.msn, self.discontinuity = None, 0, 0
        init, breaks, pdt, parts, gap, duration, disc = None, False, None, [], False, None, None
        assert text.startswith("#EXTM3U\n"), text[:80]
        for line in text.splitlines():
            tag, _, value = line.partition(":")
            if tag == "#EXT-X-TARGETDURATION":
                self.target_duration = int(value)
            elif tag == "#EXT-X-PART-INF":
                self.part_target = float(attributes(value)["PART-TARGET"])
            elif tag == "#EXT-X-SERVER-CONTROL":
                self.control = attributes(value)
            elif tag == "#EXT-X-MEDIA-SEQUENCE":
                self.msn = int(value)
            elif tag == "#EXT-X-DISCONTINUITY-SEQUENCE":
                self.discontinuity = int(value)
            elif tag == "#EXT-X-SKIP":
                self.skipped = int(attributes(value)["SKIPPED-SEGMENTS"])
                assert before, "a delta update nobody asked for"
                self.segments = [s for s in before.segments if s["msn"] >= self.msn][: self.skipped]
                assert len(self.segments) == self.skipped and self.segments[0]["msn"] == self.msn, "skipped what we never had"
                init, disc = self.segments[-1]["init"], self.segments[-1]["discontinuity"]
            elif tag == "#EXT-X-DISCONTINUITY":
                breaks = True
            elif tag == "#EXT-X-MAP":
                init = attributes(value)["URI"]
            elif tag == "#EXT-X-PROGRAM-DATE-TIME":
                pdt = when(value)
            elif tag == "#EXT-X-PART":
                a = attributes(value)
                parts.append({"uri": a["URI"], "duration": float(a["DURATION"]), "independent": a.get("INDEPENDENT") == "YES"})
            elif tag == "#EXT-X-GAP":
                gap = True
            elif tag == "#EXTINF":
                duration = float(value.rstrip(","))
            elif tag == "#EXT-X-PRELOAD-HINT":
                self.hint = attributes(value)["URI"]
            elif tag == "#EXT-X-ENDLIST":
                self.ended = True
            elif line and not line.startswith("#"):
                disc = self._add(line, disc, init, breaks, pdt, parts, gap, duration)
                breaks, pdt, parts, gap, duration = False, None, [], False, None
        self.open = None
        if parts or breaks:
            self._add(None, disc, init, breaks, pdt, parts, False, None)
            self.open = self.segments[-1]

    def _add(self, uri, disc, init, breaks, pdt, parts, gap, duration):
        disc = (self.discontinuity if disc is None else disc) + breaks
        self.segments.append({"msn": self.msn + len(self.segments), "uri": uri, "discontinuity": disc, "init": init, "breaks": breaks,
                              "pdt": pdt, "parts": parts, "gap": gap, "duration": duration})
        return disc

    def next_part(self):
        """(msn, part) of the preload hint."""
        m = re.fullmatch(r"[va](\d+)\.(\d+)\.m4s", self.hint)
        return int(m[1]), int(m[2])


class Client:
    """One connection that stays open. Paths are relative to the media playlist."""

    def __init__(self, hls_url):
        u = urllib.parse.urlsplit(hls_url)
        self.connection = http.client.HTTPConnection(u.hostname, u.port, timeout=30)
        status, _, body = self.get(f"{u.path}?{u.query}")
        assert status == 200, (status, body)
        self.multivariant = body.decode()
        folder = u.path.rsplit("/", 1)[0]
        uris = [x for x in self.multivariant.splitlines() if x and x[0] != "#"]
        self.base = f"{folder}/{uris[0].rsplit('/', 1)[0]}/"
        self.last = None

    def get(self, path, method="GET", **headers):
        path = path if path.startswith("/") else self.base + path
        self.connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        r = self.connection.getresponse()
        return r.status, r.headers, r.read()

    def playlist(self, query="", skip=False):
        query = "&".join(x for x in (query, "_HLS_skip=YES" if skip else "") if x)
        status, headers, body = self.get("video.m3u8" + ("?" + query if query else ""), Accept_Encoding="gzip")
        assert status == 200, (query, status, body)
        if headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        self.last = Playlist(body.decode(), self.last if skip else None)
        return self.last


def boxes(data, at=0, end=None):
    end = len(data) if end is None else end
    while at < end:
        size, kind = struct.unpack_from(">I4s", data, at)
        assert 8 <= size <= end - at, f"a box of {size} in {end - at} bytes"
        yield kind.decode("latin-1"), at + 8, at + size
        at += size


def fragments(data):
    """[{tfdt, durations, sizes, sync of the first sample, media bytes}] of a part or segment; padding left out."""
    out = []
    for kind, a, b in boxes(data):
        if kind == "moof":
            f = {"durations": [], "sizes": [], "flags": []}
            (traf,) = [(x, y) for k, x, y in boxes(data, a, b) if k == "traf"]
            for k, x, y in boxes(data, *traf):
                version, flags = data[x], int.from_bytes(data[x + 1 : x + 4], "big")
                if k == "tfdt":
                    f["tfdt"] = struct.unpack_from(">Q" if version else ">I", data, x + 4)[0]
                elif k == "tfhd":
                    assert flags & 0x20000, "default-base-is-moof"
                elif k == "trun":
                    assert flags & 0x701 == 0x701, hex(flags)
                    n, at = struct.unpack_from(">I", data, x + 4)[0], x + 12
                    for _ in range(n):
                        for name in ("durations", "sizes", "flags"):
                            f[name].append(struct.unpack_from(">I", data, at)[0])
                            at += 4
                        at += 4 if flags & 0x800 else 0
            out.append(f)
        elif kind == "mdat":
            assert b - a == sum(out[-1]["sizes"]), "mdat and trun disagree"
            out[-1]["media"] = data[a:b]
        else:
            assert kind in ("free", "styp", "sidx"), kind
    return [{**f, "sync": not f["flags"][0] & 0x10000} for f in out]
