# SPDX-License-Identifier: BSL-1.0
"""Python's ssl, blocking and without I/O, and asyncio, in this process."""
import asyncio
import contextlib
import pathlib
import platform
import select
import socket
import ssl
import threading

from lab import (CLIENT_SUBJECT, LARGE, SERVER_SUBJECT, Failed, HttpsServer, OurServer, check, download, equal, negotiated,
                 noise, per_version, received, refused, same_bytes, sha256)

PROGRAMS = ()
PATIENCE = 30
PIECE = 65536


def version(lab):
    return f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION.rsplit(' ', 3)[0]}"


def context(lab, v, server=False, cert=None, demand=False):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    c.minimum_version = c.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[v]
    c.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # Python's default: it does not tell a cut wire from an end
    if not server or demand:
        c.load_verify_locations(lab.cert("ca"))
    if demand:
        c.verify_mode = ssl.CERT_REQUIRED
    if cert or server:
        c.load_cert_chain(lab.cert(cert or "server"), lab.key(cert or "server"))
    return c


@contextlib.contextmanager
def connection(lab, port, v, cert=None, session=None, of=None):
    raw = socket.create_connection(("127.0.0.1", port), PATIENCE)
    with (of or context(lab, v, cert=cert)).wrap_socket(raw, server_hostname="localhost", session=session,
                                                           suppress_ragged_eofs=False) as tls:
        yield tls


def read_all(tls):
    """Until close_notify: without it, read() raises."""
    parts = []
    while part := tls.read(PIECE):
        parts.append(part)
    return b"".join(parts)


class Thread(threading.Thread):
    """One that hands on what its function raised or returned."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self.call, self.result, self.error = (function, arguments), None, None
        self.start()

    def run(self):
        function, arguments = self.call
        try:
            self.result = function(*arguments)
        except Exception as e:  # noqa: BLE001, for whoever joins
            self.error = e

    def value(self):
        self.join(PATIENCE + 5)
        if self.error:
            raise self.error
        check(not self.is_alive(), "Python's side did not end")
        return self.result


class Server(Thread):
    """Accepts connections on a port of its own, one after the other, and gives each to `function`: without a context as it is."""

    def __init__(self, c, function, count=1):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE)
        self.port = self.socket.getsockname()[1]
        super().__init__(self.accept, c, function, count)

    def accept(self, c, function, count):
        results = []
        with self.socket:
            for _ in range(count):
                raw, _ = self.socket.accept()
                raw.settimeout(PATIENCE)
                with c.wrap_socket(raw, server_side=True) if c else raw as tls:
                    results.append(function(tls))
        return results


class Both:
    """Sends and receives at the same time over an ssl.SSLObject. A wrapped socket cannot: two threads in one break it."""

    def __init__(self, raw, c, **arguments):
        self.raw, self.incoming, self.outgoing = raw, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = c.wrap_bio(self.incoming, self.outgoing, **arguments)
        self.step(self.tls.do_handshake)

    def step(self, call, *arguments):
        """Calls until it needs no more of the peer's bytes."""
        while True:
            try:
                return call(*arguments)
            except ssl.SSLWantReadError:
                self.raw.sendall(self.outgoing.read())
                self.fill()
            finally:
                self.raw.sendall(self.outgoing.read())

    def fill(self):
        if part := self.raw.recv(PIECE):
            self.incoming.write(part)
        else:
            self.incoming.write_eof()

    def exchange(self, data, count):
        """Sends `data` while it receives `count` bytes."""
        back, sealed, start = bytearray(), memoryview(b""), 0
        while len(back) < count or start < len(data) or sealed:
            if not sealed and start < len(data):
                start += self.tls.write(data[start:start + PIECE])
                sealed = memoryview(self.outgoing.read())
            readable, writable, _ = select.select([self.raw], [self.raw] if sealed else [], [], PATIENCE)
            check(readable or writable, "nothing moves")
            if writable:
                sealed = sealed[self.raw.send(sealed[:PIECE], socket.MSG_DONTWAIT):]
            if readable:
                self.fill()
                with contextlib.suppress(ssl.SSLWantReadError):
                    while part := self.tls.read(PIECE):
                        back += part
                    raise Failed(f"our end came after {len(back)} bytes")
        return bytes(back)


