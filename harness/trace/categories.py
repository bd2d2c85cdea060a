"""The category of a kernel: ordered rules as data, first match wins."""

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
"""The six categories of the published breakdown, which come first in tables."""

SCOPE = re.compile(r"harness:(?P<op>[a-z0-9_]+)@(?P<site>[a-z0-9_]+)#(?P<layer>\d+|-)$")
"""The scope under which our own decode records a call of an op."""

AT_BORDERS = r"(?<![a-z])(?:{})(?![a-z])"
"""A pattern for whole words. Text between two letters is part of another word: `gemm` in `fbgemm`, `rope` in
`property`."""

FILE = "categories.yaml"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A category and the names that belong to it. All fields from `words` to `ops` are regular expressions, searched
    without regard to case."""

    category: str
    """Its name."""
    scopes: tuple[str, ...] = ()
    """Ops of our own decode, `op` or `op@site`."""
    rows: tuple[Literal["copy", "memset"], ...] = ()
    """Copies or memsets, by their kind."""
    words: tuple[str, ...] = ()
    """Searched in the words of a kernel's name, from one border of a word to another, `rms_?norm\\w*`."""
    namespaces: tuple[str, ...] = ()
    """As `words`, in the namespace of the function."""
    kernels: tuple[str, ...] = ()
    """Searched in the unchanged name, without arguments."""
    unless: tuple[str, ...] = ()
    """Searched in the words, too; a match disables `words` and `namespaces`."""
    annotations: tuple[str, ...] = ()
    """Searched in the innermost `record_function` scope."""
    ops: tuple[str, ...] = ()
    """Searched in the launching op."""
    generic: bool = False
    """Such a name or op is part of many things: the rule comes after the ops of all other rules."""
    examples: tuple[str, ...] = ()
    """Kernel names that must match this very rule."""
    counter_examples: tuple[str, ...] = ()
    """Kernel names that must not."""

    @property
    def patterns(self) -> tuple[str, ...]:
        return (*self.words, *self.namespaces, *self.kernels, *self.unless, *self.annotations, *self.ops)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The long form of a file of rules. replace: do not use the shipped rules."""

    rules: list[Rule]
    replace: bool = False


class Rules:
    """The category rules. First a scope of our own decode decides, since it knows the op; then a name or annotation,
    rule by rule; then the launching op, rule by rule. The generic rules follow in the same order."""

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
    """The rules of the files in `more`, then the shipped rules unless one of these files has `replace: true`.

    Raises HarnessError that names the file and its mistake.
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
    """checked: the patterns are valid, as tests ensure for the shipped rules; to compile each pattern alone takes as
    long as all together."""
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), LOADER)
        file = msgspec.convert(found, _File) if isinstance(found, dict) else _File(msgspec.convert(found, list[Rule]))
        if not checked:
            _check_patterns(file.rules)
            Rules(file.rules)
    except OSError as error:
        raise HarnessError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError, _BadPattern, re.error) as error:
        raise HarnessError(f"{path}: not a list of category rules: {' '.join(str(error).split())}") from error
    return file


class _BadPattern(ValueError):
    """An invalid regular expression."""


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
