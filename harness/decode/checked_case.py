"""A decode or prefill case that passed its check and waits for its samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from harness.decode.check import check_logits
from harness.decode.prompted_arm import PromptedArm
from harness.decode.quality import ArmLogits
from harness.decode.work import model_work
from harness.device.device import Elapsed
from harness.engines import Engine, engine_facts
from harness.measure.agreement import sentence
from harness.measure.failure import raised
from harness.values.case import Case
from harness.values.measurement import Correctness, Measurement, Sample, Status
from harness.values.quality import DecodeQuality


class CheckedCase:
    """A checked case that waits for its samples.

    `logits`: computes them once more, to compare with `wanted`. `held`: the arms' first logits, for a decode in the
    first process. `before`: restores the state, outside of the timed interval. `run`: the timed work.
    """

    def __init__(
        self, case: Case, arm: PromptedArm, correctness: Correctness, logits: Callable[[], Tensor], wanted: Tensor,
        held: ArmLogits | None, before: Callable[[], Any], run: Callable[[], Any], engine: Engine | None,
        per_sample: int,
    ) -> None:  # fmt: skip
        self.case, self.arm, self.correctness, self.before, self.run = case, arm, correctness, before, run
        self._logits, self._wanted, self._held = logits, wanted, held
        self._quality: DecodeQuality | None = None
        self.engine, self.per_sample = engine, per_sample
        self.samples: list[Sample] = []
        self.peak_extra_bytes: int | None = None
        self.times_itself = engine is not None and engine_facts(str(case.engine)).yields_samples

    @property
    def tokens(self) -> int:
        """Tokens of a pass, all sequences together."""
        batch = int(self.case.axes["batch"])
        return batch * (self.per_sample if self.case.kind == "decode" else int(self.case.axes["context"]))

    def keep(self, elapsed: Elapsed, process: int, number: int) -> None:
        """Store a sample of the round of that number."""
        self.samples.append(Sample(elapsed.us / self.per_sample, process, number))
        if elapsed.extra_bytes is not None:
            self.peak_extra_bytes = max(self.peak_extra_bytes or 0, elapsed.extra_bytes)

    def again(self, timed: bool) -> Measurement | None:
        """Compare the logits once more after timed passes; where they are held, derive the quality from them.

        Return the row of a case that is wrong now, or None where it is still right.
        """
        if not timed and self._held is None:
            return None
        try:
            second = self._logits()
        except torch.AcceleratorError:  # the GPU's context is lost, and everything in this process with it
            raise
        except Exception as error:  # whatever a user's kernel raises is that case's result, stored with its reason
            return raised(self.case, error)
        found = check_logits(second, self._wanted, self.arm.model.plan.suite.dtype)
        if not found.correct:
            when = "right before it was timed, wrong after" if timed else "right at first, wrong the second time"
            return Measurement(self.case, Status.INCORRECT, f"{when}: {sentence(found)}", found)
        if self._held is not None:
            self._quality = self._held.quality(self.case, second)
        return None

    def measurement(self, first_token_us: float | None) -> Measurement:
        model, case = self.arm.model, self.case
        phase, shape = case.kind, (int(case.axes["batch"]), int(case.axes["context"]))
        other = model.plan.suite.arms[case.arm].module  # which may hold its weights in another dtype
        held = self.arm.ops.weight_bytes(phase) + self.arm.state_bytes + (self.engine.extra_bytes if self.engine else 0)
        return Measurement(
            case=case,
            status=Status.OK,
            correctness=self.correctness,
            samples=tuple(self.samples),
            work=None if other else model_work(model.plan.suite, phase, *shape),
            timer=str(case.engine) if self.times_itself else model.device.clock,
            calls_per_sample=self.per_sample,
            peak_memory_bytes=None if self.peak_extra_bytes is None else held + self.peak_extra_bytes,
            compile_s=self.arm.compile_s,
            capture_s=self.engine.capture_s if self.engine else None,
            first_token_us=first_token_us if phase == "decode" else None,
            quality=self._quality,
            numerics=self._held.numerics(case) if self._held is not None else None,
            package=getattr(self.engine, "package", None),
        )
