"""Observes which files each case of a stage loads, reads, lists and looks for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.observe.code import content, is_still, source_of
from harness.observe.opened import Opened, opened_below
from harness.observe.origin import Origins
from harness.runner.stage import Watch
from harness.values.closure import Closure
from harness.worker.messages import Ran, StageEvent


class CodeWatch(Watch):
    """Watches one tree. Reads of each case are followed where `observes`.

    root: of the tree whose files count. written: files and folders that the harness itself writes meanwhile. A file
    covers all whose names begin with its name.
    """

    def __init__(self, root: Path, observes: bool = True, written: Collection[Path] = ()) -> None:
        self.root, self.tree, self.observes = root, str(root), observes
        self._written = tuple(str(path.absolute()) for path in written)
        self._ran = Ran(())
        self._opened: list[Opened] = []

    @contextmanager
    def around(self) -> Iterator[object]:
        """Observe files being opened, by any process, where it observes."""
        if not self.observes:
            yield None
            return
        with opened_below(self.root) as opened:
            yield opened
        self._opened.append(opened)

    def hear(self, event: StageEvent) -> None:
        if isinstance(event, Ran):
            self._ran = event

    @property
    def closures(self) -> dict[str, Closure]:
        """By case, the files that the process saw itself read, and those that only the kernel saw opened, by native
        code or another process."""
        own = (name for closure in self._ran.closures.values() for name in closure.files)
        known = {*self._ran.touched, *own, ".git"}  # a variant that was never run is read at the end alone
        files = {source_of(name) for opened in self._opened for name in opened.files} - known
        origins = Origins(self.root)
        read = {
            name: content(self.root / name, as_code=False)
            for name in files
            if origins.of(str(self.root / name)) == "tree" and not self._is_written(name)
        }
        unseen = tuple(opened.unseen for opened in self._opened if opened.unseen)
        return {case: closure.with_opened(read, unseen) for case, closure in self._ran.closures.items()}

    def _is_written(self, name: str) -> bool:
        return bool(self._written) and str(self.root.absolute() / name).startswith(self._written)


def unchanged_since(closures: Mapping[str, Closure], tree: Path) -> dict[str, Closure]:
    """The same closures, unproved where a file changed since it was read: later processes may have run either
    version."""
    files = {read for closure in closures.values() for read in closure.files.items()}
    changed = {name for name, found in files if not is_still(tree / name, found)}
    return {case: _unless(closure, sorted(changed & closure.files.keys())) for case, closure in closures.items()}


def _unless(closure: Closure, changed: Collection[str]) -> Closure:
    doubts = tuple(f"{name} changed while the run went on" for name in changed)
    return Closure(closure.files, (*closure.unproved, *doubts), closure.shared)
