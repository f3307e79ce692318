# SPDX-License-Identifier: BSL-1.0
"""gnutls-cli and gnutls-serv. The latter listens on all interfaces, so it gets a network namespace of its own."""
import json
import pathlib
import subprocess

from lab import (CLIENT_SUBJECT, LARGE, SERVER_SUBJECT, OurServer, Program, Skipped, check, equal, find, free_port,
                 negotiated, noise, per_version, received, refused, same_bytes)

PROGRAMS = ("gnutls-cli", "gnutls-serv")


def version(lab):
    return lab.run("gnutls-cli", "--version").stdout.decode().splitlines()[0].replace("gnutls-cli", "GnuTLS")


def priority(v):
    return f"NORMAL:-VERS-ALL:+VERS-TLS{v}"


class Cli(Program):
    """Its remarks go to a file, so that its output is data."""

    def __init__(self, lab, port, v, *options):
        self.log = lab.file()
        super().__init__(["gnutls-cli", "--port", port, "--priority", priority(v), "--x509cafile", lab.cert("ca"), "--logfile", self.log,
                          "--sni-hostname", "localhost", "--verify-hostname", "localhost", *options, "127.0.0.1"],
                         lab, stdin=subprocess.PIPE)

    def remarks(self):
        return pathlib.Path(self.log).read_text(encoding="latin-1")


def echo(lab, v):
    server, data = OurServer(lab), noise(LARGE, 14)
    client = Cli(lab, server.port, v)
    client.write(data)
    client.wait_for(r"(?s)\A.{%d}" % LARGE)
    client.process.stdin.close()
    equal(client.end(), 0, "status of gnutls-cli")
    same_bytes(client.output.encode("latin-1"), data, "echo")
    report = server.report()
    negotiated(report, v, resumed=False)
    received(report, data)


def resumption(lab, v):
    server = OurServer(lab)
    client = Cli(lab, server.port, v, "--resume", "--waitresumption")
    client.write(b"hello\n")  # on the second connection
    client.wait_for("hello")
    client.process.stdin.close()
    equal(client.end(), 0, f"status of gnutls-cli {client.remarks()[-300:]!r}")
    check("This is a resumed session" in client.remarks(), "GnuTLS says nothing of a resumption")
    equal([server.report()["resumed"] for _ in range(2)], [False, True], "resumed, we say")


def client_certificates(lab, v):
    server = OurServer(lab, "--ca", lab.cert("ca"), "--service", "send", "--send", lab.file(b"hello"))
    Cli(lab, server.port, v, "--x509certfile", lab.cert("client"), "--x509keyfile", lab.key("client")).wait_for("hello")
    negotiated(server.report(), v, peer=CLIENT_SUBJECT)
    for options, reason in (((), "peer did not return a certificate"),
                            (("--x509certfile", lab.cert("stranger"), "--x509keyfile", lab.key("stranger")), "certificate")):
        client = Cli(lab, server.port, v, *options)
        refused(server.report(), reason)
        check(client.end() != 0, "gnutls-cli is content without a certificate that we trust")


def refuses_us(lab, v):
    server = OurServer(lab)
    client = Cli(lab, server.port, v, "--x509cafile", lab.cert("stranger_ca"))
    check(client.end() != 0, "gnutls-cli trusts us without knowing our authority")
    check(server.report()["end"] != "close_notify", "our server saw a peaceful end")


def key_updates(lab, v):
    server = OurServer(lab)
    client = Cli(lab, server.port, v, "--inline-commands")
    for i in range(3):
        client.write(b"^rekey^\n")
        client.write(b"after %d\n" % i)
        client.wait_for(f"after {i}")
    client.process.stdin.close()
    client.end()
    received(server.report(), b"after 0\nafter 1\nafter 2\n")


