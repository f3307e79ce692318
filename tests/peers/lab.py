# SPDX-License-Identifier: BSL-1.0
"""What all peers need: programs with time limits, certificates, bytes to send, and checks that say what is wrong."""
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import threading
import time

LARGE = 5_000_000  # bytes of a large body
LIMIT = 60  # seconds for anything that a case waits for, unless it says otherwise


class Failed(Exception):
    """The peer or we did something else than expected."""


class Skipped(Exception):
    """The case cannot be tried here; the text says why."""


def check(good, what):
    if not good:
        raise Failed(what)


def equal(actual, expected, what):
    if actual != expected:
        raise Failed(f"{what}: {shown(actual)} instead of {shown(expected)}")


def shown(value):
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}... ({len(value)} in all)"


def same_bytes(actual, expected, what):
    """Byte-exact, and if not, where the first difference is."""
    if actual == expected:
        return
    first = next((i for i, (a, b) in enumerate(zip(actual, expected)) if a != b), min(len(actual), len(expected)))
    raise Failed(f"{what}: {len(actual)} bytes instead of {len(expected)}, the first wrong one at {first}")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


PERIOD = bytes(((i * 2654435761) & 0xFFFFFFFF) >> 24 for i in range(65521))


def download(size):
    """The bytes that https_server has under /download/SIZE."""
    return (PERIOD * (size // len(PERIOD) + 1))[:size]


def noise(size, seed):
    return random.Random(seed).randbytes(size)


def free_port():
    """A port for programs that cannot say which one the system gave them. Somebody else may take it first."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Program:
    """A child process whose output is read all the time; killed by its process id at the end of the case."""

    def __init__(self, command, lab, stdin=None, env=None, cwd=None):
        self.command = [str(part) for part in command]
        self.output = ""
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            self.command, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})}, cwd=cwd or lab.directory)
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        lab.programs.append(self)

    def _read(self):
        while data := os.read(self.process.stdout.fileno(), 65536):
            with self.changed:
                self.output += data.decode("latin-1")
                self.changed.notify_all()
        with self.changed:
            self.reader = None
            self.changed.notify_all()

    def wait_for(self, pattern, limit=LIMIT, after=0):
        """The first match in the output; fails when the program ends or the time is over."""
        end = time.monotonic() + limit
        with self.changed:
            while not (found := re.compile(pattern, re.M).search(self.output, after)):
                left = end - time.monotonic()
                if left <= 0 or self.reader is None:
                    why = "it ended" if self.reader is None else "it did not come in time"
                    raise Failed(f"{self.command[0]}: waited for {pattern!r}, but {why}: {self.output[-400:]!r}")
                self.changed.wait(left)
            return found

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def end(self, limit=LIMIT):
        """Waits for its end; returns the exit status."""
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.command[0]} did not end in {limit} s: {self.output[-400:]!r}") from None
        reader = self.reader
        if reader:
            reader.join(limit)
        return status

    ends_when_asked = False  # killed, it would leave processes of its own behind

    def kill(self):
        if self.process.poll() is None and self.ends_when_asked:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                pass
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdin:
            try:
                self.process.stdin.close()
            except OSError:
                pass


class OurServer(Program):
    """tls_peer as a server."""

    def __init__(self, lab, *options, cert="server"):
        super().__init__([lab.tls_peer, "server", "--cert", lab.cert(cert), "--key", lab.key(cert), *options], lab)
        self.port = int(self.wait_for(r"^listening on .*:(\d+)$").group(1))
        self.read_to = 0

    def report(self):
        """What it tells of the next connection that has ended."""
        found = self.wait_for(r"^(\{.*\})$", after=self.read_to)
        self.read_to = found.end()
        return json.loads(found.group(1))


class HttpsServer(Program):
    """The example https_server."""

    def __init__(self, lab, *options):
        super().__init__([lab.example("https_server"), "--cert", lab.cert("server"), "--key", lab.key("server"),
                          "--port", "0", "--verbose", *options], lab)
        self.port = int(self.wait_for(r"^listening on .*:(\d+)$").group(1))

    def url(self, path):
        return f"https://localhost:{self.port}{path}"


class Lab:
    """A directory for one run, with certificates; and where our programs are."""

    def __init__(self, build, directory):
        self.directory = pathlib.Path(directory)
        self.build = pathlib.Path(build)
        self.sources = pathlib.Path(__file__).resolve().parent
        self.tls_peer = self.build / "tests/peers/tls_peer"
        self.web_peer = self.build / "tests/peers/web_peer"
        self.programs = []
        self.files = 0
        self._make_certificates()

    def example(self, name):
        return self.build / "docs/examples" / name

    def cert(self, name="server"):
        return str(self.directory / f"{name}.pem")

    def key(self, name="server"):
        return str(self.directory / f"{name}.key")

    def file(self, content=b"", name=None):
        """A file of its own."""
        self.files += 1
        path = self.directory / (name or f"file{self.files}")
        path.write_bytes(content)
        return str(path)

    def run(self, *command, send=b"", limit=LIMIT, env=None):
        """Runs a program to its end: exit status, standard output, standard error."""
        try:
            done = subprocess.run([str(part) for part in command], input=send, capture_output=True, timeout=limit,
                                  env={**os.environ, **(env or {})}, cwd=self.directory, check=False)
        except subprocess.TimeoutExpired as e:
            raise Failed(f"{command[0]} did not end in {limit} s: {(e.stderr or b'')[-300:]!r}") from None
        return done

    def our_client(self, port, *options, good=True):
        """tls_peer as a client: one report for each connection."""
        done = self.run(self.tls_peer, "client", "--port", port, "--ca", self.cert("ca"), *options)
        reports = [json.loads(line) for line in done.stdout.decode().splitlines()]
        if good:
            check(done.returncode == 0 and reports, f"our client failed: {done.stderr.decode()}{reports}")
        return reports

    def end_case(self):
        for program in reversed(self.programs):
            program.kill()
        self.programs.clear()

    def _openssl(self, *arguments):
        done = self.run("openssl", *arguments)
        check(done.returncode == 0, f"openssl {arguments[0]}: {done.stderr.decode()}")

    def _make_certificates(self):
        p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        for name, subject in (("ca", "/CN=peer tests authority"), ("stranger_ca", "/CN=stranger")):
            self._openssl("req", "-x509", *p256, "-days", "90", "-subj", subject,
                          "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                          "-keyout", self.key(name), "-out", self.cert(name))
        names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
        for name, subject, ca, use in (("server", "/CN=localhost", "ca", "serverAuth"),
                                       ("client", "/O=peers/CN=client one", "ca", "clientAuth"),
                                       ("stranger", "/CN=nobody", "stranger_ca", "clientAuth")):
            self._openssl("req", *p256, "-subj", subject, "-addext", names, "-addext", f"extendedKeyUsage={use}",
                          "-keyout", self.key(name), "-out", self.file(name=f"{name}.csr"))
            self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", self.cert(ca), "-CAkey", self.key(ca),
                          "-CAcreateserial", "-days", "60", "-copy_extensions", "copy", "-out", self.cert(name))
        both = pathlib.Path(self.cert("server")).read_bytes() + pathlib.Path(self.key("server")).read_bytes()
        self.file(both, "server_and_key.pem")
        both = pathlib.Path(self.cert("client")).read_bytes() + pathlib.Path(self.key("client")).read_bytes()
        self.file(both, "client_and_key.pem")


CLIENT_SUBJECT = "CN=client one,O=peers"
SERVER_SUBJECT = "CN=localhost"
VERSIONS = ("1.2", "1.3")


def per_version(lab, cases):
    """Cases to run with both versions, or with those that stand behind the function: (title, function[, versions])."""
    for v in VERSIONS:
        for title, function, *only in cases:
            if not only or v in only[0]:
                yield f"TLS {v}, {title}", lambda function=function, v=v: function(lab, v)


def find(tool):
    return shutil.which(tool)


# What reports of tls_peer must say.

def negotiated(report, version, resumed=None, peer=None):
    equal(report["protocol"], f"TLSv{version}", f"protocol (failure: {report['failure']!r}, end: {report['end']!r})")
    if resumed is not None:
        equal(report["resumed"], resumed, "resumed")
    if peer is not None:
        equal(report["peer"], peer, "the peer's subject")


def refused(report, reason):
    check(reason in report["failure"], f"{reason!r} is not in {report['failure']!r}")


def received(report, data, end="close_notify"):
    equal((report["received"], report["sha256"]), (len(data), sha256(data)), "what we received")
    equal(report["end"], end, "how the peer ended")
