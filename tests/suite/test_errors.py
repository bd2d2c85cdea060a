"""Whatever is wrong in a suite is one line with its exact place, what is allowed and the nearest match."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ExitStatus, HarnessError
from harness.suite.load import load_suite
from tests.suite.mistakes import MISTAKES
from tests.suite.suite_files import SUITE, VARIANT, write_suite


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_one_line_with_its_place(name: str, tmp_path: Path) -> None:
    """file:line:column, key path, what, what is allowed, the nearest match; exit status 2."""
    old, new, place, hint = MISTAKES[name]
    file = write_suite(tmp_path, old, new)
    with pytest.raises(HarnessError) as raised:
        load_suite(file)
    line = str(raised.value)
    assert line.startswith(f"{file}:{place}"), line
    assert hint in line, line
    assert "\n" not in line
    assert raised.value.exit_status is ExitStatus.USAGE


def test_the_suite_without_a_mistake_loads(tmp_path: Path) -> None:
    """What every case above changes one piece of is right."""
    assert load_suite(write_suite(tmp_path)).title == "A small one"


def test_a_circle_of_likes_is_named(tmp_path: Path) -> None:
    """Arms that are like each other are an error that shows the circle."""
    file = write_suite(tmp_path, "  baseline:\n", "  baseline:\n    like: other\n")
    with pytest.raises(
        HarnessError, match=r"small\.yaml:11:11: arms\.other\.like: a circle: baseline -> other -> baseline"
    ):
        load_suite(file)


def test_a_suite_that_asks_for_nothing_is_refused(tmp_path: Path) -> None:
    """Neither kernels, decode nor sweep, or no arm: there would be nothing to run."""
    file = write_suite(tmp_path, text=SUITE[: SUITE.index("kernels:")])
    with pytest.raises(
        HarnessError, match=r"small\.yaml:1:1: has nothing to measure; allowed: kernels, shapes, decode, "
    ):
        load_suite(file)
    file = write_suite(tmp_path, text=SUITE[: SUITE.index("arms:")] + "arms: {}\n")
    with pytest.raises(HarnessError, match=r"small\.yaml:6:7: arms: an arm is needed"):
        load_suite(file)


def test_no_file_and_no_text(tmp_path: Path) -> None:
    """A missing suite names the ones beside it; bytes that are no text are said."""
    write_suite(tmp_path)
    (tmp_path / "smal.yml.yaml").write_text("models: 1\n")
    with pytest.raises(HarnessError, match=r"smal\.yaml: no such suite; allowed: [^,]*did you mean .*small\.yaml\?"):
        load_suite(tmp_path / "smal.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"suite: \xff")
    with pytest.raises(HarnessError, match="not UTF-8: byte 7"):
        load_suite(tmp_path / "bytes.yaml")
    with pytest.raises(HarnessError, match="cannot be read"):
        load_suite(tmp_path)


VARIANT_MISTAKES = {
    "not Python": ("def run(", "def run((", "6:9: not Python"),
    "no run": ("def run(", "def ran(", "1: a variant needs a function `run("),
    "other inputs": (
        "run(x, weight",
        "run(weight, x",
        "6: run: takes (weight, x, scale, group), the op's inputs are (x, weight,",
    ),
    "an input is missing": ("scale, group,", "scale,", "6: run: takes (x, weight, scale), the op's inputs are"),
    "keywords hidden": (
        "*, block_n",
        "*, block_n: int = 1, **more): ...\n\n\ndef ran(*, block_n",
        "6: run: names its inputs",
    ),
    "tunable without a default": (
        "block_n: int = 64",
        "block_n: int",
        "6: run: tunable block_n needs a number, word, truth value or None",
    ),
    "tunable with a computed default": (
        "block_n: int = 64",
        "block_n=torch.int",
        "6: run: tunable block_n needs a number",
    ),
    "input with a default": ("scale, group, *", "scale=None, group=1, *", "6: run: inputs have no defaults"),
}


@pytest.mark.parametrize("name", VARIANT_MISTAKES)
def test_a_variant_that_cannot_be_one_is_refused_before_it_runs(name: str, tmp_path: Path) -> None:
    """A file beside the suite is read, not imported: file and line of what is wrong in it."""
    old, new, wanted = VARIANT_MISTAKES[name]
    assert VARIANT.count(old) == 1
    (tmp_path / "mine.py").write_text(VARIANT.replace(old, new))
    file = write_suite(tmp_path, "{torch_blocked: {block_n: 32}}", "./mine.py")
    with pytest.raises(HarnessError) as raised:
        load_suite(file)
    assert f"{tmp_path / 'mine.py'}:{wanted}" in str(raised.value)
    assert "\n" not in str(raised.value)
