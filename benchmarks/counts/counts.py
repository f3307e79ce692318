#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Counts what a message and a handshake cost, and compares with what they cost when expected.ini was written.

usage: counts.py BENCH [--expected FILE] [--renew | --out DIR]

BENCH is tlsmode_bench. counted-build.txt beside it says which section of the file holds for it: compiler, build type
and the like. --renew writes that section; --out compares nothing and writes DIR/counts.md, and the goals to DIR/goals-further.csv.
Status 0 if no count is more than the margin above, 1 if one is, 77 if something could not be looked at.

Each count is the difference of two runs of different lengths, over the difference of their lengths: what a connection
needs to begin falls out. Both ends are on one thread, so nothing depends on who wakes whom. README.md says which
instructions are counted, and why.
"""
import argparse
import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plots"))
import goals  # noqa: E402

MARGIN = 0.02
SKIPPED = 77

# What is done: the cell, the lengths of the two runs, and how many of the counted things one unit of length is. A
# round trip is two messages.
WORK = {
    "message": ("pingpong", (50, 150), 2),
    "handshake": ("handshake", (3, 9), 1),
    "resumption": ("resume", (3, 9), 1),
}
# Only for the tables: where the instructions of the other kinds of handshakes are.
FURTHER = {
    "handshake, RSA-2048": ("handshake-rsa", (3, 9), 1),
    "resumption from the server's cache": ("resume-cache", (3, 9), 1),
    "handshake, no ticket": ("handshake-tickets-0", (3, 9), 1),
    "handshake, one ticket": ("handshake-tickets-1", (3, 9), 1),
    "TLS 1.2 handshake": ("handshake-tls12", (3, 9), 1),
    "TLS 1.2 handshake, RSA-2048": ("handshake-tls12-rsa", (3, 9), 1),
    "TLS 1.2 resumption": ("resume-tls12", (3, 9), 1),
    "TLS 1.2 resumption from the server's cache": ("resume-cache-tls12", (3, 9), 1),
}
# tlsmode_bench's own figures; each is the mean of a run.
FIGURES = {"message": ("system_calls_message", "transport_calls_message", "allocations_message"),
           "handshake": ("system_calls_handshake", "allocations_handshake")}
STREAMS = ("tlsmode", "asio")  # ours, and what it is compared with
JOBS = "tlsmode-async"  # beside ours, in the tables
# A ratio to another stream: what of what, whose, to whose, at most.
GOALS = (("instructions", "message", "tlsmode", "asio", 0.7), ("allocations", "message", "tlsmode", "asio", 0.7),
         ("instructions", "handshake", JOBS, "tlsmode", 1.02), ("instructions", "message", JOBS, "tlsmode", 1.001))

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
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **FIXED})
    except subprocess.TimeoutExpired:
        sys.exit(f"error: not done after 300 s: {' '.join(map(str, command))}")
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


def callgrind(bench, work, stream, scratch):
    """Instructions by owner, of the short run and the long one."""
    cell, lengths, _ = work
    sums = []
    for length in lengths:
        file = scratch / f"{cell}.{stream}.{length}"
        # New RSA keys are made before: they take now more, now fewer instructions.
        run(["valgrind", "--tool=callgrind", "--zero-before=*measure_once*", f"--callgrind-out-file={file}",
             *once(bench, cell, stream, length)])
        sums.append(instructions_of(file.read_text()))
    return sums


def per_unit(work, sums):
    _, lengths, units = work
    short, long = sums
    counts = {f"instructions.{who}": (long[who] - short.get(who, 0)) / (lengths[1] - lengths[0]) / units
              for who in sorted(long)}
    return {"instructions": sum(counts.values()), **counts}


def count_figures(bench, work, stream):
    cell, lengths, _ = work
    names = FIGURES["message" if cell.startswith("pingpong") else "handshake"]
    runs = []
    for length in lengths:
        lines = (line.split() for line in run(once(bench, cell, stream, length)).splitlines())
        runs.append({key: float(value) * length for key, value in lines})
    return {name.rpartition("_")[0]: (runs[1][name] - runs[0][name]) / (lengths[1] - lengths[0]) for name in names}


def measure(bench, works, with_instructions, with_jobs=False):
    """What is counted: (what, stream, name of the count) -> value."""
    chosen = [(what, stream) for what in works for stream in (*STREAMS, JOBS)
              if stream != JOBS or with_jobs and any((what, JOBS) == goal[1:3] for goal in GOALS)]
    measured, running = {}, {}
    with tempfile.TemporaryDirectory(prefix="tlsmode-counts.") as scratch, ThreadPoolExecutor(2) as pool:
        try:
            if with_instructions:
                running = {(what, stream): pool.submit(callgrind, bench, works[what], stream, Path(scratch))
                           for what, stream in chosen}
            for what, stream in chosen:
                counts = count_figures(bench, works[what], stream)
                if with_instructions:
                    counts.update(per_unit(works[what], running[what, stream].result()))
                measured.update({(what, stream, name): value for name, value in counts.items()})
        finally:
            pool.shutdown(cancel_futures=True)  # if one has failed, the others need not run
    return measured


def to_compare(measured):
    """The counts that expected.ini has."""
    counts = {}
    for what in WORK:
        own, other = ({name: value for (one, who, name), value in measured.items() if (one, who) == (what, stream)}
                      for stream in STREAMS)
        counts.update({f"{what}.{name}": value for name, value in own.items() if "instructions" not in name})
        if "instructions" in own:
            counts[f"{what}.instructions.program"] = own["instructions.program"]
            counts[f"{what}.instructions.outside_libcrypto"] = own["instructions"] - own["instructions.libcrypto"]
            counts[f"{what}.instructions.of_asio"] = own["instructions"] / other["instructions"]
    return counts


def table(measured):
    """Markdown, with the ratios."""
    rows = ["| | asio | tlsmode | tlsmode / asio |", "|---|---:|---:|---:|"]
    for (what, stream, name), own in measured.items():
        if stream != "tlsmode" or what not in WORK:
            continue
        other = measured.get((what, "asio", name), 0)
        text = name.replace("_", " ").replace("instructions.", "instructions in ")
        digits = 0 if "instructions" in name else 2
        rows.append(f"| {text} per {what} | {other:,.{digits}f} | {own:,.{digits}f} | " +
                    (f"{own / other:.2f}x |" if other else "- |"))
    return "\n".join(rows) + "\n"


def shares(measured):
    """Markdown: whose the instructions of each kind of handshake are, and what would be if the program had none."""
    owners = ("libcrypto", "libc", "libssl", "program", "rest")
    rows = ["| | instructions | " + " | ".join(owners) + " | tlsmode / asio | with none in the program |",
            "|---|---:|" + "---:|" * (len(owners) + 2)]
    for what in (*WORK, *FURTHER):
        own, other = ({name.rpartition(".")[2]: value for (one, who, name), value in measured.items()
                       if (one, who) == (what, stream) and name.startswith("instructions")} for stream in STREAMS)
        total, base = own["instructions"], other["instructions"]
        ratios = f"{total / base:.3f}x | {(total - own['program']) / base:.3f}x" if "RSA" not in what else " | "
        rows.append(f"| {what} | {total:,.0f} | " + " | ".join(f"{own.get(one, 0) / total:.1%}" for one in owners) +
                    f" | {ratios} |")
    return "\n".join(rows) + "\n"


def goal_rows(measured):
    for count, what, stream, other, limit in GOALS:
        ratio = measured[what, stream, count] / measured[what, other, count]
        digits = 4 if limit > 1 else 2
        yield (f"counts, {stream}", f"{count}_{what}", f"{count} per {what}", f"{stream} / {other}",
               f"{ratio:.{digits}f}x", f"<= {limit:.{3 if limit > 1 else 2}f}x", "yes" if ratio <= limit else "no")


def jobs_table(measured):
    rows = ["| instructions | tlsmode | tlsmode, mode::async | |", "|---|---:|---:|---:|"]
    for _, what, stream, other, _ in GOALS:
        if stream == JOBS:
            own, base = (measured[what, one, "instructions"] for one in (stream, other))
            rows.append(f"| per {what} | {base:,.0f} | {own:,.0f} | {own / base - 1:+.2%} |")
    return "\n".join(rows) + "\n"


def document(build, measured):
    return ("<!-- SPDX-License-Identifier: BSL-1.0 -->\n<!-- Written by ./dev bench; do not edit. -->\n# Counts\n\n"
            f"{build}. A message has 64 bytes; handshakes and resumptions are of TLS 1.3 and with ECDSA P-256 unless said "
            f"otherwise. Both ends are counted.\n\n{table(measured)}\n## Whose the instructions are\n\n"
            "Runs over tlsmode::stream, by the library whose code it is; \"program\" is the stream, Asio and the benchmark "
            "together. The last column is the ratio that a stream would have which made the same calls and had no instruction "
            "of its own. Every run makes an RSA key of its own, whose operations take now more, now fewer instructions: there "
            f"only the shares say something.\n\n{shares(measured)}\n## Handshakes in jobs\n\nWith `mode::async` and nothing "
            f"that pauses: handshakes are jobs, messages are not.\n\n{jobs_table(measured)}")


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

    works = {**WORK, **FURTHER} if asked.out else WORK
    measured = measure(asked.bench, works, with_instructions, with_jobs=bool(asked.out))
    print(table(measured))
    if asked.renew:
        renew(asked.expected, build, to_compare(measured))
        return 0
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "counts.md").write_text(document(build, measured))
        goals.add(asked.out, goal_rows(measured))
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
