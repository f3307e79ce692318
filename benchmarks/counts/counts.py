#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Counts what a message and a handshake cost, and compares with what they cost when expected.ini was written.

usage: counts.py BENCH [--expected FILE] [--renew | --out DIR]

BENCH is tlsmode_bench. counted-build.txt beside it says which section of the file holds for it: compiler, build type
and the like. --renew writes that section; --out compares nothing and writes DIR/counts.md.
Status 0 if no count is more than the margin above, 1 if one is, 77 if something could not be looked at.

Each count is the difference of two runs of different lengths, over the difference of their lengths: what a program
needs to start, and a connection to begin, falls out. Both ends are on one thread, so nothing depends on who wakes
whom. README.md says which instructions are counted, and why.
"""
import argparse
import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MARGIN = 0.02
SKIPPED = 77

# What is done: the cell, the lengths of the two runs, and how many of the counted things one unit of length is. A
# round trip is two messages.
WORK = {
    "message": ("pingpong", (50, 150), 2),
    "handshake": ("handshake", (3, 9), 1),
}
# tlsmode_bench's own figures; each is the mean of a run.
FIGURES = ("system_calls", "transport_calls", "allocations")
STREAMS = ("tlsmode", "asio")  # ours, and what it is compared with

# libcrypto and libc choose between variants of their functions by what the processor can do. These are named here,
# so that the same code runs on every x86-64 with AES instructions: OpenSSL takes AES-NI, PCLMULQDQ and SSSE3 and no
# AVX (bits 23 to 26, 32, 33, 41 and 57 of OPENSSL_ia32cap(3)), libc what it has for any processor.
FIXED = {
    "OPENSSL_ia32cap": "0x200020307800000:0",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX_Fast_Unaligned_Load,-SSE4_2,"
                      "-ERMS,-FSRM,-Fast_Unaligned_Copy",
    "OPENSSL_CONF": "/dev/null",
}

# Whose instructions: the first that fits the name of the object file.
OWNERS = (("program", re.compile(r"/(tlsmode_bench|libtlsmode[^/]*)$")),
          ("libcrypto", re.compile(r"/libcrypto\.so")),
          ("libssl", re.compile(r"/libssl\.so")),
          ("libc", re.compile(r"/(libc|libm|libstdc\+\+|libgcc_s|ld-linux[^/]*)\.so")))


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **FIXED})
    if done.returncode != 0:
        sys.exit(f"error: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def once(bench, cell, stream, length):
    return [bench, "--scenario", cell, "--stream", stream, "--once", str(length)]


def instructions_of(report):
    """Instructions by the owner of the code, from what callgrind wrote: see "Callgrind Format Specification"."""
    sums, owners, current, of_callee = {}, {}, "rest", False
    for line in report.splitlines():
        named = re.match(r"(c?ob)=(\(\d+\))(?: (.*))?$", line)
        if named:
            kind, number, name = named.groups()
            if name:  # only the first time
                owners[number] = next((who for who, pattern in OWNERS if pattern.search(name)), "rest")
            if kind == "ob":
                current = owners[number]
        elif line.startswith("calls="):
            of_callee = True  # the next line is what the callee cost, which is counted where it is the callee's own
        elif re.match(r"[-+*\d]", line):
            if not of_callee:
                sums[current] = sums.get(current, 0) + int(line.split()[1])
            of_callee = False
    return sums


def count_instructions(bench, what, stream, scratch):
    cell, lengths, per_unit = WORK[what]
    sums = []
    for length in lengths:
        file = scratch / f"{what}.{stream}.{length}"
        run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={file}", *once(bench, cell, stream, length)])
        sums.append(instructions_of(file.read_text()))
    units = (lengths[1] - lengths[0]) * per_unit
    return {who: (sums[1][who] - sums[0].get(who, 0)) / units for who in sums[1]}


def count_figures(bench, what, stream):
    cell, lengths, _ = WORK[what]
    runs = []
    for length in lengths:
        lines = (line.split() for line in run(once(bench, cell, stream, length)).splitlines())
        runs.append({key: float(value) * length for key, value in lines})
    return {figure: (runs[1][f"{figure}_{what}"] - runs[0][f"{figure}_{what}"]) / (lengths[1] - lengths[0])
            for figure in FIGURES if f"{figure}_{what}" in runs[0]}


def measure(bench, with_instructions):
    """What is counted: (what, stream, name of the count) -> value."""
    measured = {}
    with tempfile.TemporaryDirectory(prefix="tlsmode-counts.") as scratch:
        for what in WORK:
            for stream in STREAMS:
                counts = count_figures(bench, what, stream)
                if with_instructions:
                    parts = count_instructions(bench, what, stream, Path(scratch))
                    counts["instructions"] = sum(parts.values())
                    counts.update({f"instructions.{who}": value for who, value in sorted(parts.items())})
                measured.update({(what, stream, name): value for name, value in counts.items()})
    return measured


def to_compare(measured):
    """The counts that expected.ini has."""
    counts = {}
    for what in WORK:
        own, other = ({name: value for (one, who, name), value in measured.items() if (one, who) == (what, stream)}
                      for stream in STREAMS)
        counts.update({f"{what}.{figure}": own[figure] for figure in FIGURES if figure in own})
        if "instructions" in own:
            counts[f"{what}.instructions.program"] = own["instructions.program"]
            counts[f"{what}.instructions.outside_libcrypto"] = own["instructions"] - own["instructions.libcrypto"]
            counts[f"{what}.instructions.of_asio"] = own["instructions"] / other["instructions"]
    return counts


def table(measured):
    """Markdown, with the ratios."""
    rows = ["| | asio | tlsmode | tlsmode / asio |", "|---|---:|---:|---:|"]
    for (what, stream, name), own in measured.items():
        if stream != "tlsmode":
            continue
        other = measured.get((what, "asio", name), 0)
        text = name.replace("_", " ").replace("instructions.", "instructions in ")
        digits = 0 if "instructions" in name else 2
        rows.append(f"| {text} per {what} | {other:,.{digits}f} | {own:,.{digits}f} | " +
                    (f"{own / other:.2f}x |" if other else "- |"))
    return "\n".join(rows) + "\n"


def compare(counts, expected):
    """The number of counts that are too high."""
    worse = 0
    for name, value in counts.items():
        wanted = expected.getfloat(name)
        if wanted is None:
            print(f"{name}: {value:.3f}; expected.ini has no value: renew it")
            worse += 1
            continue
        above = value / wanted - 1 if wanted else (1 if value else 0)
        verdict = "TOO MANY" if above > MARGIN else "fewer: renew expected.ini" if above < -MARGIN else "as expected"
        worse += above > MARGIN
        print(f"{name}: {value:.3f}, expected {wanted:.3f} ({above:+.2%}): {verdict}")
    return worse


def renew(file, build, counts):
    text = file.read_text() if file.exists() else "# SPDX-License-Identifier: BSL-1.0\n"
    section = f"[{build}]\n" + "".join(f"{name} = {value:.3f}\n" for name, value in counts.items())
    text, found = re.subn(rf"^\[{re.escape(build)}\]\n(?:[^\[\n]+\n)*", lambda _: section, text, flags=re.MULTILINE)
    file.write_text(text if found else f"{text}\n{section}")
    print(f"written: [{build}] in {file}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench", type=Path)
    parser.add_argument("--expected", type=Path, default=Path(__file__).with_name("expected.ini"))
    parser.add_argument("--renew", action="store_true", help="write what is counted now into the file")
    parser.add_argument("--out", type=Path, help="compare nothing; write a table into this directory")
    asked = parser.parse_args()
    build = asked.bench.with_name("counted-build.txt").read_text().strip()
    if build == "sanitized":
        print("SKIPPED: a sanitizer's own instructions would be counted")
        return SKIPPED
    file = configparser.ConfigParser()
    file.read(asked.expected)
    comparing = not asked.renew and not asked.out
    if comparing and not file.has_section(build):
        print(f"SKIPPED: expected.ini has nothing for [{build}]; ./dev bench counts --renew adds it")
        return SKIPPED
    with_instructions = shutil.which("valgrind") is not None
    if not comparing and not with_instructions:
        sys.exit("error: valgrind is not there")

    measured = measure(asked.bench, with_instructions)
    print(table(measured))
    if asked.renew:
        renew(asked.expected, build, to_compare(measured))
        return 0
    if asked.out:
        (asked.out / "counts.md").write_text(
            "<!-- SPDX-License-Identifier: BSL-1.0 -->\n<!-- Written by ./dev bench; do not edit. -->\n# Counts\n\n"
            f"{build}. A message has 64 bytes; a handshake is a full one, with ECDSA P-256. Both ends are counted.\n\n"
            f"{table(measured)}")
        return 0
    worse = compare(to_compare(measured), file[build])
    if worse:
        print(f"{worse} too high, by more than {MARGIN:.0%}")
        return 1
    if not with_instructions:
        print("SKIPPED: no valgrind here, so no instructions were counted; all else is as expected")
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
