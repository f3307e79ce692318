#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Puts the goals of all parts of a benchmark run into one table, those that are missed with the reason beside them.

usage: goals.py [--check] DIR

DIR/goals.csv has a row for each goal that tlsmode_bench judges, DIR/goals-further.csv those of micro.py,
compile_time.py and counts.py, which come by add(). The table takes the place of the one in DIR/results.md. The reasons
are written by hand, in docs/benchmarks/reasons.csv: the first row whose patterns fit cell and metric. Each names the
section of docs/benchmarks/README.md that shows it. --check writes nothing; status 1 if the table is not in results.md as
it would be written, or a reason is missing.
"""
import csv
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
COLUMNS = ("cell", "metric", "name", "who", "measured", "goal", "met")
UNKNOWN = "not known yet"
CELLS, FURTHER = "goals.csv", "goals-further.csv"


def rows_of(file):
    if not file.exists():
        return []
    with open(file, newline="") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def add(directory, rows):
    """Rows of COLUMNS, in place of those of the same cell and metric."""
    file = Path(directory) / FURTHER
    rows = [dict(zip(COLUMNS, row)) for row in rows]
    new = {(row["cell"], row["metric"]) for row in rows}
    kept = [row for row in rows_of(file) if (row["cell"], row["metric"]) not in new]
    with open(file, "w", newline="") as out:
        out.write("# SPDX-License-Identifier: BSL-1.0\n")
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept + rows)


def anchor(title):
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def reason(reasons, row, linked):
    for one in reasons:
        if fnmatch(row["cell"], one["cells"]) and fnmatch(row["metric"], one["metrics"]):
            place = f"[more](README.md#{anchor(one['section'])})" if linked else one["section"]
            return f"{one['reason']} ({place})"
    print(f"no reason: {row['cell']}, {row['metric']}", file=sys.stderr)
    return UNKNOWN


def table(rows, reasons, linked):
    lines = ["| cell | metric | who | measured | goal | met | if not: why |", "|:---|---:|:---|---:|---:|---:|:---|"]
    for row in rows:
        met = row["met"] == "yes"
        lines.append(f"| {row['cell']} | {row['name']} | {row['who']} | {row['measured']} | {row['goal']} | "
                     f"{'yes' if met else 'NO'} | " + ("" if met else reason(reasons, row, linked)) + " |")
    return lines


def report(rows, reasons, linked):
    met = sum(row["met"] == "yes" for row in rows)
    lines = ["## Goals", "", f"{met} of {len(rows)} goals met. The reasons" +
             (" are explained in [README.md](README.md)." if linked else
              " are explained in docs/benchmarks/README.md; they are those of the published run."), ""]
    return "\n".join(lines + table(rows, reasons, linked)) + "\n\n"


def check_sections(reasons):
    headings = {line.lstrip("#").strip() for line in (DOCS / "README.md").read_text().splitlines() if line.startswith("#")}
    for one in reasons:
        if one["section"] not in headings:
            sys.exit(f"error: README.md has no section \"{one['section']}\", which reasons.csv names")


def main():
    check, names = sys.argv[1:2] == ["--check"], [name for name in sys.argv[1:] if name != "--check"]
    if len(names) != 1:
        sys.exit(__doc__.strip())
    directory = Path(names[0]).resolve()
    rows, file = [*rows_of(directory / CELLS), *rows_of(directory / FURTHER)], directory / "results.md"
    if not rows or not file.exists():
        sys.exit(f"error: no goals in {directory}" if check else 0)
    reasons = rows_of(DOCS / "reasons.csv")
    check_sections(reasons)
    text = report(rows, reasons, directory == DOCS)
    # From its heading to the next one.
    old, found = re.subn(r"^## Goals\n(?:(?!## ).*\n)*", lambda _: text, file.read_text(), count=1, flags=re.MULTILINE)
    if not found:  # no cell of that run has one
        old = re.sub(r"^(?=## )", lambda _: text, old, count=1, flags=re.MULTILINE)
    if not check:
        file.write_text(old)
    elif old != file.read_text() or UNKNOWN in text:
        sys.exit(f"error: the goals in {file} are not those of goals.csv with the reasons of reasons.csv: run goals.py {names[0]}")
    else:
        print("every missed goal has its reason")


if __name__ == "__main__":
    main()
