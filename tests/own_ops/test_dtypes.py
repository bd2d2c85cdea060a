"""Own ops in every dtype of activations and every way to store weights, and what an output may be off by."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.errors import HarnessError
from harness.load_kernels import LoadedOp, load_op, load_variant
from harness.measure.verify import verify_variant
from harness.plan import expand
from harness.suite.catalogue import bind_ops
from harness.suite.load import load_suite
from harness.suite.op_sources import source_of
from harness.values.case import Case, Implementation
from harness.values.measurement import Correctness

PRODUCT = """\
import torch
from harness_kernels.quantised import dequantise, quantise

ROLES = {"x_scale": "activation", "w": "weight", "w_scale": "weight"}
BLOCKS = {"int4": (1, 32), "float8_e4m3fn": (32, 32)}


def reference(x, x_scale, w, w_scale, form):
    return (x.float() * x_scale) @ dequantise(w, w_scale, form).T


def inputs(generator, dtype, tokens=4, n=64, k=128, weights="int8"):
    def normal(rows):
        return torch.randn(rows, k, generator=generator, dtype=torch.float32)

    x, form = normal(tokens), str(dtype).partition(".")[2]
    scale = torch.ones(tokens, 1, dtype=torch.float32)
    x, scale = quantise(x, form) if form in ("int8", "float8_e4m3fn", "float8_e5m2") else (x.to(dtype), scale)
    return x, scale, *quantise(normal(n), weights, BLOCKS.get(weights)), weights


def run(x, x_scale, w, w_scale, form):
    y = (x.float() * x_scale) @ dequantise(w, w_scale, form).T
    return y.to(x.dtype if x.dtype in (torch.float16, torch.float32) else torch.bfloat16)


def run_wrong_scale(x, x_scale, w, w_scale, form):
    first = w_scale[:1].expand_as(w_scale).contiguous()
    y = (x.float() * x_scale) @ dequantise(w, first, form).T
    return y.to(x.dtype if x.dtype in (torch.float16, torch.float32) else torch.bfloat16)


def run_wrong_dtype(x, x_scale, w, w_scale, form):
    return ((x.float() * x_scale) @ dequantise(w, w_scale, form).T).to(torch.int32)
"""
ROWS = """\
import torch

OUTPUT_DTYPES = {{"y": "{dtype}", "s": "float32"}}


def reference(x):
    s = x.abs().amax(-1, keepdim=True) / {largest}
    y = x / s
    return y, s


def inputs(tokens=4, k=128):
    return torch.randn(tokens, k)


def run(x):
    s = x.float().abs().amax(-1, keepdim=True) / {largest}
    y = (x.float() / s){rounded}
    return y.to(torch.{dtype}), s


def run_coarse(x):
    s = x.float().abs().amax(-1, keepdim=True) / {largest}
    y = (x.float() / s / {coarse}).round() * {coarse}
    return y.to(torch.{dtype}), s
