"""Every block of the vocabulary stores its own best token to the same place: the last one wins, whoever that is."""

import torch
import triton
import triton.language as tl

OP = "greedy"
DIMS = {"batch": 1, "vocab": 64}
KIND = "race"


@triton.jit
def best_kernel(logits, token_ids, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    best = tl.argmax(tl.load(logits + i), 0) + tl.program_id(0) * BLOCK
    tl.store(token_ids, best.to(tl.int64))  # here


def run(logits):
    token_ids = torch.empty(1, dtype=torch.int64, device=logits.device)
    best_kernel[(4,)](logits, token_ids, 16)
    return token_ids
