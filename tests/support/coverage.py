#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Which lines of the two libraries does no test reach? Reads what a build with --coverage has counted.

usage: coverage.py BUILD_DIR TABLE     writes the table (docs/coverage.md)

Each line that was never reached has its reason in coverage_reasons.txt, or is an error. So is a reason for a line that
is reached or is not there any more.
"""
import json
import os
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("libtlsmode", "asio_adapter")
REASONS = Path(__file__).with_name("coverage_reasons.txt")


def counted(build_dir):
    """{file: {line: times}} of all that is code, headers and their templates included."""
    def run(data):
        return subprocess.run(["gcov", "--json-format", "--stdout", str(data)], cwd=build_dir, capture_output=True,
                              text=True, check=False)

    lines = defaultdict(lambda: defaultdict(int))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for result in pool.map(run, sorted(build_dir.rglob("*.gcda"))):
            if result.returncode:
                sys.exit(f"gcov failed: {result.stderr[-2000:]}")
            for text in result.stdout.splitlines():
                unit = json.loads(text)
                for file in unit["files"]:
                    path = Path(os.path.normpath(Path(unit["current_working_directory"]) / file["file"]))
                    if not any(path.is_relative_to(ROOT / library) for library in LIBRARIES):
                        continue
                    name = str(path.relative_to(ROOT))
                    for line in file["lines"]:
                        lines[name][line["line_number"]] += line["count"]
    return lines


def reasons():
    """{(file, text of the line): reason}; the file's format is at its beginning."""
    found, file, reason = {}, None, None
    for raw in REASONS.read_text(encoding="utf-8").splitlines():
        if not raw.strip() or raw.startswith("#"):
            continue
        if raw.startswith("    "):
            found[(file, raw.strip())] = reason
        elif raw.startswith("  "):
            reason = raw.strip()
        else:
            file = raw.strip()
    return found


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    lines = counted(Path(sys.argv[1]).resolve())
    if not lines:
        sys.exit("nothing was counted: build and run the tests first")
    explained, used, unexplained, groups = reasons(), set(), [], defaultdict(list)
    rows, total, reached = [], 0, 0
    for file in sorted(lines):
        text = (ROOT / file).read_text(encoding="utf-8").splitlines()
        code, missed = lines[file], [n for n, times in sorted(lines[file].items()) if not times]
        total, reached = total + len(code), reached + len(code) - len(missed)
        rows.append(f"| `{file}` | {len(code)} | {len(missed)} | {100 * (len(code) - len(missed)) / len(code):.1f} % |")
        for n in missed:
            key = (file, text[n - 1].strip())
            if key in explained:
                used.add(key)
                groups[(file, explained[key])].append(f"`{key[1]}`")
            else:
                unexplained.append(f"{file}:{n}: {key[1]}")
    stale = [f"{file}: {text}" for file, text in explained if (file, text) not in used]

    table = ["<!-- SPDX-License-Identifier: BSL-1.0 -->", "# Coverage", "",
             "Lines of the two libraries that the tests with the label `library` reach, headers and their templates included. Made by",
             "`./dev coverage`; [testing.md](testing.md) says how.", "",
             f"**{reached} of {total} lines, {100 * reached / total:.1f} %.**", "",
             "| file | lines | not reached | |", "|---|---|---|---|", *rows, "", "## Why no test reaches them", "",
             "| file | reason | lines |", "|---|---|---|",
             *(f"| `{Path(file).name}` | {reason} | {'<br>'.join(dict.fromkeys(t.replace('|', '&#124;') for t in texts))} |"
               for (file, reason), texts in groups.items())]
    Path(sys.argv[2]).write_text("\n".join(table) + "\n", encoding="utf-8")
    print(f"{reached} of {total} lines are reached, {100 * reached / total:.2f} %; {total - reached - len(unexplained)} have a reason why not")
    for line in unexplained:
        print(f"no test reaches {line}")
    for line in stale:
        print(f"a reason is given for what is reached, or gone: {line}")
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    sys.exit(main())