"""


def check(folder: Path, name: str, text: str, variant: str, dtype: str, weights: str = "") -> Correctness:
    file = folder / f"{name}.py"
    file.write_text(text)
    bind_ops({name: source_of(file, "a test")})
    op: LoadedOp = load_op(name, weights)
    spec_dims = {"tokens": 4, "n": 64, "k": 128} if "n=64" in text else {"tokens": 4, "k": 128}
    label = f"{weights}/{dtype}" if weights else dtype
    case = Case("kernel", "t", label, {}, op=name, site="shape", dims=spec_dims, answer=Implementation(variant, {}))
    found = load_variant(name, variant, folder)
    return verify_variant(op, found, case, getattr(torch, dtype), "cpu", 0, stress_s=math.inf)


ACTIVATIONS = ("float32", "bfloat16", "float16", "float8_e4m3fn", "float8_e5m2", "int8")
STORED = ("int4", "int8", "float8_e4m3fn", "mxfp4", "nvfp4", "")


@pytest.mark.parametrize("weights", STORED)
@pytest.mark.parametrize("dtype", ACTIVATIONS)
def test_a_product_of_each_pair(dtype: str, weights: str, tmp_path: Path) -> None:
    """Right in the default tolerance; planted: every row's scale is the first one's."""
    name = f"product_{dtype}_{weights or 'usual'}"
    assert check(tmp_path, name, PRODUCT, "run", dtype, weights).correct
    assert not check(tmp_path, name, PRODUCT, "run_wrong_scale", dtype, weights).correct


def test_an_output_in_integers_that_nobody_declared_is_wrong(tmp_path: Path) -> None:
    found = check(tmp_path, "product_integers", PRODUCT, "run_wrong_dtype", "int8")
    assert not found.correct and found.region == "y has dtype torch.int32, wanted torch.bfloat16"


@pytest.mark.parametrize(("dtype", "largest"), [("float8_e4m3fn", 448), ("float8_e5m2", 57344), ("int8", 127)])
@pytest.mark.parametrize("definition", ["exact", "rounding"])
def test_an_output_of_eight_bits_may_be_off_by_its_own_rounding(
    dtype: str, largest: int, definition: str, tmp_path: Path
) -> None:
    """Whether the definition rounds to them or not; planted: a grid that is 16 times coarser."""
    rounded = ".round()" if dtype == "int8" else ""
    text = ROWS.format(dtype=dtype, largest=largest, rounded=rounded, coarse=largest / 8)
    if definition == "rounding":
        text = text.replace("    y = x / s\n", f"    y = (x / s){rounded}.to(torch.{dtype})\n", 1)
    assert check(tmp_path, f"rows_{dtype}_{definition}", text, "run", "bfloat16").correct
    assert not check(tmp_path, f"rows_{dtype}_{definition}", text, "run_coarse", "bfloat16").correct


def test_a_tolerance_of_a_pair_goes_before_that_of_the_activations(tmp_path: Path) -> None:
    """Planted: no error at all is allowed to mxfp4 weights."""
    text = PRODUCT + '\nTOLERANCE = {"bfloat16": (0.02, 0.01), "mxfp4/bfloat16": (1e-9, 1e-9)}\n'
    assert check(tmp_path, "product_pairs", text, "run", "bfloat16", "int4").correct
    assert not check(tmp_path, "product_pairs", text, "run", "bfloat16", "mxfp4").correct


SUITE = """\
suite: 1
title: A product of stored weights
ops: {product: ./product.py}
arms: {mine: {}}
dtype: float8_e4m3fn
weights: {dtype: mxfp4}
shapes: {product: {n: 64, k: 128}}
"""


def test_a_suite_says_how_weights_are_stored(tmp_path: Path) -> None:
    """Both are in the case's name, so that no two ways are compared as one."""
    (tmp_path / "product.py").write_text(PRODUCT)
    (tmp_path / "own.yaml").write_text(SUITE)
    [case] = expand(load_suite(tmp_path / "own.yaml")).cases
    assert (case.dtype, case.activations, case.weights) == ("mxfp4/float8_e4m3fn", "float8_e4m3fn", "mxfp4")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("weights: {dtype: mxfp4}", "weights: {dtype: int3}", r"weights.dtype: unknown dtype of weights int3; allowed"),
        ("weights: {dtype: mxfp4}", "weights: {group: 64}", r"own.yaml:6:11: weights.group: needs a model"),
        ("dtype: float8_e4m3fn", "dtype: float8", r"own.yaml:5:8: dtype: .*float8; allowed: .*float8_e4m3fn"),
        ("product: ./product.py", "product: ./rows.py", r"weights: no op of this suite uses it"),
        ("{product: {n: 64, k: 128}}", "{rms_norm: {heads: 1, width: 64}}", "no op of this suite uses it"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_dtype_is_said(old: str, new: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "product.py").write_text(PRODUCT)
    rows: dict[str, Any] = {"dtype": "int8", "largest": 127, "rounded": ".round()", "coarse": 16}
    (tmp_path / "rows.py").write_text(ROWS.format(**rows).replace("k=128", "n=64, k=128"))
    (tmp_path / "own.yaml").write_text(SUITE.replace(old, new))
    with pytest.raises(HarnessError, match=said):
        load_suite(tmp_path / "own.yaml")


def test_narrow_activations_are_made_by_the_op(tmp_path: Path) -> None:
    """torch has no default dtype of 8 bits; without a `dtype` there is nothing to make them by."""
    text = ROWS.format(dtype="int8", largest=127, rounded=".round()", coarse=16)
    with pytest.raises(HarnessError, match="inputs takes no `dtype`: it has to make float8_e5m2 itself"):
        check(tmp_path, "rows_narrow", text, "run", "float8_e5m2")
