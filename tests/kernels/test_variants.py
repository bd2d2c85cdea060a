"""Every variant agrees with its op's float32 definition, and what is wrong does not pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from harness.decode.support import calls_of
from harness.load_kernels import load_op, load_variant
from harness.measure.agreement import sentence
from harness.plan import expand
from harness.suite.load import load_suite
from harness.values.case import Tunables
from tests.conftest import REPOSITORY
from tests.kernels.catalogue import DTYPES, OPS, VARIANTS, case_of, copied_definition, operands_of, verify, verify_run

ON_THE_CPU = [(op, name) for op, name in VARIANTS if not name.startswith(("triton", "fla"))]
"""Triton's run in the interpreter: test_triton_interpreted.py, test_fla.py."""


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("op", "name"), ON_THE_CPU)
def test_a_variant_agrees_with_its_reference(op: str, name: str, dtype: str) -> None:
    """At every test shape that it supports, of which there is at least one in one of the dtypes: on random inputs and
    under every condition that the op's spec names (rows of very different size, outlier channels, ties, ...)."""
    supports, checked = load_variant(op, name, REPOSITORY).supports, 0
    conditions: set[str] = set()
    for dims in load_op(op).test_shapes:
        if supports is None or supports(case_of(op, name, dims, dtype)) is None:
            result = verify(op, name, dims, dtype)
            assert result.correct, f"{dims}: {sentence(result)}"
            conditions |= set(result.conditions)
            checked += 1
    need_rows = {"row_sizes", "one_choice"}  # a variant that takes one token at a time has one row
    assert not checked or conditions - need_rows == set(load_op(op).conditions) - need_rows
    if not checked:
        shapes = [(dims, other) for dims in load_op(op).test_shapes for other in DTYPES]
        assert supports is not None
        assert any(supports(case_of(op, name, dims, other)) is None for dims, other in shapes)


@pytest.mark.parametrize(
    ("op", "name", "dims", "tunables"),
    [
        ("int4_mm", "torch_blocked", {"tokens": 2, "n": 40, "k": 64, "group": 32}, {"block_n": 1}),
        ("int4_mm", "torch_blocked", {"tokens": 2, "n": 40, "k": 64, "group": 32}, {"block_n": 16}),
        ("int4_mm", "torch_blocked", {"tokens": 2, "n": 40, "k": 64, "group": 32}, {"block_n": 4096}),
        ("int4_mm", "torch_int4pack", {"tokens": 9, "n": 48, "k": 384, "group": 64}, {}),
        ("int4_mm", "torch_int4pack", {"tokens": 1, "n": 32, "k": 4096, "group": 128}, {}),
        *(
            (op, "torch_gather", dims, {"pairs_per_step": step})
            for op in ("moe_gate_up", "moe_down")
            for dims in [{"tokens": 3, "experts": 5, "top_k": 3, "inter": 64, "hidden": 128, "group": 32}]
            for step in (1, 4, 9, 64)
        ),
        *(
            (op, "torch_per_expert", dims, {})
            for op in ("moe_gate_up", "moe_down")
            for dims in [{"tokens": 70, "experts": 16, "top_k": 2, "inter": 64, "hidden": 64, "group": 32}]
        ),
        *(
            ("gated_delta_rule", "torch_chunked", dims, {"chunk": chunk})
            for dims in [{"batch": 3, "length": 9, "k_heads": 2, "v_heads": 6, "k_dim": 8, "v_dim": 16}]
            for chunk in (1, 4, 9)
        ),
        (
            "sdpa",
            "torch_sdpa",
            {"batch": 3, "length": 9, "heads": 6, "kv_heads": 1, "head_dim": 16, "context": 0, "capacity": 64},
            {},
        ),
    ],
    ids=str,
)
def test_a_variant_agrees_whatever_its_tunables(
    op: str, name: str, dims: Mapping[str, int], tunables: Tunables
) -> None:
    """Blocks that do not divide the size, and sizes that no test shape has."""
    for dtype in DTYPES:
        result = verify(op, name, dims, dtype, tunables)
        assert result.correct, f"{dtype}: {sentence(result)}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", OPS)
