"""The closure of a case: every file below a tree that its process loaded, read, listed or looked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec


class Closure(msgspec.Struct, frozen=True):
    """The files that a case was seen to depend on.

    files: By path relative to the tree (absolute outside of it), the state of each: a hash of the code or of the
        content, the names in a folder, or whether it exists.
    unproved: Reasons why the case may have read more than was seen. Empty if `files` is complete.
    shared: The part of `files` that native code or another process opened, for any case of the process.
    """

    files: dict[str, str] = {}
    unproved: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    def differences(self, other: Closure) -> tuple[str, ...]:
        """The files that differ between both, in order."""
        names = self.files.keys() | other.files.keys()
        return tuple(sorted(name for name in names if self.files.get(name) != other.files.get(name)))

    def proves_same(self, other: Closure) -> bool:
        """Whether a case that read these files and one that read the others ran the same code on the same data."""
        return not self.unproved and not other.unproved and bool(self.files) and self.files == other.files

    @property
    def digest(self) -> str:
        """sha256 of everything that was read. Cases with equal digests ran the same code on the same data. Empty if
        more may have been read."""
        if self.unproved or not self.files:
            return ""
        return hashlib.sha256(msgspec.json.encode(self.files, order="sorted")).hexdigest()

    def with_read(self, files: dict[str, str]) -> Closure:
        """The closure with more files of this case."""
        return Closure({**files, **self.files}, self.unproved, self.shared)

    def with_opened(self, files: dict[str, str], unproved: tuple[str, ...]) -> Closure:
        """The closure with files whose opening was seen from outside of the case's own process."""
        shared = tuple(sorted(files.keys() - self.files.keys()))
        return Closure({**files, **self.files}, (*self.unproved, *unproved), shared)


class ObservedCode(msgspec.Struct, frozen=True):
    """The closures of the cases of one run, each file once.

    files: Name and state of each file of all cases.
    cases: Indices into `files`, by case id.
    unproved: By case id, for the cases that have reasons.
    shared: As in `Closure`, of all cases.
    asked: By case id, a hash of its question: sizes, answers, weights.
    """

    files: tuple[tuple[str, str], ...] = ()
    cases: dict[str, tuple[int, ...]] = {}
    unproved: dict[str, tuple[str, ...]] = {}
    shared: tuple[str, ...] = ()
    asked: dict[str, str] = {}

    def closure(self, case_id: str) -> Closure | None:
        """The closure of a case. None for a case that nobody observed."""
        places = self.cases.get(case_id)
        if places is None:
            return None
        files = dict(self.files[place] for place in places if 0 <= place < len(self.files))
        shared = tuple(name for name in self.shared if name in files)
        return Closure(files, self.unproved.get(case_id, ()), shared)


def observed(closures: Mapping[str, Closure], asked: Mapping[str, str]) -> ObservedCode:
    """The observed code of a run, from closures and hashes of questions by case id."""
    places: dict[tuple[str, str], int] = {}
    cases = {
        case: tuple(places.setdefault(read, len(places)) for read in sorted(closure.files.items()))
        for case, closure in closures.items()
    }
    unproved = {case: closure.unproved for case, closure in closures.items() if closure.unproved}
    shared = sorted({name for closure in closures.values() for name in closure.shared})
    return ObservedCode(tuple(places), cases, unproved, tuple(shared), {case: asked.get(case, "") for case in cases})
