# SPDX-License-Identifier: BSL-1.0
"""nginx as a server for our clients, and as a reverse proxy that is a client of our servers."""
import http.client
import os
import pathlib
import socket
import time

from lab import (CLIENT_SUBJECT, LARGE, SERVER_SUBJECT, Failed, HttpsServer, OurServer, Program, check, download, equal,
                 free_port, negotiated, noise, per_version, same_bytes)

PROGRAMS = ("nginx",)

CONFIGURATION = """
daemon off; worker_processes 1; error_log stderr info; pid {dir}/nginx.pid; {user}
events {{ worker_connections 512; }}
http {{
  access_log off; default_type application/octet-stream; client_max_body_size 0; server_tokens off;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv{v}; ssl_session_cache shared:s:1m;
  server {{
    listen 127.0.0.1:{port} ssl; root {dir}/www;
    location / {{ dav_methods PUT; }}
    location /info {{ return 200 "$ssl_protocol $ssl_session_reused $ssl_client_s_dn\\n"; }}
  }}
  server {{
    listen 127.0.0.1:{strict_port} ssl; ssl_verify_client on; ssl_client_certificate {ca};
    location / {{ return 200 "$ssl_client_s_dn\\n"; }}
  }}
  server {{
    listen 127.0.0.1:{plain_port};
    location / {{
      proxy_pass https://127.0.0.1:{ours}; proxy_http_version 1.1; proxy_ssl_protocols TLSv{v}; proxy_ssl_session_reuse on;
      proxy_ssl_verify on; proxy_ssl_trusted_certificate {ca}; proxy_ssl_name localhost; proxy_ssl_server_name on;
      proxy_ssl_certificate {client}; proxy_ssl_certificate_key {client_key};
    }}
  }}
}}
"""


def version(lab):
    return lab.run("nginx", "-v").stderr.decode().strip().rsplit(" ", 1)[-1].replace("/", " ")


class Nginx(Program):
    ends_when_asked = True

    def __init__(self, lab, v, ours=1):
        self.port, self.strict_port, self.plain_port = free_port(), free_port(), free_port()
        self.www = lab.directory / "www"
        self.www.mkdir(exist_ok=True)
        configuration = lab.file(CONFIGURATION.format(
            dir=lab.directory, cert=lab.cert(), key=lab.key(), ca=lab.cert("ca"), client=lab.cert("client"), client_key=lab.key("client"),
            user="user root;" if os.geteuid() == 0 else "", v=v, ours=ours, port=self.port, strict_port=self.strict_port,
            plain_port=self.plain_port).encode())
        super().__init__(["nginx", "-c", configuration, "-e", "stderr", "-p", lab.directory], lab)
        wait_until_listening(self, self.plain_port)


def wait_until_listening(program, port, limit=20):
    end = time.monotonic() + limit
    while time.monotonic() < end and program.process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Failed(f"{program.command[0]} does not listen: {program.output[-500:]}")


