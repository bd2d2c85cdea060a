"""Cases in one process: verified, then timed in rounds; what is wrong is a row without samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.device.cpu import CpuDevice
from harness.device.fake import FakeDevice
from harness.device.timer import Call, Timed
from harness.measure.failure import first_line, lacked_memory
from harness.measure.kernel_cases import KernelBench, rounds
from harness.values.case import Case, Implementation
from harness.values.measurement import Measurement, Status
from harness.values.suite import Timing
from harness.worker.messages import Measured, Sampled, Started
from tests.measure import planted


def run(device: FakeDevice, folder: Path, *cases: Case, timing: Timing | None = Timing()) -> list[Any]:
    """Everything that a bench yields, in order."""
    bench = KernelBench(device, timing, 3, str(folder), "uniform")
    return list(bench.run(cases))


def measured(events: list[Any]) -> list[Measurement]:
    return [event.measurement for event in events if isinstance(event, Measured)]


def case(variant: str, arm: str = "baseline", **tunables: Any) -> Case:
    return Case(
        "kernel", arm, "int4-g32/float32", {"tokens": 2}, op="moe_gate_up", site="experts", dims=planted.DIMS,
        answer=Implementation(variant, tunables),
    )  # fmt: skip


def test_two_arms_are_interleaved_and_every_sample_kept_in_order(tmp_path: Path) -> None:
    device = FakeDevice([10.0, 20.0, 21.0, 11.0], rounds=2)
    cases = [case("torch_gather"), case("torch_gather", "autotuned", pairs_per_step=4)]
    events = run(device, tmp_path, *cases)
    first, second = measured(events)
    assert [s.value_us for s in first.samples] == [10.0, 11.0]
    assert [s.value_us for s in second.samples] == [20.0, 21.0], "the second round begins with the second case"
    assert [(s.process, s.round) for s in first.samples] == [(3, 0), (3, 1)]
    assert first.status is Status.OK and first.work is not None and first.work.bytes > 0
    assert [(e.what, len(e.cases), e.done, e.of) for e in events if isinstance(e, Started)] == [
        ("verify", 1, 0, 2), ("capture", 1, 0, 2), ("verify", 1, 0, 2), ("capture", 1, 0, 2), ("time", 2, 0, 2),
    ]  # fmt: skip
    assert sum(len(event.conditions) for event in events if isinstance(event, Sampled)) == 2


def test_a_wrong_kernel_is_never_timed(tmp_path: Path) -> None:
    """The timer has no values to give: asking it for one would raise."""
    (tmp_path / "wrong.py").write_text(
        "import torch\n\n\ndef run(x, expert_ids, weight, scale, group):\n"
        "    return torch.zeros(expert_ids.numel(), weight.shape[1])\n"
    )
    device = FakeDevice()
    found = measured(run(device, tmp_path, case("./wrong.py")))
    assert [m.status for m in found] == [Status.INCORRECT]
    assert found[0].samples == () and device.fake_timer.prepared == 0
    assert "256 of 256 values wrong" in found[0].reason


def test_a_kernel_that_raises_or_does_not_import_is_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "raises.py").write_text(
        "def run(x, expert_ids, weight, scale, group):\n    raise ValueError('no such tile')\n"
    )
    (tmp_path / "broken.py").write_text(
        "import nothing_like_this\n\n\ndef run(x, expert_ids, weight, scale, group): ...\n"
    )
    cases = [case("./raises.py"), case("./broken.py"), case("torch_gather")]
    events = run(FakeDevice([1.0], rounds=1), tmp_path, *cases)
    by_variant = {m.case.answer.variant: m for m in measured(events) if m.case.answer}
    assert by_variant["./raises.py"].status is Status.FAILED and "no such tile" in by_variant["./raises.py"].reason
    assert by_variant["./broken.py"].status is Status.FAILED
    assert by_variant["./broken.py"].reason == (
        f"{tmp_path}/broken.py:1: ModuleNotFoundError: No module named 'nothing_like_this'"
    )
    assert by_variant["torch_gather"].status is Status.OK


def test_what_a_variant_does_not_support_is_said_in_its_words(tmp_path: Path) -> None:
    found = measured(run(FakeDevice(), tmp_path, case("triton_vecmat", block_k=48)))
    assert found[0].status is Status.UNSUPPORTED
    assert "block_k 48 neither divides the group of 32" in found[0].reason


def test_verifying_only_gives_rows_without_samples(tmp_path: Path) -> None:
    found = measured(run(FakeDevice(), tmp_path, case("torch_gather"), timing=None))
    assert found[0].status is Status.OK and found[0].samples == ()


def test_a_kernel_that_changes_when_captured_is_incorrect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right while it is verified and called alone, wrong from the timer on."""
    (tmp_path / "turns.py").write_text(
        "import os\nfrom harness_kernels.moe_gate_up import torch_gather\n\n\n"
        "def run(x, expert_ids, weight, scale, group):\n"
        "    return torch_gather.run(x, expert_ids, weight, scale, group) * (2 if 'TURNED' in os.environ else 1)\n"
    )
    device = FakeDevice([1.0, 1.0, 1.0], rounds=1)
    prepare = device.fake_timer.prepare

    def turning(calls: Sequence[Call], warm: int = 2) -> Timed:
        monkeypatch.setenv("TURNED", "1")
        return prepare(calls, warm)

    monkeypatch.setattr(device.fake_timer, "prepare", turning)
    found = measured(run(device, tmp_path, case("./turns.py")))
    assert found[0].status is Status.INCORRECT
    assert "right alone, wrong in the batch that was timed" in found[0].reason


