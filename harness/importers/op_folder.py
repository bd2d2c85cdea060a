"""Imported ops on disk: one file, or a folder `ops/` with suites beside it that name the arms and shapes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.importers.outcome import Imported


def refuse_existing(out: Path, single: bool, force: bool) -> None:
    """Raises HarnessError, before anything is run, where writing would be refused afterwards."""
    there = out if single else out / "ops"
    if there.exists() and not force:
        raise HarnessError(f"{there}: is there already; --force writes over it")


def write_one(op: Imported, file: Path, force: bool) -> list[Path]:
    """Write the op's file and a suite beside it."""
    suite = file.with_suffix(".yaml")
    text = _suite([op], f"ops: {{{op.name}: ./{file.name}}}\n", f"{op.name}, imported")
    _write(file, op.text, force)
    _write(suite, text, force)
    return [file, suite]


def write_folder(found: Sequence[Imported], folder: Path, force: bool) -> list[Path]:
    """Write a file for each op in `ops/`, where suites find them by name, and a suite for each dtype."""
    written = []
    for op in found:
        path = folder / "ops" / f"{op.name}.py"
        _write(path, op.text, force)
        written.append(path)
    dtypes = sorted({op.dtype for op in found})
    for dtype in dtypes:
        suite = folder / ("imported.yaml" if len(dtypes) == 1 else f"imported_{dtype}.yaml")
        _write(suite, _suite([op for op in found if op.dtype == dtype], "", f"Imported ops in {dtype}"), force)
        written.append(suite)
    return written


def _suite(found: Sequence[Imported], ops: str, title: str) -> str:
    """One arm for each arm name, with the variant of every op that has it."""
    names = list(dict.fromkeys(arm for op in found for arm in op.arms))
    arms = ""
    for arm in names:
        arms += f"  {arm}:\n" + "".join(f"    {op.name}: {op.arms[arm]}\n" for op in found if arm in op.arms)
    shapes = "".join(f"  {op.name}: {json.dumps(list(op.shapes) if op.shapes else [{}])}\n" for op in found)
    return f"suite: 1\ntitle: {title}\n{ops}dtype: {found[0].dtype}\narms:\n{arms}shapes:\n{shapes}"


def _write(path: Path, text: str, force: bool) -> None:
    if path.exists() and not force:
        raise HarnessError(f"{path}: is there already; --force writes over it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror or error}") from error
