"""One side of a paired comparison: a run whose processes are started one by one, in its own tree."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from harness.plan.outside import is_outside
from harness.revisions import Checkout
from harness.runner.case_worker import CaseWorker, worker_for
from harness.runner.execute import first_facts
from harness.runner.lane import INHERITED, Lane
from harness.runner.record import RunRecord
from harness.runner.slot_watch import SlotWatch
from harness.runner.stage import Options, Report, greeting
from harness.runner.static_side import CompileRequest, compile_side
from harness.store import Store
from harness.suite.fingerprint import fingerprints
from harness.values.closure import Closure
from harness.values.environment import Environment
from harness.values.interpreter import Interpreter
from harness.values.pairing import Pairing, Slot
from harness.values.stage import Stage
from harness.values.suite import Plan
from harness.worker.launch import worker_environment

VISIBLE = "CUDA_VISIBLE_DEVICES"


class PairedSide:
    """One side. word: `base` or `head`. planned: `expand` with all arguments but the device; plan: its result without
    one. devices: each runs processes of this side, one at a time. interpreter: None where both sides have one."""

    def __init__(
        self, word: str, checkout: Checkout, planned: Callable[..., Plan], plan: Plan, python: str, store: Store,
        options: Options, report: Report, devices: tuple[str, ...] = INHERITED,
        interpreter: Interpreter | None = None,
    ) -> None:  # fmt: skip
        self.word, self.checkout, self.planned, self.python = word, checkout, planned, python
        self.store, self.options, self.report, self.interpreter = store, options, report, interpreter
        self.plan, self.suite = plan, plan.suite
        self.fingerprints: dict[str, str] = {}
        self.record = RunRecord(store)
        self.closures: dict[str, Closure] = {}
        self.dropped: set[str] = set()
        self.environment: Environment | None = None
        self.pairing: Pairing | None = None
        self._outside: CaseWorker | None = None
        self.lanes: list[Lane] = []
        for device in devices:
            new, first = partial(self._new_worker, device), self.lanes[0] if self.lanes else None
            self.lanes.append(Lane(device, new, self.suite, self.record, options, report, lambda: self.plan, first))

    def introduce(self) -> Environment:
        """Return the environment that a process of this side reports, and make the plan for it. The process of base
        also checks how fast the machine is today. The process is kept for the first slot, which times nothing."""
        self.report(self.word, "start a fresh process", 0, 0)
        hello = greeting(self.start(1), self.suite, sniff=self.word == "base")  # one machine has both sides
        self.environment, self.record.sniff = hello.environment, hello.sniff
        self.plan = self.planned(device_slug=self.environment.slug, triton=self.environment.triton)
        self.fingerprints = fingerprints(self.plan)
        return self.environment

    def launches(self, cases: Collection[str]) -> dict[str, str]:
        """By case id, the identity of a call's launches on this side's GPU, for the cases that compile without one."""
        assert self.environment is not None
        target, suite = self.environment.compute_capability or "", self.suite
        chosen = tuple(case for case in self.plan.cases if case.id in cases)
        asked = CompileRequest(chosen, (target,), str(suite.folder), suite.kernels_root, ops=suite.ops)
        found = compile_side(asked, self.python, self.checkout.root).compiled.get(target, ())
        return {compiled.case.id: compiled.identity for compiled in found if compiled.identity is not None}

    @property
    def has_own_kernels(self) -> bool:
        """Whether the kernels come from the side's tree, not from the installed harness."""
        return bool(self.suite.kernels_root) and Path(self.suite.kernels_root).is_relative_to(self.checkout.root)

    def open(self, pairing: Pairing, cases: Collection[str], process_noise: dict[str, float]) -> None:
        """Begin the run with these cases of the plan."""
        assert self.environment is not None
        self.pairing = pairing
        kept = tuple(case for case in self.plan.cases if case.id in cases)
        self.plan = msgspec.structs.replace(self.plan, cases=kept)
        words = pairing.tree.words + (f", arm {pairing.arm}" if pairing.arm else "")
        note = f"{words}: {self.options.note}" if self.options.note else words
        facts = first_facts(self.plan, self.environment, self.options)
        run = msgspec.structs.replace(facts, pairing=pairing, note=note, process_noise=process_noise)
        self.record.begin(run, self.suite.text)
        if self.checkout.diff:
            self.record.keep_source(self.checkout.diff)

    def conclude(self, **found: tuple[str, ...]) -> None:
        """Store the findings of checking both sides: fields of the pairing."""
        assert self.pairing is not None
        self.pairing = msgspec.structs.replace(self.pairing, **found)
        self.store.set_pairing(self.record.run_id, self.pairing)

    def start(self, processes: int) -> CaseWorker:
        """Start processes until `processes` wait on each device, and return the next one of the first device."""
        first, *_ = [lane.waiting.start(processes) for lane in self.lanes]
        return first

    def wake(self) -> None:
        """Wait until all waiting processes have finished their imports."""
        for lane in self.lanes:
            lane.waiting.wake()

    def rest(self) -> None:
        """End the waiting processes that hold a device."""
        for lane in self.lanes:
            lane.waiting.rest(begun_only=True)

    def waiting(self) -> int:
        """Number of processes that wait on each device."""
        return min(len(lane.waiting) for lane in self.lanes)

    def stop(self) -> None:
        """End all processes of this side; their later events are not kept."""
        self.record.stop()
        for lane in self.lanes:
            lane.waiting.stop()

    def close(self, state: str) -> None:
        for lane in self.lanes:
            lane.close()
        self.record.finish(state)

    def measure_only(self, cases: Collection[str]) -> None:
        """From now on, measure only these cases."""
        self.dropped = {case.id for case in self.plan.cases if case.id not in cases} | set(self.record.failed)

    def slot(self, stage: Stage, process: int, position: int, verify_only: bool = False, lane: int = 0) -> Slot:
        """Run one fresh process, store its events, and compare the files that it ran with the tree.

        verify_only: time nothing and observe the reads of each case. lane: index into `devices`.
        """
        here = self.lanes[lane]
        observes = verify_only and not is_outside(self.plan)
        watch = SlotWatch(self.checkout.root, self.has_own_kernels, observes)
        here.read_gb_s = None
        started, start = datetime.now(UTC).isoformat(timespec="milliseconds"), time.perf_counter()
        self._run(here, stage, process, watch, verify_only)
        slot = Slot(
            process, stage, position, started, time.perf_counter() - start, watch.files, watch.outside,
            watch.disturbance, here.read_gb_s, watch.closures if verify_only else {}, here.device,
        )  # fmt: skip
        self.closures |= slot.closures
        self.store.add_slot(self.record.run_id, slot)
        return slot

    def profile(self) -> None:
        """Profile every arm's decode in a fresh process, which times nothing and is no slot."""
        self._run(self.lanes[0], "profile", 0, SlotWatch(self.checkout.root, self.has_own_kernels, observes=False))

    def _run(self, lane: Lane, stage: Stage, process: int, watch: SlotWatch, verify_only: bool = False) -> None:
        lane.stages.run(stage, process, self.plan, dropped=self.dropped, verify_only=verify_only, watch=watch)

    def _new_worker(self, device: str) -> CaseWorker:
        """Return a fresh process. A program outside is a fresh process each time, so the worker that starts it is
        kept."""
        if self._outside is not None:
            return self._outside
        shown = {"environment": worker_environment() | {VISIBLE: device}} if device else {}
        outside = is_outside(self.plan)
        worker = worker_for(self.suite, outside, python=self.python, tree=self.checkout.root, **shown)
        self._outside = worker if outside else None
        return worker
