"""The packages that two interpreters differ in, and the worst of several comparisons."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from harness.errors import ExitStatus
from harness.runner.interpreter import interpreter_of
from harness.values.interpreter import Interpreter, under_test
from harness.values.interpreter_matrix import Beside, InterpreterMatrix
from tests.interpreters import interpreter, package

PACKAGES = {"torch": "2.11.0", "triton": "3.6.0", "zlib-ng": "1.0"}
A = Interpreter("/a", "3.11.9", PACKAGES, {"triton": "aa", "torch": "bb"})


def test_torch_and_triton_are_named_first_then_the_others_by_name() -> None:
    b = Interpreter("/b", "3.12.1", {"torch": "2.12.0", "triton": "3.7.1", "attrs": "1.0", "zlib-ng": "1.0"})
    found = A.differences(b)
    assert under_test(found) == (
        "python 3.11.9 -> 3.12.1, torch 2.11.0 -> 2.12.0, triton 3.6.0 -> 3.7.1, attrs none -> 1.0"
    )
    assert [(one.head, one.base) for one in found] == [(one.base, one.head) for one in b.differences(A)]


def test_another_build_of_one_version_is_a_difference() -> None:
    """A wheel that was built again under its old number."""
    b = msgspec.structs.replace(A, builds={"triton": "cc", "torch": "bb"})
    assert under_test(A.differences(b)) == "triton 3.6.0 (build aa) -> 3.6.0 (build cc)"
    assert under_test(A.differences(msgspec.structs.replace(A, builds={}))).startswith("two interpreters whose")


def test_many_differences_are_counted() -> None:
    b = msgspec.structs.replace(A, packages={**A.packages, **{f"p{number}": "1" for number in range(9)}})
    assert under_test(A.differences(b)).endswith("p5 none -> 1 and 3 more")


@pytest.mark.parametrize(("statuses", "worst"), [((0, 1, 3), 1), ((3, 0), 3), ((1, 5), 5), ((5, 4, 1), 4), ((0, 0), 0)])
def test_the_status_is_the_worst_of_all(statuses: tuple[int, ...], worst: int) -> None:
    others = tuple(Beside(A, (), None, "it died", ExitStatus(status)) for status in statuses)
    assert InterpreterMatrix(A, others).exit_status == worst


def test_an_interpreter_is_asked_for_what_an_import_finds(tmp_path: Path) -> None:
    """The package ahead on its path hides the installed one of that name; the others are those from here."""
    own = package(tmp_path / "own", "msgspec", "0.0.1", "")
    python = str(interpreter(tmp_path / "environment", (own,)))
    here, there = interpreter_of(sys.executable, "--pythons"), interpreter_of(python, "--pythons")
    assert there.packages["msgspec"] == "0.0.1" and here.packages["msgspec"] == msgspec.__version__
    assert {one.field for one in here.differences(there)} <= {"msgspec", "python", "pip", "setuptools", "wheel"}
