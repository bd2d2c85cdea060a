"""A public function of `harness/` says which errors leave it."""

from __future__ import annotations

from tests.docs.raises import all_undocumented, undocumented


def test_every_public_function_that_raises_says_so() -> None:
    assert all_undocumented() == []


def test_a_function_that_does_not_say_so_is_found() -> None:
    """At any depth of its own statements; not a private one, nor for an error of Python, a caught one or one of a
    function within."""
    text = '''
class Reader:
    def read(self):
        """Read it."""
        with open("x") as file:
            if not file:
                raise HarnessError("empty")

    def _private(self):
        raise HarnessError("not seen")

def told(value):
    """Return it. Raises HarnessError for 0."""
    raise HarnessError(value)

def of_python():
    raise ValueError("a mistake of the caller")

def made():
    def within():
        raise CaseFailed("later")
    return within

def caught(value):
    try:
        raise CaseFailed(value)
    except (OSError, CaseFailed) as error:
        return str(error)

def matched(value):
    match value:
        case 0:
            try:
                return 1
            except OSError as error:
                raise errors.CaseFailed("0") from error
'''
    assert [(name, error) for _, name, error in undocumented(text)] == [
        ("read", "HarnessError"),
        ("matched", "CaseFailed"),
    ]
