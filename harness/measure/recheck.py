"""Check a timed batch after its samples, on operands that no kernel could know while the batch was made ready.

Operands are drawn anew from the system's randomness and written into the tensors that the batch reads, and outputs are
poisoned. Then the batch runs once more, exactly as it was timed. Every call is compared on its own operands: with the
reference as long as there is time, the others with the kernel alone. That exposes all that was cached, counted, decided
at capture time or left out. The reference is computed after the calls: before, no expected value exists.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import msgspec
import torch
from torch import Tensor

from harness.device.device import Device
from harness.device.timer import Timed
from harness.measure.agreement import all_surely_agree, compare, near, worst_of
from harness.measure.candidate import Candidate
from harness.measure.contract import refused, shared_buffer
from harness.measure.expected import as_tuple
from harness.measure.guards import sentence
from harness.measure.inputs import make_inputs, redraw_indices, write_within
from harness.measure.operand_sets import Operands, OperandSets, arguments, prepare, to_float32, torch_dtype
from harness.measure.poison import poison
from harness.measure.trial import takes_wrong_for_right
from harness.values.measurement import Correctness, Mismatch, Tolerance

RECHECK_S = 0.01
"""Seconds for the references of one batch's calls; later calls are compared with the kernel alone."""
LEAST_CALLS = 1
"""Calls compared with the reference in any case; one more where there are states, which the second call reads."""
WEIGHT_SETS = 4
WEIGHT_BYTES = 256 << 20
"""Sets of weights that are rewritten: at least one and at most this many sets, within this many bytes. A kernel that
caches values derived from weights does so for all sets."""
STRETCH_SETS = 16
"""Sets of activations that the passes of a stretch take in turns."""
POOL_BYTES = 1 << 30
"""A larger pool is not rewritten."""


