"""Whether several traces are ranks of one job, and the rank of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.ranks.heads import Head, read_head
from harness.trace.inputs.members import TraceFile

IN_NAME = re.compile(r"(?<![a-z])(rank|tp|dp|pp|ep|worker|gpu|device)[-_]?(\d{1,6})(?!\d)", re.IGNORECASE)
"""`tp1` and `tp2` are two sizes of a group, `TP-0` and `TP-1` two ranks: all words but `rank` count from 0."""


@dataclass(frozen=True)
class Ranks:
    """The ranks of a job, in order of their numbers."""

    files: tuple[TraceFile, ...]
    heads: tuple[Head, ...]
    numbers: tuple[int, ...]
    recognised: str
    """The evidence that they are ranks."""

    @property
    def world_size(self) -> int:
        return max(head.world_size for head in self.heads)

    @property
    def backend(self) -> str:
        return next((head.backend for head in self.heads if head.backend), "")

    @property
    def absent(self) -> tuple[int, ...]:
        """Ranks of the job without a file."""
        return tuple(sorted(set(range(self.world_size)) - set(self.numbers)))


def recognise(files: Sequence[TraceFile], wanted: bool | None = None) -> Ranks | None:
    """The ranks in several files, None where they are not ranks. wanted: True, they are (`--ranks`); False, they are
    not (`--pair`); None, the files decide.

    Raises HarnessError where they must be ranks and two of them claim the same rank.
    """
    if wanted is False or len(files) < 2:
        if wanted:
            raise HarnessError(f"--ranks: one trace, {files[0].title}; wanted several ranks of one job")
        return None
    heads = [read_head(file.path) for file in files]
    said = [head.rank for head in heads]
    named = _named([file.title for file in files])
    if None not in said and len(set(said)) == len(said) and len({head.world_size for head in heads}) == 1:
        return _ranks(files, heads, said, "distributedInfo")
    if wanted and None not in said and len(set(said)) < len(said):
        twice = next(rank for rank in said if said.count(rank) > 1)
        raise HarnessError(f"--ranks: two traces of rank {twice}: {_titles(files, said, twice)}; give one of each rank")
    if named is not None and (None in said or wanted):
        return _ranks(files, heads, named, "file names")
    return _ranks(files, heads, list(range(len(files))), "--ranks, in the order given") if wanted else None


def _ranks(files: Sequence[TraceFile], heads: Sequence[Head], numbers: Sequence[int | None], by: str) -> Ranks:
    order = sorted(range(len(files)), key=lambda place: numbers[place] or 0)
    return Ranks(
        tuple(files[place] for place in order),
        tuple(heads[place] for place in order),
        tuple(numbers[place] or 0 for place in order),
        by,
    )


def _named(titles: Sequence[str]) -> list[int] | None:
    """The numbers in names that differ only in one rank number."""
    for place in range(max(len(IN_NAME.findall(title)) for title in titles)):
        found = [list(IN_NAME.finditer(title)) for title in titles]
        if any(len(matches) <= place for matches in found):
            return None
        numbers = [int(matches[place][2]) for matches in found]
        from_zero = 0 in numbers or all(matches[place][1].lower() == "rank" for matches in found)
        if len(set(numbers)) == len(numbers) and from_zero:
            return numbers
    return None


def _titles(files: Sequence[TraceFile], said: Sequence[int | None], rank: int | None) -> str:
    return ", ".join(file.title for file, own in zip(files, said, strict=True) if own == rank)
