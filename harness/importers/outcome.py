"""The outcome of a problem: an op file, or one line why not."""

from __future__ import annotations

from pathlib import Path

import msgspec


class NotImported(Exception):
    """The reason why a problem makes no op, in one line."""


class Degenerate(NotImported):
    """The sizes are too small for the problem: at larger ones it may make an op."""


class Checked(msgspec.Struct, frozen=True):
    """One variant of an imported op on the CPU, at one shape. wrong: in one line; empty where it is right."""

    variant: str
    dims: dict[str, int]
    dtype: str
    wrong: str = ""


class Imported(msgspec.Struct, frozen=True):
    """name: the op's. text: of its file. shapes: to measure it at. checked: on the CPU; empty where nothing could be
    run here, with the reason in `unchecked`. notes: remarks for its users."""

    name: str
    source: str
    text: str
    shapes: tuple[dict[str, int], ...] = ()
    dtype: str = "float32"
    arms: dict[str, str] = {}
    """Variants of the file by arm of the suite."""
    checked: tuple[Checked, ...] = ()
    unchecked: str = ""
    notes: tuple[str, ...] = ()


class Refused(msgspec.Struct, frozen=True):
    """reason: one line."""

    source: str
    reason: str


Outcome = Imported | Refused


def op_name(source: Path | str) -> str:
    """`level1/12_Gemm Relu.py` -> `gemm_relu`... with its number last: a name that a suite and Python accept."""
    stem = source.stem if isinstance(source, Path) else source
    words = [word for word in "".join(c if c.isalnum() else " " for c in stem).split() if word]
    number = words.pop(0) if len(words) > 1 and words[0].isdigit() else ""
    name = "_".join([*words, number] if number else words).lower().strip("_") or "op"
    return f"op_{name}" if name[0].isdigit() else name
