"""Conditions mean what Python says they mean, and nothing outside their language gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.suite.where import WhereError, check_condition, holds

NAMES = {"block_n": 8, "block_k": 128, "group": 64}

numbers = st.integers(-9, 9).map(str)
atoms = numbers | st.sampled_from(sorted(NAMES))
arithmetic = st.recursive(
    atoms,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "//", "%"]), inner).map(lambda t: f"({' '.join(t)})")
        | inner.map(lambda e: f"(-{e})")
    ),
    max_leaves=5,
)
comparisons = st.tuples(arithmetic, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), arithmetic).map(" ".join)
conditions = st.recursive(
    comparisons,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})")
        | inner.map(lambda e: f"not ({e})")
    ),
    max_leaves=4,
).filter(lambda text: len(text) < 500)


@given(conditions)
def test_a_condition_means_what_python_says(condition: str) -> None:
    """The walker agrees with Python's own evaluation wherever that has a value, and has none where Python has none."""
    check_condition(condition, NAMES)
    try:
        expected = bool(eval(condition, {"__builtins__": {}}, dict(NAMES)))
    except ZeroDivisionError:
        with pytest.raises(WhereError):
            holds(condition, NAMES)
    else:
        assert holds(condition, NAMES) is expected


def test_chained_comparisons_and_words() -> None:
    """`8 <= block_n < 64` is one condition, and a word compares with a word."""
    assert holds("8 <= block_n < 64", NAMES) and not holds("8 < block_n < 64", NAMES)
    assert holds("layout == 'packed'", {"layout": "packed"})


@pytest.mark.parametrize(
    "condition",
    [
        "__import__('os').system('ls')", "block_n.bit_length()", "[1][0]", "block_n if 1 else 2",
        "lambda: 1", "(1).real", "block_n ** 9", "1 / 2", "block_n in (1, 2)", "block_n is 1",
        "~block_n", "block_n << 3", "f'{block_n}'", "... == 1",
        "{1: 2}", "(a := 1)", "b'x' == 1", "1j", "...", "a; b", "", "block_n ==", "x" * 600, "(" * 300,
    ],
)  # fmt: skip
def test_everything_else_is_refused_before_it_is_evaluated(condition: str) -> None:
    """Calls, attributes, indexing, powers, comprehensions and broken text: one line, nothing run."""
    with pytest.raises(WhereError) as raised:
        check_condition(condition, [*NAMES, "a", "b"])
    assert "\n" not in str(raised.value)


def test_an_unknown_name_is_named_with_its_neighbour() -> None:
    """A misspelt tunable is refused with the nearest one."""
    with pytest.raises(WhereError, match=r"unknown name blockn; allowed: .*did you mean block_n\?"):
        check_condition("blockn > 1", NAMES)


@pytest.mark.parametrize(
    "condition", ["group % (block_n - 8) == 0", "'a' < 1", "'a' * 3 == 'aaa'", "'a' + 'b' == 'ab'"]
)
def test_a_condition_without_a_value_says_so(condition: str) -> None:
    """A remainder by zero, and arithmetic or order between words and numbers, are errors and not `false`."""
    with pytest.raises(WhereError, match="has no value"):
        holds(condition, NAMES)
