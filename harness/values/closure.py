"""What a case was seen to be made of: every file below a tree that its process loaded, read, listed or looked for."""

from __future__ import annotations

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

    def with_read(self, files: dict[str, str]) -> Closure:
        """With more files of this case."""
        return Closure({**files, **self.files}, self.unproved, self.shared)

    def with_opened(self, files: dict[str, str], unproved: tuple[str, ...]) -> Closure:
        """With files that something else than the case's own process saw being opened."""
        shared = tuple(sorted(files.keys() - self.files.keys()))
        return Closure({**files, **self.files}, (*self.unproved, *unproved), shared)
