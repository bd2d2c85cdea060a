"""Which category a kernel belongs to: ordered rules as data, first match wins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import msgspec
import yaml

from harness.errors import HarnessError

UNCATEGORISED = "Uncategorised"
SCOPE = re.compile(r"harness:(?P<op>[a-z0-9_]+)@(?P<site>[a-z0-9_]+)#")
FILE = "categories.yaml"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """category: its name. scopes: ops of our own decode, `op` or `op@site`. kernels, ops: regular expressions searched,
    without regard to case, in a kernel's name (argument list removed) and in the launching op's. examples: kernel
    names that must hit this very rule; counter_examples: names that must not."""

    category: str
    scopes: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    ops: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    counter_examples: tuple[str, ...] = ()


class Rules:
    """Scopes of our own decode are asked first, since they know; then all kernel patterns in order, then all op
    patterns."""

    def __init__(self, rules: Sequence[Rule], where: str = "") -> None:
        self.rules = tuple(rules)
        self._scopes = {scope: rule.category for rule in reversed(self.rules) for scope in rule.scopes}
        self._kernels = [(rule, _compiled(rule, rule.kernels, where)) for rule in self.rules if rule.kernels]
        self._ops = [(rule, _compiled(rule, rule.ops, where)) for rule in self.rules if rule.ops]
        self.category = lru_cache(maxsize=None)(self._category)

    def _category(self, name: str, op: str, scope: str) -> str:
        ours = SCOPE.match(scope)
        if ours:
            exact = self._scopes.get(f"{ours['op']}@{ours['site']}", self._scopes.get(ours["op"]))
            if exact is not None:
                return exact
        rule = self.rule_for(name) or next((rule for rule, pattern in self._ops if op and pattern.search(op)), None)
        return rule.category if rule else UNCATEGORISED

    def rule_for(self, name: str) -> Rule | None:
        """The first rule whose kernel patterns match a name."""
        bare = without_arguments(name)
        return next((rule for rule, pattern in self._kernels if pattern.search(bare)), None)

    @property
    def order(self) -> list[str]:
        """Category names in the order of the rules."""
        return list(dict.fromkeys(rule.category for rule in self.rules))


def without_arguments(name: str) -> str:
    """`void f<int4>(int4*, float)` -> `f<int4>`: an argument's type is no hint of what a kernel does."""
    if name.endswith(")"):
        depth = 0
        for at in range(len(name) - 1, -1, -1):
            depth += (name[at] == ")") - (name[at] == "(")
            if depth == 0:
                name = name[:at] or name
                break
    return name.removeprefix("void ")


def load_rules(*more: Path) -> Rules:
    """The shipped rules, behind those of the files in `more`. Raises HarnessError naming file and rule."""
    from harness.suite.models import library_folder

    folder = library_folder()
    if folder is None:
        raise HarnessError(f"{FILE}: not beside the kernels and not installed")
    return Rules([rule for path in (*more, folder / FILE) for rule in _read(path)], FILE)


def _read(path: Path) -> list[Rule]:
    try:
        found = msgspec.convert(yaml.safe_load(path.read_text()), type=list[Rule])
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise HarnessError(f"{path}: not a list of category rules: {' '.join(str(error).split())}") from error
    return found


def _compiled(rule: Rule, patterns: Sequence[str], where: str) -> re.Pattern[str]:
    try:
        return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
    except re.error as error:
        raise HarnessError(f"{where}: rule {rule.category}: {error}") from error
