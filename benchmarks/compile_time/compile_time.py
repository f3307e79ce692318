#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""How long a source takes to compile that uses the stream with use_awaitable, beside asio::ssl::stream's.

usage: compile_time.py [--rounds N] [--compiler CXX] [--out DIR]

The same echo session is compiled over each stream in turn, round after round in changing order, with the flags of a
release build; user time of the compiler, and the size of the code in the object file. Prints a table; with --out
writes DIR/compile-time.csv and DIR/compile-time.md, and the goal to DIR/goals-further.csv.
"""
import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "plots"))
import goals  # noqa: E402

ROOT = HERE.parents[1]
FLAGS = ["-std=c++20", "-O3", "-DNDEBUG", f"-I{ROOT}/libtlsmode/include", f"-I{ROOT}/asio_adapter/include"]
STREAMS = (("asio", "boost::asio::ssl::stream"), ("tlsmode", "tlsmode::stream"), ("tcp", "no TLS"))
GOAL = 1.1


def user_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(command, env={**os.environ, "CCACHE_DISABLE": "1"}, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"error: {' '.join(command)}\n{done.stderr}")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def code_bytes(file):
    return int(subprocess.run(["size", str(file)], capture_output=True, text=True, check=True)
               .stdout.splitlines()[1].split()[0])


def measure(compiler, rounds):
    """(stream -> seconds of each round, stream -> bytes)"""
    times, sizes = {key: [] for key, _ in STREAMS}, {}
    with tempfile.TemporaryDirectory(prefix="tlsmode-compile.") as scratch:
        for turn in range(-1, rounds):  # the first one only brings the headers into memory
            for key, _ in STREAMS if turn % 2 == 0 else reversed(STREAMS):
                target = Path(scratch) / f"{key}.o"
                taken = user_seconds([compiler, *FLAGS, "-c", str(HERE / f"echo_{key}.cpp"), "-o", str(target)])
                if turn >= 0:
                    times[key].append(taken)
                sizes[key] = code_bytes(target)
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return times, sizes


def ratios_of(times):
    return [own / other for own, other in zip(times["tlsmode"], times["asio"])]


def report(compiler, times, sizes):
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    ratios = ratios_of(times)
    rows = ["| stream | user time of the compiler, s | code in the object file, bytes |", "|---|---:|---:|"]
    for key, title in STREAMS:
        low, high = min(times[key]), max(times[key])
        rows.append(f"| {title} | {statistics.median(times[key]):.2f} ({low:.2f}..{high:.2f}) | {sizes[key]:,} |")
    ratio, size = statistics.median(ratios), sizes["tlsmode"] / sizes["asio"]
    rows.append(f"| tlsmode / asio, goal <= {GOAL}x | {ratio:.2f}x ({min(ratios):.2f}..{max(ratios):.2f}), "
                f"{'met' if ratio <= GOAL else '**missed**'} | {size:.2f}x |")
    return (f"An echo session with `use_awaitable`: accept, handshake, read, write, shutdown. {version}; "
            f"`{' '.join(flag for flag in FLAGS if not flag.startswith('-I'))}`; {len(ratios)} rounds in turn, medians "
            "(lowest..highest).\n\n" + "\n".join(rows) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compiler", default=os.environ.get("CXX", "g++"))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.rounds < 1:
        parser.error("at least one round")
    times, sizes = measure(asked.compiler, asked.rounds)
    text = report(asked.compiler, times, sizes)
    print(text)
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        lines = ["# SPDX-License-Identifier: BSL-1.0", "round,stream,user_seconds,code_bytes"]
        lines += [f"{turn},{key},{taken:.3f},{sizes[key]}" for key, _ in STREAMS for turn, taken in enumerate(times[key])]
        (asked.out / "compile-time.csv").write_text("\n".join(lines) + "\n")
        (asked.out / "compile-time.md").write_text(
            "<!-- SPDX-License-Identifier: BSL-1.0 -->\n<!-- Written by ./dev bench compile-time; do not edit. -->\n"
            f"# Compile time\n\n{text}")
        ratios = ratios_of(times)
        ratio = statistics.median(ratios)
        goals.add(asked.out, [("compile time", "ratio", "user time of the compiler, s", "tlsmode / asio",
                               f"{ratio:.2f}x ({min(ratios):.2f}x..{max(ratios):.2f}x)", f"<= {GOAL:.2f}x",
                               "yes" if ratio <= GOAL else "no")])


if __name__ == "__main__":
    main()
