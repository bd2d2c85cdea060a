"""One process of a side, looked on: which files it ran and read, and whether its times count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import kernels_root
from harness.compare.policy import INVALIDATING_THROTTLES
from harness.observe.code import content, source_of
from harness.observe.opened import Opened, opened_below
from harness.revisions.git import worktrees_of
from harness.runner.stage import Watch
from harness.values.closure import Closure
from harness.values.measurement import Conditions
from harness.worker.messages import Ran, Sampled, StageEvent


class SlotWatch(Watch):
    """root: of the side's checkout. own_kernels: whether kernels come from there, and not from the installed harness.
    observes: what each case reads is followed, which costs time: for a process that times nothing."""

    def __init__(self, root: Path, own_kernels: bool, observes: bool) -> None:
        self.root, self.tree, self.observes = root, str(root), observes
        own = [root] if own_kernels else [root, kernels_root.installed()]
        self._own = [folder.resolve() for folder in own]
        self._ran = Ran(())
        self._opened: list[Opened] = []
        self._conditions: list[Conditions] = []

    @contextmanager
    def around(self) -> Iterator[object]:
        """Sees files being opened, by whatever process, where it observes."""
        if not self.observes:
            yield None
            return
        with opened_below(self.root) as opened:
            yield opened
        self._opened.append(opened)

    def hear(self, event: StageEvent) -> None:
        if isinstance(event, Sampled):
            self._conditions += event.conditions
        elif isinstance(event, Ran):
            self._ran = event

    @property
    def files(self) -> tuple[str, ...]:
        """Resolved paths of the kernels that it ran."""
        return self._ran.files

    @property
    def disturbance(self) -> str:
        """Why its times count for nothing; empty where they count."""
        reasons = sorted({r for c in self._conditions for r in c.throttle_reasons if r in INVALIDATING_THROTTLES})
        others = max((c.other_processes for c in self._conditions), default=0)
        found = [f"throttled: {', '.join(reasons)}"] if reasons else []
        if others:
            found.append(f"{others} other {'process' if others == 1 else 'processes'} on the GPU")
        return "; ".join(found)

    @property
    def outside(self) -> tuple[str, ...]:
        """Files that it ran of another tree: kernels from anywhere else, any module of another checkout, or one that a
        link in this checkout leads out of it to."""
        own, found = self.root.resolve(), [file for file in self.files if not self._is_own(Path(file))]
        checkouts = worktrees_of(self.root) if self._ran.modules else ()
        for file in self._ran.modules:
            target = Path(file).resolve()
            if target.is_relative_to(own) or self._is_own(target):
                continue
            if Path(file).is_relative_to(self.root) or any(map(target.is_relative_to, checkouts)):
                found.append(str(target))
        return tuple(dict.fromkeys(found))

    @property
    def closures(self) -> dict[str, Closure]:
        """What the process saw of itself, and what only the kernel saw being opened, by native code or another
        process."""
        own = (name for closure in self._ran.closures.values() for name in closure.files)
        known = {*self._ran.touched, *own, ".git"}  # a variant that was never run is read at the end alone
        files = {source_of(name) for opened in self._opened for name in opened.files} - known
        read = {name: content(self.root / name, as_code=False) for name in files}
        unseen = tuple(opened.unseen for opened in self._opened if opened.unseen)
        return {case: closure.with_opened(read, unseen) for case, closure in self._ran.closures.items()}

    def _is_own(self, file: Path) -> bool:
        return any(map(file.is_relative_to, self._own))
