"""Random operands look like a checkpoint's, and rotating expert ids keeps their weights out of the cache."""

from __future__ import annotations

import pytest
import torch

from harness.load_kernels import load_op
from harness_kernels.operands import evaluate, expert_ids, make, redraw
from harness_kernels.packing import dequantise, quantise, unpack
from tests.kernels.catalogue import OPS, operands_of


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("op", OPS)
def test_operands_have_the_declared_shapes_and_dtypes(op: str) -> None:
    """In the op's order; the same seed gives the same numbers, another one others."""
    loaded = load_op(op)
    for dims in loaded.test_shapes:
        operands = operands_of(op, dims, torch.bfloat16, seed=1)
        assert list(operands) == [declared.name for declared in loaded.op.inputs]
        for declared in loaded.op.inputs:
            value = operands[declared.name]
            if declared.role == "constant":
                assert value == (dims[declared.value] if isinstance(declared.value, str) else declared.value)
                continue
            assert tuple(value.shape) == tuple(evaluate(size, dims) for size in declared.shape)
            assert value.dtype == getattr(torch, declared.dtype, torch.bfloat16)
        again, other = (operands_of(op, dims, torch.bfloat16, seed=seed) for seed in (1, 2))
        same = [torch.equal(v, again[n]) for n, v in operands.items() if isinstance(v, torch.Tensor)]
        different = [not torch.equal(v, other[n]) for n, v in operands.items() if isinstance(v, torch.Tensor)]
        assert all(same) and any(different)


def test_nibbles_are_distributed_as_a_quantised_gaussian_is() -> None:
    """Each level as often as after quantising normal weights in groups of 128, to within 2 % of all nibbles."""
    made = operands_of("int4_mm", {"tokens": 1, "n": 256, "k": 1024, "group": 128})
    packed, scale = quantise(torch.randn(256, 1024, generator=generator()), 128)
    found, wanted = (torch.bincount(unpack(p).flatten(), minlength=16) / 256 / 1024 for p in (made["weight"], packed))
    assert float((found - wanted).abs().max()) < 0.02 and found[0] == 0
    assert 0.5 < float(made["scale"].std() / made["scale"].mean()) / float(scale.std() / scale.mean()) < 2


def test_weights_have_the_size_of_a_transformer_s() -> None:
    made = operands_of("int4_mm", {"tokens": 1, "n": 64, "k": 1024, "group": 128})
    values = dequantise(made["weight"], made["scale"], 128)
    assert 0.018 < float(values.std()) < 0.022 and abs(float(values.mean())) < 1e-3


def test_decays_and_step_sizes_are_neither_zero_nor_one() -> None:
    """Constants would hide a mistake: A_log, dt_bias and the norms' weights all spread."""
    made = operands_of("gated_delta_rule", {**load_op("gated_delta_rule").test_shapes[0], "v_heads": 64, "k_heads": 32})
    decay = torch.exp(-made["a_log"].exp() * torch.nn.functional.softplus(made["dt_bias"]))
    assert float(decay.min()) < 0.8 and float(decay.max()) > 0.97 and float(decay.std()) > 0.05


def test_uniform_ids_never_repeat_before_all_experts_were_used() -> None:
    """32 calls of 8 from 256 are one partition; within a token no expert comes twice."""
    ids = expert_ids(32, 8, 256, "uniform", generator(), "cpu")
    assert ids.dtype == torch.int32 and sorted(ids.flatten().tolist()) == list(range(256))


@pytest.mark.parametrize("routing", ["uniform", "skewed"])
@pytest.mark.parametrize(("tokens", "top_k", "experts"), [(50, 3, 7), (4, 8, 8), (1, 1, 1)])
def test_a_token_never_chooses_an_expert_twice(routing: str, tokens: int, top_k: int, experts: int) -> None:
    ids = expert_ids(tokens, top_k, experts, routing, generator(), "cpu")
    assert ids.shape == (tokens, top_k) and int(ids.min()) >= 0 and int(ids.max()) < experts
    assert all(len(set(row)) == top_k for row in ids.tolist())


