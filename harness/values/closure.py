"""What a case was seen to be made of: every file below a tree that its process loaded, read, listed or looked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec


class Closure(msgspec.Struct, frozen=True):
    """files: by path relative to the tree (absolute outside of it), what was found there: a hash of the code or of the
    content, the names in a folder, whether there is something. unproved: why more may have been read than was seen;
    empty where `files` is all of it. shared: of `files`, those that native code or another process opened, for
    whichever case of the process."""

    files: dict[str, str] = {}
    unproved: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    def differences(self, other: Closure) -> tuple[str, ...]:
        """The files that are not the same in both, in order."""
        names = self.files.keys() | other.files.keys()
        return tuple(sorted(name for name in names if self.files.get(name) != other.files.get(name)))

    def proves_same(self, other: Closure) -> bool:
        """Whether a case that read these files and one that read the others ran the same code on the same data."""
        return not self.unproved and not other.unproved and bool(self.files) and self.files == other.files

    @property
    def digest(self) -> str:
        """sha256 of all that was read: cases with the same ran the same code on the same data. Empty where more may
        have been read."""
        if self.unproved or not self.files:
            return ""
        return hashlib.sha256(msgspec.json.encode(self.files, order="sorted")).hexdigest()

    def with_read(self, files: dict[str, str]) -> Closure:
        """With more files of this case."""
        return Closure({**files, **self.files}, self.unproved, self.shared)

    def with_opened(self, files: dict[str, str], unproved: tuple[str, ...]) -> Closure:
        """With files that something else than the case's own process saw being opened."""
        shared = tuple(sorted(files.keys() - self.files.keys()))
        return Closure({**files, **self.files}, (*self.unproved, *unproved), shared)


class ObservedCode(msgspec.Struct, frozen=True):
    """The closures of the cases of one run, each file once.

    files: name and what was found there, of all cases. cases: by case id, places in `files`. unproved: by case id, of
    those where there is some. shared: as of `Closure`, of all cases. asked: by case id, a hash of what it was asked:
    sizes, answers, weights.
    """

    files: tuple[tuple[str, str], ...] = ()
    cases: dict[str, tuple[int, ...]] = {}
    unproved: dict[str, tuple[str, ...]] = {}
    shared: tuple[str, ...] = ()
    asked: dict[str, str] = {}

    def closure(self, case_id: str) -> Closure | None:
        """None for a case that nobody observed."""
        places = self.cases.get(case_id)
        if places is None:
            return None
        files = dict(self.files[place] for place in places if 0 <= place < len(self.files))
        shared = tuple(name for name in self.shared if name in files)
        return Closure(files, self.unproved.get(case_id, ()), shared)


def observed(closures: Mapping[str, Closure], asked: Mapping[str, str]) -> ObservedCode:
    """Both by case id."""
    places: dict[tuple[str, str], int] = {}
    cases = {
        case: tuple(places.setdefault(read, len(places)) for read in sorted(closure.files.items()))
        for case, closure in closures.items()
    }
    unproved = {case: closure.unproved for case, closure in closures.items() if closure.unproved}
    shared = sorted({name for closure in closures.values() for name in closure.shared})
    return ObservedCode(tuple(places), cases, unproved, tuple(shared), {case: asked.get(case, "") for case in cases})
