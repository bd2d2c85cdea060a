"""`harness try` on a GPU: its figures are those of `run`, and whatever a kernel does to the GPU, the next one works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from harness.attempt.attempts import Bench, Options
from harness.attempt.question import TryOptions
from harness.attempt.session import Session
from harness.stats import estimate
from harness.store import Store
from harness.values.attempt import Attempt
from harness.values.measurement import Status
from tests.attempt.planted import MISTAKES, write
from tests.conftest import REPOSITORY

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.xdist_group("try"),
]
HEAD = """import torch
import triton
import triton.language as tl


@triton.jit
def shifted(x, out, FAR: tl.constexpr):
    at = tl.arange(0, 128)
    tl.store(out + at, tl.load(x + at + FAR))


@triton.jit
def of_nobody(out, address):
    # The first page of the address space, which no allocation of any process of the GPU has.
    at = tl.arange(0, 128)
    tl.store(out + at, tl.load((address.to(tl.int64) + 4 * at).to(tl.pointer_type(tl.float32))))


@triton.jit
def endless(out):
    turns = 0
    while tl.load(out, volatile=True) == 0.0:
        turns += 1
    tl.store(out, turns)


def run(x, y):
    out = torch.zeros_like(x)
"""
UNRULY = {
    "faults": "    of_nobody[(1,)](out, 512)\n    return out\n",
    "hangs": "    endless[(1,)](out)\n    return out\n",
    "takes all memory": "    return torch.cat([torch.empty(1 << 34, device=x.device) for _ in range(9)])\n",
    "does not compile": "    shifted[(1,)](x, out, 'far')\n    return out\n",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("try")
    with Session(REPOSITORY / "kernels", limit_s=20) as session:
        yield Bench(Store(str(folder / "runs.sqlite")), session, Options(folder=folder / "try"))


def good(bench: Bench) -> Attempt:
    tunables = {"block_n": "8", "block_k": "128"}
    return bench.attempt(TryOptions("triton_vecmat", op="moe_down", tunables=tunables, against="baseline"))


@pytest.mark.alone
def test_a_kernel_is_timed_with_its_binary(bench: Bench) -> None:
    """Against the baseline in the same rounds, in under 10 s; a second attempt in the warm process in under 2 s."""
    first, second = good(bench), good(bench)
    for found in (first, second):
        assert found.measurement.status is Status.OK, found.measurement.reason
        assert found.against is not None and found.against.status is Status.OK
        assert found.compiled is not None and found.compiled.main is not None, found.remarks
        assert found.compiled.main.registers > 0 and found.compiled.launches[0].grid[0] > 0
        assert found.predicted is not None
    medians = [estimate(found.measurement.samples) for found in (first, second)]
    assert medians[0] is not None and medians[1] is not None
    assert medians[1].value / medians[0].value == pytest.approx(1, abs=0.015)
    assert first.wall_s < 10 and second.wall_s < 2, (first.wall_s, second.wall_s)


@pytest.mark.alone
@pytest.mark.parametrize("name", UNRULY)
def test_an_unruly_kernel_is_a_result_and_the_next_one_works(name: str, bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(HEAD + UNRULY[name])
    found = bench.attempt(TryOptions(str(path), op="residual_add", against="none"))
    wanted = Status.TIMEOUT if name == "hangs" else Status.FAILED
    assert found.measurement.status is wanted, found.measurement
    assert found.measurement.reason
    assert good(bench).measurement.status is Status.OK


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_named(name: str, bench: Bench, tmp_path: Path) -> None:
    """At the model's own shapes. 1,000 tokens are no whole number of blocks: with such a number the block of a slot
    that is not seen is never written, and that is what is named."""
    mistake = MISTAKES[name]
    found = bench.attempt(TryOptions(str(write(name, tmp_path)), op=mistake.op, against="none", tokens=1, context=1000))
    if name == "the first token":  # with one token there is no other
        assert found.measurement.status is Status.OK
        return
    assert found.measurement.status is Status.INCORRECT
    assert found.diagnosis is not None and found.diagnosis.pattern == mistake.pattern, found.diagnosis
