"""Records the README's three commands as they run on a terminal: `python -m sessions.recording FILE.cast`.

They run behind a pseudo-terminal, on a copy of `examples/own_op/` at one size. The file is an asciicast of version 2,
as asciinema reads it, with a marker before each command. The standard library is enough: a machine with a GPU needs no
more than the harness.
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
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHOWN = re.compile(r"<!-- sample:begin -->\n.*?<!-- sample:end -->", re.DOTALL)
"""The part of the README with the commands."""
EXAMPLE = ("examples/own_op/fp8_block_mm.py", "examples/own_op/fp8.yaml")
AT_ONE_SIZE = (
    ("n: [4096, 7168], k: 2048, tokens: [1, 8, 64]", "n: 4096, k: 2048, tokens: 64"),
    ("{run: space}", "{run: {block_n: [32], num_warps: [2, 4], num_stages: [4, 6]}}"),
)
"""Changes of the suite, so that the three commands take less than a minute."""
SLOWER = ("num_warps=4, num_stages=3):", "num_warps=4, num_stages=1):")
"""The change that `compare` finds."""
COLUMNS, ROWS = 120, 60
KEY_S = 0.03
"""Between two keys of a command that the recording types."""


def commands() -> list[str]:
    """Those that the README shows with their output."""
    found = SHOWN.search((ROOT / "README.md").read_text(encoding="utf-8"))
    return re.findall(r"^\$ (harness .+)$", found[0], re.MULTILINE) if found else []


def record(commands: Sequence[str], folder: Path) -> str:
    """The asciicast of these commands, run one after another in a folder. Their exit statuses are in its header."""
    events: list[list[Any]] = []
    statuses, clock_s = [], 0.0
    for command in commands:
        if command.startswith("harness compare"):
            _replace(folder / "fp8_block_mm.py", SLOWER)
        events.append([round(clock_s, 3), "m", command])
        for key in f"$ {command}\r\n":
            events.append([round(clock_s, 3), "o", key])
            clock_s += KEY_S
        begun = time.monotonic()
        statuses.append(_run(command, folder, events, begun - clock_s))
        clock_s += time.monotonic() - begun
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "timestamp": int(time.time()), "statuses": statuses}
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in (header, *events))


def prepare(folder: Path) -> None:
    """The example in a repository of its own, committed."""
    for name in EXAMPLE:
        shutil.copy(ROOT / name, folder)
    for change in AT_ONE_SIZE:
        _replace(folder / "fp8.yaml", change)
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", "a float8 product")):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=folder, check=True)


def _replace(file: Path, change: tuple[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    if text.count(change[0]) != 1:
        raise SystemExit(f"{file.name}: {change[0]!r} is there {text.count(change[0])} times")
    file.write_text(text.replace(*change), encoding="utf-8")


def _run(command: str, folder: Path, events: list[list[Any]], start: float) -> int:
    """Adds the output of a command, with the seconds since `start`; its exit status."""
    words = shlex.split(command)
    if shutil.which(words[0]) is None:
        words = [sys.executable, "-m", *words]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    process = subprocess.Popen(words, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
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
        prepare(Path(folder))
        out.write_text(record(commands(), Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
