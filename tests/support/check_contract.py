#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Does every test that docs/async-contract.md names exist, and is every line of its tables looked after?

usage: check_contract.py SOURCE_DIRECTORY
A line of a table has tests in its last cell, or none: then the cell is empty, and the number of such lines is
limited, so that it does not become a habit.
"""
import pathlib
import re
import sys

MOST_WITHOUT_TEST = 3

SUITE = re.compile(r"BOOST_AUTO_TEST_SUITE\((\w+)\)")
CASE = re.compile(r"(?:BOOST_AUTO_TEST_CASE(?:_TEMPLATE)?|TLSMODE_CASE_PER_VERSION)\((\w+)[,)]")
NAME = re.compile(r"`(\w+/\w+)`")


def known_tests(root: pathlib.Path) -> set[str]:
    tests = set()
    for source in sorted((root / "tests").rglob("*.cpp")):
        suite = ""
        for line in source.read_text(encoding="utf-8").splitlines():
            if found := SUITE.search(line):
                suite = found.group(1)
            elif found := CASE.search(line):
                tests.add(f"{suite}/{found.group(1)}")
    return tests


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    table = root / "docs" / "async-contract.md"
    known = known_tests(root)
    faults = []
    named = without = 0
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("|") or line.startswith("|---"):
            continue
        last = line.strip("|").split("|")[-1].strip() if not line.endswith("| |") else ""
        names = NAME.findall(last)
        if not names and last not in ("", "tests"):
            faults.append(f"{table}:{number}: the last cell names no test: {last}")
        named += len(names)
        without += last == ""
        faults += [f"{table}:{number}: there is no test {name}" for name in names if name not in known]
    if without > MOST_WITHOUT_TEST:
        faults.append(f"{table}: {without} lines without a test, and {MOST_WITHOUT_TEST} are expected at most")
    if named == 0:
        faults.append(f"{table}: names no tests at all")
    print("\n".join(faults) if faults else f"{named} names of tests, all of them known; {without} lines without")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
