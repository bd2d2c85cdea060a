"""One side of a comparison that is measured as pairs: a run whose processes are started one by one, in its own tree."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from harness import kernels_root
from harness.compare.policy import INVALIDATING_THROTTLES
from harness.errors import HarnessError
from harness.observe.code import content, source_of
from harness.observe.opened import Opened, opened_below
from harness.revisions import Checkout
from harness.revisions.git import worktrees_of
from harness.runner.execute import SILENCE_LIMIT_S, Execution, Options, Report
from harness.runner.static_side import Asked, compile_side
from harness.store import Store
from harness.suite.fingerprint import fingerprints
from harness.values.case import Case
from harness.values.closure import Closure
from harness.values.environment import Environment
from harness.values.measurement import Conditions
from harness.values.pairing import Pairing, Slot
from harness.values.run import Run
from harness.values.suite import Plan
from harness.worker.device_worker import DeviceWorker
from harness.worker.messages import Ran, Sampled, Stage
from harness.worker.process import WorkerDied


class PairedSide(Execution):
    """word: `base` or `head`. planned: `expand` with all but the device given; plan: what it gave without one."""

    def __init__(
        self, word: str, checkout: Checkout, planned: Callable[..., Plan], plan: Plan, python: str, store: Store,
        options: Options, report: Report,
    ) -> None:  # fmt: skip
        super().__init__(plan.suite, lambda _: self.whole, store, options, report)
        self.word, self.checkout, self.planned, self.python = word, checkout, planned, python
        self.whole = plan
        self.fingerprints: dict[str, str] = {}
        self.closures: dict[str, Closure] = {}
        self.environment: Environment | None = None
        self.pairing: Pairing | None = None
        self.process_noise: dict[str, float] = {}
        self.tree = str(checkout.root)
        self._ran = Ran(())
        self._opened: list[Opened] = []
        self._conditions: list[Conditions] = []
        self._read_gb_s: float | None = None
        self._waiting: deque[DeviceWorker] = deque()

    def start(self, processes: int) -> None:
        """Begins to start so many fresh processes for what comes next, less those that wait already."""
        while len(self._waiting) < processes:
            self._waiting.append(self._new_worker())

    def wake(self) -> None:
        """Waits until all that were started have imported what they need: nothing of this goes on while one times."""
        for worker in list(self._waiting):
            try:
                worker.wake(SILENCE_LIMIT_S)
            except (WorkerDied, HarnessError):  # a slot starts another, and says why if that cannot start either
                self._waiting.remove(worker)
                worker.close()

    def rest(self, begun_only: bool = False) -> None:
        """Ends the processes that still wait. begun_only: those that hold the device."""
        for worker in [worker for worker in self._waiting if worker.has_begun or not begun_only]:
            self._waiting.remove(worker)
            worker.close()

    @property
    def waiting(self) -> int:
        """Fresh processes that are there for the next slots."""
        return len(self._waiting)

    def introduce(self) -> Environment:
        """Asks a process of this side where it runs, and makes the plan for there. The process is kept for the first
        slot, which times nothing."""
        self.start(1)
        self.report(self.word, "start a fresh process", 0, 0)
        self.environment = self._hello(self._waiting[0])
        self.whole = self.planned(device_slug=self.environment.slug, triton=self.environment.triton)
        self.fingerprints = fingerprints(self.whole)
        return self.environment

    def launches(self, cases: Collection[str]) -> dict[str, str]:
        """By case id, the identity of what a call launches on this side's GPU, as far as it compiles without one."""
        assert self.environment is not None
        target, suite = self.environment.compute_capability or "", self.suite
        chosen = tuple(case for case in self.whole.cases if case.id in cases)
        asked = Asked(chosen, (target,), str(Path(suite.path).parent), suite.kernels_root)
        found = compile_side(asked, self.python, self.checkout.root, lambda *_: None).compiled.get(target, ())
        return {compiled.case.id: compiled.identity for compiled in found if compiled.identity is not None}

    @property
    def has_own_kernels(self) -> bool:
        """Whether kernels come from the side's tree, and not from the installed harness."""
        return Path(self.suite.kernels_root).is_relative_to(self.checkout.root)

    def open(self, pairing: Pairing, cases: Collection[str], process_noise: dict[str, float]) -> None:
        """Begins the run, of these cases of the plan."""
        assert self.environment is not None
        self.pairing, self.process_noise = pairing, process_noise
        kept = tuple(case for case in self.whole.cases if case.id in cases)
        self.whole = msgspec.structs.replace(self.whole, cases=kept)
        self._begin(self.environment)
        if self.checkout.diff:
            self._keep_source(self.checkout.diff)

    def conclude(self, **found: tuple[str, ...]) -> None:
        """Stores what checking both sides showed: fields of the pairing."""
        assert self.pairing is not None
        self.pairing = msgspec.structs.replace(self.pairing, **found)
        self.store.set_pairing(self.run_id, self.pairing)

    def close(self, state: str) -> None:
        self.rest()
        self.forget_references()
        if self.run_id:
            self.store.finish(self.run_id, state)

    def measure_only(self, cases: Collection[str]) -> None:
        """From now on these cases alone."""
        self.dropped = {case.id for case in self.whole.cases if case.id not in cases} | set(self.failed)

    def slot(self, stage: Stage, process: int, position: int, verify_only: bool = False) -> Slot:
        """One fresh process; what it says is stored, and what it ran is held against the tree. verify_only: it times
        nothing, and what each case reads is observed."""
        self.files, self._ran, self._opened = (), Ran(()), []
        self._conditions, self._read_gb_s = [], None
        self.verify_only = self.observes = verify_only
        started, start = datetime.now(UTC).isoformat(timespec="milliseconds"), time.perf_counter()
        self._stage(stage, process)
        slot = Slot(
            process, stage, position, started, time.perf_counter() - start, self.files,
            self._outside(), self._disturbance(), self._read_gb_s, self._closures() if verify_only else {},
        )  # fmt: skip
        self.closures |= slot.closures
        self.store.add_slot(self.run_id, slot)
        return slot

    def profile(self) -> None:
        """A profile of every arm's decode in a fresh process, which times nothing and is no slot."""
        self.verify_only = self.observes = False
        self._stage("profile", 0)

    def cases(self) -> list[Case]:
        return list(self.whole.cases)

    def _outside(self) -> tuple[str, ...]:
        """Files that it ran of another tree: kernels from anywhere else, any module of another checkout, or one that a
        link in this checkout leads out of it to."""
        own, found = self.checkout.root.resolve(), [file for file in self.files if not self._is_own(file)]
        for file in self._ran.modules:
            target = Path(file).resolve()
            if target.is_relative_to(own) or self._is_own(str(target)):
                continue
            if Path(file).is_relative_to(self.checkout.root) or any(map(target.is_relative_to, self._checkouts)):
                found.append(str(target))
        return tuple(dict.fromkeys(found))

    @cached_property
    def _checkouts(self) -> tuple[Path, ...]:
        return worktrees_of(self.checkout.root)

    @contextmanager
    def _watching(self) -> Iterator[object]:
        if not self.observes:
            yield None
            return
        with opened_below(self.checkout.root) as opened:
            yield opened
        self._opened.append(opened)

    def _closures(self) -> dict[str, Closure]:
        """What the process saw of itself, and what only the kernel saw being opened, by native code or another
        process."""
        known = {*self._ran.touched, ".git"}
        files = {source_of(name) for opened in self._opened for name in opened.files} - known
        read = {name: content(self.checkout.root / name, as_code=False) for name in files}
        unseen = tuple(opened.unseen for opened in self._opened if opened.unseen)
        return {case: closure.with_read(read, unseen) for case, closure in self._ran.closures.items()}

    def _is_own(self, file: str) -> bool:
        own = [self.checkout.root] if self.has_own_kernels else [self.checkout.root, kernels_root.installed()]
        return any(Path(file).is_relative_to(root.resolve()) for root in own)

    def _disturbance(self) -> str:
        reasons = sorted({r for c in self._conditions for r in c.throttle_reasons if r in INVALIDATING_THROTTLES})
        others = max((c.other_processes for c in self._conditions), default=0)
        found = [f"throttled: {', '.join(reasons)}"] if reasons else []
        if others:
            found.append(f"{others} other {'process' if others == 1 else 'processes'} on the GPU")
        return "; ".join(found)

    def _worker(self) -> DeviceWorker:
        return self._waiting.popleft() if self._waiting else self._new_worker()

    def _new_worker(self) -> DeviceWorker:
        return DeviceWorker(kernels_root=self.suite.kernels_root, python=self.python, tree=self.checkout.root)

    def _hello(self, worker: DeviceWorker) -> Environment:
        environment = super()._hello(worker)
        self._read_gb_s = environment.read_gb_s
        return environment

    def _header(self, run: Run) -> Run:
        assert self.pairing is not None
        words = self.pairing.tree.words + (f", arm {self.pairing.arm}" if self.pairing.arm else "")
        note = f"{words}: {run.note}" if run.note else words
        return msgspec.structs.replace(run, pairing=self.pairing, note=note, process_noise=self.process_noise)

    def _keep(self, message: Any, process: int) -> list[str]:
        if isinstance(message, Sampled):
            self._conditions += message.conditions
        elif isinstance(message, Ran):
            self._ran = message
        return super()._keep(message, process)
