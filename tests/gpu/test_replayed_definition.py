"""On a GPU: a definition that is replayed gives what it gives when its kernels are launched one by one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from harness.decode.arm_ops import ReferenceOps
from harness.device.choice import open_device
from harness.load_kernels import load_op
from tests.kernels.catalogue import operands_of

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

DELTA = {"k_heads": 2, "v_heads": 4, "k_dim": 16, "v_dim": 32}


def test_a_replayed_prompt_is_that_of_the_definition_bit_for_bit() -> None:
    """Two shapes in turn, each continuing its own state; decode steps are not replayed."""
    op = load_op("gated_delta_rule")
    bound: Any = ReferenceOps(open_device()).bind("gated_delta_rule", "main", 0, {})
    for batch, length in ((1, 70), (2, 33), (1, 70), (2, 33)):
        drawn = operands_of("gated_delta_rule", {"batch": batch, "length": length, **DELTA}, torch.float32)
        inputs = [value.cuda() if isinstance(value, torch.Tensor) else value for value in drawn.values()]
        wanted = [value.clone() if isinstance(value, torch.Tensor) else value for value in inputs]
        state = list(drawn).index("state")
        for _ in range(2):
            expected = op.reference(*wanted)
            assert torch.equal(bound("prefill", *inputs), expected)
            assert torch.equal(inputs[state], wanted[state])
