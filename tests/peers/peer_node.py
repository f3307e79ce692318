# SPDX-License-Identifier: BSL-1.0
"""Node's tls and https; node_client.js and node_server.js are its side."""
import json
import pathlib

from lab import (CLIENT_SUBJECT, LARGE, SERVER_SUBJECT, HttpsServer, OurServer, Program, check, download, equal, negotiated,
                 noise, per_version, received, refused, same_bytes, sha256)

PROGRAMS = ("node",)


def version(lab):
    return "Node " + lab.run("node", "-p", "process.version + ', OpenSSL ' + process.versions.openssl").stdout.decode().strip()


def client(lab, name, port, v, good=True, **options):
    options = json.dumps({"version": f"TLSv{v}", **options})
    done = lab.run("node", lab.sources / "node_client.js", name, port, lab.cert("ca"), options)
    check(done.stdout, f"node said nothing: {done.stderr.decode()}")
    result = json.loads(done.stdout)
    check(not good or "error" not in result, f"node: {result} {done.stderr.decode()}")
    return result


class NodeServer(Program):
    def __init__(self, lab, kind, v, **options):
        super().__init__(["node", lab.sources / "node_server.js", kind, lab.cert(), lab.key(),
                          json.dumps({"version": f"TLSv{v}", **options})], lab)
        self.port = int(self.wait_for(r"^listening on .*:(\d+)$").group(1))


def keep_alive(lab, v):
    server = HttpsServer(lab)
    result = client(lab, "keep_alive", server.port, v)
    equal(result["bodies"], [sha256(download(10000 + i)) for i in range(300)], "bodies")
    equal(len(result["bodies"]), 300, "answers")
    check(result["connections"] <= 100, f"{result['connections']} connections for 300 requests")


def large(lab, v):
    result = client(lab, "large", HttpsServer(lab).port, v, size=LARGE)
    equal(result, {"echoed": True, "down": sha256(download(LARGE))}, "bodies")


def half_close(lab, v):
    server = OurServer(lab, "--service", "sink")
    result = client(lab, "half_close", server.port, v, size=LARGE)
    equal(result["answer"], f"{LARGE} {result['sent']}\n", "the answer after a half-close")
    equal(server.report()["end"], "close_notify", "end")


def resumption(lab, v):
    server = OurServer(lab, "--service", "send", "--send", lab.file(b"hello"))
    equal(client(lab, "resumption", server.port, v), {"reused": True, "authorized": True}, "the second connection")
    for resumed in (False, True):
        negotiated(server.report(), v, resumed=resumed)


def client_certificates(lab, v):
    server = OurServer(lab, "--ca", lab.cert("ca"), "--service", "send", "--send", lab.file(b"hello"))
    result = client(lab, "plain", server.port, v, cert=lab.cert("client"), key=lab.key("client"))
    equal(result, {"data": "hello", "protocol": f"TLSv{v}", "authorized": True}, "Node's side")
    negotiated(server.report(), v, peer=CLIENT_SUBJECT)
    for options, reason in (({}, "peer did not return a certificate"),
                            ({"cert": lab.cert("stranger"), "key": lab.key("stranger")}, "certificate verify failed")):
        result = client(lab, "plain", server.port, v, good=False, **options)
        check("ALERT" in result.get("error", "").upper(), f"Node got no alert: {result}")
        refused(server.report(), reason)


def abrupt(lab, v):
    server = OurServer(lab)
    client(lab, "abrupt", server.port, v)
    report = server.report()
    equal(report["received"], 5, "bytes")
    check(report["end"] in ("truncated", "Connection reset by peer"), f"end: {report['end']!r}")


def web_socket(lab, v):
    server = Program([lab.web_peer, lab.cert(), lab.key()], lab)
    port = server.wait_for(r"^listening on .*:(\d+)$").group(1)
    equal(client(lab, "web_socket", port, v, size=LARGE), {"closed": True}, "WebSocket")
    total = 5 + 125 + 126 + 65535 + 65536 + LARGE
    server.wait_for(f"^connection TLSv{v} new$")
    server.wait_for(f"^websocket 6 messages {total} bytes closed$")


