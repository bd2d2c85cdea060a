"""Messages of the errors that a user reads, and the rules of their form, as far as a program can judge it.

`python -m tests.docs.errors` lists every message with its place.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.raises import ROOT

FOLDERS = ("harness", "reports", "kernels")
ROOT_ERROR = "HarnessError"
PLACE, OF_SYSTEM = "\N{REPLACEMENT CHARACTER}", "\N{WARNING SIGN}"
"""Stand for a value in a message, and for the words of the operating system."""
GENERIC = re.compile(
    r"(an? )?(bad|error|failed|failure|illegal|incorrect|invalid|oops|please|sorry|something|there was|unexpected"
    r"|wrong)\b",
    re.IGNORECASE,
)
HELPLESS = re.compile(r"(cannot|can't|could not|unable)\b", re.IGNORECASE)
"""Openings that name neither the thing that failed nor its place: the first ones after a place, too."""
OPTION = re.compile(rf"--?[a-z{PLACE}]")
NEXT = re.compile(r"\b(allowed|wanted|needs|give|name|leave|build|for|allows|without|stands|sees|both|beside)\b|;")
"""A part of a message on an option that says what to do, what is allowed, or for what the option is."""


@dataclass(frozen=True)
class Message:
    """A message at its place. Values are `PLACE`; text is empty where the whole message is a value."""

    place: str
    text: str

    @property
    def faults(self) -> Iterator[str]:
        if self.text == PLACE:
            return
        words = re.findall(r"[^\W\d_]{2,}", self.text)
        if len(words) < 2 and (PLACE not in self.text or OF_SYSTEM in self.text):
            yield "two words or more say what failed"
        if GENERIC.match(self.text.lstrip(f"{PLACE}: ")) or HELPLESS.match(self.text):
            yield "it opens with a word that fits every error"
        if self.text.endswith((".", "!")):
            yield "a line of a terminal has no full stop"
        if OPTION.match(self.text) and not NEXT.search(self.text) and not self.text.endswith((PLACE, OF_SYSTEM)):
            yield "a message on an option says what is allowed"


def messages(text: str, where: str, errors: set[str]) -> Iterator[Message]:
    """The messages of errors that are made here. errors: names of their classes."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in errors and node.args:
            yield Message(f"{where}:{node.lineno}", _text(node.args[0]))


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else _value(part) for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
        case _:
            return PLACE


def _value(node: ast.expr) -> str:
    return OF_SYSTEM if "strerror" in ast.unparse(node) else PLACE


def error_classes(texts: list[str]) -> set[str]:
    """`HarnessError` and all classes below it."""
    above: dict[str, set[str]] = {}
    for text in texts:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                above[node.name] = {base.id for base in node.bases if isinstance(base, ast.Name)}
    found, before = {ROOT_ERROR}, 0
    while len(found) > before:
        before = len(found)
        found |= {name for name, bases in above.items() if bases & found}
    return found


def all_messages() -> list[Message]:
    """Every message of the program."""
    texts = {path: path.read_text("utf-8") for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))}
    errors = error_classes(list(texts.values()))
    return [message for path, text in texts.items() for message in messages(text, str(path.relative_to(ROOT)), errors)]


if __name__ == "__main__":
    for message in all_messages():
        print(message.place, message.text.replace(PLACE, "{}"), *message.faults, sep="  ")
