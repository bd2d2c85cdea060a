"""A variant's own sweep space: read without running it, as strict as a suite's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.suite.catalogue import bound_kernels
from harness.suite.load import load_suite
from harness.suite.nodes import parse
from harness.suite.space import NAME
from harness.suite.sweeps import configurations, read_sweep
from harness.values.suite import Suite
from tests.suite.suite_files import VARIANT, write_suite

TINY = "{torch_blocked: {block_n: [16, 32], where: [block_n <= n]}}"


def suite_with(folder: Path, space: str) -> Suite:
    """The small suite with the space of a variant beside it."""
    (folder / "mine.py").write_text(f"SPACE: dict = {space}\n{VARIANT}")
    return load_suite(write_suite(folder, TINY, "{./mine.py: space}"))


def test_a_suite_takes_the_authors_space(tmp_path: Path) -> None:
    """The word `space` in the place of lists of values."""
    [found] = suite_with(tmp_path, '{"block_n": [8, 16], "factor": [1, 2.5], "where": ["block_n <= n"]}').sweep
    assert (found.op, found.variant, found.where) == ("int4_mm", "./mine.py", ("block_n <= n",))
    assert found.values == {"block_n": (8, 16), "factor": (1.0, 2.5)}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{'block_m': [8]}", r"16: SPACE\.block_m: \./mine\.py has no such tunable; allowed: .*did you mean block_n"),
        ("{'block_n': 8}", r"27: SPACE\.block_n: 8 is not a list"),
        ("{'block_n': []}", r"27: SPACE\.block_n: an empty list"),
        ("{'block_n': [8, 8]}", r"31: SPACE\.block_n\[1\]: 8 is here twice"),
        ("{'block_n': [8, True]}", r"31: SPACE\.block_n\[1\]: true is not a whole number \(the default is 64\)"),
        ("{'block_n': [8, 'a']}", r'31: SPACE\.block_n\[1\]: "a" is not a whole number'),
        ("{block_n: [8]}", "1: SPACE: it is computed, and importing the file failed: .*mine.py:1: NameError: "),
        ("{'block_n': [print]}", "1: SPACE: it is computed, and .* SPACE.block_n.0. is builtin_function_or_method; "),
        ("{'block_n': [8 + 1, 9]}", r"1: SPACE.block_n\[1\]: 9 is here twice"),
        ("[1]", "15: SPACE: a list is neither lists of values nor"),
        ("{}", "15: SPACE: no tunable to vary"),
        ("{'where': ['n > 1']}", "15: SPACE: no tunable to vary"),
        ("{'block_n': [8], 'where': 'n > 1'}", r'41: SPACE\.where: "n > 1" is not a list'),
        ("{'block_n': [8], 'where': ['m > 1']}", r"42: SPACE\.where\[0\]: unknown name m"),
        ("{'block_n': [8], 'where': ['__import__(1)']}", r"42: SPACE\.where\[0\]: Call is not part"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(text: str, what: str, tmp_path: Path) -> None:
    """As in a suite: line, column and key, in the variant's file."""
    with pytest.raises(HarnessError, match=rf"mine\.py:1:{what}") as raised:
        suite_with(tmp_path, text)
    assert "\n" not in str(raised.value)


COMPUTED = {
    "a comprehension": 'SPACE = {"block_n": [2**i for i in range(3, 5)], "where": ["block_n <= n"]}',
    "filled later": 'SPACE = {"block_n": [8]}\nSPACE["block_n"].append(16)\nSPACE["where"] = ["block_n <= n"]',
    "numbers of others": 'import torch\nSPACE = {"block_n": torch.tensor([8, 16]), "where": ("block_n <= n",)}',
    "a helper's": "from spaces import SPACE",
}


@pytest.mark.parametrize("text", COMPUTED.values(), ids=COMPUTED)
def test_a_space_may_be_computed(text: str, tmp_path: Path) -> None:
    """The file is imported, in a process of its own, and there only."""
    (tmp_path / "spaces.py").write_text(COMPUTED["a comprehension"])
    (tmp_path / "mine.py").write_text(f"{text}\n{VARIANT}")
    [found] = load_suite(write_suite(tmp_path, TINY, "{./mine.py: space}")).sweep
    assert (found.values, found.where) == ({"block_n": (8, 16)}, ("block_n <= n",))
    assert "spaces" not in sys.modules


def test_a_literal_space_imports_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(f"SPACE = {{'block_n': [8]}}\nraise SystemExit\n{VARIANT}")
    assert load_suite(write_suite(tmp_path, TINY, "{./mine.py: space}")).sweep[0].values == {"block_n": (8,)}


def test_none_is_a_value(tmp_path: Path) -> None:
    """Of any tunable, in an author's space and in a suite; a tunable whose default it is takes any."""
    variant = VARIANT.replace("factor: float = 1.0", "factor: float = 1.0, warps: int | None = None")
    assert variant != VARIANT
    space = "SPACE = {'block_n': [8, None], 'warps': [None, 4, 'auto'], 'where': ['warps != None or block_n == 8']}\n"
    (tmp_path / "mine.py").write_text(space + variant)
    suite = load_suite(write_suite(tmp_path, TINY, "{./mine.py: space}"))
    [found] = suite.sweep
    assert found.values == {"block_n": (8, None), "warps": (None, 4, "auto")}
    configurations_ = [*configurations(found, {"block_n": 64, "warps": None}, {})]
    assert len(configurations_) == 5 and {"block_n": None, "warps": None} not in configurations_
    [again] = load_suite(write_suite(tmp_path, TINY, "{./mine.py: {block_n: [8, null], warps: [null, 4]}}")).sweep
    assert again.values == {"block_n": (8, None), "warps": (None, 4)}


def test_a_variant_without_a_space_says_so(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"torch_blocked\.py:1: has no SPACE"):
        load_suite(write_suite(tmp_path, "{block_n: [16, 32], where: [block_n <= n]}", "space"))
    with pytest.raises(HarnessError, match="neither lists of values nor `space`"):
        load_suite(write_suite(tmp_path, "{block_n: [16, 32], where: [block_n <= n]}", "spice"))


def test_every_space_of_the_kernels_is_valid() -> None:
    """Its tunables exist and its values are like their defaults."""
    kernels = bound_kernels()
    count = 0
    for op in kernels.ops():
        dims = {op: sorted(set().union(*kernels.spec(op).test_shapes))}
        for name in kernels.variants(op):
            if f"\n{NAME} = " in kernels.known_file(op, name).read_text():
                [found] = read_sweep(parse(f"{op}: {{{name}: space}}", "a suite"), dims, kernels)
                assert found.values
                count += 1
    assert count > 3
