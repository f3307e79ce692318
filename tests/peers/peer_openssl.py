# SPDX-License-Identifier: BSL-1.0
"""openssl s_client and s_server."""
import pathlib
import re
import subprocess

from lab import (CLIENT_SUBJECT, LARGE, SERVER_SUBJECT, OurServer, Program, check, equal, negotiated, noise, per_version,
                 received, refused, same_bytes)

PROGRAMS = ("openssl",)
FLAG = {"1.2": "-tls1_2", "1.3": "-tls1_3"}


def version(lab):
    return " ".join(lab.run("openssl", "version").stdout.decode().split()[:2])


class SClient(Program):
    """s_client with our input; the output that is data goes to a file."""

    def __init__(self, lab, port, v, *options, quiet=True):
        super().__init__(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-CAfile",
                          lab.cert("ca"), "-verify_return_error", FLAG[v], *(("-quiet",) if quiet else ()), *options],
                         lab, stdin=subprocess.PIPE)


class SServer(Program):
    """s_server that writes what it receives to a file, among others; its port is of its own choice."""

    def __init__(self, lab, v, *options):
        super().__init__(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", lab.cert(), "-key", lab.key(), FLAG[v],
                          *options], lab, stdin=subprocess.PIPE)
        self.port = int(self.wait_for(r"^ACCEPT .*:(\d+)").group(1))


def echo(lab, v):
    """The echo must be whole before s_client is told to end: it does not read on after its own close_notify."""
    server = OurServer(lab)
    client = SClient(lab, server.port, v, "-no_ign_eof", "-nocommands")
    client.wait_for("verify return:1")
    start = len(client.output)
    data = noise(LARGE, 3)
    client.write(data)
    client.wait_for(r"(?s).{%d}" % LARGE, after=start)
    client.process.stdin.close()
    client.end()
    check(data.decode("latin-1") in client.output, "what s_client printed is not what it sent")
    report = server.report()
    negotiated(report, v, resumed=False)
    received(report, data)


def resumption(lab, v):
    server = OurServer(lab, "--service", "send", "--send", lab.file(b"hello\n"))
    session = lab.file()
    first = SClient(lab, server.port, v, "-sess_out", session, quiet=False)
    first.wait_for("^hello")
    first.end()
    second = SClient(lab, server.port, v, "-sess_in", session, quiet=False)
    second.wait_for("^Reused, TLSv1")
    second.end()
    for resumed in (False, True):
        report = server.report()
        negotiated(report, v, resumed=resumed)


def client_certificates(lab, v):
    server = OurServer(lab, "--ca", lab.cert("ca"), "--service", "send", "--send", lab.file(b"hello\n"))
    SClient(lab, server.port, v, "-cert", lab.cert("client"), "-key", lab.key("client")).wait_for("^hello")
    negotiated(server.report(), v, peer=CLIENT_SUBJECT)
    for options, reason in (((), "peer did not return a certificate"),
                            (("-cert", lab.cert("stranger"), "-key", lab.key("stranger")), "certificate verify failed")):
        SClient(lab, server.port, v, *options).wait_for("alert (certificate required|handshake failure|unknown ca)")
        refused(server.report(), reason)


def key_updates(lab, v):
    """s_client's commands: k and K update keys, R asks for a renegotiation."""
    server = OurServer(lab)
    client = SClient(lab, server.port, v, quiet=False)
    client.wait_for("^---\n(?s:.*)^---\n")
    if v == "1.3":
        for i, command in enumerate((b"k\n", b"K\n", b"K\n")):
            client.write(command)
            client.wait_for("KEYUPDATE" + "(?s:.*)KEYUPDATE" * i)
            client.write(b"after %d\n" % i)
            client.wait_for(f"^after {i}")
        client.process.stdin.close()
        client.end()
        received(server.report(), b"after 0\nafter 1\nafter 2\n")
    else:
        client.write(b"R\n")
        client.wait_for("no renegotiation")
        client.kill()
        report = server.report()
        equal(report["received"], 0, "bytes received before the renegotiation that we refuse")


def abrupt_client(lab, v):
    server = OurServer(lab)
    client = SClient(lab, server.port, v)
    client.write(b"x" * 1000)
    client.wait_for("x" * 1000)
    client.kill()
    report = server.report()
    equal((report["received"], report["end"]), (1000, "truncated"), "bytes, end of a client that was killed")


