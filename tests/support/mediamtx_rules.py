"""What MediaMTX 1.5 and 1.20 take as a path's configuration and in which words they refuse it; for mediamtx_fake.py."""
import datetime
import json
import os
import re
import uuid

# Fields they take and do not list.
OLD_FIELDS = {"1.5": ["disablePublisherOverride", "sourceProtocol", "sourceAnyPortEnable"],
              "1.20": ["fallback", "playback", "publishUser", "publishPass", "publishIPs", "readUser", "readPass", "readIPs", "disablePublisherOverride",
                       "sourceProtocol", "sourceAnyPortEnable", "rtspUDPReadBufferSize", "mpegtsUDPReadBufferSize", "rtpUDPReadBufferSize",
                       "rpiCameraProfile", "rpiCameraLevel", "rpiCameraHardwareH264Profile", "rpiCameraHardwareH264Level", "rpiCameraSoftwareH264Profile",
                       "rpiCameraSoftwareH264Level", "rpiCameraJPEGQuality", "runOnReady", "runOnReadyRestart", "runOnNotReady"]}
# Fields that change in a running path without its restart.
HOT_FIELDS = {"1.5": ["record"], "1.20": ["record", "recordPath", "recordFormat", "recordPartDuration", "recordMaxPartSize", "recordSegmentDuration",
                                          "recordDeleteAfter", "forward"]}
# What the real ones answered for a path added with a source only, and for their global configuration.
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "mediamtx_defaults.json"), encoding="utf-8") as defaults:
    DEFAULTS = json.load(defaults)
DURATIONS = ("Duration", "Timeout", "After")
UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


class Refused(Exception):
    """status and text of an answer that refuses."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


# --- Go's ways ---
def parse_duration(text, days):
    """Nanoseconds of Go's text, with days where the version knows them."""
    rest, total = text, 0
    if days and (m := re.match(r"(\d+)d", rest)):
        rest, total = rest[m.end():], int(m[1]) * 24 * UNITS["h"]
        if not rest:
            return total
    if rest == "" and days:
        return total
    if rest == "0":
        return total
    if not re.match(r"[-+]?(\d|\.\d)", rest):
        raise Refused(400, f"time: invalid duration {json.dumps(text)}")
    while rest:
        m = re.match(r"(\d+\.?\d*|\.\d+)([^\d.]*)", rest)
        if not m:
            raise Refused(400, f"time: invalid duration {json.dumps(text)}")
        if not m[2]:
            raise Refused(400, f"time: missing unit in duration {json.dumps(text)}")
        if m[2] not in UNITS:
            raise Refused(400, f"time: unknown unit {json.dumps(m[2])} in duration {json.dumps(text)}")
        total += int(float(m[1]) * UNITS[m[2]])
        rest = rest[m.end():]
    return total


def duration_text(ns, days):
    out = ""
    if days:
        n, ns = divmod(ns, 24 * UNITS["h"])
        out = f"{n}d" if n else ""
        if not ns:
            return out
    if ns and ns < UNITS["s"]:
        unit = "ms" if ns >= UNITS["ms"] else "µs" if ns >= UNITS["us"] else "ns"
        return out + f"{ns / UNITS[unit]:g}{unit}"
    h, m, s = ns // UNITS["h"], ns // UNITS["m"] % 60, ns % UNITS["m"] / UNITS["s"]
    return out + (f"{h}h{m}m{s:g}s" if h else f"{m}m{s:g}s" if m else f"{s:g}s")


def go_json(value):
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").encode()


