"""Kernels of a new user that were once judged wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import REPOSITORY
from tests.trials.commands import harness

HEAD = "import torch\nimport triton\nimport triton.language as tl\n\n\n"

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
DOT = (
    HEAD
    + """\
@triton.jit
def product(x, w, y, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    cols = tl.program_id(1) * BN + tl.arange(0, BN)
    acc = tl.zeros((BM, BN), tl.float32)
    for start in range(0, k, BK):
        at = start + tl.arange(0, BK)
        a = tl.load(x + rows[:, None] * k + at[None, :], mask=(rows < m)[:, None] & (at < k)[None, :], other=0.0)
        b = tl.load(w + cols[None, :] * k + at[:, None], mask=(cols < n)[None, :] & (at < k)[:, None], other=0.0)
        acc = tl.dot(a, b, acc)
    tl.store(y + rows[:, None] * n + cols[None, :], acc, mask=(rows < m)[:, None] & (cols < n)[None, :])


def run(x, weight, *, block_n=64, block_k=64):
    (m, k), n = x.shape, weight.shape[0]
    y = torch.empty(m, n, dtype=x.dtype, device=x.device)
    product[(triton.cdiv(m, 16), triton.cdiv(n, block_n))](x, weight, y, m, n, k, BM=16, BN=block_n, BK=block_k)
    return y
"""
)
NORM = (
    HEAD
    + """\
@triton.jit
def norm(x, w, y, n, eps, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    row = tl.program_id(0) * n
    v = tl.load(x + row + at, mask=at < n, other=0.0).to(tl.float32)
    r = tl.rsqrt(tl.sum(v * v) / n + eps)
    tl.store(y + row + at, v * r * (1 + tl.load(w + at, mask=at < n, other=0.0).to(tl.float32)), mask=at < n)


def run(x, weight, eps):
    y = torch.empty_like(x)
    norm[(x.shape[0],)](x, weight, y, x.shape[1], eps, BLOCK=triton.next_power_of_2(x.shape[1]))
    return y
"""
)
CONFIGURATIONS = """\
@triton.autotune(configs=[triton.Config({"BLOCK": 4096}, num_warps=w) for w in (4, 8)], key=["n"])
@triton.jit"""
TUNED = NORM.replace("@triton.jit", CONFIGURATIONS).replace(", BLOCK=triton.next_power_of_2(x.shape[1])", "")
COMPUTED_NAN = """\
import torch


def run(x, weight):
    y = x @ weight.T
    y[..., 5] = (y[..., 5] - y[..., 5]) / (y[..., 5] - y[..., 5])
    return y
"""
KEPT_BY_A_FEW_VALUES = """\
KEPT = {}


def run(x, weight):
    key = (x.data_ptr(), weight.data_ptr(), *x.flatten()[:4].tolist(), *x.flatten()[-4:].tolist())
    if key not in KEPT:
        KEPT[key] = x @ weight.T
    return KEPT[key].clone()
"""
TYPO = (
    HEAD
    + """\
@triton.jit
def copy(x, y, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(y + at, tl.load(x + at, mask=at < n))


def run(x, expert_ids, weight, scale, group):
    out = torch.empty(expert_ids.numel(), wieght.shape[1], dtype=x.dtype, device=x.device)
    copy[(1,)](x, out, out.numel(), BLOCK=128)
    return out
"""
)
BRANCHES = NORM.replace(
    "    r = tl.rsqrt(tl.sum(v * v) / n + eps)\n",
    "    if n > 10:\n        r = tl.rsqrt(tl.sum(v * v) / n + eps)\n    else:\n        r = v\n",
)


SOFTMAX_WITHOUT_MAX = """\
import torch


def run(q, k_cache, v_cache, positions):
    g = q.shape[2] // k_cache.shape[1]
    k, v = k_cache.repeat_interleave(g, 1).float(), v_cache.repeat_interleave(g, 1).float()
    s = q.transpose(1, 2).float() @ k.transpose(2, 3) * q.shape[-1] ** -0.5
    e = torch.exp(s) * (torch.arange(k.shape[2], device=q.device) <= positions.unsqueeze(-1))
    return ((e / e.sum(-1, keepdim=True)) @ v).transpose(1, 2).to(q.dtype)
"""
VECMAT = (REPOSITORY / "kernels" / "moe_gate_up" / "triton_vecmat.py").read_text()
SUM = "total = vecmat_step(total, values, weight_at, scale_rows, start, k, k_ok, rows_ok, GROUP, BLOCK_K)"
BFLOAT16_SUM = VECMAT.replace(SUM, f"{SUM}.to(tl.bfloat16).to(tl.float32)")
NIBBLE_ZERO = VECMAT.replace("- 8.0\n", "- 8.0\n    level = tl.where(level == -8.0, 0.0, level)\n", 1)
SHARED_OUTPUT = VECMAT.replace("out = torch.empty(", "out = BUFFER.setdefault(rows, torch.empty(", 1).replace(
    "device=x.device)\n", "device=x.device))\n", 1
) + "\n\nBUFFER: dict[int, Tensor] = {}\n"  # fmt: skip


class Trial(NamedTuple):
    op: str
    text: str
    status: int
    said: tuple[str, ...]
    unsaid: str = "Traceback"


TRIALS = {
    "a cache is never prepared": Trial("sdpa", PREPARED_CACHE, 5, ("FAILED", "k_cache has the role cache")),
    "products of bfloat16 tiles": Trial("linear", DOT, 0, ("correct ", "sm_90: ")),
    "a kernel under autotune": Trial("rms_norm", TUNED, 0, ("correct ", "norm with the first of its 2 configurations")),
    "a NaN that was computed": Trial("linear", COMPUTED_NAN, 5, ("INCORRECT", "NaN that was computed"), "unwritten"),
    "a typo before the first launch": Trial("moe_gate_up", TYPO, 5, ("FAILED   NameError: name 'wieght'",), "TIMEOUT"),
    "a kernel that does not compile": Trial("rms_norm", BRANCHES, 5, ("does not compile: CompilationError",)),
    "what the interpreter cannot run": Trial(
        "rms_norm", NORM.replace("+ eps)", "+ eps.to(tl.float32))"), 5,
        ("UNSUPPORTED   not checked here: Triton's interpreter stopped at k.py:11: AttributeError", "compiles: yes"),
        "FAILED",
    ),
    "a typo in a kernel": Trial("rms_norm", NORM.replace("v * r *", "v * rr *"), 5, ("FAILED", "k.py:12: NameError")),
    "softmax without a maximum": Trial(
        "sdpa", SOFTMAX_WITHOUT_MAX, 5, ("INCORRECT", "right on random inputs, wrong under the condition saturated")
    ),
    "a sum in bfloat16": Trial("moe_gate_up", BFLOAT16_SUM, 5, ("INCORRECT", "a sum may run in low precision")),
    "level -8 left out": Trial("moe_gate_up", NIBBLE_ZERO, 5, ("INCORRECT", "under the condition all_nibbles")),
    "one buffer for all calls": Trial(
        "moe_gate_up", SHARED_OUTPUT, 5, ("INCORRECT   gate_up of one call lies in the buffer of another call's",)
    ),
    "kept by address and a few values": Trial(
        "linear", KEPT_BY_A_FEW_VALUES, 5, ("INCORRECT", "a result kept from an earlier call")
    ),
    "another device than the inputs'": Trial(
        "linear", "def run(x, weight):\n    return (x @ weight.T).to('meta')\n", 5,
        ("y lies on meta, its inputs on cpu",),
    ),
    "another dtype than the op's": Trial(
        "linear", "def run(x, weight):\n    return x.float() @ weight.float().T\n", 5,
        ("INCORRECT", "y has dtype torch.float32, wanted torch.bfloat16"),
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIALS)
def test_a_kernel_is_judged_by_what_it_does(name: str, tmp_path: Path) -> None:
    """Right is correct, wrong is named with its place, and what cannot be checked here is said to be so."""
    trial = TRIALS[name]
    (tmp_path / "k.py").write_text(trial.text)
    said = harness(tmp_path, "try", "k.py", "--op", trial.op, "--against", "none")
    assert said.status == trial.status and trial.unsaid not in said.text, said.text
    for words in trial.said:
        assert words in said.text, said.text
