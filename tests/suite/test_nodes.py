"""Values follow YAML 1.2's core schema, and every error knows its line and column."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.suite.nodes import Node, SuiteError, parse, plain_value


def plain(node: Node) -> object:
    """The values alone."""
    if node.is_mapping:
        return {key: plain(child) for key, child in node.items()}
    return [plain(child) for child in node.elements()] if node.is_list else node.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("NULL", None), ("nULL", "nULL"),
        ("true", True), ("False", False), ("TRUE", True), ("tRUE", "tRUE"),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"),
        ("0", 0), ("-0", 0), ("+12", 12), ("012", 12), ("0o14", 12), ("0x1F", 31), ("0b11", "0b11"), ("1_000", "1_000"),
        ("1:30", "1:30"), ("190:20:30.15", "190:20:30.15"), ("2001-12-14", "2001-12-14"),
        ("1.5", 1.5), ("1.", 1.0), (".5", 0.5), ("1e3", 1000.0), ("1E-3", 0.001), ("-1.5e+2", -150.0),
        (".", "."), ("1e", "1e"),
        ("e3", "e3"), (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf), ("inf", "inf"), ("nan", "nan"),
        ("=", "="), ("<<", "<<"), ("1.2.3", "1.2.3"), ("- 1", "- 1"), ("0x", "0x"), ("--1", "--1"),
    ],
)  # fmt: skip
def test_plain_scalars_have_the_values_of_yaml_1_2(text: str, value: object) -> None:
    """Each plain scalar has exactly the value, and the type, of the core schema's table."""
    found = plain_value(text)
    assert found == value and type(found) is type(value)


def test_nan_is_a_float() -> None:
    """`.nan` in its three spellings is the float."""
    for text in (".nan", ".NaN", ".NAN"):
        found = plain_value(text)
        assert isinstance(found, float) and math.isnan(found)


@given(st.integers())
def test_every_integer_reads_as_itself(number: int) -> None:
    """Decimal, octal and hexadecimal spellings give the number back."""
    assert plain_value(str(number)) == number
    if number >= 0:
        assert plain_value(hex(number)) == number and plain_value(f"0o{number:o}") == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_reads_as_itself(number: float) -> None:
    """Python's shortest spelling of a float gives that float back, bit for bit."""
    found = plain_value(repr(number))
    assert isinstance(found, float) and found == number


TEXT = st.characters(max_codepoint=0xFFFF, exclude_categories=("Cs",))
json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(TEXT, max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc<", min_size=1, max_size=3), inner, max_size=3).filter(lambda d: "<<" not in d)
    ),
    max_leaves=12,
)


@given(json_like)
def test_json_is_yaml(value: object) -> None:
    """JSON text reads as what it means: quoting makes a word of anything. (PyYAML reads no surrogate pairs.)"""
    assert plain(parse(json.dumps(value), "x.yaml")) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r'a: "\ud800"', r"1:4: a: '\ud800' is half of a character"),
        (r'"\udfff": 1', r"1:1: \udfff: '\udfff' is half of a character"),
        ("a: [9223372036854775808]", "1:5: a[0]: 9223372036854775808 has more than 64 bits"),
        ("a: -9223372036854775809", "1:4: a: -9223372036854775809 has more than 64 bits"),
        ("a: 0x" + "f" * 50, "1:4: a: 0x" + "f" * 28 + "... has more than 64 bits"),
    ],
)
def test_what_no_store_keeps_is_refused_at_its_place(text: str, said: str) -> None:
    with pytest.raises(SuiteError) as error:
        parse(text, "x.yaml")
    assert str(error.value).encode("ascii", "backslashreplace").decode() == f"x.yaml:{said}"
    assert plain(parse("[9223372036854775807, 0x0000000000000000000000001]", "x.yaml")) == [2**63 - 1, 1]


def test_quotes_make_words() -> None:
    """A quoted or block scalar is a word whatever it looks like."""
    assert plain(parse("a: \"1\"\nb: 'no'\nc: |\n  12\nd: >-\n  null\n", "x.yaml")) == {
        "a": "1", "b": "no", "c": "12\n", "d": "null",
    }  # fmt: skip


def test_aliases_repeat_a_value_under_their_own_path() -> None:
    """An alias is the anchor's value; an error in it names the alias' key path and the anchor's line."""
    root = parse("a: &one {x: 1}\nb: *one\n", "x.yaml")
    assert plain(root) == {"a": {"x": 1}, "b": {"x": 1}}
    assert str(root.value["b"].value["x"].error("wrong")) == "x.yaml:1:13: b.x: wrong"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "x.yaml:3:1: a: key a is here twice; first in line 1"),
        ("a: {b: 1, 'b': 2}\n", "x.yaml:1:11: a.b: key b is here twice; first in line 1"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "x.yaml:2:5: c.<<: merge keys (<<) are not used here; an arm inherits"),
        ("a: !!str 5\n", "x.yaml:1:4: a: tags (tag:yaml.org,2002:str) are not used here"),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "x.yaml:1:4: a: tags (tag:yaml.org,2002:python/object/apply:os.system)",
        ),
        ("[1, 2]: a\n", "x.yaml:1:1: a key is a word"),
        ("a: &x [*x]\n", "x.yaml:1:4: a[0]: an alias inside its own anchor"),
        ("a: *gone\n", "x.yaml:1:4: not YAML: found undefined alias 'gone'"),
        ("a: [1, 2\n", "x.yaml:2:1: not YAML: expected ',' or ']'"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2:1: not YAML: more than one document"),
        ("\tb: 1\n", "x.yaml:1:1: not YAML: found character '\\t' that cannot start any token"),
        ("", "x.yaml:1:1: nothing in it"),
        ("# only a comment\n", "x.yaml:1:1: nothing in it"),
        ("a: \x00\n", "x.yaml:1:1: not YAML: "),
    ],
)
def test_what_is_refused_is_said_in_one_line_with_its_place(text: str, line: str) -> None:
    """Duplicate keys, merge keys, tags, recursion and broken YAML: one line, file:line:column first."""
    with pytest.raises(SuiteError) as raised:
        parse(text, "x.yaml")
    assert str(raised.value).startswith(line)
    assert "\n" not in str(raised.value)


def test_aliases_cannot_fill_the_memory() -> None:
    """Aliases of aliases that would make a billion values end after a bounded number."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(SuiteError, match="aliases of aliases"):
        parse("\n".join(lines), "x.yaml")


def test_deep_nesting_is_an_error_and_no_traceback() -> None:
    """Ten thousand brackets are one line."""
    with pytest.raises(SuiteError, match="nested too deeply"):
        parse("[" * 10_000, "x.yaml")
