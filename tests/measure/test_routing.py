"""Routing as the suite says it, and recorded routing from a file."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import torch

from harness.errors import HarnessError
from harness.load_kernels import load_operands
from harness.measure.routing import load_routing
from harness.suite.load import load_suite
from harness.values.suite import Suite
from tests.conftest import REPOSITORY


def suite_with(folder: Path, routing: str) -> Suite:
    suite = load_suite(REPOSITORY / "suites" / "qwen3_5_moe_tiny.yaml")
    return msgspec.structs.replace(suite, path=str(folder / "suite.yaml"), routing=routing)


def test_recorded_ids_are_used_in_their_order(tmp_path: Path) -> None:
    recorded = [[i % 16, (i + 1) % 16, (i + 2) % 16, (i + 3) % 16] for i in range(10)]
    (tmp_path / "ids.json").write_text(json.dumps(recorded))
    routing = load_routing(suite_with(tmp_path, "ids.json"))
    drawn = load_operands().expert_ids(3, 4, 16, routing, torch.Generator().manual_seed(0), "cpu")
    rows = [recorded.index(row) for row in drawn.tolist()]
    assert drawn.dtype is torch.int32 and rows == [(rows[0] + i) % 10 for i in range(3)]


@pytest.mark.parametrize("word", ["uniform", "skewed"])
def test_a_word_stays_a_word(word: str, tmp_path: Path) -> None:
    assert load_routing(suite_with(tmp_path, word)) == word


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "not a JSON list"),
        ("{", "not a JSON list"),
        ('{"a": 1}', "not a JSON list"),
        ("[[0, 1, 2]]", "wanted lists of 4 ids in 0..15"),
        ("[[0, 1, 2, 16]]", "wanted lists of 4 ids in 0..15"),
        ("[]", "wanted lists of 4 ids in 0..15"),
    ],
)
def test_a_bad_file_is_one_line(text: str | None, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "ids.json").write_text(text)
    with pytest.raises(HarnessError, match=said) as error:
        load_routing(suite_with(tmp_path, "ids.json"))
    assert "ids.json" in str(error.value) and "\n" not in str(error.value)
