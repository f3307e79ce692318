# SPDX-License-Identifier: BSL-1.0
"""The figures: which metrics of which cells. Cells are found by what they measure, so that a new one needs no line."""
from dataclasses import dataclass
from typing import Callable


@dataclass
class Panel:
    metric: str
    title: str
    log: bool = False


@dataclass
class Bars:
    name: str
    title: str
    panels: list
    wants: Callable = lambda cell, samples: True

    @staticmethod
    def baseline(cell, samples):
        """asio::ssl::stream where it takes part, else the stream that a job or a signer is added to."""
        streams = {stream for metric in samples.metrics_of(cell) for stream in samples.streams_of(cell, metric)}
        return "asio" if "asio" in streams else "tlsmode"


@dataclass
class Lines:
    name: str
    title: str
    y_title: str
    points: list  # metric, connections


def is_flood(cell, samples):
    return "late_p999" in samples.metrics_of(cell)


def is_no_flood(cell, samples):
    return not is_flood(cell, samples)


BARS = [
    Bars("bulk", "Bulk transfer", [
        Panel("bytes_per_cpu", "MB per CPU second, both ends together: more is better"),
    ]),
    Bars("pingpong", "Ping-pong: one message there and back", [
        Panel("latency_p50", "p50, us: less is better"),
        Panel("latency_p99", "p99, us: less is better"),
    ]),
    Bars("sequences", "Buffer sequences in one write", [
        Panel("sequence_cpu", "CPU time of both ends, us: less is better", log=True),
    ]),
    Bars("first-byte", "An answer of 64 KiB through a link of 10 Mbit/s", [
        Panel("first_byte", "time to its first byte, ms: less is better", log=True),
        Panel("last_byte", "time to its last byte, ms"),
    ]),
    Bars("limit", "Fraction of what the machine's cipher and TCP allow", [
        Panel("fraction_of_limit", "1 is the limit: more is better"),
    ]),
    Bars("handshakes", "Handshakes", [
        Panel("handshakes", "per second: more is better"),
    ], is_no_flood),
    Bars("flood", "A flood of handshakes", [
        Panel("late_p999", "lateness of a timer, p99.9, us", log=True),
        Panel("echo_p99", "echo of 64 bytes, p99, us", log=True),
        Panel("handshakes", "handshakes per second"),
    ], is_flood),
    Bars("memory", "Heap per server connection", [
        Panel("idle_heap", "idle, bytes: less is better"),
        Panel("busy_heap", "10 % busy, bytes: less is better"),
    ]),
]

SIZES = (("100", 100), ("1k", 1000), ("10k", 10000))
LINES = [
    Lines("scale-heap", "Heap per server connection", "bytes", [(f"heap_{name}", size) for name, size in SIZES]),
    Lines("scale-cpu", "CPU time of the server per message", "us", [(f"message_cpu_{name}", size) for name, size in SIZES]),
]
