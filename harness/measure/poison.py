"""Makes unwritten memory visible, and writes beside it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
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
"""Bytes of a call's allocations that are held to its end, so that their guards can be checked; later ones have no
guards."""
NAN_BITS = {
    torch.bfloat16: (torch.int16, 0x7FD5),
    torch.float16: (torch.int16, 0x7F55),
    torch.float32: (torch.int32, 0x7FD55ADE),
    torch.float64: (torch.int64, 0x7FFD55ADE0000000),
}
"""Quiet NaN with a payload that no arithmetic makes: 0 / 0 is 0x7FC0 or 0xFFC0 (IEEE 754, section 6.2.3), on an NVIDIA
GPU 0x7FFF. A copy keeps the payload, which tells unwritten memory from a computed NaN. float8 has only one NaN."""
INTEGER_POISON = -(2**31) + 12345
"""An integer tensor cannot hold NaN; this value is no token, expert or position."""


class PoisonUninitialised(TorchDispatchMode):
    """While active, tensors that Python code allocates without values are filled with NaN (floats) or `INTEGER_POISON`,
    and all tensors that it allocates lie between guards.

    Allocations inside of torch's own kernels are not seen, so library functions are left unchanged.
    """

    def __init__(self, guards: Guards | None = None) -> None:
        """guards: collect the guarded allocations; None leaves the tensors torch's own."""
        super().__init__()
        self._guards, self._left_bytes = guards, HELD_BYTES

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """torch's hook. With True the first call imports torch._dynamo, which takes 1.4 to 4 s in every process that
        checks a kernel, for the sake of functions compiled while this mode is active. A compiler does not mind the
        mode."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if (func not in UNINITIALISED and func not in INITIALISED) or _is_traced(result):
            return result
        result = self._guarded(result, kwargs)
        if func in UNINITIALISED and result.numel():
            if result.is_floating_point():
                poison(result)
            elif result.dtype in (torch.int32, torch.int64):
                result.fill_(INTEGER_POISON)
            elif result.dtype is not torch.bool:
                result.fill_(85)
        return result

    def _guarded(self, result: Any, kwargs: Any) -> Any:
        """Guard a result, except for Dynamo, which may trace this code and gets the tensor unchanged."""
        if self._guards is None or torch.compiler.is_compiling() or kwargs.get("pin_memory"):
            return result
        self._left_bytes -= result.nbytes
        if self._left_bytes < 0:
            return result
        return self._guards.around(f"memory of shape {tuple(result.shape)}", result)


def _is_traced(tensor: Tensor) -> bool:
    """Whether a compiler other than Dynamo (Helion's) calls torch to learn shapes. Such a tensor has no memory, and a
    request for its size may pin a symbolic one."""
    return isinstance(tensor, FakeTensor) or tensor.is_meta


def poison(tensor: Tensor) -> None:
    """Fill a tensor with a value that no right output has, as far as its dtype has such a value."""
    if tensor.dtype in NAN_BITS:
        integer, bits = NAN_BITS[tensor.dtype]
        tensor.view(integer).fill_(bits)
    elif tensor.dtype == torch.bool:
        tensor.fill_(True)
    else:
        tensor.fill_(float("nan") if tensor.is_floating_point() else torch.iinfo(tensor.dtype).min)


def unwritten(values: Tensor) -> Tensor:
    """Mask of the floats that still hold the fill of `PoisonUninitialised`; for dtypes whose NaN has no payload, of all
    NaN."""
    if values.dtype not in NAN_BITS:
        return torch.isnan(values.float())
    integer, bits = NAN_BITS[values.dtype]
    return values.contiguous().view(integer) == bits
