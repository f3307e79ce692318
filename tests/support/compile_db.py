# SPDX-License-Identifier: BSL-1.0
"""Reads compile_commands.json and asks the compiler which files a source reaches.

Used by the layering check and by the lint cache. Knows nothing of this project's layout.
"""
import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path


class PreprocessError(Exception):
    """The compiler could not follow the includes of a file; the text is what it said."""


@dataclass(frozen=True)
class Command:
    """How one source is compiled, less the source, the output and a launcher such as ccache."""

    args: tuple
    directory: str

    def replaced(self, old, new):
        """The same command with one path prefix exchanged, for a copy of the tree."""
        return Command(tuple(a.replace(old, new) for a in self.args), self.directory)


def load(build_dir):
    """Maps each source in the build, as a resolved path, to its Command: the first one, its library's, if it
    belongs to a test program too."""
    commands = {}
    for entry in json.loads((Path(build_dir) / "compile_commands.json").read_text()):
        source = (Path(entry["directory"]) / entry["file"]).resolve()
        args = shlex.split(entry["command"]) if "command" in entry else list(entry["arguments"])
        if Path(args[0]).name == "ccache":
            args.pop(0)
        kept, skip = [], False
        for arg in args:
            if skip:
                skip = False
            elif arg in ("-o", "-MF", "-MT", "-MQ"):
                skip = True
            elif arg not in ("-c", "-MD", "-MMD", entry["file"]):
                kept.append(arg)
        commands.setdefault(source, Command(tuple(kept), entry["directory"]))
    return commands


def dependencies(command, source):
    """Every file that SOURCE (a .cpp or a header alone) reaches, resolved, itself included."""
    run = subprocess.run(
        [*command.args, "-w", "-M", "-MT", "x", "-x", "c++", str(source)],
        cwd=command.directory, capture_output=True, text=True, check=False, timeout=120)
    if run.returncode != 0:
        raise PreprocessError(run.stderr.strip())
    # The output is a make rule: "x: a b \<newline> c", a space in a name written as "\ ".
    text = run.stdout.split(":", 1)[1].replace("\\\n", " ")
    names = [n.replace("\\ ", " ").replace("\\#", "#").replace("$$", "$")
             for n in re.findall(r"(?:\\.|\S)+", text)]
    return {(Path(command.directory) / name).resolve() for name in names}
