#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs our stream with other people's programs and reports what passed, failed or could not be tried.

Each peer is a module peer_NAME.py with PROGRAMS (what it needs), version() and cases(lab), which yields titles and
functions. A case passes when its function returns; every check in it raises.
"""
import argparse
import importlib
import pathlib
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True  # the sources stay as they are
import lab as the_lab  # noqa: E402

PEERS = ("curl", "openssl", "python", "node", "gnutls", "nginx", "haproxy", "chromium", "scanners")
SMOKE = ("curl", "openssl", "python")  # what the packages of the tests bring with them

HEADER = """<!-- SPDX-License-Identifier: BSL-1.0 -->
# Real peers

Written by `./dev peers`; [testing.md](testing.md) says how it works. Bodies are {size} bytes in each direction unless
said otherwise, and all are compared byte by byte. "To us": the peer is the client; "from us": it is the server.

"""


def run_case(lab, function):
    try:
        function()
        return "passed", ""
    except the_lab.Skipped as e:
        return "skipped", str(e)
    except the_lab.Failed as e:
        return "FAILED", str(e)
    except Exception:  # noqa: BLE001, a case must not end the run
        return "FAILED", traceback.format_exc(limit=-3)
    finally:
        lab.end_case()


def run_peer(lab, name, title_filter):
    peer = importlib.import_module(f"peer_{name}")
    missing = [program for program in peer.PROGRAMS if not the_lab.find(program)]
    if missing:
        print(f"skipped  {name}: no {', '.join(missing)} here", flush=True)
        return "", [("all", "skipped", f"no {', '.join(missing)} here")]
    version = peer.version(lab)
    print(f"== {version}", flush=True)
    rows = []
    for title, function in peer.cases(lab):
        if title_filter and title_filter not in title:
            continue
        start = time.monotonic()
        result, why = run_case(lab, function)
        print(f"{result:8} {title} ({time.monotonic() - start:.1f} s){': ' if why else ''}{why}", flush=True)
        rows.append((title, result, why))
    return version, rows


def write_report(path, results):
    lines = [HEADER.format(size=f"{the_lab.LARGE:,}")]
    lines.append("| peer | version | passed | failed | skipped |\n|---|---|---|---|---|\n")
    for name, (version, rows) in results.items():
        count = [sum(1 for row in rows if row[1] == what) for what in ("passed", "FAILED", "skipped")]
        lines.append(f"| {name} | {version} | {count[0]} | {count[1]} | {count[2]} |\n")
    for name, (_, rows) in results.items():
        lines.append(f"\n## {name}\n\n| case | result |\n|---|---|\n")
        for title, result, why in rows:
            why = " ".join(why.split()).replace("|", "/")
            lines.append(f"| {title} | {result}{': ' if why else ''}{why} |\n")
    pathlib.Path(path).write_text("".join(lines), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Runs our stream with other people's programs.")
    parser.add_argument("--build", required=True, help="build directory with our programs")
    parser.add_argument("--smoke", action="store_true", help=f"only {', '.join(SMOKE)}")
    parser.add_argument("--report", help="write the table to this file, if all peers were asked for")
    parser.add_argument("--case", help="only cases whose title contains this")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PEERS)}; all if none")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(PEERS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    names = arguments.names or (SMOKE if arguments.smoke else PEERS)
    results = {}
    with tempfile.TemporaryDirectory(prefix="tlsmode-peers.") as directory:
        lab = the_lab.Lab(pathlib.Path(arguments.build).resolve(), directory)
        try:
            for name in names:
                results[name] = run_peer(lab, name, arguments.case)
        finally:
            lab.end_case()
    rows = [row for _, peer_rows in results.values() for row in peer_rows]
    print()
    for name, (version, peer_rows) in results.items():
        for title, result, _ in peer_rows:
            print(f"{name:9} {result:8} {title}")
    count = {what: sum(1 for row in rows if row[1] == what) for what in ("passed", "FAILED", "skipped")}
    print(f"\n{count['passed']} passed, {count['FAILED']} failed, {count['skipped']} skipped")
    if arguments.report and names == PEERS and not arguments.case:
        write_report(arguments.report, results)
        print(f"written to {arguments.report}")
    if not count["passed"]:
        print("nothing was tried")
    return 1 if count["FAILED"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