def test_a_case_whose_timer_is_not_here_is_verified_and_unsupported(tmp_path: Path) -> None:
    """Checking needs no timer: only the timed case lacks one."""
    bench = KernelBench(CpuDevice(), Timing("events"), 0, str(tmp_path), "uniform")
    events = list(bench.run([case("torch_gather")]))
    assert [e.what for e in events if isinstance(e, Started)] == ["verify", "capture"]
    assert [(m.status, m.reason) for m in measured(events)] == [(Status.UNSUPPORTED, "timer events needs a GPU")]


def test_no_entry_is_always_first() -> None:
    assert [order[0] for _, order in rounds("abc", 4)] == ["a", "b", "c", "a"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\n  first\nsecond", "first"),
        ("", "ValueError"),
        (
            "it broke elsewhere:\n\nTraceback:\n  f()\nNameError: name 'x'\n\nSet TORCH_LOGS=1 for more",
            "it broke elsewhere: NameError: name 'x'",
        ),
        (
            "elsewhere:\nm.CompilationError: at 3:1:\n  f()\nno f\nSet TORCH_LOGS=1",
            "elsewhere: m.CompilationError: at 3:1: no f",
        ),
        ("at 3:31:\ndef f(x):\n    y = x.z\n        ^\nx has no z", "at 3:31: x has no z"),
    ],
)
def test_an_error_in_one_line(text: str, line: str) -> None:
    """A Triton compilation says where first and what last; an error of another process stands in its traceback."""
    assert first_line(ValueError(text)) == line


@pytest.mark.parametrize(
    ("error", "lacked"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (MemoryError(), True),
        (RuntimeError("Triton Error [CUDA]: out of memory"), True),
        (ValueError("a kernel that is out of memory operands"), False),
        (RuntimeError("no such tile"), False),
    ],
)
def test_want_of_memory_is_told_from_other_failures(error: Exception, lacked: bool) -> None:
    assert lacked_memory(error) is lacked


def test_memory_that_a_cpu_does_not_have_is_told() -> None:
    """By the error that torch really raises."""
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**50)
    assert lacked_memory(raised.value)
