"""A variant's own sweep space: read without running it, as strict as a suite's."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.suite.catalogue import load_spec, ops, variant_file, variants
from harness.suite.load import load_suite
from harness.suite.signature import read_signature
from harness.suite.space import NAME, read_space
from tests.suite.suite_files import VARIANT, write_suite

KNOWN = {"block_n": 64, "fast": False, "factor": 1.0, "layout": "rows"}


def space(folder: Path, text: str) -> object:
    (folder / "mine.py").write_text(f"raise SystemExit\nSPACE = {text}\n")
    return read_space(folder / "mine.py", "int4_mm", "./mine.py", KNOWN, ["n", "k"])


def test_a_suite_takes_the_authors_space(tmp_path: Path) -> None:
    """The word `space` in the place of lists of values."""
    text = 'SPACE: dict = {"block_n": [8, 16], "factor": [1, 2.5], "where": ["block_n <= n"]}\n'
    (tmp_path / "mine.py").write_text(text + VARIANT)
    old = "{torch_blocked: {block_n: [16, 32], where: [block_n <= n]}}"
    [found] = load_suite(write_suite(tmp_path, old, "{./mine.py: space}")).sweep
    assert (found.op, found.variant, found.where) == ("int4_mm", "./mine.py", ("block_n <= n",))
    assert found.values == {"block_n": (8, 16), "factor": (1.0, 2.5)}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{'block_m': [8]}", r"\./mine\.py has no tunable block_m; allowed: .*did you mean block_n"),
        ("{'block_n': 8}", "block_n: not a list of values"),
        ("{'block_n': []}", "block_n: not a list of values"),
        ("{'block_n': [8, 8]}", "block_n: a value is there twice"),
        ("{'block_n': [8, True]}", "block_n: True is not like the default, 64"),
        ("{'block_n': [8, 'a']}", "block_n: 'a' is not like the default, 64"),
        ("{'block_n': [2 ** 3]}", "not a literal"),
        ("[1]", "not a dict"),
        ("{}", "not a dict"),
        ("{'where': ['n > 1']}", "no tunable to vary"),
        ("{'block_n': [8], 'where': 'n > 1'}", "where: not a list"),
        ("{'block_n': [8], 'where': ['m > 1']}", "where: unknown name m"),
        ("{'block_n': [8], 'where': ['__import__(1)']}", "where: Call is not part"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(text: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=rf"mine\.py:2: SPACE: .*{what}|mine\.py:2: SPACE: {what}") as raised:
        space(tmp_path, text)
    assert "\n" not in str(raised.value)


def test_a_variant_without_a_space_says_so(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"torch_blocked\.py:1: has no SPACE"):
        load_suite(write_suite(tmp_path, "{block_n: [16, 32], where: [block_n <= n]}", "space"))
    with pytest.raises(HarnessError, match="neither lists of values nor `space`"):
        load_suite(write_suite(tmp_path, "{block_n: [16, 32], where: [block_n <= n]}", "spice"))


def test_every_space_of_the_kernels_is_valid() -> None:
    """Its tunables exist and its values are like their defaults."""
    count = 0
    for op in ops():
        for name in variants(op):
            file = variant_file(op, name, ".")
            assert file is not None
            if f"\n{NAME} = " in file.read_text():
                signature = read_signature(file, load_spec(op).op)
                dims = sorted(set().union(*load_spec(op).test_shapes))
                assert read_space(file, op, name, signature.tunables, dims).values
                count += 1
    assert count > 3
