"""What a suite says of a torch module is checked before anything is loaded, each mistake at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.plan import expand
from harness.suite.load import load_suite

SUITE = """\
suite: 1
title: One
model: hf:granite
config: {num_hidden_layers: 2}
arms:
  base: {}
  fast: {replace: {Norm: ./mine.py}, attn_implementation: sdpa}
  both: {like: fast, apply: [./mine.py:patch], replace: {Mlp: ./mine.py:Norm}}
decode: {engines: [eager], context: [16], new_tokens: 4}
"""


def written(folder: Path, text: str) -> Path:
    (folder / "mine.py").write_text("class Norm: ...\ndef patch(m): ...\nbuild = patch\n")
    (folder / "suite.yaml").write_text(text)
    return folder / "suite.yaml"


def test_arms_are_changes_and_inherit_them(tmp_path: Path) -> None:
    """No op is chosen anywhere, and arms that differ in a change alone are two cases."""
    suite = load_suite(written(tmp_path, SUITE))
    assert (
        suite.module is not None and suite.module.config == {"num_hidden_layers": 2} and suite.dtype_label == "bfloat16"
    )
    mine = tmp_path / "mine.py"
    both = suite.arms["both"].changes
    assert both.replace == {"Norm": f"{mine}:Norm", "Mlp": f"{mine}:Norm"} and both.apply == (f"{mine}:patch",)
    assert both.attn_implementation == "sdpa" and suite.arms["base"].changes.replace == {}
    plan = expand(suite)
    assert len(plan.cases) == 6 and not any(case.same_as for case in plan.cases)
    alike = load_suite(written(tmp_path, SUITE.replace("replace: {Norm: ./mine.py}, attn_implementation: sdpa", "")))
    assert [case.same_as is not None for case in expand(alike).cases if case.arm == "fast"] == [True, True]


def test_a_file_builds_a_model(tmp_path: Path) -> None:
    suite = load_suite(
        written(tmp_path, SUITE.replace("hf:granite", "./mine.py").replace(", attn_implementation: sdpa", ""))
    )
    assert suite.module is not None and (suite.module.kind, suite.module.name) == (
        "file",
        f"{tmp_path / 'mine.py'}:build",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hf:granite", "hf:./nowhere", r"suite.yaml:3:8: model: .*nowhere: no folder with a config.json"),
        ("hf:granite", "hf:ibm/granite", r"suite.yaml:3:8: model: .*names on a hub are not looked up"),
        ("hf:granite", "'hf:A model'", r"suite.yaml:3:8: model: .*neither a model type"),
        ("hf:granite", "./none.py:build", r"suite.yaml:3:8: model: .*no file ./none.py"),
        ("hf:granite", "./mine.py:make", r"suite.yaml:3:8: model: .*mine.py defines no make"),
        ("./mine.py:patch", "./mine.py:patches", r"suite.yaml:8:\d+: arms.both.apply\[0\]: .*defines no patches"),
        (
            "replace: {Norm",
            "replaces: {Norm",
            r"suite.yaml:7:10: arms.fast.replaces: is no change .*did you mean replace",
        ),
        ("like: fast", "like: both", r"arms.both.like: no other arm both"),
        ("replace: {Mlp", "kernels: {Mlp", r"arms.both.kernels.Mlp: .*no such folder; packages are local"),
        ("decode:", "kernels: {ops: [linear]}\ndecode:", r"suite.yaml:9:1: kernels: names ops"),
        ("decode:", "weights: {group: 64}\ndecode:", r"weights.group: has no effect on this model; allowed: from"),
        ("decode:", "dtype: float16\ndecode:", r"dtype: logits have no tolerance for float16"),
        ("hf:granite", "llama_tiny", r"suite.yaml:4:1: config: is for a model hf:"),
    ],
)
def test_a_mistake_is_named_at_its_place(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert SUITE.count(old) == 1
    with pytest.raises(HarnessError, match=message):
        load_suite(written(tmp_path, SUITE.replace(old, new)))
