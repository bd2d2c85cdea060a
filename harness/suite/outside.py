"""Suites whose engine runs outside of this program: from a file, or made of the words of a command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, get_args

import msgspec

from harness.errors import HarnessError, allowed
from harness.suite.format import NAME_PATTERN, SuiteFile
from harness.suite.nodes import Node
from harness.suite.reading import read_section
from harness.values.outside import OF_PROCESS, SELF_EXPLAINING, CommandEngine, Figure, OutsideEngine, ReadName, Settings
from harness.values.suite import Arm, ComparePolicy, Sections, Suite

INSIDE = (
    "model", "dtype", "weights", "routing", "kernels", "timer", "decode", "energy", "ops", "models", "shapes", "sweep",
)  # fmt: skip
"""Sections about kernels and models of this program."""
PROGRAMS = ("run", "start")
"""Keys of a program with its arguments."""
NEEDS_AT = ("regex", "json")
MOST_NAME = 60


def outside_suite(root: Node, file: SuiteFile, path: Path, text: str) -> Suite:
    """The suite of a file that has an `engine`. Raises SuiteError."""
    assert file.engine is not None
    for key in INSIDE:
        if key in root.value:
            raise root.key_error(key, "is about kernels and models of this program; this suite has an `engine` outside")
    kind, declared, section = _declared(root.value["engine"])
    arms = {name: _engine(kind, declared, section, arm) for name, arm in root.value["arms"].items()}
    if not arms:
        raise root.value["arms"].error("no arm: an empty one ({}) runs the engine as it is")
    figures = list(dict.fromkeys(name for engine in arms.values() for name in engine.figures))
    policy = file.compare
    if "compare" in root.value:
        policy = read_section(root.value["compare"], ComparePolicy, {"gate": figures})
    if "compare" not in root.value or "gate" not in root.value["compare"].value:
        policy = msgspec.structs.replace(policy, gate=tuple(figures))
    stated = {name: getattr(file, name) for name in Sections.__struct_fields__}
    return _suite(path, text, arms, **{**stated, "compare": policy})


def engine_of_arm(name: str, arm: Node) -> OutsideEngine:
    """The engine that an arm of a suite of models has of its own. Raises SuiteError."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise arm.error("is no name of an arm; allowed: letters, digits and _ . + -")
    for key in arm.value:
        if key != "engine":
            raise arm.key_error(key, "says nothing to an arm with an `engine` outside of this program")
    kind, declared, section = _declared(arm.value["engine"])
    return _engine(kind, declared, section, Node({}, arm.file, arm.line, arm.column, arm.path))


def _declared(node: Node) -> tuple[str, type[Settings], Node]:
    """The kind of an `engine:`, its settings and their node. Raises SuiteError unless there is exactly one kind."""
    found = read_section(node, OutsideEngine)
    kinds = list(node.value)
    if len(kinds) != 1:
        raise node.error("wanted exactly one engine", " and ".join(kinds), OutsideEngine.__struct_fields__)
    return kinds[0], type(found.settings), node.value[kinds[0]]


def command_suite(engine: CommandEngine, path: Path, policy: ComparePolicy) -> Suite:
    """The suite that `-- CMD` stands for. path: the file that it would have; the command runs in its folder. policy:
    its gates become all figures. Raises HarnessError."""
    name, arm = (_name(words) for words in (engine.run, Path(shlex.split(engine.run)[0]).name))
    for figure, facts in engine.figures.items():
        if problem := _problem(figure, facts):
            raise HarnessError(problem)
    policy = msgspec.structs.replace(policy, gate=tuple(engine.figures))
    text = msgspec.json.format(msgspec.json.encode(engine)).decode()
    return _suite(path, text, {arm: OutsideEngine(command=engine)}, name, title=engine.run, compare=policy)


def _name(words: str) -> str:
    """Words as the name of a suite or an arm."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", words).strip("-.+")[:MOST_NAME] or "command"


def _suite(path: Path, text: str, arms: dict[str, OutsideEngine], name: str = "", **stated: Any) -> Suite:
    return Suite(
        **{"version": 1, **stated}, name=name or path.stem, path=str(path.resolve()), text=text, architecture="",
        dims={}, arms={arm: Arm(arm, {}) for arm in arms}, kernels_root="", outside=arms,
    )  # fmt: skip


def _engine(kind: str, declared: type[Settings], section: Node, arm: Node) -> OutsideEngine:
    """The engine of an arm: the arm's own keys over those of the section."""
    if not re.fullmatch(NAME_PATTERN, arm.path.rpartition(".")[2]):
        raise arm.error("is no name of an arm; allowed: letters, digits and _ . + -")
    own = {} if arm.value is None else dict(arm.items())
    places = {**(section.key_places or {}), **(arm.key_places or {})}
    merged = Node({**dict(section.items()), **own}, arm.file, arm.line, arm.column, arm.path, places)
    settings: Settings = read_section(merged, declared)
    if settings.missing:
        raise merged.error(f"key {settings.missing} is missing, here and in `engine`")
    if isinstance(settings, CommandEngine):
        _check_figures(settings, merged)
    for key in PROGRAMS:
        _check_words(getattr(settings, key, ""), key, merged)
    found: dict[str, Any] = {kind: settings}
    return OutsideEngine(**found)


def _check_figures(settings: CommandEngine, merged: Node) -> None:
    for name, figure in settings.figures.items():
        if problem := _problem(name, figure):
            raise merged.value["figures"].value[name].error(problem)


def _check_words(command: str, key: str, merged: Node) -> None:
    try:
        if command and not shlex.split(command):
            raise ValueError("there is none")
    except ValueError as error:
        raise merged.value[key].error(f"cannot be split into words: {error}") from error


def _problem(name: str, figure: Figure) -> str:
    """The problem of a figure; empty where there is none."""
    if not re.fullmatch(NAME_PATTERN, name):
        return f"figure {name}: allowed: letters, digits and _ . + -"
    if figure.read in NEEDS_AT and not figure.at:
        return f"figure {name}: read: {figure.read} needs `at`"
    if figure.read == "regex":
        try:
            groups = re.compile(figure.at).groups
        except re.error as error:
            return f"figure {name}: at: {figure.at!r} is no pattern: {error}"
        if groups != 1:
            return f"figure {name}: at: {figure.at!r} has {groups} groups; wanted one, around the number"
    if figure.read in SELF_EXPLAINING and figure.unit:
        return f"figure {name}: unit: {figure.read} knows its own, {SELF_EXPLAINING[figure.read]}"
    if figure.read in OF_PROCESS and (figure.at or figure.file):
        return f"figure {name}: read: {figure.read} is not read from text; leave out `at` and `file`"
    return ""


def figure_of(read: str, at: str, unit: str, file: str) -> Figure:
    """A figure from the options of a command. Raises HarnessError."""
    if read not in get_args(ReadName):
        raise HarnessError(f"--read {read}: no such way to read a figure; {allowed(read, get_args(ReadName))}")
    return msgspec.convert({"read": read, "at": at, "unit": unit, "file": file}, Figure)