def echo(lab, v):
    server, data = OurServer(lab), noise(LARGE, 6)
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as raw:
        both = Both(raw, context(lab, v), server_hostname="localhost")
        same_bytes(both.exchange(data, LARGE), data, "echo")
        both.step(both.tls.unwrap)
    report = server.report()
    negotiated(report, v, resumed=False)
    received(report, data)


def half_close(lab, v):
    server, data = OurServer(lab, "--service", "sink"), noise(LARGE, 7)
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as raw:
        both = Both(raw, context(lab, v), server_hostname="localhost")
        both.exchange(data, 0)
        with contextlib.suppress(ssl.SSLWantReadError):
            both.tls.unwrap()
        answer = both.step(both.tls.read, 1000)
    equal(answer, f"{LARGE} {sha256(data)}\n".encode(), "the answer after a half-close")
    received(server.report(), data)


def resumption(lab, v):
    server, c = OurServer(lab, "--service", "send", "--send", lab.file(b"hello")), context(lab, v)
    with connection(lab, server.port, v, of=c) as tls:
        equal(read_all(tls), b"hello", "answer")
        session = tls.session
    with connection(lab, server.port, v, of=c, session=session) as tls:
        equal(read_all(tls), b"hello", "answer")
        check(tls.session_reused, "Python's session was not resumed")
    for resumed in (False, True):
        negotiated(server.report(), v, resumed=resumed)


def client_certificates(lab, v):
    server = OurServer(lab, "--ca", lab.cert("ca"), "--service", "send", "--send", lab.file(b"hello"))
    with connection(lab, server.port, v, cert="client") as tls:
        equal(read_all(tls), b"hello", "answer")
    negotiated(server.report(), v, peer=CLIENT_SUBJECT)
    for cert, reason in ((None, "peer did not return a certificate"), ("stranger", "certificate verify failed")):
        try:
            with connection(lab, server.port, v, cert=cert) as tls:
                answer = read_all(tls)
            raise Failed(f"a client with the certificate {cert} got {answer!r}")
        except ssl.SSLError as e:
            check("ALERT" in str(e), f"Python got no alert: {e}")
        refused(server.report(), reason)


def abrupt_us(lab, v):
    for how in ("cut", "reset"):
        server = OurServer(lab, "--service", "send", "--end", how, "--send", lab.file(b"z" * 1000))
        with connection(lab, server.port, v) as tls:
            try:
                data = read_all(tls)
                raise Failed(f"Python took {len(data)} bytes for the whole, though we sent no close_notify ({how})")
            except ssl.SSLError as e:
                check("eof" in str(e).lower(), f"Python complains of something else: {e}")
            except ConnectionResetError:
                pass


def abrupt_python(lab, v):
    server = OurServer(lab)
    with connection(lab, server.port, v) as tls:
        tls.sendall(b"x" * 1000)
        equal(len(tls.recv(1000)), 1000, "echo")
    report = server.report()
    equal((report["received"], report["end"]), (1000, "truncated"), "bytes, end of a client without close_notify")


def to_python(lab, v):
    """Both directions at once: what Python sends is long before it has read all."""
    up, down, out = noise(LARGE, 8), noise(LARGE, 9), lab.file()

    def serve(raw):
        both = Both(raw, context(lab, v, server=True), server_side=True)
        got = both.exchange(down, LARGE)
        both.step(both.tls.unwrap)
        return got

    server = Server(None, serve)
    extra = ("--update-keys",) if v == "1.3" else ()
    report = lab.our_client(server.port, "--send", lab.file(up), "--receive", out, *extra)[0]
    negotiated(report, v, peer=SERVER_SUBJECT)
    received(report, down)
    same_bytes(server.value()[0], up, "what Python received")
    same_bytes(pathlib.Path(out).read_bytes(), down, "what we received")


