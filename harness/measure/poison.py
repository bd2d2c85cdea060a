"""Makes memory that nobody wrote visible, and what is written beside it."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from harness.measure.guards import Guards

UNINITIALISED = {
    torch.ops.aten.empty.memory_format,
    torch.ops.aten.empty_strided.default,
    torch.ops.aten.empty_like.default,
    torch.ops.aten.new_empty.default,
    torch.ops.aten.new_empty_strided.default,
}
INITIALISED = {
    torch.ops.aten.zeros.default,
    torch.ops.aten.zeros_like.default,
    torch.ops.aten.new_zeros.default,
    torch.ops.aten.ones.default,
    torch.ops.aten.ones_like.default,
    torch.ops.aten.full.default,
    torch.ops.aten.full_like.default,
    torch.ops.aten.new_full.default,
    torch.ops.aten.clone.default,
}
HELD_BYTES = 1 << 30
"""What a call allocates is held to its end, so that its guards can be looked at: so much of it, the rest has none."""
INTEGER_POISON = -(2**31) + 12345
"""An integer tensor cannot hold NaN; this value is no token, expert or position."""


class PoisonUninitialised(TorchDispatchMode):
    """While active, tensors that Python code allocates without values are filled with NaN (floats) or `INTEGER_POISON`,
    and those that it allocates lie between guards.

    Allocations inside of torch's own kernels are not seen, so library functions are left as they are.
    """

    def __init__(self, guards: Guards | None = None) -> None:
        """guards: take over what is allocated; none where the tensors stay torch's own."""
        super().__init__()
        self._guards, self._left_bytes = guards, HELD_BYTES

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """torch asks. With True the first call imports torch._dynamo: 1.4 to 4 s in every process that checks a kernel,
        for functions that are compiled while this is active, which a compiler does not mind."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func in UNINITIALISED or func in INITIALISED:
            result = self._guarded(result, kwargs)
        if func in UNINITIALISED and result.numel():
            if result.is_floating_point():
                result.fill_(float("nan"))
            elif result.dtype in (torch.int32, torch.int64):
                result.fill_(INTEGER_POISON)
            elif result.dtype is not torch.bool:
                result.fill_(85)
        return result

    def _guarded(self, result: Any, kwargs: Any) -> Any:
        """Dynamo, which may look in here, is given the tensor as it is."""
        if self._guards is None or torch.compiler.is_compiling() or kwargs.get("pin_memory"):
            return result
        self._left_bytes -= result.nbytes
        if self._left_bytes < 0:
            return result
        return self._guards.around(f"memory of shape {tuple(result.shape)}", result)
