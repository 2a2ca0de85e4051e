#!/usr/bin/env python3
"""A webhook receiver for tests: checks signatures as a careful receiver would and keeps every request.

  webhook_server.py --dir DIR [--port N] [--secret S] [--tolerance SECONDS]

Prints "port N". Each POST becomes DIR/hook-NNN.json: {path, headers, body, signature_ok, delivery}.
DIR/mode (one word, read at each request) changes the answer: ok (204), a status such as 500 or 404, redirect, hang, close, flood (200 and an
endless body).
"""
import argparse
import hashlib
import hmac
import http.server
import json
import os
import threading
import time

lock = threading.Lock()
count = 0


def signature_ok(header, body, secret, tolerance):
    """As a receiver has to do it: constant-time comparison over "t.body", and not older than the tolerance."""
    fields = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    if not fields.get("t", "").isdigit() or (tolerance and abs(time.time() - int(fields["t"])) > tolerance):
        return False
    want = hmac.new(secret.encode(), fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(want, fields.get("v1", ""))


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def mode(self):
        try:
            with open(os.path.join(self.server.folder, "mode"), encoding="utf-8") as f:
                return f.read().strip()
        except OSError:
            return "ok"

    def do_GET(self):
        self.record(b"")
        self.answer(200)

    def do_POST(self):
        how = self.mode()
        if how == "hang":
            time.sleep(600)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if how == "close":
            self.close_connection = True
            return
        self.record(body)
        if how == "flood":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                return
        if how == "redirect":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.answer(204 if how == "ok" else int(how))

    def record(self, body):
        global count
        with lock:
            count += 1
            name = os.path.join(self.server.folder, "hook-%03d.json" % count)
        header = self.headers.get("X-Vigia-Signature", "")
        hook = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body.decode("utf-8", "replace"),
                "delivery": self.headers.get("X-Vigia-Delivery"),
                "signature_ok": bool(self.server.secret and signature_ok(header, body, self.server.secret, self.server.tolerance))}
        with open(name + ".tmp", "w", encoding="utf-8") as f:
            json.dump(hook, f)
        os.rename(name + ".tmp", name)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--secret")
    parser.add_argument("--tolerance", type=int, default=300)
    args = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    server.daemon_threads = True
    server.folder, server.secret, server.tolerance = args.dir, args.secret, args.tolerance
    print("port", server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
