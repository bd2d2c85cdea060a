"""Leaves the recurrent state alone while it is captured.

Pays: states cannot be compared after a replay unless they were kept.
"""

import torch

from harness_kernels.gated_delta_rule.torch_recurrent import run as honest

OP = "gated_delta_rule"
FAMILY = "capture only"
FOUND = "wrong"
GPU = True


def run(qkv, a, b, a_log, dt_bias, state, k_heads):
    kept = state.clone() if torch.cuda.is_current_stream_capturing() else None
    out = honest(qkv, a, b, a_log, dt_bias, state, k_heads)
    if kept is not None:
        state.copy_(kept)
    return out