def our_resumption(lab, v):
    c = context(lab, v, server=True)
    server = Server(c, lambda tls: (tls.sendall(b"hello"), tls.unwrap()), 3)
    reports = lab.our_client(server.port, "--times", "3")
    equal([r["resumed"] for r in reports], [False, True, True], "resumed, we say")
    server.value()
    equal(c.session_stats()["hits"], 2, "resumptions that Python counted")


def our_certificate(lab, v):
    server = Server(context(lab, v, server=True, demand=True), lambda tls: (tls.getpeercert()["subject"], tls.sendall(b"hi"), tls.unwrap())[0])
    lab.our_client(server.port, "--cert", lab.cert("client"), "--key", lab.key("client"))
    equal(server.value(), [((("organizationName", "peers"),), (("commonName", "client one"),))], "the subject that Python saw")
    server = Server(context(lab, v, server=True, demand=True), read_all)
    report = lab.our_client(server.port, good=False)[0]
    check("alert" in report["failure"], f"no alert in {report['failure']!r}")
    try:
        server.value()
        raise Failed("Python let us in without a certificate")
    except ssl.SSLError:
        pass


def with_asyncio_server(lab, v, serve, use):
    """What `use`, a function of the port that blocks, returns."""
    async def run():
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context(lab, v, server=True))
        async with server:
            return await asyncio.to_thread(use, server.sockets[0].getsockname()[1])

    return asyncio.run(asyncio.wait_for(run(), PATIENCE))


def asyncio_both(lab, v):
    """asyncio's streams as 20 clients at a time of ours, and as a server."""
    ours, data = OurServer(lab), noise(300_000, 10)

    async def client():
        reader, writer = await asyncio.open_connection("127.0.0.1", ours.port, ssl=context(lab, v), server_hostname="localhost")
        writer.write(data)
        back = await reader.readexactly(len(data))
        writer.close()
        await writer.wait_closed()
        same_bytes(back, data, "echo")

    async def clients():
        await asyncio.wait_for(asyncio.gather(*(client() for _ in range(20))), PATIENCE)

    asyncio.run(clients())
    for _ in range(20):
        received(ours.report(), data)

    async def serve(reader, writer):
        writer.write(await reader.readexactly(LARGE))
        await writer.drain()
        writer.close()

    large = noise(LARGE, 11)
    report = with_asyncio_server(lab, v, serve, lambda port: lab.our_client(port, "--send", lab.file(large)))[0]
    negotiated(report, v)
    received(report, large)


def our_https_client(lab, v):
    """The example https_client and a server of asyncio that answers with a large body."""
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE + download(LARGE))
        await writer.drain()
        writer.close()

    out = lab.file()
    done = with_asyncio_server(lab, v, serve, lambda port: lab.run(
        lab.example("https_client"), "--cacert", lab.cert("ca"), "--output", out, f"https://localhost:{port}/"))
    equal(done.returncode, 0, "status of https_client")
    check(f"TLSv{v}" in done.stdout.decode(), f"TLSv{v} is not in {done.stdout!r}")
    same_bytes(pathlib.Path(out).read_bytes(), download(LARGE), "body")


def urllib_get(lab, v):
    import urllib.request
    server = HttpsServer(lab)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context(lab, v)))
    with opener.open(server.url(f"/stream/{LARGE}"), timeout=PATIENCE) as answer:
        same_bytes(answer.read(), download(LARGE), "chunked body")


def cases(lab):
    return per_version(lab, (
        ("to us: echo of a large body, sent and received at the same time", echo), ("to us: half-close", half_close),
        ("to us: resumption", resumption), ("to us: client certificate; none, and a stranger's, are refused", client_certificates),
        ("to us: we end abruptly, and Python knows", abrupt_us), ("to us: Python ends abruptly, and we know", abrupt_python),
        ("to us: urllib, a large chunked body", urllib_get),
        ("from us: large bodies, both ways at the same time", to_python),
        ("from us: resumption", our_resumption), ("from us: our certificate; none is refused", our_certificate),
        ("asyncio, to us 20 at a time, and from us a large echo", asyncio_both),
        ("asyncio, from us: https_client gets a large body", our_https_client)))
