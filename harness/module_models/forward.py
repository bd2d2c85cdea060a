"""A module without states, called with the user's inputs: checked against float32, then timed, arms interleaved."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from harness.decode.check import LOGITS_TOLERANCE
from harness.device.device import Device
from harness.engines import Engine, make_engine
from harness.errors import CaseFailed
from harness.measure.agreement import compare, sentence
from harness.measure.failure import raised
from harness.measure.kernel_cases import counted, rounds, started
from harness.measure.operand_sets import to_float32
from harness.module_models import hugging_face
from harness.module_models.changes import applied, changed
from harness.module_models.named_function import named_function
from harness.module_models.shared_copy import in_float32, shared_copy, unwritten, weight_bytes
from harness.values.case import Case
from harness.values.measurement import Correctness, Measurement, Sample, Status
from harness.values.suite import Plan
from harness.worker.messages import BenchEvent, Measured, Sampled

SAMPLE_US = 5000
"""A sample has as many consecutive passes as fill this time."""
MOST_PASSES = 200


class ForwardStep:
    """One call of a module with the same inputs, as engines run a step."""

    def __init__(self, module: nn.Module, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.module, self.arguments, self.keywords = module, arguments, keywords

    def __call__(self) -> tuple[Tensor, ...]:
        return outputs_of(self.module(*self.arguments, **self.keywords))


def outputs_of(made: Any) -> tuple[Tensor, ...]:
    """The tensors that a call returned, in their order: in a tuple, a dict, or a record as transformers returns it."""
    if isinstance(made, Tensor):
        return (made,)
    parts = made.values() if isinstance(made, Mapping) else made if isinstance(made, list | tuple) else ()
    return tuple(tensor for part in parts for tensor in outputs_of(part))


class ForwardBench:
    """Checks and times the `forward` cases of a plan. `passes`: timed samples of each; 0 checks only."""

    def __init__(self, plan: Plan, device: Device, dtype: torch.dtype, process: int, passes: int) -> None:
        self.plan, self.device, self.dtype = plan, device, dtype
        self.process, self.passes = process, passes
        self._base: Any = None
        self._wanted: tuple[Tensor, ...] | None = None
        """The outputs in float32 of the batch that is checked, the same for every arm and engine."""

    def run(self, cases: Sequence[Case]) -> Iterator[BenchEvent]:
        """Run all cases, those of one batch together."""
        return counted(self._events(cases), len(cases))

    @torch.no_grad()
    def _events(self, cases: Sequence[Case]) -> Iterator[BenchEvent]:
        for batch in dict.fromkeys(int(case.axes["batch"]) for case in cases):
            group = [case for case in cases if case.axes["batch"] == batch]
            self._wanted = None
            yield started("check", group)
            ready: list[_Ready] = []
            for case in group:
                try:
                    found: _Ready | Measurement = self._ready(case, batch)
                except torch.AcceleratorError:  # the GPU's context is lost, and everything in this process with it
                    raise
                except Exception as error:  # whatever a user's module raises is that case's result
                    found = raised(case, error)
                if isinstance(found, Measurement):
                    yield Measured(found)
                else:
                    ready.append(found)
            yield started("time", [entry.case for entry in ready])
            for number, order in rounds(ready, self.passes if ready else 0):
                for entry in order:
                    entry.sample(self.process, number)
                yield Sampled((self.device.conditions(self.process, number),))
            yield from (Measured(entry.measurement(self.passes > 0)) for entry in ready)

    def _ready(self, case: Case, batch: int) -> _Ready | Measurement:
        suite = self.plan.suite
        base = self._module()
        arguments, keywords = self._inputs(batch)
        wanted = self._wanted or ForwardStep(in_float32(base), *_float32(arguments, keywords))()
        self._wanted = wanted
        with unwritten(base, case.arm, self._made):
            module = changed(shared_copy(base), suite.arms[case.arm].changes)
        began = time.perf_counter()
        step = ForwardStep(module, arguments, keywords)
        step()
        first_s = time.perf_counter() - began
        engine = make_engine(str(case.engine), cast("Any", step), self.device)
        checked = self._checked(cast("Any", engine.run()), wanted)
        if not checked.correct:
            return Measurement(case, Status.INCORRECT, sentence(checked), checked)
        return _Ready(case, self, engine, wanted, checked, first_s, weight_bytes(module))

    def _checked(self, got: Sequence[Tensor], wanted: Sequence[Tensor]) -> Correctness:
        """The correctness of the output with the largest error."""
        if len(got) != len(wanted):
            raise CaseFailed(f"the model returned {len(got)} tensors, its float32 copy {len(wanted)}; wanted: as many")
        if not wanted:
            raise CaseFailed("the model returned no tensor; wanted: one or several")
        tolerance = LOGITS_TOLERANCE[self.plan.suite.dtype]
        found = [
            compare(f"output {n}", one.float() if one.is_floating_point() else one, other, tolerance)
            for n, (one, other) in enumerate(zip(got, wanted, strict=True))
        ]
        return min(found, key=lambda one: (one.correct, -one.max_error))

    def _module(self) -> Any:
        """The module that arms are copies of; from a file any callable."""
        if self._base is None:
            self._base = self._made()
        return self._base

    def _made(self) -> nn.Module:
        source, seed = self.plan.suite.module, self.plan.suite.weights.seed
        assert source is not None
        if source.kind == "hf":
            made = hugging_face.load(source, self.dtype, self.device.tensors, seed, causal=False)
        else:
            torch.manual_seed(seed)
            made = _module_of(_called(source.name, source.config, self._offered(1)))
        for change in source.apply:
            made = applied(made, change)
        return made.eval().requires_grad_(False)

    def _inputs(self, batch: int) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Arguments and keywords of a call, the same for every arm: drawn with the suite's seed."""
        questions = self.plan.suite.forward
        assert questions is not None
        torch.manual_seed(self.plan.suite.weights.seed)
        made = _called(questions.inputs, {}, self._offered(batch))
        if isinstance(made, Mapping):
            return (), made
        return (made if isinstance(made, list | tuple) else (made,)), {}

    def _offered(self, batch: int) -> dict[str, Any]:
        seed = self.plan.suite.weights.seed
        return {"batch": batch, "dtype": self.dtype, "device": self.device.tensors, "seed": seed}


