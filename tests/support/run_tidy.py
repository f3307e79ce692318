#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs clang-tidy over the two libraries and the examples; every finding is an error.

usage: run_tidy.py BUILD_DIR CLANG_TIDY CACHE_DIR JOBS

A source is checked again only when something that it reads, its compile command, the configuration
or clang-tidy itself has changed since it was last found clean.
"""
import hashlib
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

sys.dont_write_bytecode = True  # the source tree stays clean
import compile_db  # noqa: E402

CHECKED = ("libtlsmode/src", "asio_adapter/src", "docs/examples")
ROOT = Path(__file__).resolve().parents[2]


class Linter:
    def __init__(self, build_dir, clang_tidy, cache_dir):
        self.build_dir, self.clang_tidy, self.cache_dir = build_dir, clang_tidy, Path(cache_dir)
        self.cache_dir.mkdir(parents=True, exist_ok=True)
        version = subprocess.run([clang_tidy, "--version"], capture_output=True, check=True).stdout
        self.common = version + (ROOT / ".clang-tidy").read_bytes()
        self.hashes = {}

    def hash_of(self, file):
        if file not in self.hashes:
            self.hashes[file] = hashlib.sha256(file.read_bytes()).digest()
        return self.hashes[file]

    def key(self, command, options, reached):
        """A hash of all that the result depends on."""
        whole = hashlib.sha256(self.common + repr((command, options)).encode())
        for file in sorted(reached):
            whole.update(str(file).encode() + b"\0" + self.hash_of(file))
        return whole.hexdigest()

    def check(self, source, command):
        """(seconds, None if unchanged, finding text)."""
        start = time.monotonic()
        # One small file per source, so that the cache never grows.
        remembered = self.cache_dir / str(source.relative_to(ROOT)).replace("/", "__")
        reached = compile_db.dependencies(command, source)
        # The static analyzer follows calls into Asio's templates: three times the time for findings
        # that are Asio's. It stays for everything else, the core above all.
        options = ["--checks=-clang-analyzer-*"] if any("boost" in f.parts for f in reached) else []
        key = self.key(command, options, reached)
        if remembered.exists() and remembered.read_text() == key:
            return None, ""
        run = subprocess.run(
            [self.clang_tidy, "-p", self.build_dir, "--quiet", "--warnings-as-errors=*", *options, str(source)],
            cwd=ROOT, capture_output=True, text=True, check=False)
        if run.returncode == 0:
            remembered.write_text(key)
            return time.monotonic() - start, ""
        # stderr counts the warnings in system headers, unless there was no run at all.
        return time.monotonic() - start, run.stdout or run.stderr


def new_findings(text, seen):
    """The findings not yet in SEEN: one in a header comes up in every source that includes it."""
    kept = []
    for block in re.split(r"^(?=\S.*: (?:error|warning): )", text, flags=re.MULTILINE):
        if block.strip() and block not in seen:
            seen.add(block)
            kept.append(block)
    return "".join(kept)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    build_dir, clang_tidy, cache_dir, jobs = sys.argv[1:]
    linter = Linter(build_dir, clang_tidy, cache_dir)
    work = sorted((source, command) for source, command in compile_db.load(build_dir).items()
                  if any(source.is_relative_to(ROOT / part) for part in CHECKED))
    if not work:
        sys.exit("run_tidy: no source to check in the build")
    failed = unchanged = 0
    seen = set()
    with ThreadPoolExecutor(int(jobs)) as pool:
        running = {pool.submit(linter.check, *item): item[0] for item in work}
        for number, future in enumerate(as_completed(running), 1):
            source = running[future].relative_to(ROOT)
            try:
                seconds, text = future.result()
            except compile_db.PreprocessError as error:
                seconds, text = 0.0, str(error)
            if seconds is None:
                unchanged += 1
                continue
            print(f"[{number}/{len(work)}] {source} {seconds:.1f} s", flush=True)
            if text:
                failed += 1
                print(new_findings(text, seen), end="", flush=True)
    print(f"clang-tidy: {len(work)} sources, {unchanged} unchanged since they were clean, {failed} with findings")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
