"""Packages compiled ahead of time: compile time, size, and the configuration of each kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.values.package import Package, PackagedKernel

from ..figures import clean, count, number, seconds
from ..table import Cell, Column, Mark, Name, Number, Quantity, Row, Table, Words, maybe
from ..views.decode_view import ModelGroup
from ..views.view import View
from .kernels import arms

MB = 1e6


def packages(view: View, groups: Sequence[ModelGroup]) -> Table:
    """A row for each decode that ran a package."""
    columns = (
        Column("case", "Package", once=True),
        Column("arm", "Arm"),
        Column("entries", "Entries", right=True),
        Column("compile_s", "Compile, s", right=True),
        Column("tuning_s", "Tuning, s", right=True, sparse=True),
        Column("cpp_s", "C++, s", right=True, sparse=True, extra=True),
        Column("load_s", "Load, s", right=True, extra=True),
        Column("package_mb", "Package, MB", right=True),
        Column("kernels_kb", "Kernels in it, kB", right=True, sparse=True),
        Column("chosen", "Chosen per kernel", sparse=True),
        Column("same_again", "A second compile", sparse=True),
        Column("tok_s", "tok/s", right=True),
    )
    rows = []
    for group in groups:
        for row in group.rows:
            found = row.measurement.package
            if found is None:
                continue
            kernels = found.parts.get("kernels")
            cells: tuple[Cell, ...] = (
                Name(group.axes, group.engine, code=False), arms(view, row.arms),
                maybe(found.entries, count), Number(found.compile_s, seconds(found.compile_s)),
                maybe(found.tuning_s, seconds), maybe(found.cpp_s, seconds),
                Number(found.load_s, seconds(found.load_s)), Number(found.bytes / MB, f"{found.bytes / MB:.2f}"),
                maybe(kernels and kernels / 1e3, number),
                _chosen(found), _again(found), Quantity(row.tok_s),
            )  # fmt: skip
            rows.append(Row(cells))
    caption = (
        "A decode step compiled ahead of time, in a process of its own with empty caches. Entries: configurations that "
        "a kernel was chosen from; with one, it was given. Chosen: as read back from the package."
    )
    return Table("packages", "Packages compiled ahead of time", columns, tuple(rows), caption)


def _chosen(package: Package) -> Cell | None:
    """The kernels that had a choice; if none had, the kernels of the arm's variants."""
    shown = package.tuned or tuple(kernel for kernel in package.kernels if kernel.variant)
    words = list(dict.fromkeys(_words(kernel) for kernel in shown))
    return Words(clean("; ".join(words)), "wide") if words else None


def _words(kernel: PackagedKernel) -> str:
    """`gate_up_kernel BLOCK_K=256 BLOCK_N=8, 2 warps`; a number at its end tells calls apart, not kernels."""
    return f"{kernel.function} {kernel.label}"


def _again(package: Package) -> Mark | None:
    same = package.chooses_the_same
    if same is None:
        return None
    return Mark("chooses the same") if same else Mark(f"chooses otherwise: {', '.join(_others(package))}", "unclear")


def _others(package: Package) -> Iterator[str]:
    yield from (clean(kernel.name) for kernel in package.tuned if kernel.same_again is False)
