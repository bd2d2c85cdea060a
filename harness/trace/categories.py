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
from harness.trace.kernel_name import KernelName, kernel_name

UNCATEGORISED = "Uncategorised"
PUBLISHED = ("MoE", "Triton fused ops", "SDPA", "int4mm", "chunk_gated_delta_rule", "Router")
"""The six categories of the published breakdown that tables begin with."""

SCOPE = re.compile(r"harness:(?P<op>[a-z0-9_]+)@(?P<site>[a-z0-9_]+)#(?P<layer>\d+|-)$")
"""What a call of an op in our own decode is recorded under."""

AT_BORDERS = r"(?<![a-z])(?:{})(?![a-z])"
"""What is between two letters is a part of another word: `gemm` in `fbgemm`, `rope` in `property`."""

FILE = "categories.yaml"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """category: its name. scopes: ops of our own decode, `op` or `op@site`. rows: copies or memsets, by their kind.

    The others are regular expressions, searched without regard to case. words: in the words of a kernel's name, from
    one border of a word to another, `rms_?norm\\w*`; namespaces: the same in the namespace of the function; kernels: in
    the name as it is, without arguments; unless: in the words too, and then words and namespaces do not count.
    annotations: in the innermost `record_function` scope; ops: in the launching op. generic: such a name or op is part
    of many things, and goes behind the ops of all other rules. examples: kernel names that must hit this very rule;
    counter_examples: names that must not.
    """

    category: str
    scopes: tuple[str, ...] = ()
    rows: tuple[Literal["copy", "memset"], ...] = ()
    words: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    ops: tuple[str, ...] = ()
    generic: bool = False
    examples: tuple[str, ...] = ()
    counter_examples: tuple[str, ...] = ()

    @property
    def patterns(self) -> tuple[str, ...]:
        return (*self.words, *self.namespaces, *self.kernels, *self.unless, *self.annotations, *self.ops)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The long form of a file of rules. replace: the shipped rules are not used."""

    rules: list[Rule]
    replace: bool = False


class Rules:
    """Asked in this order: a scope of our own decode, since it knows; what a name or an annotation says, rule by rule;
    what the launching op says, rule by rule; then the same of the generic rules."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._scopes = {scope: rule.category for rule in reversed(self.rules) for scope in rule.scopes}
        matchers = [_Matcher(rule) for rule in self.rules]
        self._stages = [[m for m in matchers if m.rule.generic is generic] for generic in (False, True)]
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
        asked = kernel_name(name)
        for stage in self._stages:
            for found in stage:
                if kind in found.rule.rows or found.names(asked) or found.annotates(scope):
                    return found.rule
            for found in stage:
                if found.launches(op):
                    return found.rule
        return None


class _Matcher:
    """The patterns of a rule, compiled."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._words, self._unless = _compiled(rule.words, AT_BORDERS), _compiled(rule.unless, AT_BORDERS)
        self._namespaces = _compiled(rule.namespaces, AT_BORDERS)
        self._kernels = _compiled(rule.kernels)
        self._annotations, self._ops = _compiled(rule.annotations), _compiled(rule.ops)

    def names(self, name: KernelName) -> bool:
        if self._kernels and self._kernels.search(name.bare):
            return True
        said = (self._words and self._words.search(name.words)) or (
            self._namespaces and name.namespace and self._namespaces.search(name.namespace)
        )
        return bool(said) and not (self._unless and self._unless.search(name.words))

    def annotates(self, scope: str) -> bool:
        return bool(self._annotations and scope and self._annotations.search(scope))

    def launches(self, op: str) -> bool:
        return bool(self._ops and op and self._ops.search(op))


def load_rules(*more: Path) -> Rules:
    """The shipped rules, behind those of the files in `more`; without them where one of those says `replace: true`.

    Raises HarnessError naming the file and what is wrong in it.
    """
    files = [_read(path) for path in more]
    if not any(file.replace for file in files):
        from harness.suite.library import library_folder

        folder = library_folder()
        if folder is None:
            raise HarnessError(f"{FILE}: not beside the kernels and not installed")
        files.append(_read(folder / FILE, checked=True))
    return Rules([rule for file in files for rule in file.rules])


def _read(path: Path, checked: bool = False) -> _File:
    """checked: by tests, as the shipped rules are; to compile each pattern alone takes as long as all together."""
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), LOADER)
        file = msgspec.convert(found, _File) if isinstance(found, dict) else _File(msgspec.convert(found, list[Rule]))
        if not checked:
            _check_patterns(file.rules)
            Rules(file.rules)
    except OSError as error:
        raise HarnessError(f"{path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError, _BadPattern, re.error) as error:
        raise HarnessError(f"{path}: not a list of category rules: {' '.join(str(error).split())}") from error
    return file


class _BadPattern(ValueError):
    """A regular expression that is none."""


def _check_patterns(rules: Sequence[Rule]) -> None:
    for rule in rules:
        for pattern in rule.patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise _BadPattern(f"rule {rule.category}: {pattern!r}: {error}") from error


def _compiled(patterns: Sequence[str], form: str = "(?:{})") -> re.Pattern[str] | None:
    whole = "|".join(f"(?:{pattern})" for pattern in patterns)
    return re.compile(form.format(whole), re.IGNORECASE) if patterns else None
