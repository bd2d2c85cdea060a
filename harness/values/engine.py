"""The names of the engines, and the facts that planning, profiling and reports go by in place of names."""

from __future__ import annotations

from typing import Literal, NamedTuple

EngineName = Literal["eager", "cuda_graph", "torch_compile", "aot_inductor", "aot_inductor_calls", "executorch"]
"""Each is a module of `harness.engines`."""


class EngineFacts(NamedTuple):
    """How an engine executes a decode step."""

    needs_gpu: str = ""
    """Why its cases are UNSUPPORTED on a CPU; empty where they are not."""
    op_by_op: bool = False
    """Launches each op from Python: its trace has the scope of every op."""
    captures: bool = False
    """On a GPU it replays one captured graph: each replay launches the same kernels."""
    compiles: bool = False
    """Making a step ready takes so long that it is done only where the step is measured."""
    fuses: bool = False
    """Its kernels are its own, not those of the arm's variants."""
    packages: bool = False
    """It compiles a package ahead of time, of whose kernels the suite may leave the choice to the compiler."""
    yields_samples: bool = False
    """`time_us(steps)` says how long its steps took; otherwise the device's clock times `run`."""

    @property
    def replays_ops(self) -> bool:
        """Its step is the arm's own kernels without the host between them."""
        return self.captures and not self.fuses
