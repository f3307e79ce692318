#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Enforces the direction of dependency, from what the compiler says it reads.

    tests, benchmarks, docs/examples -> asio_adapter -> libtlsmode -> OpenSSL and std

usage: check_layering.py BUILD_DIR     (a configured build: compile_commands.json)

First it proves that it can fail: in a copy of the two libraries it plants one violation of every
rule and expects each of them, and nothing else, to be reported. Then it checks the tree itself.
"""
import os
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True  # the source tree stays clean
import compile_db  # noqa: E402

CORE, ADAPTER = "libtlsmode", "asio_adapter"
ABOVE_BOTH = ("tests", "benchmarks", "docs")

# A name of OpenSSL's that is a function: its last part starts in lower case. Types and constants
# (SSL_CTX, SSL_ERROR_WANT_READ) are allowed, and so is whatever boost::asio::ssl does inside.
OPENSSL_FUNCTION = re.compile(
    r"\b(?:(?:SSL|ERR|BIO|X509|X509V3|EVP|ASYNC|OSSL|CRYPTO|OPENSSL|PEM|RAND)(?:_[A-Z0-9]+)*_[a-z]\w*"
    r"|(?:d2i|i2d)_[A-Z]\w*)")
ADAPTER_MAY_INCLUDE = ("openssl/types.h", "openssl/ssl.h")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]+)>|"([^"\n]+)")', re.MULTILINE)

# One pass finds comments and literals, so that neither is taken for the other.
TOKEN = re.compile(
    r'(?P<comment>//(?:\\\n|[^\n])*|/\*.*?\*/)'
    r'|(?P<literal>\b(?:u8|[uUL])?R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<!\w)(?:u8|[uUL])?'(?:\\.|[^'\\\n])+')", re.DOTALL)


def blanked(text, *kinds):
    """The text with the tokens of these kinds turned to spaces; line numbers stay."""
    def replace(match):
        kind = "comment" if match["comment"] else "literal"
        return re.sub(r"[^\n]", " ", match[0]) if kind in kinds else match[0]
    return TOKEN.sub(replace, text)


def includes(text):
    """(line, name, quoted) of every #include in the text."""
    text = blanked(text, "comment")
    for match in INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start(0)) + 1, match[1] or match[2], match[2] is not None


def is_standard(name):
    """<vector>, <cstring>: no directory, no suffix. <sys/socket.h> and <unistd.h> are not."""
    return "/" not in name and "." not in name


class Tree:
    """One checkout (or a copy of its libraries) with the commands that compile it."""

    def __init__(self, root, commands):
        self.root = Path(root).resolve()
        self.commands = commands
        self.findings = set()

    def report(self, rule, file, text):
        self.findings.add((rule, str(file.relative_to(self.root)), text))

    def files(self, layer):
        return sorted(p for p in (self.root / layer).rglob("*")
                      if p.suffix in (".hpp", ".cpp") and p.is_file())

    def command_for(self, layer, file):
        """A source has its own command; a header alone takes that of any source of its layer."""
        if file.suffix == ".cpp":
            return self.commands.get(file)
        sources = (self.commands[f] for f in self.files(layer) if f in self.commands)
        return next(sources, None)

    def layer_of(self, file):
        if not file.is_relative_to(self.root):
            return None
        return file.relative_to(self.root).parts[0]

    def check_reached(self, layer, file):
        """What the file reaches, however indirectly."""
        command = self.command_for(layer, file)
        if command is None:
            self.report("not-built", file, "no compile command: is it missing from a source list?")
            return
        try:
            reached = compile_db.dependencies(command, file)
        except compile_db.PreprocessError as error:
            self.report("not-self-contained", file, str(error))
            return
        wrong = {}
        for path in sorted(reached - {file}):
            target = self.layer_of(path)
            if target in ABOVE_BOTH or (layer == CORE and target == ADAPTER):
                wrong.setdefault("upward", []).append(path)
            elif layer == CORE and "boost" in path.parts:
                wrong.setdefault("boost-in-core", []).append(path)
            elif layer == ADAPTER and path.is_relative_to(self.root / CORE / "src"):
                wrong.setdefault("private-header", []).append(path)
        for rule, paths in wrong.items():
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            self.report(rule, file, f"reaches {paths[0]}{more}")

    def check_core_text(self, file, text):
        for line, name, quoted in includes(text):
            allowed = quoted or is_standard(name) or name.startswith("openssl/") or (
                name.startswith("tlsmode/") and not name.startswith("tlsmode/asio/"))
            if not allowed:
                self.report("core-include", file, f"line {line}: <{name}>; only OpenSSL and std")

    def check_adapter_text(self, file, text):
        for line, name, _ in includes(text):
            if name.startswith("openssl/") and name not in ADAPTER_MAY_INCLUDE:
                self.report("openssl-include", file, f"line {line}: <{name}>")
        code = blanked(text, "comment", "literal")
        for match in OPENSSL_FUNCTION.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            self.report("openssl-call", file, f"line {line}: {match[0]}; go through the core")

    def check(self, chosen=lambda file: True):
        """Everything wrong with the chosen files, as (rule, file, text)."""
        work = []
        for layer, check_text in ((CORE, self.check_core_text), (ADAPTER, self.check_adapter_text)):
            files = [file for file in self.files(layer) if chosen(file)]
            if not files:
                self.findings.add(("empty", layer, "no source found"))
            for file in files:
                check_text(file, file.read_text())
                work.append((layer, file))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda item: self.check_reached(*item), work))
        return sorted(self.findings)


