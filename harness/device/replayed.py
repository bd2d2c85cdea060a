"""A call that is replayed as one CUDA graph where that is wanted, and made as it is elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from harness.device.device import Device, Graph


class Replayed:
    """`extra_bytes`: device memory that the graph holds beside the call's own tensors."""

    def __init__(self, call: Callable[[], Tensor], device: Device, captures: bool) -> None:
        """Capture the call after two warm-up calls, or make it once where nothing is captured."""
        self._call = call
        self._graph: Graph | None = device.capture([call], warm=[call, call]) if captures else None
        if self._graph is None:
            call()
        self.extra_bytes = self._graph.held_bytes if self._graph is not None else 0

    def __call__(self) -> Tensor:
        """Return the output of one call; the next one overwrites that of a replay."""
        if self._graph is None:
            return self._call()
        self._graph.replay()
        output: Tensor = self._graph.outputs
        return output
