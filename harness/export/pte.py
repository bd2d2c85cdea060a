"""A decode step as a program of ExecuTorch: two methods over the same states, run by its Python runtime on the CPU.

`decode` (token, position -> logits, choice) writes the states in place, as a program on a device does; `restore` copies
a snapshot into them. So the arm itself processes the prompt, and a rewind takes microseconds.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.decode.step import Step
from harness.errors import CaseFailed
from harness.export.event_trace import traced_steps
from harness.export.kept import kept_or_made
from harness.export.program import check_inputs, register, word
from harness.values.package import Package

FILE = "step.pte"
INSTALL = "the package executorch is not installed: pip install 'executorch>=1.5,<1.6'"


class _Held(torch.nn.Module):
    """Buffers for the states under the same names in both methods, by which the program recognises them as the same."""

    def __init__(self, decoder: Any) -> None:
        super().__init__()
        self.names = list(decoder.states)
        for name, state in decoder.states.items():
            self.register_buffer(f"s_{word(name)}", state)


class _Decode(_Held):
    def __init__(self, decoder: Any, weights: Mapping[str, Tensor]) -> None:
        super().__init__(decoder)
        self.decoder = decoder
        seen = {state.data_ptr() for state in decoder.states.values()}
        for name, value in weights.items():
            if value.data_ptr() not in seen:
                seen.add(value.data_ptr())
                register(self, f"w_{word(name)}", value)

    def forward(self, tokens: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.decoder.decode(tokens, position)
        return logits, self.decoder.sample(logits)


class _Restore(_Held):
    def forward(self, *snapshot: Tensor) -> Tensor:
        for name, value in zip(self.names, snapshot, strict=True):
            self.get_buffer(f"s_{word(name)}").copy_(value)
        return torch.zeros(1)


def exported(step: Step, weights: Mapping[str, Tensor]) -> dict[str, torch.export.ExportedProgram]:
    """Both methods. Raises CaseFailed where the step holds a tensor that is neither state nor weight."""
    tokens = step.stream[:, 0].clone()
    position = torch.tensor([step.start], dtype=torch.int64)
    snapshot = tuple(state.clone() for state in step.decoder.states.values())
    with torch.no_grad():
        decode = torch.export.export(_Decode(step.decoder, weights), (tokens, position), strict=True)
        restore = torch.export.export(_Restore(step.decoder), snapshot, strict=True)
    check_inputs(decode)
    return {"decode": decode, "restore": restore}


def rewrite(program: torch.export.ExportedProgram) -> dict[str, int]:
    """Replace, in place, ops for which the prebuilt runtime has no kernel by equivalents for which it has one.

    Return the count of each replacement. `>>` of bytes is a shift by another name; a stable sort is `topk` of the full
    width, which leaves equal values in any order.
    """
    aten, done = torch.ops.aten, Counter[str]()
    for node in program.graph_module.graph.nodes:
        if node.op == "call_function" and node.target is aten.__rshift__.Scalar:
            node.target = aten.bitwise_right_shift.Tensor_Scalar
            done["__rshift__.Scalar"] += 1
        elif node.op == "call_function" and node.target is aten.sort.stable:
            values, dim = node.args[0], node.kwargs.get("dim", -1)
            largest = node.kwargs.get("descending", False)
            node.target = aten.topk.default
            node.args, node.kwargs = (values, values.meta["val"].shape[dim], dim, largest, True), {}
            done["sort.stable"] += 1
    program.graph_module.graph.lint()
    program.graph_module.recompile()
    return dict(done)


def make_program(step: Step, scratch: Path) -> tuple[Path, Package]:
    """The folder of a step's program and its record, from `step.ahead.keep` where another process of the run has left
    them.

    Raises CaseFailed without the package, and where the runtime lacks kernels that the program calls.
    """
    if step.ahead is None:
        raise CaseFailed("this step does not list the tensors that it reads, so it cannot be compiled ahead of time")
    runtime()
    start = time.perf_counter()
    programs = exported(step, step.ahead.weights)
    rewritten = rewrite(programs["decode"])
    export_s = time.perf_counter() - start
    asked = [str(program.graph) for program in programs.values()] + [str(torch.__version__), _version()]
    key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
    folder = (step.ahead.keep or scratch) / f"program-{key}"
    file = folder / FILE
    return file, kept_or_made(folder, lambda: _lowered(programs, file, export_s, rewritten))


def _lowered(
    programs: dict[str, torch.export.ExportedProgram], file: Path, export_s: float, rewritten: Mapping[str, int]
) -> Package:
    """Write the program. XNNPACK takes the parts of `decode` that it supports, portable kernels the rest."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import EdgeCompileConfig, ExecutorchBackendConfig, to_edge_transform_and_lower
    from executorch.exir.passes import MemoryPlanningPass

    start = time.perf_counter()
    edge = to_edge_transform_and_lower(
        programs,
        partitioner={"decode": [XnnpackPartitioner()], "restore": []},
        compile_config=EdgeCompileConfig(_check_ir_validity=False),  # the check refuses bitwise operators on bytes
    )
    planning = MemoryPlanningPass(share_mutable_buffers=True)
    program = edge.to_executorch(ExecutorchBackendConfig(memory_planning_pass=planning))
    compile_s = time.perf_counter() - start
    plan = next(one for one in program.executorch_program.execution_plan if one.name == "decode")
    check_kernels({f"{op.name}.{op.overload}" if op.overload else op.name for op in plan.operators})
    with file.open("wb") as opened:
        program.write_to_file(opened)
    delegates = Counter(delegate.id for delegate in plan.delegates)
    notes = [f"{count} parts run by {name}" for name, count in sorted(delegates.items())]
    notes += [f"{name} rewritten in {count} places" for name, count in rewritten.items()]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    versions = {"torch": str(torch.__version__), "executorch": _version()}
    return Package("pte", export_s, compile_s, file.stat().st_size, digest, versions=versions, notes=tuple(notes))


