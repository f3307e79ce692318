#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Makes docs/conformance.md from what the tests have recorded (conformance.hpp), or checks that it is up to date.

usage: conformance.py [--write] RECORDS DOCUMENT
"""
import difflib
import sys
from pathlib import Path

# In this order; what a table says, and what its rows are.
TABLES = {
    "tokens": ("Operation and completion token", "token", "Every initiating function, and one that fails, with every "
               "kind of token: called exactly once, with the right result."),
    "executors": ("Executors", "operation", "Every handler, intermediate ones too, runs on the associated executor, "
                  "and the final one is invoked through it."),
    "allocators": ("Allocators", "operation", "All memory of the operation comes from the associated allocator, and "
                   "none of it is live when the handler is called."),
    "cancellation": ("Cancellation by type and by what is waited for", "operation, and what it waits for",
                     "A cancelled operation completes once, with `operation_aborted` (after a failure: with the "
                     "failure), and the connection goes on; total cancellation is heeded as long as it can lose "
                     "nothing, and ignored after that."),
    "sweep": ("Cancellation at every operation of the next layer", "operation, and how it runs",
              "Cancelled at each step of the layer below: it is started again, and no byte is lost or doubled."),
    "next layers": ("Next layers", "next layer", "A whole session: handshake, data both ways, shutdown."),
}
# Built only where Boost.Context is.
OPTIONAL = ("yield context",)


def optional(row: str) -> bool:
    return row.startswith(OPTIONAL)


def read_records(directory: Path) -> dict[str, dict[str, set[str]]]:
    tables: dict[str, dict[str, set[str]]] = {}
    for file in sorted(directory.glob("*.tsv")):
        for line in file.read_text().splitlines():
            table, row, column = line.split("\t")
            tables.setdefault(table, {}).setdefault(row, set()).add(column)
    unknown = set(tables) - set(TABLES)
    if unknown:
        sys.exit(f"conformance.py: no such table: {', '.join(sorted(unknown))}")
    return tables


def make(tables: dict[str, dict[str, set[str]]]) -> str:
    out = ["<!-- SPDX-License-Identifier: BSL-1.0 -->", "# Conformance", "",
           "Made by `./dev conformance` from what the tests checked when they ran; a test compares it. A mark is a "
           "case that passed,", "a blank one that does not apply or that nobody tests."]
    for name, (title, rows_are, text) in TABLES.items():
        rows = tables.get(name, {})
        columns = sorted({c for cells in rows.values() for c in cells})
        out += ["", f"## {title}", "", text, "", f"| {rows_are} | " + " | ".join(columns) + " |",
                "|---" * (len(columns) + 1) + "|"]
        out += [f"| {row} | " + " | ".join("✓" if c in rows[row] else " " for c in columns) + " |"
                for row in sorted(rows)]
    return "\n".join(out) + "\n"


def without_optional(document: str) -> list[str]:
    return [line for line in document.splitlines() if not optional(line.removeprefix("| "))]


def main() -> int:
    arguments = sys.argv[1:]
    write = arguments[:1] == ["--write"]
    if write:
        arguments = arguments[1:]
    if len(arguments) != 2:
        sys.exit(__doc__)
    records, document = Path(arguments[0]), Path(arguments[1])
    tables = read_records(records)
    if not tables:
        print(f"no records in {records}: the suites have not run")
        return 1
    made = make(tables)
    if write:
        if not any(optional(row) for row in tables.get("tokens", {})):
            print("note: the tests of yield_context were not built, and are not in the document")
        document.write_text(made)
        return 0
    old = document.read_text() if document.exists() else ""
    old_lines, new_lines = old.splitlines(), made.splitlines()
    if not any(optional(row) for row in tables.get("tokens", {})):
        old_lines, new_lines = without_optional(old), without_optional(made)
    difference = list(difflib.unified_diff(old_lines, new_lines, str(document), "what the tests checked", lineterm="", n=0))
    if difference:
        print("\n".join(difference))
        print("If the tests are right: ./dev conformance, and commit the document.")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
