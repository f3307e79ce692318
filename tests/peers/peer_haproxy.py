# SPDX-License-Identifier: BSL-1.0
"""haproxy, which ends or begins TLS for plain connections: in front of a plain server, and behind a plain client."""
import socket

from lab import (CLIENT_SUBJECT, LARGE, SERVER_SUBJECT, OurServer, Program, check, equal, free_port, negotiated, noise,
                 per_version, received, same_bytes, sha256)
from peer_nginx import wait_until_listening
from peer_python import PIECE, Thread

PROGRAMS = ("haproxy",)

CONFIGURATION = """
global
  maxconn 256
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen ends_tls
  bind 127.0.0.1:{port} ssl crt {dir}/server_and_key.pem ssl-min-ver TLSv{v} ssl-max-ver TLSv{v}
  server plain 127.0.0.1:{plain}
listen ends_tls_of_known_clients
  bind 127.0.0.1:{strict_port} ssl crt {dir}/server_and_key.pem ca-file {dir}/ca.pem verify required ssl-min-ver TLSv{v} ssl-max-ver TLSv{v}
  server plain 127.0.0.1:{plain}
listen begins_tls
  bind 127.0.0.1:{plain_port}
  server ours 127.0.0.1:{ours} ssl verify required ca-file {dir}/ca.pem verifyhost localhost sni str(localhost) crt {dir}/client_and_key.pem ssl-min-ver TLSv{v} ssl-max-ver TLSv{v}
"""


def version(lab):
    return "HAProxy " + lab.run("haproxy", "-v").stdout.decode().split()[2]


class Plain(Thread):
    """A plain server: takes all until the end, then says how much that was; or sends back what comes."""

    def __init__(self, echo, connections=1):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(30)
        self.port = self.socket.getsockname()[1]
        super().__init__(self.serve, echo, connections)

    def serve(self, echo, connections):
        with self.socket:
            for _ in range(connections):
                peer, _ = self.socket.accept()
                with peer:
                    peer.settimeout(30)
                    got = bytearray()
                    while part := peer.recv(PIECE):
                        got += part
                        if echo:
                            peer.sendall(part)
                    if not echo:
                        peer.sendall(f"{len(got)} {sha256(got)}\n".encode())
        return bytes(got)


class Haproxy(Program):
    def __init__(self, lab, v, plain=1, ours=1):
        self.port, self.strict_port, self.plain_port = free_port(), free_port(), free_port()
        configuration = lab.file(CONFIGURATION.format(dir=lab.directory, v=v, plain=plain, ours=ours, port=self.port,
                                                      strict_port=self.strict_port, plain_port=self.plain_port).encode())
        super().__init__(["haproxy", "-db", "-f", configuration], lab)
        wait_until_listening(self, self.strict_port)


def echo(lab, v):
    plain = Plain(echo=True)
    haproxy, data = Haproxy(lab, v, plain.port), noise(LARGE, 18)
    report = lab.our_client(haproxy.port, "--send", lab.file(data), "--half-close", *(("--update-keys",) if v == "1.3" else ()))[0]
    negotiated(report, v, resumed=False, peer=SERVER_SUBJECT)
    received(report, data)
    same_bytes(plain.value(), data, "what arrived behind haproxy")


def half_close(lab, v):
    plain = Plain(echo=False)
    haproxy, data, out = Haproxy(lab, v, plain.port), noise(LARGE, 19), lab.file()
    report = lab.our_client(haproxy.port, "--send", lab.file(data), "--half-close", "--receive", out)[0]
    received(report, f"{LARGE} {sha256(data)}\n".encode())
    plain.value()


def resumption(lab, v):
    plain = Plain(echo=True, connections=3)
    haproxy = Haproxy(lab, v, plain.port)
    reports = lab.our_client(haproxy.port, "--send", lab.file(b"hello"), "--half-close", "--times", "3")
    equal([r["resumed"] for r in reports], [False, True, True], "resumed")


def our_certificate(lab, v):
    plain = Plain(echo=True)
    haproxy, hello = Haproxy(lab, v, plain.port), lab.file(b"hello")
    report = lab.our_client(haproxy.strict_port, "--send", hello, "--half-close", "--cert", lab.cert("client"), "--key", lab.key("client"))[0]
    received(report, b"hello")
    for options in ((), ("--cert", lab.cert("stranger"), "--key", lab.key("stranger"))):
        report = lab.our_client(haproxy.strict_port, "--send", hello, *options, good=False)[0]
        check("alert" in report["failure"], f"no alert in {report['failure']!r}")


def plain_client(port, data, half_close):
    with socket.create_connection(("127.0.0.1", port), 30) as s:
        sender = Thread(lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR) if half_close else None))
        got = bytearray()
        while (half_close or len(got) < len(data)) and (part := s.recv(PIECE)):
            got += part
        sender.value()
        return bytes(got)


def to_us(lab, v):
    ours, data = OurServer(lab, "--ca", lab.cert("ca")), noise(LARGE, 20)
    haproxy = Haproxy(lab, v, ours=ours.port)
    same_bytes(plain_client(haproxy.plain_port, data, half_close=False), data, "echo through haproxy")
    report = ours.report()
    negotiated(report, v, peer=CLIENT_SUBJECT)
    equal(report["received"], LARGE, "bytes")


def to_us_half_close(lab, v):
    ours, data = OurServer(lab, "--service", "sink"), noise(LARGE, 21)
    haproxy = Haproxy(lab, v, ours=ours.port)
    equal(plain_client(haproxy.plain_port, data, half_close=True), f"{LARGE} {sha256(data)}\n".encode(), "the answer after a half-close")
    received(ours.report(), data)


def to_us_resumption(lab, v):
    ours = OurServer(lab)
    haproxy = Haproxy(lab, v, ours=ours.port)
    for resumed in (False, True, True):
        equal(plain_client(haproxy.plain_port, b"hello", half_close=True), b"hello", "echo")
        negotiated(ours.report(), v, resumed=resumed)


def cases(lab):
    return per_version(lab, (
        ("from us: echo of a large body", echo), ("from us: our half-close reaches the plain server", half_close),
        ("from us: resumption", resumption), ("from us: our certificate; none, and a stranger's, are refused", our_certificate),
        ("to us: echo of a large body, its certificate", to_us), ("to us: half-close of the plain client", to_us_half_close),
        ("to us: resumption", to_us_resumption)))
