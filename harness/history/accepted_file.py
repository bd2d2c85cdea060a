"""Accepted changes and notes of a suite as a file in git, so that they are reviewed as code is.

`suites/NAME.history.yaml` is a list. `harness accept` and `harness note` add an entry at its end and leave the rest as
it is, including comments.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec
import yaml

from harness.errors import HarnessError
from harness.values.event import Acceptance, Event, Note

LONGEST = 60
"""Characters of a suite's name that a file can have, in any script."""
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
    malformed or has the id of an earlier one."""
    path = file_of(suite)
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise HarnessError(f"{path}: no YAML: {error}") from error
    return _events(text, suite.stem, path)


def _events(text: str, suite: str, path: Path) -> list[Event]:
    try:
        plain = yaml.load(text, Loader=yaml.BaseLoader) or []
    except yaml.YAMLError as error:
        raise HarnessError(f"{path}: no YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise HarnessError(f"{path}: nested too deeply") from error
    if not isinstance(plain, list):
        raise HarnessError(f"{path}: allowed: a list of entries with `accept` or `note`")
    found = [_event(item, number, suite, path) for number, item in enumerate(plain, 1)]
    first: dict[str, int] = {}
    for number, event in enumerate(found, 1):  # events are one by their id: of two, one would silently not count
        if first.setdefault(event.uuid, number) != number:
            raise HarnessError(
                f"{path}: entry {number}: id {event.uuid} is entry {first[event.uuid]}'s; allowed: its own"
            )
    return found


def read_all(root: Path, suites: Collection[str]) -> list[Event]:
    """The events of the named suites in a repository or folder. The files lie beside its suites, or at its top."""
    names = [name for name in sorted(suites) if "/" not in name and len(name) <= LONGEST]  # an imported run has any
    places = [folder / f"{name}.yaml" for name in names for folder in (root / "suites", root)]
    return [event for place in places for event in read(place)]


def _event(item: object, number: int, suite: str, path: Path) -> Event:
    where = f"{path}: entry {number}"
    try:
        entry = msgspec.convert(item, _Entry, strict=False)
        msgspec.json.encode(entry)
    except msgspec.ValidationError as error:
        raise HarnessError(f"{where}: {error}") from error
    except UnicodeEncodeError as error:  # half of a surrogate pair, which YAML can spell
        raise HarnessError(f"{where}: {error.object[error.start : error.end]!r} is no character") from error
    if (entry.accept is None) == (entry.note is None):
        raise HarnessError(f"{where}: allowed: either `accept: CASE` or `note: CASE`")
    if entry.note is not None:
        return Note(entry.id, entry.at, entry.by, suite, entry.note, entry.commit, entry.text)
    if not entry.accept or not entry.why or entry.at_most_percent is None:
        raise HarnessError(f"{where}: an accepted change has `accept`, `why` and `at_most_percent`")
    if not (math.isfinite(entry.at_most_percent) and entry.at_most_percent >= 0):
        raise HarnessError(f"{where}: at_most_percent {entry.at_most_percent}; allowed: 0 and above, finite")
    return Acceptance(entry.id, entry.at, entry.by, suite, entry.accept, entry.commit, entry.why, entry.at_most_percent)


def add(suite: Path, found: Sequence[Acceptance | Note]) -> Path:
    """Writes entries at the end of the suite's file. Raises HarnessError, with the file as it was, if it cannot be
    written, or if its list is in a form that takes none at its end, such as `[]`."""
    path = file_of(suite)
    known = read(suite)
    new = "".join(_text(event) for event in found)
    try:
        old = path.read_text(encoding="utf-8") if path.exists() else HEAD.format(suite=suite.name)
        new = "\n" * (not old.endswith("\n")) + new  # the last line of an editor that ends none
        if not _extends(old + new, [*known, *found], suite.stem, path):
            raise HarnessError(f"{path}: takes no entry at its end; allowed: entries that begin with `- ` in column 1")
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(new if path.stat().st_size else old + new)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written: {error.strerror}") from error
    return path


def _extends(text: str, wanted: Sequence[Event], suite: str, path: Path) -> bool:
    try:
        return _events(text, suite, path) == list(wanted)
    except HarnessError:
        return False


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