def test_skewed_routing_has_favourites() -> None:
    """Zipf: of 64 experts the 8 most popular take over a third of the choices, where uniform gives them an eighth."""
    for routing, low, high in (("skewed", 0.33, 0.9), ("uniform", 0.125, 0.14)):
        ids = expert_ids(2000, 4, 64, routing, generator(), "cpu")
        counts = torch.bincount(ids.flatten(), minlength=64).sort(descending=True).values
        assert low <= float(counts[:8].sum() / counts.sum()) < high


def test_recorded_routing_is_replayed_in_order_and_starts_anywhere() -> None:
    recorded = torch.arange(20).reshape(10, 2)
    for seed in range(5):
        ids = expert_ids(4, 2, 20, recorded, generator(seed), "cpu")
        start = int(ids[0, 0]) // 2
        assert ids.tolist() == [recorded[(start + i) % 10].tolist() for i in range(4)]


def test_calls_that_are_timed_together_use_disjoint_experts() -> None:
    """As many as the pool has: 16 calls of 2 tokens with 8 experts each, of 256."""
    dims = {"tokens": 2, "experts": 256, "top_k": 8, "inter": 32, "hidden": 32, "group": 32}
    calls = redraw(load_op("moe_down").op, dims, "cpu", generator(), "uniform", 16)
    used = torch.cat([call["expert_ids"].flatten() for call in calls])
    assert all(list(call) == ["expert_ids"] and call["expert_ids"].shape == (2, 8) for call in calls)
    assert len(set(used.tolist())) == 256


def test_calls_of_the_embedding_read_other_rows() -> None:
    calls = redraw(
        load_op("embedding").op, {"tokens": 1, "vocab": 10**6, "hidden": 8}, "cpu", generator(), "uniform", 9
    )
    assert len({int(call["token_ids"][0]) for call in calls}) == 9


def test_ops_that_choose_nothing_are_not_redrawn() -> None:
    shape = load_op("int4_mm").test_shapes[0]
    assert redraw(load_op("int4_mm").op, shape, "cpu", generator(), "uniform", 3) == [{}, {}, {}]


def test_router_weights_of_a_token_sum_to_one() -> None:
    dims = {"tokens": 3, "experts": 16, "top_k": 4, "inter": 32, "hidden": 8, "group": 32}
    made = make(load_op("moe_down").op, dims, torch.bfloat16, "cpu", generator())
    torch.testing.assert_close(made["expert_weights"].sum(-1), torch.ones(3))


def test_expressions_are_arithmetic_over_dims_and_nothing_else() -> None:
    assert (
        evaluate("2 * k_heads * k_dim + v_heads * v_dim - 1", {"k_heads": 2, "k_dim": 3, "v_heads": 4, "v_dim": 5})
        == 31
    )
    assert evaluate("hidden // 2", {"hidden": 7}) == 3
    with pytest.raises(KeyError, match="hiden"):
        evaluate("hiden // 2", {"hidden": 7})
    for text in ("print(1)", "hidden ** 2", "hidden if 1 else 2"):
        with pytest.raises((AssertionError, KeyError)):
            evaluate(text, {"hidden": 7})


def test_some_inputs_alone() -> None:
    """What is asked for is made, in the order of the op; the rest takes no memory."""
    loaded = load_op("moe_block")
    dims = dict(loaded.test_shapes[0])
    wanted = ["shared_gate_up_weight", "shared_down_scale"]
    found = make(loaded.op, dims, torch.float32, "cpu", generator(), only=wanted)
    assert list(found) == wanted
    whole = operands_of("moe_block", dims, torch.float32)
    assert all(found[name].shape == whole[name].shape and found[name].dtype == whole[name].dtype for name in wanted)
