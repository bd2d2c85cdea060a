"""Watches one process of a side: the files that it ran and read, and whether its times count."""

from __future__ import annotations

from pathlib import Path

from harness import kernels_root
from harness.compare.policy import INVALIDATING_THROTTLES
from harness.revisions.git import worktrees_of
from harness.runner.code_watch import CodeWatch
from harness.values.measurement import Conditions
from harness.worker.messages import Sampled, StageEvent


class SlotWatch(CodeWatch):
    """Watches one slot. own_kernels: whether the kernels come from its tree, not from the installed harness. `observes`
    makes it follow the reads of each case. That costs time, so only a process that times nothing does it. root: of the
    side's checkout."""

    def __init__(self, root: Path, own_kernels: bool, observes: bool) -> None:
        super().__init__(root, observes)
        own = [root] if own_kernels else [root, kernels_root.installed()]
        self._own = [folder.resolve() for folder in own]
        self._conditions: list[Conditions] = []

    def hear(self, event: StageEvent) -> None:
        super().hear(event)
        if isinstance(event, Sampled):
            self._conditions += event.conditions

    @property
    def files(self) -> tuple[str, ...]:
        """Resolved paths of the kernels that it ran."""
        return self._ran.files

    @property
    def disturbance(self) -> str:
        """The reason why its times do not count; empty where they count."""
        reasons = sorted({r for c in self._conditions for r in c.throttle_reasons if r in INVALIDATING_THROTTLES})
        others = max((c.other_processes for c in self._conditions), default=0)
        found = [f"throttled: {', '.join(reasons)}"] if reasons else []
        if others:
            found.append(f"{others} other {'process' if others == 1 else 'processes'} on the GPU")
        return "; ".join(found)

    @property
    def outside(self) -> tuple[str, ...]:
        """Files of another tree that it ran: kernels from anywhere else, any module of another checkout, or a module
        that a link in this checkout leads to outside of it."""
        own, found = self.root.resolve(), [file for file in self.files if not self._is_own(Path(file))]
        checkouts = worktrees_of(self.root) if self._ran.modules else ()
        for file in self._ran.modules:
            target = Path(file).resolve()
            if target.is_relative_to(own) or self._is_own(target):
                continue
            if Path(file).is_relative_to(self.root) or any(map(target.is_relative_to, checkouts)):
                found.append(str(target))
        return tuple(dict.fromkeys(found))

    def _is_own(self, file: Path) -> bool:
        return any(map(file.is_relative_to, self._own))