# Self-test: the rules that must report it, a new file, its text.
PLANTS = (
    ("boost-in-core", "libtlsmode/include/tlsmode/planted_boost.hpp", '#include "planted_deep.hpp"\n'),
    ("boost-in-core core-include", "libtlsmode/include/tlsmode/planted_deep.hpp",
     "#include <boost/version.hpp>\n"),
    ("core-include", "libtlsmode/include/tlsmode/planted_socket.hpp", "#include <sys/socket.h>\n"),
    ("core-include", "libtlsmode/src/planted_private.hpp", "# include <unistd.h> // not ours\n"),
    ("not-built", "libtlsmode/src/planted_unlisted.cpp", "int planted;\n"),
    ("not-self-contained", "libtlsmode/include/tlsmode/planted_missing.hpp", "#include <tlsmode/no_such>\n"),
    ("upward", "libtlsmode/include/tlsmode/planted_upward.hpp",
     '#include "../../../asio_adapter/include/tlsmode/asio/planted_clean.hpp"\n'),
    ("upward", "asio_adapter/include/tlsmode/asio/planted_upward.hpp",
     '#include "../../../../tests/support/planted_clean.hpp"\n'),
    ("private-header", "asio_adapter/include/tlsmode/asio/planted_private.hpp",
     '#include "../../../../libtlsmode/src/planted_private.hpp"\n'),
    ("openssl-include", "asio_adapter/include/tlsmode/asio/planted_err.hpp", "#include <openssl/err.h>\n"),
    ("openssl-call", "asio_adapter/include/tlsmode/asio/planted_call.hpp",
     "template <class S> int planted(S s) { return SSL_get_error\n  (s, 0); }\n"),
    ("openssl-call", "asio_adapter/include/tlsmode/asio/planted_address.hpp",
     "inline auto planted() { char c = '\"'; (void)c; return &SSL_CTX_free; } // \"\n"),
    # What looks like a violation and is none: nothing may be reported.
    ("", "asio_adapter/include/tlsmode/asio/planted_clean.hpp",
     "// SSL_read(ssl)\n/* #include <openssl/err.h>\n ERR_clear_error() */\n"
     'inline constexpr auto planted = "SSL_write(ssl) // \\" BIO_new()"; // \'\n'
     'inline constexpr auto raw = R"x(EVP_sign() " )" /* )x"; inline constexpr long n = 1\'000\'000;\n'
     "enum { SSL_ERROR_PLANTED };\n"),
    ("", "libtlsmode/include/tlsmode/planted_clean.hpp",
     "// #include <boost/asio.hpp>\n#include <vector>\n#include <openssl/ssl.h>\n"),
    ("", "tests/support/planted_clean.hpp", ""),
)


def self_test(root, commands):
    """What the planted copy should report and does not, and what it reports but should not."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name).resolve()
        for layer in (CORE, ADAPTER):
            shutil.copytree(root / layer, copy / layer)
        for _, path, text in PLANTS:
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            (copy / path).write_text(text)
        moved = {}
        for file, command in commands.items():
            if file.is_relative_to(root):
                for layer in (CORE, ADAPTER):
                    command = command.replaced(f"{root}/{layer}/", f"{copy}/{layer}/")
                moved[copy / file.relative_to(root)] = command
        findings = Tree(copy, moved).check(lambda file: file.name.startswith("planted_"))
    found = {(rule, file) for rule, file, _ in findings}
    expected = {(rule, path) for rules, path, _ in PLANTS for rule in rules.split()}
    return ([f"planted, not reported: {file} [{rule}]" for rule, file in sorted(expected - found)]
            + [f"reported, not planted: {file} [{rule}]" for rule, file in sorted(found - expected)])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = Path(__file__).resolve().parents[2]
    commands = compile_db.load(sys.argv[1])
    wrong = self_test(root, commands)
    for line in wrong:
        print(f"layering self-test: {line}")
    findings = Tree(root, commands).check()
    for rule, file, text in findings:
        print(f"{file}: {text} [{rule}]")
    planted = sum(len(rules.split()) for rules, _, _ in PLANTS)
    print(f"layering: {len(findings)} findings; self-test: {planted} violations planted, "
          f"{len(wrong)} judged wrongly")
    sys.exit(1 if findings or wrong else 0)


if __name__ == "__main__":
    main()
