"""An error's message starts with what failed and ends with what to do or what is allowed."""

from __future__ import annotations

import pytest

from tests.docs.errors import all_messages, error_classes, messages

ERRORS = {"HarnessError", "CaseFailed"}


def test_every_message_has_the_form() -> None:
    found = all_messages()
    assert len(found) > 400
    assert [f"{one.place}: {fault}" for one in found for fault in one.faults] == []


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        ('f"{path}: {error.strerror}"', "two words"),
        ('"failure"', "two words"),
        ('"invalid value for the timer"', "fits every error"),
        ('f"{path}: invalid content of the file"', "fits every error"),
        ('"cannot read the file of rules"', "fits every error"),
        ('"An error occurred in the worker"', "fits every error"),
        ('f"--rounds {text}: is no number of rounds"', "what is allowed"),
        ('"--rounds: it is too small."', "full stop"),
        ('f"--format {name} is " + "not known"', "what is allowed"),
    ],
)
def test_a_message_without_the_form_is_found(made: str, fault: str) -> None:
    (one,) = messages(f"raise CaseFailed({made})", "here", ERRORS)
    assert any(fault in said for said in one.faults)


@pytest.mark.parametrize(
    "made",
    [
        'f"--rounds {text}: allowed: whole numbers above 0"',
        'f"{path}: cannot be read: {error.strerror}"',
        'f"unknown op {op}; {allowed(op, names)}"',
        "said",
    ],
)
def test_a_message_with_the_form_is_not(made: str) -> None:
    (one,) = messages(f"raise HarnessError({made})", "here", ERRORS)
    assert list(one.faults) == []


def test_errors_below_errors_are_known() -> None:
    text = "class A(HarnessError): ...\nclass B(A): ...\nclass C(Exception): ..."
    assert error_classes([text]) == {"HarnessError", "A", "B"}
