"""An arm of a suite's model after its prompt, from where any engine can continue."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import Tensor

from harness.decode.arm_ops import ArmOps
from harness.decode.check import first_logits, own_stream
from harness.decode.entries import entries_of
from harness.decode.step import Ahead, Step
from harness.decode.suite_model import Model, prefill_in_chunks
from harness.engines import Engine, make_engine


class PromptedArm:
    """An arm's decoder after its prompt."""

    def __init__(self, model: Model, name: str, prompt: Tensor, steps: int, keep: Path | None = None) -> None:
        """`keep`: folder that the processes of a run share."""
        self.model, self.name, self.prompt, self.context = model, name, prompt, prompt.shape[1]
        self._keep = keep
        self.decoder, self.ops = model.arm(name, prompt.shape[0], self.context + steps + 1)
        start = time.perf_counter()
        self.first_logits: Tensor = prefill_in_chunks(self.decoder, prompt, chunk=self.context)
        self.snapshot = self.decoder.snapshot()
        position = torch.tensor([self.context], device=model.device.tensors)
        self.decoder.decode(self.decoder.sample(self.first_logits), position)
        self.compile_s = time.perf_counter() - start

    def prefill(self) -> None:
        """Process the prompt in one piece, to the first token; the caller resets the state."""
        self.decoder.sample(self.decoder.prefill(self.prompt))

    def engine(self, name: str, stream: Tensor, entries: int = 1) -> tuple[Step, Engine]:
        """An engine over a stream, at the end of the prompt.

        Making one may run steps, hence the second rewind. `entries`: configurations of each kernel that it may choose
        from, where it chooses.
        """
        step = Step(self.decoder, stream, self.context, self._ahead(entries))
        step.rewind(self.snapshot)
        engine = make_engine(name, step, self.model.device)
        step.rewind(self.snapshot)
        return step, engine

    def _ahead(self, entries: int) -> Ahead:
        questions = self.model.plan.suite.decode
        listed = entries_of(self.model.plan, self.name, self.prompt.shape[0], self.context, entries)
        ops = self.ops if isinstance(self.ops, ArmOps) else None
        return Ahead(self.ops.tensors(), ops, self._keep, listed, questions.compiles if questions else 1)

    def own_stream(self, step: Step, engine: Engine, steps: int) -> tuple[Tensor, list[float]]:
        """The arm's own text under an engine that is at the end of the prompt."""
        return own_stream(engine, step, self.decoder.sample(self.first_logits), steps)

    def prefill_logits(self, stream: Tensor) -> Tensor:
        """Process the prompt and the stream [batch, steps] in one piece; return every logit of the stream, [batch,
        steps, vocab] float32.
        """
        self.decoder.reset()
        self.decoder.prefill(self.prompt)
        logits: Tensor = self.decoder.prefill(stream, start=self.context, every=True)
        return logits.float()

    def decode_logits(self, step: Step, engine: Engine, steps: int) -> Tensor:
        """The logits [batch, steps, vocab] float32 of the first steps of the stream under an engine."""
        step.rewind(self.snapshot)
        return first_logits(engine, steps)

    @property
    def state_bytes(self) -> int:
        return sum(state.nbytes for state in self.decoder.states.values())
