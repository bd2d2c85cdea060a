"""A GPU rounds float32 to bfloat16; Triton's interpreter truncates it, and makes 1.2e-38 of denormals."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton.language as tl
from triton.runtime import interpreter


def round_as_a_gpu() -> None:
    """Rounds in this process' interpreter, ties to even, so that a tolerance for rounding holds there, too: of two
    roundings of the few values that dominate a row, truncation makes one and a half times the error."""
    convert = interpreter._convert_float

    def converted(given: Any, given_dtype: Any, dtype: Any, mode: Any) -> Any:
        if (given_dtype, dtype) != (tl.float32, tl.bfloat16):
            return convert(given, given_dtype, dtype, mode)
        rounded = torch.from_numpy(np.array(given, dtype=np.float32)).to(torch.bfloat16)
        return rounded.view(torch.int16).numpy().view(np.uint16)

    interpreter._convert_float = converted
