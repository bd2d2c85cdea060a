"""What became of a tuned file's configurations under another Triton, without a GPU."""

from __future__ import annotations

import pytest

from harness.compilers.old_choices import check_choices, told
from harness.errors import HarnessError
from harness.suite.load import load_suite
from harness.values.compiled import Compiled
from harness.values.measurement import Status
from harness.values.old_choices import Checked, OldChoice
from harness.values.static_comparison import StaticVerdict
from harness_reports.pages.old_choices import render
from tests.compilers.test_judge import compiled
from tests.conftest import REPOSITORY
from tests.static.cases import add


def test_a_choice_has_the_same_instructions_differs_or_no_longer_compiles() -> None:
    failed = Compiled(add(), Status.FAILED, "CompilationError: planted")
    assert told(compiled(), compiled()) == (StaticVerdict.SAME, "same instructions")
    verdict, words = told(compiled(), compiled(sha256="b" * 64, code_hash="other", registers=96))
    assert (verdict, words) == (StaticVerdict.CHANGED, "differs: add_kernel: registers 64 -> 96")
    verdict, words = told(compiled(), failed)
    assert verdict is StaticVerdict.FAILED and words.startswith("no longer compiles: ") and "planted" in words


def test_the_choice_is_marked_and_what_to_do_about_it_is_said() -> None:
    old = OldChoice("o", "s", "v", "3.6.0", {"b": 8}, True, StaticVerdict.SAME, "same instructions")
    worse = OldChoice("o", "s", "v", "3.6.0", {"b": 16}, False, StaticVerdict.WORSE, "differs: spills 0 -> 8")
    lines = list(render(Checked("3.7.1", "sm_90", (old, worse), ("p@t w: is not tuned there",))))
    assert lines[:3] == [
        "o@s v: tuned with Triton 3.6.0, here 3.7.1, sm_90", "  * b=8: same instructions",
        "    b=16: differs: spills 0 -> 8",
    ]  # fmt: skip
    assert lines[3] == "p@t w: is not tuned there" and "--recheck" in lines[4]
    assert "earlier times hold" in list(render(Checked("3.7.1", "sm_90", (old,), ())))[-1]


def test_a_device_without_a_tuned_file_is_named() -> None:
    pytest.importorskip("triton")
    suite = load_suite(REPOSITORY / "suites" / "vecmat_864.yaml")
    with pytest.raises(HarnessError, match=r"--tuned: no tuned file for this device: .*nowhere\.json does not exist"):
        check_choices(suite, "nowhere", "sm_90", None, lambda _: None)
