"""Decode and prefill cases in one process: arms and engines of one batch and context are checked, then interleaved."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
import torch
from torch import Tensor

from harness.decode.check import (
    CHECKED_STEPS,
    check_logits,
    divergence,
    empty_stream,
    kept_reference_logits,
)  # fmt: skip
from harness.decode.checked_case import CheckedCase
from harness.decode.prompted_arm import PromptedArm
from harness.decode.quality import ArmLogits
from harness.decode.suite_model import Model
from harness.decode.support import unsupported
from harness.device.device import Elapsed
from harness.engines import EAGER, Engine, YieldsSamples, engine_facts
from harness.measure.agreement import sentence
from harness.measure.energy import NOT_ASKED, EnergyMeter, known
from harness.measure.failure import failed, raised
from harness.measure.kernel_cases import counted, rounds, started
from harness.values.case import Case
from harness.values.measurement import Correctness, Measurement, Status
from harness.worker.clock import OuterClock
from harness.worker.messages import BenchEvent, Measured, Sampled, Streamed, WindowEnds

Stream = list[list[int]]


class DecodeBench:
    """Checks and times the decode and prefill cases of one batch and context.

    `streams`: recorded token streams by `stream_name`; a missing one is recorded from the first arm and yielded.
    `passes`: timed passes over all new tokens; 0 checks only. `references`: folder that keeps the float32 model's
    logits for the other processes of the run. `energy`: also measure the joules per token, one case after the other.
    `clock`: a clock outside of this process that times every pass of the cases with the ids `clocked`.
    """

    def __init__(
        self, model: Model, process: int, passes: int, streams: dict[str, Stream],
        references: Path | None = None, energy: bool = False, clock: OuterClock | None = None,
        clocked: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._clock, self._clocked = clock, clocked
        self._meter = EnergyMeter(model.device, process) if energy else None
        self.references = references
        self.model, self.process, self.passes, self.streams = model, process, passes, streams
        self.device = model.device

    def run(self, cases: Sequence[Case]) -> Iterator[BenchEvent]:
        """Run all cases; those of one batch and context share prompt, stream and reference.

        Yields the next activity, each finished measurement, new token streams and the conditions of each round.
        """
        return counted(self._events(cases), len(cases))

    def _events(self, cases: Sequence[Case]) -> Iterator[BenchEvent]:
        for batch, context in sorted({(int(c.axes["batch"]), int(c.axes["context"])) for c in cases}):
            group = [c for c in cases if (c.axes["batch"], c.axes["context"]) == (batch, context)]
            yield from self._group(group, batch, context)

    @torch.no_grad()
    def _group(self, cases: Sequence[Case], batch: int, context: int) -> Iterator[BenchEvent]:
        decode_cases = [c for c in cases if c.kind == "decode"]
        steps = max([int(c.axes.get("new_tokens", 0)) for c in decode_cases] + [4])
        yield started("prepare the model and its reference logits", cases)
        try:
            prompt = self.model.prompt(batch, context)
        except Exception as error:  # a model that cannot be built
            yield from (Measured(raised(case, error)) for case in cases)
            return
        arms: dict[str, PromptedArm] = {}
        for name in dict.fromkeys(case.arm for case in cases):
            yield from self._arm(name, [case for case in cases if case.arm == name], prompt, steps, arms)
        cases = [case for case in cases if case.arm in arms]
        if not cases:
            return
        try:
            yield from self._streamed(cases, next(iter(arms.values())), steps)
            name = stream_name(batch, context)
            stream = torch.tensor(self.streams[name], dtype=torch.int64, device=self.device.tensors)
            checked = min(steps, CHECKED_STEPS)
            wanted = kept_reference_logits(self.references, self.model, prompt, stream, checked)
        except torch.AcceleratorError:  # the GPU's context is lost, and everything in this process with it
            raise
        except Exception as error:  # what is no arm's fault: a first arm that cannot step, float32 that does not fit
            yield from (Measured(raised(case, error, "no logits to compare with: ")) for case in cases)
            return
        held = None if self.process else ArmLogits(wanted, prompt, stream)
        ready: list[CheckedCase] = []
        for case in cases:
            yield started(_making_ready(case), [case])
            try:
                found = self._ready(case, arms[case.arm], stream, wanted, steps, held)
            except torch.AcceleratorError:  # the GPU's context is lost, and everything in this process with it
                raise
            except Exception as error:  # whatever a user's kernel raises is that case's result, stored with its reason
                found = raised(case, error)
            if isinstance(found, Measurement):
                yield Measured(found)
            else:
                ready.append(found)
        if self.passes:
            yield from self._time(ready)
        prefill_us = {e.case.arm: e.samples[0].value_us for e in ready if e.case.kind == "prefill" and e.samples}
        for entry in ready:
            energy = NOT_ASKED
            if self.passes and self._meter is not None:
                yield started("energy", [entry.case])
                energy = known(partial(self._meter.windows, partial(self._pass, entry), entry.tokens))
            wrong = entry.again(timed=self.passes > 0)
            yield Measured(wrong or energy.of(entry.measurement(prefill_us.get(entry.case.arm))))

    def _arm(
        self, name: str, cases: Sequence[Case], prompt: Tensor, steps: int, arms: dict[str, PromptedArm]
    ) -> Iterator[Measured]:
        """Add the arm where it gets through the prompt; else its cases are unsupported or failed."""
        try:
            reason = unsupported(self.model.plan, name, *prompt.shape)
            if not reason:
                arms[name] = PromptedArm(self.model, name, prompt, steps, self.references)
                return
            lost = [failed(case, reason, Status.UNSUPPORTED) for case in cases]
        except torch.AcceleratorError:  # see above
            raise
        except Exception as error:  # see above
            lost = [raised(case, error) for case in cases]
        yield from map(Measured, lost)

    def _streamed(self, cases: Sequence[Case], arm: PromptedArm, steps: int) -> Iterator[Streamed]:
        """Record the stream of these cases where there is none yet."""
        name = stream_name(*arm.prompt.shape)
        if name in self.streams:
            return
        engines = (str(case.engine) for case in cases if case.kind == "decode")
        engine_name = next((name for name in engines if not engine_facts(name).compiles), EAGER)
        self.streams[name] = self._recorded(arm, steps, engine_name)
        yield Streamed(name, self.streams[name])

    def _recorded(self, arm: PromptedArm, steps: int, engine_name: str) -> Stream:
        """The arm's own text, [batch][steps + 1]."""
        step, engine = arm.engine(engine_name, empty_stream(len(arm.prompt), steps, self.device.tensors))
        tokens: Stream = arm.own_stream(step, engine, steps)[0].tolist()
        return tokens

    def _ready(
        self, case: Case, arm: PromptedArm, stream: Tensor, wanted: Tensor, steps: int, held: ArmLogits | None
    ) -> CheckedCase | Measurement:
        checked = wanted.shape[1]
        if case.kind == "prefill":
            held = None
            logits = partial(arm.prefill_logits, stream[:, :checked])
            first = logits()
            result = self._checked(first, wanted)
            before, run, engine, per_sample = arm.decoder.reset, arm.prefill, None, 1
        else:
            assert case.engine is not None
            step, engine = arm.engine(case.engine, stream, int(case.axes.get("entries", 1)))
            logits = partial(arm.decode_logits, step, engine, checked)
            first = logits()
            result = self._checked(first, wanted)
            step.rewind(arm.snapshot)
            left = divergence(stream, *arm.own_stream(step, engine, steps))
            detail = f"{result.detail}; {left.words}" if left else result.detail
            result = msgspec.structs.replace(result, detail=detail, diverges=left)
            before, run, per_sample = partial(step.rewind, arm.snapshot), partial(_run_steps, engine, steps), steps
        if not result.correct:
            return Measurement(case, Status.INCORRECT, sentence(result), result)
        if held is not None:
            held.keep(case, first)
        return CheckedCase(case, arm, result, logits, wanted, held, before, run, engine, per_sample)

    def _checked(self, got: Tensor, wanted: Tensor) -> Correctness:
        result = check_logits(got, wanted, self.model.plan.suite.dtype)
        words = self.model.truth_words
        return msgspec.structs.replace(result, detail=f"{result.detail}; {words}") if words else result

    def _time(self, ready: Sequence[CheckedCase]) -> Iterator[BenchEvent]:
        if not ready:
            return
        yield started("time", [entry.case for entry in ready])
        for entry in ready:
            entry.before()
            entry.run()
        for number, order in rounds(ready, self.passes):
            for entry in order:
                entry.before()
                entry.keep(self._clocked_pass(entry), self.process, number)
            yield Sampled((self.device.conditions(self.process, number),))

    def _pass(self, entry: CheckedCase) -> None:
        """All new tokens, or the prompt, once; the state is restored first."""
        entry.before()
        self._elapsed(entry)
        self.device.synchronize()

    def _clocked_pass(self, entry: CheckedCase) -> Elapsed:
        """A timed pass that the outside clock times too, so that it needs no other window."""
        case = entry.case.id
        if self._clock is None or case not in self._clocked:
            return self._elapsed(entry)
        self.device.synchronize()
        self._clock.begins(case)
        elapsed = self._elapsed(entry)
        threads = None if self.device.gpu else torch.get_num_threads()
        self._clock.ends(WindowEnds(case, entry.per_sample, elapsed.us, elapsed.us / entry.per_sample, threads))
        return elapsed

    def _elapsed(self, entry: CheckedCase) -> Elapsed:
        if entry.times_itself:
            engine = cast("YieldsSamples", entry.engine)
            return Elapsed(engine.time_us(entry.per_sample), None)
        return self.device.elapsed(entry.run)


def _run_steps(engine: Engine, steps: int) -> None:
    for _ in range(steps):
        engine.run()


def _making_ready(case: Case) -> str:
    """The activity before a case is timed; compiling a step takes a minute and more, and has its own text."""
    if case.kind != "decode" or not engine_facts(str(case.engine)).compiles:
        return "check"
    entries = f", {case.axes['entries']} entries" if "entries" in case.axes else ""
    return f"compile {case.arm} for {case.engine}{entries}"


def stream_name(batch: int, context: int) -> str:
    return f"batch={batch},context={context}"
