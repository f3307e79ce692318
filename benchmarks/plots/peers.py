#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Writes DIR/peers.md: tlsmode::stream beside each other stream, from the samples of a benchmark run.

usage: peers.py DIR

Each figure is the median of the rounds' ratios, turned so that more than 1 means that tlsmode::stream is ahead. The
last column is the same for two streams that are nearly the same code: what is no further from 1 says nothing.
"""
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from samples import Samples  # noqa: E402

OURS, BASELINE, TWIN = "tlsmode", "asio", "asio-standalone"
# Who of ours is compared with whom.
PAIRS = {(OURS, "asio"): "Boost's asio::ssl", (OURS, TWIN): "standalone asio::ssl", (OURS, "beast-ssl"): "beast::ssl_stream",
         ("tlsmode-beast-tcp", "beast-ssl"): "the same, ours over Beast's tcp_stream as well", (OURS, "botan"): "Botan 2",
         (OURS, "openssl"): "OpenSSL alone", (OURS, "openssl-tuned"): "OpenSSL alone, read-ahead"}
# What a cell is about: the first of these that it has, and whether more of it is better.
METRICS = (
    ("bytes_per_cpu", "bytes per CPU second", True),
    ("latency_p50", "round trip, p50", False),
    ("sequences", "sequences per second", True),
    ("first_byte", "time to the first byte", False),
    ("late_p999", "lateness of a timer meanwhile, p99.9", False),
    ("handshakes", "handshakes per second", True),
    ("message_cpu_10k", "CPU per message, 10,000 connections", False),
    ("message_cpu_1k", "CPU per message, 1,000 connections", False),
    ("idle_heap", "heap per idle connection", False),
)
BEHIND, AHEAD = 0.97, 1.03


def metric_of(samples, cell):
    found = next((one for one in METRICS if OURS in samples.streams_of(cell, one[0])), None)
    # The control of the floods has no handshakes: what differs there is the machine.
    return None if found and found[0] == "late_p999" and "handshakes" not in samples.metrics_of(cell) else found


def ahead(samples, cell, metric, more_is_better, who, other):
    """How far `who` is ahead of `other`; None where one of them was not measured."""
    pair = (who, other) if more_is_better else (other, who)
    return samples.ratio(cell, *pair, metric)


def text(value):
    if value is None:
        return ""
    return f"**{value:.2f}x**" if value < BEHIND else f"{value:.2f}x"


def report(samples):
    rows, counts = [], {pair: [0, 0, 0] for pair in PAIRS}
    for cell in samples.cells:
        chosen = metric_of(samples, cell)
        if not chosen:
            continue
        metric, words, more = chosen
        values = {pair: ahead(samples, cell, metric, more, *pair) for pair in PAIRS}
        if all(value is None for value in values.values()):
            continue
        for pair, value in values.items():
            if value is not None:
                counts[pair][0 if value > AHEAD else 1 if value >= BEHIND else 2] += 1
        noise = ahead(samples, cell, metric, more, TWIN, BASELINE)
        rows.append(f"| {cell} | {words} | " + " | ".join(text(values[pair]) for pair in PAIRS) +
                    f" | {'' if noise is None else f'{noise:.2f}x'} |")
    lines = ["<!-- SPDX-License-Identifier: BSL-1.0 -->", "<!-- Written by ./dev bench; do not edit. -->",
             "# tlsmode::stream beside each peer", "",
             "The median of the rounds' ratios, turned so that more than 1 means that `tlsmode::stream` is ahead; bold",
             f"where it is behind (below {BEHIND}). The last column compares standalone Asio's stream with Boost's,",
             "which are nearly the same code: what is no further from 1 says nothing.", "",
             "| | " + " | ".join(PAIRS.values()) + " |", "|---|" + "---:|" * len(PAIRS)]
    for which, words in enumerate(("cells ahead", "level", "behind")):
        lines.append(f"| {words} | " + " | ".join(str(counts[pair][which]) for pair in PAIRS) + " |")
    lines += ["", "| cell | figure | " + " | ".join(PAIRS.values()) + " | the two Asios |",
              "|---|---|" + "---:|" * (len(PAIRS) + 1)]
    return "\n".join(lines + rows) + "\n"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    directory = Path(sys.argv[1])
    (directory / "peers.md").write_text(report(Samples(directory / "samples.csv")))


if __name__ == "__main__":
    main()
