"""The outcome of a problem: an op file, or one line why not."""

from __future__ import annotations

from pathlib import Path

import msgspec


class NotImported(Exception):
    """The reason why a problem makes no op, in one line."""


class Degenerate(NotImported):
    """The sizes are too small for the problem: at larger ones it may make an op."""


class Checked(msgspec.Struct, frozen=True):
    """One variant of an imported op on the CPU, at one shape."""

    variant: str
    dims: dict[str, int]
    dtype: str
    wrong: str = ""
    """The error in one line; empty where it is right."""


class Imported(msgspec.Struct, frozen=True):
    """An op made of a problem."""

    name: str
    """The op's name."""
    source: str
    text: str
    """The text of its file."""
    shapes: tuple[dict[str, int], ...] = ()
    """Shapes to measure it at."""
    dtype: str = "float32"
    arms: dict[str, str] = {}
    """Variants of the file by arm of the suite."""
    checked: tuple[Checked, ...] = ()
    """Checks on the CPU; empty where nothing could be run here, with the reason in `unchecked`."""
    unchecked: str = ""
    notes: tuple[str, ...] = ()
    """Remarks for its users."""


class Refused(msgspec.Struct, frozen=True):
    """A problem that makes no op."""

    source: str
    reason: str
    """One line."""


Outcome = Imported | Refused


def op_name(source: Path | str) -> str:
    """`level1/12_Gemm Relu.py` -> `gemm_relu`... with its number last: a name that a suite and Python accept."""
    stem = source.stem if isinstance(source, Path) else source
    words = [word for word in "".join(c if c.isalnum() else " " for c in stem).split() if word]
    number = words.pop(0) if len(words) > 1 and words[0].isdigit() else ""
    name = "_".join([*words, number] if number else words).lower().strip("_") or "op"
    return f"op_{name}" if name[0].isdigit() else name
