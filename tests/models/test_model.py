"""The decoder computes what transformers' Qwen3_5MoeForCausalLM computes on the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.decode.arm_ops import ReferenceOps
from harness_kernels.models.decoder import Decoder
from harness_kernels.models.qwen3_5_moe import checkpoint, model
from tests.models import hugging_face
from tests.models.hugging_face import DENSE, GROUP, TINY
from tests.models.planted import FAULTS

PROMPT, STEPS = 7, 32
AGREES = 1e-4
"""Largest difference over the largest logit, in float32 on both sides."""

SHAPES: dict[str, dict[str, Any]] = {
    "as the real model: three of four layers linear": {},
    "one linear layer": {"num_hidden_layers": 1},
    "one attention layer": {"num_hidden_layers": 1, "full_attention_interval": 1},
    "several attention layers": {"num_hidden_layers": 3, "full_attention_interval": 1},
    "several of each": {"num_hidden_layers": 4, "full_attention_interval": 2},
    "as many k heads as v heads": {
        "linear_num_key_heads": 3, "linear_num_value_heads": 3, "linear_value_head_dim": 16, "hidden_size": 48,
    },
    "four v heads a k head, wide keys": {
        "linear_num_key_heads": 1, "linear_num_value_heads": 4, "linear_key_head_dim": 32, "linear_value_head_dim": 16,
    },
    "one kv head, all dims rotated, a short window": {
        "num_key_value_heads": 1, "partial_rotary_factor": 1.0, "linear_conv_kernel_dim": 2, "num_hidden_layers": 2,
        "full_attention_interval": 2,
    },
}  # fmt: skip
CASES = [
    *(pytest.param(shape, 0, 2, DENSE, id=name) for name, shape in SHAPES.items()),
    pytest.param({}, 1, 3, DENSE, id="batch 3, another seed"),
    pytest.param({}, 2, 1, (), id="router and shared gate packed too, another seed"),
    pytest.param({}, 3, 1, (*DENSE, "gdn_in", "attn_qkv", "lm_head"), id="more sites dense, another seed"),
]


def decoder(folder: Path, dims: dict[str, Any], ops: Any, batch: int, dense: tuple[str, ...] = DENSE) -> Decoder:
    common: dict[str, Any] = {"group": GROUP, "dtype": torch.float32, "device": "cpu"}
    weights = checkpoint.load(folder, dims, dense=dense, **common)
    return model.build(dims, weights, ops, batch=batch, capacity=PROMPT + STEPS + 1, **common)


def logits(ours: Decoder, tokens: Tensor, prompt: int = PROMPT) -> tuple[Tensor, Tensor]:
    """As `hugging_face.logits`: every position of the prompt, then step by step."""
    first = ours.prefill(tokens[:, :prompt], every=True)
    steps = [ours.decode(tokens[:, t], torch.tensor([t])) for t in range(prompt, tokens.shape[1])]
    return first, torch.stack(steps, dim=1)


def difference(got: Tensor, wanted: Tensor) -> float:
    assert got.shape == wanted.shape
    return ((got - wanted).abs().max() / wanted.abs().max()).item()


def random_tokens(batch: int, length: int = PROMPT + STEPS) -> Tensor:
    return torch.randint(TINY["vocab_size"], (batch, length), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(("shape", "seed", "batch", "dense"), CASES)
def test_prefill_and_decode_agree_with_transformers(
    shape: dict[str, Any], seed: int, batch: int, dense: tuple[str, ...], tmp_path: Path
) -> None:
    """Logits of every prompt position and of 32 teacher-forced steps agree to 1e-4 of the largest."""
    dims = {**TINY, **shape}
    theirs = hugging_face.random_model(dims, seed)
    ours = decoder(hugging_face.save(theirs, tmp_path), dims, ReferenceOps(), batch, dense)
    hugging_face.round_to_int4(theirs, GROUP, dense)
    tokens = random_tokens(batch)
    for got, wanted in zip(logits(ours, tokens), hugging_face.logits(theirs, tokens, PROMPT), strict=True):
        assert difference(got, wanted) <= AGREES


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Tensor, Tensor]]:
    """A checkpoint of the tiny model, and what transformers answers on it."""
    theirs = hugging_face.random_model(TINY, 0)
    folder = hugging_face.save(theirs, tmp_path_factory.mktemp("tiny"))
    hugging_face.round_to_int4(theirs, GROUP, DENSE)
    return folder, hugging_face.logits(theirs, random_tokens(1), PROMPT)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mistake_shows(fault: str, saved: tuple[Path, tuple[Tensor, Tensor]]) -> None:
    """The comparison fails by more than ten times its tolerance for a model with one mistake in it."""
    folder, wanted = saved
    planted = FAULTS[fault]
    got = logits(decoder(folder, TINY, planted, 1), random_tokens(1))
    assert planted.bound
    assert max(difference(*pair) for pair in zip(got, wanted, strict=True)) > 10 * AGREES


def test_unrounded_weights_show(saved: tuple[Path, tuple[Tensor, Tensor]]) -> None:
    """The truth was rounded to int4 as well: the original weights give other logits."""
    original = hugging_face.logits(hugging_face.random_model(TINY, 0), random_tokens(1), PROMPT)
    assert difference(original[0], saved[1][0]) > 10 * AGREES


def test_decode_continues_as_prefill_does(saved: tuple[Path, tuple[Tensor, Tensor]]) -> None:
    """A text gives the same logits in one piece, in several pieces, and token by token."""
    ours, tokens = decoder(saved[0], TINY, ReferenceOps(), 3), random_tokens(3)
    whole = ours.prefill(tokens, every=True)
    ours.reset()
    pieces = [ours.prefill(tokens[:, s : s + 13], start=s, every=True) for s in range(0, tokens.shape[1], 13)]
    ours.reset()
    _, steps = logits(ours, tokens, prompt=1)
    assert difference(torch.cat(pieces, dim=1), whole) < 1e-5
    assert difference(steps, whole[:, 1:]) < 1e-5


def test_the_last_position_alone_is_the_last_of_all(saved: tuple[Path, tuple[Tensor, Tensor]]) -> None:
    """Without `every`, a prefill returns [batch, vocab]: what it would have returned for the last position."""
    ours, tokens = decoder(saved[0], TINY, ReferenceOps(), 3), random_tokens(3)
    every = ours.prefill(tokens, every=True)
    ours.reset()
    assert difference(ours.prefill(tokens), every[:, -1]) < 1e-6


def test_reset_snapshot_and_restore(saved: tuple[Path, tuple[Tensor, Tensor]]) -> None:
    """States are changed in place: a snapshot brings back the logits bit for bit, `reset` an empty memory."""
    ours, tokens = decoder(saved[0], TINY, ReferenceOps(), 1), random_tokens(1)
    addresses = {name: state.data_ptr() for name, state in ours.states.items()}
    ours.prefill(tokens[:, :PROMPT])
    taken = ours.snapshot()
    first = ours.decode(tokens[:, PROMPT], torch.tensor([PROMPT]))
    ours.decode(tokens[:, PROMPT + 1], torch.tensor([PROMPT + 1]))
    ours.restore(taken)
    assert torch.equal(ours.decode(tokens[:, PROMPT], torch.tensor([PROMPT])), first)
    ours.reset()
    assert all(not state.any() for state in ours.states.values())
    assert {name: state.data_ptr() for name, state in ours.states.items()} == addresses


def test_greedy_choice(saved: tuple[Path, tuple[Tensor, Tensor]]) -> None:
    """`sample` is the most likely token, [batch] int64."""
    chosen = decoder(saved[0], TINY, ReferenceOps(), 1).sample(torch.tensor([[0.0, 3.0, 3.0, 1.0]]))
    assert chosen.tolist() == [1]
    assert chosen.dtype == torch.int64


@pytest.mark.parametrize(("batch", "length", "start"), [(2, 4, 0), (1, PROMPT + STEPS + 2, 0), (1, 2, PROMPT + STEPS)])
def test_what_does_not_fit_is_refused(
    saved: tuple[Path, tuple[Tensor, Tensor]], batch: int, length: int, start: int
) -> None:
    """Another batch, or a position past the capacity, is an error before anything is computed."""
    ours = decoder(saved[0], TINY, ReferenceOps(), 1)
    with pytest.raises(ValueError, match=rf"prefill of {batch} x {length} tokens at position {start}: .* 1 x 40"):
        ours.prefill(random_tokens(batch, length), start=start)
    assert all(not state.any() for state in ours.states.values())
