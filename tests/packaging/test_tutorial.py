"""docs/tutorial.md, command by command, in an empty folder with the installed wheel.

HARNESS_INSTALLED (`nox -s release`) runs all of it; without it the commands that measure are read, and the others run.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import typer

from harness.cli.main import app
from tests.packaging.conftest import ROOT

PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```(?P<kind>console|python)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
MEASURES = ("harness sweep", "harness compare", "harness report")
"""A report is of what the others measured."""
DONE_BY_THE_FIXTURE = "pip install"
PERSON = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@dataclass(frozen=True)
class Typed:
    """A command of a page, the exit statuses that it may have, and lines that it prints among others."""

    command: str
    statuses: tuple[int, ...] = (0,)
    shown: list[str] = field(default_factory=list)


def typed(text: str) -> Iterator[Typed]:
    """The commands of a console block."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        ends = [line for line in lines if line.startswith("exit status ")]
        statuses = tuple(map(int, re.findall(r"\d+", ends[0]))) if ends else (0,)
        yield Typed(command, statuses, [line for line in lines if line and line not in ends])


def prints(output: str, line: str) -> bool:
    """Whether a line is there, whatever its decimal fractions and the widths of its columns."""
    words = [re.sub(r"\d+\\\.\d+", r"[\\d.]+", re.escape(word)) for word in line.split()]
    return re.search(r"^\s*" + r"\s+".join(words), output, re.MULTILINE) is not None


class Terminal:
    """Bash in a folder that starts empty; `cd` lasts."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.where = folder, folder / ".where"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HARNESS"))}
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**inherited, **PERSON, "PATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}

    def types(self, typed: Typed) -> None:
        script = f"{typed.command}\nstatus=$?\npwd > {self.where}\nexit $status"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in typed.statuses, f"{typed.command}: {done.returncode}\n{done.stdout}{done.stderr}"
        missing = [line for line in typed.shown if not prints(done.stdout, line)]
        assert missing == [], f"{typed.command}\n{done.stdout}"
        self.folder = Path(self.where.read_text().strip())


def parses(command: str) -> None:
    """A command with options that exist."""
    _, name, *arguments = shlex.split(command)
    typer.main.get_group(app).commands[name].make_context(name, arguments).close()


@pytest.mark.slow
@pytest.mark.xdist_group("distribution")
def test_the_first_ten_minutes_of_a_stranger(installed: Path, tmp_path: Path) -> None:
    """Each command ends as the page says and prints the lines that it shows; a Python block is the file that its first
    line names."""
    everything = "HARNESS_INSTALLED" in os.environ
    terminal, ran = Terminal(tmp_path, installed), 0
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        if block["kind"] == "python":
            name, _, text = block["text"].partition("\n")
            assert (terminal.folder / name.removeprefix("# ")).is_file(), "written by `harness init`"
            (terminal.folder / name.removeprefix("# ")).write_text(text)
            continue
        for command in typed(block["text"]):
            if command.command.startswith(MEASURES) and not everything:
                parses(command.command)
            elif not command.command.startswith(DONE_BY_THE_FIXTURE):
                terminal.types(command)
                ran += 1
    assert ran >= 9
    assert not everything or "verdict" in (terminal.folder / "report" / "pull_request.md").read_text()


def test_a_page_that_promises_something_else_fails(tmp_path: Path) -> None:
    """The planted faults: a status, a line, an option."""
    terminal = Terminal(tmp_path, tmp_path)
    terminal.types(Typed("mkdir a && cd a && echo correct 0.12  of it", shown=["correct 0.34 of it"]))
    assert terminal.folder == tmp_path / "a"
    with pytest.raises(AssertionError, match="false: 1"):
        terminal.types(Typed("false"))
    with pytest.raises(AssertionError, match="echo wrong"):
        terminal.types(Typed("echo wrong", shown=["correct"]))
    with pytest.raises(Exception, match="no-such"):
        parses("harness sweep soft.yaml --no-such-option")


def test_statuses_and_lines_belong_to_their_command() -> None:
    found = list(typed("$ one --a\nprinted\n$ two\nexit status 0 or 3\n"))
    assert found == [Typed("one --a", (0,), ["printed"]), Typed("two", (0, 3), [])]
