#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs tlsmode_micro, and leaves its samples and a table in a directory.

usage: micro.py PROGRAM [--repetitions N] [--out DIR]

Each figure is the median of the repetitions, which come in random order; the rates are bytes per CPU second of one
thread that writes and reads. The ratios are those of the medians.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plots"))
import goals  # noqa: E402

STREAMS = [("asio", "asio::ssl::stream's engine"), ("tlsmode", "tlsmode::engine"),
           ("tlsmode-queue", "the same, over memory_transport"), ("limit", "sealing and opening alone")]
SIZES = {1024: "1 KiB", 16 * 1024: "16 KiB", 1024 * 1024: "1 MiB"}
RATIO_GOAL, FRACTION_GOAL = 1.3, 0.85


def run(program, repetitions):
    """(stream, size) -> MB per second of each repetition"""
    with tempfile.TemporaryDirectory(prefix="tlsmode-micro.") as scratch:
        out = Path(scratch) / "out.json"
        done = subprocess.run([program, f"--benchmark_repetitions={repetitions}", "--benchmark_enable_random_interleaving=true",
                               "--benchmark_display_aggregates_only=true", f"--benchmark_out={out}",
                               "--benchmark_out_format=json"], stdout=sys.stderr, check=False)
        if done.returncode != 0:
            sys.exit(f"error: {program} ended with status {done.returncode}")
        samples = {}
        for one in json.loads(out.read_text())["benchmarks"]:
            if one["run_type"] == "iteration":
                stream, size = one["run_name"].split("/")[:2]
                samples.setdefault((stream, int(size)), []).append(one["bytes_per_second"] / 1e6)
        return samples


def told(met):
    return "met" if met else "**missed**"


def report(samples):
    rows = ["| | " + " | ".join(SIZES.values()) + " |", "|---|" + "---:|" * len(SIZES)]
    middle = {key: statistics.median(values) for key, values in samples.items()}
    for stream, title in STREAMS:
        cells = [f"{middle[stream, size]:,.0f} ({min(samples[stream, size]):,.0f}..{max(samples[stream, size]):,.0f})"
                 for size in SIZES]
        rows.append(f"| {title}, MB/s | " + " | ".join(cells) + " |")
    for stream, title in STREAMS[1:3]:
        ratios = [middle[stream, size] / middle["asio", size] for size in SIZES]
        name = "tlsmode / asio" if stream == "tlsmode" else f"{title} / asio"
        goal = [f", {told(ratio >= RATIO_GOAL)}" if stream == "tlsmode" else "" for ratio in ratios]
        rows.append(f"| {name}{f', goal >= {RATIO_GOAL}x' if stream == 'tlsmode' else ''} | "
                    + " | ".join(f"{ratio:.2f}x{word}" for ratio, word in zip(ratios, goal)) + " |")
    for stream, goal in (("tlsmode", f", goal >= {FRACTION_GOAL}"), ("asio", "")):
        parts = [middle[stream, size] / middle["limit", size] for size in SIZES]
        rows.append(f"| fraction of the limit, {stream}{goal} | "
                    + " | ".join(f"{part:.2f}{', ' + told(part >= FRACTION_GOAL) if goal else ''}" for part in parts) + " |")
    return "\n".join(rows) + "\n"


def goal_rows(samples):
    middle = {key: statistics.median(values) for key, values in samples.items()}
    for size, words in SIZES.items():
        ratio = middle["tlsmode", size] / middle["asio", size]
        yield (f"in memory, {words}", "ratio", "throughput per CPU second, MB/s", "tlsmode / asio", f"{ratio:.2f}x", f">= {RATIO_GOAL:.2f}x",
               "yes" if ratio >= RATIO_GOAL else "no")
        part = middle["tlsmode", size] / middle["limit", size]
        yield (f"in memory, {words}", "fraction_of_limit", "fraction of the limit (F)", "tlsmode", f"{part:.2f}",
               f">= {FRACTION_GOAL:.2f}", "yes" if part >= FRACTION_GOAL else "no")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.repetitions < 2:
        parser.error("at least two repetitions")
    samples = run(asked.program, asked.repetitions)
    text = ("One thread writes so much and reads it again, with no socket: TLS 1.3, AES-128-GCM. MB per CPU second, "
            f"{asked.repetitions} repetitions in random order, medians (lowest..highest).\n\n" + report(samples))
    print(text)
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        lines = ["# SPDX-License-Identifier: BSL-1.0", "stream,bytes,repetition,mb_per_second"]
        lines += [f"{stream},{size},{turn},{rate:.1f}" for (stream, size), rates in sorted(samples.items())
                  for turn, rate in enumerate(rates)]
        (asked.out / "in-memory.csv").write_text("\n".join(lines) + "\n")
        (asked.out / "in-memory.md").write_text(
            "<!-- SPDX-License-Identifier: BSL-1.0 -->\n<!-- Written by ./dev bench micro; do not edit. -->\n"
            f"# In memory\n\n{text}")
        goals.add(asked.out, goal_rows(samples))


if __name__ == "__main__":
    main()
