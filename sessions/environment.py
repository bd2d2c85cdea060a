"""The one environment that all sessions share, `.nox/harness`: made on first use, and again when its sources change."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".nox" / "harness"
PYTHON = ENVIRONMENT / "bin" / "python"
OLDEST_TORCH = (2, 10)
MADE_FROM = ("pyproject.toml", "setup.py", "constraints.txt")


def run(session: nox.Session, module: str, *arguments: str, env: dict[str, str] | None = None) -> None:
    """`python -m MODULE ARGUMENTS` of the environment."""
    session.run(str(PYTHON), "-m", module, *arguments, env=env)


def install(session: nox.Session, *extras: str) -> None:
    """The project and these extras, editable, under `constraints.txt`; takes no time when that is done already."""
    given = _torch_of_this_interpreter()
    made_by = f"{sys.executable} {sys.version} {sorted(given.items())}"
    if not _is_stamped("made-by", made_by):
        session.log(f"making {ENVIRONMENT.relative_to(ROOT)} (once; minutes where torch has to be downloaded)")
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        session.run(sys.executable, "-m", "virtualenv", "--quiet", "--python", sys.executable, str(ENVIRONMENT))
        if given:
            _share_packages_of_this_interpreter()
        pip(session, given, "setuptools>=77")
        _stamp("made-by", made_by)
    made_from = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in MADE_FROM)).hexdigest()
    missing = [extra for extra in ("", *extras) if not _is_stamped(f"installed-{extra}", made_from)]
    if missing:
        named = f"[{','.join(extras)}]" if extras else ""
        pip(session, given, "--no-build-isolation", "--editable", f".{named}")
    for extra in missing:
        _stamp(f"installed-{extra}", made_from)


def _is_stamped(name: str, text: str) -> bool:
    """Whether that step was finished, with that text: an interrupted one is done again."""
    stamp = ENVIRONMENT / name
    return stamp.is_file() and stamp.read_text() == text


def _stamp(name: str, text: str) -> None:
    (ENVIRONMENT / name).write_text(text)


def _torch_of_this_interpreter() -> dict[str, str]:
    """Versions of the torch and Triton beside the interpreter that runs nox; empty where that torch is too old."""
    found = {}
    for name in ("torch", "triton"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    numbers = tuple(int(part) for part in found.get("torch", "0.0").split(".")[:2])
    return found if numbers >= OLDEST_TORCH else {}


def _share_packages_of_this_interpreter() -> None:
    """Lets the environment see what is beside that torch, its own packages first; `--system-site-packages` would show
    those of the interpreter that a virtual environment was made from instead."""
    shared = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    own = next(ENVIRONMENT.glob("lib/python*/site-packages"))
    (own / "packages_of_the_interpreter_that_runs_nox.pth").write_text("".join(f"{path}\n" for path in shared))


def pip(session: nox.Session, given: dict[str, str], *arguments: str) -> None:
    """pip in the environment, under the constraints, except that a torch that is already there stays."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    kept = [line for line in lines if line.split("==")[0] not in given]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("\n".join([*kept, *(f"{name}=={found}" for name, found in given.items())]) + "\n")
        constraints.flush()
        session.run(str(PYTHON), "-m", "pip", "install", "--constraint", constraints.name, *arguments)
