#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Mutation check: would the tests see it if the libraries were broken?

  mutate.py [NAME...]   break a copy of the tree in each listed way (mutations.py), or in those named, and run the
                        tests that should see it; what they saw is written to docs/mutations.md, where the rows of
                        the others stay
  mutate.py --check     only see that each text is in its file once, in this tree, and that docs/mutations.md knows
                        a test for each mutation; this is a test of its own

The sources are never changed: all is done in build/mutate. A mutant that does not compile is an error, not a find.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from mutations import MUTATIONS

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "mutations.md"
COPY = ROOT / "build" / "mutate" / "tree"
BUILD = COPY / "build" / "release"
COPIED = ["CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "libtlsmode", "asio_adapter", "tests", "docs",
          "cmake", "benchmarks"]
LIMIT = 120  # seconds that one test program may take


def problems():
    names = [m.name for m in MUTATIONS]
    found = [f"{n}: two of that name" for n in sorted(set(names)) if names.count(n) > 1]
    for m in MUTATIONS:
        times = (ROOT / m.file).read_text().count(m.old)
        if times != 1:
            found.append(f"{m.name}: its text is {times} times in {m.file}")
        if m.old == m.new or not m.tests:
            found.append(f"{m.name}: changes or tests nothing")
    return found


def write_if_other(path, data):
    """Keeps the time stamp of a file that has not changed: it is not compiled again."""
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if os.access(path, os.X_OK) != data.startswith(b"#!"):
        path.chmod(0o755 if data.startswith(b"#!") else 0o644)


def copy_tree():
    wanted = set()
    for top in COPIED:
        source = ROOT / top
        for path in [source] if source.is_file() else source.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                relative = path.relative_to(ROOT)
                wanted.add(relative)
                write_if_other(COPY / relative, path.read_bytes())
    for path in COPY.rglob("*"):
        relative = path.relative_to(COPY)
        if path.is_file() and relative.parts[0] != "build" and relative not in wanted:
            path.unlink()


def build(targets):
    jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", str(os.cpu_count() or 1))
    return subprocess.run(["cmake", "--build", BUILD, "--parallel", jobs, "--target", *targets],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def command_of(target, suite):
    programs = [p for p in (BUILD / "tests").rglob(target) if p.is_file() and os.access(p, os.X_OK)]
    if len(programs) != 1:
        sys.exit(f"mutate: no program {target}")
    if target.startswith("fuzz_"):
        return [programs[0], COPY / "tests" / "fuzz" / "corpus" / target.removeprefix("fuzz_")]
    return [programs[0]] + ([f"--run_test={suite}"] if suite else [])


def passes(target, suite):
    """True if the test passes; a crash and a test that hangs do not."""
    with subprocess.Popen(command_of(target, suite), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL) as test:
        try:
            return test.wait(LIMIT) == 0
        except subprocess.TimeoutExpired:
            test.kill()
            return False


def title(target, suite):
    return target if suite is None else f"{target}: {suite}"


def try_one(mutation):
    """The test that saw it, or None."""
    path = COPY / mutation.file
    original = path.read_bytes()
    try:
        path.write_bytes(original.replace(mutation.old.encode(), mutation.new.encode()))
        for target, suite in mutation.tests:
            made = build([target])
            if made.returncode != 0:
                sys.exit(f"mutate: {mutation.name} does not compile\n{made.stdout[-3000:]}")
            if not passes(target, suite):
                return title(target, suite)
        return None
    finally:
        path.write_bytes(original)


HEADER = ["<!-- SPDX-License-Identifier: BSL-1.0 -->", "# Mutations", "",
          "Each line is one way of breaking the libraries, and the test that saw it. Made by `./dev mutate` from",
          "`tests/support/mutations.py`; [testing.md](testing.md) says how.", "",
          "| mutation | file | what it breaks | seen by |", "|---|---|---|---|"]
NOTHING = "**nothing**"


def cells(row):
    return [cell.strip() for cell in row.strip("|").split("|")]


def read_table():
    """What the document says of mutations that are still listed, with a test that they still have: name to title."""
    rows = [cells(line) for line in TABLE.read_text().splitlines() if line.startswith("|")] if TABLE.exists() else []
    said = {row[0]: row[-1] for row in rows[2:]}
    return {m.name: said[m.name] for m in MUTATIONS
            if said.get(m.name) in [NOTHING] + [title(*test) for test in m.tests]}


def table_of(rows):
    """The document's text. Mutations that never ran have no row."""
    lines = [f"| {m.name} | `{Path(m.file).name}` | {m.breaks} | {rows[m.name]} |" for m in MUTATIONS if m.name in rows]
    return "\n".join(HEADER + lines) + "\n"


def table_problems():
    rows = read_table()
    found = [f"{m.name}: not in docs/mutations.md; ./dev mutate {m.name} puts it there" for m in MUTATIONS
             if m.name not in rows]
    found += [f"{name}: no test sees it, says docs/mutations.md" for name, by in rows.items() if by == NOTHING]
    if not found and TABLE.read_text() != table_of(rows):
        found.append("docs/mutations.md is not as ./dev mutate would write it; ./dev mutate NAME mends it")
    return found


def main(arguments):
    found = problems() + (table_problems() if arguments == ["--check"] else [])
    if found:
        sys.exit("\n".join(found))
    if arguments == ["--check"]:
        print(f"{len(MUTATIONS)} mutations fit the sources")
        return 0
    unknown = set(arguments) - {m.name for m in MUTATIONS}
    if unknown:
        sys.exit(f"mutate: unknown: {', '.join(sorted(unknown))}; there are: {', '.join(m.name for m in MUTATIONS)}")
    chosen = [m for m in MUTATIONS if not arguments or m.name in arguments]

    copy_tree()
    subprocess.run(["cmake", "--preset", "release", "-DBUILD_TESTING=ON", "-DTLSMODE_BUILD_BENCHMARKS=OFF",
                    "-DTLSMODE_BUILD_EXAMPLES=OFF", "-DTLSMODE_WERROR=OFF", "-DTLSMODE_OPTIMISE_TESTS=OFF"], cwd=COPY,
                   check=True,
                   stdout=subprocess.DEVNULL)
    tests = sorted({t for m in chosen for t in m.tests}, key=str)
    print("building what is not broken", flush=True)
    made = build(sorted({target for target, _ in tests}))
    if made.returncode != 0:
        sys.exit(made.stdout[-3000:])
    failing = [title(*t) for t in tests if not passes(*t)]
    if failing:
        sys.exit(f"mutate: these fail with nothing broken: {', '.join(failing)}")

    seen = {}
    rows = read_table()
    for m in chosen:
        start = time.monotonic()
        seen[m.name] = try_one(m)
        print(f"{m.name:32} {seen[m.name] or 'SURVIVED'} ({time.monotonic() - start:.0f} s)", flush=True)
        rows[m.name] = seen[m.name] or NOTHING
        TABLE.write_text(table_of(rows))
    survivors = [name for name, by in seen.items() if by is None]
    print(f"{len(seen) - len(survivors)} of {len(seen)} seen" + (f"; not: {', '.join(survivors)}" if survivors else ""))
    if not survivors and not arguments:
        shutil.rmtree(COPY / "tests" / "__pycache__", ignore_errors=True)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