def test_an_output_or_state_of_zeros_is_wrong(op: str, dtype: str) -> None:
    """Whatever the tolerance of the op, at each of its test shapes."""
    loaded, definition = load_op(op), copied_definition(op)

    def zeros(*inputs: Any) -> tuple[torch.Tensor, ...]:
        outputs = definition(*(value.clone() if isinstance(value, torch.Tensor) else value for value in inputs))
        outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs or ()
        for declared, value in zip(loaded.op.inputs, inputs, strict=True):
            if declared.role == "state":
                value.zero_()
        dtypes = [getattr(torch, loaded.output_dtype(name, dtype)) for name, _ in loaded.op.outputs]
        return tuple(
            torch.zeros_like(output, dtype=own if output.is_floating_point() else None)
            for output, own in zip(outputs, dtypes, strict=True)
        )

    for dims in loaded.test_shapes:
        assert not verify_run(op, zeros, dims, dtype).correct, dims


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["one_nibble", "swapped_nibbles", "next_scale"])
def test_one_wrong_weight_is_wrong(name: str, dtype: str) -> None:
    """The sign of one nibble among 8192, each byte's nibbles in the other order, each scale from the next group."""
    mistakes = {
        "one_nibble": lambda weight, scale: (_with_one_nibble_flipped(weight), scale),
        "swapped_nibbles": lambda weight, scale: ((weight >> 4) | (weight << 4), scale),
        "next_scale": lambda weight, scale: (weight, scale.roll(1, -1)),
    }

    definition = copied_definition("int4_mm")

    def run(x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor, group: int) -> torch.Tensor:
        return torch.as_tensor(definition(x, *mistakes[name](weight, scale), group)).to(x.dtype)

    assert not verify_run("int4_mm", run, {"tokens": 1, "n": 16, "k": 512, "group": 128}, dtype).correct


def _with_one_nibble_flipped(weight: torch.Tensor) -> torch.Tensor:
    weight = weight.clone()
    weight[3, 5] ^= 0x80
    return weight


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", ["residual_add", "rope", "moe_gate_up", "sdpa", "gated_delta_rule"])
def test_the_definition_rounded_to_the_activations_is_right(op: str, dtype: str) -> None:
    """The tolerance leaves a correct implementation its one rounding."""
    loaded, definition = load_op(op), copied_definition(op)

    def rounded(*inputs: Any) -> Any:
        outputs = definition(*inputs)
        outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
        return tuple(output.to(getattr(torch, dtype)) for output in outputs)

    for dims in loaded.test_shapes:
        assert verify_run(op, rounded, dims, dtype).correct, dims


@pytest.mark.parametrize(
    ("group", "k", "n", "words"),
    [(16, 128, 64, "groups of 32"), (64, 192, 64, "k in multiples of 128"), (64, 256, 40, "rows in multiples of 16")],
)
def test_int4pack_says_which_shapes_it_cannot_take(group: int, k: int, n: int, words: str) -> None:
    variant = load_variant("int4_mm", "torch_int4pack", REPOSITORY)
    assert variant.supports is not None
    reason = variant.supports(case_of("int4_mm", "torch_int4pack", {"tokens": 1, "n": n, "k": k, "group": group}, "f"))
    assert reason is not None and words in reason


def test_ties_go_to_the_lowest_index() -> None:
    """Of equal logits the router and greedy sampling take those that come first, in every variant."""
    logits = torch.tensor([[1.0, 3.0, 3.0, 0.0, 3.0], [2.0, 2.0, 2.0, 2.0, 2.0]])
    for run in (load_op("router").reference, load_variant("router", "torch_topk", REPOSITORY).run):
        weights, ids = run(logits, 2)
        assert ids.tolist() == [[1, 2], [0, 1]] and ids.dtype == torch.int32
        assert torch.equal(weights, torch.full((2, 2), 0.5))
    for run in (load_op("greedy").reference, load_variant("greedy", "torch_argmax", REPOSITORY).run):
        assert run(logits).tolist() == [1, 0]


@pytest.mark.parametrize("name", ["torch_recurrent", "torch_chunked"])
def test_the_state_of_one_call_continues_in_the_next(name: str) -> None:
    """A sequence in two calls gives what it gives in one."""
    dims = {"batch": 2, "length": 11, "k_heads": 1, "v_heads": 2, "k_dim": 8, "v_dim": 8}
    run = load_variant("gated_delta_rule", name, REPOSITORY).run
    whole, parts = operands_of("gated_delta_rule", dims), operands_of("gated_delta_rule", dims)
    wanted = run(*whole.values())
    pieces = []
    for t in (slice(0, 4), slice(4, 11)):
        pieces.append(run(*{**parts, **{key: parts[key][:, t] for key in ("qkv", "a", "b")}}.values()))
    torch.testing.assert_close(torch.cat(pieces, dim=1), wanted)
    torch.testing.assert_close(parts["state"], whole["state"])


@pytest.mark.parametrize("arm", ["fused", "overlapped", "phases"])
def test_an_arm_of_ours_supports_the_steps_of_its_model(arm: str) -> None:
    """One sequence and eight, short and long: each variant takes the model's int4 weights and bfloat16 activations."""
    plan = expand(load_suite(REPOSITORY / "suites" / "qwen3_5_moe.yaml"), arms=[arm])
    cases = [
        (case, variant)
        for batch in (1, 8)
        for context in (1024, 32768)
        for phase, case, variant in calls_of(plan, arm, batch, context)
        if phase == "decode" and case.variant.startswith("triton_") and variant.supports is not None
    ]
    assert len(cases) >= 8
    assert [(case.op_site, why) for case, v in cases if v.supports and (why := v.supports(case))] == []
