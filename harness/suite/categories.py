"""The section `categories` of a suite: rules that go before the shipped ones, or take their place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.suite.catalogue import ops
from harness.suite.nodes import Node, parse
from harness.suite.rules import Field, JsonSchema, ListOf, Section, Text, Word
from harness.trace.categories import Rules, wrong_example
from harness.values.category import Rule, RuleSet

SCOPE = re.compile(r"[a-z0-9_]+(@[a-z0-9_]+)?")


@dataclass(frozen=True)
class Pattern:
    """A regular expression."""

    def read(self, node: Node) -> str:
        text = Text().read(node)
        try:
            re.compile(text)
        except re.error as error:
            raise node.error(f"{node.shown} is not a regular expression: {error}") from error
        return text

    def schema(self) -> JsonSchema:
        return {"type": "string", "minLength": 1, "format": "regex"}


@dataclass(frozen=True)
class Scope:
    """An op of ours, or one at a site: `int4_mm`, `int4_mm@lm_head`."""

    def read(self, node: Node) -> str:
        text = Text().read(node)
        if not SCOPE.fullmatch(text):
            raise node.error(f"{node.shown} is no op and no op@site")
        op = text.partition("@")[0]
        if op not in ops():
            raise node.error(f"unknown op {op}", op, ops())
        return text

    def schema(self) -> JsonSchema:
        return {"type": "string", "pattern": f"^{SCOPE.pattern}$"}


@dataclass(frozen=True)
class Flag:
    def read(self, node: Node) -> bool:
        if not isinstance(node.value, bool):
            raise node.error(f"{node.shown} is neither true nor false")
        return node.value

    def schema(self) -> JsonSchema:
        return {"type": "boolean"}


def rules_in(text: str, file: str) -> RuleSet | None:
    """The rules of a suite; None where it has no such section.

    Raises SuiteError for the first thing that is wrong in them.
    """
    section = dict(parse(text, file).items()).get("categories")
    return None if section is None else Categories().read(section)


_RULE = Section({
    "category": Field(Text(), "its name in the table", required=True),
    "scopes": Field(ListOf(Scope()), "ops of the suite's own decode, op or op@site", default=()),
    "rows": Field(ListOf(Word("kind of row", lambda: ("copy", "memset"))), "copies, memsets", default=()),
    "kernels": Field(ListOf(Pattern()), "searched in a kernel's name without its arguments", default=()),
    "annotations": Field(ListOf(Pattern()), "searched in the innermost record_function scope", default=()),
    "ops": Field(ListOf(Pattern()), "searched in the launching op, where the name says nothing", default=()),
    "examples": Field(ListOf(Text()), "kernel names that must hit this rule", default=()),
    "counter_examples": Field(ListOf(Text()), "kernel names that must not", default=()),
})  # fmt: skip


@dataclass(frozen=True)
class Categories:
    """A list of rules, or `{replace: true, rules: [...]}`."""

    def read(self, node: Node) -> RuleSet:
        if node.is_list:
            return RuleSet(self._rules(node))
        form = Section({
            "rules": Field(_Rules(), "in their order", required=True),
            "replace": Field(Flag(), "the shipped rules are not used", default=False),
        })  # fmt: skip
        values = form.read(node)
        return RuleSet(self._rules(values["rules"]), values["replace"])

    def _rules(self, node: Node) -> tuple[Rule, ...]:
        rules = []
        for child in node.elements():
            rule = Rule(**_RULE.read(child))
            if not (rule.scopes or rule.rows or rule.kernels or rule.annotations or rule.ops):
                raise child.error(
                    "a rule that nothing can match", "", ["annotations", "kernels", "ops", "rows", "scopes"]
                )
            rules.append(rule)
        asked = Rules(rules)
        for at, rule in enumerate(rules):
            wrong = wrong_example(asked, rule)
            if wrong:
                raise node.elements()[at].error(wrong)
        return tuple(rules)

    def schema(self) -> JsonSchema:
        rules = _Rules().schema()
        long = {
            "type": "object",
            "properties": {"rules": rules, "replace": Flag().schema()},
            "required": ["rules"],
            "additionalProperties": False,
        }
        return {"anyOf": [rules, long]}


@dataclass(frozen=True)
class _Rules:
    """Read by `Categories`, which knows all of them."""

    def read(self, node: Node) -> Node:
        node.elements()
        return node

    def schema(self) -> JsonSchema:
        return {"type": "array", "items": _RULE.schema(), "minItems": 1}
