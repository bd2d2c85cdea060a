"""A function of a session becomes a file whatever its names, and those of the session, are."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest
import torch

from harness.attempt.gather import variant_text
from harness.errors import HarnessError

x = torch.randn(4)
out = {"a": [1, 2]}
LEVELS = {"low": (1, 2)}


def named_like_the_session(x: Any, weight: Any, eps: Any) -> Any:
    out = torch.nn.functional.rms_norm(x, x.shape[-1:], 1 + weight, eps)
    return out


def reads_a_table(x: Any) -> Any:
    return x * LEVELS["low"][1]


def test_parameters_and_locals_are_not_globals() -> None:
    """`x` and `out` are the session's, and the kernel's own."""
    text = variant_text(named_like_the_session)
    assert "x =" not in text and "\nout =" not in text and "def run(x: Any, weight" in text
    assert [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)] == ["run"]


def test_a_table_of_literals_is_written() -> None:
    assert "LEVELS = {'low': (1, 2)}" in variant_text(reads_a_table)


def test_a_lambda_and_a_nested_function() -> None:
    """The only lambda of its line is a function `run`; what a nested function uses of the one around it comes along."""
    double: Callable[..., Any] = lambda x, factor: x * factor  # noqa: E731
    assert "def run(x, factor):\n    return x * factor" in variant_text(double)
    times = 3

    def run(x: Any) -> Any:
        return x * times

    assert "times = 3" in variant_text(run) and "def run(x" in variant_text(run)


def test_a_global_tensor_is_refused_in_one_line() -> None:
    """What really is a global and no text can hold."""

    def adds(y: Any) -> Any:
        return y + x

    with pytest.raises(HarnessError, match="x: a Tensor cannot be put into a file of its own"):
        variant_text(adds)
