"""Arms that put something else in the place of the suite's model: another implementation, or an engine outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.plan import expand
from harness.plan.outside import is_mixed, is_outside
from harness.suite.load import load_suite
from harness.suite.nodes import SuiteError
from tests.suite.suite_files import SUITE, write_suite

OTHER = """\
    sdpa: torch_sdpa
  served: {engine: {http: {url: "http://127.0.0.1:1", prompt_tokens: 16, new_tokens: 4}}}
  theirs: {model: "hf:qwen3_moe", attn_implementation: eager}
kernels:"""
OWN = "    sdpa: torch_sdpa\nkernels:"


def suite_with(arms: str, folder: Path) -> Path:
    return write_suite(folder, OWN, OTHER.replace('{model: "hf:qwen3_moe", attn_implementation: eager}', arms))


def test_each_kind_of_arm_is_asked_what_it_can_answer(tmp_path: Path) -> None:
    """Kernels of arms that choose variants, decode of all models, figures of what runs outside; in file order."""
    suite = load_suite(write_suite(tmp_path, OWN, OTHER))
    assert list(suite.arms) == ["baseline", "other", "served", "theirs"] and list(suite.outside) == ["served"]
    theirs = suite.arms["theirs"]
    assert theirs.module is not None and theirs.module.name == "qwen3_moe"
    assert theirs.changes.attn_implementation == "eager" and suite.module is None and suite.dtype_label
    plan = expand(suite)
    asked = {kind: {case.arm for case in plan.cases if case.kind == kind} for kind in ("kernel", "decode", "figure")}
    assert asked == {"kernel": {"baseline", "other"}, "decode": {"baseline", "other", "theirs"}, "figure": {"served"}}
    assert is_mixed(plan) and not is_outside(plan) and plan.answers["theirs"] == {} and "served" not in plan.answers
    assert is_outside(expand(suite, arms=["served"])) and not is_mixed(expand(suite, arms=["theirs"]))
    assert not any(case.same_as for case in plan.cases if case.arm in ("served", "theirs"))


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ("{engine: {http: {}}}", "arms.theirs: key url or start is missing"),
        ("{engine: {htp: {url: u}}}", "arms.theirs.engine.htp: unknown key; allowed: command, executorch, http"),
        ("{engine: {http: {url: u}}, sdpa: torch_sdpa}", "arms.theirs.sdpa: says nothing to an arm with an `engine`"),
        ("{model: qwen3_moe}", "arms.theirs.model: qwen3_moe is no module; wanted: hf:NAME"),
        ("{model: hf:./nowhere}", "nowhere: no folder with a config.json"),
        ("{model: 'hf:qwen3_moe', sdpa: x}", "arms.theirs.sdpa: is no change of a torch module"),
        ("{like: served}", "arms.theirs.like: no other arm served"),
    ],
)
def test_a_mistake_in_such_an_arm_is_placed(arm: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SuiteError) as raised:
        load_suite(suite_with(arm, tmp_path))
    assert words in str(raised.value)


def test_arms_that_all_run_outside_need_no_model(tmp_path: Path) -> None:
    """Then the suite has its `engine:` at the top."""
    text = SUITE[: SUITE.index("arms:")] + 'arms: {a: {engine: {http: {url: "http://h:1"}}}}\n' + "decode: {}\n"
    with pytest.raises(SuiteError, match="arms: an arm is needed"):
        load_suite(write_suite(tmp_path, text=text))
