# SPDX-License-Identifier: BSL-1.0
"""curl as a client: HTTP over our https_server, and broken answers of tls_peer."""
import json

from lab import (CLIENT_SUBJECT, LARGE, HttpsServer, OurServer, check, download, equal, negotiated, noise, per_version,
                 same_bytes)

PROGRAMS = ("curl",)
HEADERS = b"HTTP/1.1 200 OK\r\n"


def version(lab):
    return " ".join(lab.run("curl", "--version").stdout.decode().split()[:2])


def curl(lab, v, *arguments, good=True, send=b""):
    done = lab.run("curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", lab.cert("ca"), f"--tlsv{v}",
                   "--tls-max", v, "--http1.1", "--max-time", "50", *arguments, send=send)
    if good:
        check(done.returncode == 0, f"curl ended with {done.returncode}: {done.stderr.decode()}")
    return done


def bodies(lab, v):
    server = HttpsServer(lab)
    same_bytes(curl(lab, v, server.url(f"/download/{LARGE}")).stdout, download(LARGE), "download")
    data = noise(LARGE, 1)
    done = curl(lab, v, "--data-binary", "@-", "-H", "Content-Type: application/octet-stream", server.url("/echo"), send=data)
    same_bytes(done.stdout, data, "echo")
    done = curl(lab, v, "--http1.0", server.url("/stream/1000000"))
    same_bytes(done.stdout, download(1_000_000), "a body that close_notify ends")


def keep_alive(lab, v):
    server = HttpsServer(lab)
    urls = [part for i in range(50) for part in (server.url(f"/download/{i * 1000}"), "-o", lab.file())]
    done = curl(lab, v, "-w", "%{json}\n", *urls)
    connects = [json.loads(line)["num_connects"] for line in done.stdout.decode().splitlines()]
    equal((len(connects), sum(connects)), (50, 1), "requests, connections")


def parallel(lab, v):
    server = HttpsServer(lab)
    files = [lab.file() for _ in range(50)]
    curl(lab, v, "--parallel", "--parallel-immediate", "--parallel-max", "50",
         *[part for i, name in enumerate(files) for part in (server.url(f"/download/{20000 + i}"), "-o", name)])
    for i, name in enumerate(files):
        with open(name, "rb") as f:
            same_bytes(f.read(), download(20000 + i), f"download {i}")


def resumption(lab, v):
    server = OurServer(lab, "--service", "answer", "--send", lab.file(HEADERS + b"Content-Length: 2\r\nConnection: close\r\n\r\nhi"))
    url = f"https://localhost:{server.port}/"
    equal(curl(lab, v, url, url).stdout, b"hihi", "both bodies")
    negotiated(server.report(), v, resumed=False)
    negotiated(server.report(), v, resumed=True)


def client_certificates(lab, v):
    server = OurServer(lab, "--ca", lab.cert("ca"), "--service", "answer", "--send",
                       lab.file(HEADERS + b"Content-Length: 2\r\nConnection: close\r\n\r\nhi"))
    url = f"https://localhost:{server.port}/"
    equal(curl(lab, v, "--cert", lab.cert("client"), "--key", lab.key("client"), url).stdout, b"hi", "body")
    negotiated(server.report(), v, peer=CLIENT_SUBJECT)
    for arguments, reason in (((), "peer did not return a certificate"),
                              (("--cert", lab.cert("stranger"), "--key", lab.key("stranger")), "certificate verify failed")):
        done = curl(lab, v, *arguments, url, good=False)
        check(done.returncode != 0 and b"alert" in done.stderr, f"curl got no alert: {done.returncode} {done.stderr}")
        report = server.report()
        check(reason in report["failure"], f"{reason!r} is not in {report['failure']!r}")


def refuses_us(lab, v):
    server = OurServer(lab)
    done = curl(lab, v, "--cacert", lab.cert("stranger_ca"), f"https://localhost:{server.port}/", good=False)
    equal(done.returncode, 60, "curl's status for a certificate that it does not trust")
    failure = server.report()["failure"]
    check("unknown ca" in failure, f"our server does not know why: {failure!r}")


def abrupt(lab, v):
    for how in ("cut", "reset"):
        answer = HEADERS + b"Content-Length: 100001\r\n\r\n" + noise(100_000, 2)
        server = OurServer(lab, "--service", "answer", "--end", how, "--send", lab.file(answer))
        done = curl(lab, v, f"https://localhost:{server.port}/", good=False)
        check(done.returncode in (18, 56), f"curl ended with {done.returncode} after a body that was cut off ({how})")
        equal(server.report()["sent"], len(answer), "bytes sent before that")
    server = HttpsServer(lab)
    done = curl(lab, v, "--max-time", "1", "--limit-rate", "100k", server.url("/download/100000000"), good=False)
    equal(done.returncode, 28, "curl's status after its time limit")
    same_bytes(curl(lab, v, server.url("/download/1000")).stdout, download(1000), "a download after an aborted one")


def cases(lab):
    return per_version(lab, (
        ("to us: large bodies, and one that close_notify ends", bodies), ("to us: 50 requests on one connection", keep_alive),
        ("to us: 50 connections at a time", parallel), ("to us: resumption", resumption),
        ("to us: client certificate; none, and a stranger's, are refused", client_certificates),
        ("to us: curl refuses our certificate", refuses_us),
        ("to us: we end abruptly: curl notices; curl ends abruptly: the server goes on", abrupt)))