def to_https(lab, v):
    """Our example client, 100 at a time; then a large upload on one connection, and another after it."""
    server = NodeServer(lab, "https", v, size=LARGE // 50)
    done = lab.run(lab.example("https_client"), "--cacert", lab.cert("ca"), "--parallel", "100", "--repeat", "200", "--timeout", "50",
                   f"https://localhost:{server.port}/")
    equal(done.returncode, 0, f"status of https_client {done.stderr[-300:]!r}")
    equal(done.stdout.decode().count(f"TLSv{v}"), 200, "fetches with this version")
    server.wait_for('"connections":200')
    data, out = noise(LARGE, 12), lab.file()
    header = f"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {LARGE}\r\n\r\n".encode()
    report = lab.our_client(server.port, "--send", lab.file(header + data), "--receive", out)[0]
    negotiated(report, v, peer=SERVER_SUBJECT)
    answer = pathlib.Path(out).read_bytes()
    check(b"chunked" in answer[:300], "Node's answer is not chunked")
    same_bytes(unchunked(answer[answer.index(b"\r\n\r\n") + 4:]), data, "what Node echoed")


def unchunked(body):
    parts, at = [], 0
    while True:
        line = body.index(b"\r\n", at)
        size = int(body[at:line], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[line + 2:line + 2 + size])
        at = line + 2 + size + 2


def to_echo(lab, v):
    server = NodeServer(lab, "echo", v)
    data = noise(LARGE, 13)
    extra = ("--update-keys",) if v == "1.3" else ()
    report = lab.our_client(server.port, "--send", lab.file(data), "--half-close", *extra)[0]
    negotiated(report, v)
    received(report, data)


def our_resumption(lab, v):
    server = NodeServer(lab, "hello", v)
    reports = lab.our_client(server.port, "--send", lab.file(b"hi"), "--times", "3")
    equal([r["resumed"] for r in reports], [False, True, True], "resumed, we say")
    server.wait_for(r'"resumed":true(?s:.*)"resumed":true')


def our_certificate(lab, v):
    server = NodeServer(lab, "hello", v, ca=lab.cert("ca"))
    lab.our_client(server.port, "--send", lab.file(b"hi"), "--cert", lab.cert("client"), "--key", lab.key("client"))
    server.wait_for('"peer":"client one"')
    for options in ((), ("--cert", lab.cert("stranger"), "--key", lab.key("stranger"))):
        report = lab.our_client(server.port, *options, good=False)[0]
        check(report["end"] != "close_notify", f"we were let in: {report}")
    server.wait_for('"refused"(?s:.*)"refused"')


def our_abrupt(lab, v):
    server = NodeServer(lab, "echo", v)
    lab.our_client(server.port, "--send", lab.file(b"a" * 1000), "--until", "1000", "--end", "reset")
    server.wait_for('"error":"ECONNRESET"')
    lab.our_client(server.port, "--send", lab.file(b"a" * 1000), "--until", "1000", "--end", "wait")
    server.wait_for('"closed":true(?s:.*)"closed":true')


def cases(lab):
    return per_version(lab, (
        ("to us: https, 300 requests, 100 at a time, keep-alive", keep_alive), ("to us: https, large bodies", large),
        ("to us: half-close", half_close), ("to us: resumption", resumption),
        ("to us: client certificate; none, and a stranger's, are refused", client_certificates),
        ("to us: Node ends abruptly, and we know", abrupt), ("to us: WebSocket, messages of 5 bytes to 5 MB", web_socket),
        ("from us: https, 200 fetches, 100 at a time; large bodies", to_https),
        ("from us: echo of a large body, and our half-close", to_echo), ("from us: resumption", our_resumption),
        ("from us: our certificate; none, and a stranger's, are refused", our_certificate),
        ("from us: we end abruptly, and Node knows", our_abrupt)))
