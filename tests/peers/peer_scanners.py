# SPDX-License-Identifier: BSL-1.0
"""testssl.sh and sslscan against https_server. What they say of the test's certificate is left out, by name."""
import json
import pathlib
import re
import xml.etree.ElementTree

from lab import Failed, HttpsServer, check, equal

PROGRAMS = ("testssl", "sslscan")

# Findings of testssl.sh about the certificate and the HTTP headers of a test, not about the TLS of the server.
NOT_OURS = {
    "cert_chain_of_trust", "cert_trust", "cert_notAfter", "cert_expirationStatus", "cert_validityPeriod", "cert_extlifeSpan",
    "cert_revocation", "cert_crlDistributionPoints", "cert_ocspURL", "OCSP_stapling", "cert_mustStapleExtension", "certificate_transparency",
    "DNS_CAArecord", "cert_caIssuers", "HSTS", "HPKP", "security_headers", "cert_certificatePolicies_EV", "cert_eTLS",
    "cert_keyUsage", "cert_extKeyUsage", "cert_commonName_wo_SNI", "banner_server", "banner_application", "overall_grade",
    "scanTime", "scanProblem", "engine_problem", "optimal_proto", "DNS_HTTPS_rrecord", "HTTP_clock_skew", "HTTP_headerTime",
}
MUST_BE_FOUND = {"SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3", "heartbleed", "CCS", "ticketbleed", "ROBOT", "secure_renego",
                 "secure_client_renego", "CRIME_TLS", "POODLE_SSL", "fallback_SCSV", "SWEET32", "FREAK", "DROWN", "LOGJAM", "BEAST",
                 "LUCKY13", "RC4"}


def version(lab):
    sslscan = re.findall(r"[\d.]+", re.sub(r"\x1b\[[\d;]*m", "", lab.run("sslscan", "--version").stdout.decode()))
    package = lab.run("dpkg-query", "-W", "-f", "${Version}", "testssl.sh").stdout.decode()
    return f"testssl.sh {package.split('+')[0] or 'of another source'}, sslscan {sslscan[0] if sslscan else ''}"


def testssl(lab):
    server = HttpsServer(lab)
    out = pathlib.Path(lab.file()).with_suffix(".json")
    done = lab.run("testssl", "--quiet", "--color", "0", "--warnings", "off", "--connect-timeout", "60", "--openssl-timeout", "60",
                   "--add-ca", lab.cert("ca"), "--jsonfile", out, f"localhost:{server.port}", limit=1800,
                   env={"MAX_OSSL_FAIL": "20", "MAX_SOCKET_FAIL": "20"})  # it gives up early where the machine is slow
    check(out.exists(), f"testssl.sh wrote nothing: {done.stdout[-500:]!r}")
    findings = json.loads(out.read_text(encoding="utf-8"))
    found = {f["id"]: f for f in findings}
    missing = MUST_BE_FOUND - set(found)
    check(not missing, f"testssl.sh did not look at {sorted(missing)}: {done.stdout[-300:]!r}")
    for old in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
        check("not offered" in found[old]["finding"], f"{old}: {found[old]['finding']}")
    for new in ("TLS1_2", "TLS1_3"):
        check("offered" in found[new]["finding"] and "not offered" not in found[new]["finding"], f"{new}: {found[new]['finding']}")
    # WARN is its word for what it could not find out; that must not be one of the above.
    weak = [f"{f['id']}: {f['severity']}: {f['finding']}" for f in findings if f["id"].split(" ")[0] not in NOT_OURS and
            f["severity"] not in (("OK", "INFO") if f["id"] in MUST_BE_FOUND else ("OK", "INFO", "WARN"))]
    check(not weak, "; ".join(weak))
    unknown = [f["id"] for f in findings if f["severity"] == "WARN"]
    print(f"         testssl.sh: {len(findings)} findings, none of a weakness; not found out: {', '.join(unknown) or 'nothing'}")


def sslscan(lab):
    server = HttpsServer(lab)
    done = lab.run("sslscan", "--xml=-", "--no-colour", f"localhost:{server.port}", limit=300)
    test = xml.etree.ElementTree.fromstring(done.stdout.decode("latin-1")[done.stdout.decode("latin-1").index("<document"):]).find("ssltest")
    if test is None:
        raise Failed(f"sslscan found no server: {done.stdout[-300:]!r}")
    enabled = {(p.get("type"), p.get("version")): p.get("enabled") for p in test.iter("protocol")}
    equal({p for p, on in enabled.items() if on == "1"}, {("tls", "1.2"), ("tls", "1.3")}, "versions")
    equal({h.get("vulnerable") for h in test.iter("heartbleed")}, {"0"}, "Heartbleed")
    check({c.get("supported") for c in test.iter("compression")} <= {"0"}, "compression is offered")  # where it can tell
    check({f.get("supported") for f in test.iter("fallback")} <= {"1"}, "no protection against a fallback")
    equal({r.get("supported") for r in test.iter("renegotiation")}, {"0"}, "renegotiation")
    ciphers = [(c.get("strength"), c.get("cipher"), int(c.get("bits"))) for c in test.iter("cipher")]
    check(len(ciphers) >= 5, f"only {ciphers}")
    weak = [c for c in ciphers if c[2] < 128 or c[0] in ("weak", "null", "anonymous") or "RC4" in c[1] or "DES" in c[1] or "NULL" in c[1]]
    check(not weak, f"weak ciphers: {weak}")


def cases(lab):
    yield "sslscan of https_server: no weakness", lambda: sslscan(lab)
    yield "testssl.sh of https_server: no weakness", lambda: testssl(lab)