class Batch:
    """The calls of one timed batch and the operands that they read."""

    def __init__(self, candidate: Candidate, sets: OperandSets, timed: Timed, device: Device, routing: Any) -> None:
        self._candidate = candidate
        self._op, self._variant, self._case = candidate.op, candidate.variant, candidate.case
        self.sets, self.timed, self._device, self._routing = sets, timed, device, routing
        self.calls = len(timed.outputs)
        self._generator = torch.Generator(device=device.tensors).manual_seed(int.from_bytes(os.urandom(7), "little"))
        self._chance = random.SystemRandom()
        self._wrong: Correctness | None = None
        self._compared: tuple[Sequence[Tensor], Sequence[Tensor]] = (), ()
        first = sets.raw[0]
        roles = {i.name: i.role for i in self._op.op.inputs if isinstance(first[i.name], Tensor)}
        self._activations = [name for name, role in roles.items() if role == "activation"]
        self._states = [name for name, role in roles.items() if role == "state"]
        self._weights = [
            name for name, role in roles.items()
            if role in ("weight", "cache") or (role == "pool" and first[name].nbytes <= POOL_BYTES)
        ]  # fmt: skip
        self._weight_bytes = sum(first[name].nbytes for name in self._weights)

    def refresh(self) -> None:
        """Write new activations in place: no sample sees values that an earlier one saw."""
        for name, value in self._draw(self._activations).items():
            self.sets.raw[0][name].copy_(value)

    def _refresh_within(self) -> None:
        """As `refresh`, except for the ends of each row: a result cached by a few values then belongs to other
        inputs."""
        for name, value in self._draw(self._activations).items():
            write_within(self.sets.raw[0][name], value)

    def seen_before_us(self, samples: int = 3) -> float:
        """The slowest of `samples` samples, in us per call, on the operands of the sample before."""
        with torch.no_grad():
            return max(self.timed.sample_us() for _ in range(samples))

    def in_turns_us(self, turns: int = 3) -> tuple[float, float]:
        """The fastest sample on new operands and the slowest on operands of the sample before, in us per call. They
        alternate, so that load that lasts longer than a sample meets both."""
        with torch.no_grad():
            pairs = [(self.timed.sample_us(self.refresh), self.timed.sample_us()) for _ in range(turns)]
        return min(new for new, _ in pairs), max(seen for _, seen in pairs)

    def stretch(self, passes: int) -> Callable[[], float]:
        """Return a function that runs `passes` passes over all calls in one timed interval and returns its
        microseconds. Each pass uses other activations than the pass before."""
        turns = cycle([self._draw(self._activations) for _ in range(min(passes, STRETCH_SETS))])

        def before() -> None:
            for name, value in next(turns).items():
                self.sets.raw[0][name].copy_(value)

        def stretch_us() -> float:
            with torch.no_grad():
                return self.timed.stretch_us(passes, before)

        return stretch_us

    def look(self) -> None:
        """Compare one call of the last sample, or of a replay where it has states, which many calls have changed.
        `check` returns a wrong result later."""
        if self._wrong is not None:
            return
        if self._states:
            found = self.check(1, 0.0)
        else:
            call = self._chance.randrange(self.calls)
            with torch.no_grad():
                found = self._compare_call(call, as_tuple(self.timed.outputs[call]), self.sets.raw[call], {})
        if not found.correct:
            self._wrong = found

    def check(
        self, weight_sets: int = WEIGHT_SETS, seconds: float = RECHECK_S, guards_are_whole: bool = False
    ) -> Correctness:
        """Run the batch once on new operands and compare outputs, states and guards. weight_sets: sets of weights that
        are rewritten and restored. seconds: for references; `rechecked_calls` counts them. guards_are_whole: they are
        when this begins; else another kernel on these operands may have written there, and a second run tells."""
        if self._wrong is not None:
            return self._wrong
        with torch.no_grad():
            self._refresh_within()
            self._redraw_indices()
            affordable = max(1, WEIGHT_BYTES // max(1, self._weight_bytes))
            count = min(weight_sets, affordable, self.sets.copies)
            copies = self._chance.sample(range(self.sets.copies), count)
            with self._other_weights(copies) as raw:
                before = self._new_states()
                self._poison()
                outputs = [as_tuple(output) for output in self.timed.replay()]
                self._device.synchronize()
                strays = self.sets.guards.strays()
                if strays and guards_are_whole:
                    tolerance = self._tolerance
                    return refused(sentence(strays), tolerance, Mismatch.WRITE_OUTSIDE)
                if strays:
                    return self.check(weight_sets, seconds, guards_are_whole=True)
                found = self._compare(outputs, raw, before, copies, seconds)
                if found.correct and not self._states and found.rechecked_calls < self.calls:
                    found = self._compare_alone(outputs, found)
        return found

    def _compare_alone(self, outputs: Sequence[tuple[Tensor, ...]], found: Correctness) -> Correctness:
        """Compare every call of the batch with the same call made alone, on the same operands; `found` where all
        agree."""
        tolerance = self._tolerance
        alone = [as_tuple(self._candidate.bind(operands)()) for operands in self.sets.sets[: self.calls]]
        shared = shared_buffer(self._op, [*outputs, *alone])
        if shared:
            return refused(shared, tolerance)
        agreeing = [
            near(got, right, tolerance.max_error)
            for pair in zip(outputs, alone, strict=True)
            for got, right in zip(*pair, strict=True)
        ]
        if not agreeing or bool(torch.stack(agreeing).all()):  # one wait for the device, not one a call
            return found
        results = []
        for call, (timed, single) in enumerate(zip(outputs, alone, strict=True)):
            for (name, _), got, right in zip(self._op.op.outputs, timed, single, strict=True):
                label, right = f"call {call + 1} of {self.calls}: {name}", to_float32(right).nan_to_num()
                results.append(compare(label, got, right, tolerance, self._op.row_dims(name)))
        return worst_of(results)

    def _draw(self, names: Sequence[str]) -> Operands:
        dtype = torch_dtype(self._case.activations)
        return make_inputs(
            self._op, self._case.dims, dtype, self._device.tensors, self._generator, self._routing, names
        )

    def _redraw_indices(self) -> None:
        drawn = redraw_indices(
            self._op, self._case.dims, torch_dtype(self._case.activations), self._device.tensors, self._generator,
            self._routing, self.calls,
        )  # fmt: skip
        for operands, values in zip(self.sets.sets, drawn, strict=False):
            for name, value in values.items():
                operands[name].copy_(value)

    @contextmanager
    def _other_weights(self, copies: Sequence[int]) -> Iterator[list[Operands]]:
        """The raw operands of every call while other weights lie in these copies' tensors."""
        raw = list(self.sets.raw)
        kept: list[tuple[Tensor, Tensor]] = []
        pools = [i.name for i in self._op.op.inputs if i.role == "pool" and i.name in self._weights]
        shared = self._draw(pools) if copies else {}
        try:
            for copy in range(self.sets.copies) if shared else copies:  # a pool belongs to all copies
                drawn = self._draw([name for name in self._weights if name not in pools]) if copy in copies else {}
                changed = {**raw[copy], **shared, **drawn}
                wanted = prepare(self._variant, self._op, changed)
                for name, tensor in self.sets.sets[copy].items():
                    value = wanted.get(name)
                    if value is changed.get(name) and name not in shared and name not in drawn:
                        continue
                    if isinstance(value, Tensor) and not any(tensor is old for old, _ in kept):
                        kept.append((tensor, tensor.clone()))
                        tensor.copy_(value)
                for call in range(copy, len(raw), self.sets.copies):
                    raw[call] = {**raw[call], **shared, **drawn}
            yield raw
        finally:
            for tensor, value in kept:
                tensor.copy_(value)

    def _new_states(self) -> list[Operands]:
        """Write new states; return them by copy, as its first call finds them."""
        states = []
        for copy in range(self.sets.copies if self._states else 0):
            drawn = self._draw(self._states)
            for name, value in drawn.items():
                self.sets.sets[copy][name].copy_(value)
            states.append(drawn)
        return states

    def _poison(self) -> None:
        """Overwrite the outputs of the sample before, so that a call cannot leave them in place."""
        for output in self.timed.outputs:
            for tensor in as_tuple(output):
                poison(tensor)

    def _compare(
        self, outputs: Sequence[tuple[Tensor, ...]], raw: Sequence[Operands], before: Sequence[Mapping[str, Tensor]],
        first: Sequence[int], seconds: float,
    ) -> Correctness:  # fmt: skip
        """Compare calls of the copies in `first`, whose weights changed, then of the others in an order drawn now."""
        rest = [copy for copy in range(self.sets.copies) if copy not in first]
        order = [*first, *self._chance.sample(rest, len(rest))]
        shared = shared_buffer(self._op, outputs)
        if shared:
            return refused(shared, self._tolerance)
        end = time.perf_counter() + seconds
        results: list[Correctness] = []
        for copy in order:
            calls = range(copy, self.calls, self.sets.copies)
            states = {name: to_float32(value) for name, value in before[copy].items()} if self._states else {}
            for call in calls:
                if time.perf_counter() > end and len(results) >= LEAST_CALLS + bool(states):
                    return self._result(results)
                results.append(self._compare_call(call, outputs[call], raw[call], states))
                if not results[-1].correct:
                    return self._result(results)
            if states and len(calls):
                results[-1] = worst_of([results[-1], *self._compare_states(copy, states)])
                if not results[-1].correct:
                    return self._result(results)
        return self._result(results)

    def _result(self, results: Sequence[Correctness]) -> Correctness:
        return msgspec.structs.replace(worst_of(results), rechecked_calls=len(results))

    def _compare_call(
        self, call: int, outputs: tuple[Tensor, ...], raw: Operands, states: dict[str, Tensor]
    ) -> Correctness:
        """Compare one call's outputs. states: float32, as the call finds them; updated to the reference's results,
        rounded to the dtype in which the kernel keeps them."""
        exact = {name: to_float32(value) for name, value in raw.items()} | states
        wanted = as_tuple(self._op.reference(*arguments(self._op, exact)))
        for name in states:
            states[name] = exact[name].to(raw[name].dtype).float()
        self._compared = outputs, wanted
        tolerance, place = self._tolerance, f"call {call + 1} of {self.calls}"
        if all_surely_agree(self._op, outputs, wanted, tolerance):
            return Correctness(True, 0.0, 0.0, tolerance.max_error, tolerance.rms_error, 0, 0)
        return worst_of([
            compare(f"{place}: {name}", got, right, tolerance, self._op.row_dims(name))
            for (name, _), got, right in zip(self._op.op.outputs, outputs, wanted, strict=True)
        ] or [Correctness(True, 0.0, 0.0, tolerance.max_error, tolerance.rms_error, 0, 0)])  # fmt: skip

    @property
    def _tolerance(self) -> Tolerance:
        return self._op.tolerance(self._case.activations, self._case.dims)

    def mistaken(self) -> str:
        """Whether the comparison that found the last call right still detects a mistake."""
        outputs, wanted = self._compared
        return takes_wrong_for_right(self._op, outputs, wanted, self._tolerance)

    def _compare_states(self, copy: int, states: Mapping[str, Tensor]) -> list[Correctness]:
        tolerance = self._tolerance
        return [
            compare(f"state {name} after all calls", self.sets.sets[copy][name], right, tolerance,
                    self._op.row_dims(name))
            for name, right in states.items()
        ]  # fmt: skip
