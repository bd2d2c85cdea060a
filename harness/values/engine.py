"""The names of the engines, and the facts that planning, profiling and reports use in place of names."""

from __future__ import annotations

from typing import Literal, NamedTuple

EngineName = Literal["eager", "cuda_graph", "torch_compile", "aot_inductor", "aot_inductor_calls", "executorch"]
"""Each is a module of `harness.engines`."""


class EngineFacts(NamedTuple):
    """How an engine executes a decode step."""

    needs_gpu: str = ""
    """The reason why its cases are UNSUPPORTED on a CPU. Empty if the engine runs there."""
    op_by_op: bool = False
    """Launches each op from Python: its trace has the scope of every op."""
    captures: bool = False
    """On a GPU it replays one captured graph: each replay launches the same kernels."""
    compiles: bool = False
    """Preparing a step takes so long that it is prepared only for a measurement, not to record a token stream."""
    fuses: bool = False
    """It runs kernels of its own, not those of the arm's variants."""
    packages: bool = False
    """It compiles a package ahead of time. The suite may leave the choice of its kernels' configurations to the
    compiler."""
    yields_samples: bool = False
    """`time_us(steps)` returns the time of its steps. Otherwise the device's clock times `run`."""

    traces_itself: bool = False
    """`trace(steps)` returns the text of a trace of its next steps. Otherwise torch's profiler sees its operators."""

    @property
    def replays_ops(self) -> bool:
        """Whether its step is the arm's own kernels without the host between them."""
        return self.captures and not self.fuses