def check_kernels(called: set[str]) -> None:
    """Raises CaseFailed that names each operator for which the runtime has no kernel; loading would report each in a
    screen of text.
    """
    missing = sorted(called - set(runtime().operator_registry.operator_names))
    if missing:
        raise CaseFailed(f"ExecuTorch's runtime here has no kernel for {', '.join(missing)}")


def runtime() -> Any:
    """The runtime of this process. Raises CaseFailed where it is not installed."""
    try:
        from executorch.runtime import Runtime
    except ImportError as error:
        raise CaseFailed(INSTALL if "executorch" in str(error) else f"executorch: {error}") from None
    return Runtime.get()


def _version() -> str:
    from importlib.metadata import version

    return version("executorch")


class ExecutorchStep:
    """A loaded program: calling it runs one step. It has states of its own, which a rewind of the step overwrites."""

    def __init__(self, step: Step, file: Path) -> None:
        from executorch.extension.pybindings import portable_lib
        from executorch.runtime import Verification

        portable_lib._unsafe_reset_threadpool(torch.get_num_threads())
        program = runtime().load_program(file, verification=Verification.Minimal)
        self._decode, self._restore = program.load_method("decode"), program.load_method("restore")
        self._program, self._step = program, step
        step.rewound.append(self.restore)

    def restore(self) -> None:
        """Copy the step's states into the program."""
        self._restore.execute([state.contiguous() for state in self._step.decoder.states.values()])

    def trace(self, program: bytes, steps: int) -> str:
        """The text of a trace of the next steps, by operator. The step stays where it is."""
        cursor, position = self._step.counter.tolist()
        tokens = [self._step.stream[:, cursor + at].contiguous() for at in range(steps)]
        return traced_steps(program, [(one, torch.tensor([position + at])) for at, one in enumerate(tokens)])

    def __call__(self) -> Tensor:
        step = self._step
        cursor, position = step.counter.tolist()
        logits, choice = self._decode.execute([step.stream[:, cursor].contiguous(), torch.tensor([position])])
        step.counter += 1
        step.chosen[:, cursor + 1] = choice
        return logits
