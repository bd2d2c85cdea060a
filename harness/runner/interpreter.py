"""Asks an interpreter which packages it has, in a process that imports none of them."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.values.interpreter import Interpreter
from harness.worker.launch import worker_environment

OLDEST = (3, 11)
NEEDED = ("torch", "msgspec")
LIMIT_S = 60.0
ASK = """
import sys
sys.path[:] = [place for place in sys.path if place]
import hashlib, importlib.metadata, importlib.util, json, re
packages, builds = {}, {}
for found in importlib.metadata.distributions():
    name = re.sub(r"[-_.]+", "-", found.metadata["Name"] or "").lower()
    if not name or name in packages:
        continue
    packages[name] = found.version or "unknown"
    lines = (line.rsplit(",", 2)[:2] for line in (found.read_text("RECORD") or "").splitlines())
    own = [line for line in lines if line[1:] > [""] and line[0][:2] != ".." and ".dist-info" not in line[0]]
    if own:
        builds[name] = hashlib.sha256(repr(sorted(own)).encode()).hexdigest()[:8]
lacks = [name for name in sys.argv[1:] if importlib.util.find_spec(name) is None]
print(json.dumps({"version": ".".join(map(str, sys.version_info[:3])), "packages": packages, "builds": builds,
                  "lacks": lacks}))
"""
"""Its own first line: a folder that is current must hide no package. Scripts and metadata name the environment, so that
neither is part of a build."""


class _Answer(msgspec.Struct):
    version: str
    packages: dict[str, str]
    builds: dict[str, str]
    lacks: list[str]


def python_path(python: str, option: str) -> str:
    """The absolute path of an interpreter. Raises HarnessError where there is no such program; option: names it."""
    found = shutil.which(python)
    if found is None:
        raise HarnessError(f"{option} {python}: no such program; allowed: the path of a Python interpreter")
    return str(Path(found).absolute())


@cache
def interpreter_of(python: str, option: str) -> Interpreter:
    """The interpreter of this path with its packages. Raises HarnessError in the name of `option` if it is no Python
    interpreter, too old for the harness, or without the packages that a worker needs."""
    try:
        done = subprocess.run(
            [python, "-c", ASK, *NEEDED], env=worker_environment(), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        answer = msgspec.json.decode(done.stdout, type=_Answer)
    except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError) as error:
        said = done.stderr.strip().splitlines() if isinstance(error, msgspec.DecodeError) else [str(error)]
        reason = f": {said[-1]}" if said else ""
        raise HarnessError(
            f"{option} {python}: does not answer as a Python interpreter of 3.11 or later{reason}"
        ) from error
    if tuple(map(int, answer.version.split(".")[:2])) < OLDEST:
        raise HarnessError(f"{option} {python}: Python {answer.version}; allowed: 3.11 or later")
    if answer.lacks:
        raise HarnessError(
            f"{option} {python}: has no {' and no '.join(answer.lacks)}; each interpreter needs the harness' packages"
        )
    return Interpreter(python, answer.version, answer.packages, answer.builds)