def request(lab, method, path, body=b""):
    return lab.file(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def body_of(path):
    answer = pathlib.Path(path).read_bytes()
    return answer[answer.index(b"\r\n\r\n") + 4:]


def large(lab, v):
    nginx, out = Nginx(lab, v), lab.file()
    (nginx.www / "large").write_bytes(download(LARGE))
    done = lab.run(lab.example("https_client"), "--cacert", lab.cert("ca"), "--output", out, f"https://localhost:{nginx.port}/large")
    equal(done.returncode, 0, f"status of https_client {done.stdout!r} {done.stderr!r}")
    same_bytes(pathlib.Path(out).read_bytes(), download(LARGE), "download")
    data = noise(LARGE, 16)
    report = lab.our_client(nginx.port, "--send", request(lab, "PUT", "/put", data), *(("--update-keys",) if v == "1.3" else ()))[0]
    negotiated(report, v, peer=SERVER_SUBJECT)
    same_bytes((nginx.www / "put").read_bytes(), data, "upload")


def parallel(lab, v):
    nginx = Nginx(lab, v)
    (nginx.www / "small").write_bytes(download(30_000))
    done = lab.run(lab.example("https_client"), "--cacert", lab.cert("ca"), "--parallel", "100", "--repeat", "300",
                   f"https://localhost:{nginx.port}/small")
    equal((done.returncode, done.stdout.decode("latin-1").count("30000 bytes")), (0, 300), "status and bodies")


def resumption(lab, v):
    nginx, out = Nginx(lab, v), lab.file()
    reports = lab.our_client(nginx.port, "--send", request(lab, "GET", "/info"), "--receive", out, "--times", "3")
    equal([r["resumed"] for r in reports], [False, True, True], "resumed, we say")
    equal(body_of(out).split()[:2], [f"TLSv{v}".encode(), b"r"], "version and reuse, nginx says")


def our_certificate(lab, v):
    nginx, out = Nginx(lab, v), lab.file()
    get = request(lab, "GET", "/")
    lab.our_client(nginx.strict_port, "--send", get, "--receive", out, "--cert", lab.cert("client"), "--key", lab.key("client"))
    equal(body_of(out).strip().decode(), CLIENT_SUBJECT, "our subject, nginx says")
    for options in ((), ("--cert", lab.cert("stranger"), "--key", lab.key("stranger"))):
        lab.our_client(nginx.strict_port, "--send", get, "--receive", out, *options, good=False)
        check(b"400 Bad Request" in pathlib.Path(out).read_bytes(), "nginx answered without a certificate that it trusts")


def we_refuse(lab, v):
    nginx = Nginx(lab, v)
    for options, reason in ((("--ca", lab.cert("stranger_ca")), "unable to get local issuer certificate"),
                            (("--host", "elsewhere.example"), "hostname mismatch")):
        report = lab.our_client(nginx.port, *options, good=False)[0]
        check(reason in report["failure"].lower(), f"{reason!r} is not in {report['failure']!r}")


def through(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data


def proxy(lab, v):
    ours = HttpsServer(lab, "--client-ca", lab.cert("ca"))
    nginx = Nginx(lab, v, ours.port)
    status, data = through(nginx.plain_port, "GET", f"/download/{LARGE}")
    equal(status, 200, "status")
    same_bytes(data, download(LARGE), "download")
    status, data = through(nginx.plain_port, "GET", f"/stream/{LARGE}")
    same_bytes(data, download(LARGE), "chunked body")
    body = noise(LARGE, 17)
    status, data = through(nginx.plain_port, "POST", "/echo", body)
    same_bytes(data, body, "echo")


def proxy_resumption(lab, v):
    answer = lab.file(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
    ours = OurServer(lab, "--service", "answer", "--send", answer, "--ca", lab.cert("ca"))
    nginx = Nginx(lab, v, ours.port)
    for resumed in (False, True, True):
        equal(through(nginx.plain_port, "GET", "/"), (200, b"hi"), "answer through nginx")
        negotiated(ours.report(), v, resumed=resumed, peer=CLIENT_SUBJECT)


def proxy_cut(lab, v):
    answer = lab.file(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000)
    ours = OurServer(lab, "--service", "answer", "--send", answer, "--end", "cut")
    nginx = Nginx(lab, v, ours.port)
    try:
        status, data = through(nginx.plain_port, "GET", "/")
        raise Failed(f"nginx passed a body that was cut off on as whole: {status}, {len(data)} bytes")
    except http.client.IncompleteRead:
        pass
    nginx.wait_for("upstream prematurely closed connection")


def cases(lab):
    return per_version(lab, (
        ("from us: large bodies", large), ("from us: 300 fetches, 100 at a time", parallel), ("from us: resumption", resumption),
        ("from us: our certificate; none, and a stranger's, are refused", our_certificate),
        ("from us: we refuse its authority, and its name", we_refuse), ("to us: reverse proxy, large bodies, its certificate", proxy),
        ("to us: resumption", proxy_resumption), ("to us: we end abruptly, and nginx knows", proxy_cut)))
