"""Repairs of Triton's interpreter where it does not compute as a GPU does. Triton 3.6 and 3.7 keep bfloat16 as bit
patterns, and multiply, add, compare and round these patterns as if they were integers. They also patch the language at
every call of a device function, which takes half the time of a kernel that has some, and describe every tensor anew."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from harness.measure.interpreter_types import keep_types

BITS = {8: torch.uint8, 16: torch.int16, 32: torch.int32, 64: torch.int64}
FLOATS = {
    "bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32, "fp64": torch.float64,
    "fp8e4nv": torch.float8_e4m3fn, "fp8e5": torch.float8_e5m2,
}  # fmt: skip
"""Dtypes by Triton's name. torch has no arithmetic for the others, so they keep the interpreter's own conversion."""
NO_ARITHMETIC = ("bf16", "fp8e4nv", "fp8e5")
"""Dtypes for which numpy has bit patterns only, no numbers."""
autotuned: dict[str, int] = {}
"""For each kernel that this process interpreted with its first configuration, the number of its configurations."""
_done: set[int] = set()


def repair() -> None:
    """Repair the interpreter, once a process, after Triton was imported to interpret.

    Products, sums, comparisons and conversions of bfloat16 and float8 use their values, rounded to the nearest even. A
    kernel under `triton.autotune` runs with its first configuration, since there is no time to choose by. Device
    functions use the language that their kernel has. Tensors of one type share its description.
    """
    interpreter = sys.modules.get("triton.runtime.interpreter")
    if interpreter is None or id(interpreter) in _done or not _interprets():
        return
    _done.add(id(interpreter))
    _repair_conversion(interpreter)
    _repair_arithmetic(interpreter)
    _prepare_once(interpreter)
    keep_types(interpreter)
    _first_configuration()


def _interprets() -> bool:
    from triton import knobs

    return bool(knobs.runtime.interpret)


def _repair_conversion(interpreter: Any) -> None:
    own = interpreter._convert_float
    towards_zero = interpreter._ir.ROUNDING_MODE.RTZ

    def convert(data: Any, source: Any, target: Any, rounding: Any) -> Any:
        known = source.name in FLOATS and target.name in FLOATS
        if not known or (rounding is not None and rounding == towards_zero):
            return own(data, source, target, rounding)
        values = _values(data, source)
        if target.name.startswith("fp8"):  # cvt.rn.satfinite (PTX ISA): what is too large becomes the largest
            limit = torch.finfo(FLOATS[target.name]).max
            values = torch.where(torch.isnan(values), values, values.float().clamp(-limit, limit))
        return _pattern(values.to(FLOATS[target.name]), target.primitive_bitwidth)

    interpreter._convert_float = convert


def _values(data: Any, dtype: Any) -> torch.Tensor:
    """The values of a numpy array of bit patterns of a dtype, as a tensor."""
    signed = np.ascontiguousarray(data).view(
        f"{'u' if dtype.primitive_bitwidth == 8 else ''}int{dtype.primitive_bitwidth}"
    )
    return torch.from_numpy(signed.copy()).view(FLOATS[dtype.name])


def _pattern(values: torch.Tensor, bits: int) -> Any:
    return values.contiguous().view(BITS[bits]).numpy().view(f"uint{bits}")


def _repair_arithmetic(interpreter: Any) -> None:
    builder, handle = interpreter.InterpreterBuilder, interpreter.TensorHandle
    bitwise = {np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift}

    def widened(given: Any) -> Any:
        """Convert patterns to float32; return anything else unchanged."""
        scalar = given.dtype.scalar
        if scalar.name not in NO_ARITHMETIC or given.data.dtype.kind == "f":
            return given
        return handle(_values(given.data, scalar).float().numpy(), interpreter.tl.float32)

    def narrowed(result: Any, scalar: Any) -> Any:
        if result.data.dtype.kind != "f":  # a comparison
            return handle(result.data, scalar)
        values = torch.from_numpy(np.ascontiguousarray(result.data)).to(FLOATS[scalar.name])
        return handle(_pattern(values, scalar.primitive_bitwidth), scalar)

    def by_value(method: Callable[..., Any], operands: int) -> Callable[..., Any]:
        def computed(self: Any, *arguments: Any) -> Any:
            scalars = [given.dtype.scalar for given in arguments[:operands]]
            low = next((scalar for scalar in scalars if scalar.name in NO_ARITHMETIC), None)
            if low is None or (len(arguments) > operands and arguments[operands] in bitwise | {np.where}):
                return method(self, *arguments)
            wide = [widened(given) for given in arguments[:operands]]
            return narrowed(method(self, *wide, *arguments[operands:]), low)

        return computed

    for name, operands in (
        ("binary_op", 2), ("unary_op", 1), ("ternary_op", 3), ("create_fma", 3), ("create_rsqrt", 1),
    ):  # fmt: skip
        setattr(builder, name, by_value(getattr(builder, name), operands))

    product = builder.create_dot

    def dot(self: Any, a: Any, b: Any, d: Any, *options: Any) -> Any:
        """The accumulator keeps its dtype; products of bfloat16 are exact in float32."""
        return product(self, widened(a), widened(b), d, *options)

    builder.create_dot = dot


def _prepare_once(interpreter: Any) -> None:
    """Skip the patch of a device function: a launch already replaces the builtins of `triton.language`, so the function
    needs none where it sees no other module of the language."""
    nothing = getattr(interpreter, "_LangPatchScope", None)
    if nothing is None:  # another Triton, which undoes what it replaced in another way
        return
    prepare, language = interpreter._patch_lang, interpreter.tl

    def prepared(function: Any) -> Any:
        seen = function.__globals__.values()
        modules = [one for one in (language, language.core) if any(one is value for value in seen)]
        if not modules or any(language.core.is_builtin(one.load) for one in modules):
            return prepare(function)
        return nothing()

    interpreter._patch_lang = prepared


def _first_configuration() -> None:
    from triton.runtime.autotuner import Autotuner

    choose = Autotuner.run

    def run(tuner: Any, *arguments: Any, **keywords: Any) -> Any:
        every = tuner.configs
        if len(every) > 1:
            autotuned[tuner.base_fn.__name__] = len(every)
        tuner.configs = every[:1]
        try:
            return choose(tuner, *arguments, **keywords)
        finally:
            tuner.configs = every

    Autotuner.run = run
