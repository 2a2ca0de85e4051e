#!/usr/bin/env python3
"""An SMTP server for tests: speaks the real protocol, keeps every mail, and misbehaves when told to.

  smtp_server.py --dir DIR [--port N] [--auth USER:PASSWORD] [--tls starttls|tls]

Prints "port N". Each mail becomes DIR/mail-NNN.json: {from, to: [...], data, tls, user}; every command line goes to DIR/commands.
DIR/mode (one word, read at each connection) changes what it does: ok, refuse (550 to the recipient), tempfail (451 after DATA),
echo (refuses and repeats the last AUTH line), hang (never greets), close (hangs up after greeting).
--tls makes DIR/cert.pem for localhost with the openssl program.
"""
import argparse
import base64
import json
import os
import socketserver
import ssl
import subprocess
import threading
import time

lock = threading.Lock()
count = 0


def make_certificate(folder):
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


class Session(socketserver.BaseRequestHandler):
    def say(self, line):
        self.request.sendall(line.encode() + b"\r\n")

    def wrap(self):
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.stream = self.request.makefile("rb")
        self.secure = True

    def mode(self):
        try:
            with open(os.path.join(self.server.folder, "mode"), encoding="utf-8") as f:
                return f.read().strip()
        except OSError:
            return "ok"

    def handle(self):
        self.secure, self.user, self.last_auth = False, None, ""
        self.sender, self.recipients = None, []
        self.how = self.mode()
        if self.how == "hang":
            time.sleep(600)
            return
        self.stream = self.request.makefile("rb")
        try:
            if self.server.tls == "tls":
                self.wrap()
            self.say("220 test.example ESMTP")
            while self.how != "close":
                raw = self.stream.readline(4096)
                if not raw:
                    return
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                with lock, open(os.path.join(self.server.folder, "commands"), "a", encoding="utf-8") as f:
                    f.write(line + "\n")
                if not self.command(line):
                    return
        except (OSError, ValueError):
            return

    def command(self, line):
        word = line.split(" ")[0].upper()
        if word == "EHLO":
            self.say("250-test.example")
            if self.server.tls == "starttls" and not self.secure:
                self.say("250-STARTTLS")
            elif self.server.login:
                self.say("250-AUTH PLAIN LOGIN")
            self.say("250 SIZE 10485760")
        elif word == "HELO":
            self.say("250 test.example")
        elif word == "STARTTLS" and self.server.tls == "starttls" and not self.secure:
            self.say("220 go ahead")
            self.wrap()
        elif word == "AUTH":
            self.auth(line)
        elif word == "MAIL":
            if self.server.login and not self.user:
                self.say("530 authentication required")
            else:
                self.sender, self.recipients = line[line.find(":") + 1:].strip(), []
                self.say("250 ok")
        elif word == "RCPT":
            if self.how == "refuse":
                self.say("550 5.1.1 no such mailbox")
            elif self.how == "echo":
                self.say("550 you said " + self.last_auth)
            else:
                self.recipients.append(line[line.find(":") + 1:].strip())
                self.say("250 ok")
        elif word == "DATA" and self.recipients:
            self.data()
        elif word == "QUIT":
            self.say("221 bye")
            return False
        elif word in ("RSET", "NOOP"):
            self.say("250 ok")
        else:
            self.say("503 bad sequence")
        return True

    def auth(self, line):
        parts = line.split(" ")
        if len(parts) == 2 and parts[1].upper() == "PLAIN":
            self.say("334 ")
            parts.append(self.stream.readline(4096).decode().strip())
        if len(parts) >= 2 and parts[1].upper() == "LOGIN":
            user = parts[2] if len(parts) > 2 else self.ask("334 VXNlcm5hbWU6")
            password = self.ask("334 UGFzc3dvcmQ6")
            given = base64.b64decode(user).decode() + ":" + base64.b64decode(password).decode()
        else:
            given = ":".join(base64.b64decode(parts[2]).decode().split("\0")[1:])
        self.last_auth = line + " " + given
        if given == self.server.login:
            self.user = given.split(":")[0]
            self.say("235 ok")
        else:
            self.say("535 rejected: " + line + " " + given)

    def ask(self, line):
        self.say(line)
        return self.stream.readline(4096).decode().strip()

    def data(self):
        global count
        self.say("354 go on")
        lines = []
        while True:
            raw = self.stream.readline(65536)
            if not raw:
                return
            if raw == b".\r\n":
                break
            lines.append(raw[1:] if raw.startswith(b".") else raw)
        if self.how == "tempfail":
            self.say("451 4.3.0 try again later")
            return
        with lock:
            count += 1
            name = os.path.join(self.server.folder, "mail-%03d.json" % count)
        mail = {"from": self.sender, "to": self.recipients, "data": b"".join(lines).decode("utf-8", "replace"), "tls": self.secure,
                "user": self.user}
        with open(name + ".tmp", "w", encoding="utf-8") as f:
            json.dump(mail, f)
        os.rename(name + ".tmp", name)
        self.say("250 queued")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--auth")
    parser.add_argument("--tls", choices=["starttls", "tls"])
    args = parser.parse_args()
    server = Server(("127.0.0.1", args.port), Session)
    server.folder, server.login, server.tls = args.dir, args.auth, args.tls
    server.context = make_certificate(args.dir) if args.tls else None
    print("port", server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
