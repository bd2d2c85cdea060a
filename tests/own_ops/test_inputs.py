"""What an op's own functions make: inputs on the device and in the dtype of the case, roles, and counted work."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.errors import HarnessError
from harness.load_kernels import LoadedOp, load_op
from harness.measure.inputs import make_inputs, redraw_indices
from harness.measure.work import work_of
from harness.suite.catalogue import bind_ops
from harness.suite.op_sources import source_of
from harness.values.case import Case

PRODUCT = """\
import torch

ROLES = {"w": "weight", "rows": "index"}


def reference(x, w, rows, scale=2.0):
    return scale * (x[rows] @ w)


def inputs(tokens=4, n=8, k=16):
    return torch.randn(tokens, k), torch.randn(k, n), torch.randint(tokens, (3,))
"""


def load(folder: Path, name: str, text: str) -> LoadedOp:
    (folder / f"{name}.py").write_text(text)
    bind_ops({name: source_of(folder / f"{name}.py", "a test")})
    return load_op(name)


def made(op: LoadedOp, seed: int = 0, dtype: torch.dtype = torch.bfloat16) -> dict[str, torch.Tensor]:
    return make_inputs(op, {"tokens": 4, "n": 8, "k": 16}, dtype, "cpu", torch.Generator().manual_seed(seed), None)


def test_inputs_follow_from_the_seed_in_the_dtype_of_the_case(tmp_path: Path) -> None:
    """The same seed makes the same numbers, another one others; the process' own dtype and random numbers stay."""
    op = load(tmp_path, "own_product_a", PRODUCT)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = made(op), made(op), made(op, 1)
    assert all(torch.equal(first[name], again[name]) for name in ("x", "w", "rows"))
    assert not torch.equal(first["x"], other["x"]) and first["x"].dtype is torch.bfloat16
    assert first["scale"] == 2.0 and first["rows"].dtype is torch.int64
    assert torch.equal(torch.get_rng_state(), before) and torch.get_default_dtype() is torch.float32


def test_roles_that_are_said_and_those_that_are_not(tmp_path: Path) -> None:
    """The first input is an activation, a default a constant, everything else comes from memory."""
    op = load(tmp_path, "own_product_b", PRODUCT.replace(', "rows": "index"', ""))
    assert {i.name: i.role for i in op.op.inputs} == {
        "x": "activation", "w": "weight", "rows": "cache", "scale": "constant",
    }  # fmt: skip


def test_an_index_is_drawn_anew_for_each_call(tmp_path: Path) -> None:
    op = load(tmp_path, "own_product_c", PRODUCT)
    dims, generator = {"tokens": 400, "n": 8, "k": 16}, torch.Generator().manual_seed(0)
    drawn = redraw_indices(op, dims, torch.bfloat16, "cpu", generator, None, 3)
    assert len(drawn) == 3 and set(drawn[0]) == {"rows"} and not torch.equal(drawn[0]["rows"], drawn[1]["rows"])


def test_work_is_counted_from_inputs_and_outputs(tmp_path: Path) -> None:
    """Every input read once, the output written once in the activations' dtype, a multiply-add is two; an op that says
    its cost is taken at its word."""
    case = Case("kernel", "a", "bfloat16", {}, op="own_product_d", site="shape", dims={"tokens": 4, "n": 8, "k": 16})
    op = load(tmp_path, "own_product_d", PRODUCT)
    work = work_of(op, case, made(op))
    assert (work.read_bytes, work.write_bytes, work.flop) == (2 * (4 * 16 + 16 * 8) + 8 * 3, 2 * 3 * 8, 2 * 3 * 8 * 16)
    op = load(tmp_path, "own_product_e", PRODUCT + "\n\ndef cost(dims):\n    return dims['n'], 2, 3\n")
    assert work_of(op, case, {}).read_bytes == 8


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("torch.randint(tokens, (3,))", "7", "rows has the role index and is no tensor but int"),
        (", torch.randint(tokens, (3,))", "", "inputs returns 2 values, its reference takes x, w, rows, scale"),
        ("torch.randn(k, n)", 'torch.randn(k, n, device="meta")', "inputs makes w on meta, wanted cpu"),
    ],
)  # fmt: skip
def test_inputs_that_fit_nothing_are_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """What is returned, and what the reference takes."""
    op = load(tmp_path, "own_wrong", PRODUCT.replace(old, new))
    with pytest.raises(HarnessError, match=said):
        made(op)
