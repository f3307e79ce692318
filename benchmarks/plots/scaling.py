#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Fills the table of docs/scaling.md from the samples of a benchmark run.

usage: scaling.py DIR DOCUMENT

Reads DIR/samples.csv and replaces what is between the two marks in DOCUMENT. Without samples of many connections the
table says so.
"""
import statistics
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from samples import Samples  # noqa: E402

BEGIN, END = "<!-- begin: written by ./dev bench --write -->\n", "<!-- end -->"
STREAMS = ("tlsmode", "asio", "tcp")
MILLION = 1_000_000
ROWS = (
    # what, metric, decimals
    ("heap per connection, 100 connections, bytes", "heap_100", 0),
    ("the same, 1,000", "heap_1k", 0),
    ("the same, 10,000", "heap_10k", 0),
    ("CPU time of the server per message, 100 connections, us", "message_cpu_100", 2),
    ("the same, 1,000", "message_cpu_1k", 2),
    ("the same, 10,000", "message_cpu_10k", 2),
    ("the last / the first", "message_cpu_growth", 2),
    ("kernel memory per connection, both ends, bytes", "kernel_memory", 0),
)


def median(samples, stream, metric):
    values = samples.values(samples.scale_cell(), stream, metric)
    return statistics.median(values) if values else None


def slope(samples, stream):
    """Heap bytes for one connection more, between 1,000 and 10,000. The metrics are the whole over the number."""
    few, many = median(samples, stream, "heap_1k"), median(samples, stream, "heap_10k")
    return None if few is None or many is None else (many * 10_000 - few * 1_000) / 9_000


def gigabytes(value):
    return "-" if value is None else f"{value * MILLION / 1e9:.1f}"


def table(samples):
    streams = [stream for stream in STREAMS
               if any(median(samples, stream, metric) is not None for _, metric, _ in ROWS)]
    if not streams:
        return "No samples of many connections yet.\n"
    lines = ["| | " + " | ".join(streams) + " |", "|---|" + "---:|" * len(streams)]

    def line(what, texts):
        lines.append(f"| {what} | " + " | ".join(texts) + " |")

    for what, metric, decimals in ROWS:
        values = [median(samples, stream, metric) for stream in streams]
        if any(value is not None for value in values):
            line(what, ["-" if value is None else f"{value:,.{decimals}f}" for value in values])
    slopes = [slope(samples, stream) for stream in streams]
    kernel = [median(samples, stream, "kernel_memory") for stream in streams]
    line("heap for one connection more, 1,000 to 10,000, bytes",
         ["-" if value is None else f"{value:,.0f}" for value in slopes])
    line("**1,000,000 connections**: heap, GB", [gigabytes(value) for value in slopes])
    # The clients are on the same machine here: half of what the kernel takes is theirs.
    halves = [None if value is None else value / 2 for value in kernel]
    line("the kernel's memory for the server's ends, GB", [gigabytes(value) for value in halves])
    line("both, GB", [gigabytes(None if own is None or half is None else own + half)
                      for own, half in zip(slopes, halves)])
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    document = Path(sys.argv[2])
    text = document.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        sys.exit(f"error: {document} has to have both marks, once")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    document.write_text(f"{before}{BEGIN}\n{table(Samples(Path(sys.argv[1]) / 'samples.csv'))}\n{END}{after}")
    print(f"written: the table in {document}")


if __name__ == "__main__":
    main()
