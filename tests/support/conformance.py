#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Makes docs/conformance.md from what the tests have recorded (conformance.hpp), or checks that it is up to date.

usage: conformance.py --write RECORDS DOCUMENT
       conformance.py RECORDS PROGRAM,PROGRAM... DOCUMENT

Which rows and columns there are is written here, so that what nobody tests is seen; which cells are marked is not.
"""
import difflib
import sys
from pathlib import Path
from typing import NamedTuple


class Table(NamedTuple):
    name: str
    title: str
    text: str
    rows_are: str
    rows: list[str]
    columns: list[str]


TYPES = ["terminal", "partial", "total"]
HANDSHAKES = ["handshake", "client authentication", "resumption"]
ASKING = ["with a signer", "with hooks"]
# What cannot happen to a blocking call.
SYNCHRONOUS = ["terminal", "partial", "total", "destroyed", "no io_context"]
CHANNELS = ["plain socket", "another layer"]
# Built only where Boost.Context is.
OPTIONAL = ("yield context",)
TABLES = [
    Table("tokens", "Operation and completion token",
          "Called exactly once, with the right result. The rows are test cases of `tokens.cpp` and "
          "`tokens_of_coroutines.cpp`.", "token",
          ["callback", "move only callback", "lvalue callback is not moved from", "any completion handler",
           "use future", "use future with a function", "as tuple", "redirect error", "append", "prepend", "consign", "deferred",
           "deferred and composed", "detached", "use awaitable", "use awaitable as tuple",
           "use awaitable with redirect error", "one of two awaitables", "both of two awaitables", "parallel group",
           "yield context", "yield context with an error code"],
          ["handshake", "handshake that has begun", "read", "write", "wait for reading", "wait for writing", "shutdown",
           "read that fails"]),
    Table("executors", "Executors",
          "Every handler, intermediate ones too, runs on the associated executor, and the final one is invoked through "
          "it.", "operation",
          ["handshake", "handshake that has begun, as a job", "read", "cancelled read", "cancelled read behind a read",
           "write", "write behind a write", "wait for reading", "wait for writing", "shutdown", "complete at once"],
          CHANNELS),
    Table("allocators", "Allocators",
          "All memory of the operation comes from the associated allocator; none of it is live when the handler is "
          "called.", "operation",
          ["handshake", "handshake that has begun, as a job", "read", "read behind a read", "write",
           "write behind a write", "wait for reading", "wait for writing", "shutdown", "shutdown behind a write",
           "io_context destroyed"],
          CHANNELS),
    Table("cancellation", "Cancellation by type and by what is waited for",
          "A cancelled operation completes once, with `operation_aborted` (after a failure: with the failure), and the "
          "connection goes on. Total cancellation is heeded as long as it can lose nothing, and ignored after that.",
          "operation, and what it waits for",
          ["handshake, for the peer", "handshake, behind a handshake", "handshake, for a ClientHello callback",
           "handshake, for a certificate callback", "handshake, for a verify callback",
           "handshake, for a hook's coroutine", "handshake, for a signer's coroutine", "handshake, for a free job",
           "handshake, for a paused job", "handshake, for its step on a job thread",
           "handshake, for a paused job of a job thread", "read, for the peer", "read, behind a read",
           "read, for a paused job", "read, behind a paused job", "read, for the last alert", "write, nothing sealed",
           "write, for room", "write, behind a write", "write, for a paused job", "write, behind a paused job",
           "wait for reading, for the peer", "wait for writing, for room", "shutdown, for room",
           "shutdown, behind a write", "shutdown, behind a read", "shutdown, for the peer's close_notify"],
          TYPES),
    Table("sweep", "Faults at the steps of each operation",
          "The [fault sweep](testing.md#fault-sweep), over a layer in memory: what must be so after the fault is so.", "operation, and how it runs",
          [f"{what}, {how}" for what in HANDSHAKES + ["write", "read", "KeyUpdate", "shutdown"]
           for how in ["plain", "synchronous"] + ASKING + ["with jobs"]
           if how not in ASKING or (what in HANDSHAKES and (what, how) != ("resumption", "with a signer"))],
          ["error", "reset", "eof", "stall", *TYPES, "allocation", "destroyed", "no io_context"]),
    Table("next layers", "Next layers", "A whole session: handshake, data both ways, shutdown.", "next layer",
          ["TCP socket", "TCP socket on io_context::executor_type", "TCP socket on a strand", "local socket", "T&",
           "beast::tcp_stream", "beast::tcp_stream&", "beast::test::stream", "itself: TLS in TLS", "a layer in memory"],
          ["asynchronous", "blocking", "one byte at a time", "fails at each operation"]),
]

Records = dict[str, set[tuple[str, str]]]


def applies(table: str, row: str, column: str) -> bool:
    """A handler that is detached hears of no error, and a blocking call has no handler."""
    return (row, column) != ("detached", "read that fails") and not (
        table == "sweep" and row.endswith("synchronous") and column in SYNCHRONOUS)


def optional(row: str) -> bool:
    return row.startswith(OPTIONAL)


def read_records(directory: Path) -> Records:
    records: Records = {table.name: set() for table in TABLES}
    known = {table.name: table for table in TABLES}
    for file in sorted(directory.glob("*.tsv")):
        for line in file.read_text().splitlines():
            name, row, column = line.split("\t")
            if name not in known or row not in known[name].rows or column not in known[name].columns:
                sys.exit(f"conformance.py: {file.name} has a cell of which no table knows: {name}, {row}, {column}")
            records[name].add((row, column))
    return records


def make(records: Records) -> str:
    out = ["<!-- SPDX-License-Identifier: BSL-1.0 -->", "# Conformance", "",
           "Made by `./dev conformance` from what the tests checked when they ran; a test compares it. A mark is a "
           "check that passed,", "a dash: it does not apply; a blank cell: nobody tests it."]
    for table in TABLES:
        cells = records[table.name]
        out += ["", f"## {table.title}", "", table.text, ""]
        out += [f"| {table.rows_are} | " + " | ".join(table.columns) + " |", "|---" * (len(table.columns) + 1) + "|"]
        for row in table.rows:
            marks = ["✓" if (row, column) in cells else " " if applies(table.name, row, column) else "–"
                     for column in table.columns]
            out.append(f"| {row} | " + " | ".join(marks) + " |")
    return "\n".join(out) + "\n"


def without_optional(document: str) -> list[str]:
    return [line for line in document.splitlines() if not optional(line.removeprefix("| "))]


def check(directory: Path, programs: list[str], document: Path) -> int:
    silent = [p for p in programs if not (directory / f"{p}.tsv").exists()]
    if silent:
        print(f"These have recorded nothing: {', '.join(silent)}")
        return 1
    records = read_records(directory)
    for p in programs:  # so that the next run's are its own
        (directory / f"{p}.tsv").unlink()
    made, old = make(records), document.read_text() if document.exists() else ""
    has_optional = any(optional(row) for row, _ in records["tokens"])
    old_lines, new_lines = (old.splitlines(), made.splitlines()) if has_optional else (
        without_optional(old), without_optional(made))
    difference = list(difflib.unified_diff(old_lines, new_lines, str(document), "the tests", lineterm="", n=0))
    if difference:
        print("\n".join(difference))
        print("If the tests are right: ./dev conformance, and commit the document.")
    return 1 if difference else 0


def write(directory: Path, document: Path) -> int:
    records = read_records(directory)
    if not any(records.values()):
        print(f"no records in {directory}: the suites have not run")
        return 1
    if not any(optional(row) for row, _ in records["tokens"]):
        print("note: the tests of yield_context were not built, and are not in the document")
    document.write_text(make(records))
    return 0


def main() -> int:
    arguments = sys.argv[1:]
    if len(arguments) != 3:
        sys.exit(__doc__)
    if arguments[0] == "--write":
        return write(Path(arguments[1]), Path(arguments[2]))
    return check(Path(arguments[0]), arguments[1].split(","), Path(arguments[2]))


if __name__ == "__main__":
    sys.exit(main())
