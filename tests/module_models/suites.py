"""Small suites of torch modules, and what a bench says of them in this process."""

from __future__ import annotations

from pathlib import Path

from harness.decode.decode_cases import DecodeBench
from harness.decode.suite_model import Model, open_model
from harness.device.choice import open_device
from harness.plan import expand
from harness.suite.load import load_suite
from harness.values.measurement import Measurement
from harness.worker.messages import Measured

LLAMA = """\
suite: 1
title: A model of transformers
model: hf:llama
config:
  {num_hidden_layers: 2, hidden_size: 32, num_attention_heads: 4, num_key_value_heads: 2, intermediate_size: 48,
   vocab_size: 128}
dtype: float32
arms: ARMS
decode: {engines: [eager], context: [20], new_tokens: 8}
"""


def model_of(folder: Path, text: str) -> Model:
    (folder / "suite.yaml").write_text(text)
    return open_model(expand(load_suite(folder / "suite.yaml")), open_device())


def llama(folder: Path, arms: str, **files: str) -> Model:
    """With these arms, and files of Python beside the suite."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return model_of(folder, LLAMA.replace("ARMS", arms))


def measured(model: Model, passes: int = 0) -> dict[str, Measurement]:
    """`decode:arm` to its measurement, and `prefill:arm`."""
    events = DecodeBench(model, 0, passes, {}).run(model.plan.cases)
    found = [event.measurement for event in events if isinstance(event, Measured)]
    return {f"{m.case.kind}:{m.case.arm}": m for m in found}
