"""Distances between decodes are those of the definition; a divergence planted in an arm is found, the same arm is not
flagged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from harness.decode.decode_cases import DecodeBench
from harness.decode.quality import ArmLogits, by_block, divergence, negative_log_likelihood
from harness.decode.suite_model import SuiteModel
from harness.device.choice import open_device
from harness.plan import expand
from harness.suite.load import load_suite
from harness.values.case import Case
from harness.values.measurement import Status
from harness.values.quality import DecodeQuality, QualityVerdict
from harness.worker.messages import Measured
from tests.conftest import REPOSITORY
from tests.suite.suite_files import write_suite

STEPS, VOCAB = 64, 2048
SUITE = REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml"


def randn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(st.integers(0, 2**31), st.floats(0.01, 3))
def test_the_divergence_is_torchs(seed: int, size: float) -> None:
    p, q = (size * randn(2, 3, 50, seed=seed + place) for place in (0, 1))
    wanted = torch.nn.functional.kl_div(
        q.double().log_softmax(-1), p.double().log_softmax(-1), reduction="none", log_target=True
    ).sum(-1)
    assert torch.allclose(divergence(p, q), wanted, atol=1e-12)
    assert torch.equal(divergence(p, p), torch.zeros(2, 3, dtype=torch.float64))


def test_the_likelihood_is_torchs_cross_entropy() -> None:
    logits, tokens = randn(2, 5, 50, seed=1), torch.arange(10).view(2, 5)
    wanted = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none").view(2, 5)
    assert torch.allclose(negative_log_likelihood(logits, tokens).float(), wanted, atol=1e-5)


def test_blocks_are_of_one_sequence_and_miss_no_token() -> None:
    values = torch.stack([torch.arange(10.0), 100 + torch.arange(10.0)]).double()
    assert by_block(values) == [2.0, 7.0, 102.0, 107.0]
    assert by_block(torch.ones(1, 3)) == [1.0]


def case(arm: str) -> Case:
    return Case("decode", arm, "int4-g64/float32", {"batch": 1, "context": 20}, engine="eager")


def judged(base: Tensor, head: Tensor, wanted: Tensor, second: Callable[[Tensor], Tensor] = lambda x: x) -> Any:
    held = ArmLogits(wanted, torch.zeros(1, 20, dtype=torch.int64), torch.arange(STEPS + 1)[None])
    held.keep(case("base"), base)
    held.keep(case("head"), head)
    assert held.numerics(case("base")).outputs is not None
    found = held.quality(case("head"), second(head))
    assert found is not None
    return found


def perturbed(logits: Tensor, kl: float, seed: int) -> Tensor:
    """Logits whose KL from these is that large on average: half the variance of what is added, to first order."""
    return logits + (2 * kl) ** 0.5 * randn(*logits.shape, seed=seed)


@pytest.mark.parametrize("seed", range(5))
def test_a_divergence_of_a_thousandth_is_found_and_measured(seed: int) -> None:
    """Beside float32's own rounding, and beside bfloat16's, which both arms share."""
    wanted = 2 * randn(1, STEPS, VOCAB, seed=seed)
    for rounding in (1e-12, 2e-3):
        base = perturbed(wanted, rounding, 100 + seed)
        found: DecodeQuality = judged(base, perturbed(base, 1e-3, 200 + seed), wanted)
        assert found.against is not None and found.against.verdict is QualityVerdict.FARTHER
        assert found.against.kl.low < 1e-3 < 1.15 * found.against.kl.high
        assert found.against.kl.value == pytest.approx(1e-3, rel=0.1)
        assert found.against.kl_change.low > 5e-4
        assert found.kl.value == pytest.approx(1e-3 + rounding, rel=0.1)
        assert found.again.value == 0.0 and found.tokens == STEPS


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-3])
def test_none_of_fifty_comparisons_of_an_arm_with_itself_is_flagged(noise: float) -> None:
    """Whether it repeats itself bit for bit, or each pass differs from the one before by so much KL."""
    wanted = 2 * randn(1, STEPS, VOCAB, seed=0)
    arm = perturbed(wanted, 2e-3, 1)
    flagged = 0
    for trial in range(50):
        passes = [perturbed(arm, noise, 10 * trial + place) for place in (2, 3, 4)] if noise else [arm] * 3
        found = judged(passes[0], passes[1], wanted, lambda _, third=passes[2]: third)
        flagged += found.against.verdict is not QualityVerdict.AS_ITSELF
    assert flagged == 0


COPY = """from harness_kernels.int4_mm import torch_blocked


def run(x, weight, scale, group):
    return torch_blocked.run(x, weight, scale, group, block_n=64)
"""
SHIFTED = """import torch
from harness_kernels.int4_mm import torch_blocked

SHIFT = 0.0465 * torch.randn(2048, generator=torch.Generator().manual_seed(0))


def run(x, weight, scale, group):
    y = torch_blocked.run(x, weight, scale, group, block_n=64)
    return y + SHIFT.to(y.dtype) if weight.shape[0] == 2048 else y
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("planted", "verdict"), [(COPY, QualityVerdict.AS_ITSELF), (SHIFTED, QualityVerdict.FARTHER)],
    ids=["the same arm", "a thousandth"],
)  # fmt: skip
def test_two_arms_of_a_real_decode(planted: str, verdict: QualityVerdict, tmp_path: Path) -> None:
    """The tiny model in bfloat16: a copy of the kernel is the same arm; logits shifted by a KL of 1e-3 are right within
    the tolerance, and found here."""
    (tmp_path / "planted.py").write_text(planted)
    text = SUITE.read_text().replace("int4_mm: {torch_blocked: tuned}", "int4_mm: ./planted.py", 1)
    text = text.replace("int4_mm: torch_blocked", "int4_mm: {torch_blocked: {block_n: 64}}")
    text = text.replace("{torch_gather: tuned}", "torch_gather")
    suite = load_suite(write_suite(tmp_path, text=text.replace("dtype: float32", "dtype: bfloat16")))
    assert suite.decode is not None
    decode = msgspec.structs.replace(suite.decode, context=(8,))
    plan = expand(msgspec.structs.replace(suite, decode=decode, kernels=None))
    events = DecodeBench(SuiteModel(plan, open_device()), 0, 0, {}).run(plan.cases)
    measured = [e.measurement for e in events if isinstance(e, Measured)]
    assert {m.status for m in measured} == {Status.OK}
    base, head = (m.quality for m in measured if m.case.kind == "decode")
    assert base is not None and head is not None and head.against is not None
    assert base.against is None and head.against.arm == "baseline"
    assert head.against.verdict is verdict and head.again.value == 0 and head.tokens == 32
    if planted == COPY:
        assert head.against.kl.value == head.against.kl_change.value == 0 and head.against.agree.value == 1
    else:
        assert head.against.kl.value == pytest.approx(1e-3, rel=0.3)
        assert head.against.kl_change.low > 5e-4 and 1e-4 < base.kl.value < 4e-4


def test_other_processes_than_the_first_take_no_quality(tmp_path: Path) -> None:
    plan = expand(msgspec.structs.replace(load_suite(write_suite(tmp_path)), kernels=None), arms=["baseline"])
    events = DecodeBench(SuiteModel(plan, open_device()), 1, 0, {}).run(plan.cases)
    assert [e.measurement.quality for e in events if isinstance(e, Measured)] == [None, None]