def go_time(t):
    return datetime.datetime.fromtimestamp(t, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"


def go_uint31(text):
    quoted = json.dumps(text)
    if not re.fullmatch(r"\d+", text):
        raise Refused(400, f"strconv.ParseUint: parsing {quoted}: invalid syntax")
    if int(text) > 2**31 - 1:
        raise Refused(400, f"strconv.ParseUint: parsing {quoted}: value out of range")
    return int(text)


def go_uuid(text):
    if len(text) != 36:
        raise Refused(400, f"invalid UUID length: {len(text)}")
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise Refused(400, "invalid UUID format")


# --- configuration of a path ---
class Rules:
    """What a version takes as a path's configuration."""

    def __init__(self, profile):
        self.profile, self.new = profile, profile == "1.20"
        self.defaults = DEFAULTS[profile]["path"]

    def parse(self, body):
        """The fields of a request's body, in Go's values."""
        try:
            got = json.loads(body)
        except ValueError:
            if not body.strip():
                raise Refused(400, "unexpected end of JSON input" if self.new else "EOF")
            m = re.match(rb"\s*\{\s*([^\"\s}])", body)
            raise Refused(400, f"invalid character '{m[1].decode()}' looking for beginning of object key string" if m else "unexpected end of JSON input")
        if not isinstance(got, dict):
            kind = {list: "array", str: "string", bool: "bool"}.get(type(got), "number")
            raise Refused(400, f"json: cannot unmarshal {kind} into Go value of type {'map[string]json.RawMessage' if self.new else 'struct'}")
        for key in got:
            if key not in self.defaults and key not in OLD_FIELDS[self.profile]:
                raise Refused(400, f"json: unknown field {json.dumps(key)}")
        return {k: self.value(k, v) for k, v in got.items() if v is not None}

    def value(self, key, value):
        default = self.defaults.get(key)
        if default is None:
            return value
        duration = isinstance(default, str) and key.endswith(DURATIONS)
        inner = duration or key == "rtspTransport"
        want = {bool: "bool", str: "string", int: "int", float: "float64", list: "[]string"}[type(default)]
        fits = isinstance(value, type(default)) and not (isinstance(value, bool) and want != "bool")
        if not fits and not (want == "float64" and isinstance(value, int) and not isinstance(value, bool)):
            kind = {list: "array", str: "string", bool: "bool", dict: "object"}.get(type(value), "number")
            where = "value" if self.new or inner else f"struct field .{key}"
            raise Refused(400, f"json: cannot unmarshal {kind} into Go {where} of type {want}")
        if duration:
            return duration_text(parse_duration(value, self.new), self.new)
        if key == "rtspTransport" and value not in ("udp", "multicast", "tcp", "automatic"):
            raise Refused(400, f"invalid {'transport' if self.new else 'protocol'} '{value}'")
        return value

    def whole(self, name, given):
        """The path's configuration with its defaults; Refused where it is not a valid one."""
        conf = {**self.defaults, **{k: v for k, v in given.items() if k in self.defaults}, "name": name}
        if "sourceProtocol" in given:
            conf["rtspTransport"] = given["sourceProtocol"]
        regexp = name.startswith("~") or name in ("all", "all_others")
        if not regexp:
            self.check_name(name)
        self.check_source(conf["source"])
        on_demand = conf["sourceOnDemand"]
        if conf["source"] == "publisher" and on_demand:
            raise Refused(400, "'sourceOnDemand' is useless when source is 'publisher'")
        if regexp and not on_demand and conf["source"] not in ("publisher", "redirect"):
            raise Refused(400, f"a path with a regular expression (or path '{'all_others' if self.new else 'all'}') and a static source must have 'sourceOnDemand' set to true")
        if self.new:
            after, segment = (parse_duration(conf[k], True) for k in ("recordDeleteAfter", "recordSegmentDuration"))
            if after and after < segment:
                raise Refused(400, "'recordDeleteAfter' cannot be lower than 'recordSegmentDuration'")
            if given.get("fallback") == "":
                raise Refused(400, "'' is not a valid RTSP URL")
        return conf

    def check_name(self, name):
        why = None
        if name.startswith("/"):
            why = "can't begin with a slash"
        elif name.endswith("/"):
            why = "can't end with a slash"
        elif not re.fullmatch(r"[0-9a-zA-Z_\-/.]+" if self.new else r"[0-9a-zA-Z_\-/.~]+", name):
            why = "can contain only alphanumeric characters, underscore, dot, " + ("minus, slash" if self.new else "tilde, minus or slash")
        if why:
            raise Refused(400, f"invalid path name '{name}': {why}")

    def check_source(self, source):
        if source in ("publisher", "redirect", "rpiCamera"):
            return
        if not re.match(r"(rtsps?|rtmps?|https?|udp|srt|wheps?)://", source):
            raise Refused(400, f"invalid source: '{source}'")
        rest = source.split("://", 1)[1]
        authority = re.split(r"[/?#]", rest)[0]
        host = authority.rsplit("@", 1)[-1]
        if re.search(r"%(?![0-9a-fA-F]{2})", source) or " " in host or (self.new and not authority):
            raise Refused(400, f"'{source}' is not a valid URL")
        if self.new and "@" in authority:
            user, _, password = authority.rsplit("@", 1)[0].partition(":")
            if bool(user) != bool(password):
                raise Refused(400, "username and password must be both provided")

    def restarts(self, old, new):
        return any(old[k] != new[k] for k in old if k not in HOT_FIELDS[self.profile])
