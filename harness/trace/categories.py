"""Which category a kernel belongs to: ordered rules as data, first match wins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from harness.errors import HarnessError

UNCATEGORISED = "Uncategorised"
PUBLISHED = ("MoE", "Triton fused ops", "SDPA", "int4mm", "chunk_gated_delta_rule", "Router")
"""The six categories of the published breakdown that tables begin with."""

SCOPE = re.compile(r"harness:(?P<op>[a-z0-9_]+)@(?P<site>[a-z0-9_]+)#(?P<layer>\d+|-)$")
"""What a call of an op in our own decode is recorded under."""

FILE = "categories.yaml"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """category: its name. scopes: ops of our own decode, `op` or `op@site`. rows: copies or memsets, by their kind.

    kernels, annotations, ops: regular expressions that are searched, without regard to case, in a kernel's name
    (argument list removed), in the innermost `record_function` scope and in the launching op. examples: kernel names
    that must hit this very rule; counter_examples: names that must not.
    """

    category: str
    scopes: tuple[str, ...] = ()
    rows: tuple[Literal["copy", "memset"], ...] = ()
    kernels: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    ops: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    counter_examples: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The long form of a file of rules. replace: the shipped rules are not used."""

    rules: list[Rule]
    replace: bool = False


class Rules:
    """A scope of our own decode is asked first, since it knows; then `rows`, `kernels` and `annotations` of each rule
    in order; then, for names that say nothing, `ops` of each rule in order."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._scopes = {scope: rule.category for rule in reversed(self.rules) for scope in rule.scopes}
        self._patterns = [
            (rule, _compiled(rule, rule.kernels), _compiled(rule, rule.annotations), _compiled(rule, rule.ops))
            for rule in self.rules
        ]
        self.rule_for = lru_cache(maxsize=None)(self._rule_for)

    def category(self, name: str, op: str = "", scope: str = "", kind: str = "kernel") -> str:
        """The category of a GPU row (or CPU op, kind `op`) by its name, launching op and innermost scope."""
        ours = SCOPE.match(scope)
        if ours:
            exact = self._scopes.get(f"{ours['op']}@{ours['site']}", self._scopes.get(ours["op"]))
            if exact is not None:
                return exact
        rule = self.rule_for(name, op, "" if ours else scope, kind)
        return rule.category if rule else UNCATEGORISED

    def _rule_for(self, name: str, op: str = "", scope: str = "", kind: str = "kernel") -> Rule | None:
        bare = without_arguments(name)
        for rule, in_name, in_scope, _ in self._patterns:
            if kind in rule.rows or (in_name and in_name.search(bare)):
                return rule
            if in_scope and scope and in_scope.search(scope):
                return rule
        return next((rule for rule, _, _, in_op in self._patterns if in_op and op and in_op.search(op)), None)


def without_arguments(name: str) -> str:
    """`void f<int4>(int4*, float)` -> `f<int4>`: the type of an argument is no hint of what a kernel does."""
    name = re.sub(r"( \[clone [^\]]*\]| \[?\(?\.kd\)?\]?|\.kd)+$", "", name)
    if name.endswith(")"):
        depth = 0
        for at in range(len(name) - 1, -1, -1):
            depth += (name[at] == ")") - (name[at] == "(")
            if depth == 0:
                name = name[:at].rstrip() or name
                break
    return name.removeprefix("void ")


def load_rules(*more: Path) -> Rules:
    """The shipped rules, behind those of the files in `more`; without them where one of those says `replace: true`.

    Raises HarnessError naming the file and what is wrong in it.
    """
    files = [_read(path) for path in more]
    if not any(file.replace for file in files):
        from harness.suite.models import library_folder

        folder = library_folder()
        if folder is None:
            raise HarnessError(f"{FILE}: not beside the kernels and not installed")
        files.append(_read(folder / FILE))
    return Rules([rule for file in files for rule in file.rules])


def _read(path: Path) -> _File:
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), LOADER)
        file = msgspec.convert(found, _File) if isinstance(found, dict) else _File(msgspec.convert(found, list[Rule]))
        Rules(file.rules)
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError, _BadPattern) as error:
        raise HarnessError(f"{path}: not a list of category rules: {' '.join(str(error).split())}") from error
    return file


class _BadPattern(ValueError):
    """A regular expression that is none."""


def _compiled(rule: Rule, patterns: Sequence[str]) -> re.Pattern[str] | None:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise _BadPattern(f"rule {rule.category}: {pattern!r}: {error}") from error
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE) if patterns else None
