"""Two sides measured as pairs of fresh processes, in an order drawn for each pair, until every gate is decided."""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from harness.compare import Policy, StoredSide, compare
from harness.compare.calibration import noise_on, process_noise
from harness.compare.judge import MEMORY
from harness.compare.order import Orders
from harness.compare.policy import LOOKS
from harness.errors import HarnessError
from harness.machines.today import slow_today
from harness.runner.budget import Budget
from harness.runner.measuring_lock import measuring_lock
from harness.runner.paired_plan import plan_pairs
from harness.runner.paired_side import PairedSide
from harness.runner.sameness import of_one_tree, same_launches, seen_to_read_the_same, shadowing_notes
from harness.runner.terms import Terms
from harness.store import Store
from harness.values.pairing import Pairing, Slot
from harness.values.stage import KINDS, TIMED, Stage
from harness.values.verdict import Comparison, Verdict

T = TypeVar("T")
MOST_AWAKE = 4
"""Most pairs whose processes import at the same time, before the first of them is timed."""
CORES_PER_PAIR = 4


class Pairs:
    """One comparison. say: prints progress for the reader."""

    def __init__(
        self, base: PairedSide, head: PairedSide, arms: tuple[str | None, str | None], store: Store, terms: Terms,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.base, self.head, self.arms, self.store, self.terms, self.say = base, head, arms, store, terms, say
        self.sides = base, head
        suite = base.suite.compare
        policy = Policy(suite.gate, same_within_percent=suite.same_within_percent)
        self.policy = policy.one_of(terms.comparisons)
        seconds = suite.budget_s if terms.budget_s is None else terms.budget_s
        self.budget = Budget(seconds if terms.pairs is None else None)
        self.seed = random.SystemRandom().randrange(2**31) if terms.seed is None else terms.seed
        self.orders = Orders(self.seed, terms.pairs)
        self.notes = shadowing_notes(base, head)
        self.process = 0
        self.lanes = range(len(terms.devices))
        self.repeated: list[int] = []
        """Numbers, in the order of pairs, of disturbed pairs."""
        self.begun = 0
        """Number of pairs begun so far."""

    def run(self) -> Comparison:
        """Measure and judge. Whatever stops it, the measurements are stored under both runs."""
        state = "partial"
        try:
            self._begin()
            found = self._judge()
            if found.comparable:
                self._measure()
                state = "complete"
        except BaseException:
            for side in self.sides:
                side.stop()
            raise
        finally:
            for side in self.sides:
                side.close(state)
        found = self._judge()
        return msgspec.structs.replace(found, notes=(*found.notes, *self.notes))

    def _judge(self) -> Comparison:
        runs = [self.store.load(side.record.run_id) for side in self.sides]
        sides = [StoredSide(run, arm) for run, arm in zip(runs, self.arms, strict=True)]
        return compare(sides[0], sides[1], self.policy, self.terms.accept)

    def _begin(self) -> None:
        """Make both plans, find their identical code, and begin both runs in the store."""
        for side in self.sides:
            side.start(1)
        for side in self.sides:
            environment = side.introduce()
        self.head.record.sniff = self.base.record.sniff  # of a CPU, nothing else says which machine this is
        if self.base.has_own_kernels != self.head.has_own_kernels:
            lacks = self.head if self.base.has_own_kernels else self.base
            raise HarnessError(
                f"{lacks.word} ({lacks.checkout.tree.words}) has no kernels/ for its suite; the other has"
            )
        self.plan = plan_pairs(
            self.base.plan.cases, self.head.plan.cases, self.arms, self.policy.gate, self.terms.gated_only
        )
        self.common = self.plan.common
        self.identical = of_one_tree(self.base, self.head, self.plan.both(self.common))
        self.checked = [n for n in self.common if self.terms.measure_identical or n not in self.identical]
        noise = noise_on(environment, self.store)
        comparison = str(uuid.uuid4())
        for side, arm in zip(self.sides, self.arms, strict=True):
            pairing = Pairing(
                comparison, "base" if side is self.base else "head", side.checkout.tree, self.terms.purpose,
                self.terms.worktrees, arm, tuple(self.identical), (), self.terms.measure_identical, self.terms.accept,
                noise, side.python, self.seed, side.interpreter, self.terms.comparisons,
            )  # fmt: skip
            side.open(pairing, self.plan.ids(side.word), process_noise(noise))
            words = f"{side.checkout.tree.words}{f', arm {arm}' if arm else ''}"
            self.say(f"{side.word}  {words} (run {side.record.run_id})")
        if slow := slow_today(self.store, self.base.record.run_id):
            self.notes.append(f"{slow}; both sides ran on it as it is")
            self.say(slow)

    def _conclude(self) -> None:
        """After every case ran on both sides, find the cases that read the same files, and among the others those with
        the same launches. Only the rest is timed."""
        seen = seen_to_read_the_same(self.base, self.head, self.plan.both(self.checked))
        self.identical += [name for name in seen if name not in self.identical]
        open_questions = self.plan.both(name for name in self.common if name not in self.identical)
        launches = same_launches(self.base, self.head, open_questions, self.say)
        for side in self.sides:
            side.conclude(identical=tuple(self.identical), same_launches=tuple(launches))
        skipped = set() if self.terms.measure_identical else {*self.identical, *launches}
        what = "measured all the same" if self.terms.measure_identical else "not timed"
        for names, words in ((self.identical, "run the same code"), (launches, "have the same binaries and launches")):
            if names:
                self.say(f"{len(names)} of {len(self.common)} cases {words} on both sides: {what}")
        self._narrow([name for name in self.checked if name not in skipped])

    def _measure(self) -> None:
        self._narrow(self.checked)
        for stage in self._stages():
            with self._turn():
                for side in self.sides:
                    side.start(1)
                if self._is_outside(stage):  # another tree's code: its times would say nothing about this one
                    return
        for side in self.sides:
            side.rest()
        self._conclude()
        for at in (self.terms.pairs,) if self.terms.pairs else LOOKS:
            while self.budget.valid < at and self._stages():
                if reason := self.budget.end(self._awake()):
                    self.notes.append(reason)
                    return
                self._pairs(at - self.budget.valid)
            if self.terms.pairs or not self._stages():
                return
            if not self._look(at):
                return

    def _is_outside(self, stage: Stage) -> bool:
        """Verify all cases of both sides, and return whether any ran code of another tree. Both sides run at once if
        each can have a device. A decode cannot, since it is fed the tokens that base recorded."""

        def verified(side: PairedSide, lane: int) -> bool:
            slot = side.slot(stage, 0, 0 if side is self.base else 1, verify_only=True, lane=lane)
            return bool(slot.outside)

        if len(self.lanes) > 1 and stage == "kernels":
            return any(self._at_once(lambda lane: verified(self.sides[lane], lane), 2))
        if verified(self.base, 0):
            return True
        self._share_streams()
        return verified(self.head, 0)

    def _at_once(self, work: Callable[[int], T], many: int) -> list[T]:
        """Run `work` for each lane in a separate thread and return the results. If one fails or is interrupted, all are
        stopped."""
        if many == 1:
            return [work(0)]
        with ThreadPoolExecutor(many) as threads:
            running = [threads.submit(work, lane) for lane in range(many)]
            try:
                return [one.result() for one in running]
            except BaseException:
                for side in self.sides:
                    side.stop()
                raise

    def _share_streams(self) -> None:
        """Feed both sides the tokens that base recorded, so that they do the same work."""
        for name, rows in self.base.record.streams.items():
            if name not in self.head.record.streams:
                self.head.record.keep_stream(name, rows)

    def _look(self, at: int) -> bool:
        """Return whether more pairs are needed, and narrow the cases to the undecided ones."""
        found = self._judge()
        times = [v for v in found.verdicts if v.metric != MEMORY]
        left = [v.case for v in times if v.verdict is Verdict.UNDECIDED]
        gates = [v for v in times if v.gated and v.verdict is Verdict.UNDECIDED]
        self.say(f"{at} pairs: {len(times) - len(left)} of {len(times)} cases decided, {self.budget.elapsed_s:.0f} s")
        self._narrow(left)
        return bool(gates)

    def _narrow(self, names: Sequence[str]) -> None:
        """Measure only these questions, except those that a side cannot answer."""
        failed = {
            name
            for side in self.sides
            for name, case in self.plan.questions[side.word].items()
            if (case.same_as or case.id) in side.record.failed or case.problem
        }
        for side in self.sides:
            own = self.plan.questions[side.word]
            open_cases = [own[name] for name in names if name in own and name not in failed]
            side.measure_only({case.same_as or case.id for case in open_cases})

    def _stages(self) -> list[Stage]:
        """The stages in which both sides still have something to measure."""
        left = [
            {case.kind for case in side.plan.cases if case.id not in side.dropped and case.problem is None}
            for side in self.sides
        ]
        return [stage for stage in TIMED if all(set(KINDS[stage]) & kinds for kinds in left)]

    def _awake(self) -> bool:
        """Whether the next pair's processes wait already."""
        return all(side.waiting() >= len(self._stages()) for side in self.sides)

    def _wake(self, pairs: int) -> None:
        """Start the processes of the next pairs, if none wait, and let them import at the same time. Timing starts only
        afterwards; until its turn comes, each process idles and holds no device."""
        cores = len(os.sched_getaffinity(0)) // CORES_PER_PAIR // len(self.lanes)
        if not self._awake():
            for side in self.sides:
                side.start(max(1, min(pairs, MOST_AWAKE, cores)) * len(self._stages()))
        for side in self.sides:
            side.wake()

    def _pairs(self, wanted: int) -> None:
        """Measure one pair on each device at the same time. wanted: number of pairs before the next look."""
        numbers = [self._next_number() for _ in self.lanes[:wanted]]
        first, many = self.process + 1, len(numbers)
        self.process += many
        disturbed: list[list[str]] = [[] for _ in numbers]
        with self._turn():
            begin = time.monotonic()
            self._wake(-(-wanted // len(self.lanes)))
            start_s, round_s = time.monotonic() - begin, 0.0
        for stage in self._stages():

            def measured(lane: int, stage: Stage = stage) -> list[Slot]:
                order = self.sides[::-1] if self.orders.head_first(stage, numbers[lane]) else self.sides
                return [side.slot(stage, first + lane, at, lane=lane) for at, side in enumerate(order)]

            with self._turn():
                begin = time.monotonic()
                slots = self._at_once(measured, many)
                round_s += time.monotonic() - begin
            for lane, both in enumerate(slots):
                disturbed[lane] += [slot.disturbed for slot in both if slot.disturbed]
        self._narrow(self._still_measured())
        for lane, (number, found) in enumerate(zip(numbers, disturbed, strict=True)):
            self.budget.count(round_s, bool(found), start_s)
            self.repeated += [number] if found else []
            self.say(f"pair {first + lane}: {start_s + round_s:.1f} s{f', repeated: {found[0]}' if found else ''}")

    def _next_number(self) -> int:
        """The number of the next pair in the drawn order. A disturbed pair is measured again in its own order."""
        if self.repeated:
            return self.repeated.pop(0)
        self.begun += 1
        return self.begun - 1

    def _still_measured(self) -> list[str]:
        own, dropped = self.plan.questions["base"], self.base.dropped
        return [name for name, case in own.items() if (case.same_as or case.id) not in dropped]

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the measuring lock. The budget does not count the wait for it."""
        with measuring_lock(self.say) as waited_s:
            self.budget.waited_s += waited_s
            yield
