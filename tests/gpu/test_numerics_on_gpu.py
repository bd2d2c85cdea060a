"""On a GPU: a neighbour that is really there, atomics that do not repeat themselves, and outputs with one digest."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.device.choice import open_device
from harness.measure.kernel_cases import KernelBench
from harness.measure.output_record import digest, sums_of
from harness.values.case import Case, Implementation
from harness.values.measurement import Measurement, Status
from harness.values.numerics import Numerics, Sameness
from harness.worker.messages import Measured

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]

ATOMICS = '''
import torch


def run(x, weight):
    """Split over k, the parts added by atomics."""
    parts = x.shape[1] // 32
    split = torch.einsum("tpk,npk->tpn", x.view(-1, parts, 32), weight.view(-1, parts, 32))
    rows = torch.arange(x.shape[0], device=x.device).repeat_interleave(parts)
    out = torch.zeros(x.shape[0], weight.shape[0], device=x.device)
    return out.index_add_(0, rows, split.reshape(-1, weight.shape[0])).to(x.dtype)
'''


def measured(folder: Path, variant: str, dtype: str = "float32") -> Measurement:
    case = Case(
        "kernel", "probe", f"int4-g128/{dtype}", {"tokens": 1}, op="linear", site="main",
        dims={"tokens": 1, "n": 4096, "k": 4096}, answer=Implementation(variant),
    )  # fmt: skip
    events = KernelBench(open_device(), None, 0, str(folder), "uniform").run([case])
    (found,) = (event.measurement for event in events if isinstance(event, Measured))
    assert found.status is Status.OK, found.reason
    return found


def numerics(found: Measurement) -> Numerics:
    assert found.numerics is not None and found.numerics.determinism is not None
    return found.numerics


def test_atomics_are_within_tolerance_and_not_bit_for_bit(tmp_path: Path) -> None:
    """Planted fault: 128 float32 parts a value, added in whatever order the blocks come."""
    (tmp_path / "atomics.py").write_text(ATOMICS)
    label = numerics(measured(tmp_path, "./atomics.py")).determinism
    assert label is not None and label.sameness is Sameness.WITHIN and label.differing > 0
    assert 0 < label.max_difference < 1e-5


def test_a_product_of_cublas_repeats_itself_over_twenty_calls(tmp_path: Path) -> None:
    found = numerics(measured(tmp_path, "torch_linear", "bfloat16"))
    assert found.determinism is not None and found.batch_invariance is not None
    assert (found.determinism.sameness, found.determinism.calls) == (Sameness.BITWISE, 20)
    assert found.batch_invariance.rows == 8


@pytest.mark.alone
def test_the_neighbour_has_work_all_the_while() -> None:
    """Ten products that fill the GPU take longer beside it than alone. In sum: the neighbour's work fills the SMs in
    every second turn, and the memory bus, which a product hardly needs, in the others."""
    a = torch.randn(4096, 4096, device="cuda", dtype=torch.bfloat16)

    def call() -> tuple[torch.cuda.Event, torch.cuda.Event]:
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        a @ a
        end.record()
        return start, end

    def total_ms(beside: bool) -> float:
        found = []
        with open_device().neighbour() as run:
            for _ in range(10):
                start, end = run(call) if beside else call()
                torch.cuda.synchronize()
                found.append(start.elapsed_time(end))
        return sum(found)

    total_ms(True)
    alone, shared = total_ms(False), total_ms(True)
    assert shared > 1.1 * alone


def test_a_digest_and_sums_are_those_of_the_cpu() -> None:
    values = torch.randn(3, 5000, generator=torch.Generator().manual_seed(1)).bfloat16()
    assert digest(values.cuda()) == digest(values)
    assert torch.allclose(sums_of(values.cuda()).cpu(), sums_of(values))