class _Ready:
    """A case that passed its check and waits for its samples."""

    def __init__(
        self, case: Case, bench: ForwardBench, engine: Engine, wanted: Sequence[Tensor], correctness: Correctness,
        first_s: float, held_bytes: int,
    ) -> None:  # fmt: skip
        self.case, self._bench, self._engine, self._wanted = case, bench, engine, wanted
        self._correctness, self._first_s, self._held_bytes = correctness, first_s, held_bytes
        self._samples: list[Sample] = []
        self._extra_bytes: int | None = None
        once = bench.device.elapsed(engine.run).us
        self._passes = min(MOST_PASSES, max(1, round(SAMPLE_US / max(once, 1.0))))

    def sample(self, process: int, number: int) -> None:
        elapsed = self._bench.device.elapsed(self._run)
        self._samples.append(Sample(elapsed.us / self._passes, process, number))
        if elapsed.extra_bytes is not None:
            self._extra_bytes = max(self._extra_bytes or 0, elapsed.extra_bytes)

    def _run(self) -> None:
        for _ in range(self._passes):
            self._engine.run()

    def measurement(self, timed: bool) -> Measurement:
        """The measurement, after its outputs were compared once more following the timed passes."""
        again = self._bench._checked(cast("Any", self._engine.run()), self._wanted) if timed else self._correctness
        if not again.correct:
            return Measurement(
                self.case, Status.INCORRECT, f"right before it was timed, wrong after: {sentence(again)}", again
            )
        held = self._held_bytes + self._engine.extra_bytes
        return Measurement(
            self.case, Status.OK, correctness=self._correctness, samples=tuple(self._samples),
            timer=self._bench.device.clock, calls_per_sample=self._passes, compile_s=self._first_s,
            peak_memory_bytes=None if self._extra_bytes is None else held + self._extra_bytes,
            capture_s=self._engine.capture_s,
        )  # fmt: skip


class _Callable(nn.Module):
    """Any callable, as a module."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        return self.function(*arguments, **keywords)


def _module_of(made: Any) -> nn.Module:
    if isinstance(made, nn.Module):
        return made
    if not callable(made):
        raise CaseFailed(f"the model is a {type(made).__name__}, wanted: a torch module or a callable")
    return _Callable(made)


def _called(source: str, config: Mapping[str, Any], offered: Mapping[str, Any]) -> Any:
    """Call a user's function with the keywords that it takes."""
    function = named_function(source)
    taken = inspect.signature(function).parameters
    every = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
    return function(**{**{name: value for name, value in offered.items() if every or name in taken}, **config})


def _float32(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
    return [to_float32(value) for value in arguments], {name: to_float32(value) for name, value in keywords.items()}
