"""The declaration of an op by its files, in the form that a `spec.py` would give."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

from harness.suite.own_op import OwnOp

FILL = "own"
"""Inputs that the op's own function makes."""
ROUNDING = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""The largest relative error of one rounding."""
NARROW = ("float8_e4m3fn", "float8_e5m2", "int8")
"""Activations that are exact in the definition, too: results computed from them are rounded to bfloat16."""
LEAST = (1e-5, 5e-6)
"""Max and rms error that float32 has for exp, rsqrt and another order of a short sum."""
SHORT = 1024
"""Sums up to this length are short."""
DTYPES = (*ROUNDING, *NARROW)


def default_tolerance(activations: str, length: int) -> tuple[float, float]:
    """Max and rms error allowed to an output of that dtype whose sums have at most `length` terms.

    An output is rounded once at the end and may be once before (a probability, a tile of an operand): three roundings
    at most in one value, one and a half in the mean. The error of a float32 sum grows with the root of its length (N.
    J. Higham, Accuracy and Stability of Numerical Algorithms, section 4.2).
    """
    unit, growth = ROUNDING.get(activations, ROUNDING["bfloat16"]), math.sqrt(max(1.0, length / SHORT))
    if activations == "float32":
        return LEAST[0] * growth, LEAST[1] * growth
    return 3 * unit + LEAST[0] * growth, 1.5 * unit + LEAST[1] * growth


def declared(own: OwnOp, contract: ModuleType) -> Any:
    """Return `contract.Op`. Shapes are unknown before the inputs are made. Without declared roles, the first input
    counts as just produced and all others as read from memory; an input with a default is a constant."""

    def role(name: str) -> str:
        usual = "constant" if name in own.values else "activation" if name == own.parameters[0] else "cache"
        return own.roles.get(name, usual)

    given = {dtype: contract.Tolerance(*pair) for dtype, pair in own.tolerance.items()}
    usual = {dtype: contract.Tolerance(*default_tolerance(dtype, SHORT)) for dtype in DTYPES}
    return contract.Op(
        summary=own.summary,
        inputs=tuple(
            contract.Input(name, role=role(name), fill=FILL, value=own.values.get(name)) for name in own.parameters
        ),
        outputs=tuple((name, ()) for name in own.outputs),
        tolerance={**usual, **given},
        output_dtypes=own.output_dtypes,
        replaces=own.replaces,
    )
