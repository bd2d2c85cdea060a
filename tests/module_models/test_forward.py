"""A module without states, or anything that can be called, is measured as `forward` with inputs of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.device.choice import open_device
from harness.module_models.forward import ForwardBench
from harness.plan import expand
from harness.suite.load import load_suite
from harness.values.measurement import Measurement, Status
from harness.worker.messages import Measured

SUITE = """\
suite: 1
title: A function of my own
model: ./mine.py:build
config: {width: 16}
dtype: bfloat16
arms: {one: {}, other: {apply: ./mine.py:other}}
forward: {inputs: ./mine.py, batch: [2, 3]}
"""
FILE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.last = nn.Linear(width, width), nn.Linear(width, 4)

    def forward(self, x, scale):
        return {"y": self.last(torch.tanh(self.first(x))) * scale, "x": [x]}

def build(width, dtype, device):
    return Net(width).to(device, dtype)

def inputs(batch, dtype, device):
    return torch.randn(batch, 16, dtype=dtype, device=device), 2.0

def other(model):
    model.last = nn.Linear(16, 4, dtype=model.last.weight.dtype)
"""


def measured(folder: Path, text: str = SUITE, file: str = FILE, passes: int = 2) -> dict[str, Measurement]:
    (folder / "mine.py").write_text(file)
    (folder / "suite.yaml").write_text(text)
    plan = expand(load_suite(folder / "suite.yaml"))
    events = ForwardBench(plan, open_device(), getattr(torch, plan.suite.dtype), 0, passes).run(plan.cases)
    found = [event.measurement for event in events if isinstance(event, Measured)]
    return {f"{m.case.arm}:{m.case.axes['batch']}": m for m in found}


def test_a_module_is_timed_and_another_one_is_incorrect(tmp_path: Path) -> None:
    """Against the same weights in float32; every tensor that it returns counts."""
    found = measured(tmp_path)
    assert list(found) == ["other:2", "one:2", "other:3", "one:3"]
    right = found["one:3"]
    assert right.status is Status.OK and len(right.samples) == 2 and right.case.unit == "us/pass"
    assert right.correctness is not None and 0 < right.correctness.max_error < 0.05
    assert found["other:2"].status is found["other:3"].status is Status.INCORRECT


def test_anything_that_can_be_called_is_a_model(tmp_path: Path) -> None:
    """A function has no weights: only its inputs become float32."""
    file = FILE.replace("return Net(width).to(device, dtype)", "return lambda x, scale: torch.softmax(x, -1) * scale")
    found = measured(tmp_path, SUITE.replace("{one: {}, other: {apply: ./mine.py:other}}", "{one: {}}"), file)
    assert {m.status for m in found.values()} == {Status.OK}, [m.reason for m in found.values()]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("return Net(width).to(device, dtype)", "return 3", "the model is a int"),
        (
            'return {"y": self.last(torch.tanh(self.first(x))) * scale, "x": [x]}',
            "return None",
            "the model returned no tensor",
        ),
        ("return torch.randn(batch, 16,", "return torch.randn(batch, 17,", "RuntimeError: mat1 and mat2"),
    ],
)
def test_what_cannot_be_called_is_a_reason(old: str, new: str, reason: str, tmp_path: Path) -> None:
    assert FILE.count(old) == 1
    found = measured(tmp_path, file=FILE.replace(old, new))
    assert all(m.status is Status.FAILED and reason in m.reason for m in found.values()), found


def test_an_encoder_of_transformers_is_called_with_keywords(tmp_path: Path) -> None:
    """`AutoModel`, where no decode is asked for; an arm that computes attention otherwise is right, too."""
    pytest.importorskip("transformers")
    text = (
        SUITE.replace("./mine.py:build", "hf:vit")
        .replace("bfloat16", "float32")
        .replace(
            "{width: 16}",
            "{num_hidden_layers: 1, hidden_size: 32, num_attention_heads: 2, intermediate_size: 32, image_size: 32}",
        )
    )
    text = text.replace("{apply: ./mine.py:other}", "{attn_implementation: eager}")
    file = "import torch\ndef inputs(batch):\n    return {'pixel_values': torch.randn(batch, 3, 32, 32)}\n"
    found = measured(tmp_path, text, file)
    assert len(found) == 4 and {m.status for m in found.values()} == {Status.OK}, [m.reason for m in found.values()]
