"""What makes a decode's logits right, and that each part of the rule can fail."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harness.decode import arm_ops, check
from harness.decode.check import CHECKED_STEPS, LEAST_COSINE, check_logits, kept_reference_logits
from harness.device.fake import FakeDevice
from harness.load_kernels import load_op

STEPS, VOCAB = 8, 20_000


def logits(seed: int = 0) -> Tensor:
    return torch.randn(1, STEPS, VOCAB, generator=torch.Generator().manual_seed(seed))


def noise(size: float, seed: int) -> Tensor:
    return size * torch.randn(1, STEPS, VOCAB, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), size=st.floats(0, 0.03))
def test_rounding_is_right_whatever_it_swaps_among_near_ties(seed: int, size: float) -> None:
    """3 % is what bfloat16 does over 40 layers."""
    result = check_logits(logits(seed) + noise(size, seed + 1), logits(seed), "bfloat16")
    assert result.correct and "argmax agrees in" in result.detail, result.detail


def output_layer(seed: int) -> tuple[Tensor, Tensor]:
    """Logits [1, 64, VOCAB] of an output matrix whose rows differ in norm, rounded to bfloat16 after an error of 2 % in
    what is multiplied; and the exact ones."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(VOCAB, 128, generator=generator) * torch.randn(VOCAB, 1, generator=generator).mul(0.15).exp()
    hidden, error = (torch.randn(1, 64, 128, generator=generator) / 128**0.5 for _ in range(2))
    exact = 3 * hidden @ rows.T
    return (exact + 0.06 * error @ rows.T).bfloat16().float(), exact


@pytest.mark.parametrize("seed", range(6))
def test_the_numeric_error_is_that_of_large_logits(seed: int) -> None:
    """Planted fault: the rms over all logits would say that likely tokens lie more errors apart than they do."""
    got, exact = output_layer(seed)
    likely = exact.topk(8, dim=-1).indices
    moved = (got - exact).gather(-1, likely)
    distances = moved[..., 1:] - moved[..., :1]
    error = check.numeric_error(got, exact)[..., None]
    assert 2**0.5 - 0.2 < (distances / error).std().item() < 2**0.5 + 0.5
    assert (error > 1.04 * (got - exact).square().mean(-1, keepdim=True).sqrt()).float().mean() > 0.7
    assert check_logits(got, exact, "bfloat16").correct


def test_a_cosine_below_the_limit_is_wrong_though_all_errors_are_allowed() -> None:
    """Noise of 4.8 % lies within the tolerance of the errors; its cosine is 0.9988."""
    result = check_logits(logits() + noise(0.048, 1), logits(), "bfloat16")
    assert result.max_error < result.allowed_max_error and result.rms_error < result.allowed_rms_error
    assert not result.correct and f"a cosine below {LEAST_COSINE}" in result.detail


def test_one_wrong_row_that_wins_is_wrong_though_errors_and_cosine_are_allowed() -> None:
    """One row of the vocabulary a little too large in one step, above a clear winner: nothing else shows it."""
    wanted = logits()
    first, row = (int(place) for place in wanted[0, 3].topk(2).indices)
    wanted[0, 3, row] = wanted[0, 3, first] - 0.1
    got = wanted + noise(0.005, 2)
    got[0, 3, row] = got[0, 3].max() + 0.01
    result = check_logits(got, wanted, "bfloat16")
    assert result.max_error < result.allowed_max_error and "a cosine below" not in result.detail
    assert not result.correct and "in 1 more than the 6" in result.detail


def test_a_swap_of_what_lies_closer_than_rounding_is_right() -> None:
    wanted = logits()
    first, second = (int(place) for place in wanted[0, 3].topk(2).indices)
    wanted[0, 3, second] = wanted[0, 3, first] - 0.01
    got = wanted + noise(0.01, 3)
    got[0, 3, second] = got[0, 3].max() + 1e-3
    assert check_logits(got, wanted, "bfloat16").correct


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_wrong(value: float) -> None:
    got = logits()
    got[0, 5, 7] = value
    assert not check_logits(got, logits(), "bfloat16").correct


def test_the_reference_is_computed_once_for_all_processes_of_a_run(tmp_path: Path) -> None:
    """And anew for another stream."""
    calls: list[int] = []

    class Model:
        device = FakeDevice()

        def truth(self, prompt: Tensor, stream: Tensor, steps: int) -> Tensor:
            calls.append(steps)
            return stream[:, :steps, None].float()

    prompt, stream = torch.arange(5).unsqueeze(0), torch.arange(CHECKED_STEPS + 1).unsqueeze(0)
    first, again = (kept_reference_logits(tmp_path, Model(), prompt, stream, CHECKED_STEPS) for _ in range(2))  # type: ignore[arg-type]
    assert torch.equal(first, again) and len(calls) == 1
    kept_reference_logits(tmp_path, Model(), prompt, stream + 1, CHECKED_STEPS)  # type: ignore[arg-type]
    kept_reference_logits(None, Model(), prompt, stream, CHECKED_STEPS)  # type: ignore[arg-type]
    assert len(calls) == 3 and len(list(tmp_path.iterdir())) == 2


def test_definitions_of_older_kernels_are_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels come from a revision, the harness does not: what an op did not say yet is taken as not so."""
    loaded = load_op("residual_add")
    old = SimpleNamespace(**{name: value for name, value in vars(loaded.op).items() if name != "stepwise"})
    monkeypatch.setattr(arm_ops, "load_op", lambda _: SimpleNamespace(op=old, reference=loaded.reference))
    bound = arm_ops.ReferenceOps().bind("residual_add", "main", 0, {})
    assert torch.equal(bound("prefill", torch.ones(2, 3), torch.ones(2, 3)), torch.full((2, 3), 2.0))
