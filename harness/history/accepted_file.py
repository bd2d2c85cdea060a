"""Accepted changes and notes of a suite as a file in git, so that they are reviewed as code is.

`suites/NAME.history.yaml` is a list. `harness accept` and `harness note` add an entry at its end and leave the rest as
it is, including comments.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec
import yaml

from harness.errors import HarnessError
from harness.values.event import Acceptance, Event, Note

HEAD = """\
# Changes of {suite} that are accepted, and notes on its history. `harness accept` and `harness note` add to it.
"""


class _Entry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of the file.

    accept: The id of a case. An entry has either this or note.
    note: The id of a case. Empty for all cases.
    """

    commit: str
    by: str
    at: str
    id: str
    accept: str | None = None
    note: str | None = None
    why: str = ""
    text: str = ""
    at_most_percent: float | None = None


def file_of(suite: Path) -> Path:
    """The history file beside the suite."""
    return suite.with_name(f"{suite.stem}.history.yaml")


def read(suite: Path) -> list[Event]:
    """The events in the order of the file. Empty without a file. Raises HarnessError, naming the entry, if one is
    malformed."""
    path = file_of(suite)
    if not path.is_file():
        return []
    try:
        plain = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader) or []
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path}: no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(plain, list):
        raise HarnessError(f"{path}: allowed: a list of entries with `accept` or `note`")
    return [_event(item, number, suite.stem, path) for number, item in enumerate(plain, 1)]


def read_all(root: Path, suites: Collection[str]) -> list[Event]:
    """The events of the named suites in a repository or folder. The files lie beside its suites, or at its top."""
    places = [folder / f"{name}.yaml" for name in sorted(suites) for folder in (root / "suites", root)]
    return [event for place in places for event in read(place)]


def _event(item: object, number: int, suite: str, path: Path) -> Event:
    where = f"{path}: entry {number}"
    try:
        entry = msgspec.convert(item, _Entry, strict=False)
    except msgspec.ValidationError as error:
        raise HarnessError(f"{where}: {error}") from error
    if (entry.accept is None) == (entry.note is None):
        raise HarnessError(f"{where}: allowed: either `accept: CASE` or `note: CASE`")
    if entry.note is not None:
        return Note(entry.id, entry.at, entry.by, suite, entry.note, entry.commit, entry.text)
    if not entry.accept or not entry.why or entry.at_most_percent is None:
        raise HarnessError(f"{where}: an accepted change has `accept`, `why` and `at_most_percent`")
    return Acceptance(entry.id, entry.at, entry.by, suite, entry.accept, entry.commit, entry.why, entry.at_most_percent)


def add(suite: Path, found: Sequence[Acceptance | Note]) -> Path:
    """Writes entries at the end of the suite's file. Raises HarnessError if it cannot be written."""
    path = file_of(suite)
    text = "".join(_text(event) for event in found)
    try:
        if not path.exists():
            path.write_text(HEAD.format(suite=suite.name), encoding="utf-8")
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror}") from error
    return path


def _text(event: Acceptance | Note) -> str:
    first = "accept" if isinstance(event, Acceptance) else "note"
    fields: dict[str, object] = {first: event.case, "commit": event.commit}
    if isinstance(event, Acceptance):
        fields |= {"at_most_percent": event.at_most_percent, "why": event.why}
    else:
        fields |= {"text": event.text}
    fields |= {"by": event.by, "at": event.at, "id": event.uuid}
    lines = [f"{name}: {_quoted(value)}" for name, value in fields.items()]
    return f"- {lines[0]}\n" + "".join(f"  {line}\n" for line in lines[1:])


def _quoted(value: object) -> str:
    """The value as JSON, which YAML reads alike. Unprintable characters become YAML's own escapes."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
