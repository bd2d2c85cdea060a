"""Builds the wheel and the source archive of HEAD into a folder: `python -m sessions.distribution dist`.

Both are made of `git archive`, so no file that is not committed gets into them. The wheel is built twice, from the tree
and from the source archive, and both must be the same bytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from sessions.changelog import ROOT

EARLIEST_S = 315_532_800
"""1980: a zip holds no earlier time."""


def export(root: Path, target: Path) -> None:
    """Writes the files of HEAD below `target`."""
    archive = target.with_suffix(".tar")
    subprocess.run(["git", "archive", "--format=tar", "--output", str(archive), "HEAD"], cwd=root, check=True)
    with tarfile.open(archive) as files:
        files.extractall(target, filter="data")
    archive.unlink()


def build(tree: Path, out: Path, time_s: int = EARLIEST_S) -> tuple[Path, Path]:
    """Wheel and source archive of a tree, in `out`. time_s: Unix time that every file in them has, in seconds. Raises
    SystemExit where the source archive gives another wheel."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder)
        sdist = _build("sdist", tree, out, time_s)
        wheel = _build("wheel", tree, out, time_s)
        with tarfile.open(sdist) as files:
            files.extractall(again / "source", filter="data")
        [source] = (again / "source").iterdir()
        second = _build("wheel", source, again / "wheel", time_s)
        if wheel.read_bytes() != second.read_bytes():
            raise SystemExit(f"{sdist.name} gives another wheel: {', '.join(differences(wheel, second)) or 'metadata'}")
    return wheel, sdist


def differences(one: Path, other: Path) -> list[str]:
    """Names of files that two wheels do not have alike."""
    contents = []
    for wheel in (one, other):
        with zipfile.ZipFile(wheel) as files:
            contents.append({name: files.read(name) for name in files.namelist()})
    return sorted(
        name for name in contents[0].keys() | contents[1].keys() if contents[0].get(name) != contents[1].get(name)
    )


def _build(kind: str, tree: Path, out: Path, time_s: int) -> Path:
    suffix = {"sdist": ".tar.gz", "wheel": ".whl"}[kind]
    command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", str(out), str(tree)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(time_s)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{kind}: not built\n{done.stdout}{done.stderr}")
    [built] = out.glob(f"*{suffix}")
    return built


def main(out: Path) -> None:
    for old in (*out.glob("*.whl"), *out.glob("*.tar.gz")):
        old.unlink()
    committed = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    with tempfile.TemporaryDirectory() as folder:
        export(ROOT, Path(folder) / "tree")
        for file in build(Path(folder) / "tree", out, int(committed.stdout)):
            print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