def killed(lab, v):
    server = OurServer(lab)
    client = Cli(lab, server.port, v)
    client.write(b"hello\n")
    client.wait_for("hello")
    client.kill()
    report = server.report()
    equal((report["received"], report["end"]), (6, "truncated"), "bytes, end of a client that was killed")


def cut_by_us(lab, v):
    server = OurServer(lab, "--service", "send", "--end", "cut", "--send", lab.file(b"hello\n"))
    client = Cli(lab, server.port, v)
    client.wait_for("hello")
    check(client.end() != 0, "gnutls-cli takes an end without close_notify for a good one")


class Serv:
    """gnutls-serv, and our client beside it."""

    def __init__(self, lab, v, *options):
        inside = "ip link set lo up && exec gnutls-serv \"$@\""
        if not find("unshare") or not find("nsenter") or lab.run("unshare", "--net", "ip", "link", "set", "lo", "up").returncode:
            raise Skipped("gnutls-serv listens on all interfaces, and a network namespace of its own is not permitted here")
        self.lab, self.port = lab, free_port()
        self.program = Program(["unshare", "--net", "sh", "-c", inside, "sh", "--port", self.port, "--priority", priority(v),
                                "--x509certfile", lab.cert(), "--x509keyfile", lab.key(), *options], lab)
        self.program.wait_for("listening on IPv4|Server listening on", limit=20)

    def client(self, *options, good=True):
        done = self.lab.run("nsenter", f"--net=/proc/{self.program.pid}/ns/net", self.lab.tls_peer, "client", "--port", self.port,
                            "--ca", self.lab.cert("ca"), *options)
        check(not good or done.returncode == 0, f"our client failed: {done.stderr.decode()}{done.stdout.decode()}")
        return [json.loads(line) for line in done.stdout.decode().splitlines()]


def to_echo(lab, v):
    """gnutls-serv echoes lines of text. One at a time, since it drops what comes behind a line."""
    serv = Serv(lab, v, "--echo", "--crlf", "--disable-client-cert")
    line = (noise(500, 15).hex() + "\n").encode()
    report = serv.client("--send", lab.file(line), "--until", str(len(line)), "--end", "wait")[0]
    negotiated(report, v, peer=SERVER_SUBJECT)
    received(report, line, end="enough")


def to_http(lab, v):
    """Its page says what it knows of us."""
    serv = Serv(lab, v, "--http", "--x509cafile", lab.cert("ca"), "--require-client-cert", "--verify-client-cert")
    request, out = lab.file(b"GET / HTTP/1.0\r\n\r\n"), lab.file()
    reports = serv.client("--send", request, "--receive", out, "--times", "2", "--cert", lab.cert("client"), "--key", lab.key("client"))
    page = pathlib.Path(out).read_text(encoding="latin-1")
    check("client one" in page and f"TLS{v}" in page, f"the page does not know us: {page[:300]!r}")
    equal([r["resumed"] for r in reports], [False, True], "resumed")
    report = serv.client("--send", request, good=False)[0]
    check(report["end"] != "close_notify", f"we were let in without a certificate: {report}")


def we_refuse(lab, v):
    serv = Serv(lab, v, "--http", "--disable-client-cert")
    report = serv.client("--ca", lab.cert("stranger_ca"), good=False)[0]
    check("unable to get local issuer certificate" in report["failure"], f"failure: {report['failure']!r}")


def cases(lab):
    return per_version(lab, (
        ("to us: echo of a large body", echo), ("to us: resumption", resumption),
        ("to us: client certificate; none, and a stranger's, are refused", client_certificates),
        ("to us: gnutls-cli refuses our certificate", refuses_us), ("to us: updates of keys", key_updates, ("1.3",)),
        ("to us: gnutls-cli is killed, and we know", killed), ("to us: we end abruptly, and gnutls-cli knows", cut_by_us),
        ("from us: echo", to_echo), ("from us: page, our certificate, resumption; no certificate is refused", to_http),
        ("from us: we refuse its authority", we_refuse)))