def abrupt_server(lab, v):
    server = OurServer(lab, "--service", "send", "--end", "cut", "--send", lab.file(b"y" * 1000 + b"\n"))
    client = SClient(lab, server.port, v)
    client.wait_for("y" * 1000)
    client.wait_for("unexpected eof while reading|errno=0")
    equal(server.report()["sent"], 1001, "sent")


def to_s_server(lab, v):
    data = noise(LARGE, 4)
    s_server = SServer(lab, v, "-naccept", "1")
    extra = ("--update-keys",) if v == "1.3" else ()
    report = lab.our_client(s_server.port, "--send", lab.file(data), "--half-close", *extra)[0]
    negotiated(report, v, resumed=False, peer=SERVER_SUBJECT)
    equal((report["sent"], report["send_error"]), (LARGE, ""), "sent")
    s_server.end()
    printed = s_server.output.replace("Read BLOCK\n", "")  # its remark after an update of keys
    check(data.decode("latin-1") in printed, "what s_server printed is not what we sent")


def from_s_server(lab, v):
    """s_server -WWW sends files and ends with close_notify."""
    data = noise(LARGE, 5)
    name = pathlib.Path(lab.file(data)).name
    s_server = SServer(lab, v, "-WWW")
    request = lab.file(f"GET /{name} HTTP/1.0\r\n\r\n".encode())
    out = lab.file()
    report = lab.our_client(s_server.port, "--send", request, "--receive", out)[0]
    negotiated(report, v)
    equal(report["end"], "close_notify", "end")
    answer = pathlib.Path(out).read_bytes()
    same_bytes(answer[answer.index(b"\r\n\r\n") + 4:], data, "the file from s_server")


def our_resumption(lab, v):
    s_server = SServer(lab, v, "-www")
    request = lab.file(b"GET / HTTP/1.0\r\n\r\n")
    reports = lab.our_client(s_server.port, "--send", request, "--times", "3")
    equal([r["resumed"] for r in reports], [False, True, True], "resumed")
    reports = lab.our_client(s_server.port, "--send", request, "--times", "2", "--forget")
    equal([r["resumed"] for r in reports], [False, False], "resumed, where we keep no sessions")


def our_certificate(lab, v):
    s_server = SServer(lab, v, "-www", "-Verify", "1", "-verify_return_error", "-CAfile", lab.cert("ca"))
    request = lab.file(b"GET / HTTP/1.0\r\n\r\n")
    out = lab.file()
    lab.our_client(s_server.port, "--send", request, "--receive", out, "--cert", lab.cert("client"), "--key", lab.key("client"))
    check(re.search(r"Subject:.*CN *= *client one", pathlib.Path(out).read_text(encoding="latin-1")), "s_server did not see our certificate")
    for options in ((), ("--cert", lab.cert("stranger"), "--key", lab.key("stranger"))):
        report = lab.our_client(s_server.port, "--send", request, *options, good=False)[0]
        check("alert" in report["failure"], f"no alert in {report['failure']!r}")


def we_refuse(lab, v):
    s_server = SServer(lab, v)
    for options, reason in ((("--ca", lab.cert("stranger_ca")), "unable to get local issuer certificate"),
                            (("--host", "elsewhere.example"), "hostname mismatch")):
        report = lab.our_client(s_server.port, *options, good=False)[0]
        check(reason.lower() in report["failure"].lower(), f"{reason!r} is not in {report['failure']!r}")


def killed_server(lab, v):
    s_server = SServer(lab, v)
    client = Program([lab.tls_peer, "client", "--port", s_server.port, "--ca", lab.cert("ca"), "--send", lab.file(b"hello\n")], lab)
    s_server.wait_for("^hello")
    s_server.kill()
    client.wait_for('"end": "truncated"')


def cases(lab):
    return per_version(lab, (
        ("to us: echo of a large body", echo), ("to us: resumption", resumption),
        ("to us: client certificate; none, and a stranger's, are refused", client_certificates),
        ("to us: updates of keys", key_updates, ("1.3",)),
        ("to us: renegotiation is refused", key_updates, ("1.2",)),
        ("to us: s_client is killed, and we know", abrupt_client), ("to us: we end abruptly, and s_client knows", abrupt_server),
        ("from us: large body up, then our half-close", to_s_server), ("from us: large body down", from_s_server),
        ("from us: resumption, and none where we keep no sessions", our_resumption),
        ("from us: our certificate; none, and a stranger's, are refused", our_certificate),
        ("from us: we refuse its authority, and its name", we_refuse), ("from us: s_server is killed, and we know", killed_server)))
