"""A file's statements, and what they take from outside."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from harness.importers.op_text import distinct, wrapped
from harness.importers.outcome import op_name
from harness.importers.python_source import closure, indented, statements, whole_number


def test_names_that_a_definition_takes_from_its_file() -> None:
    """Parameters and locals are its own, in whatever function inside of it."""
    text = "a = 1\nb = a\ndef f(a, c):\n    d = b\n    return [d + e for e in c] + g()\nclass C:\n    x = h\n"
    found = {name: one for one in statements(text) for name in one.defines}
    assert found["f"].uses == {"b", "g"} and found["C"].uses == {"h"}
    assert closure({"f"}, list(found.values())) == {"f", "b", "a", "g"}


def test_statements_without_docstrings_and_main() -> None:
    text = '"""Doc."""\nx = (1,\n     2)  # two\nif __name__ == "__main__":\n    pass\n@decorated\ndef f(): pass\n'
    assert [one.text for one in statements(text)] == ["x = (1,\n     2)", "@decorated\ndef f(): pass"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("128", 128),
        ("2048 * 2", 4096),
        ("7 // 2 - 1", 2),
        ("True", None),
        ("1.0", None),
        ("n * 2", None),
        ("1 // 0", None),
    ],
)
def test_whole_numbers(text: str, value: int | None) -> None:
    assert whole_number(ast.parse(text, mode="eval").body) == value


@pytest.mark.parametrize(
    ("source", "name"), [("12_Gemm Relu", "gemm_relu_12"), ("3d-conv", "op_3d_conv"), ("7", "op_7"), ("__", "op")]
)
def test_names_of_ops(source: str, name: str) -> None:
    assert op_name(source) == name and name.isidentifier()


def test_names_of_inputs_are_distinct() -> None:
    assert distinct(["a.b", "a_b", "lambda", "0.w"]) == ("a_b", "a_b_", "lambda_", "t_0_w")


def test_long_lines_are_wrapped() -> None:
    """At spaces, never between a key and its value, and the text means the same."""
    inside = ", ".join(f'"name_{number}": {number}' for number in range(40))
    text = wrapped("X = {", inside, "}")
    assert all(len(line) <= 119 for line in text.splitlines()) and not any(
        line.endswith(":") for line in text.splitlines()
    )
    assert ast.literal_eval(text.removeprefix("X = ")) == {f"name_{number}": number for number in range(40)}


@pytest.mark.parametrize("quote", ['"""', 'f"""', "r'''"])
def test_a_string_of_several_lines_keeps_its_value_inside_a_function(quote: str) -> None:
    text = f"def get():\n    table = {quote}a\n  b\n\nc{quote[-3:]}\n    return table"
    scopes: list[dict[str, Any]] = [{}, {}]
    exec(text, scopes[0])
    exec(f"def outer():\n{indented(text)}\n    return get", scopes[1])
    assert scopes[1]["outer"]()() == scopes[0]["get"]() == "a\n  b\n\nc"
