"""Records the tutorial's try, sweep and compare as they run on a terminal: `python -m sessions.recording FILE.cast`.

They run behind a pseudo-terminal, in the folder that the page makes. The file is an asciicast of version 2, as
asciinema reads it, with a marker before each command. The standard library is enough.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "tutorial.md"
PART = re.compile(r"^## Begin$.*?^## Ask", re.MULTILINE | re.DOTALL)
"""The chapters that are played."""
BLOCK = re.compile(r"^```(?P<kind>console|python)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = ("try", "sweep", "compare")
"""The commands whose first run after the page's kernel is recorded."""
COLUMNS, ROWS = 120, 60
PERSON = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@dataclass(frozen=True)
class Step:
    """A file to write, a command to run, or a command to record."""

    kind: Literal["file", "run", "record"]
    text: str


def steps() -> list[Step]:
    """The tutorial from an empty folder to its verdict. Commands of the harness that are not shown change nothing, and
    are left out."""
    found, left = list[Step](), list[str]()
    part = PART.search(PAGE.read_text(encoding="utf-8"))
    for block in BLOCK.finditer(part[0] if part else ""):
        if block["kind"] == "python":
            found.append(Step("file", block["text"]))
            left = list(SHOWN)
        for command in re.findall(r"^\$ (.+)$", block["text"], re.MULTILINE) if block["kind"] == "console" else ():
            program, name = command.split()[:2]
            if program == "harness" and name in left:
                found.append(Step("record", command))
                left.remove(name)
            elif program == "git" or program == "sed" or name == "init":
                found.append(Step("run", command))
    return found


def commands() -> list[str]:
    return [step.text for step in steps() if step.kind == "record"]


def record(steps: Sequence[Step], folder: Path) -> str:
    """The asciicast of the commands to record, with their exit statuses in its header. Raises CalledProcessError where
    a command between them fails."""
    events: list[list[Any]] = []
    statuses, clock_s = [], 0.0
    for step in steps:
        if step.kind == "file":
            name, _, text = step.text.partition("\n")
            (folder / name.removeprefix("# ")).write_text(text, encoding="utf-8")
        elif step.kind == "run":
            words = _words(step.text)
            subprocess.run(words, cwd=folder, env={**os.environ, **PERSON}, check=True, stdout=subprocess.DEVNULL)
        else:
            events.append([round(clock_s, 3), "m", step.text])
            events.append([round(clock_s, 3), "o", f"$ {step.text}\r\n"])
            begun = time.monotonic()
            statuses.append(_run(step.text, folder, events, begun - clock_s))
            clock_s += time.monotonic() - begun
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "timestamp": int(time.time()), "statuses": statuses}
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in (header, *events))


def _words(command: str) -> list[str]:
    words = shlex.split(command)
    return words if shutil.which(words[0]) else [sys.executable, "-m", *words]


def _run(command: str, folder: Path, events: list[list[Any]], start: float) -> int:
    """Adds the output of a command, with the seconds since `start`; its exit status."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    process = subprocess.Popen(_words(command), cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # the last of its processes has closed the terminal
            break
        if not data:
            break
        events.append([round(time.monotonic() - start, 3), "o", data.decode("utf-8", "replace")])
    os.close(ours)
    return process.wait()


def main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out.write_text(record(steps(), Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
