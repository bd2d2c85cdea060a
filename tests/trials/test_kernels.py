"""Kernels of a new user that were once judged wrongly."""

from __future__ import annotations

from pathlib import Path

from tests.trials.commands import harness

PREPARED_CACHE = """\
import torch


def prepare(inputs):
    return {"k_cache": inputs["k_cache"].float(), "v_cache": inputs["v_cache"].float()}


def run(q, k_cache, v_cache, positions):
    mask = torch.arange(k_cache.shape[2], device=q.device) <= positions.unsqueeze(-1)
    y = torch.nn.functional.scaled_dot_product_attention(
        q.float().transpose(1, 2), k_cache, v_cache, attn_mask=mask, enable_gqa=True
    )
    return y.transpose(1, 2).to(q.dtype)
"""


def test_a_cache_is_never_prepared(tmp_path: Path) -> None:
    """What is other data in every call is repacked in the call: `prepare` that asks for a cache is told so."""
    (tmp_path / "k.py").write_text(PREPARED_CACHE)
    said = harness(tmp_path, "try", "k.py", "--op", "sdpa", "--against", "none")
    assert said.status == 5 and "k_cache has the role cache" in said.text, said.text
