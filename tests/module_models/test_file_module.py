"""A plain torch module with `prefill`, `decode` and its states is a model; a state that it does not name is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.values.measurement import Measurement, Status
from tests.conftest import REPOSITORY
from tests.module_models.suites import measured, model_of

SUITE = """\
suite: 1
title: A module of my own
model: ./mine.py:build
config: {vocab_size: 64, hidden_size: 32}
dtype: float32
arms: {baseline: {}, halved: {apply: ./mine.py:halved}}
decode: {engines: [eager], batch: [2], context: [20], new_tokens: 8}
"""
MODEL = (REPOSITORY / "examples" / "hf" / "mine.py").read_text()
HALVED = """
def halved(module):
    module.head = nn.Linear(32, 64, bias=False).requires_grad_(False)
"""


def measured_of(folder: Path, old: str = "", new: str = "", dtype: str = "float32") -> dict[str, Measurement]:
    assert not old or MODEL.count(old) == 1, old
    (folder / "mine.py").write_text((MODEL.replace(old, new) if old else MODEL) + HALVED)
    return measured(model_of(folder, SUITE.replace("float32", dtype)))


def test_the_example_is_right_and_a_changed_arm_is_not(tmp_path: Path) -> None:
    """In bfloat16, against the same weights in float32."""
    made = measured_of(tmp_path, dtype="bfloat16")
    assert made["decode:baseline"].status is Status.OK, made["decode:baseline"].reason
    assert made["prefill:baseline"].status is Status.OK
    assert made["decode:halved"].status is Status.INCORRECT


@pytest.mark.parametrize(
    ("old", "new", "status", "reason"),
    [
        ("    def decode(", "    def decoded(", Status.FAILED, "the module has no decode; see docs/hf.md"),
        ("    return module\n", "    module.states = None\n    return module\n", Status.FAILED, "needs `states`"),
        ("self.vocab_size = vocab_size", "pass", Status.FAILED, "needs `vocab_size`"),
        (
            "        return self._logits(self",
            "        return None and (self",
            Status.FAILED,
            "decode returned NoneType, wanted:",
        ),
        (
            "        return self._logits(sums / at[:, None].sqrt())",
            "        return self._logits(sums[:, -1])",
            Status.FAILED,
            "prefill returned logits [2, 64], wanted: [2, length, vocab]",
        ),
        ('"sum": torch', '"other": torch.zeros(1), "sum": torch', Status.OK, ""),
    ],
)
def test_what_the_protocol_asks_for_is_said(old: str, new: str, status: Status, reason: str, tmp_path: Path) -> None:
    made = measured_of(tmp_path, old, new)["decode:baseline"]
    assert made.status is status and reason in made.reason


def test_a_state_that_is_not_named_makes_it_wrong(tmp_path: Path) -> None:
    """A rewind leaves it as it is: the second text begins where the first one ended."""
    hidden = MODEL.replace('self.states = {"sum": ', "self.states, self.hidden = {}, {'sum': ").replace(
        'self.states["sum"]', "self.hidden['sum']"
    )
    assert hidden != MODEL
    (tmp_path / "mine.py").write_text(hidden + HALVED)
    assert measured(model_of(tmp_path, SUITE))["decode:baseline"].status is Status.INCORRECT
