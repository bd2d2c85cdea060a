"""The cases of a call, and the few calls of each that are kept whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.recording.module_pickle import packed
from harness.recording.reservoir import Reservoir
from harness.values.recorded import RecordedTensor
from harness_kernels.recorded import OnlyRecorded, Recording


def doubled(reservoir: Reservoir, x: torch.Tensor, ids: torch.Tensor) -> None:
    y = torch.full_like(x, float("nan"))
    one = reservoir.called("launch", "key", "kernel", None)
    reservoir.call(one, {"x": x, "y": y, "ids": ids}, lambda: y.copy_(2 * x))


def test_calls_of_one_signature_are_a_case_with_its_histogram() -> None:
    """Numbers that choose are counted over all calls; what a call changes is found, NaN or not; tensors are copies."""
    reservoir = Reservoir(samples=2, most_bytes=1 << 20)
    for at in range(5):
        x = torch.full((4,), float(at))
        doubled(reservoir, x, torch.tensor([1, 1, 3]))
        x.zero_()
    doubled(reservoir, torch.ones(4)[::2], torch.tensor([0]))
    (one,) = reservoir.found.values()
    assert one.written == {"y"}
    first, second = (case.record() for case in one.cases.values())
    assert (first.calls, first.samples, second.calls) == (5, 2, 1) and second.arguments["x"].stride == (2,)  # type: ignore[union-attr]
    ids = first.arguments["ids"]
    assert isinstance(ids, RecordedTensor) and (ids.low, ids.high, ids.histogram) == (1, 3, (10, 0, 5))
    for sample in next(iter(one.cases.values())).samples:
        assert torch.equal(sample["y.after"], 2 * sample["x"]) and sample["y"].isnan().all()


def test_every_call_may_be_kept_and_memory_is_bounded() -> None:
    """The reservoir of 400 calls is as likely late as early; nothing is kept beyond the bytes that it has."""
    kept = []
    for _ in range(40):
        reservoir = Reservoir(samples=1, most_bytes=1 << 20)
        for at in range(10):
            reservoir._random.seed(len(kept) * 10 + at)
            doubled(reservoir, torch.full((2,), float(at)), torch.tensor([0]))
        (one,) = reservoir.found.values()
        kept.append(float(next(iter(one.cases.values())).samples[0]["x"][0]))
    assert 2.5 < sum(kept) / len(kept) < 6.5 and len(set(kept)) > 5
    small = Reservoir(samples=4, most_bytes=100)
    doubled(small, torch.ones(1000), torch.tensor([0]))
    (one,) = small.found.values()
    assert next(iter(one.cases.values())).record().samples == 0


def test_recorded_inputs_are_answered_and_others_launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel without a definition is held to what it left; a float more is another input, which the recorded launch
    answers where it can be launched: timed calls get tensors that nobody has seen."""
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    reservoir = Reservoir(samples=2, most_bytes=1 << 20)
    doubled(reservoir, torch.arange(4.0), torch.tensor([1]))
    (one,) = reservoir.found.values()
    y = 2 * torch.ones(4)  # which holds the result already
    reservoir.call(one, {"x": torch.ones(4), "y": y, "ids": torch.tensor([1])}, lambda: y.copy_(2 * torch.ones(4)))
    (case,) = one.cases.values()
    described = {
        name: {"dtype": v.dtype, "shape": v.shape, "stride": v.stride, "low": v.low, "high": v.high,
               "histogram": v.histogram}
        for name, v in case.record().arguments.items() if isinstance(v, RecordedTensor)
    }  # fmt: skip
    stored = {1: {"tensors": described, "values": {}, "samples": case.samples}}
    torch.save({"dtype": "float32", "cases": stored}, tmp_path / "op.pt")
    recording, generator = Recording(str(tmp_path / "op.py")), torch.Generator()
    seen = set()
    for _ in range(20):
        x, _ = recording.inputs(1, ["x", "y"], generator, "cpu", torch.float32, exact=True)
        (answer,) = recording.answer({"x": x}, ["y"])
        assert torch.equal(answer, 2 * x)
        seen.add(float(x[0]))
    assert seen == {0.0, 1.0}
    with pytest.raises(OnlyRecorded, match="no recorded inputs"):
        recording.answer({"x": x + 1}, ["y"])

    def launch(x: torch.Tensor, y: torch.Tensor) -> None:
        assert x.dtype is torch.float32
        y.copy_(2 * x)

    other = {"x": (x + 1).double(), "y": torch.zeros(4).double()}
    with pytest.raises(OnlyRecorded, match="no recorded inputs"):  # no GPU, no interpreter: nothing can be launched
        recording.answer({"x": other["x"]}, ["y"], launch, other)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    (answer,) = recording.answer({"x": other["x"]}, ["y"], launch, other)
    assert torch.equal(answer, 2 * (x + 1)) and not other["y"].any(), "it ran over copies"
    with pytest.raises(OnlyRecorded, match="--dtype float32"):
        recording.inputs(1, ["x"], generator, "cpu", torch.bfloat16, exact=True)
    with pytest.raises(OnlyRecorded, match="recorded were 1 to 1"):
        recording.inputs(2, ["x"], generator, "cpu", torch.float32)
    stored[1]["samples"] = []
    torch.save({"dtype": "float32", "cases": stored}, tmp_path / "bare.pt")
    drawn, ids = Recording(str(tmp_path / "bare.py")).inputs(1, ["x", "ids"], generator, "cpu", torch.bfloat16)
    assert drawn.dtype is torch.bfloat16 and drawn.min() >= 0 and drawn.max() <= 3 and ids.tolist() == [1]


class Held(torch.nn.Module):
    """With what a module may hold: parameters, a buffer, a tensor that is neither."""

    def __init__(self) -> None:
        super().__init__()
        self.up = torch.nn.Linear(3, 3)
        self.register_buffer("offset", torch.ones(3))
        self.plain = torch.full((3,), 2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.up(x) * self.plain + self.offset


def test_a_module_is_taken_out_without_its_weights(tmp_path: Path) -> None:
    """Built again, with the same tensors put in, it computes the same."""
    module = Held()
    torch.save({"dtype": "float32", "cases": {}} | packed(module), tmp_path / "held.pt")
    again = Recording(str(tmp_path / "held.py")).module({}, "cpu")
    assert {value.device.type for value in again.state_dict().values()} == {"meta"}
    x = torch.randn(2, 3)
    assert torch.equal(torch.func.functional_call(again, module.state_dict(), (x,)), module(x))


@pytest.mark.parametrize("value", [torch.tensor(float("nan")), torch.tensor([1.0, float("nan")]), torch.tensor(True)])
def test_what_a_call_leaves_as_it_was_is_not_written(value: torch.Tensor) -> None:
    """Bit for bit: NaN in its place is no change, in a tensor without dimensions, too."""
    reservoir = Reservoir(samples=1, most_bytes=1 << 20)
    one = reservoir.called("op", "key", "op", None)
    reservoir.call(one, {"x": value}, lambda: None)
    assert one.written == set()
