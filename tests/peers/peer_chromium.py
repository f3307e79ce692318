# SPDX-License-Identifier: BSL-1.0
"""Chromium without a display. It trusts our authority through a certificate database of its own, so it verifies."""
import json
import os
import tempfile

from lab import Program, check, equal

PROGRAMS = ("chromium", "certutil")


def version(lab):
    return " ".join(lab.run("chromium", "--version", "--no-sandbox").stdout.decode().split()[:2])


class Chromium(Program):
    ends_when_asked = True

    def __init__(self, lab, url, *options, trusted=True):
        home = tempfile.mkdtemp(dir=lab.directory)
        database = f"{home}/.pki/nssdb"
        os.makedirs(database)
        lab.run("certutil", "-d", f"sql:{database}", "-N", "--empty-password")
        if trusted:
            done = lab.run("certutil", "-d", f"sql:{database}", "-A", "-t", "C,,", "-n", "peers", "-i", lab.cert("ca"))
            check(done.returncode == 0, f"certutil: {done.stderr!r}")
        sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()  # it refuses to run as root otherwise
        super().__init__(["chromium", "--headless=new", *sandbox, "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                          "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
                          "--proxy-server=direct://", f"--user-data-dir={home}/profile", *options, url], lab,
                         env={"HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home})


def web_peer(lab):
    server = Program([lab.web_peer, lab.cert(), lab.key(), lab.sources / "page.html"], lab)
    return server, server.wait_for(r"^listening on .*:(\d+)$").group(1)


def loads_page(lab, v):
    server, port = web_peer(lab)
    Chromium(lab, f"https://localhost:{port}/", *(("--ssl-version-max=tls1.2",) if v == "1.2" else ()))
    result = json.loads(server.wait_for(r"^report (.*)$", limit=120).group(1))
    equal(result, {"down": True, "echo": True, "many": True, "socket": {"good": True, "code": 1000}, "secure": True}, "the page's report")
    server.wait_for(r"^websocket 4 messages 1065542 bytes closed$")
    server.wait_for(f"^connection TLSv{v} new$")
    server.wait_for(f"^connection TLSv{v} resumed$")


def refuses_us(lab):
    server, port = web_peer(lab)
    Chromium(lab, f"https://localhost:{port}/", trusted=False)
    server.wait_for(r"^failed handshake: .*(certificate unknown|unknown ca)", limit=120)
    check("report" not in server.output, "the page ran over a connection that is not trusted")


def cases(lab):
    for v in ("1.2", "1.3"):
        yield f"TLS {v}, to us: page, large bodies, 30 requests at a time, WebSocket, resumption", lambda v=v: loads_page(lab, v)
    yield "TLS 1.3, to us: it refuses an authority that is not in its database", lambda: refuses_us(lab)
