"""The text of an op file: names, signatures and settings as a person writes them."""

from __future__ import annotations

import keyword
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.suite.own_spec import DTYPES, default_tolerance

WIDTH = 119
ALLOWANCE = 2.0
"""A tolerance is this multiple of PyTorch's own error in the dtype: another order of the same sums is rounded no
worse."""


@dataclass(frozen=True)
class Signature:
    """The signature of a reference."""

    inputs: tuple[str, ...]
    """The inputs of the problem, in its order."""
    free: tuple[str, ...]
    """The inputs that are tensors."""
    tensors: tuple[str, ...]
    """Parameters and buffers."""
    arguments: tuple[str, ...]
    """The arguments of the problem's class."""
    constants: Mapping[str, str]
    """Text of each parameter with a default."""

    def function(self, name: str, docstring: str, body: Sequence[str]) -> str:
        """The text of a function. body: its lines."""
        defaults = [f"{constant}={value}" for constant, value in self.constants.items()]
        return function(name, [*self.free, *self.tensors, *defaults], docstring, body)


def function(name: str, parameters: Sequence[str], docstring: str, body: Sequence[str]) -> str:
    lines = [_statement(line) for line in body]
    return "\n".join([wrapped(f"def {name}(", ", ".join(parameters), "):"), docstring_of(docstring), *lines])


def wrapped(before: str, inside: str, after: str, indent: int = 0) -> str:
    """`before(inside)after` on a line, or over several where it is too long."""
    one = " " * indent + before + inside + after
    if len(one) <= WIDTH:
        return one
    pad, glued = " " * (indent + 4), inside.replace(": ", ":\0")
    lines = textwrap.wrap(
        glued, WIDTH, initial_indent=pad, subsequent_indent=pad, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join([" " * indent + before, *lines, " " * indent + after.lstrip()]).replace("\0", " ")


def _statement(line: str) -> str:
    """A statement in a function, over several lines where it is too long: split at its last pair of brackets."""
    if len(line) + 4 <= WIDTH:
        return f"    {line}"
    opening = line.rindex("[") if line.endswith("]))") else line.index("(")
    closing = line.rindex("]") if line.endswith("]))") else line.rindex(")")
    return wrapped(line[: opening + 1], line[opening + 1 : closing], line[closing:], indent=4)


def docstring_of(text: str) -> str:
    one = f'    """{text}"""'
    if len(one) <= WIDTH:
        return one
    lines = textwrap.wrap(text, WIDTH - 4, break_long_words=False)
    return '    """' + "\n    ".join(lines) + '\n    """'


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """`conv.weight` -> `conv_weight`; a taken name, or a word of Python's, gets an underscore at its end."""
    found: list[str] = []
    for name in names:
        word = "".join(c if c.isalnum() or c == "_" else "_" for c in name)
        word = word if word.isidentifier() else f"t_{word}"
        while word in found or keyword.iskeyword(word):
            word += "_"
        found.append(word)
    return tuple(found)


def literal_dict(values: Mapping[str, object]) -> str:
    return "{" + ", ".join(f'"{name}": {value!r}' for name, value in values.items()) + "}"


def role_lines(weights: Sequence[str]) -> list[str]:
    if not weights:
        return []
    inside = ", ".join(f'"{name}": "weight"' for name in weights)
    return [wrapped("ROLES = {", inside, "}")]


def tolerance_lines(dims: Mapping[str, int], errors: Mapping[str, tuple[float, float]]) -> list[str]:
    """TOLERANCE for the dtypes in which PyTorch's own error is above that allowed to an op of one rounding: a module of
    many layers rounds many times."""
    length = max(dims.values(), default=1)
    found = {}
    for dtype, (largest, rms) in errors.items():
        if dtype in DTYPES:
            usual = default_tolerance(dtype, length)
            wanted = (ALLOWANCE * largest, ALLOWANCE * rms)
            if wanted[0] > usual[0] or wanted[1] > usual[1]:
                found[dtype] = tuple(float(f"{max(a, b):.2g}") for a, b in zip(wanted, usual, strict=True))
    if not found:
        return []
    return [
        f"TOLERANCE = {literal_dict(found)}",
        f'"""Largest and rms error: {ALLOWANCE:g} times those of PyTorch itself, measured at the small shapes."""',
    ]


def file_of(docstring: str, parts: Sequence[str]) -> str:
    """The text of a file; two empty lines between its parts."""
    return f'"""{docstring}\n"""\n\n' + "\n\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"
